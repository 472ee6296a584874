"""deleting a pad: who may, what is left of it, what everybody is told, and what a crash leaves"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner

from client_py import PadClient, Refused
from ot.errors import GoneError
from ot.messages import OpsMessage
from server.__main__ import main
from server.admin import ADMIN, Admin
from server.database import DATABASE, connect
from server.folder import DataFolder, Finding
from server.removal import Removal
from server.settings import Settings
from server.simulation.disk import AtOnce
from server.sqlite import SQLiteStore
from server.storage import Append, NotWrittenError, StorageError, UntrustedDiskError
from tests.conftest import ServerProcess
from tests.faults.bit_flips import LOG, filled
from tests.faults.dying_statements import DIED, die_at
from tests.faults.failing_disk import KINDS, FailingDisk
from tests.faults.power_loss import recorded
from tests.test_hub import attach, running, submission, until
from tests.test_hub import write as type_letters
from tests.test_power_loss import every_image
from tests.wire import connect as connect_wire
from tests.wire import create_pad, stored, view_link

TOKEN = "an admin token of tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
# Nobody has typed this anywhere else.
SECRET = "the plum tree behind the house"


@pytest.fixture
def server(start_server: Callable[..., ServerProcess], tmp_path: Path) -> ServerProcess:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return start_server("--admin-token-file", str(file))


async def answer(method: str, url: str, **request: Any) -> tuple[int, Any]:
    """The status, and what JSON says, or the text."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, allow_redirects=False, **request) as got,
    ):
        is_json = got.content_type == "application/json"
        return got.status, await got.json() if is_json else await got.text()


async def delete(server: ServerProcess, pad: str) -> dict[str, Any]:
    status, removed = await answer("DELETE", f"{server.url}/p/{pad}", headers=BEARER)
    assert status == 200, removed
    assert isinstance(removed, dict)
    return removed


async def write(server: ServerProcess, pad: str, text: str) -> None:
    await create_pad(server.url, pad)
    async with PadClient(server.url, pad) as client:
        client.insert(0, text)
        await client.synchronised()


async def test_only_with_the_admin_token(server):
    """Whoever has only the link, or another token, deletes nothing."""
    await write(server, "plan", SECRET)
    url = f"{server.url}/p/plan"
    for headers in ({}, {"Authorization": "Bearer another token"}, {"Authorization": TOKEN}):
        status, error = await answer("DELETE", url, headers=headers)
        assert status == 401 and error["code"] == "not_authorized"
    assert await answer("GET", f"{url}/text") == (200, SECRET)
    assert (await answer("DELETE", f"{server.url}/p/other", headers=BEARER))[0] == 404


@pytest.mark.slow
async def test_every_address_of_it_says_so_for_ever(server):
    """By both links, in every form in which it is asked, and after a restart: 410 and
    `pad_deleted`, never 404, and never another pad.
    """
    await write(server, "plan", SECRET)
    await create_pad(server.url, "other")
    view = view_link(server.data, "plan").removeprefix("view/")
    assert await delete(server, "plan") == {"revision": 1, "length": len(SECRET), "people": 0}
    for _ in range(2):
        for what in ("text", "text?at=0", "log", "history", "versions", "status"):
            for link in ("p/plan", f"v/{view}"):
                status, error = await answer("GET", f"{server.url}/{link}/{what}")
                assert (status, error["code"], error["action"]) == (410, "pad_deleted", "stop")
        for method, what, more in (
            ("PUT", "/text", {"data": "x", "headers": {"If-Match": '"r1"'}}),
            ("POST", "/versions", {"json": {"revision": 1, "name": "n", "person": "p"}}),
            ("DELETE", "", {"headers": BEARER}),
        ):
            status, error = await answer(method, f"{server.url}/p/plan{what}", **more)
            assert (status, error["code"]) == (410, "pad_deleted")
        for link in ("p/plan", f"v/{view}", "p/plan?plain"):
            status, page = await answer("GET", f"{server.url}/{link}")
            assert status == 410 and "This pad was deleted" in page
        for field in ("id", "copy"):
            status, page = await answer("POST", f"{server.url}/p", data={field: "plan"})
            assert status == 410 and "This pad was deleted" in page
        status, page = await answer("POST", f"{server.url}/p/plan", data={"text": "typed <late>"})
        assert status == 410 and "typed &lt;late&gt;</textarea>" in page
        for link in ("plan", f"view/{view}"):
            async with connect_wire(server.url, link) as wire:
                said, code = await wire.end()
                assert said is not None
                assert (said["code"], said["action"], code) == ("pad_deleted", "stop", 1008)
        assert (await answer("GET", f"{server.url}/p/other/text"))[0] == 200
        assert (await answer("GET", f"{server.url}/p/never/text"))[0] == 404
        server.restart()


