"""a data folder without a server: its pads listed, read, imported, verified"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import apsw
import msgspec

from ot.errors import OperationError
from ot.log import Entry
from ot.operation import validate
from ot.text import Text
from ot.traces import LogHeader, LogReader, TraceError, text_hash
from server.sqlite import DATABASE, add_entry, connect, decode_entry, lock_folder
from server.storage import StorageError

__all__ = ["DataFolder", "Finding", "Imported"]


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

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Raises StorageError if there is no database, or another program holds the folder."""
        self._exit = contextlib.ExitStack()
        path = folder / DATABASE
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
            raise StorageError(f"{type(error).__name__}: {error}") from error

    def names(self) -> list[str]:
        """All pads, by name."""
        return [row[0] for row in self._connection.execute("SELECT name FROM pads ORDER BY name")]

    def header(self, name: str) -> LogHeader | None:
        """What a log export of a pad begins with; None if there is no such pad."""
        rows = self._connection.execute(
            "SELECT name, title, created_ms FROM pads WHERE name = ?", (name,)
        )
        return next((LogHeader(*row) for row in rows), None)

    def entries(self, name: str) -> Iterator[Entry]:
        """The log of a pad as it is now, entry by entry: what is appended meanwhile is not in it.

        Raises StorageError at an entry that is missing.
        """
        for expected, (revision, *row) in enumerate(self._rows(name), 1):
            if revision != expected:
                raise StorageError(f"revision {expected} of {name} is missing: verify the pad")
            yield decode_entry(row)

    def _rows(self, name: str) -> Iterator[tuple[int, bytes, str, str, int, int, bytes]]:
        return self._connection.execute(
            "SELECT revision, op, session, person, seq, time_ms, digest"
            " FROM log JOIN authors ON authors.id = author JOIN pads ON pads.id = log.pad"
            " WHERE pads.name = ? ORDER BY revision",
            (name,),
        )

    def import_log(self, reader: LogReader, name: str, *, keep: bool) -> Imported | None:
        """Make a pad of a log, with an epoch of its own, in one transaction; None if there is one
        of that name.

        At damage nothing is written and TraceError is raised; with `keep` the pad has all before
        it.
        """
        connection, header = self._connection, reader.header
        damage: TraceError | None = None
        with connection:
            connection.execute(
                "INSERT OR IGNORE INTO pads (name, title, epoch, created_ms) VALUES (?, ?, ?, ?)",
                (name, header.title, secrets.token_urlsafe(9), header.created_ms),
            )
            if connection.changes() != 1:
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
            connection.execute(
                "INSERT INTO snapshots VALUES (?, ?, ?)",
                (key, reader.revision, str(reader.text).encode()),
            )
        return Imported(name, reader.revision, damage)

    def damage(self) -> str | None:
        """What SQLite itself finds wrong with the file."""
        for pragma in ("integrity_check(1)", "foreign_key_check"):
            for row in self._connection.execute(f"PRAGMA {pragma}"):
                if row[0] != "ok":
                    return f"{pragma.partition('(')[0]}: {' '.join(map(str, row))}"
        return None

    def verify(self, name: str) -> Iterator[int | Finding]:
        """Check a pad: yields how far it is, now and then, and at last what it has found."""
        check = _Check(self._snapshot(name))
        wrong: str | None = None
        for row in self._rows(name):
            wrong = check.entry(*row)
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

    def _snapshot(self, name: str) -> tuple[int, bytes] | None:
        rows = self._connection.execute(
            "SELECT revision, text FROM snapshots JOIN pads ON pads.id = pad WHERE name = ?",
            (name,),
        )
        return next(rows, None)


class _Check:
    """Holds a log and its snapshot against the rules, entry by entry."""

    def __init__(self, snapshot: tuple[int, bytes] | None) -> None:
        self.text = Text()
        self.revision = 0
        self.seqs: dict[str, int] = {}
        self._snapshot = snapshot
        self._people: dict[str, str] = {}

    def entry(
        self,
        revision: int,
        op: bytes,
        session: str,
        person: str,
        seq: int,
        time_ms: int,
        digest: bytes,
    ) -> str | None:
        """One more entry; what is wrong with it."""
        if revision != self.revision + 1:
            return f"revision {self.revision + 1} is missing"
        try:
            self.text.apply(validate(msgspec.json.decode(op)))
        except (OperationError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
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
