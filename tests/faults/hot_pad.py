"""many who write into one pad as fast as it answers, beside a few in quiet pads of their own

The two groups are processes of their own: who waits in a quiet pad must not wait for what the
clients of the hot one have to read.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from typing import Any, Final

import aiohttp

from ot.messages import SUBPROTOCOL, OpMessage, OpsMessage, Welcome, decode_server, encode
from tests.conftest import ServerProcess
from tests.wire import create_pad, hello

__all__ = ["QUIET_PADS", "Turns", "hot_pad", "starved"]

QUIET_PADS: Final = 5
# Until all of a group are there; and after the end, until each has its last answer.
_PATIENCE_SECONDS: Final = 60.0


@dataclass
class Turns:
    """What one writer had: edits, and how long each waited for its acknowledgement, in seconds."""

    edits: int = 0
    waits: list[float] = field(default_factory=list)


def hot_pad(server: ServerProcess, *, writers: int, seconds: float) -> tuple[list[Turns], ...]:
    """Everybody writes for so long: the turns of those in the hot pad, and of those in the others.

    Raises TimeoutError if somebody is not served at all.
    """
    asyncio.run(_make_pads(server.url))
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(2)
    groups = (["pad-0"] * writers, [f"pad-{number}" for number in range(1, 1 + QUIET_PADS)])
    answers: Any = context.Queue()
    processes = [
        context.Process(target=_group, args=(server.url, number, pads, seconds, begin, answers))
        for number, pads in enumerate(groups)
    ]
    for process in processes:
        process.start()
    turns = dict(answers.get(timeout=3 * _PATIENCE_SECONDS) for _ in processes)
    for process in processes:
        process.join(_PATIENCE_SECONDS)
    for number in range(len(groups)):
        if isinstance(turns[number], str):
            raise TimeoutError(turns[number])
    return turns[0], turns[1]


def starved(hot: Sequence[Turns], quiet: Sequence[Turns]) -> str | None:
    """Who had too few turns, if anybody: within the hot pad by a third of the mean, and in the
    quiet ones less than half of what those in the hot one had.
    """
    mean = statistics.mean(turns.edits for turns in hot)
    if (least := min(turns.edits for turns in hot)) < mean / 3:
        return f"one in the hot pad had {least} turns, the mean is {mean:.0f}"
    if (least := min(turns.edits for turns in quiet)) < mean / 2:
        return f"one in a quiet pad had {least} turns, the mean of the hot one is {mean:.0f}"
    return None


async def _make_pads(url: str) -> None:
    for number in range(1 + QUIET_PADS):
        await create_pad(url, f"pad-{number}")


def _group(
    url: str, number: int, pads: list[str], seconds: float, begin: Barrier, answers: Any
) -> None:
    """One process: a writer for each of `pads`."""
    try:
        answers.put((number, asyncio.run(_write(url, number, pads, seconds, begin))))
    except Exception as error:  # noqa: BLE001 - told to the other process, whatever it is
        begin.abort()
        answers.put((number, repr(error)))


async def _write(
    url: str, number: int, pads: list[str], seconds: float, begin: Barrier
) -> list[Turns]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.timeout(2 * _PATIENCE_SECONDS + seconds),
    ):
        writers = [
            _Writer(await http.ws_connect(f"{url}/ws/{pad}", protocols=[SUBPROTOCOL]))
            for pad in pads
        ]
        for index, writer in enumerate(writers):
            await writer.enter(f"writer {number} {index}")
        await asyncio.to_thread(begin.wait, _PATIENCE_SECONDS)
        end = time.monotonic() + seconds
        await asyncio.gather(*(writer.write_until(end) for writer in writers))
        return [writer.turns for writer in writers]


class _Writer:
    """One WebSocket, read with as little work as can be: there are hundreds in a process."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.turns = Turns()
        self._socket = socket
        self._session = ""
        self._revision = 0

    async def enter(self, who: str) -> None:
        await self._socket.send_json(hello(who))
        welcome = decode_server(await self._socket.receive_str())
        assert isinstance(welcome, Welcome)
        self._session, self._revision = welcome.session, welcome.revision

    async def write_until(self, end: float) -> None:
        while (now := time.monotonic()) < end:
            seq = self.turns.edits + 1
            message = OpMessage(base=self._revision, seq=seq, op=["x"])
            await self._socket.send_str(encode(message).decode())
            while not self._has_come(seq, await self._socket.receive_str()):
                pass
            self.turns.edits = seq
            self.turns.waits.append(time.monotonic() - now)

    def _has_come(self, seq: int, frame: str) -> bool:
        """Whether this frame acknowledges `seq`."""
        message = decode_server(frame)
        if not isinstance(message, OpsMessage):
            return False
        self._revision = message.start + len(message.ops)
        return any(entry[:2] == (self._session, seq) for entry in message.ops)
