"""backups: one moment of a database as a file of its own, and such a file in a database's place"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from server.database import (
    DATABASE,
    Progress,
    check_target,
    connect,
    copy_database,
    lock_folder,
    put_in_place,
    sync,
)
from server.folder import DataFolder, Finding
from server.rows import seal
from server.storage import DamagedError, StorageError

__all__ = ["Contents", "back_up", "restore"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a database file."""

    pads: int
    revisions: int
    size_bytes: int


def back_up(folder: Path, file: Path, *, force: bool, verify: bool, progress: Progress) -> Contents:
    """Copy the database of a folder, beside a running server or without one, into `file`.

    The copy gets its name when it is whole, has been checked and is on the disk. Raises
    StorageError; then `file` is as it was.
    """
    source = folder / DATABASE
    if not source.is_file():
        raise StorageError(f"there is no deltapad database in {folder}; see --data")
    check_target(file, source, force=force)
    with _part(file) as part:
        _copy(source, part, progress)
        contents = _checked(part, file, verify=verify, progress=progress)
        put_in_place(part, file)
    return contents


def restore(
    folder: Path, file: Path, *, replace: bool, verify: bool, progress: Progress
) -> tuple[Contents, Path | None]:
    """Make a copy of `file` the database of a folder, which no server may hold; return what is in
    it, and where the database that was there is kept.

    Every pad gets a new epoch. Its revisions will be made again, and other ones: whoever has been
    further must not take the one for the other. Raises StorageError; then all is as it was.
    """
    path = folder / DATABASE
    with _held(folder), _part(path) as part:
        if path.exists() and file.samefile(path):
            raise StorageError(f"{file} is the database itself")
        if path.exists() and not replace:
            raise StorageError(
                f"there is a database in {folder} already, and it stays; --replace keeps it aside "
                "under another name"
            )
        _copy(file, part, progress)
        contents = _checked(part, file, verify=verify, progress=progress)
        _renew_epochs(part)
        aside = _put_aside(path) if path.exists() else None
        try:
            put_in_place(part, path)
        except BaseException:
            # Nothing came in its place: of a database that a server may use there is one name.
            if aside is not None and path.samefile(aside):
                aside.unlink()
            raise
    return contents, aside


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder, for us alone; one that is made for this, and comes to nothing, is taken away."""
    made = not folder.exists()
    with lock_folder(folder) as lock:
        try:
            yield
        except BaseException:
            if made:
                # Before the lock is given up: whoever waits for it finds that the file is gone.
                Path(lock.name).unlink()
                with suppress(OSError):
                    folder.rmdir()
            raise


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """A name for what will be `path`; nothing is left of it that has not become that."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # In a container each process may have the number of one that was killed.
        part.unlink(missing_ok=True)
        yield part
    except (apsw.Error, OSError) as error:
        raise StorageError(f"{path}: {error}") from error
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _copy(source: Path, part: Path, progress: Progress) -> None:
    # An older file stays what it is, also when it is copied.
    connection = connect(source, readonly=True)
    try:
        copy_database(connection, part, progress)
    finally:
        connection.close()


def _checked(path: Path, name: Path, *, verify: bool, progress: Progress) -> Contents:
    """What is in a file, if it is right. Raises StorageError; `name` is what it is called."""
    revisions = 0
    with DataFolder(path.parent, database=path.name) as data:
        progress("checking the file", 0, 0)
        damage = data.damage()
        if damage is not None:
            raise DamagedError(f"{name}: the database file is damaged: {damage}")
        names = data.names()
        for number, pad in enumerate(names):
            progress("verifying pads", number, len(names))
            if verify:
                found = next(f for f in data.verify(pad) if isinstance(f, Finding))
                if found.wrong is not None:
                    raise DamagedError(
                        f"{name}: pad {pad}: {found.wrong}. `deltapad verify` says more; "
                        "--no-verify takes it as it is"
                    )
                revisions += found.revision
            else:
                revisions += data.newest(pad)
    return Contents(len(names), revisions, path.stat().st_size)


def _renew_epochs(part: Path) -> None:
    """Bring a copy to the newest schema, and give each pad an epoch that no client knows."""
    connection = connect(part, keep_older=False)
    try:
        with connection:
            keys: list[Any] = connection.execute("SELECT id FROM pads").fetchall()
            for (key,) in keys:
                epoch = secrets.token_urlsafe(9)
                connection.execute("UPDATE pads SET epoch = ? WHERE id = ?", (epoch, key))
                seal(connection, "pads", key)
        connection.pragma("journal_mode", "delete")
    finally:
        connection.close()
    sync(part)


def _put_aside(path: Path) -> Path:
    """Give the database a second name, under which it stays when another one takes the first.

    What is in its WAL goes into the file before, and the WAL away: it would be played into the
    database that comes.
    """
    name = f"{path.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = path.with_name(name)
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{name}-{number}")
    wal, shared = path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
    try:
        _empty_wal(path)
    except (apsw.CorruptError, apsw.NotADBError):
        # Damaged, which may be why it is replaced: it is kept as it lies, with its WAL if SQLite
        # has left that.
        if wal.is_file() and wal.stat().st_size:
            os.link(wal, aside.with_name(aside.name + "-wal"))
    os.link(path, aside)
    sync(path.parent)
    wal.unlink(missing_ok=True)
    shared.unlink(missing_ok=True)
    return aside


def _empty_wal(path: Path) -> None:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        if connection.pragma("journal_mode") != "wal":
            return
        busy = next(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))[0]
        if busy:
            raise StorageError(f"another program reads {path}: end that first")
    finally:
        connection.close()
