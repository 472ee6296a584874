"""snapshots on a disk that is slow: what waits is bounded, and nothing waits for it"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from server.hub import Hub
from server.sqlite import SQLiteStore
from tests.test_hub import running, submission, until, write


@pytest.fixture
def disk_works(monkeypatch):
    """No snapshot is written before this is set."""
    works = asyncio.Event()
    save = SQLiteStore.save_snapshot

    async def slow(self, key, *, revision, text):
        await works.wait()
        await save(self, key, revision=revision, text=text)

    monkeypatch.setattr(SQLiteStore, "save_snapshot", slow)
    return works


async def visit(hub: Hub, name: str, letters: int = 1) -> None:
    """Somebody types a little into a pad, and leaves."""
    async with hub.open(name) as pad:
        assert pad is not None
        await write(hub, pad, letters, first=pad.document.committed + 1)
        await until(lambda: pad.document.committed == pad.document.log.head)


async def test_pads_that_make_room_wait_in_no_queue(tmp_path, disk_works):
    """On a slow disk as many pads wait to be written as leave at once; others leave unwritten."""
    async with running(tmp_path, pads_in_memory_max=10, idle_seconds=1_000) as (hub, _):
        for number in range(60):
            await hub.create(f"pad-{number}", "Pad")
            await visit(hub, f"pad-{number}")
            assert len(hub.loaded_pads()) <= 10
            assert hub._snapshots.waiting <= 2
        assert hub._snapshots.waiting == 2
        disk_works.set()
        await until(lambda: not hub._snapshots.waiting)
        assert hub.counters.snapshots == 2
        for number in range(60):
            async with hub.open(f"pad-{number}") as pad:
                assert pad is not None and pad.document.text() == "b"


async def test_one_snapshot_is_written_at_a_time(tmp_path, monkeypatch):
    """What is typed meanwhile waits behind one of them at most."""
    at_once: list[int] = []
    now = 0
    save = SQLiteStore.save_snapshot

    async def counted(self, key, *, revision, text):
        nonlocal now
        now += 1
        at_once.append(now)
        await save(self, key, revision=revision, text=text)
        now -= 1

    monkeypatch.setattr(SQLiteStore, "save_snapshot", counted)
    async with running(tmp_path, pads_in_memory_max=100, idle_seconds=1_000) as (hub, _):
        for number in range(102):
            await hub.create(f"pad-{number}", "Pad")
            await visit(hub, f"pad-{number}")
        await until(lambda: not hub._snapshots.waiting)
        assert at_once == [1] * 11


async def test_the_end_does_not_wait_for_snapshots(tmp_path, disk_works):
    """With many texts that are not written the server ends in its time, and loses nothing."""
    codes: list[int] = []
    names = [f"pad-{number}" for number in range(20)]
    async with (
        running(tmp_path, codes.append, shutdown_seconds=2.0, snapshot_revisions=3) as (hub, _),
        AsyncExitStack() as stack,
    ):
        for name in names:
            await hub.create(name, "Pad")
            pad = await stack.enter_async_context(hub.open(name))
            assert pad is not None
            await write(hub, pad, 5)
        assert hub._snapshots.waiting == 20
        asyncio.get_running_loop().call_later(0.1, disk_works.set)
    assert codes == []
    async with running(tmp_path) as (hub, _):
        for name in names:
            async with hub.open(name) as pad:
                assert pad is not None and pad.document.text() == "fedcb"


@pytest.mark.slow
async def test_time_for_snapshots_at_the_end(tmp_path, monkeypatch):
    """Half of the time that there is to end: then the database is closed as it should be."""
    written = 0

    async def slow(self, key, *, revision, text):
        nonlocal written
        written += 1
        await asyncio.sleep(0.1)

    monkeypatch.setattr(SQLiteStore, "save_snapshot", slow)
    codes: list[int] = []
    async with running(tmp_path, codes.append, shutdown_seconds=2.0) as (hub, _):
        for number in range(40):
            await hub.create(f"pad-{number}", "Pad")
            await visit(hub, f"pad-{number}")
    assert codes == []
    assert 1 <= written < 40


@pytest.mark.parametrize("what", ["is deleted", "makes room", "is opened again"])
async def test_an_idle_pad_that_is_gone_when_its_turn_comes(tmp_path, disk_works, what):
    """Idle pads leave one after the other, as each is written. Meanwhile one of them may have left,
    or may be there anew and in use: the server goes on, and of a pad there is only one.
    """
    codes: list[int] = []
    async with running(tmp_path, codes.append, idle_seconds=0.2, pads_in_memory_max=3) as (hub, _):
        names = ["pad", "next", "third"]
        for name in names[1:]:
            await hub.create(name, "Pad")
        for name in names:
            await visit(hub, name)
        await until(lambda: hub.at_hand("pad") is None)
        old = hub.at_hand("next")
        assert old is not None, "it waits for its turn"
        async with AsyncExitStack() as stack:
            if what == "is deleted":
                async with hub.open("next") as gone:
                    assert gone is not None
                    await hub.delete(gone)
            else:
                for number in range(4):
                    await hub.create(f"more-{number}", "Pad")
                    await stack.enter_async_context(hub.open(f"more-{number}"))
                assert hub.at_hand("next") is None
            held = None
            if what == "is opened again":
                held = await stack.enter_async_context(hub.open("next"))
                assert held is not None and held is not old
            disk_works.set()
            await until(lambda: hub.at_hand("third") is None or bool(codes))
            await asyncio.sleep(0.1)
            assert codes == []
            assert hub.at_hand("next") is held
            async with hub.open("pad") as pad:
                assert pad is not None
                await hub.submit(pad, submission(1, 1, ["x"], session="ben"))
                await until(lambda: pad.document.committed == 2)
