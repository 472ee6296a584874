"""one conversation, from hello to goodbye, over any wire

Nothing here knows a socket. `talk` reads: it answers `hello` and `ping` itself and hands the rest
to the hub. What the client is to be told of others is sent by its `Connection`.
"""

from __future__ import annotations

from collections.abc import Callable

from ot.document import Submission
from ot.errors import ProtocolError, UnavailableError
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
)
from server.connection import Connection, Wire, close, told
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings

__all__ = ["Conversations"]


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
        connection = Connection(wire, pad)
        self._count += 1
        try:
            if not await self._hello(wire, pad, connection):
                return
            while (frame := await wire.receive()) is not None:
                await self._receive(wire, pad, connection, frame)
        except ConnectionError:
            # The peer has gone while we were sending.
            pass
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            # The edge of the server: whatever one connection meets, the others go on.
            await close(wire, told(error))
        finally:
            self._count -= 1
            pad.detach(connection)
            await connection.stop()

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
        connection.begin(encode(welcome))
        pad.presence_changed()
        return True

    async def _receive(self, wire: Wire, pad: Pad, connection: Connection, frame: bytes) -> None:
        if connection.ended is not None:
            # A newer connection of this session may be here: what comes late on this one is void.
            return
        message = connection.session.receive(frame, time_ms=self._now_ms())
        if isinstance(message, Submission):
            await self._hub.submit(pad, message)
        elif isinstance(message, Ping):
            wire.write(encode(Pong(n=message.n)))
            # Who asks and does not read is not read from either.
            await wire.drain()
        else:
            assert not isinstance(message, Hello)
            pad.receive_presence(connection.session.session, message)