async def test_everybody_in_it_is_told(server):
    """Writers and readers stop for good, with the text as they have it; people are counted."""
    await write(server, "plan", SECRET)
    view = view_link(server.data, "plan").removeprefix("view/")
    async with (
        PadClient(server.url, "plan") as writer,
        PadClient(server.url, view, view=True) as reader,
    ):
        writer.insert(0, "again: ")
        await writer.synchronised()
        await reader.reached(2)
        assert (await delete(server, "plan"))["people"] == 2
        for client in (writer, reader):
            with pytest.raises(Refused, match="pad_deleted"):
                await client.reached(99)
            assert client.text == f"again: {SECRET}"


@pytest.mark.slow
async def test_who_was_away_is_told(server):
    """Whose connection was lost comes back, and stops; their unsent edit is in their text."""
    await write(server, "plan", SECRET)
    async with PadClient(server.url, "plan") as client:
        server.stop()
        client.insert(0, "unsent, ")
        with DataFolder(server.data, write=True) as folder:
            assert folder.delete("plan", time_ms=1) is not None
        server.start()
        with pytest.raises(Refused, match="pad_deleted"):
            await client.synchronised()
        assert client.text == f"unsent, {SECRET}" and client.pending


class Typist:
    """Types until it is refused; knows the revisions that were acknowledged, and when the last."""

    def __init__(self, server: ServerProcess, pad: str) -> None:
        self.acknowledged: list[int] = []
        self.refused = ""
        self._client = PadClient(server.url, pad, on_message=self._note)

    @property
    def connections(self) -> int:
        return self._client.connections

    def _note(self, message: object) -> None:
        if isinstance(message, OpsMessage):
            for revision, (session, _, _) in enumerate(message.ops, message.start + 1):
                if session == self._client.session:
                    self.acknowledged.append(revision)

    async def type(self) -> None:
        async with self._client as client:
            try:
                while True:
                    client.insert(len(client.text), "x")
                    await asyncio.sleep(0.002)
            except Refused as error:
                self.refused = error.error.code


def all_type(typists: list[Typist]) -> bool:
    return all(len(typist.acknowledged) > 10 for typist in typists)


@pytest.mark.slow
async def test_while_people_type(server):
    """What is acknowledged was so before the pad was deleted; nobody in another pad, whose edits
    go to the disk in the same batches, notices anything.
    """
    await create_pad(server.url, "neighbour")
    neighbours = [Typist(server, "neighbour") for _ in range(2)]
    tasks = [asyncio.create_task(typist.type()) for typist in neighbours]
    for number in range(6):
        pad = f"plan-{number}"
        await create_pad(server.url, pad)
        typists = [Typist(server, pad) for _ in range(3)]
        work = [asyncio.create_task(typist.type()) for typist in typists]
        await until(partial(all_type, typists))
        removed = await delete(server, pad)
        await asyncio.gather(*work)
        assert {typist.refused for typist in typists} == {"pad_deleted"}
        heard = sorted(revision for typist in typists for revision in typist.acknowledged)
        assert len(set(heard)) == len(heard) and heard[-1] <= removed["revision"]
        assert removed["length"] >= removed["revision"]
        assert stored(server.data, pad) == []
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [typist.connections for typist in neighbours] == [1, 1]
    assert server.stop() == 0
    with DataFolder(server.data) as folder:
        assert folder.damage() is None and folder.names() == ["demo", "neighbour"]


