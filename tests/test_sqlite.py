"""the store on a real disk: what it promises, and what it refuses"""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from ot.document import Commit
from ot.log import Entry
from server import sqlite
from server.database import DATABASE, SCHEMA_VERSION
from server.sqlite import SQLiteStore
from server.storage import Append, Author, PadRecord, Snapshot, StorageError, Version

ODD_TEXT = "\0 NUL, 😀 emoji, e\u0301 combining, \u202e override, \r\n, \U0010ffff"


def entry(seq: int, op: Sequence[int | str] = ("x",), *, session: str = "ada") -> Entry:
    return Entry(list(op), session, f"person of {session}", seq, seq * 10, b"digest %d" % seq)


async def make_pad(store: SQLiteStore, name: str = "pad") -> int:
    """A new pad; return its key."""
    assert await store.create(
        name, title=f"Title of {name}", epoch="epoch", view_key=f"key of {name}", time_ms=7
    )
    record = await store.find(name)
    assert record is not None
    return record.key


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(tmp_path)
    yield store
    await store.close()


async def test_create_and_find(store):
    """A name is given once; who asks again changes nothing."""
    assert await store.find("pad") is None
    assert await store.create("pad", title="One", epoch="first", view_key="v1", time_ms=1)
    assert not await store.create("pad", title="Two", epoch="second", view_key="v2", time_ms=2)
    assert await store.create("Pad", title="Another", epoch="third", view_key="v3", time_ms=3)
    record = await store.find("pad")
    assert record == PadRecord(record.key, "pad", "One", "first", "v1")


async def test_find_by_the_view_only_link(store):
    """A pad has two names; neither does for the other."""
    key = await make_pad(store)
    await make_pad(store, "other")
    record = await store.find("pad")
    assert await store.find_view("key of pad") == record
    assert (record.key, record.language, record.view_history) == (key, "markdown", True)
    assert await store.find_view("pad") is None
    assert await store.find("key of pad") is None


async def test_properties(store, tmp_path):
    """Each by itself; changes at one time do not undo each other, and outlive the server."""
    await make_pad(store, "other")
    key = await make_pad(store)

    async def change(**values: Any) -> PadRecord:
        unchanged = {"title": None, "language": None, "view_history": None}
        record: PadRecord = await store.set_properties(key, **unchanged | values)
        return record

    told = await asyncio.gather(
        change(title=ODD_TEXT.replace("\0", "")),
        change(language="c++"),
        change(view_history=False),
    )
    now = PadRecord(key, "pad", ODD_TEXT[1:], "epoch", "key of pad", "c++", False)
    assert told[-1] == now == await store.find("pad")
    assert [record.language for record in told] == ["markdown", "c++", "c++"]
    assert (await store.find("other")).title == "Title of other"
    await store.close()

    again = SQLiteStore(tmp_path)
    assert await again.find_view("key of pad") == now
    await again.close()


async def test_authors(store):
    """What they were called last goes with the log, all of it or nothing; in each pad apart."""
    key, other = await make_pad(store), await make_pad(store, "other")
    both = [entry(1), entry(1, session="bob")]
    await store.append([Append(key, 0, both, {"ada": ("Ada", 3)}), Append(other, 0, [entry(1)])])
    ada = Author("ada", "person of ada", "Ada", 3)
    bob = Author("bob", "person of bob", "", 0)
    assert await store.authors(key) == {"ada": ada, "bob": bob}
    assert await store.authors(other) == {"ada": Author("ada", "person of ada", "", 0)}

    with pytest.raises(StorageError, match="constraint failed"):
        await store.append([Append(key, 2, [entry(1)], {"ada": ("Eve", 4)})])
    assert (await store.authors(key))["ada"] == ada
    await store.append([Append(key, 2, [entry(2)], {"ada": ("Lovelace", 3), "bob": ("", 0)})])
    assert (await store.authors(key))["ada"] == Author("ada", "person of ada", "Lovelace", 3)


