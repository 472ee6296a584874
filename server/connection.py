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
from collections.abc import Awaitable, Callable
from typing import Protocol

from ot.errors import CODES, DeltapadError, UnavailableError
from ot.messages import encode, error_message
from server.pad import Pad
from server.session import Session
from server.storage import ClosedError, StorageError

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

    def write(self, *parts: bytes) -> None:
        """Put a frame, which may be in parts, on its way. Raises ConnectionError."""

    async def drain(self) -> None:
        """Wait while the line is full. Raises ConnectionError."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye. Raises ConnectionError."""


class Connection:
    """A session on a pad, and the line to its client."""

    __slots__ = ("_beside", "_open", "_pad", "_task", "_wire", "ended", "session", "view_key")

    def __init__(self, wire: Wire, pad: Pad, view_key: str | None = None) -> None:
        """`view_key` is that of the view-only link that it came by; None by the edit link."""
        self.session = Session("write" if view_key is None else "read")
        self.view_key = view_key
        # Why the server ends it, if it does.
        self.ended: DeltapadError | None = None
        self._wire = wire
        self._pad = pad
        # From the welcome on, and until there is nobody to send to.
        self._open = False
        # Waits for the line, or for a frame; there is none while the client has everything.
        self._task: asyncio.Task[None] | None = None
        # What the client has asked for that waits for the disk.
        self._beside: asyncio.Task[None] | None = None

    def begin(self, *welcome: bytes) -> None:
        """Send the first frame, in parts, and from now on whatever follows. Raises
        ConnectionError.
        """
        self._wire.write(*welcome)
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

    async def do_beside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have something done that waits for the disk, while the client is listened to: its pings
        are answered, however long the disk takes. One at a time; what it raises ends the
        connection.
        """
        if self._beside is not None:
            await self._beside
        self._beside = asyncio.create_task(self._do(work))

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            self.end(told(error))
        finally:
            self._beside = None

    async def stop(self) -> None:
        """The conversation is over: send nothing any more, and finish what was asked for."""
        self._open = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._beside is not None:
            await self._beside

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
                frame = await self._pad.make_frame(self.session)
                if frame is not None and self.ended is None:
                    self._wire.write(frame)
        except ConnectionError:
            self._open = False
        except Exception as error:  # noqa: BLE001 - as above
            self._open = False
            # Such as a log that is not there: the pad was deleted meanwhile, which was to be told.
            await close(self._wire, self.ended or told(error))
        finally:
            self._task = None


async def close(wire: Wire, error: DeltapadError) -> None:
    """Say what is wrong, and close; the peer may be gone already."""
    # Or its line may be broken in a way of its own, which concerns nobody else.
    with contextlib.suppress(Exception):
        if not wire.closed:
            wire.write(encode(error_message(error)))
    with contextlib.suppress(Exception):
        await wire.close(CODES[error.code].close_code, error.code)


def told(error: Exception) -> DeltapadError:
    """An error as the client is told of it; one that is not the client's doing is logged."""
    if isinstance(error, DeltapadError):
        return error
    if isinstance(error, ClosedError):
        # Who came, or asked something of the disk, when the others had been told already.
        return UnavailableError("shutting_down", "the server is being restarted")
    if isinstance(error, StorageError):
        _log.error("store: %s", error)
    else:
        _log.error("a bug, by which one connection was lost", exc_info=error)
    return UnavailableError("storage_failed", "the server could not do it now; try again")
