"""one conversation, from hello to goodbye, over any wire; cursor sender

Nothing here knows a socket. One task reads, one sends. The reader answers `hello` and `ping` itself
and hands the rest to the hub; the sender waits for its bell, takes what lies between the
connection's cursor and what is committed, sends it, and looks again. While a frame is on its way
more is committed, and the next frame carries all of it: batches form under load by themselves, and
nobody waits for a slow reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from ot.document import Submission
from ot.errors import CODES, DeltapadError, ProtocolError, UnavailableError
from ot.messages import (
    FRAME_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    PROTOCOL_VERSION,
    Hello,
    Limits,
    Ping,
    Pong,
    Welcome,
    encode,
    error_message,
)
from server.hub import Hub
from server.pad import Connection, Pad
from server.session import Session
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Conversations", "Wire"]

_log = logging.getLogger("deltapad.conversation")


class Wire(Protocol):
    """An open line to one client, frame by frame. It may end at any moment."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        """The next frame, None when there will be no more.

        Raises TimeoutError after `seconds_max`, ProtocolError `bad_json` for a frame that is
        not text.
        """

    async def send(self, frame: bytes) -> None:
        """Send a frame, and wait while the client is slow to read. Raises ConnectionError."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye. Raises ConnectionError."""


class Conversations:
    """All conversations of this server."""

    def __init__(self, hub: Hub, settings: Settings, *, now_ms: Callable[[], int]) -> None:
        """`now_ms` is the clock that entries are labelled with."""
        self._hub = hub
        self._settings = settings
        self._now_ms = now_ms
        self._count = 0
        self._limits = Limits(
            frame_bytes=FRAME_BYTES_MAX,
            op_components=OP_COMPONENTS_MAX,
            op_inserted=OP_INSERTED_MAX,
            pad_length=settings.pad_length_max,
        )

    async def talk(self, wire: Wire, pad: Pad) -> None:
        """One session on one pad, until it ends."""
        connection = Connection(Session())
        sender: asyncio.Task[None] | None = None
        self._count += 1
        try:
            if not await self._hello(wire, pad, connection):
                return
            sender = asyncio.create_task(self._send(wire, pad, connection))
            while (frame := await wire.receive()) is not None:
                await self._receive(wire, pad, connection, frame)
        except ConnectionError:
            # The peer has gone while we were sending.
            pass
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            # The edge of the server: whatever one connection meets, the others go on.
            await _close(wire, _told(error))
        finally:
            self._count -= 1
            pad.detach(connection)
            if sender is not None:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sender

    async def _hello(self, wire: Wire, pad: Pad, connection: Connection) -> bool:
        """Hear who it is, let it in, and welcome it; False if it has gone instead."""
        try:
            frame = await wire.receive(self._settings.hello_seconds)
        except TimeoutError:
            raise ProtocolError(
                "hello_expected", f"no hello within {self._settings.hello_seconds:g} seconds"
            ) from None
        if frame is None:
            return False
        session = connection.session
        hello = session.receive(frame, time_ms=self._now_ms())
        assert isinstance(hello, Hello)
        if (
            self._count > self._settings.connections_max
            or len(pad.connections) >= self._settings.pad_connections_max
        ):
            raise UnavailableError("busy", "too many connections; try again later")
        await pad.attach(connection)
        # No await from here on: the welcome, the cursor and the presence belong to one moment.
        document = pad.document
        own = document.sessions[session.session]
        # A copy from before a restore, or of revisions that this pad does not have, is of no use.
        known = hello.epoch == pad.record.epoch and (hello.revision or 0) <= document.committed
        revision = hello.revision if known else None
        session.cursor = document.committed if revision is None else revision
        color = pad.presence.join(
            session=session.session,
            person=session.person,
            name=hello.name,
            color=hello.color,
            revision=document.committed,
        )
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            session=session.session,
            person=session.person,
            role="write",
            epoch=pad.record.epoch,
            revision=session.cursor,
            committed=(own.seq, own.revision),
            color=color,
            title=pad.record.title,
            limits=self._limits,
            text=document.text() if revision is None else None,
        )
        pad.wake()
        await wire.send(encode(welcome))
        return True

    async def _receive(self, wire: Wire, pad: Pad, connection: Connection, frame: bytes) -> None:
        if connection.ended is not None:
            # A newer connection of this session may be here: what comes late on this one is void.
            return
        message = connection.session.receive(frame, time_ms=self._now_ms())
        if isinstance(message, Submission):
            await self._hub.submit(pad, message)
        elif isinstance(message, Ping):
            await wire.send(encode(Pong(n=message.n)))
        else:
            assert not isinstance(message, Hello)
            pad.receive_presence(connection.session.session, message)

    async def _send(self, wire: Wire, pad: Pad, connection: Connection) -> None:
        """The cursor sender: whatever the client does not have yet, newest last, until the end."""
        loop = asyncio.get_running_loop()
        session = connection.session
        presence_due = 0.0
        # The bell that rings when presence is due; at most one is set.
        alarm: asyncio.TimerHandle | None = None
        try:
            while connection.ended is None:
                connection.wake.clear()
                frame = await pad.next_frame(session, ops_max=self._settings.ops_per_frame_max)
                if frame is None and pad.presence.version != session.presence_version:
                    if loop.time() >= presence_due:
                        frame = pad.presence_frame(session)
                        presence_due = loop.time() + self._settings.presence_seconds
                    else:
                        # A timer may ring a little early; then it is set once more.
                        if alarm is not None:
                            alarm.cancel()
                        alarm = loop.call_at(presence_due, connection.wake.set)
                if frame is None:
                    await connection.wake.wait()
                else:
                    await wire.send(frame)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 - as in talk
            connection.end(_told(error))
        finally:
            if alarm is not None:
                alarm.cancel()
        if connection.ended is not None:
            await _close(wire, connection.ended)


async def _close(wire: Wire, error: DeltapadError) -> None:
    """Say what is wrong, and close; the peer may be gone already."""
    with contextlib.suppress(ConnectionError):
        if not wire.closed:
            await wire.send(encode(error_message(error)))
    with contextlib.suppress(ConnectionError):
        await wire.close(CODES[error.code].close_code, error.code)


def _told(error: Exception) -> DeltapadError:
    """An error as the client is told of it; one that is not the client's doing is logged."""
    if isinstance(error, DeltapadError):
        return error
    if isinstance(error, StorageError):
        _log.error("store: %s", error)
    else:
        _log.error("a bug, by which one connection was lost", exc_info=error)
    return UnavailableError("storage_failed", "the server could not do it now; try again")
