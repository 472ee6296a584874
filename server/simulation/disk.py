"""the server's disk: what is durable, what is lost in a crash, and every way to fail

`Disk` outlives the server; each server process has a `DiskStore` on it, which is void once the
process is dead. What was written is durable from the moment of the sync, and not before; what a
crash finds between the two is lost. Uniqueness of (pad, revision) and (pad, session, seq) is kept,
as in the real store, which can also lie underneath (`SQLiteStore`, its threads replaced by
`AtOnce`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import msgspec

from ot.document import Commit
from ot.log import Entry
from server.simulation.chance import Chance
from server.simulation.loop import VirtualLoop
from server.storage import (
    Append,
    Author,
    ClosedError,
    NotWrittenError,
    PadRecord,
    Profile,
    Snapshot,
    StorageError,
    Store,
    UntrustedDiskError,
    Version,
)

__all__ = ["AtOnce", "Disk", "DiskStore", "Stored"]

# How much longer everything takes while the disk is slow.
_SLOW = 100

_T = TypeVar("_T")

_encode = msgspec.json.Encoder().encode
_decode_op: msgspec.json.Decoder[list[int | str]] = msgspec.json.Decoder(list[int | str])


class AtOnce:
    """A worker without a thread, which would bring its own time."""

    def __init__(self, name: str) -> None:
        pass

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do it here and now."""
        return work()

    def stop(self) -> None:
        """There is nothing to wait for."""


class Witness(Protocol):
    """Who looks at what becomes durable."""

    def appending(self, pad: Stored, append: Append) -> None:
        """The server has handed this over."""

    def durable(self, pad: Stored, entry: Entry) -> None:
        """The newest revision of `pad`."""

    def snapshot(self, pad: Stored, revision: int, text: str) -> None:
        """A text that is kept."""

    def new_link(self, pad: Stored) -> None:
        """Another view-only link leads to `pad`."""


