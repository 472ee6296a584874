"""one live pad: its document, the people in it, their connections

`Pad.next_frame` is what lies between a connection's cursor and what is committed. Connections at
the same cursor share the encoded bytes. What memory has let go of is read
from the store, and long ranges are composed in chunks, between which the event loop serves others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from ot.document import NOTHING, Commit, Document
from ot.errors import DeltapadError, ProtocolError
from ot.log import Entry
from ot.messages import DeltaMessage, OpsMessage, PresenceMessage, ServerMessage, encode
from ot.operation import Operation
from ot.runs import compose_all
from server.presence import Presence
from server.session import Session, Slice
from server.settings import Settings
from server.storage import SESSIONS_MAX, PadRecord, Store

__all__ = ["CHUNK_REVISIONS", "Listener", "Pad"]

# Entries are composed this many at a time, some 5 ms, between which the event loop serves others;
# a power of 16, so that they are whole blocks of the log.
CHUNK_REVISIONS: Final = 4_096
# Frames are shared by the connections that are at the same cursor; few cursors are common at a
# time.
_FRAMES_MAX: Final = 16
# After this they are let go of: who has not taken one by then is at a cursor of its own.
_FRAMES_SECONDS: Final = 0.25
# So many entries are made a frame of while the others wait, some 0.3 ms; for longer ranges the
# connection waits by itself.
_AT_ONCE_REVISIONS: Final = 256


class Listener(Protocol):
    """A connection as its pad sees it."""

    session: Session
    ended: DeltapadError | None

    def wake(self) -> None:
        """Something has changed: look whether it concerns this one."""

    def end(self, error: DeltapadError) -> None:
        """Say `error`, and close."""


class Pad:
    """One live pad: its document, the people in it, their connections."""

    def __init__(
        self,
        record: PadRecord,
        document: Document,
        store: Store,
        settings: Settings,
        *,
        sessions: frozenset[str] | None,
    ) -> None:
        """`sessions` are all that have committed something; None if they are too many to know."""
        self.record = record
        self.document = document
        self.presence = Presence()
        # The version of presence that everybody may be told, and when that may be the next one.
        self._presence_shown = 0
        self._presence_due = 0.0
        self._presence_alarm: asyncio.TimerHandle | None = None
        # By public session id: a session has one connection.
        self.connections: dict[str, Listener] = {}
        # Sessions that have left while something of theirs was on its way to the disk.
        self._left: dict[str, None] = {}
        # The store has nothing of other sessions than these, so that it need not be asked for each
        # one that comes.
        self._stored = None if sessions is None else set(sessions)
        # Requests that hold the pad in memory, and when the last one let go.
        self.users = 0
        self.idle_since = 0.0
        self.dropped: DeltapadError | None = None
        self.snapshot_revision = document.committed
        self._store = store
        self._settings = settings
        self._frames: dict[object, bytes] = {}

    def hold(self) -> None:
        """Keep it in memory, until `release`."""
        self.users += 1

    def release(self) -> None:
        """It may go when nobody holds it."""
        self.users -= 1
        self.idle_since = asyncio.get_running_loop().time()

    def wake(self) -> None:
        """Something has changed: every connection looks whether it concerns it."""
        for connection in self.connections.values():
            connection.wake()

    def drop(self, error: DeltapadError) -> None:
        """The document in memory is not to be trusted any more; everybody has to come again."""
        self.dropped = error
        for connection in self.connections.values():
            connection.end(error)

    async def attach(self, connection: Listener) -> None:
        """Let a session in; an older connection of it gives way."""
        session = connection.session.session
        older = self.connections.get(session)
        if older is not None:
            older.end(ProtocolError("replaced", "this session is connected from elsewhere now"))
        # Before the first await: from here on nobody else forgets what this session has committed.
        self.connections[session] = connection
        last: Commit | None = None
        stored = self._stored is None or session in self._stored
        if stored and session not in self.document.sessions:
            last = await self._store.last(self.record.key, session)
        # While the store was asked, a newer connection may have come, and even have gone again.
        error = self.dropped or connection.ended
        if error is not None:
            raise error
        self.document.sessions.setdefault(session, last or NOTHING)

    def detach(self, connection: Listener) -> None:
        """Let a session go, unless a newer connection of it is here."""
        session = connection.session.session
        if self.connections.get(session) is connection:
            del self.connections[session]
            self.presence.leave(session)
        self._left[session] = None
        self.let_go()
        self.presence_changed()

    def let_go(self) -> None:
        """Forget what sessions that have left have committed, once the store knows all of it."""
        for session in list(self._left):
            commit = self.document.sessions.get(session, NOTHING)
            if session in self.connections:
                del self._left[session]
            elif commit.revision <= self.document.committed:
                del self._left[session]
                self.document.sessions.pop(session, None)
                if commit.seq and self._stored is not None:
                    self._stored.add(session)
                    if len(self._stored) > SESSIONS_MAX:
                        self._stored = None

    def has_news(self, session: Session) -> bool:
        """Whether there is something that a session has not been sent."""
        return (
            session.cursor < self.document.committed
            or session.presence_version < self._presence_shown
        )

    def next_frame(self, session: Session) -> bytes | None:
        """The next frame for a session to which there is news, and move its cursor; None if it
        takes long to make: call `make_frame` then.
        """
        part = self._next_slice(session)
        if part is None:
            return self._presence_frame(session)
        frame = self._frames.get(part)
        if frame is None:
            log = self.document.log
            if part.start < log.start or part.end - part.start > _AT_ONCE_REVISIONS:
                return None
            if part.composed:
                frame = self._delta(part, log.composed(part.start, part.end))
            else:
                frame = self._ops(part, log.entries(part.start, part.end))
        session.cursor = part.end
        return frame

    async def make_frame(self, session: Session) -> None:
        """Make what `next_frame` has not got at hand, if it has not."""
        part = self._next_slice(session)
        if part is None or part in self._frames:
            return
        if part.composed:
            self._delta(part, await self.composed(part.start, part.end))
        else:
            self._ops(part, await self._entries(part.start, part.end))

    def presence_changed(self) -> None:
        """Who is here and where has changed: have everybody told, now or when it is due."""
        if self._presence_alarm is None and self._presence_shown < self.presence.version:
            loop = asyncio.get_running_loop()
            if loop.time() < self._presence_due:
                self._presence_alarm = loop.call_at(self._presence_due, self._show_presence)
            else:
                self._show_presence()

    def receive_presence(self, session: str, message: PresenceMessage) -> None:
        """Somebody says who and where they are. Raises ProtocolError `base_in_future`."""
        if message.revision > self.document.committed:
            raise ProtocolError(
                "base_in_future",
                f"revision {message.revision} is past the newest, {self.document.committed}",
            )
        self.presence.update(session, message)
        self.presence_changed()

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

    def _next_slice(self, session: Session) -> Slice | None:
        own = self.document.sessions.get(session.session, NOTHING)
        return session.next_slice(
            self.document.committed, own, ops_max=self._settings.ops_per_frame_max
        )

    def _show_presence(self) -> None:
        self._presence_alarm = None
        self._presence_shown = self.presence.version
        self._presence_due = asyncio.get_running_loop().time() + self._settings.presence_seconds
        self.wake()

    def _presence_frame(self, session: Session) -> bytes:
        """What has changed among the people here, for a session that has all of the log."""
        document, revision = self.document, session.cursor
        since = session.presence_version
        at = ("presence", since, self.presence.version, revision)
        session.presence_version = self.presence.version
        frame = self._frames.get(at)
        if frame is None:

            def composed(start: int) -> Operation | None:
                return (
                    None if start < document.log.start else document.log.composed(start, revision)
                )

            message = self.presence.changes(
                since, revision=revision, length=document.length, composed=composed
            )
            frame = self._shared(at, message)
        return frame

    def _delta(self, part: Slice, op: Operation) -> bytes:
        return self._shared(part, DeltaMessage(start=part.start, end=part.end, op=op))

    def _ops(self, part: Slice, entries: Sequence[Entry]) -> bytes:
        ops = [(entry.session, entry.seq, entry.op) for entry in entries]
        return self._shared(part, OpsMessage(start=part.start, ops=ops))

    def _shared(self, at: object, message: ServerMessage) -> bytes:
        """The frame of a message, kept for the others who are at the same place."""
        if not self._frames:
            asyncio.get_running_loop().call_later(_FRAMES_SECONDS, self._frames.clear)
        frame = self._frames[at] = encode(message)
        if len(self._frames) > _FRAMES_MAX:
            del self._frames[next(iter(self._frames))]
        return frame