async def test_authors_that_are_not_remembered(store, monkeypatch):
    """Of those who have written, few are kept in memory; who comes again is the same author."""
    monkeypatch.setattr(sqlite, "_AUTHOR_ROWS_MAX", 4)
    key = await make_pad(store)
    sessions = [f"session {number}" for number in range(10)]
    for revision, session in enumerate(sessions * 2):
        await store.append([Append(key, revision, [entry(1 + revision // 10, session=session)])])
        assert len(store._authors) <= 4
    assert list(await store.authors(key)) == sessions
    assert [one.session for one in await store.read(key, 0, 20)] == sessions * 2


async def test_named_versions(store):
    """One name for a revision, the newest; an empty one takes it away."""
    key, other = await make_pad(store), await make_pad(store, "other")
    await store.name_version(key, 7, "Second", "ada", 70)
    await store.name_version(key, 0, "Empty", "ada", 60)
    await store.name_version(other, 7, "Elsewhere", "ada", 70)
    await store.name_version(key, 7, ODD_TEXT[1:], "bob", 80)
    named = [Version(0, "Empty", "ada", 60), Version(7, ODD_TEXT[1:], "bob", 80)]
    assert await store.versions(key) == named
    await store.name_version(key, 0, "", "bob", 90)
    await store.name_version(key, 1, "", "bob", 90)
    assert await store.versions(key) == named[1:]
    assert len(await store.versions(other)) == 1


async def test_entries_come_back_as_they_were(store, tmp_path):
    """Whatever a text may hold, also after the file was closed."""
    key = await make_pad(store)
    entries = [entry(1, [ODD_TEXT]), entry(1, [3, -2, ODD_TEXT], session="bob"), entry(2, [-1])]
    await store.append([Append(key, 0, entries)])
    await store.save_snapshot(key, revision=2, text=ODD_TEXT)
    await store.close()

    again = SQLiteStore(tmp_path)
    known = frozenset({"ada", "bob"})
    assert await again.read(key, 0, 3) == entries
    assert await again.read(key, 1, 2) == entries[1:2]
    assert await again.read(key, 2, 2) == []
    assert await again.load(key, before=0) == Snapshot(2, ODD_TEXT, 2, entries[2:], known)
    await again.close()


async def test_load(store):
    """The newest snapshot, what came after it, and as much before it as was asked for."""
    key = await make_pad(store)
    entries = [entry(seq, [str(seq)]) for seq in range(1, 10)]
    known = frozenset({"ada"})
    assert await store.load(key, before=100) == Snapshot(0, "", 0, [], frozenset())
    await store.append([Append(key, 0, entries)])
    assert await store.load(key, before=0) == Snapshot(0, "", 0, entries, known)
    await store.save_snapshot(key, revision=6, text="six")
    await store.save_snapshot(key, revision=5, text="five, late")

    assert await store.load(key, before=0) == Snapshot(6, "six", 6, entries[6:], known)
    assert await store.load(key, before=2) == Snapshot(6, "six", 4, entries[4:], known)
    assert await store.load(key, before=100) == Snapshot(6, "six", 0, entries, known)


async def test_load_of_a_pad_that_many_have_written(store, monkeypatch):
    """All sessions that have committed are told, of this pad alone, unless they are too many."""
    monkeypatch.setattr("server.sqlite.SESSIONS_MAX", 2)
    key, other = await make_pad(store), await make_pad(store, "other")
    await store.append([Append(other, 0, [entry(1, session="cleo")])])
    for revision, session in enumerate(("ada", "bob")):
        await store.append([Append(key, revision, [entry(1, session=session)])])
    assert (await store.load(key, before=0)).sessions == {"ada", "bob"}
    await store.append([Append(key, 2, [entry(1, session="dan")])])
    assert (await store.load(key, before=0)).sessions is None
    assert (await store.load(other, before=0)).sessions == {"cleo"}


async def test_last_and_committed(store):
    """What a session has committed is found by its public id, in its pad alone."""
    key, other = await make_pad(store), await make_pad(store, "other")
    await store.append([Append(key, 0, [entry(1), entry(1, session="bob"), entry(2)])])
    await store.append([Append(other, 0, [entry(1)])])

    assert await store.last(key, "ada") == Commit(2, 3, b"digest 2")
    assert await store.last(other, "ada") == Commit(1, 1, b"digest 1")
    assert await store.last(other, "bob") is None
    assert await store.committed(key, "ada", 1) == Commit(1, 1, b"digest 1")
    assert await store.committed(key, "ada", 3) is None
    assert await store.committed(key, "nobody", 1) is None


async def test_it_is_set_to_be_durable(store):
    """What writes writes ahead, and waits for the disk."""
    connection = store._writes.connection
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1
    assert apsw.sqlitelibversion() not in ("3.51.0", "3.51.1", "3.51.2")
    assert apsw.SQLITE_VERSION_NUMBER > 3_051_002, "the racing checkpoints of older ones"


@pytest.mark.parametrize("there", [None, 0o755], ids=["made", "there already"])
async def test_nobody_else_may_read_it(tmp_path, there):
    """The names of pads are keys. A folder that is there keeps the rights that somebody gave it."""
    folder = tmp_path / "above" / "data"
    folder.parent.mkdir(mode=0o755)
    if there is not None:
        folder.mkdir(mode=there)
    before = os.umask(0o000)
    try:
        store = SQLiteStore(folder)
        await store.create("pad", title="pad", epoch="e", view_key="v" * 22, time_ms=0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        await store.close()
    finally:
        os.umask(before)

    kept = {name: mode for name, mode in modes.items() if name != "lock"}
    assert kept == {f"{DATABASE}{end}": 0o600 for end in ("", "-wal", "-shm")}
    assert stat.S_IMODE(folder.stat().st_mode) == (there or 0o700)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o755


async def test_one_connection_writes_and_checkpoints(store):
    """Two that checkpoint can race; the one that reads cannot do either, whatever it is told."""
    await make_pad(store)
    reader = store._reader_connection
    assert reader.readonly("main") and not store._writes.connection.readonly("main")
    for sql in ("DELETE FROM pads", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
        with pytest.raises((apsw.ReadOnlyError, apsw.IOError)):
            reader.execute(sql).fetchall()
    assert await store.find("pad") is not None


@pytest.mark.parametrize(
    "twice",
    [
        Append(0, 1, [entry(1, session="bob")]),  # this revision is there
        Append(0, 2, [entry(3), entry(2)]),  # this author's seq is there
        Append(0, 2, [entry(3), entry(3)]),
        Append(99, 0, [entry(1, session="bob")]),  # this pad is not there
    ],
)
async def test_a_batch_is_all_or_nothing(store, twice):
    """One bad entry, and no pad of the batch gets anything; the next batch is as good as ever."""
    other, key = await make_pad(store, "other"), await make_pad(store)
    await store.append([Append(key, 0, [entry(1), entry(2)])])
    bad = Append(twice.key or key, twice.revision, twice.entries)
    with pytest.raises(StorageError, match="constraint failed"):
        await store.append([Append(other, 0, [entry(1, session="new")]), bad])

    assert await store.read(key, 0, 9) == [entry(1), entry(2)]
    assert await store.read(other, 0, 9) == []
    # The author of the batch that was rolled back is not taken for known.
    await store.append([Append(other, 0, [entry(1, session="new")])])
    assert await store.last(other, "new") == Commit(1, 1, b"digest 1")
    await store.append([Append(key, 2, [entry(3)])])
    assert await store.last(key, "ada") == Commit(3, 3, b"digest 3")


async def test_one_batch_is_one_transaction(store):
    """Fifty pads that commit together cost one wait for the disk."""
    keys = [await make_pad(store, f"pad {number}") for number in range(50)]
    commits = 0

    def committing() -> bool:
        nonlocal commits
        commits += 1
        return False  # go on

    store._writes.connection.set_commit_hook(committing)
    await store.append([Append(key, 0, [entry(1), entry(2)]) for key in keys])
    store._writes.connection.set_commit_hook(None)

    assert commits == 1
    assert [len(await store.read(key, 0, 9)) for key in keys] == [2] * 50


async def test_readers_do_not_wait_for_the_writer(store):
    """What is being written is not seen before it is whole, and nobody waits for it."""
    key = await make_pad(store)
    await store.append([Append(key, 0, [entry(1)])])
    writing = asyncio.create_task(
        store.append([Append(key, 1, [entry(seq) for seq in range(2, 20_002)])])
    )
    seen = {len(await store.read(key, 0, 30_000))}
    while not writing.done():
        seen.add(len(await store.read(key, 0, 30_000)))
        await asyncio.sleep(0)
    await writing

    assert seen <= {1, 20_001}
    assert len(await store.read(key, 0, 30_000)) == 20_001


def test_another_process_is_refused(tmp_path):
    """A folder belongs to one server, whose message says what to do."""
    code = (
        "import sys, pathlib; from server.sqlite import SQLiteStore;"
        "store = SQLiteStore(pathlib.Path(sys.argv[1])); print('mine', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(StorageError, match=r"in use by another deltapad.*--data"):
            SQLiteStore(tmp_path)
        # The lock goes with its process, however that ends.
        other.kill()
        other.communicate()
    asyncio.run(SQLiteStore(tmp_path).close())


async def test_a_second_store_of_this_process_is_refused(store, tmp_path):
    """Two stores would not know of each other's entries."""
    with pytest.raises(StorageError, match="in use by another deltapad"):
        SQLiteStore(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    """An older program leaves a newer file alone, and lets go of the folder."""
    path = tmp_path / "deltapad.sqlite"
    asyncio.run(SQLiteStore(tmp_path).close())
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StorageError, match=f"has schema {SCHEMA_VERSION + 1}.*newer version"):
            SQLiteStore(tmp_path)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_refused(tmp_path):
    """A file that we did not make is not ours to change."""
    connection = apsw.Connection(str(tmp_path / "deltapad.sqlite"))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(StorageError, match="is not deltapad's"):
        SQLiteStore(tmp_path)


def test_not_a_database(tmp_path):
    """A file of something else is named in the message."""
    (tmp_path / "deltapad.sqlite").write_bytes(b"not a database, and long enough " * 100)
    with pytest.raises(StorageError, match=r"deltapad\.sqlite: .*not a database"):
        SQLiteStore(tmp_path)


def test_a_file_in_the_way(tmp_path):
    """A folder that cannot be made, or not written to, is named."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/deltapad")):
        with pytest.raises(StorageError, match=f"cannot write to the data folder {folder}"):
            SQLiteStore(folder)


async def test_a_closed_store_says_so(tmp_path):
    """Nothing hangs, nothing is lost without a word."""
    store = SQLiteStore(tmp_path / "new" / "folder")
    key = await make_pad(store)
    await store.append([Append(key, 0, [entry(1)])])
    await store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.append([Append(key, 1, [entry(2)])])
    with pytest.raises(StorageError, match="closed"):
        await store.find("pad")
    again = SQLiteStore(tmp_path / "new" / "folder")
    assert await again.read(key, 0, 9) == [entry(1)]
    await again.close()


async def test_close_finishes_what_was_asked_for(tmp_path):
    """An append that waits its turn is made before the file is closed."""
    store = SQLiteStore(tmp_path)
    key = await make_pad(store)
    appends = [
        asyncio.create_task(store.append([Append(key, revision, [entry(revision + 1)])]))
        for revision in range(20)
    ]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*appends)

    again = SQLiteStore(tmp_path)
    assert len(await again.read(key, 0, 99)) == 20
    await again.close()


def test_somebody_elses_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A SQLite file that is not ours is refused before a byte of it has changed."""
    path = tmp_path / "deltapad.sqlite"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StorageError, match="not deltapad's"):
        SQLiteStore(tmp_path)

    assert path.read_bytes() == before
