"""what older versions have written and said: their files, their clients; and upgrades that die

`tests/data/schema-N.sqlite.gz` were written by the servers of those versions, `schema-N.jsonl.gz`
by their `deltapad export`, `wire-1.N.json.gz` are the recorded conversations of those protocols.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from client_py import PadClient
from ot.messages import PROTOCOL_VERSION
from server.database import CHECKED_SINCE, DATABASE, SCHEMA_VERSION, connect
from server.folder import DataFolder
from server.storage import StorageError
from tests.conftest import REPO, ServerProcess
from tests.test_conformance import SMALL
from tests.test_logs import run
from tests.vectors.run import Differs, cases, play
from tests.wire import connect as connect_wire

DATA = REPO / "tests/data"
SCHEMAS = (1, 2, 3)
# What a client of each of these files had in flight when it lost its connection: it is in the log.
IN_FLIGHT = ["cleo \0\n"]
IN_FLIGHT_BASE, IN_FLIGHT_REVISION = 60, 61


def unpacked(name: str) -> bytes:
    return gzip.decompress((DATA / name).read_bytes())


def old_folder(folder: Path, schema: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / DATABASE).write_bytes(unpacked(f"schema-{schema}.sqlite.gz"))
    return folder


def version(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = connection.pragma("user_version")
        assert isinstance(found, int)
        return found
    finally:
        connection.close()


def whole(path: Path) -> dict[str, object]:
    """All that a version 1 knows of a file, and that it is right."""
    with DataFolder(path.parent, database=path.name) as folder:
        assert folder.damage() is None
        pads: dict[str, object] = {}
        for name in folder.names():
            *_, finding = folder.verify(name)
            pads[name] = (finding, folder.header(name), list(folder.entries(name)))
        return pads


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_of_an_older_version(tmp_path, schema):
    """It is brought over with every entry, digest, session and snapshot, gives the same export to
    the byte, and is kept beside as it was.
    """
    folder = old_folder(tmp_path, schema)
    before = whole(folder / DATABASE)
    assert before
    connect(folder / DATABASE).close()
    assert version(folder / DATABASE) == SCHEMA_VERSION
    assert whole(folder / DATABASE) == before
    exported = run("export", "notes", data=folder)
    assert exported.stdout == unpacked(f"schema-{schema}.jsonl.gz")
    older = folder / f"{DATABASE}.schema-{schema}"
    assert version(older) == schema
    assert whole(older) == before


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.slow
async def test_a_client_of_before_goes_on(start_server, schema):
    """Its epoch, its session and what it has in flight are known: the resend is not applied twice,
    and its next edit is.
    """
    server: ServerProcess = start_server()
    server.stop()
    for path in server.data.iterdir():
        path.unlink()
    old_folder(server.data, schema)
    connection = apsw.Connection(str(server.data / DATABASE))
    rows = connection.execute("SELECT epoch FROM pads WHERE name = 'notes'").fetchall()
    connection.close()
    server.start()
    async with connect_wire(server.url, "notes") as cleo:
        welcome = await cleo.enter("cleo", epoch=rows[0][0], revision=IN_FLIGHT_BASE)
        assert "text" not in welcome and welcome["committed"] == [1, IN_FLIGHT_REVISION]
        await cleo.op(IN_FLIGHT_BASE, 1, IN_FLIGHT)
        assert [revision for revision, *_ in await cleo.entries(62)] == [61, 62]
        cleo.revision = 62
        assert await cleo.edit(62, 2, ["on "]) == 63
    async with PadClient(server.url, "notes") as reader:
        assert reader.revision == 63 and reader.text.startswith("on last cleo \0\n")
    server.stop()
    assert run("verify", data=server.data).returncode == 0


@pytest.mark.parametrize("schema", SCHEMAS)
def test_commands_that_only_read_leave_it_as_it_is(tmp_path, schema):
    """Export, verify and backup take an older file without bringing it over."""
    folder = old_folder(tmp_path / "data", schema)
    before = (folder / DATABASE).read_bytes()
    for command in (["export", "notes"], ["verify"], ["backup", tmp_path / "backup"]):
        assert run(*map(str, command), data=folder).returncode == 0
    assert (folder / DATABASE).read_bytes() == before
    assert version(tmp_path / "backup") == schema
    assert not list(folder.glob("*.schema-*"))


def test_a_newer_file_is_left_alone(tmp_path):
    """By every command, which says why."""
    connect(tmp_path / DATABASE).close()
    connection = apsw.Connection(str(tmp_path / DATABASE))
    connection.pragma("user_version", SCHEMA_VERSION + 1)
    connection.pragma("journal_mode", "delete")
    connection.close()
    before = (tmp_path / DATABASE).read_bytes()
    for command in (["export", "x"], ["verify"], ["backup", "b"], ["serve", "--port", "0"]):
        done = run(*command, data=tmp_path)
        assert done.returncode == 1
        assert b"it was written by a newer version" in done.stderr
    assert (tmp_path / DATABASE).read_bytes() == before


# --- Upgrades that die ----------------------------------------------------------------------------


class Interrupted(apsw.Error):
    """The n-th statement is not run."""


def statements(path: Path, stop_at: int) -> int:
    """Bring a file over, with an error in place of statement `stop_at`; how many there were."""
    count = 0

    def trace(cursor: object, sql: str, bindings: object) -> bool:
        nonlocal count
        count += 1
        if count == stop_at:
            raise Interrupted
        return True

    def hook(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(hook)
    try:
        with contextlib.suppress(StorageError):
            connect(path).close()
    finally:
        apsw.connection_hooks.remove(hook)
    return count


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_upgrade_that_fails_at_any_statement(tmp_path, schema):
    """The file is wholly the old one or the new one, and the next start brings it over."""
    folder = old_folder(tmp_path / "counted", schema)
    before = whole(folder / DATABASE)
    total = statements(folder / DATABASE, 0)
    assert total > 15
    versions = []
    for stop_at in range(1, total + 1):
        path = old_folder(tmp_path / str(stop_at), schema) / DATABASE
        assert statements(path, stop_at) >= stop_at
        versions.append(version(path))
        assert whole(path) == before
        connect(path).close()
        assert version(path) == SCHEMA_VERSION
        assert whole(path) == before
    assert versions == sorted(versions)
    assert set(versions) == {schema, SCHEMA_VERSION}


# Kills its process in place of the n-th statement that it runs.
DYING = """
import os, sys, pathlib, apsw
left = int(sys.argv[1])
def trace(cursor, sql, bindings):
    global left
    left -= 1
    if left == 0:
        os._exit(9)
    return True
