"""the Store interface, and what is kept in it

A store keeps pads, their logs and snapshots. It is told what to append and says when that is
durable; it never transforms, and it never reads the clock. `server/sqlite.py` is the embedded one.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ot.document import Commit
from ot.log import Entry
from ot.messages import StorageState, encode
from ot.operation import Operation

__all__ = [
    "SESSIONS_MAX",
    "UNTITLED",
    "Append",
    "Author",
    "ClosedError",
    "DamagedError",
    "NotWrittenError",
    "PadRecord",
    "Profile",
    "Snapshot",
    "StorageError",
    "Store",
    "UntrustedDiskError",
    "Version",
    "encode_op",
    "new_view_key",
]

# Sessions of a pad that are known by name while it is in memory, some 100 bytes each. In a pad with
# more of them, the store is asked about each one that comes.
SESSIONS_MAX: Final = 1_000
# The title of a pad that nobody has named.
UNTITLED: Final = "Untitled pad"
# 12 characters of 62: 71 bits, which nobody guesses over a network.
_VIEW_KEY_LENGTH: Final = 12
_ALPHABET: Final = string.ascii_letters + string.digits

# What somebody is called, and their colour.
Profile = tuple[str, int]


def new_view_key() -> str:
    """The key of a new view-only link."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_VIEW_KEY_LENGTH))


def encode_op(op: Operation) -> bytes:
    """An operation as it is kept: JSON."""
    return encode(op)


class StorageError(Exception):
    """The store could not do it. What was to be appended is not acknowledged; it may or may not be
    on the disk.
    """


class NotWrittenError(StorageError):
    """Nothing of it was written, and the same may be tried again; `state` says what is the matter
    with the disk.
    """

    def __init__(self, message: str, state: StorageState) -> None:
        super().__init__(message)
        self.state = state


class UntrustedDiskError(StorageError):
    """What is on the disk is not known any more, as after a failed fsync: this process may try
    nothing again, and acknowledge nothing.
    """


class ClosedError(StorageError):
    """The store is closed, since the process ends: nothing was tried."""


class DamagedError(StorageError):
    """What is stored is not what was written: a row is missing or has changed. It is not used."""


@dataclass(frozen=True, slots=True)
class PadRecord:
    """A pad as the store knows it. `epoch` is random and changes when a pad is restored to an older
    state. `name` is the key of its edit link, `view_key` that of its view-only link; `view_history`
    is whether those who came by that one may see the history.
    """

    key: int
    name: str
    title: str
    epoch: str
    view_key: str
    language: str = "markdown"
    view_history: bool = True

    @property
    def title_for_readers(self) -> str:
        """The title as view-only visitors see it: never the key of the edit link, which a pad that
        was made without a title has as its title.
        """
        return UNTITLED if self.title == self.name else self.title


@dataclass(frozen=True, slots=True)
class Author:
    """A session that has typed in a pad, the person behind it, and what they were called last."""

    session: str
    person: str
    name: str
    color: int


@dataclass(frozen=True, slots=True)
class Version:
    """A revision with a name, and who gave it when."""

    revision: int
    name: str
    person: str
    time_ms: int


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
    """Entries to add to the log of pad `key`, the first of which makes revision `revision + 1`, and
    what their authors are called, as far as that is new.
    """

    key: int
    revision: int
    entries: Sequence[Entry]
    profiles: Mapping[str, Profile] = field(default_factory=dict)


class Store(Protocol):
    """Where pads are kept. Every method raises StorageError if it cannot; what writes raises
    NotWrittenError and UntrustedDiskError where that is known.
    """

    async def create(
        self, name: str, *, title: str, epoch: str, view_key: str, time_ms: int
    ) -> bool:
        """Make an empty pad; False if there is one of that name, or was one."""

    async def delete(self, key: int, *, time_ms: int) -> None:
        """Delete all of a pad but a tombstone: its name, its view-only key, and when."""

    async def count(self) -> int:
        """How many pads there are."""

    async def find(self, name: str) -> PadRecord | None:
        """The pad of that name. Raises GoneError if it was deleted."""

    async def find_view(self, view_key: str) -> PadRecord | None:
        """The pad of that view-only link. Raises GoneError if it was deleted."""

    async def set_properties(
        self,
        key: int,
        *,
        title: str | None,
        language: str | None,
        view_history: bool | None,
        view_key: str | None = None,
    ) -> PadRecord:
        """Change what is said of a pad, and return all of it as it is then; None changes nothing.
        Callers hear of their changes in the order in which they were made.
        """

    async def load(self, key: int, *, before: int) -> Snapshot:
        """The newest snapshot of a pad, the log after it, and up to `before` entries before it."""

    async def read(self, key: int, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""

    async def log_bytes(self, key: int, start: int, end: int) -> int:
        """How long the entries from revision `start` to `end` are as they are kept: operations and
        digests, without what is around them.
        """

    async def newest(self, key: int) -> tuple[int, int]:
        """The newest revision of a pad, and when it was made, in milliseconds; when the pad was
        made, if nothing has been written.
        """

    async def created_ms(self, key: int) -> int:
        """When a pad was made."""

    async def last(self, key: int, session: str) -> Commit | None:
        """The newest entry of a session."""

    async def committed(self, key: int, session: str, seq: int) -> Commit | None:
        """The entry of a session with that seq."""

    async def authors(self, key: int) -> dict[str, Author]:
        """All who have typed in a pad, by session."""

    async def name_version(
        self, key: int, revision: int, name: str, person: str, time_ms: int
    ) -> None:
        """Give a revision a name, in place of an older one; an empty name takes it away."""

    async def versions(self, key: int) -> list[Version]:
        """The revisions that have names, oldest first."""

    async def append(self, batch: Sequence[Append]) -> None:
        """Make all of `batch` durable, in one transaction: all of it or nothing."""

    async def save_snapshot(self, key: int, *, revision: int, text: str) -> None:
        """Keep the text at a revision, in place of older ones."""

    async def probe(self) -> None:
        """Write something that changes nothing, and make it durable."""

    @property
    def wal_bytes(self) -> int:
        """How much has been written that is not where it belongs yet."""

    async def close(self) -> None:
        """Finish what was asked for, then close. Raises UntrustedDiskError."""
