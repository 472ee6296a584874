"""answers that nobody reads: not kept for ever, and no hindrance when the server is to end"""

from __future__ import annotations

import asyncio
import io
import socket
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from server import doorstep
from server.app import create_app
from server.doorstep import Doorstep
from server.settings import Settings
from tests.test_hub import until
from tests.wire import create_pad

# More than the system takes for somebody who reads nothing: eight megabytes.
LONG = "😀" * 2_000_000
# A supervisor kills after so many seconds.
STOP_SECONDS_MAX = 10.0


async def make_long_pad(url: str) -> None:
    """A pad of which no answer fits into a line."""
    await create_pad(url, "pad")
    async with aiohttp.ClientSession() as http:
        etag = {"If-Match": '"r0"'}
        async with http.put(
            f"{url}/p/pad/text", data=io.BytesIO(LONG.encode()), headers=etag
        ) as answer:
            assert answer.status == 200


def ask(port: int, what: str) -> socket.socket:
    """Ask for it, and read nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.connect(("127.0.0.1", port))
    line.send(f"GET /p/pad/{what} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return line


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can tell")
async def test_who_reads_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was asked for; whoever reads, however little at a time, gets all of it."""
    monkeypatch.setattr(doorstep, "UNREAD_SECONDS_MAX", 2.0)
    runner = web.AppRunner(create_app(Settings(data=tmp_path)), shutdown_timeout=0.1)
    await runner.setup()
    served = runner.server
    assert served is not None
    listener = await asyncio.get_running_loop().create_server(
        lambda: Doorstep(served, seconds_max=10), "127.0.0.1", 0
    )
    port = listener.sockets[0].getsockname()[1]
    await make_long_pad(f"http://127.0.0.1:{port}")
    await until(lambda: not served.connections)
    lines = [ask(port, what) for what in ("text", "log", "history")]
    await until(lambda: len(served.connections) == 3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    writer.write(b"GET /p/pad/text HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    length = 0
    for _ in range(30):
        length += len(await reader.read(100_000))
        await asyncio.sleep(0.1)
    while piece := await reader.read(2**20):
        length += len(piece)
    assert length > len(LONG.encode())
    writer.close()
    await until(lambda: not served.connections)
    for line in lines:
        line.close()
    listener.close()
    await runner.cleanup()


@pytest.mark.slow
async def test_the_server_ends_in_time(serve) -> None:
    """Though somebody is in the middle of an answer, and goes on reading nothing."""
    await make_long_pad(serve.url)
    lines = [ask(serve.port, what) for what in ("text", "log", "history")]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    assert await asyncio.to_thread(serve.stop) == 0
    assert time.monotonic() - began < STOP_SECONDS_MAX
    for line in lines:
        line.close()
