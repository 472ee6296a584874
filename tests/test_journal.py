"""what the server prints when nobody reads it: a terminal that is held, a pipe that is full"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from client_py import PadClient
from server.journal import LINES_SECONDS_MAX, LINES_WAITING_MAX, Beside
from tests.conftest import DELTAPAD
from tests.wire import connect, create_pad


def fill(writer: int) -> None:
    """Write into a pipe until nothing more goes into it."""
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b".\n")
    os.set_blocking(writer, True)


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that is full: the ends to read and to write."""
    reader, writer = os.pipe()
    fill(writer)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text, "levelno": logging.INFO})


def drained(reader: int, last: str) -> str:
    """All that is in a pipe, or comes into it, up to a line with these words."""
    os.set_blocking(reader, False)
    read, deadline = b"", time.monotonic() + 10
    while last.encode() not in read or not read.endswith(b"\n"):
        assert time.monotonic() < deadline, read[-1_000:]
        try:
            read += os.read(reader, 65_536)
        except BlockingIOError:
            time.sleep(0.02)
    return read.decode()


def test_so_many_records_wait(full_pipe):
    """One more is left out, and counted; when somebody reads on, the others are there in order."""
    reader, writer = full_pipe
    journal = Beside(writer)
    for number in range(LINES_WAITING_MAX + 3):
        journal.emit(record(f"record {number}"))
    lines = [
        line for line in drained(reader, "records more").splitlines() if not line.startswith(".")
    ]
    assert lines[:-1] == [f"record {number}" for number in range(LINES_WAITING_MAX)]
    assert lines[-1] == "    ... and 3 records more, when nobody read these"
    journal.emit(record("as ever"))
    journal.flush()
    assert drained(reader, "as ever") == "as ever\n"


@pytest.mark.slow
async def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path, full_pipe):
    """People type on while the server has something to say that cannot be printed; it ends in time,
    and when somebody reads on before, nothing is missing.
    """
    reader, writer = full_pipe
    command = [str(DELTAPAD), "serve", "--port", "0", "--data", str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=writer, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        url = server.stdout.readline().split()[2]
        async with asyncio.timeout(15):
            await create_pad(url, "pad")
            async with PadClient(url, "pad") as ada, connect(url, "pad", "ben") as ben:
                await ben.send({"type": "checksum", "revision": 0, "length": 1, "crc32": 7})
                await ben.receive("diverged")
                ada.insert(0, "as ever")
                await ada.synchronised()
            async with aiohttp.ClientSession() as http, http.get(f"{url}/healthz") as answer:
                assert answer.status == 200
        await asyncio.to_thread(drained, reader, "a client shows another text")
        # Once more, to the end.
        fill(writer)
        server.terminate()
        try:
            assert await asyncio.to_thread(server.wait, LINES_SECONDS_MAX + 10) == 0
        finally:
            server.kill()
