"""restore: a backup in the place of a database, whole or not at all, and clients of before"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from client_py import PadClient, Refused
from server import backup
from server.database import DATABASE, SCHEMA_VERSION
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.conftest import DELTAPAD, ServerProcess
from tests.test_backup import LOG, OTHERS, dying, fill, history, longer, rows
from tests.test_database import make_old
from tests.test_logs import process, run
from tests.wire import create_pad


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A data folder with two pads."""
    folder = tmp_path / "data"
    await fill(folder)
    return folder


def test_restore(data, tmp_path):
    """Into an empty folder; the same logs, under new epochs; the backup is not changed."""
    file, new = tmp_path / "backup", tmp_path / "new"
    run("backup", file, data=data)
    before = file.read_bytes()
    done = run("restore", file, data=new)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == f"Restored 2 pads with 300 revisions into {new}.\n".encode()
    assert file.read_bytes() == before
    assert history(new) == history(data)
    assert run("verify", data=new).returncode == 0
    epochs = [rows(folder / DATABASE, "SELECT epoch FROM pads") for folder in (data, new)]
    assert epochs[0] == [("epoch",)] * 2
    assert len({epoch for (epoch,) in epochs[1]} - {"epoch"}) == 2
    assert (new / DATABASE).stat().st_mode & OTHERS == 0
    assert sorted(os.listdir(new)) == [DATABASE, "lock"]


def test_what_is_no_backup_leaves_nothing(data, tmp_path):
    """Neither a folder, nor anything in one that was there."""
    other, damaged, there = tmp_path / "other", tmp_path / "damaged", tmp_path / "there"
    other.write_bytes(b"no database at all " * 999)
    run("backup", damaged, data=data)
    content = bytearray(damaged.read_bytes())
    content[-4_096:] = bytes(4_096)
    damaged.write_bytes(content)
    there.mkdir()
    (there / "mine").touch()
    for file in (other, damaged):
        for folder in (tmp_path / "new", there):
            refused = run("restore", file, data=folder)
            assert refused.returncode == 1 and refused.stderr.startswith(b"Error: ")
    assert sorted(os.listdir(tmp_path)) == ["damaged", "data", "other", "there"]
    assert set(os.listdir(there)) <= {"mine", "lock"}


async def test_restore_in_place_of_another(data, tmp_path):
    """Not without being told so; what was there is kept with what its WAL had."""
    file = tmp_path / "backup"
    run("backup", file, data=data)
    store = SQLiteStore(data)
    await store.create("newer", title="Newer", epoch="e", view_key="v3", time_ms=79)
    # As after a power cut: what is committed lies in the WAL only.
    wal = (data / f"{DATABASE}-wal").read_bytes()
    main = (data / DATABASE).read_bytes()
    await store.close()
    (data / DATABASE).write_bytes(main)
    (data / f"{DATABASE}-wal").write_bytes(wal)

    refused = run("restore", file, data=data)
    assert refused.returncode == 1 and b"--replace keeps it aside" in refused.stderr
    done = run("restore", file, "--replace", data=data)
    assert done.returncode == 0, done.stderr
    (aside,) = data.glob(f"{DATABASE}.before-restore-*")
    assert f"is kept as {aside}." in done.stdout.decode()
    assert set(history(data)) == {"notes", "empty"}
    assert set(history(data, aside.name)) == {"notes", "empty", "newer"}


def test_restore_in_place_of_a_damaged_one(data, tmp_path):
    """That is what it is for: the damaged one is kept as it lies."""
    file = tmp_path / "backup"
    run("backup", file, data=data)
    (data / DATABASE).write_bytes(b"no database at all " * 999)
    done = run("restore", file, "--replace", data=data)
    assert done.returncode == 0, done.stderr
    assert history(data)["notes"] == LOG
    (aside,) = data.glob("*.before-restore-*")
    assert aside.read_bytes().startswith(b"no database")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), KeyboardInterrupt()])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_restore_that_fails_at_its_last_step(data, tmp_path, monkeypatch, error, damaged):
    """The database that was there is as it was, also a damaged one, and has no second name."""
    file = tmp_path / "backup"
    run("backup", file, data=data)
    if damaged:
        (data / DATABASE).write_bytes(b"no database at all " * 999)
    before = (data / DATABASE).read_bytes()

    def fails(part: Path, path: Path) -> None:
        raise error

    monkeypatch.setattr(backup, "put_in_place", fails)
    with pytest.raises((StorageError, KeyboardInterrupt)):
        backup.restore(data, file, replace=True, verify=False, progress=lambda *_: None)
    assert {path.name for path in data.iterdir()} == {DATABASE, "lock"}
    assert (data / DATABASE).read_bytes() == before
    monkeypatch.undo()
    _, aside = backup.restore(data, file, replace=True, verify=True, progress=lambda *_: None)
    assert aside is not None and aside.read_bytes() == before
    assert history(data)["notes"] == LOG


