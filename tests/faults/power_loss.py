"""the real store on a recorded disk: power fails at any moment, and nothing acknowledged is missing

A *life* is one process: it opens the store, and does what a hub has it do, step by step. Each step
is noted with what the store holds after it, when it began, and when the store said that it is done.
If the power fails at some event, the file must open and hold exactly what it held after a step: the
last one that was done, or one that had begun. Anything less is a loss, anything else is damage.

A *round* is some lives after one another, each on an image that the one before has left, so that
recovery itself is cut short too. All of it comes from one seed.
"""

from __future__ import annotations

import bisect
import contextlib
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from ot.log import Entry
from server.database import DATABASE
from server.folder import DataFolder, Finding
from server.simulation.disk import AtOnce
from server.sqlite import SQLiteStore
from server.storage import Append, StorageError
from tests.faults.recorded_disk import KINDS, Disk, Kind, RecordedDisk, Sync, Write
from tests.faults.workload import Contents, Workload, contents_of, in_words

__all__ = [
    "Figures",
    "Life",
    "Loss",
    "after_power_failure",
    "cramp",
    "moments",
    "recorded",
    "run_round",
    "write_image",
]

LIVES: Final = 3
STEPS: Final = 50
# The real one is 4,000: with so few, each life has some checkpoints, and WALs begun anew.
_CHECKPOINT_PAGES: Final = 24
# Of the store's cache: with so few, a large transaction goes into the WAL before it is committed.
_CACHE_PAGES: Final = 10
_WAL_HEADER_BYTES: Final = 32


class Loss(AssertionError):
    """What a power failure has done to a file that it must not do."""


@dataclass(frozen=True, slots=True)
class Step:
    """The first event that may be of this step, the first that is not, and what is there then."""

    begun: int
    done: int
    contents: Contents


@dataclass(slots=True)
class Life:
    """One process: what its disk was asked to do, and its ledger."""

    disk: RecordedDisk
    steps: list[Step]
    # So many checkpoints were written, and so many times the WAL was begun anew.
    checkpoints: int = 0
    wal_restarts: int = 0

    def allowed(self, moment: int) -> tuple[list[Contents], list[Contents]]:
        """If power fails after so many events: what the file may hold, and what is too little."""
        acknowledged = bisect.bisect_right(self.steps, moment, key=lambda step: step.done) - 1
        begun = bisect.bisect_left(self.steps, moment, key=lambda step: step.begun)
        contents = [step.contents for step in self.steps]
        return contents[acknowledged : max(begun, acknowledged + 1)], contents[:acknowledged]


@dataclass(slots=True)
class Figures:
    """What a round has seen."""

    images: int = 0
    distinct: int = 0
    syncs: int = 0
    checkpoints: int = 0
    wal_restarts: int = 0
    # Images after which the step that was under way was there, and was not.
    kept: int = 0
    dropped: int = 0
    losses: list[str] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """All of another round."""
        self.images += other.images
        self.distinct += other.distinct
        self.syncs += other.syncs
        self.checkpoints += other.checkpoints
        self.wal_restarts += other.wal_restarts
        self.kept += other.kept
        self.dropped += other.dropped
        self.losses += other.losses


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[RecordedDisk]:
    """A recording of what happens in `folder`."""
    disk = RecordedDisk(f"recorded-{folder.name}", folder)
    try:
        yield disk
    finally:
        disk.unregister()


def moments(life: Life, count: int, chance: random.Random) -> list[tuple[int, Kind]]:
    """When to let power fail, and what the disk makes of it: first around each sync, where crashes
    do the most harm, then anywhere. In order of time.
    """
    events = life.disk.events
    around = [
        number
        for index, event in enumerate(events)
        if isinstance(event, Sync)
        for number in (index, index + 1)
    ]
    chance.shuffle(around)
    chosen = around[:count]
    chosen += [chance.randint(0, len(events)) for _ in range(count - len(chosen))]
    return sorted((moment, KINDS[index % len(KINDS)]) for index, moment in enumerate(chosen))


