"""a disk that records what SQLite does to it, and what it may hold when the power fails

`RecordedDisk` is an apsw VFS over the system's own. It notes, in order, each write, truncation,
sync, creation and deletion of a database's files. `Disk` is fed these events up to some moment and
makes images of what a real disk may hold if the power fails then.

What an image may and may not have is what SQLite itself asks of a file system, and no more:

* What was in a file at its last sync is there. Every later write is there, or not, or in part, by
  sectors, each by itself: a disk writes in the order that it likes.
* A write that was under way may leave old, new, zero or any other bytes where it wrote, but none
  elsewhere ("powersafe overwrite", which SQLite's VFS for Unix claims).
* That a file was created or deleted is in its folder, which is synced by itself: the VFS for Unix
  does it at the first sync through a handle that was opened to create a journal or WAL, and at a
  deletion that asks for it. Until then the file may be missing, or be there again.

The index of the WAL (-shm) is shared memory, never synced, and gone: images do not have it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import apsw

__all__ = ["KINDS", "Disk", "Event", "Kind", "RecordedDisk", "Sync", "Write"]

# The smallest piece that a disk writes whole.
SECTOR_BYTES: Final = 512
_JOURNALS: Final = (
    apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
)

# What the disk has done of what no sync has asked for: nothing; all; a prefix; any writes whole; a
# prefix and the next write torn; any sectors.
Kind = Literal["nothing", "everything", "prefix", "writes", "torn", "sectors"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written to a file, through which of its handles. Files are numbered, since a name may
    come again.
    """

    file: int
    offset: int
    data: bytes
    handle: int = 0


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file cut, or made longer."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """All of a file is on the disk, and with `folder` the names of all files too."""

    file: int
    folder: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A name stands for this file from now on; None: the file of that name was deleted."""

    name: str
    file: int | None


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """The names of all files are on the disk."""


Event = Write | Truncate | Sync | Name | SyncFolder


