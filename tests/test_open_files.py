"""more connections than the system lets a process have open"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from client_py import PadClient
from tests.conftest import DELTAPAD, ServerProcess
from tests.wire import create_pad

# Far fewer than the 1,024 or more that systems give; a server alone has some 30 open.
OPEN_FILES_MAX = 128
SECONDS_MAX = 20.0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that may have few files open."""
    command = tmp_path / "deltapad"
    command.write_text(f'#!/bin/sh\nulimit -n {OPEN_FILES_MAX}\nexec "{DELTAPAD}" "$@"\n')
    command.chmod(0o755)
    server = ServerProcess(tmp_path / "data", command=command)
    server.start()
    yield server
    server.close()


async def answers(url: str) -> bool:
    """Whether somebody new is served."""
    timeout = aiohttp.ClientTimeout(total=3)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{url}/healthz") as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


@pytest.mark.slow
async def test_too_many_open_files(small):
    """Who is there goes on, also to the disk; who is too many is turned away at once or waits; as
    soon as some leave, others are let in.
    """
    await create_pad(small.url, "pad")
    async with PadClient(small.url, "pad", name="Ada") as ada:
        ada.insert(0, "before ")
        await ada.synchronised()
        crowd = [
            await asyncio.open_connection("127.0.0.1", small.port) for _ in range(OPEN_FILES_MAX)
        ]
        async with asyncio.timeout(SECONDS_MAX):
            while await answers(small.url):
                crowd.append(await asyncio.open_connection("127.0.0.1", small.port))
        assert not await answers(small.url), "it is full"
        ada.insert(0, "meanwhile ")
        async with asyncio.timeout(SECONDS_MAX):
            await ada.synchronised()
        for _, writer in crowd:
            writer.close()
        async with asyncio.timeout(SECONDS_MAX):
            while not await answers(small.url):
                await asyncio.sleep(0.1)
        async with PadClient(small.url, "pad", name="Ben") as ben:
            assert ben.text == "meanwhile before "
        assert ada.connections == 1
    assert small.stop() == 0
