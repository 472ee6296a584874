"""the alarm over real sockets: who shows another text than the log is told, and what it sends of
how it came to it is kept and replayed
"""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

import server.divergence as alarm
from client_py import PadClient, Refused
from client_py.comparison import Comparison
from ot.checksum import text_crc32
from ot.client import Client
from ot.log import Entry
from ot.messages import Checksum, Ping, TraceMessage, Welcome
from server.counters import COMMIT_SECONDS, Counters
from server.divergence import BUNDLES_MAX, Divergence
from server.hub import Hub
from server.pad import Pad
from server.session import Session
from server.settings import Settings
from server.sqlite import SQLiteStore
from tests.conftest import DELTAPAD, ServerProcess
from tests.wire import Wire, connect, create_pad, view_link

pytestmark = pytest.mark.slow  # together some ten seconds, which `make test-fast` does not have


TEXT = "hello 😀"
START = {"revision": 0, "last_seq": 0, "in_flight": None, "buffer": None}


def checksum(text: str, revision: int) -> dict[str, Any]:
    length, crc32 = len(text), text_crc32(text)
    return {"type": "checksum", "revision": revision, "length": length, "crc32": crc32}


async def told(wire: Wire) -> list[str]:
    """What has been said up to the answer to a ping."""
    await wire.send({"type": "ping", "n": 1})
    types = []
    while (message := await wire.socket.receive_json(timeout=10))["type"] != "pong":
        types.append(message["type"])
    return types