def hook(connection):
    connection.exec_trace = trace
apsw.connection_hooks.append(hook)
from server.database import connect
connect(pathlib.Path(sys.argv[2])).close()
"""


@pytest.mark.slow
def test_an_upgrade_that_is_killed(tmp_path):
    """The same with a process that is gone, and the files as it has left them: every fourth
    statement.
    """
    before = whole(old_folder(tmp_path / "whole", 1) / DATABASE)
    killed = 0
    for stop_at in range(1, 99, 4):
        path = old_folder(tmp_path / str(stop_at), 1) / DATABASE
        line = [sys.executable, "-c", DYING, str(stop_at), str(path)]
        environment = {**os.environ, "PYTHONPATH": str(REPO)}
        code = subprocess.run(line, env=environment, timeout=60, check=False).returncode
        assert version(path) in (1, SCHEMA_VERSION)
        assert whole(path) == before
        connect(path).close()
        assert version(path) == SCHEMA_VERSION
        assert whole(path) == before
        assert not list(path.parent.glob(".*"))
        if code == 0:
            break
        assert code == 9
        killed += 1
    assert killed > 5


def test_no_room_for_the_copy(tmp_path):
    """Then nothing is brought over, and the message says what is needed."""
    path = old_folder(tmp_path, 1) / DATABASE
    before = path.read_bytes()
    (tmp_path / f"{DATABASE}.schema-1").mkdir()
    with pytest.raises(StorageError, match=r"before that a copy of it is kept as .*schema-1"):
        connect(path)
    assert path.read_bytes() == before
    assert CHECKED_SINCE <= SCHEMA_VERSION


# --- Clients of older protocols -------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("upgrade") / "data", args=SMALL)
    server.start()
    yield server
    server.close()


def recorded(protocol: str) -> list[dict[str, object]]:
    """The conversations of a version, in which a server of this one gives its own number."""
    content = unpacked(f"wire-{protocol}.json.gz").decode()
    assert json.loads(content)["protocol"] == protocol
    return cases(content.replace(f'"protocol": "{protocol}"', f'"protocol": "{PROTOCOL_VERSION}"'))


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["1.0", "1.1"])
async def test_clients_of_an_older_protocol(server, protocol):
    """Every conversation that was ever recorded goes as it went then."""
    played = recorded(protocol)
    assert len(played) > 50
    differing = {}
    for case in played:
        try:
            await play(server.url, case)
        except Differs as error:
            differing[case["name"]] = str(error)
    assert differing == {}
