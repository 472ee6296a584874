"""one connection: its session, its line, and the cursor sender

A connection has no queue. When something is committed, what lies between its cursor and there is
sent: at once, in the call that tells of it, while the line is free. Everybody is at the same cursor
then, and shares the bytes. While the line is full, or the next frame takes long to make, a task
waits for it. More is committed meanwhile, and the next frame carries all of it: batches form under
load by themselves, and nobody waits for a slow reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from ot.errors import CODES, DeltapadError, UnavailableError
from ot.messages import encode, error_message
from server.pad import Pad
from server.session import Session
from server.storage import StorageError

__all__ = ["Connection", "Wire", "close", "told"]

_log = logging.getLogger("deltapad.connection")


class Wire(Protocol):
    """An open line to one client, frame by frame. It may end at any moment."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""

    @property
    def full(self) -> bool:
        """Whether the client is slow to read, so that what is written now would wait here."""

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        """The next frame, None when there will be no more.

        Raises TimeoutError after `seconds_max`, ProtocolError `bad_json` for a frame that is
        not text.
        """

    def write(self, frame: bytes) -> None:
        """Put a frame on its way. Raises ConnectionError."""

    async def drain(self) -> None:
        """Wait while the line is full. Raises ConnectionError."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye. Raises ConnectionError."""


class Connection:
    """A session on a pad, and the line to its client."""

    __slots__ = ("_open", "_pad", "_task", "_wire", "ended", "session")

    def __init__(self, wire: Wire, pad: Pad) -> None:
        self.session = Session()
        # Why the server ends it, if it does.
        self.ended: DeltapadError | None = None
        self._wire = wire
        self._pad = pad
        # From the welcome on, and until there is nobody to send to.
        self._open = False
        # Waits for the line, or for a frame; there is none while the client has everything.
        self._task: asyncio.Task[None] | None = None

    def begin(self, welcome: bytes) -> None:
        """Send the first frame, and from now on whatever follows. Raises ConnectionError."""
        self._wire.write(welcome)
        self._open = True
        self.wake()

    def wake(self) -> None:
        """Something has changed: send what of it the client does not have."""
        if self._open and self._task is None and not self._send():
            self._task = asyncio.create_task(self._send_slowly())

    def end(self, error: DeltapadError) -> None:
        """Say `error` to the client, and close."""
        if self.ended is None:
            self.ended = error
        self.wake()

    async def stop(self) -> None:
        """The conversation is over: send nothing any more."""
        self._open = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _send(self) -> bool:
        """Send what can be sent without waiting; whether that is all there is."""
        pad, session, wire = self._pad, self.session, self._wire
        try:
            while self.ended is None:
                if not pad.has_news(session):
                    return True
                frame = None if wire.full else pad.next_frame(session)
                if frame is None:
                    return False
                wire.write(frame)
        except ConnectionError:
            # Its reader is told too, and ends the conversation.
            self._open = False
            return True
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            self.ended = told(error)
        return False

    async def _send_slowly(self) -> None:
        """The same, with waiting, until there is nothing left."""
        try:
            while not self._send():
                if self.ended is not None:
                    self._open = False
                    await close(self._wire, self.ended)
                    return
                await self._wire.drain()
                await self._pad.make_frame(self.session)
        except ConnectionError:
            self._open = False
        except Exception as error:  # noqa: BLE001 - as above
            self._open = False
            await close(self._wire, told(error))
        finally:
            self._task = None


async def close(wire: Wire, error: DeltapadError) -> None:
    """Say what is wrong, and close; the peer may be gone already."""
    with contextlib.suppress(ConnectionError):
        if not wire.closed:
            wire.write(encode(error_message(error)))
    with contextlib.suppress(ConnectionError):
        await wire.close(CODES[error.code].close_code, error.code)


def told(error: Exception) -> DeltapadError:
    """An error as the client is told of it; one that is not the client's doing is logged."""
    if isinstance(error, DeltapadError):
        return error
    if isinstance(error, StorageError):
        _log.error("store: %s", error)
    else:
        _log.error("a bug, by which one connection was lost", exc_info=error)
    return UnavailableError("storage_failed", "the server could not do it now; try again")
