"""a disk on which the n-th call of a kind fails: an apsw VFS over the system's own"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

__all__ = ["KINDS", "WHILE_OPENING", "FailingDisk", "Kind"]

_numbers = itertools.count()
# The system's own, by name, since this one may become the default.
_BASE: Final = apsw.vfs_names()[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to fail: which call, what SQLite is told, and how much of a write is done first."""

    call: str
    code: int
    part: float = 0.0


# What SQLite's own VFS says when the system call fails.
KINDS: Final = {
    "full": Kind("write", apsw.SQLITE_FULL),
    "half a write, then full": Kind("write", apsw.SQLITE_FULL, part=0.5),
    "write": Kind("write", apsw.SQLITE_IOERR_WRITE),
    # All of it is there, and the answer is that it is not.
    "write that was done": Kind("write", apsw.SQLITE_IOERR_WRITE, part=1.0),
    "fsync": Kind("sync", apsw.SQLITE_IOERR_FSYNC),
    "truncate": Kind("truncate", apsw.SQLITE_IOERR_TRUNCATE),
    "read": Kind("read", apsw.SQLITE_IOERR_READ),
    "size": Kind("size", apsw.SQLITE_IOERR_FSTAT),
    "read-only": Kind("write", apsw.SQLITE_READONLY),
    "damaged": Kind("read", apsw.SQLITE_CORRUPT),
}
# What fails only while the files are opened: from then on WAL mode locks in shared memory.
WHILE_OPENING: Final = {
    "open": Kind("open", apsw.SQLITE_CANTOPEN),
    "lock": Kind("lock", apsw.SQLITE_BUSY),
    "lock fails": Kind("lock", apsw.SQLITE_IOERR_LOCK),
}


@dataclass
class FailingDisk:
    """Counts calls from `arm` on, and fails the `at`-th of its kind: once, or for `times`."""

    name: str = field(default_factory=lambda: f"failing-{next(_numbers)}")
    # For whoever does not name a file system.
    default: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    # How often the database itself was synced.
    checkpoints: int = 0
    # Calls after the first failure.
    since: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._kind: Kind | None = None
        self._at = self._times = 0
        self._vfs = _VFS(self)

    def arm(self, kind: Kind | None, at: int = 0, *, times: int = 1) -> None:
        """From now on, calls number `at` to `at + times - 1` of this kind fail."""
        self.calls.clear()
        self.since.clear()
        self.failed = self.checkpoints = 0
        self._kind, self._at, self._times = kind, at, times

    def heal(self) -> None:
        """Nothing fails any more."""
        self._kind = None

    def call(self, name: str, part: Callable[[float], None] = lambda share: None) -> None:
        """Raises what is due."""
        number = self.calls[name]
        self.calls[name] += 1
        self.since[name] += self.failed > 0
        kind = self._kind
        if kind is not None and kind.call == name and 0 <= number - self._at < self._times:
            part(kind.part)
            self.failed += 1
            raise apsw.exception_for(kind.code)

    def close(self) -> None:
        """No connection uses it any more."""
        self._vfs.unregister()


class _VFS(apsw.VFS):
    def __init__(self, disk: FailingDisk) -> None:
        self.disk = disk
        super().__init__(disk.name, base=_BASE, makedefault=disk.default)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        self.disk.call("open")
        return _File(self.disk, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
        super().__init__(_BASE, name, flags)

    # The names are SQLite's.

    def xWrite(self, data: Any, offset: int) -> None:
        def some(share: float) -> None:
            if share:
                super(_File, self).xWrite(bytes(data)[: int(len(data) * share)], offset)

        self._disk.call("write", some)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.call("sync")
        super().xSync(flags)
        self._disk.checkpoints += self._is_database

    def xTruncate(self, newsize: int) -> None:
        self._disk.call("truncate")
        super().xTruncate(newsize)

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.call("read")
        return super().xRead(amount, offset)

    def xFileSize(self) -> int:
        self._disk.call("size")
        return super().xFileSize()

    def xLock(self, level: int) -> None:
        self._disk.call("lock")
        try:
            super().xLock(level)
        except apsw.IOError as error:
            # Whoever only reads asks for it when closing; the system refuses that, and SQLite
            # expects it to.
            if level != apsw.SQLITE_LOCK_EXCLUSIVE:
                raise
            raise apsw.BusyError(str(error)) from error
