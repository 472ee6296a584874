"""the SQLite file: opened, held, and brought to the newest schema"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import apsw

from server.rows import COLUMNS, checksum
from server.storage import DamagedError, StorageError, new_view_key

__all__ = [
    "CHECKED_SINCE",
    "DATABASE",
    "DELETES_SINCE",
    "SCHEMA_VERSION",
    "Progress",
    "check_target",
    "connect",
    "copy_database",
    "lock_folder",
    "put_in_place",
    "sync",
]

_log = logging.getLogger("deltapad.database")

SCHEMA_VERSION = 4
# The first one with a checksum in every row.
CHECKED_SINCE = 3
# The first one with tombstones of deleted pads.
DELETES_SINCE = 4
# "dpad" in ASCII: tells `file` and us whose database this is.
_APPLICATION_ID = 0x64706164
# Its name in the data folder.
DATABASE = "deltapad.sqlite"
# How long a statement waits for another program (a backup tool) that holds the file, in
# milliseconds.
_BUSY_MS = 5_000
# What a WAL keeps of its file when it begins anew: as long as one that nothing held up.
_WAL_KEPT_BYTES = 32 * 1024 * 1024
# Pages of 4 KiB that are copied before progress is told: 4 MiB, some 10 ms.
_COPY_PAGES = 1_000

# Is told what is being done, and how much of it has been done of how much.
Progress = Callable[[str, int, int], None]

# The tables of version 2; a new file is made with these, and then goes the way of an old one.
_PADS_2 = """
CREATE TABLE pads (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,    -- its address, and the key of its edit link
    title TEXT NOT NULL,
    epoch TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    view_key TEXT NOT NULL UNIQUE,    -- the key of its view-only link
    language TEXT NOT NULL DEFAULT 'markdown',
    view_history INTEGER NOT NULL DEFAULT 1    -- whether view-only visitors see the history
) STRICT;
"""
_VERSIONS_2 = """
CREATE TABLE versions (           -- revisions that somebody has given a name
    pad INTEGER NOT NULL REFERENCES pads (id),
    revision INTEGER NOT NULL,
    name TEXT NOT NULL,
    person TEXT NOT NULL,         -- who gave it, by public id
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (pad, revision)
) STRICT, WITHOUT ROWID;
"""
_SCHEMA_2 = f"""
{_PADS_2}
CREATE TABLE authors (            -- a session in a pad, and the person behind it, by public ids
    id INTEGER PRIMARY KEY,
    pad INTEGER NOT NULL REFERENCES pads (id),
    session TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',    -- what they were called, and their colour, when they
    color INTEGER NOT NULL DEFAULT 0, -- typed last
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
{_VERSIONS_2}
"""
_DELETED_4 = """
CREATE TABLE deleted (            -- pads that are no more: a tombstone for each
    id INTEGER PRIMARY KEY,       -- it had this one in `pads`; no other pad gets it
    name TEXT NOT NULL UNIQUE,
    view_key TEXT NOT NULL UNIQUE,
    time_ms INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
"""


def connect(
    path: Path, *, readonly: bool = False, vfs: str | None = None, keep_older: bool = True
) -> apsw.Connection:
    """Open a database, and make it unless `readonly`. Raises StorageError if it cannot be used.

    A file of an older version is kept beside as it was, unless `keep_older` is false, and then
    brought to this one.
    """
    flags = apsw.SQLITE_OPEN_READONLY
    if not readonly:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        if not readonly and not path.exists():
            _make_file(path)
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
    except (apsw.Error, OSError) as error:
        raise StorageError(f"{path}: {error}") from error
    except UnicodeEncodeError as error:
        raise StorageError(f"{str(path)!a}: SQLite opens only paths that are UTF-8") from error
    try:
        connection.set_busy_timeout(_BUSY_MS)
        connection.create_scalar_function("checksum", checksum, deterministic=True)
        # Before anything is written: the file may not be ours.
        _migrate(connection, readonly=readonly, keep=path if keep_older else None)
        if not readonly:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("journal_size_limit", _WAL_KEPT_BYTES)
            connection.pragma("foreign_keys", True)
            # What is deleted is overwritten with zeros, not only marked as free.
            connection.pragma("secure_delete", True)
    except BaseException as error:
        with contextlib.suppress(apsw.Error):
            connection.close()
        if isinstance(error, apsw.CorruptError | apsw.NotADBError):
            raise DamagedError(f"{path}: {error}") from error
        if isinstance(error, apsw.Error | OSError):
            raise StorageError(f"{path}: {error}") from error
        raise
    return connection


def copy_database(
    source: apsw.Connection, path: Path, progress: Progress = lambda *_: None
) -> None:
    """Write the database of a connection, as it is at this moment, into a new file, and wait for
    the disk. Nobody who writes meanwhile is held up. Raises apsw.Error and OSError.

    It is the online backup within one read transaction. Without that it would begin anew after
    each commit of the server, and never end under load; with it the WAL grows by what is committed
    meanwhile. VACUUM INTO does the same without a word of how far it is. Measured with 111 MB and
    a server that commits all the time: 0.5 to 0.6 s against 0.6 to 0.8, commits waited 8 ms at the
    99th percentile beside both, and both took 65 MB of memory.
    """
    _make_file(path)
    target = apsw.Connection(str(path))
    try:
        # A file that has no name yet needs no journal, and one wait for the disk at the end.
        target.pragma("journal_mode", "off")
        target.pragma("synchronous", "off")
        with source:
            source.execute("SELECT 1 FROM sqlite_schema").fetchall()
            with target.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(_COPY_PAGES)
                    progress("copying", backup.page_count - backup.remaining, backup.page_count)
        # One file, that may be read where nothing can be written.
        target.pragma("journal_mode", "delete")
    finally:
        target.close()
    sync(path)


def check_target(path: Path, database: Path, *, force: bool) -> None:
    """Raises StorageError if a command may not write this file: there is no folder for it, it is
    the database itself, or it is there already and is not to be replaced.
    """
    if not path.parent.is_dir():
        raise StorageError(f"there is no folder {path.parent}")
    if path.exists() and path.samefile(database):
        raise StorageError(f"{path} is the database itself")
    if path.exists() and not force:
        raise StorageError(f"{path} is there already, and it stays; --force replaces it")


def _make_file(path: Path) -> None:
    """An empty file for a database, for its owner alone: the names of the pads are keys. SQLite
    takes it as it is, and gives its own files beside it the same rights.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def put_in_place(part: Path, path: Path) -> None:
    """Give a file that is on the disk its name, in place of what had it, and wait for the disk."""
    part.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def lock_folder(folder: Path) -> IO[str]:
    """Make the folder, and hold it for this process alone."""
    try:
        _make_folder(folder, mode=0o700)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise StorageError(f"cannot write to the data folder {folder}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held it may have taken it away meanwhile; then it keeps nobody out any more.
        if not os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat()):
            raise FileNotFoundError
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


def _make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make it, and all above it, on the disk: a folder whose name is not synced may be gone when
    the power fails, with all that was synced in it. One that is there keeps its rights.
    """
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=mode, exist_ok=True)
    sync(folder.parent)


def _migrate(connection: apsw.Connection, *, readonly: bool, keep: Path | None) -> None:
    """Bring the file to the schema of this version, in one transaction; a new file gets it.

    Who only reads takes an older file as it is: what is read of it is the same in all versions.
    Raises StorageError for a file of a newer version, or of somebody else.
    """
    version = connection.pragma("user_version")
    ours = connection.pragma("application_id") == _APPLICATION_ID
    if ours and (version == SCHEMA_VERSION or (readonly and 0 < version < SCHEMA_VERSION)):
        return
    empty = version == 0 and next(connection.execute("SELECT 1 FROM sqlite_schema"), None) is None
    if not (empty or (ours and 0 < version < SCHEMA_VERSION)):
        raise StorageError(
            f"the database has schema {version}, this deltapad knows {SCHEMA_VERSION}: "
            "it was written by a newer version, or is not deltapad's"
        )
    if keep is not None and not empty:
        _keep_older(connection, keep, version)
    with connection:
        if empty:
            connection.execute(_SCHEMA_2)
        if ours and version == 1:
            _from_1_to_2(connection)
        if version < CHECKED_SINCE:
            _from_2_to_3(connection)
        connection.execute(_DELETED_4)
        connection.pragma("user_version", SCHEMA_VERSION)
        connection.pragma("application_id", _APPLICATION_ID)


def _keep_older(connection: apsw.Connection, path: Path, version: int) -> None:
    """Copy a file before it is changed, so that there is a way back to the version before."""
    older = path.with_name(f"{path.name}.schema-{version}")
    _log.info("bringing %s to schema %d; %s is it as it was", path, SCHEMA_VERSION, older.name)
    part = path.with_name(f".{older.name}.part")
    # Of an attempt that was cut off.
    part.unlink(missing_ok=True)
    try:
        copy_database(connection, part)
        put_in_place(part, older)
    except (apsw.Error, OSError) as error:
        raise StorageError(
            f"{path} has to be brought to a newer version, and before that a copy of it is kept "
            f"as {older.name}, for which there has to be room: {error}"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _from_1_to_2(connection: apsw.Connection) -> None:
    """View-only links, languages, authors' names, named versions."""
    # SQLite cannot add a unique column, so a new table takes the old one's place. Other tables
    # refer to it by name, and foreign keys are not checked yet.
    connection.execute(_PADS_2.replace("TABLE pads", "TABLE pads_2"))
    rows = connection.execute("SELECT id, name, title, epoch, created_ms FROM pads").fetchall()
    connection.executemany(
        "INSERT INTO pads_2 (id, name, title, epoch, created_ms, view_key)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        ((*row, new_view_key()) for row in rows),
    )
    connection.execute("DROP TABLE pads")
    connection.execute("ALTER TABLE pads_2 RENAME TO pads")
    connection.execute("ALTER TABLE authors ADD COLUMN name TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE authors ADD COLUMN color INTEGER NOT NULL DEFAULT 0")
    connection.execute(_VERSIONS_2)


def _from_2_to_3(connection: apsw.Connection) -> None:
    """A checksum in every row."""
    for table in ("pads", "authors", "versions", "snapshots", "log"):
        columns = COLUMNS[table]
        connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
        source = "FROM authors WHERE authors.id = author" if table == "log" else ""
        connection.execute(f"UPDATE {table} SET checksum = (SELECT checksum({columns}) {source})")
