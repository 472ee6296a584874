"""a client at rest sends the checksum of its text, once at each revision"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from ot.checksum import text_crc32
from ot.client import Client
from ot.messages import Checksum, Welcome, encode

__all__ = ["Comparison", "compare"]

# Without an edit of anybody for so long, the text is compared with the server's; whether it is to
# be is looked at so often.
_REST_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 5.0


class Comparison:
    """What a client knows of its own rest."""

    def __init__(self) -> None:
        # When the text changed last, in seconds that never go back; and the revision that was
        # compared last.
        self._moved_at = 0.0
        self._compared: int | None = None

    def moved(self) -> None:
        """The text has changed."""
        self._moved_at = time.monotonic()

    def due(self, machine: Client, text: str, welcome: Welcome | None) -> Checksum | None:
        """What there is to send: if all has been at rest for a while, at a revision that was not
        compared yet.
        """
        if (
            welcome is None
            or time.monotonic() - self._moved_at < _REST_SECONDS
            or machine.pending
            or self._compared == machine.revision
            # An older server takes a checksum for a mistake.
            or int(welcome.protocol.split(".")[1]) < 2
        ):
            return None
        self._compared = machine.revision
        return Checksum(machine.revision, len(text), text_crc32(text))


async def compare(
    socket: aiohttp.ClientWebSocketResponse, due: Callable[[], Checksum | None]
) -> None:
    """Send what `Comparison.due` says. It is asked whatever else comes meanwhile: while others move
    their carets, the text may be at rest for hours.
    """
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        checksum = due()
        if checksum is not None:
            await socket.send_str(encode(checksum).decode())
