"""a real server process whose disk is full, held by another program, or not to be trusted"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from client_py import PadClient
from tests.conftest import REPO, ServerProcess
from tests.wire import create_pad, stored

pytestmark = pytest.mark.slow

# Another program's part: holds the write lock for a while, and says when it has it.
HOLD = """
import sys, time, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""
# `deltapad` on a disk whose fsync fails from SIGUSR1 on.
UNTRUSTED = f"""#!{sys.executable}
import signal, sys
sys.path.insert(0, {str(REPO)!r})
from server.__main__ import main
from tests.faults.failing_disk import KINDS, FailingDisk
disk = FailingDisk(default=True)

def arm(*_):
    disk.arm(KINDS["fsync"], times=10**9)
    print("armed", flush=True)

signal.signal(signal.SIGUSR1, arm)
main()
"""


async def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait for what a process does."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def health(serve: ServerProcess) -> tuple[int, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{serve.url}/healthz") as answer,
    ):
        return answer.status, json.loads(await answer.text())


def limit_files(serve: ServerProcess, more_bytes: int | None) -> None:
    """No file of the server may grow by more than this; None lets it go on."""
    most = resource.RLIM_INFINITY
    if more_bytes is not None:
        files = serve.data.glob("deltapad.sqlite*")
        most = max(path.stat().st_size for path in files) + more_bytes
    resource.prlimit(serve.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


@pytest.fixture
async def two(serve: ServerProcess) -> AsyncIterator[tuple[PadClient, PadClient]]:
    """Two people in a pad."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as ada, PadClient(serve.url, "pad") as ben:
        yield ada, ben


async def type_until(people: tuple[PadClient, PadClient], condition: Callable[[], bool]) -> str:
    """Each key is another character; return all that were typed."""
    typed: list[str] = []

    def press() -> None:
        for person in people:
            typed.append(chr(0x4E00 + len(typed)))
            person.insert(len(person.text), typed[-1])

    async with asyncio.timeout(30):
        while not condition():
            press()
            await asyncio.sleep(0.005)
    for _ in range(20):
        press()
    return "".join(typed)


async def all_there(serve: ServerProcess, people: tuple[PadClient, PadClient], typed: str) -> None:
    """Every character once, on both screens and in the file."""
    for person in people:
        await person.synchronised()
    head = max(person.revision for person in people)
    for person in people:
        await person.reached(head)
        assert sorted(person.text) == sorted(typed)
    assert people[0].text == people[1].text
    entries = stored(serve.data, "pad")
    assert len(entries) == len(set(entries)) == head


async def test_a_full_disk_and_room_again(serve, two):
    """People are told and stay, `healthz` says so, and with room again every key is there, once."""
    limit_files(serve, 30_000)
    typed = await type_until(two, lambda: all(one.storage == "full" for one in two))
    code, said = await health(serve)
    assert (code, said["status"]) == (503, "full")
    assert 1 <= int(str(said["waiting"])) <= 2, "each has one operation on its way"
    assert all(one.pending for one in two)

    limit_files(serve, None)
    await all_there(serve, two, typed)
    assert [one.storage for one in two] == ["ok", "ok"]
    assert [one.connections for one in two] == [1, 1]
    assert (await health(serve))[0] == 200


async def test_stopped_on_a_full_disk(serve, two):
    """It ends soon and properly; the next one is sent what was not acknowledged."""
    limit_files(serve, 30_000)
    typed = await type_until(two, lambda: all(one.storage == "full" for one in two))
    async with asyncio.timeout(10):
        assert await asyncio.to_thread(serve.stop) == 0
    await asyncio.to_thread(serve.start)
    await all_there(serve, two, typed)


async def test_killed_on_a_full_disk(serve, two):
    """The same without a last word."""
    limit_files(serve, 30_000)
    typed = await type_until(two, lambda: all(one.storage == "full" for one in two))
    await asyncio.to_thread(serve.kill)
    await asyncio.to_thread(serve.start)
    await all_there(serve, two, typed)


async def test_another_program_holds_the_file_for_seven_seconds(serve, two):
    """Longer than SQLite waits: people are told, and it goes on by itself when it is let go."""
    command = [sys.executable, "-c", HOLD, str(serve.data / "deltapad.sqlite"), "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == "held\n"
        typed = await type_until(two, lambda: all(one.storage == "failing" for one in two))
        assert other.poll() is None and (await health(serve))[1]["status"] == "failing"
        await asyncio.to_thread(other.wait)
    await all_there(serve, two, typed)
    assert [one.connections for one in two] == [1, 1]


async def test_an_fsync_that_fails_ends_the_process(tmp_path: Path) -> None:
    """With exit code 74, at once, and without an acknowledgement; the next one has every key."""
    script = tmp_path / "deltapad"
    script.write_text(UNTRUSTED)
    script.chmod(0o755)
    serve = ServerProcess(tmp_path / "data", command=script)
    try:
        await asyncio.to_thread(serve.start)
        await create_pad(serve.url, "pad")
        async with PadClient(serve.url, "pad") as ada, PadClient(serve.url, "pad") as ben:
            ada.insert(0, "before ")
            await ada.synchronised()
            os.kill(serve.pid, signal.SIGUSR1)
            await until(lambda: "armed" in serve.log)
            ada.insert(0, "after ")
            assert await asyncio.to_thread(serve.wait) == os.EX_IOERR
            assert ada.pending and ben.text == "before "
            assert "CRITICAL deltapad.store: nobody knows what is on the disk" in serve.log
            await asyncio.to_thread(serve.start)
            await ada.synchronised()
            await ben.reached(2)
            assert ben.text == "after before "
            assert len(stored(serve.data, "pad")) == 2
    finally:
        serve.close()
