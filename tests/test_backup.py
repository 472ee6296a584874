"""backup: all pads of one moment in a file, whole or not at all"""

from __future__ import annotations

import asyncio
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from client_py import PadClient
from ot.log import Entry
from server.database import DATABASE, connect, copy_database
from server.folder import DataFolder
from server.sqlite import SQLiteStore
from server.storage import Append
from tests.conftest import DELTAPAD, REPO, ServerProcess
from tests.test_logs import entries, process, run
from tests.wire import create_pad

LOG = entries(300)
OTHERS = stat.S_IRWXG | stat.S_IRWXO


async def fill(folder: Path, revisions: int = 300) -> None:
    store = SQLiteStore(folder)
    await store.create("notes", title="Notes", epoch="epoch", view_key="v1", time_ms=77)
    await store.create("empty", title="Empty", epoch="epoch", view_key="v2", time_ms=78)
    await store.append([Append(1, 0, LOG[:revisions])])
    await store.close()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data folder with two pads."""
    folder = tmp_path / "data"
    await fill(folder)
    return folder


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def history(folder: Path, database: str = DATABASE) -> dict[str, list[Entry]]:
    with DataFolder(folder, database=database) as opened:
        return {name: list(opened.entries(name)) for name in opened.names()}


def test_a_backup(data, tmp_path):
    """One file that only its owner may read; says what is in it; verify takes it as it lies."""
    file = tmp_path / "backup"
    done = run("backup", file, data=data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(f"Backed up 2 pads with 300 revisions into {file}: ".encode())
    assert f"{file.stat().st_size:,} bytes, ".encode() in done.stdout
    assert file.stat().st_mode & OTHERS == 0
    assert file.read_bytes()[18:20] == b"\1\1", "not WAL: it can be read where nothing is written"
    assert sorted(os.listdir(tmp_path)) == ["backup", "data"]
    assert history(tmp_path, "backup") == history(data) == {"notes": LOG, "empty": []}
    before = file.read_bytes()
    checked = run("verify", "--file", file, data=tmp_path / "nowhere")
    assert checked.returncode == 0
    assert b"right" in checked.stdout and b"notes" in checked.stdout
    assert file.read_bytes() == before
    assert run("backup", file, "--force", "--no-verify", data=data).returncode == 0
    assert b"with 300 revisions" in done.stdout


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("-", 2, "cannot go to standard output"),
        ("missing/backup", 1, "there is no folder"),
        ("there", 1, "is there already, and it stays; --force replaces it"),
        ("data/deltapad.sqlite", 1, "is the database itself"),
    ],
)
def test_where_a_backup_cannot_go(data, tmp_path, monkeypatch, file, code, words):
    """Nothing is written, and the message says what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("mine")
    before = (data / DATABASE).read_bytes()
    done = run("backup", *(["--force"] if "data" in file else []), file, data=data)
    assert done.returncode == code
    assert words in done.stderr.decode()
    assert (tmp_path / "there").read_text() == "mine"
    assert (data / DATABASE).read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["data", "there"]


def test_a_backup_of_nothing(tmp_path):
    """No folder is made."""
    done = run("backup", tmp_path / "file", data=tmp_path / "none")
    assert (done.returncode, os.listdir(tmp_path)) == (1, [])
    assert b"there is no deltapad database" in done.stderr


def test_a_damaged_pad_does_not_become_a_backup(data, tmp_path):
    """The backup that was there stays; who wants all the same what there is says so."""
    file = tmp_path / "backup"
    run("backup", file, data=data)
    before = file.read_bytes()
    connection = apsw.Connection(str(data / DATABASE))
    connection.execute("UPDATE log SET time_ms = 5 WHERE revision = 17")
    connection.close()
    done = run("backup", file, "--force", data=data)
    assert done.returncode == 1
    assert "pad notes: revision 17: the row is not as it was written" in done.stderr.decode()
    assert file.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["backup", "data"]
    assert run("backup", file, "--force", "--no-verify", data=data).returncode == 0
    refused = run("restore", file, data=tmp_path / "new")
    assert refused.returncode == 1 and b"revision 17" in refused.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
