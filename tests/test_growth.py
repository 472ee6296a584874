"""what comes and goes leaves nothing behind: whatever clients do, all is as it was before"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from client_py import PadClient
from ot.messages import SUBPROTOCOL
from server.app import create_app
from server.settings import Settings
from tests.test_hub import until
from tests.test_meanwhile import Gate
from tests.wire import create_pad, hello

WAITING_MAX = 10


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """The port of an application that is served as `deltapad serve` does it: aiohttp's server for
    tests would cancel what answers somebody who has left.
    """
    runner = web.AppRunner(create_app(settings), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        [(_, port)] = runner.addresses
        yield port
    finally:
        await runner.cleanup()


async def ask(port: int) -> asyncio.StreamWriter:
    """Ask for a pad, and do not wait for the answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /p/other HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return writer


async def test_a_disk_that_does_not_answer_while_people_come_and_go(tmp_path: Path, monkeypatch):
    """So many requests wait for it, also of those who have left, and no more: others are told to
    come again. Who is in a pad, or comes to one that is in memory, does not notice; and when the
    disk answers, nobody waits any more.
    """
    monkeypatch.setattr("server.records.READS_WAITING_MAX", WAITING_MAX)
    async with serving(Settings(data=tmp_path)) as port, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}"
        await create_pad(url, "pad")
        async with PadClient(url, "pad") as ada, asyncio.timeout(20):
            tasks = len(asyncio.all_tasks())
            disk = Gate(monkeypatch, "find")
            lines = [await ask(port) for _ in range(WAITING_MAX)]
            await until(lambda: disk.waiting == WAITING_MAX)
            for line in lines:
                line.close()
            for path in ("/p/pad", "/p/other/text", "/healthz", "/"):
                async with http.get(f"{url}{path}") as answer:
                    # The pad of the start page is in memory.
                    assert answer.status == (200 if path == "/" else 503), path
                    assert path == "/" or answer.headers["Retry-After"] == "10"
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await http.ws_connect(f"{url}/ws/other", protocols=[SUBPROTOCOL])
            async with http.ws_connect(f"{url}/ws/pad", protocols=[SUBPROTOCOL]) as ben:
                await ben.send_json(hello("ben"))
                assert (await ben.receive_json())["type"] == "welcome"
            ada.insert(0, "as ever")
            await ada.synchronised()
            assert disk.waiting == WAITING_MAX
            disk.open()
            answer = await http.get(f"{url}/p/pad/text")
            while answer.status == 503:
                # Until those who waited before have been served.
                answer = await http.get(f"{url}/p/pad/text")
            assert await answer.text() == "as ever"
            await http.close()
            await until(lambda: len(asyncio.all_tasks()) <= tasks)


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /p/demo/log",
        b"PUT /p/demo/text",
        b"POST /p",
        b"POST /p/demo",
        b"POST /p/demo/versions",
    ],
)
async def test_who_leaves_leaves_nothing_in_the_log(tmp_path: Path, caplog, request_line):
    """Before the answer, or in the middle of what they send: anybody can, as often as they like."""
    async with serving(Settings(data=tmp_path)) as port, asyncio.timeout(20):
        tasks = len(asyncio.all_tasks())
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                request_line + b' HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-Match: "r0"\r\n'
                b"Content-Type: application/x-www-form-urlencoded\r\n"
                + (b"" if request_line.startswith(b"GET") else b"Content-Length: 100\r\n")
                + b"\r\n"
            )
            await asyncio.sleep(0)
            writer.transport.abort()
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert not [record for record in caplog.records if record.exc_info]