def write_image(folder: Path, image: dict[str, bytes]) -> None:
    """Make `folder` a new one with these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in image.items():
        (folder / name).write_bytes(data)


async def after_power_failure(
    folder: Path, allowed: Sequence[Contents], earlier: Sequence[Contents] = ()
) -> Contents:
    """Open what power has left with the real store: return what it holds, which is one of
    `allowed`. Raises Loss, which says of `earlier` contents that the later ones are missing.
    """
    try:
        store = SQLiteStore(folder, worker=AtOnce)
    except StorageError as error:
        raise Loss(f"it does not open: {error}") from None
    try:
        with DataFolder(folder) as opened:
            contents = await contents_of(store, opened.names())
        if contents not in allowed:
            if contents in earlier:
                steps = len(earlier) - earlier.index(contents)
                raise Loss(f"missing: the last {steps} acknowledged steps")
            raise Loss(f"damaged: there is {in_words(contents)}; there was {in_words(allowed[0])}")
        # It goes on: the next entry of a log that is there.
        for pad in list(contents.values())[:1]:
            entry = Entry(["after"], "after power", "somebody", 1, 0, b"digest")
            revision = len(pad.entries)
            await store.append([Append(pad.record.key, revision, [entry])])
    except (StorageError, UnicodeError, msgspec.MsgspecError) as error:
        raise Loss(f"it cannot be read: {error}") from None
    finally:
        await store.close()
    with DataFolder(folder) as opened:
        wrong = opened.damage()
        for name in opened.names():
            *_, found = opened.verify(name)
            assert isinstance(found, Finding)
            wrong = wrong or found.wrong
    if wrong is not None:
        raise Loss(f"deltapad verify says: {wrong}")
    return contents


async def run_round(
    seed: int,
    images: int,
    scratch: Path,
    *,
    synchronous: str = "full",
    believes_syncs: bool = True,
) -> Figures:
    """Some lives, and so many power failures in them; `scratch` is a folder for their files.

    The last two are for showing that losses are found.
    """
    figures = Figures()
    image: dict[str, bytes] = {}
    contents: Contents = {}
    for number in range(LIVES):
        chance = random.Random(f"life {number} of round {seed}")
        folder = scratch / f"life-{seed}-{number}"
        write_image(folder, image)
        with recorded(folder) as recording:
            life = await _live(recording, folder, contents, chance, synchronous)
        figures.checkpoints += life.checkpoints
        figures.wal_restarts += life.wal_restarts
        figures.syncs += sum(isinstance(event, Sync) for event in recording.events)
        share = images // LIVES if number else images - images // LIVES * (LIVES - 1)
        chosen = moments(life, share, chance)
        goes_on = chance.randrange(len(chosen))
        disk, fed = Disk(recording.before, believes_syncs=believes_syncs), 0
        seen: set[frozenset[tuple[str, bytes]]] = set()
        for index, (moment, kind) in enumerate(chosen):
            for event in recording.events[fed:moment]:
                disk.feed(event)
            fed = moment
            left = disk.image(kind, chance)
            write_image(scratch / "image", left)
            figures.images += 1
            seen.add(frozenset((name, sha256(data).digest()) for name, data in left.items()))
            allowed, earlier = life.allowed(moment)
            try:
                found = await after_power_failure(scratch / "image", allowed, earlier)
            except Loss as loss:
                figures.losses.append(
                    f"{loss} (seed {seed}, life {number}, power fails after event {moment} of "
                    f"{len(recording.events)}, {kind} of what was not synced is there)"
                )
                continue
            if len(allowed) > 1:
                figures.kept += found == allowed[-1]
                figures.dropped += found != allowed[-1]
            if index == goes_on:
                image, contents = left, found
        figures.distinct += len(seen)
        shutil.rmtree(folder)
    return figures


async def _live(
    disk: RecordedDisk, folder: Path, contents: Contents, chance: random.Random, synchronous: str
) -> Life:
    """What a process does, from its start to its orderly end."""
    life = Life(disk, [Step(0, 0, contents)])
    hub = Workload(contents, chance)
    for _ in range(2):
        store = SQLiteStore(folder, vfs=disk.vfs_name, worker=AtOnce)
        cramp(store, synchronous=synchronous)
        for _ in range(STEPS // 2):
            begun = len(disk.events)
            await hub.step(store)
            life.steps.append(Step(begun, len(disk.events), dict(hub.contents)))
        await store.close()
    _count_checkpoints(life)
    return life


def cramp(store: SQLiteStore, *, synchronous: str = "full") -> None:
    """Let the store come to its limits soon: checkpoints, and transactions that do not fit."""
    store._writes.checkpoint_pages = _CHECKPOINT_PAGES
    store._writes.connection.pragma("cache_size", _CACHE_PAGES)
    store._writes.connection.pragma("synchronous", synchronous)


def _count_checkpoints(life: Life) -> None:
    """Of the life: a checkpoint is writes to the database, and their sync."""
    database, written = life.disk.file(DATABASE), False
    for event in life.disk.events:
        if isinstance(event, Write):
            written = written or event.file == database
            # The header of a WAL is written by itself, and there is nothing else of that size.
            life.wal_restarts += event.offset == 0 and len(event.data) == _WAL_HEADER_BYTES
        elif isinstance(event, Sync) and event.file == database:
            life.checkpoints += written
            written = False
