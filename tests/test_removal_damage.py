"""deleting a pad out of a damaged folder: all of it goes, or nothing, and one is told what to do"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from server.__main__ import main
from server.database import DATABASE
from server.folder import DataFolder
from tests.faults.bit_flips import filled, flip

# The column of each table that says whose a row is.
OWNERS = {"pads": 0, "log": 0, "authors": 1, "snapshots": 0, "versions": 0}
NOTES, OTHER = 1, 2
# Turned bits that are tried, some 30 ms each.
FLIPS = 150


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with two pads that have some of everything."""
    return filled(tmp_path_factory.mktemp("content"))


def rows_of(folder: Path, sql: str) -> Any:
    """The rows, by a connection that knows nothing of ours; what is said if they cannot be read."""
    connection = apsw.Connection(str(folder / DATABASE))
    try:
        return connection.execute(sql).fetchall()
    except (apsw.Error, UnicodeDecodeError) as error:
        return type(error).__name__
    finally:
        connection.close()


def tables(folder: Path) -> dict[str, Any]:
    """Every row of every table, read by the table itself and not by an index."""
    return {table: rows_of(folder, f"SELECT * FROM {table} NOT INDEXED") for table in OWNERS}


def of_pad(found: dict[str, Any], pad: int) -> dict[str, Any]:
    """The rows of one pad."""
    return {
        table: rows if isinstance(rows, str) else [r for r in rows if r[OWNERS[table]] == pad]
        for table, rows in found.items()
    }


def delete(folder: Path) -> Any:
    return CliRunner().invoke(main, ["delete", "notes", "--data", str(folder), "--yes"])


def write(folder: Path, content: bytes) -> None:
    """A data folder with this database, and nothing of the one before."""
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    (folder / DATABASE).write_bytes(content)


def outcome(folder: Path, content: bytes, whole: dict[str, Any]) -> str:
    """Delete the pad out of a damaged database: `deleted`, `refused`, or what is wrong with it.
    `whole` is what the database had before it was damaged.
    """
    write(folder, content)
    before = tables(folder)
    write(folder, content)
    done = delete(folder)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return f"{type(done.exception).__name__} instead of an error that says what to do"
    after = tables(folder)
    if done.exit_code != 0:
        told = "nothing was deleted" in done.output or "there is no pad" in done.output
        return ("refused" if told else "not told") if after == before else "refused and changed"
    others = of_pad(after, OTHER)
    if others != after:
        return "rows are left"
    if rows_of(folder, "PRAGMA integrity_check") != [("ok",)]:
        return "not sound"
    # What was unreadable beside it may be readable without it.
    readable = others in (of_pad(before, OTHER), of_pad(whole, OTHER))
    return "deleted" if readable else "the other pad has changed"


def tally(folder: Path, content: bytes) -> Counter[str]:
    write(folder, content)
    whole = tables(folder)
    rng = random.Random(5)
    return Counter(
        outcome(folder, flip(content, rng.randrange(len(content) * 8)), whole) for _ in range(FLIPS)
    )


@pytest.mark.slow
def test_with_a_turned_bit_anywhere_all_of_it_goes_or_nothing(content, tmp_path):
    """Never a part, never another pad's rows, never a traceback."""
    results = tally(tmp_path, content)
    assert set(results) == {"deleted", "refused"}, results


@pytest.mark.slow
def test_without_the_check_a_part_would_be_left(content, tmp_path, monkeypatch):
    """That is what looking at the rest is for: the same bits, without it."""
    monkeypatch.setattr(DataFolder, "_structure", lambda self: None)
    monkeypatch.setattr("server.folder._left_of", lambda connection, key: None)
    results = tally(tmp_path, content)
    assert results["rows are left"] + results["not sound"] > 5, results


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE log SET op = x'5b' WHERE pad = 1 AND revision = 7",
        "DELETE FROM log WHERE pad = 1 AND revision = 7",
        "UPDATE snapshots SET text = x'41' WHERE pad = 1",
        "UPDATE authors SET name = 'Eve' WHERE pad = 1",
        "UPDATE pads SET created_ms = 78 WHERE id = 1",
    ],
)
def test_a_pad_that_cannot_be_opened_can_be_deleted(content, tmp_path, sql):
    """Its rows are not what they were, but all are where they can be found."""
    write(tmp_path, content)
    whole = tables(tmp_path)
    rows_of(tmp_path, sql)
    damaged = (tmp_path / DATABASE).read_bytes()
    assert damaged != content
    assert outcome(tmp_path, damaged, whole) == "deleted"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE snapshots SET pad = 2 WHERE pad = 1", "a row of snapshots that belongs to it"),
        ("UPDATE versions SET pad = 2 WHERE pad = 1", "a row of versions that belongs to it"),
        ("UPDATE snapshots SET pad = 9 WHERE pad = 1", "foreign_key_check"),
        ("UPDATE authors SET pad = 9 WHERE pad = 1", "foreign_key_check"),
        ("UPDATE log SET pad = 9 WHERE pad = 1 AND revision = 7", "foreign_key_check"),
    ],
)
def test_a_row_that_has_come_to_another_pad_is_not_left_behind(content, tmp_path, sql, words):
    """It could not be found as the pad's: nothing is deleted, and one is told why."""
    write(tmp_path, content)
    for table in ("snapshots", "versions"):
        rows_of(tmp_path, f"DELETE FROM {table} WHERE pad = 2")
    rows_of(tmp_path, sql)
    before = tables(tmp_path)
    done = delete(tmp_path)
    assert done.exit_code == 1 and words in done.output
    assert "nothing was deleted. Restore a backup (`deltapad restore`)" in done.output
    assert tables(tmp_path) == before


@pytest.mark.parametrize("how", ["cut", "another"])
def test_a_file_that_is_no_database(content, tmp_path, how):
    """Half of one, or something else: one is told so, and no letter of it is changed."""
    file = content[: len(content) // 2] if how == "cut" else b"a letter to the editor. " * 50
    write(tmp_path, file)
    done = delete(tmp_path)
    assert done.exit_code == 1 and "nothing was deleted" in done.output
    assert (tmp_path / DATABASE).read_bytes() == file
