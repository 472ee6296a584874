"""a disk that fails, at every call: nothing acknowledged is lost, nothing twice, all go on"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from ot.errors import UnavailableError
from server.database import connect
from server.health import Health
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from server.writer import Writer
from tests.faults.failing_disk import KINDS, WHILE_OPENING, FailingDisk, Kind
from tests.faults.wired_client import WiredClient
from tests.faults.wired_server import Server, log_of, until

# Edits of each of two people; with the checkpoints and snapshots between them some hundred calls.
EDITS = 4
# After these the process ends.
FATAL = {"fsync", "damaged"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Checkpoints after every few pages, and no pause that a person would notice."""
    monkeypatch.setattr("server.writer.CHECKPOINT_PAGES", 6)
    monkeypatch.setattr("server.health.RETRY_SECONDS_MIN", 0.001)


@dataclass
class Run:
    """What came of the workload on a disk that failed once, or some times in a row."""

    failed: int
    exit_codes: list[int]
    clients: list[WiredClient]
    log: list[tuple[int, str, int]]
    text: str
    touched_after_the_end: int
    checkpoints: int


async def opened(folder: Path, *clients: WiredClient, disk: FailingDisk | None = None) -> Server:
    """A new server with a pad, and all of them in it."""
    server = Server(folder, disk)
    await server.hub.create("pad", "Pad")
    server.admit(*clients)
    await until(lambda: all(client.connections == 1 for client in clients))
    return server


async def run(folder: Path, kind: Kind, at: int, times: int) -> Run:
    """Two people type; the `at`-th call of this kind fails, and so do the ones after it."""
    disk = FailingDisk()
    clients = [WiredClient("ada"), WiredClient("ben")]
    server = await opened(folder, *clients, disk=disk)
    disk.arm(kind, at, times=times)
    with contextlib.suppress(StorageError):
        await server.hub.create("other", "Other")
    for number in range(EDITS):
        for client in clients:
            client.edit([f"{client.name} {number} "])
        await until(lambda: all(c.synchronised for c in clients) or bool(server.exit_codes))
    # What is still on its way to the disk may be what fails.
    await until(lambda: not server.hub._snapshots.waiting)
    codes = list(server.exit_codes)
    if codes:
        heard = [list(client.acknowledged) for client in clients]
        await server.end()
        assert [client.acknowledged for client in clients] == heard, "acknowledged after the end"
        touched = sum(disk.since[call] for call in ("write", "sync", "truncate"))
        server = Server(folder)
        server.admit(*clients)
    disk.heal()
    await until(lambda: all(client.synchronised for client in clients))
    head = max(client.revision for client in clients)
    await until(lambda: all(client.revision == head for client in clients))
    checkpoints = disk.checkpoints
    await server.end()
    disk.close()
    log, text = log_of(folder)
    return Run(disk.failed, codes, clients, log, text, touched if codes else 0, checkpoints)


def check(result: Run) -> None:
    """The promises."""
    assert [revision for revision, _, _ in result.log] == list(range(1, len(result.log) + 1))
    assert len({entry[1:] for entry in result.log}) == len(result.log), "twice in the log"
    for client in result.clients:
        assert client.text == result.text
        for seq, revision in client.acknowledged:
            assert result.log[revision - 1] == (revision, client.session, seq)
        for number in range(EDITS):
            assert result.text.count(f"{client.name} {number} ") == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("name", KINDS)
async def test_every_call_fails_once(tmp_path, name, times):
    """The first, the second, and so on, until a run makes fewer calls than that."""
    fatal = hit = at = clean = 0
    # How entries fall into batches differs a little: a run with fewer calls may be followed by one
    # with more.
    while clean < 3:
        result = await run(tmp_path / str(at), KINDS[name], at, times)
        check(result)
        at += 1
        hit += result.failed > 0
        fatal += bool(result.exit_codes)
        clean = 0 if result.failed else clean + 1
        if result.failed and name == "fsync":
            assert result.exit_codes == [os.EX_IOERR]
            assert result.touched_after_the_end == 0
    assert hit > 1 and result.checkpoints > 0
    assert (fatal > 0) == (name in FATAL)


