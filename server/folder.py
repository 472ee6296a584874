"""a data folder without a server: its pads listed, read, imported, verified"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import apsw
import msgspec

from ot.errors import OperationError
from ot.log import Entry
from ot.operation import validate
from ot.text import Text
from ot.traces import LogHeader, LogReader, TraceError, text_hash
from server.database import CHECKED_SINCE, DATABASE, DELETES_SINCE, connect, lock_folder
from server.rows import COLUMNS, add_entry, add_pad, check_row, decode_entry, first, keep_snapshot
from server.storage import DamagedError, StorageError, UntrustedDiskError, new_view_key
from server.tombstones import delete_pad, refuse_if_deleted
from server.writer import Writer

__all__ = ["DataFolder", "Finding", "Imported"]

# What a row of the log that cannot be read raises.
_WRONG = (DamagedError, OperationError, msgspec.MsgspecError, UnicodeError, RecursionError)
# As SELECT_ENTRY gives it; without a checksum from files that are older than that.
EntryRow = tuple[int, int, str, str, int, int, bytes, bytes, int | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What verifying a pad has found: how far its log is right, and what is wrong after that, or
    with its snapshot (None: nothing).
    """

    name: str
    revision: int
    length: int
    sessions: int
    hash: str
    wrong: str | None


@dataclass(frozen=True, slots=True)
class Imported:
    """A pad from a log: how many revisions of it, and the damage that the log ended with."""

    name: str
    revision: int
    damage: TraceError | None


class DataFolder:
    """The pads in a folder, read beside a running server, or with `write` held by us alone.

    Every method raises StorageError if the database cannot be used.
    """

    def __init__(self, folder: Path, *, write: bool = False, database: str = DATABASE) -> None:
        """Raises StorageError if there is no database, or another program holds the folder."""
        self._exit = contextlib.ExitStack()
        path = folder / database
        if write:
            self._exit.enter_context(lock_folder(folder))
        elif not path.is_file():
            raise StorageError(f"there is no deltapad database in {folder}; see --data")
        try:
            self._connection = connect(path, readonly=not write)
        except BaseException:
            self._exit.close()
            raise
        self._exit.callback(self._connection.close)
        # Files older than the checksums have none.
        self._checked = self._connection.pragma("user_version") >= CHECKED_SINCE

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()
        if isinstance(error, apsw.Error):
            kind_of = DamagedError if isinstance(error, apsw.CorruptError) else StorageError
            raise kind_of(f"{type(error).__name__}: {error}") from error
        if isinstance(error, UnicodeDecodeError):
            raise DamagedError(f"a text is not UTF-8 any more: {error}") from error

    def names(self) -> list[str]:
        """All pads, by name."""
        return [row[0] for row in self._connection.execute("SELECT name FROM pads ORDER BY name")]

    def header(self, name: str) -> LogHeader | None:
        """What a log export of a pad begins with; None if there is no such pad."""
        rows = self._connection.execute(
            "SELECT name, title, created_ms FROM pads WHERE name = ?", (name,)
        )
        return next((LogHeader(*row) for row in rows), None)

    def newest(self, name: str) -> int:
        """The newest revision of a pad."""
        rows = self._connection.execute(
            "SELECT ifnull(max(revision), 0) FROM log"
            " WHERE pad = (SELECT id FROM pads WHERE name = ?)",
            (name,),
        )
        return next(int(row[0]) for row in rows)

    def entries(self, name: str) -> Iterator[Entry]:
        """The log of a pad as it is now, entry by entry: what is appended meanwhile is not in it.

        Raises StorageError at an entry that is missing.
        """
        for expected, row in enumerate(self._rows(name), 1):
            if row[1] != expected:
                raise DamagedError(f"revision {expected} of {name} is missing: verify the pad")
            yield decode_entry(row)

    def _rows(self, name: str) -> Iterator[EntryRow]:
        return self._connection.execute(
            f"SELECT {COLUMNS['log']}, {'log.checksum' if self._checked else 'NULL'} FROM log"
            " JOIN authors ON authors.id = author"
            " WHERE log.pad = (SELECT id FROM pads WHERE name = ?) ORDER BY revision",
            (name,),
        )

    def import_log(self, reader: LogReader, name: str, *, keep: bool) -> Imported | None:
        """Make a pad of a log, with an epoch of its own, in one transaction; None if there is one
        of that name.

        At damage nothing is written and TraceError is raised; with `keep` the pad has all before
        it. Raises StorageError if a pad of that name was deleted.
        """
        connection, header = self._connection, reader.header
        damage: TraceError | None = None
        with connection:
            epoch, created_ms = secrets.token_urlsafe(9), header.created_ms
            if not add_pad(connection, name, header.title, epoch, new_view_key(), created_ms):
                if any(tombstone[1] == name for tombstone in self._tombstones()):
                    raise StorageError(f"a pad {name} was deleted: its name is not given again")
                return None
            key = connection.last_insert_rowid()
            authors: dict[str, int] = {}
            try:
                for entry in reader:
                    add_entry(connection, key, reader.revision, entry, authors)
            except TraceError as error:
                if not keep:
                    raise
                damage = error
            # Whoever opens it first does not have to compose its whole history.
            keep_snapshot(connection, key, reader.revision, str(reader.text))
        return Imported(name, reader.revision, damage)

    def delete(self, name: str, *, time_ms: int) -> int | None:
        """Delete all of a pad but a tombstone, durably; the id that it had, None if there is no
        such pad. Raises GoneError; DamagedError, and nothing is deleted, if the file would not be
        sound without it: then rows of it may be where they cannot be found.
        """
        row = first(self._connection, "SELECT id FROM pads WHERE name = ?", (name,))
        if row is None:
            refuse_if_deleted(self._connection, "name", name)
            return None
        key = int(row[0])

        def check(connection: apsw.Connection) -> None:
            wrong = self._structure() or _left_of(connection, key)
            if wrong is not None:
                raise DamagedError(f"without {name} the database would not be sound: {wrong}")

        try:
            delete_pad(Writer(self._connection), key, time_ms, check=check)
        except UntrustedDiskError as error:
            # Nobody waits for this process to go on, and SQLite has taken it back.
            if isinstance(error.__cause__, apsw.CorruptError):
                raise DamagedError(str(error)) from error
            raise
        return key

    def deleted_key(self, name: str) -> int | None:
        """The id that a pad had which was deleted; None if there was none of that name."""
        row = first(self._connection, "SELECT id FROM deleted WHERE name = ?", (name,))
        return None if row is None else int(row[0])

    def damage(self) -> str | None:
        """What SQLite itself finds wrong with the file, or what is with a tombstone."""
        wrong = self._structure()
        if wrong is not None:
            return wrong
        try:
            for row in self._tombstones():
                check_row(f"the tombstone of pad {row[0]}", row)
        except DamagedError as error:
            return str(error)
        return None

    def _structure(self) -> str | None:
        for pragma in ("integrity_check(1)", "foreign_key_check"):
            for row in self._connection.execute(f"PRAGMA {pragma}"):
                if row[0] != "ok":
                    return f"{pragma.partition('(')[0]}: {' '.join(map(str, row))}"
        return None

    def _tombstones(self) -> Iterator[Sequence[Any]]:
        if self._connection.pragma("user_version") < DELETES_SINCE:
            return iter(())
        return self._connection.execute(f"SELECT {COLUMNS['deleted']}, checksum FROM deleted")

    def verify(self, name: str) -> Iterator[int | Finding]:
        """Check a pad: yields how far it is, now and then, and at last what it has found."""
        # Of one moment: a server may write, or delete it, meanwhile.
        with self._connection:
            yield from self._verify(name)

    def _verify(self, name: str) -> Iterator[int | Finding]:
        check = _Check(self._snapshot(name))
        wrong = self._damaged_row(name)
        for row in self._rows(name) if wrong is None else ():
            wrong = check.entry(row)
            if wrong is not None:
                break
            if check.revision % 1_000 == 0:
                yield check.revision
        text = str(check.text)
        yield Finding(
            name=name,
            revision=check.revision,
            length=len(text),
            sessions=len(check.seqs),
            hash=text_hash(text),
            wrong=wrong or check.end(),
        )

    def _damaged_row(self, name: str) -> str | None:
        """Which of the rows beside its log is not as it was written."""
        if not self._checked:
            return None
        for table in ("pads", "authors", "versions", "snapshots"):
            rows = self._connection.execute(
                f"SELECT {COLUMNS[table]}, checksum FROM {table}"
                f" WHERE {'id' if table == 'pads' else 'pad'} ="
                " (SELECT id FROM pads WHERE name = ?)",
                (name,),
            )
            try:
                for row in rows:
                    check_row(f"a row of {table}", row)
            except DamagedError as error:
                return str(error)
        return None

    def _snapshot(self, name: str) -> tuple[int, bytes] | None:
        rows = self._connection.execute(
            "SELECT revision, text FROM snapshots JOIN pads ON pads.id = pad WHERE name = ?",
            (name,),
        )
        return next(rows, None)


