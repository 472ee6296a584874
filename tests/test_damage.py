"""what a disk has changed without a word: found, refused, and never written over"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest
from aiohttp.test_utils import TestServer

from client_py import PadClient
from ot.messages import SUBPROTOCOL
from server.app import create_app
from server.database import CHECKED_SINCE, DATABASE, connect
from server.rows import COLUMNS
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import DamagedError
from tests.faults.bit_flips import LOG, TEXTS, filled, tally


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with two pads that have some of everything."""
    folder = tmp_path_factory.mktemp("content")
    return filled(folder)


@pytest.mark.slow
def test_a_turned_bit_is_found_or_harmless(content, tmp_path):
    """Anywhere in the file: nothing that can be read is other than it was, unless it is told."""
    results = tally(content, tmp_path, count=300, seed=1)
    assert results["missed"] == 0, results
    assert min(results["found"], results["harmless"]) > 50, "the file has both"


@pytest.mark.slow
def test_without_the_checksums_turned_bits_are_missed(content, tmp_path):
    """That is what they are for: the same bits, in a file that is read without them."""
    path = tmp_path / "older"
    path.write_bytes(content)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", CHECKED_SINCE - 1)
    connection.close()
    results = tally(path.read_bytes(), tmp_path, count=300, seed=1)
    assert results["missed"] > 30, results


@pytest.fixture
def damaged(content: bytes, tmp_path: Path) -> Callable[[str], Path]:
    """A data folder; `damaged(sql)` changes it as a disk would, checksums as they were."""
    path = tmp_path / DATABASE
    path.write_bytes(content)

    def change(sql: str) -> Path:
        connection = apsw.Connection(str(path))
        connection.execute(sql)
        connection.close()
        return tmp_path

    return change


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Any]:
    async with TestServer(create_app(Settings(data=folder))) as server:
        yield server


def url_of(server: TestServer) -> str:
    return str(server.make_url("/")).rstrip("/")


FIRST = "(SELECT id FROM pads WHERE name = 'notes')"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (f"DELETE FROM log WHERE pad = {FIRST} AND revision = 399", "revision 399 of pad 1 is"),
        (f"DELETE FROM log WHERE pad = {FIRST} AND revision > 349", "revision 350 of pad 1 is"),
        (f"UPDATE log SET op = x'5b' WHERE pad = {FIRST} AND revision = 360", "revision 360 of"),
        (
            f"UPDATE log SET time_ms = 1 + time_ms WHERE pad = {FIRST} AND revision = 361",
            "revision 361 of pad 1 is not as it was written",
        ),
        ("UPDATE authors SET session = 's2' WHERE id = 1", "revision 2[2-9][0-9] of pad 1 is not"),
        ("UPDATE pads SET epoch = 'epoci' WHERE name = 'notes'", "pad 1 is not as it was written"),
    ],
)
async def test_a_damaged_pad_is_not_opened(damaged, caplog, sql, words):
    """Its page says to try again later, its socket too, the log says where the damage is, and
    nothing is written over it; other pads live.
    """
    folder = damaged(sql)
    async with serving(folder) as server, aiohttp.ClientSession() as http:
        caplog.clear()
        async with http.get(server.make_url("/p/notes")) as answer:
            assert answer.status == 503
        async with http.get(server.make_url("/p/notes/text")) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "storage_failed")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(server.make_url("/ws/notes"), protocols=(SUBPROTOCOL,))
        assert refused.value.status == 503
        async with PadClient(url_of(server), "other") as other:
            assert other.text == TEXTS[-1]
            other.insert(0, "on ")
            await other.synchronised()
        logged = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert any(re.search(words, line) for line in logged), logged
    connection = apsw.Connection(str(folder / DATABASE))
    assert connection.execute("SELECT revision FROM snapshots WHERE pad = 1").fetchall() == [(350,)]


@pytest.mark.parametrize("change", ["text = x'41'", "revision = 400", "revision = 9999"])
async def test_a_damaged_snapshot_is_made_anew(damaged, caplog, change):
    """The log has all of it: the pad opens with its text, and the next snapshot takes its place."""
    folder = damaged(f"UPDATE snapshots SET {change} WHERE pad = {FIRST}")
    async with (
        serving(folder) as server,
        PadClient(url_of(server), "notes") as client,
    ):
        assert (client.text, client.revision) == (TEXTS[-1], len(LOG))
        assert "the snapshot of pad 1 is damaged" in caplog.text
    store = SQLiteStore(folder)
    loaded = await store.load(1, before=0)
    assert (loaded.revision, loaded.text) == (len(LOG), TEXTS[-1])
    await store.close()


async def test_what_is_damaged_is_not_made_right_by_a_change(damaged):
    """A new title does not give its row a checksum that hides the damage."""
    folder = damaged("UPDATE pads SET created_ms = 78 WHERE name = 'notes'")
    store = SQLiteStore(folder)
    with pytest.raises(DamagedError, match="pad 1 is not as it was written"):
        await store.set_properties(1, title="New", language=None, view_history=None)
    await store.close()


async def test_a_name_that_is_not_text_any_more(damaged):
    """SQLite keeps any bytes as text: it is damage, not a crash."""
    folder = damaged("UPDATE pads SET title = CAST(x'ff41' AS TEXT) WHERE name = 'notes'")
    store = SQLiteStore(folder)
    with pytest.raises(DamagedError, match="utf-8"):
        await store.find("notes")
    await store.close()


def test_every_row_that_is_written_has_its_checksum(content, tmp_path):
    """Whichever statement wrote it."""
    (tmp_path / DATABASE).write_bytes(content)
    connection = connect(tmp_path / DATABASE)
    for table, columns in COLUMNS.items():
        source = "log JOIN authors ON authors.id = author" if table == "log" else table
        wrong = connection.execute(
            f"SELECT count(*), sum({table}.checksum IS NOT checksum({columns})) FROM {source}"
        ).fetchall()
        assert wrong[0][0] != 0 and wrong[0][1] == 0, table
    connection.close()
