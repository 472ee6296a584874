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
from ot.log import EFFORT_MAX, Entry
from ot.messages import (
    DeltaMessage,
    Hello,
    OpsMessage,
    PresenceMessage,
    Properties,
    ServerMessage,
    StorageMessage,
    StorageState,
    encode,
    encode_value,
)
from ot.operation import Operation
from server.counters import LATENCY_MS
from server.presence import Presence
from server.session import Session, Slice
from server.settings import Settings
from server.storage import SESSIONS_MAX, PadRecord, Profile, Store
from server.stored_log import StoredLog

__all__ = ["Listener", "Pad"]

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
    # The key of the view-only link that it came by; None by the edit link.
    view_key: str | None
    ended: DeltapadError | None

    def wake(self) -> None:
        """Something has changed: look whether it concerns this one."""

    def end(self, error: DeltapadError) -> None:
        """Say `error`, and close."""


class Pad(StoredLog):
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
        super().__init__(record.key, document, store, length_max=settings.pad_length_max)
        self.record = record
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
        # Whether the store takes what is typed, as far as is known.
        self.storage: StorageState = "ok"
        # Counts up when the record changes.
        self.properties_version = 0
        # What the sessions here are called. Where it is new, the store is told with the first entry
        # of theirs that follows.
        self._profiles: dict[str, Profile] = {}
        self._new_profiles: set[str] = set()
        # Requests that hold the pad in memory, and when the last one let go.
        self.users = 0
        self.idle_since = 0.0
        self.dropped: DeltapadError | None = None
        self._settings = settings
        self._frames: dict[object, bytes] = {}
        # What `Counters.told` has counted of this pad.
        self.latency_classes = [0] * (len(LATENCY_MS) + 1)

    def hold(self) -> None:
        """Keep it in memory, until `release`."""
        self.users += 1

    def release(self) -> None:
        """It may go when nobody holds it."""
        self.users -= 1
        self.idle_since = asyncio.get_running_loop().time()

    @property
    def unused(self) -> bool:
        """Whether nobody holds it, and all of it is in the store."""
        return not self.users and self.document.committed == self.document.log.head

    def wake(self) -> None:
        """Something has changed: every connection looks whether it concerns it."""
        for connection in self.connections.values():
            connection.wake()

    def drop(self, error: DeltapadError) -> None:
        """The document in memory is not to be trusted any more; everybody has to come again."""
        self.dropped = error
        for connection in self.connections.values():
            connection.end(error)

    def committed(self, revision: int, entries: Sequence[Entry]) -> None:
        """The entries after `revision` are durable: tell everybody."""
        for made, entry in enumerate(entries, revision + 1):
            self.presence.typed(entry.session, entry.op, made)
        self.document.commit(revision + len(entries))
        self.let_go()
        self.wake()

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
        if not self._is_open_to(connection):
            raise link_replaced()
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

    def join(self, session: Session, hello: Hello) -> int:
        """Somebody who is attached is here from now on; return the colour that they have."""
        person = self.presence.join(
            session=session.session,
            person=session.person,
            name=hello.name,
            color=hello.color,
            revision=self.document.committed,
            role=session.role,
        )
        self.keep_profile(person.session, (person.name, person.color))
        return person.color

    def keep_profile(self, session: str, profile: Profile) -> None:
        """A session that is attached is called so; the store is told with its next entry."""
        if self._profiles.get(session) != profile:
            self._profiles[session] = profile
            self._new_profiles.add(session)

    def new_profiles(self, entries: Sequence[Entry]) -> dict[str, Profile]:
        """What the authors of `entries`, which go to the store, are called, as far as it does not
        know it.
        """
        news = self._new_profiles
        if not news:
            return {}
        profiles = {e.session: self._profiles[e.session] for e in entries if e.session in news}
        news.difference_update(profiles)
        return profiles

    def let_go(self) -> None:
        """Forget what sessions that have left have committed, once the store knows all of it."""
        for session in list(self._left):
            commit = self.document.sessions.get(session, NOTHING)
            if session in self.connections:
                del self._left[session]
            elif commit.revision <= self.document.committed:
                del self._left[session]
                self.document.sessions.pop(session, None)
                self._profiles.pop(session, None)
                self._new_profiles.discard(session)
                if commit.seq and self._stored is not None:
                    self._stored.add(session)
                    if len(self._stored) > SESSIONS_MAX:
                        self._stored = None

    def has_news(self, session: Session) -> bool:
        """Whether there is something that a session has not been sent."""
        return (
            session.cursor < self.document.committed
            or session.presence_version < self._presence_shown
            or session.properties_version < self.properties_version
            or session.storage != self.storage
        )

    def next_frame(self, session: Session) -> bytes | None:
        """The next frame for a session to which there is news, and move its cursor; None if it
        takes long to make: call `make_frame` then.
        """
        if session.storage != self.storage:
            return self._storage_frame(session)
        part = self._next_slice(session)
        if part is None:
            if session.properties_version < self.properties_version:
                return self._properties_frame(session)
            return self._presence_frame(session)
        frame = self._frames.get(part)
        if frame is None:
            log = self.document.log
            if (
                part.start < log.start
                or part.end - part.start > _AT_ONCE_REVISIONS
                or log.effort(part.start, part.end) > EFFORT_MAX
            ):
                return None
            if part.composed:
                frame = self._delta(part, log.composed(part.start, part.end))
            else:
                frame = self._ops(part, log.entries(part.start, part.end))
        session.cursor = part.end
        return frame

    async def make_frame(self, session: Session) -> bytes | None:
        """Make the frame that `next_frame` has not got at hand, and move the session's cursor; None
        if it has. What is committed meanwhile is for the next one: while others type without a
        pause, a frame with all of it would never be made.
        """
        part = self._next_slice(session)
        if part is None or part in self._frames:
            return None
        if part.composed:
            frame = self._delta(part, await self.composed(part.start, part.end))
        else:
            frame = self._ops(part, await self.entries(part.start, part.end))
        session.cursor = part.end
        return frame

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
        newest = max(message.revision, message.history or 0)
        if newest > self.document.committed:
            raise ProtocolError(
                "base_in_future",
                f"revision {newest} is past the newest, {self.document.committed}",
            )
        person = self.presence.update(session, message)
        self.keep_profile(session, (person.name, person.color))
        self.presence_changed()

    def take_record(self, record: PadRecord) -> None:
        """The pad's properties are these now: tell everybody. Who came by a view-only link that is
        none any more is sent away.
        """
        self.record = record
        self.properties_version += 1
        for connection in self.connections.values():
            if not self._is_open_to(connection):
                connection.end(link_replaced())
        self.wake()

    def _is_open_to(self, connection: Listener) -> bool:
        return connection.view_key in (None, self.record.view_key)

    def encoded_text(self) -> bytes:
        """The newest text as JSON, for a welcome."""
        at = ("text", self.document.committed)
        return self._frames.get(at) or self._keep(at, encode_value(self.document.text()))

    def _next_slice(self, session: Session) -> Slice | None:
        own = self.document.sessions.get(session.session, NOTHING)
        committed, log = self.document.committed, self.document.log
        ops_max = self._settings.ops_per_frame_max
        if committed - session.cursor > 1 and (
            session.cursor < log.start or log.effort(session.cursor, committed) > EFFORT_MAX
        ):
            # Composed it is no longer than the text; one by one a frame could hold megabytes.
            ops_max = 1
        return session.next_slice(committed, own, ops_max=ops_max)

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
                log = document.log
                if start < log.start or log.effort(start, revision) > EFFORT_MAX:
                    return None
                return log.composed(start, revision)

            message = self.presence.changes(
                since, revision=revision, length=document.length, composed=composed
            )
            frame = self._shared(at, message)
        return frame

    def _properties_frame(self, session: Session) -> bytes:
        at = ("properties", self.properties_version, session.role)
        session.properties_version = self.properties_version
        frame = self._frames.get(at)
        if frame is None:
            record = self.record
            message = Properties(
                title=record.title if session.role == "write" else record.title_for_readers,
                language=record.language,
                view_history=record.view_history,
                view_key=record.view_key if session.role == "write" else None,
            )
            frame = self._shared(at, message)
        return frame

    def _storage_frame(self, session: Session) -> bytes:
        session.storage = self.storage
        at = ("storage", self.storage)
        return self._frames.get(at) or self._shared(at, StorageMessage(state=self.storage))

    def _delta(self, part: Slice, op: Operation) -> bytes:
        return self._shared(part, DeltaMessage(start=part.start, end=part.end, op=op))

    def _ops(self, part: Slice, entries: Sequence[Entry]) -> bytes:
        ops = [(entry.session, entry.seq, entry.op) for entry in entries]
        return self._shared(part, OpsMessage(start=part.start, ops=ops))

    def _shared(self, at: object, message: ServerMessage) -> bytes:
        """The frame of a message, kept for the others who are at the same place."""
        return self._keep(at, encode(message))

    def _keep(self, at: object, frame: bytes) -> bytes:
        if not self._frames:
            asyncio.get_running_loop().call_later(_FRAMES_SECONDS, self._frames.clear)
        self._frames[at] = frame
        if len(self._frames) > _FRAMES_MAX:
            del self._frames[next(iter(self._frames))]
        return frame


def link_replaced() -> ProtocolError:
    """What is told to who comes by a view-only link that leads nowhere any more."""
    return ProtocolError("link_replaced", "there is a new view-only link in place of this one")
