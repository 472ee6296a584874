"""the Store interface, and what is kept in it

A store keeps pads, their logs and snapshots. It is told what to append and says when that is
durable; it never transforms, and it never reads the clock. `server/sqlite.py` is the embedded one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ot.document import Commit
from ot.log import Entry

__all__ = ["SESSIONS_MAX", "Append", "PadRecord", "Snapshot", "StorageError", "Store"]

# Sessions of a pad that are known by name while it is in memory, some 100 bytes each. In a pad with
# more of them, the store is asked about each one that comes.
SESSIONS_MAX: Final = 1_000


class StorageError(Exception):
    """The store could not do it. What was to be appended is not acknowledged; it may or may not be
    on the disk.
    """


@dataclass(frozen=True, slots=True)
class PadRecord:
    """A pad as the store knows it. `epoch` is random and changes when a pad is restored to an older
    state.
    """

    key: int
    name: str
    title: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The text at a revision, all entries after revision `start`, which may be earlier, and all
    sessions that have committed something; None for `sessions` if they are more than
    `SESSIONS_MAX`.
    """

    revision: int
    text: str
    start: int
    entries: list[Entry]
    sessions: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Append:
    """Entries to add to the log of pad `key`, the first of which makes revision `revision + 1`."""

    key: int
    revision: int
    entries: Sequence[Entry]


class Store(Protocol):
    """Where pads are kept. Every method raises StorageError if it cannot."""

    async def create(self, name: str, *, title: str, epoch: str, time_ms: int) -> bool:
        """Make an empty pad; False if there is one of that name."""

    async def find(self, name: str) -> PadRecord | None:
        """The pad of that name."""

    async def load(self, key: int, *, before: int) -> Snapshot:
        """The newest snapshot of a pad, the log after it, and up to `before` entries before it."""

    async def read(self, key: int, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""

    async def last(self, key: int, session: str) -> Commit | None:
        """The newest entry of a session."""

    async def committed(self, key: int, session: str, seq: int) -> Commit | None:
        """The entry of a session with that seq."""

    async def append(self, batch: Sequence[Append]) -> None:
        """Make all of `batch` durable, in one transaction: all of it or nothing."""

    async def save_snapshot(self, key: int, *, revision: int, text: str) -> None:
        """Keep the text at a revision, in place of older ones."""

    async def close(self) -> None:
        """Finish what was asked for, then close."""