@pytest.mark.parametrize("name", [*KINDS, *WHILE_OPENING])
async def test_opening_fails_at_every_call(tmp_path, name):
    """It says so, holds nothing, and can be tried again; what was there is there."""
    kind = {**KINDS, **WHILE_OPENING}[name]
    await SQLiteStore(tmp_path).close()
    disk = FailingDisk()
    for at in range(1_000):
        disk.arm(kind, at)
        try:
            store = SQLiteStore(tmp_path, vfs=disk.name)
        except StorageError:
            assert disk.failed
            continue
        if not disk.failed:
            break
        # SQLite has got over it.
        disk.heal()
        await store.close()
    disk.heal()
    assert at > 0 or not disk.calls[kind.call]
    await store.close()
    await SQLiteStore(tmp_path).close()


async def test_an_fsync_that_is_tried_again_is_noticed(tmp_path, monkeypatch):
    """The control: were it taken for any other error, the run of above would say so."""
    monkeypatch.setattr("server.writer._UNTRUSTED_CODES", frozenset())

    result = await run(tmp_path, KINDS["fsync"], 3, 1)

    assert result.failed and not result.exit_codes


def test_checkpoints_of_sqlite_itself_hide_their_errors(tmp_path, caplog):
    """Why we make them: the database cannot grow, its WAL can; only ours say so. The kernel's own
    error, since one that a Python file system raises would be raised again by apsw.
    """
    logged = []
    for ours in (False, True):
        connection = connect(tmp_path / f"{ours}.sqlite")
        # A database that is longer than a WAL between two checkpoints.
        connection.execute("CREATE TABLE filler (row BLOB)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(400000))")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        writer = Writer(connection)
        if not ours:
            connection.wal_autocheckpoint(6)
        size = (tmp_path / f"{ours}.sqlite").stat().st_size
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            for _ in range(9):
                writer.do(lambda c: c.execute("INSERT INTO filler VALUES (zeroblob(9000))"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        logged.append(caplog.text.count("checkpoint failed"))
        writer.close()
    assert logged == [0, 1]


async def test_a_batch_that_is_taken_for_written_is_noticed(tmp_path, monkeypatch):
    """The control: who acknowledges what could not be written is found out."""

    async def careless(self: Any, batch: Any) -> None:
        with contextlib.suppress(StorageError):
            await self._store.append(batch)

    monkeypatch.setattr(Health, "append", careless)

    with pytest.raises((AssertionError, IndexError, TimeoutError)):
        check(await run(tmp_path, KINDS["full"], 12, 1))


@pytest.mark.parametrize(
    ("name", "state"), [("full", "full"), ("read-only", "read_only"), ("write", "failing")]
)
async def test_people_are_told_and_stay(tmp_path, name, state, caplog):
    """While nothing can be written: everybody hears of it, also who comes then; nothing is
    acknowledged or shown, nobody is sent away; and when it can be, all goes on by itself.
    """
    disk = FailingDisk()
    ada, ben, late = (WiredClient(name) for name in ("ada", "ben", "late"))
    server = await opened(tmp_path, ada, ben, disk=disk)
    disk.arm(KINDS[name], times=10**9)
    ada.edit(["one "])
    await until(lambda: ben.storage == [state])
    server.admit(late)
    await until(lambda: late.storage == [state])
    ada.edit(["two "])
    ben.edit(["three "])
    await until(lambda: disk.failed > 5)
    assert (ben.text, late.text, ada.text) == ("three ", "", "two one ")
    assert not ada.acknowledged and not ben.acknowledged
    assert await server.hub.health.check() == state and server.hub.waiting == 2
    with pytest.raises(UnavailableError):
        server.hub.health.refuse_unless_ok()

    disk.heal()
    clients = [ada, ben, late]
    await until(lambda: all(client.revision == 3 for client in clients))
    assert [client.storage for client in clients] == [[state, "ok"]] * 3
    assert [client.connections for client in clients] == [1] * 3
    assert len({client.text for client in clients}) == 1 and ada.synchronised and ben.synchronised
    assert await server.hub.health.check() == "ok" and server.hub.waiting == 0
    await server.end()
    log, text = log_of(tmp_path)
    assert len(log) == 3 and text == ada.text
    assert [record.levelname for record in caplog.records].count("ERROR") == 1, "told once"


async def test_shutting_down_on_a_full_disk(tmp_path):
    """One last try, then the end, soon; nothing is acknowledged, the next server gets it all."""
    disk = FailingDisk()
    ada = WiredClient("ada")
    server = await opened(tmp_path, ada, disk=disk)
    disk.arm(KINDS["full"], times=10**9)
    ada.edit(["one "])
    await until(lambda: ada.storage == ["full"])
    async with asyncio.timeout(8):
        await server.end()
    assert not ada.acknowledged and server.exit_codes == []
    assert log_of(tmp_path) == ([], "")

    server = Server(tmp_path)
    server.admit(ada)
    await until(lambda: ada.synchronised)
    await server.end()
    assert log_of(tmp_path) == ([(1, ada.session, 1)], "one ")


async def test_a_disk_that_does_not_answer(tmp_path, monkeypatch):
    """People are told after a while, `check` says so at once, and the end does not wait for it."""
    monkeypatch.setattr("server.health.ANSWER_SECONDS_MAX", 0.05)
    monkeypatch.setattr("server.health.CHECK_SECONDS_MAX", 0.05)
    monkeypatch.setattr("server.health.PROBE_EVERY_SECONDS", 0.0)
    ada = WiredClient("ada")
    server = await opened(tmp_path, ada)
    go_on = threading.Event()
    blocked = asyncio.create_task(server.store._writer.run(go_on.wait))
    assert await server.hub.health.check() == "failing"
    ada.edit(["one "])
    await until(lambda: ada.storage == ["failing"])
    go_on.set()
    await until(lambda: ada.synchronised and ada.storage == ["failing", "ok"])
    await blocked

    go_on.clear()
    blocked = asyncio.create_task(server.store._writer.run(go_on.wait))
    ada.edit(["two "])
    monkeypatch.setattr(server.hub, "_settings", Settings(shutdown_seconds=0.1))
    await server.end()
    assert server.exit_codes == [os.EX_IOERR], "ended without it"
    go_on.set()
    await blocked


async def test_another_program_holds_the_file(tmp_path, monkeypatch):
    """Longer than SQLite waits: "failing", and all goes on when it lets go."""
    monkeypatch.setattr("server.database._BUSY_MS", 50)
    ada = WiredClient("ada")
    server = await opened(tmp_path, ada)
    other = apsw.Connection(str(tmp_path / "deltapad.sqlite"))
    other.execute("BEGIN IMMEDIATE")
    ada.edit(["one "])
    await until(lambda: ada.storage == ["failing"])
    assert not ada.synchronised
    other.execute("ROLLBACK")
    await until(lambda: ada.synchronised)
    await until(lambda: ada.storage == ["failing", "ok"])
    other.close()
    await server.end()
    assert log_of(tmp_path)[1] == "one "


async def test_a_long_reader_lets_the_wal_grow(tmp_path, monkeypatch, caplog):
    """It is told once, and is over when the reader has gone: the file is short again."""
    monkeypatch.setattr("server.writer.WAL_BYTES_WARNING", 400_000)
    monkeypatch.setattr("server.database._WAL_KEPT_BYTES", 100_000)
    ada = WiredClient("ada")
    server = await opened(tmp_path, ada)
    reader = apsw.Connection(str(tmp_path / "deltapad.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM log").fetchall() == [(0,)]
    while server.hub.health.wal_bytes < 500_000:
        ada.edit(["x" * 2_000])
        await until(lambda: ada.synchronised)
    warnings = [record for record in caplog.records if "write-ahead log has" in record.message]
    assert len(warnings) == 1
    reader.close()
    for _ in range(4):
        ada.edit(["y"])
        await until(lambda: ada.synchronised)
    assert server.hub.health.wal_bytes < 100_000
    assert (tmp_path / "deltapad.sqlite-wal").stat().st_size <= 100_000
    await server.end()


async def test_what_waits_is_bounded(tmp_path, monkeypatch):
    """Who would have more wait than there is room for is told to come again."""
    monkeypatch.setattr("server.hub.WAITING_LENGTH_MAX", 10)
    disk = FailingDisk()
    ada, ben = WiredClient("ada"), WiredClient("ben")
    server = await opened(tmp_path, ada, ben, disk=disk)
    disk.arm(KINDS["full"], times=10**9)
    ada.edit(["one"])
    await until(lambda: ada.storage == ["full"])
    ben.edit(["more than ten"])
    await until(lambda: "storage_failed" in ben.errors)
    disk.heal()
    monkeypatch.setattr("server.hub.WAITING_LENGTH_MAX", 100)
    await until(lambda: ada.synchronised and ben.synchronised)
    await server.end()
    assert sorted(log_of(tmp_path)[1]) == sorted("onemore than ten")
