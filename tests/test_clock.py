"""the wall clock is for people to read: no order comes of it, and few modules look at it"""

from __future__ import annotations

import ast
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from client_py import PadClient
from server.app import create_app
from server.settings import Settings
from tests.conftest import REPO
from tests.test_logs import run
from tests.wire import create_pad

# What reads it, and for what: the time of an entry, of a pad, of its end and of a named version,
# which are shown; the names of files; on the operations page, when figures and events were, and how
# long after its label an entry was told.
READ_THE_CLOCK = {
    *("server/records.py", "server/commands/delete.py", "server/websocket.py", "server/forms.py"),
    *("server/html.py", "server/backup.py", "server/divergence.py"),
    *("server/counters.py", "server/ops.py", "server/ops_shown.py"),
}
WALL = {"time", "time_ns", "localtime", "gmtime", "strftime", "ctime"}
# Of the browser: what decides what is sent, kept and merged.
TIMELESS = (
    *("operation", "client", "messages", "outbox", "local_copy", "offline"),
    *("session", "conversation"),
)


def reads_clock(source: str) -> bool:
    """Whether a module asks for the time of day."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
            return True
        if isinstance(node, ast.Import) and any(name.name == "datetime" for name in node.names):
            return True
        if (
            isinstance(node, ast.Attribute)
            and node.attr in WALL
            and isinstance(node.value, ast.Name)
            and node.value.id == "time"
        ):
            return True
    return False


def test_who_reads_the_clock():
    """Whoever else wants to know the time has to say here what for."""
    found = {
        str(path.relative_to(REPO))
        for folder in ("ot", "server", "client_py")
        for path in (REPO / folder).rglob("*.py")
        if reads_clock(path.read_text())
    }
    assert found == READ_THE_CLOCK


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("import time\nx = time.time()", True),
        ("import time\nx = time.time_ns", True),
        ("from datetime import datetime", True),
        ("import datetime", True),
        ("import time\nx = time.perf_counter() + time.monotonic()", False),
    ],
)
def test_the_search_finds_it(source, reads):
    """In every way that it is written here."""
    assert reads_clock(source) is reads


@pytest.mark.parametrize("name", TIMELESS)
def test_what_the_browser_sends_knows_no_time(name):
    """A clock that is wrong cannot change what is sent, kept or merged."""
    source = (REPO / f"client_js/{name}.js").read_text()
    assert "Date.now" not in source and "new Date" not in source


async def test_a_clock_that_jumps(tmp_path: Path, monkeypatch):
    """Back and forth by decades between edits: revisions are in the order in which they came, and
    every client has the same text.
    """
    real = time.time_ns()
    year_ns = 365 * 86_400 * 10**9
    now = [real]
    monkeypatch.setattr("server.websocket.time.time_ns", lambda: now[0])
    async with TestServer(create_app(Settings(data=tmp_path))) as server:
        url = str(server.make_url("")).rstrip("/")
        await create_pad(url, "pad")
        async with PadClient(url, "pad") as ada, PadClient(url, "pad") as ben:
            for number, years in enumerate((0, -30, 40, -1, 0)):
                now[0] = real + years * year_ns
                writer = (ada, ben)[number % 2]
                writer.insert(len(writer.text), str(number))
                await writer.synchronised()
                await ada.reached(number + 1)
                await ben.reached(number + 1)
            assert ada.text == ben.text == "01234"
        async with aiohttp.ClientSession() as http, http.get(f"{url}/p/pad/history") as answer:
            entries = (await answer.json())["entries"]
    times = [entry[1] for entry in entries]
    assert times != sorted(times) and len(times) == 5
    assert run("verify", data=tmp_path).returncode == 0