async def test_edits_that_wait_beside_it(tmp_path):
    """An edit that comes while the pad is being deleted is refused; one in another pad, which
    would have gone to the disk in the same batch, is not touched by that.
    """
    async with running(tmp_path) as (hub, _):
        await hub.create("other", "Other")
        async with hub.open("pad") as pad, hub.open("other") as other:
            assert pad is not None and other is not None
            for each in (pad, other):
                await attach(each)
            await type_letters(hub, pad, 3)
            deleting = asyncio.create_task(hub.delete(pad))
            await asyncio.sleep(0)
            await hub.submit(pad, submission(4, 3, ["late"]))
            await hub.submit(other, submission(1, 0, ["beside"]))
            await deleting
            await until(lambda: other.document.committed == 1)
            assert isinstance(pad.dropped, GoneError) and pad.document.committed == 3
            assert other.dropped is None
            with pytest.raises(GoneError):
                await hub.submit(pad, submission(4, 3, ["later"]))
            # Whoever still reads from it is told, and not given a log that ends early.
            with pytest.raises(StorageError):
                await hub.created_ms(pad.record)
            pad.document.forget(3)
            with pytest.raises(StorageError):
                await pad.text_at(1)


async def test_a_disk_that_does_not_answer(tmp_path, monkeypatch):
    """Whoever asked is told in time that it is not known; the pad is deleted when the disk can."""
    monkeypatch.setattr("server.removal.DELETE_SECONDS_MAX", 0.1)
    async with running(tmp_path) as (hub, _):
        app = web.Application()
        app[ADMIN] = Admin(Settings(admin_token=TOKEN))
        Removal(hub, tmp_path / "divergence").add_routes(app)
        other_program = apsw.Connection(str(tmp_path / DATABASE))
        async with TestClient(TestServer(app)) as client:
            other_program.execute("BEGIN IMMEDIATE")
            got = await client.delete("/p/pad", headers=BEARER)
            assert got.status == 503 and "may be deleted later" in (await got.json())["message"]
            other_program.execute("ROLLBACK")
            other_program.close()
            async with asyncio.timeout(10):
                while (await client.delete("/p/pad", headers=BEARER)).status != 410:
                    await asyncio.sleep(0.01)


# --- The file ----------------------------------------------------------------------------------


