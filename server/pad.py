"""one live pad: its document, the people in it, their connections

A connection has no queue: `Pad.next_frame` takes what lies between its cursor and what is
committed. Connections at the same cursor share the encoded bytes. What memory has let go of is read
from the store, and long ranges are composed in chunks, between which the event loop serves others.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ot.document import NOTHING, Commit, Document
from ot.errors import DeltapadError, ProtocolError
from ot.log import Entry
from ot.messages import DeltaMessage, OpsMessage, PresenceMessage, encode
from ot.operation import Operation
from ot.runs import compose_all
from server.presence import Presence
from server.session import Session, Slice
from server.storage import PadRecord, Store

__all__ = ["CHUNK_REVISIONS", "Connection", "Pad"]

# Entries are composed this many at a time, some 5 ms, between which the event loop serves others;
# a power of 16, so that they are whole blocks of the log.
CHUNK_REVISIONS: Final = 4_096
# Frames are shared by the connections that are at the same cursor; few cursors are common at a
# time.
_FRAMES_MAX: Final = 16


class Connection:
    """A session as the hub sees it: what it has been sent, a bell to wake its sender, and its
    end.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.wake = asyncio.Event()
        self.ended: DeltapadError | None = None

    def end(self, error: DeltapadError) -> None:
        """Have the sender say `error` and close."""
        if self.ended is None:
            self.ended = error
        self.wake.set()


class Pad:
    """One live pad: its document, the people in it, their connections."""

    def __init__(self, record: PadRecord, document: Document, store: Store) -> None:
        self.record = record
        self.document = document
        self.presence = Presence()
        # By public session id: a session has one connection.
        self.connections: dict[str, Connection] = {}
        # Sessions that have left while something of theirs was on its way to the disk.
        self._left: dict[str, None] = {}
        # Requests that hold the pad in memory, and when the last one let go.
        self.users = 0
        self.idle_since = 0.0
        self.dropped: DeltapadError | None = None
        self.snapshot_revision = document.committed
        self._store = store
        self._frames: dict[object, bytes] = {}

    def wake(self) -> None:
        """Something has changed: every sender looks whether it concerns it."""
        for connection in self.connections.values():
            connection.wake.set()

    def drop(self, error: DeltapadError) -> None:
        """The document in memory is not to be trusted any more; everybody has to come again."""
        self.dropped = error
        for connection in self.connections.values():
            connection.end(error)

    async def attach(self, connection: Connection) -> None:
        """Let a session in; an older connection of it gives way."""
        session = connection.session.session
        older = self.connections.get(session)
        if older is not None:
            older.end(ProtocolError("replaced", "this session is connected from elsewhere now"))
        # Before the first await: from here on nobody else forgets what this session has committed.
        self.connections[session] = connection
        last: Commit | None = None
        if session not in self.document.sessions:
            last = await self._store.last(self.record.key, session)
        # While the store was asked, a newer connection may have come, and even have gone again.
        error = self.dropped or connection.ended
        if error is not None:
            raise error
        self.document.sessions.setdefault(session, last or NOTHING)

    def detach(self, connection: Connection) -> None:
        """Let a session go, unless a newer connection of it is here."""
        session = connection.session.session
        if self.connections.get(session) is connection:
            del self.connections[session]
            self.presence.leave(session)
            self.wake()
        self._left[session] = None
        self.let_go()

    def let_go(self) -> None:
        """Forget what sessions that have left have committed, once the store knows all of it."""
        for session in list(self._left):
            commit = self.document.sessions.get(session, NOTHING)
            if session in self.connections:
                del self._left[session]
            elif commit.revision <= self.document.committed:
                del self._left[session]
                self.document.sessions.pop(session, None)

    async def next_frame(self, session: Session, *, ops_max: int) -> bytes | None:
        """The next frame of the log for a session, and move its cursor; None if it has all."""
        own = self.document.sessions.get(session.session, NOTHING)
        part = session.next_slice(self.document.committed, own, ops_max=ops_max)
        if part is None:
            return None
        frame = self._frames.get(part)
        if frame is None:
            frame = await self._encode(part)
            self._share(part, frame)
        session.cursor = part.end
        return frame

    def presence_frame(self, session: Session) -> bytes:
        """What has changed among the people here, for a session that has all of the log."""
        document, revision = self.document, session.cursor
        at = (session.presence_version, self.presence.version, revision)
        session.presence_version = self.presence.version
        frame = self._frames.get(at)
        if frame is None:

            def composed(start: int) -> Operation | None:
                return (
                    None if start < document.log.start else document.log.composed(start, revision)
                )

            message = self.presence.changes(
                at[0], revision=revision, length=document.length, composed=composed
            )
            frame = encode(message)
            self._share(at, frame)
        return frame

    def receive_presence(self, session: str, message: PresenceMessage) -> None:
        """Somebody says who and where they are. Raises ProtocolError `base_in_future`."""
        if message.revision > self.document.committed:
            raise ProtocolError(
                "base_in_future",
                f"revision {message.revision} is past the newest, {self.document.committed}",
            )
        before = self.presence.version
        self.presence.update(session, message)
        if self.presence.version != before:
            self.wake()

    async def composed(self, start: int, end: int) -> Operation:
        """The one operation that leads from revision `start` to `end`, from the store where need
        be.
        """
        parts: list[Operation] = []
        while start < end:
            # Aligned, so that in memory they are whole blocks, which the log keeps.
            stop = min(end, start - start % CHUNK_REVISIONS + CHUNK_REVISIONS)
            oldest = self.document.log.start
            if start < oldest:
                stop = min(stop, oldest)
                entries = await self._store.read(self.record.key, start, stop)
                parts.append(compose_all([entry.op for entry in entries]))
            else:
                parts.append(self.document.log.composed(start, stop))
                await asyncio.sleep(0)
            start = stop
        return compose_all(parts)

    async def _entries(self, start: int, end: int) -> list[Entry]:
        entries: list[Entry] = []
        while start < self.document.log.start and start < end:
            stop = min(self.document.log.start, end)
            entries += await self._store.read(self.record.key, start, stop)
            start = stop
        if start < end:
            entries += self.document.log.entries(start, end)
        return entries

    async def _encode(self, part: Slice) -> bytes:
        if part.composed:
            op = await self.composed(part.start, part.end)
            return encode(DeltaMessage(start=part.start, end=part.end, op=op))
        entries = await self._entries(part.start, part.end)
        ops = [(entry.session, entry.seq, entry.op) for entry in entries]
        return encode(OpsMessage(start=part.start, ops=ops))

    def _share(self, at: object, frame: bytes) -> None:
        self._frames[at] = frame
        while len(self._frames) > _FRAMES_MAX:
            del self._frames[next(iter(self._frames))]
