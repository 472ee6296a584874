"""how long a request may take to arrive: its header, and its body

aiohttp waits for ever for the end of a header, and holds a task and a parser meanwhile. So a
connection gets to it only with the whole header of its first request; until then it is an object
and a timer. Between requests aiohttp has a deadline of its own. It waits for ever, too, for who
does not read an answer; for that the system has one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp import web

__all__ = ["HEADER_BYTES_MAX", "UNREAD_SECONDS_MAX", "Doorstep", "body_deadline"]

# Browsers send some 1 KB, with long cookies 8 KB; aiohttp refuses a single line of more than that.
HEADER_BYTES_MAX: Final = 32_768
# What was sent and nobody has taken in this time, is not waited for: it takes memory, also of the
# pad that it is about, and holds up the end of the server. As long as a WebSocket may stand still.
UNREAD_SECONDS_MAX: Final = 60.0
_END: Final = b"\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Doorstep(asyncio.Protocol):
    """A connection until the header of its first request is here."""

    __slots__ = ("_come", "_seconds_max", "_server", "_timer", "_transport")

    def __init__(self, server: Callable[[], asyncio.Protocol], *, seconds_max: float) -> None:
        """`server` makes the protocol that takes over; who takes longer is cut off."""
        self._server = server
        self._seconds_max = seconds_max
        self._come = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        # uvloop's own class is not derived from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds_max, self._transport.abort)
        # Linux knows what the peer has taken; elsewhere a peer may stand still.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            line = self._transport.get_extra_info("socket")
            milliseconds = int(1_000 * UNREAD_SECONDS_MAX)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """A piece of the header."""
        known = max(0, len(self._come) - len(_END))
        self._come += data
        end = self._come.find(_END, known)
        # Also where all of it comes in one piece; behind its end there may be a body.
        if (len(self._come) if end < 0 else end) > HEADER_BYTES_MAX:
            self._transport.write(_TOO_LARGE)
            self._transport.close()
        elif end >= 0:
            self._timer.cancel()
            handler = self._server()
            self._transport.set_protocol(handler)
            handler.connection_made(self._transport)
            handler.data_received(bytes(self._come))


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def body_deadline(seconds: float) -> Any:
    """A middleware: a request with a body is answered within `seconds`, or refused."""

    @web.middleware
    async def within(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.can_read_body:
            return await handler(request)
        try:
            async with asyncio.timeout(seconds):
                return await handler(request)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None

    return within
