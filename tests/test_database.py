"""files of older versions: what they hold is there afterwards, and what is new works"""

from __future__ import annotations

import fcntl
import re
from pathlib import Path
from typing import IO

import apsw
import pytest

from ot.log import Entry
from server.database import DATABASE, SCHEMA_VERSION, connect, lock_folder
from server.folder import DataFolder
from server.sqlite import SQLiteStore
from server.storage import Append, Author, PadRecord, StorageError, Version

# As version 1 of the schema was written; it never changes.
SCHEMA_1 = """
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
CONTENT_1 = """
INSERT INTO pads VALUES (1, 'first', 'First', 'e1', 11), (4, 'second', 'second', 'e2', 12);
INSERT INTO authors VALUES (1, 1, 'ada', 'person of ada'), (2, 4, 'ada', 'person of ada');
INSERT INTO log VALUES (1, 1, 1, 1, 5, x'01', '["hello"]'), (4, 1, 2, 1, 6, x'02', '["x"]');
INSERT INTO snapshots VALUES (1, 1, 'hello');
"""


def make_old(folder: Path) -> Path:
    """A data folder of version 1."""
    folder.mkdir(exist_ok=True)
    connection = apsw.Connection(str(folder / DATABASE))
    connection.pragma("journal_mode", "wal")
    connection.execute(SCHEMA_1)
    # A blob in a script is written as its bytes.
    connection.execute(re.sub(r"'(\[.*?\]|hello)'", r"CAST('\1' AS BLOB)", CONTENT_1))
    connection.pragma("user_version", 1)
    connection.pragma("application_id", 0x64706164)
    connection.close()
    return folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder of version 1."""
    return make_old(tmp_path)


async def test_a_file_of_version_1(old):
    """Pads, logs and texts are as they were; every pad has a view-only link of its own, and what
    was not known has its default.
    """
    store = SQLiteStore(old)
    first, second = await store.find("first"), await store.find("second")
    assert first is not None and second is not None
    assert first == PadRecord(1, "first", "First", "e1", first.view_key, "markdown", True)
    assert second == PadRecord(4, "second", "second", "e2", second.view_key, "markdown", True)
    assert first.view_key != second.view_key
    assert all(re.fullmatch("[A-Za-z0-9]{12}", pad.view_key) for pad in (first, second))
    assert await store.find_view(second.view_key) == second
    hello = Entry(["hello"], "ada", "person of ada", 1, 5, b"\x01")
    loaded = await store.load(1, before=9)
    assert (loaded.text, loaded.entries) == ("hello", [hello])
    assert await store.read(4, 0, 9) == [Entry(["x"], "ada", "person of ada", 1, 6, b"\x02")]
    assert await store.authors(1) == {"ada": Author("ada", "person of ada", "", 0)}

    more = Entry([5, "!"], "ada", "person of ada", 2, 7, b"\x03")
    await store.append([Append(1, 1, [more], {"ada": ("Ada", 3)})])
    await store.name_version(1, 2, "Named", "person of ada", 8)
    assert await store.create("third", title="T", epoch="e3", view_key="k", time_ms=9)
    await store.close()

    again = SQLiteStore(old)
    assert await again.find("first") == first, "a link that was given stays"
    assert await again.authors(1) == {"ada": Author("ada", "person of ada", "Ada", 3)}
    assert await again.versions(1) == [Version(2, "Named", "person of ada", 8)]
    await again.close()
    with DataFolder(old) as folder:
        assert folder.damage() is None
        assert folder.names() == ["first", "second", "third"]


def test_it_has_the_schema_of_a_new_file(old, tmp_path_factory):
    """Table by table, column by column; the rules too."""
    new = tmp_path_factory.mktemp("new")
    shapes = []
    for folder in (old, new):
        connection = connect(folder / DATABASE)
        assert connection.pragma("user_version") == SCHEMA_VERSION == 4
        columns = connection.execute(
            "SELECT t.name, c.name, c.type, c.[notnull], c.dflt_value, c.pk FROM"
            " pragma_table_list t JOIN pragma_table_xinfo(t.name) c WHERE t.schema = 'main'"
        ).fetchall()
        tables = connection.execute(
            "SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main'"
        ).fetchall()
        keys = connection.execute(
            "SELECT t.name, k.[table], k.[from], k.[to] FROM pragma_table_list t"
            " JOIN pragma_foreign_key_list(t.name) k"
        ).fetchall()
        unique = connection.execute(
            "SELECT t.name, i.origin, x.name FROM pragma_table_list t"
            " JOIN pragma_index_list(t.name) i JOIN pragma_index_xinfo(i.name) x"
            " WHERE t.schema = 'main' AND i.[unique]"
        ).fetchall()
        shapes.append([sorted(map(str, rows)) for rows in (columns, tables, keys, unique)])
        connection.close()
    assert shapes[0] == shapes[1]


def test_who_only_reads_leaves_it_as_it_is(old):
    """An export does not need the server to have been there before."""
    before = (old / DATABASE).read_bytes()
    with DataFolder(old) as folder:
        header = folder.header("first")
        assert header is not None and header.title == "First"
        assert [entry.op for entry in folder.entries("first")] == [["hello"]]
    assert (old / DATABASE).read_bytes() == before


def test_a_migration_that_fails_changes_nothing(old, monkeypatch):
    """It is one transaction: the next start finds the old file, and brings it over."""

    def broken() -> str:
        raise apsw.IOError("the disk has gone")

    with monkeypatch.context() as patch:
        patch.setattr("server.database.new_view_key", broken)
        with pytest.raises(StorageError, match="the disk has gone"):
            connect(old / DATABASE)
    connection = apsw.Connection(str(old / DATABASE))
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT count(*) FROM pads").fetchall() == [(2,)]
    connection.close()
    connect(old / DATABASE).close()


def test_a_lock_that_is_taken_away_meanwhile_is_none(tmp_path, monkeypatch):
    """Between opening it and holding it: who comes next would hold another one at the same time."""
    lock, hold = tmp_path / "lock", fcntl.flock

    def after_it_has_gone(file: IO[str], how: int) -> None:
        lock.unlink()
        hold(file, how)

    monkeypatch.setattr(fcntl, "flock", after_it_has_gone)
    with pytest.raises(StorageError, match="in use by another deltapad"):
        lock_folder(tmp_path)
    monkeypatch.undo()
    lock_folder(tmp_path).close()
