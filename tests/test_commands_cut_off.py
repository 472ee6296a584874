"""commands of which the other end goes away in the middle, or before which one has been killed"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ot.log import Entry
from server.__main__ import main
from server.folder import DataFolder, Finding
from server.sqlite import SQLiteStore
from server.storage import Append

# The header of an answer that says how long it is, and the answers that a deletion gets.
_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
_STATUS, _TEXT = b'{"revision": 1, "count": 0}', b"abc"
_REMOVED = b'{"revision": 1, "length": 3, "people": 0}'


def whole(body: bytes) -> bytes:
    """An answer that is not cut off."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def answering():
    """Starts a server that gives each connection one answer, and goes; returns its address."""
    listeners: list[socket.socket] = []

    def start(*answers: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer() -> None:
            for bytes_of_it in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(bytes_of_it)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def delete(url: str) -> Result:
    """Ask a server to delete a pad."""
    token = {"DELTAPAD_ADMIN_TOKEN": "x" * 32}
    return CliRunner().invoke(main, ["delete", "notes", "--url", url, "--yes"], env=token)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([_LONG + b"{"], id="status"),
        pytest.param([whole(_STATUS), _LONG + b"abc"], id="text"),
        pytest.param([whole(_STATUS), whole(_TEXT), _LONG + b"{"], id="deletion"),
        pytest.param([b"something else\r\n\r\n"], id="no HTTP"),
    ],
)
def test_a_server_that_goes_away_in_the_middle_of_its_answer(
    answering: Callable[..., str], answers: list[bytes]
) -> None:
    """It is told in one line; what became of the pad, the same command says."""
    told = delete(answering(*answers))
    assert told.exit_code == 1
    assert told.output.splitlines()[-1].endswith("cut off, or is no HTTP; ask again")


def test_a_refusal_that_is_cut_off(answering: Callable[..., str]) -> None:
    """Its status is told."""
    told = delete(answering(b"HTTP/1.1 503 Full\r\nContent-Length: 100\r\n\r\n{"))
    assert (told.exit_code, told.output[-10:]) == (1, " 503 Full\n")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_another_server(answering: Callable[..., str], body: bytes) -> None:
    """What is no deltapad is told to be none; what is, is believed."""
    told = delete(answering(*[whole(body)] * 3))
    assert told.exit_code == 1
    assert told.output.endswith("what answers there is no deltapad\n")
    assert delete(answering(*map(whole, [_STATUS, _TEXT, _REMOVED]))).exit_code == 0


def fill(folder: Path) -> None:
    """A data folder with a pad."""

    async def write() -> None:
        store = SQLiteStore(folder)
        await store.create("notes", title="", epoch="e", view_key="v", time_ms=0)
        await store.append([Append(1, 0, [Entry(["abc"], "s", "p", 1, 0, b"d")])])
        await store.close()

    asyncio.run(write())


async def test_a_pad_that_is_deleted_while_it_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is verified as it was: nothing of it is missing, which would look like damage."""
    await asyncio.to_thread(fill, tmp_path)
    store = SQLiteStore(tmp_path)
    await store.save_snapshot(1, revision=1, text="abc")
    loop, damaged_row = asyncio.get_running_loop(), DataFolder._damaged_row

    def delete_first(self: DataFolder, name: str) -> str | None:
        asyncio.run_coroutine_threadsafe(store.delete(1, time_ms=1), loop).result(10)
        return damaged_row(self, name)

    def verify() -> list[int | Finding]:
        with DataFolder(tmp_path) as folder:
            return list(folder.verify("notes"))

    monkeypatch.setattr(DataFolder, "_damaged_row", delete_first)
    (found,) = await asyncio.to_thread(verify)
    await store.close()
    assert isinstance(found, Finding)
    assert (found.wrong, found.revision, found.length) == (None, 1, 3)


def test_a_deletion_that_was_ended_before_its_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said again, it takes away the texts that were kept beside the database, too."""
    fill(tmp_path)
    bundle = tmp_path / "divergence" / "1-1-20261123T101500000Z.json"
    bundle.parent.mkdir()
    bundle.write_text("abc")

    def ctrl_c(folder: Path, key: int) -> None:
        raise KeyboardInterrupt

    arguments = ["delete", "notes", "--data", str(tmp_path), "--yes"]
    with monkeypatch.context() as patch:
        patch.setattr("server.commands.delete.forget_bundles", ctrl_c)
        assert CliRunner().invoke(main, arguments).exit_code == 1
    again = CliRunner().invoke(main, arguments)
    assert (again.exit_code, again.output) == (1, "Error: this pad was deleted before\n")
    assert not bundle.exists()


def test_an_export_that_was_killed_stops_no_later_one(tmp_path: Path) -> None:
    """In a container each process may have the number of the one before, which its file has."""
    fill(tmp_path)
    file = tmp_path / "notes.jsonl"
    (tmp_path / f".{file.name}.{os.getpid()}.part").write_bytes(b"half a line")
    arguments = ["export", "notes", "--data", str(tmp_path), "-o", str(file)]
    exported = CliRunner().invoke(main, arguments)
    assert exported.exit_code == 0, exported.output
    assert file.read_bytes().count(b"\n") == 3
    assert not list(tmp_path.glob(".*.part"))
