"""the embedded Store: SQLite, one writer, group commit

One thread owns the one connection that writes and checkpoints; another thread reads through a
connection of its own. Whoever appends while a transaction is being written waits for the next one,
which carries all of them: one disk wait for a batch, not one for an operation. Durable means WAL
with synchronous=FULL: the fsync is over before `append` returns.

It is apsw and not the standard library's sqlite3 because many Python builds carry a SQLite (3.7.0
to 3.51.2) with a bug by which racing checkpoints can corrupt the file; apsw brings a fixed one of
its own, the same on every machine, lets tests put a recording file system under the real store, and
releases the interpreter's lock while the disk works.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import apsw
import msgspec

from ot.document import Commit
from ot.log import Entry
from ot.operation import Component
from server.storage import SESSIONS_MAX, Append, PadRecord, Snapshot, StorageError
from server.worker import Thread, Worker

__all__ = [
    "DATABASE",
    "SCHEMA_VERSION",
    "SQLiteStore",
    "add_entry",
    "connect",
    "decode_entry",
    "lock_folder",
]

SCHEMA_VERSION = 1
# Its name in the data folder.
DATABASE = "deltapad.sqlite"
# "dpad" in ASCII: tells `file` and us whose database this is.
_APPLICATION_ID = 0x64706164
# How long a statement waits for another program (a backup tool) that holds the file, in
# milliseconds.
_BUSY_MS = 5_000
# Pages of 4 KiB in the WAL before they go over to the database: 16 MiB. With many pads at work a
# batch is some hundred pages, the same ones again and again; with 1,000, as SQLite has it, copying
# them and waiting for the disk twice more after every few batches took 13 % of the throughput.
_CHECKPOINT_PAGES = 4_000

_SCHEMA = """
CREATE TABLE pads (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    epoch TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE authors (            -- a session in a pad, and the person behind it, by public ids
    id INTEGER PRIMARY KEY,
    pad INTEGER NOT NULL REFERENCES pads (id),
    session TEXT NOT NULL,
    person TEXT NOT NULL,
    UNIQUE (pad, session)
) STRICT;
CREATE TABLE log (
    pad INTEGER NOT NULL REFERENCES pads (id),
    revision INTEGER NOT NULL,
    author INTEGER NOT NULL REFERENCES authors (id),
    seq INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    digest BLOB NOT NULL,         -- of base and operation as they were sent
    op BLOB NOT NULL,             -- JSON, as transformed; a blob, because text may hold NUL
    PRIMARY KEY (pad, revision),
    UNIQUE (pad, author, seq)     -- exactly once, whatever the code above does
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    pad INTEGER PRIMARY KEY REFERENCES pads (id),
    revision INTEGER NOT NULL,
    text BLOB NOT NULL            -- UTF-8
) STRICT;
"""

_ENTRY = "op, session, person, seq, time_ms, digest FROM log JOIN authors ON authors.id = author"

_INSERT_ENTRY = "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)"

_T = TypeVar("_T")
_decode_op: msgspec.json.Decoder[list[Component]] = msgspec.json.Decoder(list[Component])
_encode = msgspec.json.Encoder().encode


class SQLiteStore:
    """Pads in one SQLite file, `DATABASE` in a folder that only this process uses."""

    def __init__(
        self,
        folder: Path,
        *,
        vfs: str | None = None,
        worker: Callable[[str], Worker] = Thread,
    ) -> None:
        """Open or make the database. Raises StorageError if it cannot be used.

        `worker` makes what reads and what writes; `vfs` names an apsw VFS, for tests that record
        or fail the disk's calls.
        """
        self._lock = lock_folder(folder)
        try:
            self._writer_connection = connect(folder / DATABASE, vfs=vfs)
            self._reader_connection = connect(folder / DATABASE, vfs=vfs)
        except StorageError:
            self._lock.close()
            raise
        self._writer = worker("store-writer")
        self._reader = worker("store-reader")
        self._closed = False
        # (pad, session) -> row id in `authors`, of sessions that have appended since the start.
        self._authors: dict[tuple[int, str], int] = {}

    async def create(self, name: str, *, title: str, epoch: str, time_ms: int) -> bool:
        """Make an empty pad; False if there is one of that name."""

        def work(connection: apsw.Connection) -> bool:
            connection.execute(
                "INSERT OR IGNORE INTO pads (name, title, epoch, created_ms) VALUES (?, ?, ?, ?)",
                (name, title, epoch, time_ms),
            )
            return connection.changes() == 1

        return await self._write(work)

    async def find(self, name: str) -> PadRecord | None:
        """The pad of that name."""

        def work(connection: apsw.Connection) -> PadRecord | None:
            row = _first(
                connection, "SELECT id, name, title, epoch FROM pads WHERE name = ?", (name,)
            )
            return None if row is None else PadRecord(*row)

        return await self._read(work)

    async def load(self, key: int, *, before: int) -> Snapshot:
        """The newest snapshot of a pad, the log after it, and up to `before` entries before it."""

        def work(connection: apsw.Connection) -> Snapshot:
            revision, text = 0, ""
            # One transaction, so that the text is that of the revision.
            with connection:
                row = _first(connection, "SELECT revision FROM snapshots WHERE pad = ?", (key,))
                if row is not None:
                    revision = row[0]
                    # As a column it would be gathered from its pages first, and then copied.
                    with connection.blob_open("main", "snapshots", "text", key, False) as blob:
                        text = blob.read().decode()
            start = max(0, revision - before)
            rows = connection.execute(
                f"SELECT {_ENTRY} WHERE log.pad = ? AND revision > ? ORDER BY revision",
                (key, start),
            )
            entries = _entries(rows)
            sessions = connection.execute(
                "SELECT session FROM authors WHERE pad = ? LIMIT ?", (key, SESSIONS_MAX + 1)
            )
            known = frozenset(session for (session,) in sessions)
            few = len(known) <= SESSIONS_MAX
            return Snapshot(revision, text, start, entries, known if few else None)

        return await self._read(work)

    async def read(self, key: int, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""

        def work(connection: apsw.Connection) -> list[Entry]:
            rows = connection.execute(
                f"SELECT {_ENTRY} WHERE log.pad = ? AND revision > ? AND revision <= ?"
                " ORDER BY revision",
                (key, start, end),
            )
            return _entries(rows)

        return await self._read(work)

    async def last(self, key: int, session: str) -> Commit | None:
        """The newest entry of a session."""
        return await self._commit_where("TRUE ORDER BY seq DESC LIMIT 1", key, session)

    async def committed(self, key: int, session: str, seq: int) -> Commit | None:
        """The entry of a session with that seq."""
        return await self._commit_where("seq = ?", key, session, seq)

    async def _commit_where(self, condition: str, *values: Any) -> Commit | None:
        def work(connection: apsw.Connection) -> Commit | None:
            row = _first(
                connection,
                "SELECT seq, revision, digest FROM authors JOIN log"
                " ON log.pad = authors.pad AND author = authors.id"
                f" WHERE authors.pad = ? AND session = ? AND {condition}",
                values,
            )
            return None if row is None else Commit(*row)

        return await self._read(work)

    async def append(self, batch: Sequence[Append]) -> None:
        """Make all of `batch` durable, in one transaction: all of it or nothing."""

        def work(connection: apsw.Connection) -> None:
            fresh: dict[tuple[int, str], int] = {}
            with connection:
                connection.executemany(
                    _INSERT_ENTRY,
                    self._rows(connection, batch, fresh),
                )
            # Only now: had it failed, the new authors would not be in the file.
            self._authors.update(fresh)

        await self._write(work)

    def _rows(
        self,
        connection: apsw.Connection,
        batch: Sequence[Append],
        fresh: dict[tuple[int, str], int],
    ) -> Iterable[tuple[int, int, int, int, int, bytes, bytes]]:
        for append in batch:
            for revision, entry in enumerate(append.entries, append.revision + 1):
                at = (append.key, entry.session)
                author = self._authors.get(at) or fresh.get(at)
                if author is None:
                    author = fresh[at] = _author(connection, append.key, entry)
                yield _row(append.key, revision, author, entry)

    async def save_snapshot(self, key: int, *, revision: int, text: str) -> None:
        """Keep the text at a revision, in place of older ones."""

        def work(connection: apsw.Connection) -> None:
            connection.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?) ON CONFLICT (pad) DO UPDATE"
                " SET revision = excluded.revision, text = excluded.text"
                " WHERE excluded.revision > revision",
                (key, revision, text.encode()),
            )

        await self._write(work)

    async def close(self) -> None:
        """Finish what was asked for, then close."""
        self._closed = True
        for worker in (self._reader, self._writer):
            await asyncio.to_thread(worker.stop)
        self._reader_connection.close()
        self._writer_connection.close()
        self._lock.close()

    async def _write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        return await self._run(self._writer, work, self._writer_connection)

    async def _read(self, work: Callable[[apsw.Connection], _T]) -> _T:
        return await self._run(self._reader, work, self._reader_connection)

    async def _run(
        self,
        worker: Worker,
        work: Callable[[apsw.Connection], _T],
        connection: apsw.Connection,
    ) -> _T:
        if self._closed:
            raise StorageError("the store is closed")
        try:
            return await worker.run(lambda: work(connection))
        except apsw.Error as error:
            raise StorageError(f"{type(error).__name__}: {error}") from error


def connect(path: Path, *, readonly: bool = False, vfs: str | None = None) -> apsw.Connection:
    """Open a database, and make it unless `readonly`. Raises StorageError if it cannot be used."""
    flags = apsw.SQLITE_OPEN_READONLY
    if not readonly:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_timeout(_BUSY_MS)
        # Before anything is written: the file may not be ours.
        _migrate(connection)
        if not readonly:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
            connection.pragma("foreign_keys", True)
    except apsw.Error as error:
        raise StorageError(f"{path}: {error}") from error
    return connection


def lock_folder(folder: Path) -> IO[str]:
    """Make the folder, and hold it for this process alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise StorageError(f"cannot write to the data folder {folder}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StorageError(
            f"the data folder {folder} is in use by another deltapad; stop that one, "
            "or choose another folder with --data"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _migrate(connection: apsw.Connection) -> None:
    """Bring the file to the schema of this version, in one transaction."""
    version = connection.pragma("user_version")
    if version == SCHEMA_VERSION and connection.pragma("application_id") == _APPLICATION_ID:
        return
    if version or _first(connection, "SELECT 1 FROM sqlite_schema", ()):
        raise StorageError(
            f"the database has schema {version}, this deltapad knows {SCHEMA_VERSION}: "
            "it was written by a newer version, or is not deltapad's"
        )
    with connection:
        connection.execute(_SCHEMA)
        connection.pragma("user_version", SCHEMA_VERSION)
        connection.pragma("application_id", _APPLICATION_ID)


def add_entry(
    connection: apsw.Connection, key: int, revision: int, entry: Entry, authors: dict[str, int]
) -> None:
    """Append one entry, in the transaction that is open; `authors` are those that it has made."""
    author = authors.get(entry.session)
    if author is None:
        author = authors[entry.session] = _author(connection, key, entry)
    connection.execute(_INSERT_ENTRY, _row(key, revision, author, entry))


def _row(
    key: int, revision: int, author: int, entry: Entry
) -> tuple[int, int, int, int, int, bytes, bytes]:
    op = _encode(entry.op)
    return key, revision, author, entry.seq, entry.time_ms, entry.digest, op


def _author(connection: apsw.Connection, key: int, entry: Entry) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO authors (pad, session, person) VALUES (?, ?, ?)",
        (key, entry.session, entry.person),
    )
    row = _first(
        connection,
        "SELECT id FROM authors WHERE pad = ? AND session = ?",
        (key, entry.session),
    )
    assert row is not None
    return int(row[0])


def _first(connection: apsw.Connection, sql: str, values: Sequence[Any]) -> Any:
    return next(connection.execute(sql, values), None)


def decode_entry(row: Sequence[Any]) -> Entry:
    """An entry of a row: op, session, person, seq, time, digest."""
    op, session, person, seq, time_ms, digest = row
    # The ids are the same few again and again: kept in memory once.
    session, person = sys.intern(session), sys.intern(person)
    return Entry(_decode_op.decode(op), session, person, seq, time_ms, digest)


def _entries(rows: Iterable[Any]) -> list[Entry]:
    return [decode_entry(row) for row in rows]