def traces(folder: Path, *words: str) -> list[tuple[str, str]]:
    """Which of these words are in which files of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        (word, path.name) for path in files for word in words if word.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("overwritten", [True, False], ids=["", "negative control"])
async def test_nothing_of_it_stays_in_the_file(tmp_path, overwritten, monkeypatch):
    """Text, snapshot, names, titles and versions are overwritten; the rest of the file is not. If
    what is deleted were only marked as free, this test would find it.
    """
    await asyncio.to_thread(filled, tmp_path)
    words = ("Ada", "Seven", "The notes")
    assert {word for word, _ in traces(tmp_path, *words)} == set(words)
    store = SQLiteStore(tmp_path)
    if not overwritten:
        store._writes.connection.pragma("secure_delete", False)
    for name in ("notes", "other"):
        record = await store.find(name)
        assert record is not None
        await store.delete(record.key, time_ms=80)
    await store.close()
    found = traces(tmp_path, *words, "The other", "view of notes")
    assert {word for word, _ in found} >= {"view of notes"}
    assert ({word for word, _ in found} == {"view of notes"}) is overwritten
    connection = apsw.Connection(str(tmp_path / DATABASE))
    for table in ("pads", "log", "authors", "snapshots", "versions"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)]
    rows = connection.execute("SELECT id, name, view_key, time_ms FROM deleted").fetchall()
    assert rows == [
        (1, "notes", "view of notes", 80),
        (2, "other", "view of other", 80),
        (3, "gone", "view of gone", 79),
    ]
    connection.close()


async def test_nothing_of_it_stays_in_the_write_ahead_log(tmp_path):
    """While the server goes on, at once; while somebody reads from it, who is not waited for, with
    the first commit after that.
    """
    store = SQLiteStore(tmp_path)
    store._writes.connection.set_busy_timeout(60_000)
    made: dict[str, Any] = {"epoch": "", "time_ms": 1}
    for name in ("one", "two"):
        assert await store.create(name, title=f"Plum {name}", view_key=f"view of {name}", **made)
    assert traces(tmp_path, "Plum one")
    await store.delete(1, time_ms=2)
    assert traces(tmp_path, "Plum one") == []
    assert traces(tmp_path, "Plum two") == [("Plum two", DATABASE)]
    await store.set_properties(2, title="Plum three", language=None, view_history=None)
    reader = apsw.Connection(str(tmp_path / DATABASE))
    reader.execute("BEGIN; SELECT count(*) FROM pads").fetchall()
    async with asyncio.timeout(30):
        await store.delete(2, time_ms=3)
    assert traces(tmp_path, "Plum three")
    reader.execute("ROLLBACK")
    assert await store.create("last", title="Last", view_key="view of last", **made)
    assert traces(tmp_path, "Plum three", "Plum two") == []
    reader.close()
    await store.close()


async def test_no_other_pad_gets_its_name_or_its_number(tmp_path):
    """What is still done for a pad that was deleted reaches no other one."""
    store = SQLiteStore(tmp_path)
    made: dict[str, Any] = {"title": "", "epoch": "", "time_ms": 1}
    for name in ("one", "two"):
        assert await store.create(name, view_key=f"view of {name}", **made)
    await store.delete(2, time_ms=5)
    assert not await store.create("two", view_key="another", **made)
    assert await store.count() == 1
    for find, key in ((store.find, "two"), (store.find_view, "view of two")):
        with pytest.raises(GoneError) as error:
            await find(key)
        assert error.value.time_ms == 5
    assert await store.create("three", view_key="view of three", **made)
    record = await store.find("three")
    assert record is not None and (record.key, await store.count()) == (3, 2)
    await store.close()


def state_of(folder: Path, revisions: int = len(LOG)) -> str:
    """Whether the pad `notes` is there, whole, or gone; the other one always is."""
    with DataFolder(folder) as data:
        assert data.damage() is None
        for name in data.names():
            *_, found = data.verify(name)
            assert isinstance(found, Finding)
            assert (found.revision, found.wrong) == (revisions, None)
        assert "other" in data.names()
        if "notes" in data.names():
            return "whole"
    connection = apsw.Connection(str(folder / DATABASE))
    rows = connection.execute("SELECT count(*) FROM log WHERE pad = 1").fetchall()
    connection.close()
    assert rows == [(0,)]
    return "gone"


@pytest.mark.slow
def test_a_process_that_dies_at_any_statement(tmp_path):
    """The pad is whole, or it is gone, all of it."""
    (tmp_path / "filled").mkdir()
    filled(tmp_path / "filled")
    job = (
        "from server.folder import DataFolder\n"
        "with DataFolder(path, write=True) as folder:\n"
        "    hook(folder._connection)\n"
        "    folder.delete('notes', time_ms=80)\n"
    )
    states = []
    for statement in range(1, 30):
        folder = tmp_path / str(statement)
        shutil.copytree(tmp_path / "filled", folder)
        code = die_at(statement, folder, job)
        states.append(state_of(folder))
        if code == 0:
            break
        assert code == DIED
    assert states == ["whole"] * states.count("whole") + ["gone"] * states.count("gone")
    assert states.count("whole") >= 8 and states[-1] == "gone"


@pytest.mark.slow
@pytest.mark.parametrize("waits", [True, False], ids=["", "negative control"])
async def test_a_power_failure(tmp_path, waits, monkeypatch):
    """At any moment, whatever of what was not synced is on the disk: the pad is whole or gone, and
    gone once that was answered. A store that did not wait for the disk would be found out.
    """
    store = SQLiteStore(tmp_path / "data")
    for key, name in enumerate(("notes", "other"), 1):
        await store.create(name, title="", epoch="", view_key=f"view of {name}", time_ms=1)
        await store.append([Append(key, 0, LOG[:9])])
        await store.save_snapshot(key, revision=0, text="")
    await store.close()
    with recorded(tmp_path / "data") as disk:
        store = SQLiteStore(tmp_path / "data", vfs=disk.vfs_name, worker=AtOnce)
        if not waits:
            store._writes.connection.pragma("synchronous", "normal")
            # To cut the write-ahead log is to wait for the disk as well.
            monkeypatch.setattr("server.writer.Writer.cut_wal", lambda _: None)
        opened = len(disk.events)
        await store.delete(1, time_ms=80)
        answered = len(disk.events)
        await store.close()
    states: set[tuple[str, str]] = set()

    async def check(folder: Path, moment: int) -> None:
        await SQLiteStore(folder, worker=AtOnce).close()
        when = "before" if moment <= opened else "meanwhile" if moment < answered else "after"
        states.add((when, state_of(folder, 9)))

    assert await every_image(disk, 2, check, tmp_path / "image") > 100
    assert {("before", "whole"), ("after", "gone")} <= states
    assert ("before", "gone") not in states
    assert (("after", "whole") not in states) is waits


@pytest.mark.parametrize("kind", ["full", "fsync"])
async def test_a_disk_that_does_not_take_it(tmp_path, kind):
    """On a full disk the pad stays, whole, and can be deleted later; after a failed fsync the next
    start shows the one or the other.
    """
    await asyncio.to_thread(filled, tmp_path)
    disk = FailingDisk()
    store = SQLiteStore(tmp_path, vfs=disk.name)
    disk.arm(KINDS[kind], 1, times=1)
    with pytest.raises(NotWrittenError if kind == "full" else UntrustedDiskError):
        await store.delete(1, time_ms=80)
    if kind == "full":
        assert await store.find("notes") is not None
        await store.delete(1, time_ms=81)
    with contextlib.suppress(Exception):
        await store.close()
    disk.heal()
    disk.close()
    assert state_of(tmp_path) == "gone" if kind == "full" else state_of(tmp_path)


def test_a_tombstone_is_verified(tmp_path):
    """A bit of it that has turned is found, and never taken for a pad that was not deleted."""
    filled(tmp_path)
    connection = connect(tmp_path / DATABASE)
    connection.execute("UPDATE deleted SET time_ms = time_ms + 1")
    connection.close()
    with DataFolder(tmp_path) as folder:
        assert folder.damage() == "the tombstone of pad 3 is not as it was written"


# --- The command -------------------------------------------------------------------------------


def run(*arguments: object, **options: Any) -> Any:
    return CliRunner().invoke(main, ["delete", *map(str, arguments)], **options)


async def test_the_command_at_a_running_server(server, monkeypatch):
    """It says what would go, asks, and says what is gone."""
    await write(server, "plan", SECRET)
    monkeypatch.setenv("DELTAPAD_ADMIN_TOKEN", TOKEN)

    async def at_server(*arguments: str, **options: Any) -> Any:
        return await asyncio.to_thread(run, *arguments, "--url", server.url, **options)

    async with PadClient(server.url, "plan", name="Ada") as client:
        done = await at_server("plan", input="n\n")
        assert done.exit_code == 1
        assert f"plan: revision 1, {len(SECRET)} letters, one person is in it now." in done.output
        assert client.text == SECRET
        done = await at_server("plan", input="y\n")
        assert done.exit_code == 0, done.output
        assert (
            f"Deleted plan, which was at revision 1 and had {len(SECRET)} letters. Told to those"
            " in it: 1." in done.output
        )
        with pytest.raises(Refused):
            await client.reached(2)
    done = await at_server("plan", "--yes")
    assert done.exit_code == 1 and "this pad was deleted before" in done.output
    monkeypatch.setenv("DELTAPAD_ADMIN_TOKEN", "another token than that")
    done = await at_server("demo", "--yes")
    assert done.exit_code == 1 and "takes the admin token" in done.output


def test_the_command_at_a_folder(tmp_path):
    """The same of a folder that no server uses; the copies in it are named."""
    filled(tmp_path)
    (tmp_path / f"{DATABASE}.schema-3").touch()
    done = run("notes", "--data", tmp_path, "--yes")
    assert done.exit_code == 0, done.output
    assert f"Deleted notes, which was at revision {len(LOG):,} and had" in done.output
    assert f"may still have it: {DATABASE}.schema-3" in done.output
    assert state_of(tmp_path) == "gone"
    for pad, words in (("notes", "this pad was deleted before"), ("never", "there is no pad")):
        done = run(pad, "--data", tmp_path, "--yes")
        assert done.exit_code == 1 and words in done.output
    assert run("other").exit_code == 2


def test_a_backup_has_its_tombstone(tmp_path):
    """A pad that was deleted before a backup stays so after a restore; an import does not bring
    its name back.
    """
    (tmp_path / "data").mkdir()
    filled(tmp_path / "data")
    log = tmp_path / "notes.jsonl"

    def command(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(main, [*map(str, arguments), "--data", str(tmp_path / "data")])
        assert done.exit_code == code, done.output
        return done.output

    command("export", "notes", "-o", log)
    command("delete", "notes", "--yes")
    command("backup", tmp_path / "backup")
    command("restore", tmp_path / "backup", "--replace")
    assert state_of(tmp_path / "data") == "gone"
    output = command("import", log, code=1)
    assert "a pad notes was deleted: its name is not given again" in output