async def figures(serve: ServerProcess) -> dict[str, float]:
    """What `/metrics` says, by the names of the samples and their labels."""
    async with aiohttp.ClientSession() as http, http.get(f"{serve.url}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = text_string_to_metric_families(await answer.text())
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


def bundles(serve: ServerProcess) -> list[Path]:
    return sorted((serve.data / "divergence").glob("*.json"))


async def the_bundle(serve: ServerProcess) -> Path:
    """The one that there is, in a moment."""
    async with asyncio.timeout(10):
        while not bundles(serve):
            await asyncio.sleep(0.01)
    [path] = bundles(serve)
    return path


def replayed(path: Path) -> str:
    """What `deltapad replay` says of a bundle."""
    command = [str(DELTAPAD), "replay", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    return str(result.stdout)


@pytest.fixture
def serve(start_server: Any) -> ServerProcess:
    server = start_server("--metrics", "true")
    assert isinstance(server, ServerProcess)
    return server


async def test_an_equal_text_is_answered_by_silence(serve):
    """Also a reader's, and one that is behind."""
    await create_pad(serve.url, "pad")
    async with connect(serve.ws_url, "pad", "ada") as ada:
        await ada.edit(0, 1, [TEXT])
        await ada.send(checksum(TEXT, 1))
        assert "diverged" not in await told(ada)
        async with connect(serve.ws_url, view_link(serve.data, "pad"), "lin") as lin:
            await lin.send(checksum(TEXT, 1))
            assert "diverged" not in await told(lin)

    assert (await figures(serve))["deltapad_divergence_total"] == 0
    assert bundles(serve) == []


@pytest.mark.parametrize("revision", [0, 2, 3, 2**53 - 1])
async def test_only_the_newest_revision_is_compared(serve, revision):
    """What is wrong at any other one is answered by silence, and by what it is at the newest."""
    await create_pad(serve.url, "pad")
    async with connect(serve.ws_url, "pad", "ada") as ada:
        await ada.edit(0, 1, [TEXT])
        await ada.send(checksum("another text", revision))
        assert "diverged" not in await told(ada)
        await ada.send(checksum("another text", 1))
        assert "diverged" in await told(ada)


async def test_another_text_is_told_counted_kept_and_replayed(serve):
    """From the checksum to the command that says what was wrong with the editor."""
    await create_pad(serve.url, "secret-name")
    async with connect(serve.ws_url, "secret-name", "ada") as ada:
        await ada.edit(0, 1, [TEXT])
        await ada.send(checksum("hello 😁", 1))
        assert await ada.receive("diverged") == {"type": "diverged", "revision": 1}
        steps = [
            {"do": "edit", "op": [TEXT], "gives": None},
            {"do": "send", "gives": {"base": 0, "seq": 1, "op": [TEXT]}},
            {
                "do": "receive",
                "message": {"type": "ops", "from": 0, "ops": [["me", 1, [TEXT]]]},
                "gives": {"op": None, "acknowledged": 1},
            },
        ]
        trace = {"revision": 1, "text": "hello 😁", "start": START, "steps": steps}
        await ada.send({"type": "trace", **trace})
        await told(ada)
        # A second one of it is not asked for, and not kept.
        await ada.send({"type": "trace", **trace})
        await told(ada)

    path = await the_bundle(serve)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    kept = json.loads(path.read_bytes())
    # Row 1 is the demo pad. The name, which is the key of a link, is nowhere.
    assert (kept["pad"], kept["role"]) == (2, "write") and b"secret-name" not in path.read_bytes()
    assert kept["client"] == {"length": 7, "crc32": text_crc32("hello 😁"), "text": "hello 😁"}
    assert kept["server"] == {"length": 7, "crc32": text_crc32(TEXT), "text": None}
    assert kept["log"] == {"start": 0, "text": "", "entries": [[ada.session, 1, [TEXT]]]}
    assert kept["steps"] == steps
    assert "the editor's text differed: from code point 6 on it was '😁', not '😀'" in replayed(
        path
    )
    assert (await figures(serve))["deltapad_divergence_total"] == 1
    told_of = [line for line in serve.log.splitlines() if "another text" in line]
    assert len(told_of) == 1 and "hello" not in serve.log and "secret-name" not in serve.log


async def test_a_trace_that_nobody_asked_for_is_not_kept(serve):
    await create_pad(serve.url, "pad")
    async with connect(serve.ws_url, "pad", "ada") as ada:
        await ada.send({"type": "trace", "revision": 0, "text": "x", "start": START, "steps": []})
        await told(ada)

    assert bundles(serve) == []


async def test_a_flood_of_checksums_is_looked_at_once(serve):
    """And the next one after some seconds: who asks all the time costs nothing."""
    await create_pad(serve.url, "pad")
    async with connect(serve.ws_url, "pad", "ada") as ada:
        for _ in range(200):
            await ada.send(checksum("wrong", 0))
        assert (await told(ada)).count("diverged") == 1

    assert (await figures(serve))["deltapad_divergence_total"] == 1


async def test_the_figures(serve):
    """They parse, and they count; no name of a pad is in them."""
    await create_pad(serve.url, "secret-name")
    async with connect(serve.ws_url, "secret-name", "ada") as ada:
        for seq in range(1, 6):
            await ada.edit(seq - 1, seq, ["x"])
        found = await figures(serve)

    assert found["deltapad_operations_committed_total"] >= 5
    assert found["deltapad_commit_seconds_count"] >= 5
    assert found["deltapad_commit_seconds_bucket +Inf"] == found["deltapad_commit_seconds_count"]
    assert found["deltapad_commit_seconds_bucket 2.5"] >= 1
    assert found["deltapad_connections"] == 1
    assert found["deltapad_pads_in_memory"] >= 1
    assert found["process_resident_memory_bytes"] > 0
    assert not [name for name in found if "secret" in name]


async def test_no_figures_unless_they_are_wanted(start_server):
    serve = start_server()
    async with aiohttp.ClientSession() as http, http.get(f"{serve.url}/metrics") as answer:
        assert answer.status == 404


# --- The Python client ----------------------------------------------------------------------------


@pytest.fixture
def soon_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are at rest after a moment."""
    monkeypatch.setattr("client_py.comparison._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("client_py.comparison._REST_SECONDS", 0.05)


@pytest.mark.usefixtures("soon_at_rest")
async def test_a_python_client_is_told_that_its_text_is_another(serve):
    """It ends as it does when it is out of step; its text stays, and the server has a copy."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as client:
        client.insert(0, TEXT)
        await client.synchronised()
        client.text = "hullo 😀"
        with pytest.raises(Refused, match="another text at revision 1") as caught:
            await asyncio.wait_for(client.reached(2), 10)

    assert (caught.value.error.code, client.text) == ("diverged", "hullo 😀")
    path = await the_bundle(serve)
    assert "from code point 1 on it was 'ullo 😀', not 'ello 😀'" in replayed(path)


@pytest.mark.usefixtures("soon_at_rest")
async def test_a_python_client_compares_each_revision_once(serve, monkeypatch):
    """Also by the view-only link; with the right text it hears nothing."""
    sent: list[tuple[str, int]] = []
    due = Comparison.due

    def counted(self: Comparison, machine: Client, text: str, welcome: Welcome) -> Checksum | None:
        checksum = due(self, machine, text, welcome)
        if checksum is not None:
            sent.append((welcome.role, checksum.revision))
        return checksum

    def pinged(**fields: int) -> Ping:
        pings.append(1)
        return Ping(**fields)

    pings: list[int] = []
    monkeypatch.setattr("client_py.heartbeat.Ping", pinged)
    monkeypatch.setattr("client_py.patience._PING", 0.02)
    monkeypatch.setattr(Comparison, "due", counted)
    await create_pad(serve.url, "pad")
    view_key = view_link(serve.data, "pad").removeprefix("view/")
    async with PadClient(serve.url, view_key, view=True) as reader:
        async with PadClient(serve.url, "pad") as client:
            client.insert(0, TEXT)
            await client.synchronised()
            await reader.reached(1)
        async with asyncio.timeout(10):
            while ("read", 1) not in sent:
                await asyncio.sleep(0.01)
        pings.clear()
        async with asyncio.timeout(10):
            while len(pings) < 5:
                await asyncio.sleep(0.01)

        assert sorted(set(sent)) == sorted(sent), "none is sent twice"
        assert reader.text == TEXT

    assert (await figures(serve))["deltapad_divergence_total"] == 0


# --- The alarm itself, without a socket -----------------------------------------------------------


@asynccontextmanager
async def opened(data: Path, text: str = "") -> AsyncIterator[Pad]:
    hub = Hub(SQLiteStore(data), Settings())
    hub.start()
    await hub.create("pad", "Title")
    async with hub.open("pad") as pad:
        assert pad is not None
        pad.document._snapshot = text
        yield pad
    await hub.close()


def shown(text: str, revision: int = 0) -> Checksum:
    return Checksum(revision, len(text), text_crc32(text))


async def test_a_long_text_is_worked_out_once_for_all_who_ask(tmp_path, monkeypatch):
    """In slices, of which the checksum is that of the whole."""
    text = "Zeile 😀\n" * 40_000
    calls: list[int] = []

    def counted(part: str, before: int = 0) -> int:
        calls.append(len(part))
        return text_crc32(part, before)

    monkeypatch.setattr(alarm, "text_crc32", counted)
    async with opened(tmp_path / "data", text) as pad:
        divergence = Divergence(Counters(), None, package="test")
        checksums = [divergence.agrees(pad, Session(), shown(text)) for _ in range(20)]

        assert [await one for one in checksums] == [True] * 20
        assert sum(calls) == len(text) and max(calls) <= 65_536
        assert not await divergence.agrees(pad, Session(), shown(text[:-1]))
        assert sum(calls) == len(text)


async def test_one_bundle_for_a_pad_and_minute_and_twenty_in_all(tmp_path, monkeypatch):
    """The oldest go; what is no bundle stays."""
    folder = tmp_path / "divergence"
    async with opened(tmp_path / "data") as pad:
        divergence = Divergence(Counters(), folder, package="test")

        async def diverge(time_ms: int) -> Path | None:
            session = Session()
            assert not await divergence.agrees(pad, session, shown("wrong"))
            trace = TraceMessage(0, "wrong")
            return await divergence.keep(pad, session, trace, time_ms=time_ms)

        assert await diverge(1_000) is not None
        assert await diverge(2_000) is None, "not within a minute"
        (folder / "notes.txt").write_text("mine")
        monkeypatch.setattr(alarm, "BUNDLE_SECONDS", 0.0)
        paths = [await diverge(3_000 + count) for count in range(BUNDLES_MAX + 4)]

    kept = {path.name for path in folder.iterdir()}
    assert kept == {*(path.name for path in paths[-BUNDLES_MAX:] if path), "notes.txt"}


async def test_a_bundle_that_cannot_be_written_is_only_logged(tmp_path, caplog):
    """The client goes on, and so does the server."""
    (tmp_path / "divergence").write_text("a file where the folder should be")
    async with opened(tmp_path / "data") as pad:
        divergence = Divergence(Counters(), tmp_path / "divergence", package="test")
        session = Session()
        assert not await divergence.agrees(pad, session, shown("wrong"))

        assert await divergence.keep(pad, session, TraceMessage(0), time_ms=0) is None

    assert "no replay bundle" in caplog.text


def test_a_bundle_holds_the_newest_entries_only(monkeypatch):
    """As many as fit: components and inserted code points count."""

    def entry(op: Sequence[int | str]) -> Entry:
        return Entry(op=list(op), session="s", person="p", seq=1, time_ms=0, digest=b"")

    monkeypatch.setattr(alarm, "ENTRIES_SIZE_MAX", 10)
    entries = [entry(["x" * size]) for size in (9, 4, 4)]

    assert alarm._newest(entries) == entries[1:]
    assert alarm._newest(entries[1:]) == entries[1:]
    assert alarm._newest([entry(["x" * 10])]) == []


def test_commits_are_counted_by_how_long_they_took():
    counters = Counters()
    for seconds in (0.0005, COMMIT_SECONDS[0], 0.3, 9.0):
        counters.committed(2, seconds)

    assert counters.operations == 8
    assert counters.commit_classes == [2, *[0] * 7, 1, 0, 0, 1]
    assert counters.commit_seconds == pytest.approx(9.3015)
