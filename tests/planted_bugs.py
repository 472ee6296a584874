"""bugs, planted into the real code one at a time, for the simulation to find

Each is a mistake that somebody has made, or could. A bug replaces a name in the code under test;
nothing in the simulation knows of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from ot.client import Client, InFlight
from ot.document import NOTHING, Document
from ot.log import RevisionLog
from ot.messages import OpMessage
from ot.operation import compose, split, transform
from server.divergence import Divergence
from server.health import Health
from server.hub import Hub
from server.pad import Pad
from server.presence import Presence
from server.session import Session, Slice
from server.simulation.comparison import Comparison
from server.simulation.heartbeat import Heartbeat
from server.snapshots import Snapshots
from server.storage import Append, NotWrittenError, StorageError, UntrustedDiskError

__all__ = ["BUGS", "bug"]

Bug = Callable[[pytest.MonkeyPatch], None]
BUGS: dict[str, Bug] = {}


def bug(plant: Bug) -> Bug:
    BUGS[plant.__name__] = plant
    return plant


# --- The server: what is durable, and who is told of it -------------------------------------------


def hand_over(hub: Any) -> tuple[list[Pad], list[Append]]:
    """What `Hub._commit` begins with."""
    pads = list(hub._waiting)
    hub._waiting.clear()
    batch = []
    for pad in pads:
        revision = pad.document.handed
        entries = pad.document.hand_over()
        batch.append(Append(pad.record.key, revision, entries, pad.new_profiles(entries)))
    return pads, batch


def tell(pads: list[Pad], batch: list[Append]) -> None:
    """What it ends with."""
    for pad, part in zip(pads, batch, strict=True):
        pad.document.commit(part.revision + len(part.entries))
        pad.let_go()
        pad.wake()


@bug
def acknowledged_before_the_sync(patch):
    """Everybody is told, and then it is written."""

    async def commit(self: Any) -> None:
        pads, batch = hand_over(self)
        tell(pads, batch)
        try:
            await self._store.append(batch)
        except StorageError:
            for pad in pads:
                self._drop(pad)

    patch.setattr(Hub, "_commit", commit)


@bug
def failed_write_taken_for_done(patch):
    """The store says no, and it goes on as if it had said yes."""

    async def commit(self: Any) -> None:
        pads, batch = hand_over(self)
        with contextlib.suppress(StorageError):
            await self._store.append(batch)
        tell(pads, batch)

    patch.setattr(Hub, "_commit", commit)


@bug
def lost_reply_taken_for_not_written(patch):
    """The store says no, and the same is written again, although it may be there."""

    async def commit(self: Any) -> None:
        pads, batch = hand_over(self)
        try:
            await self._store.append(batch)
        except StorageError:
            for pad, part in zip(pads, batch, strict=True):
                pad.document.handed = part.revision
                self._waiting[pad] = None
        else:
            tell(pads, batch)
        if self._waiting:
            self._bell.set()

    patch.setattr(Hub, "_commit", commit)


@bug
def retried_after_a_failed_sync(patch):
    """The sync failed, the next one seems to work, and everybody is told."""
    append = Health.append

    async def again(self: Any, batch: Any) -> None:
        try:
            await self._store.append(batch)
        except UntrustedDiskError:
            await append(self, batch)
        except NotWrittenError:
            await append(self, batch)

    patch.setattr(Health, "append", again)


@bug
def shown_while_it_is_tried_again(patch):
    """A batch that could not be written will be soon, so everybody is told already."""
    append = Health.append

    async def promise(self: Any, batch: Any) -> None:
        try:
            await self._store.append(batch)
        except NotWrittenError:
            self.later = asyncio.create_task(append(self, batch))

    patch.setattr(Health, "append", promise)


@bug
def shown_before_it_is_committed(patch):
    """Senders look at the head of the log, not at what is committed."""
    submit = Hub.submit

    def has_news(self: Any, session: Session) -> bool:
        return bool(session.cursor < self.document.log.head)

    def next_frame(self: Any, session: Session) -> bytes:
        part = Slice(session.cursor, self.document.log.head, composed=False)
        session.cursor = part.end
        return bytes(self._ops(part, self.document.log.entries(part.start, part.end)))

    async def submit_and_wake(self: Any, pad: Pad, submission: Any) -> None:
        await submit(self, pad, submission)
        pad.wake()

    patch.setattr(Pad, "has_news", has_news)
    patch.setattr(Pad, "next_frame", next_frame)
    patch.setattr(Hub, "submit", submit_and_wake)


@bug
def failed_pad_stays_in_memory(patch):
    """A pad whose write failed is not loaded again."""
    drop = Hub._drop

    def keep(self: Any, pad: Pad) -> None:
        task = self._pads.get(pad.record.name)
        drop(self, pad)
        if task is not None:
            self._pads[pad.record.name] = task

    patch.setattr(Hub, "_drop", keep)


@bug
def batch_in_the_wrong_order(patch):
    """The entries of a batch are written newest first."""
    hand = Document.hand_over
    patch.setattr(Document, "hand_over", lambda self: hand(self)[::-1])


@bug
def unloaded_while_pending(patch):
    """A pad leaves memory while people are in it and entries wait for the disk."""

    async def evict(self: Any) -> None:
        while True:
            await asyncio.sleep(self._settings.idle_seconds / 4)
            self._pads.clear()

    patch.setattr(Hub, "_evict_for_ever", evict)


@bug
def snapshot_at_the_wrong_revision(patch):
    """The text of now is kept as that of one revision ago."""

    async def write(self: Any, pad: Pad) -> None:
        document = pad.document
        if document.committed:
            await self._store.save_snapshot(
                pad.record.key, revision=document.committed - 1, text=document.text()
            )

    patch.setattr(Snapshots, "_write", write)


# --- The server: exactly once, in order -----------------------------------------------------------


@bug
def duplicates_known_for_a_while_only(patch):
    """Who resends something that is more than two revisions old is not recognised."""
    is_duplicate = Document.is_duplicate

    def forgetful(self: Any, submission: Any) -> bool:
        last = self.sessions.get(submission.session, NOTHING)
        if last.revision < self.log.head - 2 and submission.seq == last.seq:
            return False
        return is_duplicate(self, submission)

    patch.setattr(Document, "is_duplicate", forgetful)


@bug
def session_forgotten_when_it_leaves(patch):
    """Who comes again is new, whatever the store knows of them."""
    attach = Pad.attach

    async def attach_as_new(self: Any, connection: Any) -> None:
        self.document.sessions.setdefault(connection.session.session, NOTHING)
        await attach(self, connection)

    patch.setattr(Pad, "attach", attach_as_new)


@bug
def gap_after_a_delta(patch):
    """After a delta the cursor is one too far."""
    next_frame = Pad.next_frame

    def skip(self: Any, session: Session) -> bytes | None:
        before = session.cursor
        frame = next_frame(self, session)
        ops_max = self._settings.ops_per_frame_max
        if session.cursor - before > ops_max and session.cursor < self.document.committed:
            session.cursor += 1
        return frame

    patch.setattr(Pad, "next_frame", skip)


@bug
def delta_across_the_own_entry(patch):
    """A delta takes in the entry that its reader waits for."""

    def next_slice(self: Any, committed: int, own: Any, *, ops_max: int) -> Slice | None:
        behind = committed - self.cursor
        return Slice(self.cursor, committed, composed=behind > ops_max) if behind > 0 else None

    patch.setattr(Session, "next_slice", next_slice)


@bug
def stale_frame_from_the_cache(patch):
    """Shared frames are found by where they start, whatever was committed since."""
    next_frame = Pad.next_frame

    def cached(self: Any, session: Session) -> Any:
        start = ("start", session.cursor)
        frame = next_frame(self, session)
        return None if frame is None else self._frames.setdefault(start, frame)

    patch.setattr(Pad, "next_frame", cached)


@bug
def stale_composed_range(patch):
    """A composed range is kept by where it starts, and used after the log has grown."""
    composed = RevisionLog.composed
    kept: dict[tuple[int, int], Any] = {}

    def stale(self: Any, start: int, end: int) -> Any:
        if end - start < 2:
            return composed(self, start, end)
        return kept.setdefault((id(self), start), composed(self, start, end))

    patch.setattr(RevisionLog, "composed", stale)


@bug
def needed_entries_forgotten(patch):
    """Memory lets go of entries that are not committed yet."""
    forget = RevisionLog.forget
    patch.setattr(RevisionLog, "forget", lambda self, before: forget(self, self.head))


@bug
def caught_up_to_the_wrong_revision(patch):
    """Who is late is carried one revision less far than is said."""
    composed = Pad.composed

    async def short(self: Any, start: int, end: int) -> Any:
        return await composed(self, start, end - 1 if end - start > 3 else end)

    patch.setattr(Pad, "composed", short)


@bug
def sessions_kept_for_ever(patch):
    """Who leaves is not forgotten."""
    patch.setattr(Pad, "let_go", lambda self: None)


@bug
def entries_kept_for_ever(patch):
    """Memory lets go of no entry."""
    patch.setattr(RevisionLog, "forget", lambda self, before: None)


@bug
def older_by_the_clock_taken_for_a_resend(patch):
    """What is labelled as older than the newest entry must have been there before."""
    is_duplicate = Document.is_duplicate

    def by_the_label(self: Any, submission: Any) -> bool:
        head = self.log.head
        newest = self.log.entries(max(self.log.start, head - 1), head)
        if newest and submission.time_ms < newest[0].time_ms:
            return True
        return is_duplicate(self, submission)

    patch.setattr(Document, "is_duplicate", by_the_label)


# --- The algebra ----------------------------------------------------------------------------------


@bug
def wrong_tie_break(patch):
    """On the server the later insert goes left."""

    def swapped(log_op: Any, op: Any) -> Any:
        return transform(op, log_op)[::-1]

    patch.setattr("ot.document.transform", swapped)


@bug
def normalising_compose(patch):
    """What the server composes has each insert before the delete that it touches."""
    composed = RevisionLog.composed

    def normalised(self: Any, start: int, end: int) -> Any:
        op = list(composed(self, start, end))
        for at in range(len(op) - 1):
            first, second = op[at : at + 2]
            if isinstance(first, int) and first < 0 and isinstance(second, str):
                op[at : at + 2] = [second, first]
        return op

    patch.setattr(RevisionLog, "composed", normalised)


@bug
def piece_loses_a_character(patch):
    """An edit that travels in pieces loses a character at the cut."""

    def cut(op: Any, *, inserted_max: int, components_max: int) -> Any:
        first, rest = split(op, inserted_max=inserted_max, components_max=components_max)
        if rest and isinstance(rest[-1], str) and len(rest[-1]) > 1:
            rest[-1] = rest[-1][1:]
        return first, rest

    patch.setattr("ot.client.split", cut)


@bug
def cut_inside_a_surrogate_pair(patch):
    """Pieces are counted in UTF-16 units, and cut between two of them."""

    def cut(op: Any, *, inserted_max: int, components_max: int) -> Any:
        first, rest = split(op, inserted_max=inserted_max, components_max=components_max)
        if rest and isinstance(first[-1], str) and isinstance(rest[-1], str):
            units = (first[-1] + rest[-1]).encode("utf-16-le")
            first[-1] = units[: 2 * inserted_max].decode("utf-16-le", "surrogatepass")
            rest[-1] = units[2 * inserted_max :].decode("utf-16-le", "surrogatepass")
        return first, rest

    patch.setattr("ot.client.split", cut)


# --- The client -----------------------------------------------------------------------------------


@bug
def typed_into_the_operation_in_flight(patch):
    """What is typed while one waits for its acknowledgement is added to it."""
    edit = Client.edit

    def add(self: Any, op: Any) -> None:
        flight = self.in_flight
        if flight is None or self.buffer is not None:
            edit(self, op)
        else:
            whole = compose(flight.op, op)
            self.in_flight = InFlight(seq=flight.seq, base=flight.base, sent=whole, op=whole)

    patch.setattr(Client, "edit", add)


@bug
def resent_under_a_new_number(patch):
    """What has been overtaken by others is sent again as something new."""
    resend = Client.resend

    def renumber(self: Any) -> OpMessage | None:
        flight = self.in_flight
        if flight is not None and flight.base < self.revision:
            self.last_seq += 1
            self.in_flight = InFlight(self.last_seq, flight.base, flight.sent, flight.op)
        return resend(self)

    patch.setattr(Client, "resend", renumber)


@bug
def resent_as_it_is_now(patch):
    """A resend says the operation as it is by now, not as it was sent."""

    def resend(self: Any) -> OpMessage | None:
        flight = self.in_flight
        return flight and OpMessage(base=self.revision, seq=flight.seq, op=flight.op)

    patch.setattr(Client, "resend", resend)


@bug
def indicator_forgets_the_buffer(patch):
    """Only what is in flight counts as not saved."""
    patch.setattr(Client, "pending", property(lambda self: self.in_flight is not None))


@bug
def waits_by_the_time_of_day(patch):
    """How long a connection has been silent is told by the clock on the wall."""
    patch.setattr(Heartbeat, "now", lambda self: self.wall.now_ms() / 1_000)


# --- Presence -------------------------------------------------------------------------------------


@bug
def caret_past_the_end(patch):
    """Positions are passed on as they were sent."""
    changes = Presence.changes

    def unbounded(self: Any, since: int, *, length: int, **rest: Any) -> Any:
        return changes(self, since, length=2**40, **rest)

    patch.setattr(Presence, "changes", unbounded)


@bug
def author_is_not_woken(patch):
    """When something is committed, one of the connections is not told to look."""

    def wake(self: Any) -> None:
        for connection in list(self.connections.values())[1:]:
            connection.wake()

    patch.setattr(Pad, "wake", wake)


# --- What is on screen ----------------------------------------------------------------------------


@bug
def screen_changed_behind_the_machine(patch):
    """Something beside the editor changes a character on screen, while nobody types."""
    beat = Comparison.beat

    def flip(self: Any, tab: Any) -> Any:
        if tab.screen and not tab.machine.pending:
            tab.screen = tab.screen[:-1] + ("?" if tab.screen[-1] != "?" else "!")
        return beat(self, tab)

    patch.setattr(Comparison, "beat", flip)


@bug
def checksum_of_an_older_text(patch):
    """The checksum of a pad's text is kept when the text changes."""
    work_out = Divergence._checksum
    kept: dict[int, Any] = {}

    async def stale(self: Any, pad: Pad) -> Any:
        if id(pad) not in kept:
            kept[id(pad)] = await work_out(self, pad)
        return kept[id(pad)]

    patch.setattr(Divergence, "_checksum", stale)


# --- Roles and names ------------------------------------------------------------------------------


@bug
def readers_may_write(patch):
    """The link is not looked at."""
    receive = Session.receive

    def lenient(self: Any, frame: bytes, *, time_ms: int) -> Any:
        role, self.role = self.role, "write"
        try:
            return receive(self, frame, time_ms=time_ms)
        finally:
            self.role = role

    patch.setattr(Session, "receive", lenient)


@bug
def names_go_with_their_people(patch):
    """What somebody was called is forgotten when they leave, though the store has not got it."""
    detach = Pad.detach

    def forgetful(self: Any, connection: Any) -> None:
        detach(self, connection)
        self._profiles.pop(connection.session.session, None)
        self._new_profiles.discard(connection.session.session)

    patch.setattr(Pad, "detach", forgetful)