async def test_a_backup_beside_writers(serve: ServerProcess, tmp_path):
    """Each holds a first part of the log, all that was acknowledged before it began; the writers
    go on.
    """
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Ada") as ada:
        stop = asyncio.Event()

        async def type_on() -> None:
            while not stop.is_set():
                ada.insert(len(ada.text), "x")
                await ada.synchronised()

        typing = asyncio.create_task(type_on())
        for number in range(5):
            await ada.reached(ada.revision + 5)
            acknowledged = ada.revision
            file = tmp_path / f"backup-{number}"
            done = await asyncio.to_thread(process, "backup", file, data=serve.data)
            assert done.returncode == 0, done.stderr
            log = history(tmp_path, file.name)["pad"]
            assert acknowledged <= len(log) <= ada.revision
        stop.set()
        await typing
        whole = (await asyncio.to_thread(history, serve.data))["pad"]
        assert whole[: len(log)] == log


async def test_a_backup_is_of_one_moment(data, tmp_path, monkeypatch):
    """It ends, however often somebody commits while it is made, and has nothing of that."""
    monkeypatch.setattr("server.database._COPY_PAGES", 1)
    pages = (data / DATABASE).stat().st_size // 4_096
    store = SQLiteStore(data)
    writer, steps = connect(data / DATABASE), 0

    def commit(what: str, done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        assert steps <= pages + 1, "it has begun anew"
        writer.execute("UPDATE pads SET title = ?", (f"step {steps}",))

    reader = connect(data / DATABASE, readonly=True)
    copy_database(reader, tmp_path / "copy", commit)
    reader.close()
    assert steps > 5
    assert rows(tmp_path / "copy", "SELECT title FROM pads") == [("Notes",), ("Empty",)]
    assert rows(data / DATABASE, "SELECT title FROM pads") == [(f"step {steps}",)] * 2
    writer.close()
    await store.close()


def test_a_disk_that_is_full(data, tmp_path):
    """Of a backup that has no room nothing is left."""
    # The file that SQLite shares the state of its WAL in has 32 KiB; the backup needs more.
    size = 34_000
    assert size < (data / DATABASE).stat().st_size
    done = subprocess.run(
        [DELTAPAD, "backup", tmp_path / "backup", "--data", data],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and b"/backup: " in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["data"]


# Ends its process, as a kill does, at the n-th time that it is about to name, link or unlink a
# file, or asks whether one is on the disk.
DYING = """
import os, sys
left = int(sys.argv[1])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.link", "os.remove", "os.open", "fsync"):
        left -= 1
        if left == 0:
            os._exit(9)
fsync = os.fsync
def counted(number):
    count("fsync", ())
    fsync(number)
os.fsync = counted
from server.commands import backup
sys.addaudithook(count)
getattr(backup, sys.argv[2])(sys.argv[3:])
"""


def dying(step: int, *arguments: str | Path) -> int:
    """The exit code of a command that dies at that step."""
    line = [sys.executable, "-c", DYING, str(step), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.run(
        line, env=environment, capture_output=True, timeout=60, check=False
    ).returncode


@pytest.mark.slow
def test_a_backup_that_dies(data, tmp_path):
    """Whatever it was about to do: the file is there whole, the older or the newer one."""
    file = tmp_path / "backup"
    run("backup", file, data=data)
    asyncio.run(longer(data))
    lengths = []
    for step in range(1, 99):
        code = dying(step, "backup", file, "--force", "--data", data)
        assert run("verify", "--file", file, data=data).returncode == 0
        lengths.append(len(history(tmp_path, "backup")))
        if code != 9:
            assert code == 0
            break
    assert lengths == sorted(lengths)
    assert {lengths[0], lengths[-1]} == {2, 3}


async def longer(data: Path) -> None:
    store = SQLiteStore(data)
    await store.create("newer", title="Newer", epoch="e", view_key="v3", time_ms=79)
    await store.close()