@dataclass(slots=True)
class Stored:
    """A pad on the disk."""

    record: PadRecord
    # Entries with the operation as JSON: nothing in memory can change what is on the disk.
    rows: list[tuple[Entry, bytes]] = field(default_factory=list)
    by_seq: dict[tuple[str, int], Commit] = field(default_factory=dict)
    last: dict[str, Commit] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    snapshot: tuple[int, str] = (0, "")

    def entries(self, start: int = 0, end: int | None = None) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`, read anew."""
        return [
            Entry(_decode_op.decode(op), e.session, e.person, e.seq, e.time_ms, e.digest)
            for e, op in self.rows[start:end]
        ]


class Disk:
    """What lasts."""

    def __init__(
        self,
        loop: VirtualLoop,
        seed: int,
        mean_ms: float,
        witness: Witness,
        beneath: Store | None,
    ) -> None:
        self.loop = loop
        self.pads: dict[int, Stored] = {}
        self.full_until = 0.0
        self.slow_until = 0.0
        # The server stands still: no answer reaches it before this.
        self.held_until = 0.0
        # What the next append, and the next read, meet.
        self.next_append: list[str] = []
        self.next_read: list[str] = []
        # Called around the next sync, if somebody waits for one.
        self.at_sync: Callable[[], object] | None = None
        self.before_sync = False
        self.witness = witness
        self.beneath = beneath
        self._seed = seed
        self._mean = mean_ms / 1000
        # How many view-only links there were beside the first ones, and who writes one now.
        self._links = 0
        self.writing_link = asyncio.Lock()

    async def create(self, name: str, epoch: str) -> Stored:
        """Make a pad."""
        key = len(self.pads) + 1
        view_key = f"view-of-{name}"
        if self.beneath is not None:
            await self.beneath.create(name, title=name, epoch=epoch, view_key=view_key, time_ms=0)
        self.pads[key] = Stored(PadRecord(key, name, name, epoch, view_key))
        return self.pads[key]

    async def wait(self) -> None:
        """The time that one thing takes."""
        # By the moment, so that leaving out what was before changes nothing now.
        seconds = Chance(self._seed, "disk", self.loop.now_ns).exponential(self._mean)
        slow_seconds = self.slow_until - self.loop.time()
        if slow_seconds > 0:
            seconds = min(seconds * _SLOW, slow_seconds + seconds)
        await asyncio.sleep(max(seconds, self.held_until - self.loop.time()))

    def refuse_if_full(self) -> None:
        """Raises NotWrittenError while nothing can be written."""
        if self.loop.time() < self.full_until:
            raise NotWrittenError("database or disk is full", "full")

    def check(self, batch: Sequence[Append]) -> None:
        """The constraints of the tables. Raises StorageError."""
        for append in batch:
            pad = self.pads[append.key]
            seen: set[tuple[str, int]] = set()
            for entry in append.entries:
                at = (entry.session, entry.seq)
                if at in pad.by_seq or at in seen:
                    raise StorageError("ConstraintError: UNIQUE (pad, author, seq)")
                seen.add(at)
            if append.revision < len(pad.rows) and append.entries:
                raise StorageError("ConstraintError: PRIMARY KEY (pad, revision)")

    async def sync(self, batch: Sequence[Append]) -> None:
        """From now on it is durable."""
        if self.beneath is not None:
            await self.beneath.append(batch)
        for append in batch:
            pad = self.pads[append.key]
            pad.profiles.update(append.profiles)
            for entry in append.entries:
                pad.rows.append((entry, _encode(entry.op)))
                commit = Commit(entry.seq, len(pad.rows), entry.digest)
                pad.by_seq[entry.session, entry.seq] = pad.last[entry.session] = commit
                self.witness.durable(pad, entry)

    async def set_link(self, pad: Stored) -> None:
        """From now on there is a new view-only link. It is the disk that names it: the server's
        key is random.
        """
        self._links += 1
        view_key = f"view-{self._links}-of-{pad.record.name}"
        if self.beneath is not None:
            nothing: dict[str, None] = {"title": None, "language": None, "view_history": None}
            await self.beneath.set_properties(pad.record.key, **nothing, view_key=view_key)
        pad.record = replace(pad.record, view_key=view_key)
        self.witness.new_link(pad)


class DiskStore:
    """The disk as one server process has it (`server.storage.Store`)."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        # The process is dead, or has closed it.
        self.closed = False
        # A sync has failed: what this process writes from now on seems to be durable, and is gone.
        self.forgets = False

    async def create(
        self, name: str, *, title: str, epoch: str, view_key: str, time_ms: int
    ) -> bool:
        """Pads are made by the world."""
        raise StorageError("read-only in the simulation")

    async def delete(self, key: int, *, time_ms: int) -> None:
        """Pads stay: whoever runs a server deletes them, and the simulation has nobody."""
        raise StorageError("pads stay in the simulation")

    async def count(self) -> int:
        """How many pads there are."""
        await self._read()
        return len(self._disk.pads)

    async def find(self, name: str) -> PadRecord | None:
        """The pad of that name."""
        await self._read()
        for pad in self._disk.pads.values():
            if pad.record.name == name:
                return pad.record
        return None

    async def find_view(self, view_key: str) -> PadRecord | None:
        """The pad of that view-only link."""
        await self._read()
        for pad in self._disk.pads.values():
            if pad.record.view_key == view_key:
                return pad.record
        return None

    async def set_properties(
        self,
        key: int,
        *,
        title: str | None,
        language: str | None,
        view_history: bool | None,
        view_key: str | None = None,
    ) -> PadRecord:
        """Give it a new view-only link; nobody changes the rest."""
        if (title, language, view_history) != (None, None, None) or view_key is None:
            raise StorageError("read-only in the simulation")
        pad = self._disk.pads[key]
        # One after the other, to the end, as in the real one.
        async with self._disk.writing_link:
            await self._turn()
            self._disk.refuse_if_full()
            await self._write(lambda: self._disk.set_link(pad))
            return pad.record

    async def load(self, key: int, *, before: int) -> Snapshot:
        """The newest snapshot, and what is around it."""
        await self._read()
        if self._disk.beneath is not None:
            return await self._disk.beneath.load(key, before=before)
        pad = self._disk.pads[key]
        revision, text = pad.snapshot
        start = max(0, revision - before)
        return Snapshot(revision, text, start, pad.entries(start), frozenset(pad.last))

    async def read(self, key: int, start: int, end: int) -> list[Entry]:
        """Entries."""
        await self._read()
        if self._disk.beneath is not None:
            return await self._disk.beneath.read(key, start, end)
        return self._disk.pads[key].entries(start, end)

    async def log_bytes(self, key: int, start: int, end: int) -> int:
        """Operations and digests."""
        await self._read()
        rows = self._disk.pads[key].rows[start:end]
        return sum(len(op) + len(entry.digest) for entry, op in rows)

    async def newest(self, key: int) -> tuple[int, int]:
        """The newest revision, and when it was made."""
        await self._read()
        rows = self._disk.pads[key].rows
        return (len(rows), rows[-1][0].time_ms) if rows else (0, 0)

    async def created_ms(self, key: int) -> int:
        """When a pad was made: at the beginning of the world."""
        await self._read()
        return 0

    async def last(self, key: int, session: str) -> Commit | None:
        """The newest entry of a session."""
        await self._read()
        if self._disk.beneath is not None:
            return await self._disk.beneath.last(key, session)
        return self._disk.pads[key].last.get(session)

    async def committed(self, key: int, session: str, seq: int) -> Commit | None:
        """One entry of a session."""
        await self._read()
        if self._disk.beneath is not None:
            return await self._disk.beneath.committed(key, session, seq)
        return self._disk.pads[key].by_seq.get((session, seq))

    async def authors(self, key: int) -> dict[str, Author]:
        """All who have typed in a pad."""
        await self._read()
        if self._disk.beneath is not None:
            return await self._disk.beneath.authors(key)
        pad = self._disk.pads[key]
        return {
            entry.session: Author(entry.session, entry.person, *pad.profiles[entry.session])
            for entry, _ in pad.rows
        }

    async def name_version(
        self, key: int, revision: int, name: str, person: str, time_ms: int
    ) -> None:
        """Versions are named on pages, which the simulation has not."""
        raise StorageError("no versions in the simulation")

    async def versions(self, key: int) -> list[Version]:
        """There are none."""
        return []

    async def append(self, batch: Sequence[Append]) -> None:
        """Make them durable, or fail; the process may die anywhere in it."""
        disk = self._disk
        await self._turn()
        disk.refuse_if_full()
        for append in batch:
            disk.witness.appending(disk.pads[append.key], append)
        disk.check(batch)

        async def sync() -> None:
            # Again: a process may have taken over meanwhile, as its own store would see.
            disk.check(batch)
            await disk.sync(batch)

        await self._write(sync)

    async def _write(self, sync: Callable[[], Awaitable[None]]) -> None:
        """Write, sync, answer."""
        disk = self._disk
        await self._turn()
        if self.forgets:
            return
        fault = disk.next_append.pop(0) if disk.next_append else ""
        if fault == "write_fails":
            raise NotWrittenError("disk I/O error", "failing")
        if fault in ("sync_fails", "sync_fails_late"):
            self.forgets = True
            if fault == "sync_fails_late":
                await sync()
            raise UntrustedDiskError("disk I/O error")
        killer, disk.at_sync = disk.at_sync, None
        if killer is not None and disk.before_sync:
            killer()
            await self._never()
        await sync()
        if killer is not None:
            killer()
            await self._never()
        await self._turn()
        if fault == "lost_reply":
            raise StorageError("disk I/O error")

    async def save_snapshot(self, key: int, *, revision: int, text: str) -> None:
        """Keep a text, in place of an older one."""
        await self._turn()
        self._disk.refuse_if_full()
        if self.forgets:
            return
        if self._disk.beneath is not None:
            await self._disk.beneath.save_snapshot(key, revision=revision, text=text)
        pad = self._disk.pads[key]
        self._disk.witness.snapshot(pad, revision, text)
        if revision > pad.snapshot[0]:
            pad.snapshot = (revision, text)

    async def probe(self) -> None:
        """Write something that changes nothing."""
        await self._turn()
        self._disk.refuse_if_full()

    @property
    def wal_bytes(self) -> int:
        """All is where it belongs."""
        return 0

    async def close(self) -> None:
        """No more of it; the process may die meanwhile."""
        await self._disk.wait()
        self.closed = True

    async def _read(self) -> None:
        await self._turn()
        if self._disk.next_read:
            raise StorageError(f"IOError: {self._disk.next_read.pop(0)}")

    async def _turn(self) -> None:
        if not self.closed:
            await self._disk.wait()
        if self.closed:
            raise ClosedError("the store is closed")

    async def _never(self) -> None:
        """Wait for the end of the process, which is near."""
        await asyncio.get_running_loop().create_future()
