"""one conversation, from hello to goodbye, over any wire

Nothing here knows a socket. `talk` reads: it answers `hello` and `ping` itself and hands the rest
to the hub. What the client is to be told of others is sent by its `Connection`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from ot.document import Submission
from ot.errors import DeltapadError, OperationError, UnavailableError
from ot.messages import (
    FRAME_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    PROTOCOL_VERSION,
    Checksum,
    Diverged,
    Hello,
    Limits,
    Ping,
    Pong,
    PresenceMessage,
    SetProperties,
    TraceMessage,
    Welcome,
    encode,
)
from server.connection import Connection, Wire, close, told
from server.divergence import Divergence
from server.hub import Hub
from server.pace import Pace
from server.pad import Pad
from server.session import Received
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Conversations"]

_log = logging.getLogger("deltapad.conversation")

# What a message counts that is dearer than others: each change of a pad's properties is a
# transaction of its own, and a frame for everybody there.
_PROPERTIES_TOKENS: Final = 20
# One of so many places of a pad is for the edit link alone: a view-only link may be public, and who
# reads by it must not lock out who writes.
_KEPT_FOR_EDITORS: Final = 10


class Conversations:
    """All conversations of this server."""

    def __init__(
        self,
        hub: Hub,
        settings: Settings,
        divergence: Divergence,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        """`now_ms` is the clock that entries are labelled with."""
        self._hub = hub
        self._divergence = divergence
        self._settings = settings
        self._now_ms = now_ms
        # Open ones, those included that have not said hello.
        self.count = 0
        self._limits = Limits(
            frame_bytes=FRAME_BYTES_MAX,
            op_components=OP_COMPONENTS_MAX,
            op_inserted=OP_INSERTED_MAX,
            pad_length=settings.pad_length_max,
        )

    async def talk(self, wire: Wire, pad: Pad, *, view_key: str | None = None) -> None:
        """One session on one pad, until it ends. It came by the view-only link with that key, or
        by the edit link.
        """
        connection = Connection(wire, pad, view_key)
        self.count += 1
        try:
            if not await self._hello(wire, pad, connection):
                return
            pace = self._pace()
            while (frame := await wire.receive()) is not None:
                tokens = await self._receive(wire, pad, connection, frame)
                seconds = pace.take(tokens, now=_now())
                if seconds:
                    # What comes meanwhile is not read: the line itself tells the client to wait.
                    await asyncio.sleep(seconds)
        except ConnectionError:
            # The peer has gone while we were sending.
            pass
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            # The edge of the server: whatever one connection meets, the others go on.
            await close(wire, told(error))
        finally:
            self.count -= 1
            pad.detach(connection)
            await connection.stop()

    async def _hello(self, wire: Wire, pad: Pad, connection: Connection) -> bool:
        """Hear who it is, let it in, and welcome it; False if it has gone instead."""
        try:
            frame = await wire.receive(self._settings.hello_seconds)
        except TimeoutError:
            seconds = self._settings.hello_seconds
            raise UnavailableError("hello_late", f"no hello within {seconds:g} seconds") from None
        if frame is None:
            return False
        session = connection.session
        hello = session.receive(frame, time_ms=self._now_ms())
        assert isinstance(hello, Hello)
        if self.count > self._settings.connections_max or not self._has_room(pad, connection):
            self._hub.counters.turned_away += 1
            raise UnavailableError("busy", "too many connections; try again later")
        await pad.attach(connection)
        # No await from here on: the welcome, the cursor and the presence belong to one moment.
        document, record = pad.document, pad.record
        own = document.sessions[session.session]
        # A copy from before a restore, or of revisions that this pad does not have, is of no use.
        known = hello.epoch == record.epoch and (hello.revision or 0) <= document.committed
        revision = hello.revision if known else None
        self._hub.counters.resyncs += hello.revision is not None and not known
        session.cursor = document.committed if revision is None else revision
        session.properties_version = pad.properties_version
        if session.role == "read" and not record.view_history:
            # Or whoever says that they have an old copy would be told all that came after it.
            session.composed_until = document.committed
        color = pad.join(session, hello)
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            session=session.session,
            person=session.person,
            role=session.role,
            epoch=record.epoch,
            revision=session.cursor,
            committed=(own.seq, own.revision),
            color=color,
            title=record.title if session.role == "write" else record.title_for_readers,
            language=record.language,
            view_history=record.view_history,
            view_key=record.view_key if session.role == "write" else None,
            limits=self._limits,
        )
        frame = encode(welcome)
        if revision is None:
            # The text is the last field, and its bytes are the same for all who come at this
            # moment: a thousand who do not read keep one copy.
            connection.begin(frame[:-1], b',"text":', pad.encoded_text(), b"}")
        else:
            connection.begin(frame)
        pad.presence_changed()
        return True

    def _has_room(self, pad: Pad, connection: Connection) -> bool:
        """Whether a pad has a place for one more connection."""
        session, places = connection.session, self._settings.pad_connections_max
        if session.session in pad.connections:
            # Who comes again takes the place of their own old connection.
            return len(pad.connections) <= places
        if session.role == "read":
            places -= places // _KEPT_FOR_EDITORS
        return len(pad.connections) < places

    def _pace(self) -> Pace:
        settings = self._settings
        return Pace(settings.messages_per_second, settings.messages_burst, now=_now())

    async def _receive(self, wire: Wire, pad: Pad, connection: Connection, frame: bytes) -> int:
        """Do what a frame says; return how many messages it counts for."""
        if connection.ended is not None:
            # A newer connection of this session may be here: what comes late on this one is void.
            return 1
        message: Received | None = None
        try:
            message = connection.session.receive(frame, time_ms=self._now_ms())
            await self._obey(wire, pad, connection, message)
        except (DeltapadError, StorageError, ConnectionError) as error:
            self._hub.counters.rejections += isinstance(error, OperationError)
            raise
        except Exception as error:
            _log.exception("a bug, which one frame has brought out")
            if isinstance(message, PresenceMessage):
                # A caret that is not where it should be is no reason to send anybody away.
                return 1
            # Sent again it would do the same again: back to its author, as something to keep.
            seq = message.seq if isinstance(message, Submission) else None
            text = "the server has a bug that this operation brings out"
            raise OperationError("op_failed", text, seq=seq) from error
        return _PROPERTIES_TOKENS if isinstance(message, SetProperties) else 1

    async def _obey(self, wire: Wire, pad: Pad, connection: Connection, message: Received) -> None:
        if isinstance(message, Submission):
            await self._hub.submit(pad, message)
        elif isinstance(message, SetProperties):
            await connection.do_beside(partial(self._hub.set_properties, pad, message))
        elif isinstance(message, Ping):
            wire.write(encode(Pong(n=message.n)))
            # Who asks and does not read is not read from either.
            await wire.drain()
        elif isinstance(message, Checksum):
            if not await self._divergence.agrees(pad, connection.session, message):
                wire.write(encode(Diverged(revision=message.revision)))
        elif isinstance(message, TraceMessage):
            session = connection.session
            await self._divergence.keep(pad, session, message, time_ms=self._now_ms())
        else:
            assert not isinstance(message, Hello)
            pad.receive_presence(connection.session.session, message)


def _now() -> float:
    return asyncio.get_running_loop().time()