class RecordedDisk(apsw.VFS):
    """The system's disk; `events` is what SQLite has done in `folder`, which may have files."""

    def __init__(self, name: str, folder: Path) -> None:
        self.vfs_name = name
        self.events: list[Event] = []
        # How often a file was opened.
        self.handles = 0
        # What the disk holds at the beginning.
        self.before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        self._folder = folder
        self._files = {name: number for number, name in enumerate(self.before)}
        self._next_file = len(self._files)
        super().__init__(name, base="")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file; temporary ones are nobody's business after a power failure."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE:
            return apsw.VFSFile("", name, flags)
        assert Path(path).parent == self._folder, f"{path} is not in {self._folder}"
        return _RecordedFile(self, name, flags, Path(path))

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Delete a file."""
        super().xDelete(filename, syncdir)
        name = Path(filename).name
        del self._files[name]
        self.events.append(Name(name, None))
        if syncdir:
            self.events.append(SyncFolder())

    def file(self, name: str) -> int:
        """The number of the file that was just opened, which may be new."""
        if name not in self._files:
            self._files[name] = self._next_file
            self._next_file += 1
            self.events.append(Name(name, self._files[name]))
        return self._files[name]


class _RecordedFile(apsw.VFSFile):
    def __init__(self, disk: RecordedDisk, name: Any, flags: list[int], path: Path) -> None:
        # As SQLite's VFS for Unix does it: UNIXFILE_DIRSYNC.
        self._sync_folder = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNALS)
        super().__init__("", name, flags)
        assert not self.xDeviceCharacteristics() & apsw.SQLITE_IOCAP_BATCH_ATOMIC, (
            "this file system has atomic batches, which are not recorded: use another folder"
        )
        self._events = disk.events
        self._file = disk.file(path.name)
        disk.handles += 1
        self._handle = disk.handles

    def xLock(self, level: int) -> None:
        """Lock it. Whoever only reads asks for the last lock too when closing, to tidy up if nobody
        else is there; the system refuses that, and SQLite expects it to.
        """
        try:
            super().xLock(level)
        except apsw.IOError as error:
            if level != apsw.SQLITE_LOCK_EXCLUSIVE:
                raise
            raise apsw.BusyError(str(error)) from error

    def xWrite(self, data: Any, offset: int) -> None:
        self._events.append(Write(self._file, offset, bytes(data), self._handle))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._events.append(Truncate(self._file, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._events.append(Sync(self._file, self._sync_folder))
        self._sync_folder = False


class Disk:
    """What is certainly on the disk, and what may be."""

    def __init__(self, before: dict[str, bytes], *, believes_syncs: bool = True) -> None:
        """`before` is on it; `believes_syncs=False` is a disk that answers, and does nothing."""
        self._believes_syncs = believes_syncs
        # By number of the file: what is there, and (number of the event, what is not yet).
        self._synced = dict(enumerate(before.values()))
        self._unsynced: dict[int, list[tuple[int, Write | Truncate]]] = {}
        # The same of the names: those that are there, and what has happened to some since.
        self._names: dict[str, int | None] = {name: number for number, name in enumerate(before)}
        self._renamed: dict[str, list[tuple[int, int | None]]] = {}
        self._number = 0

    def feed(self, event: Event) -> None:
        """The next thing that happened."""
        self._number += 1
        if isinstance(event, Write | Truncate):
            self._unsynced.setdefault(event.file, []).append((self._number, event))
        elif isinstance(event, Name):
            self._renamed.setdefault(event.name, []).append((self._number, event.file))
        elif self._believes_syncs:
            if isinstance(event, Sync):
                data = bytearray(self._synced.get(event.file, b""))
                for _, change in self._unsynced.pop(event.file, ()):
                    _apply(data, change)
                self._synced[event.file] = bytes(data)
            if isinstance(event, SyncFolder) or event.folder:
                for name, changes in self._renamed.items():
                    self._names[name] = changes[-1][1]
                self._renamed.clear()

    def image(self, kind: Kind, chance: random.Random) -> dict[str, bytes]:
        """What the disk may hold if the power fails now: files by name."""
        changes = itertools.chain(*self._unsynced.values(), *self._renamed.values())
        numbers = sorted(number for number, _ in changes)
        # Where the prefix ends; past all of it is a prefix too.
        cut = chance.choice([*numbers, self._number + 1])
        share = chance.choice([0.1, 0.5, 0.9])
        whole: dict[Kind, Callable[[int], bool]] = {
            "nothing": lambda number: False,
            "everything": lambda number: True,
            "prefix": lambda number: number < cut,
            "torn": lambda number: number < cut,
            "writes": lambda number: chance.random() < share,
            "sectors": lambda number: False,
        }
        image = {}
        for name in {**self._names, **self._renamed}:
            file = self._file(name, kind, cut, chance)
            if file is None:
                continue
            data = bytearray(self._synced.get(file, b""))
            for number, change in self._unsynced.get(file, ()):
                if whole[kind](number):
                    _apply(data, change)
                elif isinstance(change, Write) and (
                    kind == "sectors" or (kind == "torn" and number == cut)
                ):
                    _tear(data, change, chance)
            image[name] = bytes(data)
        return image

    def _file(self, name: str, kind: Kind, cut: int, chance: random.Random) -> int | None:
        """Which file has the name: the one of the last sync of the folder, or any one since."""
        versions = [self._names.get(name)]
        versions += [
            file
            for number, file in self._renamed.get(name, ())
            if kind not in ("prefix", "torn") or number < cut
        ]
        if kind in ("writes", "sectors"):
            return chance.choice(versions)
        return versions[0] if kind == "nothing" else versions[-1]


def _apply(data: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del data[change.size :]
        data.extend(bytes(change.size - len(data)))
    else:
        _put(data, change.offset, change.data)


def _put(data: bytearray, offset: int, piece: bytes) -> None:
    # Between the old end and a write behind it a file has zeros.
    data.extend(bytes(max(0, offset - len(data))))
    data[offset : offset + len(piece)] = piece


def _tear(data: bytearray, write: Write, chance: random.Random) -> None:
    """Each sector of the write is new or old, or for once zero or anything."""
    start = 0
    while start < len(write.data):
        # The first may begin inside a sector, and the last one end in it.
        end = min(len(write.data), start + SECTOR_BYTES - (write.offset + start) % SECTOR_BYTES)
        piece = write.data[start:end]
        state = chance.choices(("new", "old", "zero", "anything"), (5, 4, 1, 1))[0]
        if state == "zero":
            piece = bytes(len(piece))
        elif state == "anything":
            piece = chance.randbytes(len(piece))
        if state != "old":
            _put(data, write.offset + start, piece)
        start = end