def test_what_is_no_backup(data, tmp_path):
    """Somebody else's file, a newer one, rubbish: nothing changes."""
    theirs, newer, rubbish = (tmp_path / name for name in ("theirs", "newer", "rubbish"))
    connection = apsw.Connection(str(theirs))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    run("backup", newer, data=data)
    connection = apsw.Connection(str(newer))
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.close()
    rubbish.write_bytes(b"rubbish " * 1_000)
    before = (data / DATABASE).read_bytes()
    for file, words in ((theirs, "not deltapad's"), (newer, "newer version"), (rubbish, "not a d")):
        done = run("restore", file, "--replace", data=data)
        assert done.returncode == 1
        assert words in done.stderr.decode()
    same = run("restore", data / DATABASE, "--replace", data=data)
    assert b"is the database itself" in same.stderr
    assert (data / DATABASE).read_bytes() == before
    assert [name for name in os.listdir(data) if "before" in name or "part" in name] == []


def test_a_backup_of_an_older_version(tmp_path):
    """Is brought to this version on the way; the file stays what it is."""
    old, file = make_old(tmp_path / "old"), tmp_path / "backup"
    assert run("backup", file, data=old).returncode == 0
    before = file.read_bytes()
    assert rows(file, "PRAGMA user_version") == [(1,)]
    done = run("restore", file, data=tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == before
    assert rows(tmp_path / "new" / DATABASE, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert history(tmp_path / "new") == history(old)
    assert sorted(os.listdir(tmp_path / "new")) == [DATABASE, "lock"]


@pytest.mark.slow
def test_a_restore_that_dies(data, tmp_path):
    """Whatever it was about to do: the folder has the one database or the other, whole, and the
    server starts from it.
    """
    file = tmp_path / "backup"
    run("backup", file, data=data)
    asyncio.run(longer(data))
    found = []
    for step in range(1, 99):
        code = dying(step, "restore", file, "--replace", "--data", data)
        assert run("verify", data=data).returncode == 0
        found.append(len(history(data)))
        if code != 9:
            assert code == 0
            break
        if found[-1] == 2:  # it was done: again from the start would be another restore
            break
    assert set(found) == {2, 3} and len(found) > 4, found
    asyncio.run(SQLiteStore(data).close())


async def test_restore_waits_for_the_server_to_stop(serve: ServerProcess, tmp_path):
    """A folder belongs to one process."""
    await create_pad(serve.url, "pad")
    file = tmp_path / "backup"
    assert (await asyncio.to_thread(process, "backup", file, data=serve.data)).returncode == 0
    done = await asyncio.to_thread(process, "restore", file, "--replace", data=serve.data)
    assert done.returncode == 1
    assert b"in use by another deltapad; stop that one" in done.stderr


@pytest.mark.slow
async def test_clients_that_had_been_further(start_server: Callable[..., ServerProcess], tmp_path):
    """After a restore revisions have other entries: who had nothing unsent starts anew from the
    restored text, who had keeps it as a draft; what is in the log is of the restored text alone.
    """
    server = start_server()
    await create_pad(server.url, "pad")
    file = tmp_path / "backup"
    async with PadClient(server.url, "pad") as idle, PadClient(server.url, "pad") as typing:
        idle.insert(0, "kept")
        await idle.synchronised()
        await asyncio.to_thread(process, "backup", file, data=server.data)
        idle.insert(4, " and lost")
        await idle.synchronised()
        await typing.reached(2)
        server.stop()
        typing.insert(0, "unsent ")
        done = await asyncio.to_thread(process, "restore", file, "--replace", data=server.data)
        assert done.returncode == 0, done.stderr
        # Others have made revision 2, and it is another one.
        await asyncio.to_thread(server.start)
        async with PadClient(server.url, "pad") as new:
            assert new.text == "kept"
            new.insert(0, "new ")
            await new.synchronised()
        with pytest.raises(Refused, match="epoch_changed"):
            await typing.synchronised()
        assert typing.text == "unsent kept and lost"
        await idle.reached(2)
        while idle.text != "new kept":
            await asyncio.sleep(0.01)
        idle.insert(0, "on ")
        await idle.synchronised()
    assert run("verify", data=server.data).returncode == 0
    async with PadClient(server.url, "pad") as last:
        assert last.text == "on new kept"


@pytest.mark.slow
def test_the_page_that_tells_how(data, tmp_path, repo):
    """Every command that it shows as it is to be typed, one after the other."""
    blocks = re.findall(
        r"```sh\n(.*?)```", (repo / "docs/how-to/back-up.md").read_text(), re.DOTALL
    )
    lines = [line for block in blocks for line in block.splitlines()]
    assert [line.split()[1] for line in lines].count("restore") == 2
    environment = {**os.environ, "PATH": f"{DELTAPAD.parent}:{os.environ['PATH']}"}
    for line in lines:
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, (line, done.stderr)
    assert history(tmp_path / "elsewhere") == history(data)
