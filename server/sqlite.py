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
import contextlib
import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import apsw

from ot.document import Commit
from ot.log import Entry
from server.database import DATABASE, SCHEMA_VERSION, connect, lock_folder
from server.rows import (
    INSERT_ENTRY,
    SELECT_ENTRY,
    add_pad,
    author_row,
    checksum,
    decode_entry,
    decode_log,
    encode_entry,
    first,
    keep_snapshot,
    name_authors,
    read_pad,
    read_snapshot,
    seal,
)
from server.storage import (
    SESSIONS_MAX,
    Append,
    Author,
    ClosedError,
    DamagedError,
    PadRecord,
    Snapshot,
    StorageError,
    Version,
)
from server.tombstones import count_pads, delete_pad, refuse_if_deleted
from server.worker import Thread, Worker
from server.writer import Writer

__all__ = ["SQLiteStore"]

_log = logging.getLogger("deltapad.store")

_T = TypeVar("_T")

# Sessions whose rows are known without asking the file, some 250 bytes each: more than can be
# connected, since every form that is sent back is a session of its own.
_AUTHOR_ROWS_MAX = 50_000


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
        with contextlib.ExitStack() as undo:
            self._lock = undo.enter_context(lock_folder(folder))
            writing = undo.enter_context(contextlib.closing(connect(folder / DATABASE, vfs=vfs)))
            # It cannot write, nor checkpoint: that is for one connection alone.
            self._reader_connection = connect(folder / DATABASE, readonly=True, vfs=vfs)
            undo.pop_all()
        self._writes = Writer(writing)
        self._writer = worker("store-writer")
        self._reader = worker("store-reader")
        self._closed = False
        # (pad, session) -> row id in `authors`, of sessions that have appended, the newest last.
        self._authors: dict[tuple[int, str], int] = {}

    async def create(
        self, name: str, *, title: str, epoch: str, view_key: str, time_ms: int
    ) -> bool:
        """Make an empty pad; False if there is one of that name, or was one."""
        return await self._write(
            lambda connection: add_pad(connection, name, title, epoch, view_key, time_ms)
        )

    async def delete(self, key: int, *, time_ms: int) -> None:
        """Delete all of a pad but a tombstone."""
        await self._run(self._writer, lambda: delete_pad(self._writes, key, time_ms))
        for at in [at for at in self._authors if at[0] == key]:
            del self._authors[at]

    async def count(self) -> int:
        """How many pads there are."""
        return await self._read(count_pads)

    async def find(self, name: str) -> PadRecord | None:
        """The pad of that name. Raises GoneError if it was deleted."""
        return await self._read(lambda connection: _find(connection, "name", name))

    async def find_view(self, view_key: str) -> PadRecord | None:
        """The pad of that view-only link. Raises GoneError if it was deleted."""
        return await self._read(lambda connection: _find(connection, "view_key", view_key))

    async def set_properties(
        self,
        key: int,
        *,
        title: str | None,
        language: str | None,
        view_history: bool | None,
        view_key: str | None = None,
    ) -> PadRecord:
        """Change what is said of a pad, and return all of it then; None changes nothing."""

        def work(connection: apsw.Connection) -> PadRecord:
            # What is damaged is not given a checksum as if it were right.
            read_pad(connection, "id = ?", key)
            connection.execute(
                "UPDATE pads SET title = ifnull(?, title), language = ifnull(?, language),"
                " view_history = ifnull(?, view_history), view_key = ifnull(?, view_key)"
                " WHERE id = ?",
                (title, language, view_history, view_key, key),
            )
            seal(connection, "pads", key)
            record = read_pad(connection, "id = ?", key)
            if record is None:
                raise StorageError(f"pad {key} was deleted meanwhile")
            return record

        return await self._write(work)

    async def load(self, key: int, *, before: int) -> Snapshot:
        """The newest snapshot of a pad, the log after it, and up to `before` entries before it."""

        def work(connection: apsw.Connection) -> Snapshot:
            # One transaction, so that the text is that of the revision.
            with connection:
                revision, text = read_snapshot(connection, key)
            start = max(0, revision - before)
            rows = connection.execute(
                f"{SELECT_ENTRY} WHERE log.pad = ? AND revision > ? ORDER BY revision",
                (key, start),
            )
            entries = decode_log(key, start, rows)
            if start + len(entries) < revision:
                raise DamagedError(f"revision {start + len(entries) + 1} of pad {key} is missing")
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
                f"{SELECT_ENTRY} WHERE log.pad = ? AND revision > ? AND revision <= ?"
                " ORDER BY revision",
                (key, start, end),
            )
            return decode_log(key, start, rows)

        return await self._read(work)

    async def log_bytes(self, key: int, start: int, end: int) -> int:
        """How long the entries from revision `start` to `end` are: operations and digests."""

        def work(connection: apsw.Connection) -> int:
            # Of a blob SQLite knows the length without reading it.
            sql = (
                "SELECT ifnull(sum(length(op) + length(digest)), 0) FROM log"
                " WHERE pad = ? AND revision > ? AND revision <= ?"
            )
            return int(first(connection, sql, (key, start, end))[0])

        return await self._read(work)

    async def newest(self, key: int) -> tuple[int, int]:
        """The newest revision of a pad, and when it was made, in milliseconds; when the pad was
        made, if nothing has been written.
        """

        def work(connection: apsw.Connection) -> tuple[int, int]:
            row = first(
                connection,
                "SELECT revision, time_ms FROM log WHERE pad = ? ORDER BY revision DESC LIMIT 1",
                (key,),
            )
            return (row[0], row[1]) if row else (0, _created_ms(connection, key))

        return await self._read(work)

    async def created_ms(self, key: int) -> int:
        """When a pad was made."""
        return await self._read(lambda connection: _created_ms(connection, key))

    async def last(self, key: int, session: str) -> Commit | None:
        """The newest entry of a session."""
        return await self._commit_where("TRUE ORDER BY seq DESC LIMIT 1", key, session)

    async def committed(self, key: int, session: str, seq: int) -> Commit | None:
        """The entry of a session with that seq."""
        return await self._commit_where("seq = ?", key, session, seq)

    async def _commit_where(self, condition: str, *values: Any) -> Commit | None:
        def work(connection: apsw.Connection) -> Commit | None:
            row = first(
                connection,
                f"{SELECT_ENTRY} AND log.pad = authors.pad"
                f" WHERE authors.pad = ? AND session = ? AND {condition}",
                values,
            )
            if row is None:
                return None
            entry = decode_entry(row)
            return Commit(entry.seq, row[1], entry.digest)

        return await self._read(work)

    async def authors(self, key: int) -> dict[str, Author]:
        """All who have typed in a pad, by session."""

        def work(connection: apsw.Connection) -> dict[str, Author]:
            rows = connection.execute(
                "SELECT session, person, name, color FROM authors WHERE pad = ?", (key,)
            )
            return {session: Author(session, *rest) for session, *rest in rows}

        return await self._read(work)

    async def name_version(
        self, key: int, revision: int, name: str, person: str, time_ms: int
    ) -> None:
        """Give a revision a name, in place of an older one; an empty name takes it away."""

        def work(connection: apsw.Connection) -> None:
            if name:
                row = (key, revision, name, person, time_ms)
                connection.execute(
                    "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)",
                    (*row, checksum(*row)),
                )
            else:
                connection.execute(
                    "DELETE FROM versions WHERE pad = ? AND revision = ?", (key, revision)
                )

        await self._write(work)

    async def versions(self, key: int) -> list[Version]:
        """The revisions that have names, oldest first."""

        def work(connection: apsw.Connection) -> list[Version]:
            rows = connection.execute(
                "SELECT revision, name, person, time_ms FROM versions WHERE pad = ?"
                " ORDER BY revision",
                (key,),
            )
            return [Version(*row) for row in rows]

        return await self._read(work)

    async def append(self, batch: Sequence[Append]) -> None:
        """Make all of `batch` durable, in one transaction: all of it or nothing."""
        fresh: dict[tuple[int, str], int] = {}

        def work(connection: apsw.Connection) -> None:
            connection.executemany(INSERT_ENTRY, self._rows(connection, batch, fresh))
            for append in batch:
                if append.profiles:
                    name_authors(connection, append.key, append.profiles)

        await self._write(work)
        # Only now: had it failed, the new authors would not be in the file.
        self._authors.update(fresh)
        while len(self._authors) > _AUTHOR_ROWS_MAX:
            del self._authors[next(iter(self._authors))]

    def _rows(
        self,
        connection: apsw.Connection,
        batch: Sequence[Append],
        fresh: dict[tuple[int, str], int],
    ) -> Iterable[tuple[int, int, int, int, int, bytes, bytes, int]]:
        for append in batch:
            for revision, entry in enumerate(append.entries, append.revision + 1):
                at = (append.key, entry.session)
                author = self._authors.get(at) or fresh.get(at)
                if author is None:
                    author = fresh[at] = author_row(connection, append.key, entry)
                yield encode_entry(append.key, revision, author, entry)

    async def save_snapshot(self, key: int, *, revision: int, text: str) -> None:
        """Keep the text at a revision, in place of older ones."""

        await self._write(lambda connection: keep_snapshot(connection, key, revision, text))

    async def probe(self) -> None:
        """Write something that changes nothing, and make it durable."""

        def work(connection: apsw.Connection) -> None:
            # Even with the value that it has, a page is written for it.
            connection.pragma("user_version", SCHEMA_VERSION)

        await self._write(work)

    @property
    def wal_bytes(self) -> int:
        """How much is in the WAL."""
        return self._writes.wal_bytes

    async def close(self) -> None:
        """Finish what was asked for, then close. Raises UntrustedDiskError."""
        if self._closed:
            return
        self._closed = True
        for worker in (self._reader, self._writer):
            await asyncio.to_thread(worker.stop)
        self._reader_connection.close()
        try:
            await asyncio.to_thread(self._writes.close)
        finally:
            self._lock.close()

    async def _write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        return await self._run(self._writer, lambda: self._writes.do(work))

    async def _read(self, work: Callable[[apsw.Connection], _T]) -> _T:
        def job() -> _T:
            try:
                return work(self._reader_connection)
            except Exception as error:
                # Its frames have the rows that were not read, and while somebody keeps it, these
                # would keep the connection at the file as it is now, for all pads.
                traceback.clear_frames(error.__traceback__)
                raise

        return await self._run(self._reader, job)

    async def _run(self, worker: Worker, job: Callable[[], _T]) -> _T:
        if self._closed:
            raise ClosedError("the store is closed")
        try:
            return await worker.run(job)
        except (DamagedError, UnicodeDecodeError) as error:
            # The pad stays as it is; who runs the server has to hear of it.
            _log.error("damaged, and not opened: %s; `deltapad verify` says more", error)
            raise DamagedError(str(error)) from error
        except apsw.Error as error:
            raise StorageError(f"{type(error).__name__}: {error}") from error


def _find(
    connection: apsw.Connection, column: Literal["name", "view_key"], value: str
) -> PadRecord | None:
    # Of one moment: a pad that is deleted in between is not taken for one that never was.
    with connection:
        record = read_pad(connection, f"{column} = ?", value)
        if record is None:
            refuse_if_deleted(connection, column, value)
    return record


def _created_ms(connection: apsw.Connection, key: int) -> int:
    row = first(connection, "SELECT created_ms FROM pads WHERE id = ?", (key,))
    if row is None:
        raise StorageError(f"pad {key} was deleted meanwhile")
    return int(row[0])
