"""what has to come about also while something else goes on without a pause"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from client_py import PadClient
from client_py.comparison import Comparison
from server import pages, rows
from server.app import create_app
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.sqlite import SQLiteStore
from tests.test_hub import running, until
from tests.wire import connect, create_pad


@asynccontextmanager
async def without_pause(work) -> AsyncIterator[None]:
    """Something that goes on for as long as the block takes."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """A server in this process, with a pad named `pad`; its address."""
    server = TestServer(create_app(Settings(data=folder / "data", demo=False)))
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    await create_pad(url, "pad")
    try:
        yield url
    finally:
        await server.close()


# --- Pads that come and go ------------------------------------------------------------------------


async def come_at_once(hub: Hub, count: int) -> None:
    """So many people come at once, each to a pad of their own, and stay until all are there."""
    there = 0
    everybody = asyncio.Event()

    async def come(name: str) -> None:
        nonlocal there
        async with hub.open(name) as pad:
            assert pad is not None
            there += 1
            if there == count:
                everybody.set()
            await everybody.wait()

    async with asyncio.timeout(30):
        await asyncio.gather(*(come(f"pad-{number}") for number in range(count)))


async def test_many_come_at_once_to_more_pads_than_memory_is_for(tmp_path, monkeypatch):
    """As after a restart: no pad that was loaded leaves before who waits for it has it."""
    loads = 0
    load = SQLiteStore.load

    async def counted(self, key, *, before):
        nonlocal loads
        loads += 1
        return await load(self, key, before=before)

    monkeypatch.setattr(SQLiteStore, "load", counted)
    async with running(tmp_path, pads_in_memory_max=10) as (hub, _):
        for number in range(100):
            await hub.create(f"pad-{number}", "Pad")
        await come_at_once(hub, 100)
        assert loads == 100


@pytest.mark.slow
async def test_more_pads_in_use_than_memory_is_for(tmp_path, monkeypatch):
    """Who comes does not look through all of them, each time, for one that may leave; and when
    they are not used any more, as many leave as should.
    """
    looks = 0

    def counted(self: Pad) -> bool:
        nonlocal looks
        looks += 1
        return not self.users and self.document.committed == self.document.log.head

    monkeypatch.setattr(Pad, "unused", property(counted))
    async with running(tmp_path, pads_in_memory_max=50, idle_seconds=1.0) as (hub, _):
        for number in range(200):
            await hub.create(f"pad-{number}", "Pad")
        await come_at_once(hub, 200)
        assert looks < 9_000, "or it was all of them, each time: 19,000"
        await until(lambda: len(hub.loaded_pads()) == 0)
        for number in range(80):
            async with hub.open(f"pad-{number}"):
                assert len(hub.loaded_pads()) <= 51


@pytest.mark.slow
async def test_the_server_is_well_while_it_reads_many_pads(tmp_path, monkeypatch):
    """As after a restart, when all come again: whoever asks then, and kills it if it is not well,
    would kill it each time.
    """
    asked = 0
    load, read_snapshot = SQLiteStore.load, rows.read_snapshot

    async def counted(self, key, *, before):
        nonlocal asked
        asked += 1
        return await load(self, key, before=before)

    def slow(connection, key):
        time.sleep(0.05)
        return read_snapshot(connection, key)

    monkeypatch.setattr(SQLiteStore, "load", counted)
    monkeypatch.setattr("server.sqlite.read_snapshot", slow)
    monkeypatch.setattr(pages, "CHECK_SECONDS_MAX", 0.5)
    async with serving(tmp_path) as url, aiohttp.ClientSession() as http:
        for number in range(60):
            await create_pad(url, f"pad-{number}")

        async def come(number: int) -> None:
            async with http.get(f"{url}/p/pad-{number}/text") as answer:
                assert answer.status == 200

        everybody = asyncio.gather(*(come(number) for number in range(60)))
        await until(lambda: asked == 60)
        async with http.get(f"{url}/healthz") as answer:
            assert answer.status == 200, await answer.text()
        assert not everybody.done(), "or this shows nothing"
        await everybody


# --- The Python client ----------------------------------------------------------------------------


async def test_a_client_compares_its_text_while_carets_move(tmp_path, monkeypatch):
    """The text is at rest, however much is told of who is where."""
    compared: list[int] = []
    due = Comparison.due

    def noted(self, machine, text, welcome):
        checksum = due(self, machine, text, welcome)
        compared.extend([] if checksum is None else [checksum.revision])
        return checksum

    monkeypatch.setattr("client_py.comparison._LOOK_SECONDS", 0.5)
    monkeypatch.setattr("client_py.comparison._REST_SECONDS", 0.1)
    monkeypatch.setattr(Comparison, "due", noted)
    async with (
        serving(tmp_path) as url,
        PadClient(url, "pad", name="Ada") as ada,
        connect(url, "pad", "ben") as ben,
    ):
        ada.insert(0, "hello")
        await ada.synchronised()
        presence = {"type": "presence", "name": "ben", "color": 1, "revision": 1}

        async def move() -> None:
            for number in range(10_000):
                await ben.send({**presence, "selections": [[number % 5, number % 5]]})
                await asyncio.sleep(0.05)

        async with without_pause(move):
            await until(lambda: compared == [1])


async def test_a_program_waits_for_its_edit_while_it_types(tmp_path, monkeypatch):
    """What was edited before is durable at some time, though there is always something newer."""
    append = SQLiteStore.append

    async def slow(self, batch):
        await asyncio.sleep(0.05)
        await append(self, batch)

    monkeypatch.setattr(SQLiteStore, "append", slow)
    async with serving(tmp_path) as url, PadClient(url, "pad", name="Ada") as ada:

        async def type_on() -> None:
            while True:
                ada.insert(0, "x")
                await asyncio.sleep(0.002)

        async with without_pause(type_on):
            await until(lambda: ada.revision > 0)
            ada.insert(len(ada.text), "this")
            async with asyncio.timeout(10):
                await ada.synchronised()
            async with connect(url, "pad") as reader:
                welcome = await reader.enter("reader")
                assert "this" in welcome["text"]