def _left_of(connection: apsw.Connection, key: int) -> str | None:
    """A row that was written for a pad, and has the number of another one now. In the other tables
    such a row is missing from an index, which `integrity_check` finds.
    """
    for table in ("snapshots", "versions"):
        columns = COLUMNS[table].replace("pad", "?1", 1)
        sql = f"SELECT pad FROM {table} WHERE pad != ?1 AND checksum = checksum({columns})"
        row = first(connection, sql, (key,))
        if row is not None:
            return f"a row of {table} that belongs to it has come to pad {row[0]}"
    return None


class _Check:
    """Holds a log and its snapshot against the rules, entry by entry."""

    def __init__(self, snapshot: tuple[int, bytes] | None) -> None:
        self.text = Text()
        self.revision = 0
        self.seqs: dict[str, int] = {}
        self._snapshot = snapshot
        self._people: dict[str, str] = {}

    def entry(self, row: EntryRow) -> str | None:
        """One more entry; what is wrong with it."""
        _, revision, session, _, seq, _, digest, op, _ = row
        if revision != self.revision + 1:
            return f"revision {self.revision + 1} is missing"
        try:
            check_row("the row", row)
            self.text.apply(validate(msgspec.json.decode(op)))
        except _WRONG as error:
            return f"revision {revision}: {error}"
        last = self.seqs.get(session, 0)
        if seq != last + 1:
            return f"revision {revision}: seq {seq} of session {session} follows its seq {last}"
        if not digest:
            return f"revision {revision}: it has no digest"
        self.seqs[session] = seq
        self.revision = revision
        return self._compare(revision)

    def end(self) -> str | None:
        """After the last entry; what is wrong."""
        if self._snapshot is not None and self._snapshot[0] > self.revision:
            return (
                f"there is a snapshot of revision {self._snapshot[0]}, but the log ends with "
                f"{self.revision}"
            )
        return None if self.revision else self._compare(0)

    def _compare(self, revision: int) -> str | None:
        if self._snapshot is None or self._snapshot[0] != revision:
            return None
        if self._snapshot[1] != str(self.text).encode():
            return f"revision {revision}: the snapshot is not the text that its log makes"
        return None
