"""one process of clients, from the first join to the last text"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from random import Random
from typing import Final

import aiohttp
from msgspec import Struct

from server.load.board import Board
from server.load.client import Client, Crew
from server.load.figures import Figures
from server.load.plan import Phase, Plan
from server.load.replica import Replica
from server.session import public_id

__all__ = ["DRAIN_SECONDS_MAX", "JOIN_SECONDS_MAX", "Ended", "Heads", "Ready", "Tick", "work"]

# Seconds until all are connected, and until all is acknowledged and everywhere when the typing is
# over; who is not there then is reported.
JOIN_SECONDS_MAX: Final = 120.0
DRAIN_SECONDS_MAX: Final = 30.0
# Connections that a process makes at a time: it is not a test of the listening queue.
_JOINING_MAX: Final = 32
# Seconds between two looks whether something waited for has come.
_LOOK_SECONDS: Final = 0.01


class Ready(Struct):
    """All clients are connected, or as many as can be."""

    process: int
    connected: int


class Tick(Struct):
    """What has happened since the last one."""

    process: int
    phase: Phase
    seconds: float
    cpu_seconds: float
    clients: int
    figures: Figures


class Heads(Struct):
    """The newest revision of each pad; from a process: that its clients have seen."""

    process: int
    revisions: dict[int, int]


class Ended(Struct):
    """The last figures, and how all texts are: how many clients are at a (revision, length,
    SHA-256) of each pad; and what went wrong.
    """

    process: int
    figures: Figures
    texts: dict[int, dict[tuple[int, int, str], int]]
    pending: int
    lost: int
    diverged: dict[int, int]
    errors: dict[str, int]


def work(plan: Plan, process: int, board: Board, pipe: Connection) -> None:
    """The whole life of the process. It is told when to begin and where all pads end."""
    # Ctrl C reaches all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _allow_files()
    # What there is now stays: later collections need not look at it.
    gc.freeze()
    with contextlib.suppress(EOFError, BrokenPipeError):
        runner = _Worker(plan, process, board, pipe).run()
        if sys.platform == "win32":
            asyncio.run(runner)
        else:
            import uvloop

            uvloop.run(runner)


class _Worker:
    """The clients of one process."""

    def __init__(self, plan: Plan, process: int, board: Board, pipe: Connection) -> None:
        self._plan = plan
        self._process = process
        self._board = board
        self._pipe = pipe
        self._clients: list[Client] = []
        self._replicas: dict[int, Replica] = {}
        # When the last tick was, and how much processor time had been used by then.
        self._ticked = 0.0
        self._used = 0.0

    async def run(self) -> None:
        """All of it."""
        plan = self._plan
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            crew = Crew(plan, self._board, http)
            writers = {
                public_id("session", plan.session_key(seat)): seat.writer
                for seat in plan.seats()
                if seat.writer is not None
            }
            for seat in plan.seats_of(self._process):
                replica = self._replicas.setdefault(
                    seat.pad, Replica(seat.pad, writers, self._board)
                )
                self._clients.append(Client(seat, crew, replica))
            tasks: list[asyncio.Task[None]] = []
            try:
                await self._join(tasks)
                await self._type(crew, tasks)
                await self._end(crew)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self, tasks: list[asyncio.Task[None]]) -> None:
        """Connect all, some at a time."""
        places = asyncio.Semaphore(_JOINING_MAX)

        async def join(client: Client) -> None:
            async with places:
                tasks.extend(client.start())
                await client.joined.wait()

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(JOIN_SECONDS_MAX):
                await asyncio.gather(*(join(client) for client in self._clients))
        connected = sum(client.state is not None for client in self._clients)
        self._pipe.send(Ready(self._process, connected))

    async def _type(self, crew: Crew, tasks: list[asyncio.Task[None]]) -> None:
        """Let them type, and report every second."""
        start: float = await asyncio.to_thread(self._pipe.recv)
        coming: asyncio.Task[None] | None = None
        for at, phase in self._plan.ticks():
            await asyncio.sleep(max(0.0, start + at - time.monotonic()))
            self._tick(crew, phase)
            if phase == "joining":
                crew.started.set()
                if self._plan.joins:
                    coming = asyncio.create_task(self._come_and_go())
                    tasks.append(coming)
        crew.over = True
        if coming is not None:
            coming.cancel()

    def _tick(self, crew: Crew, phase: Phase) -> None:
        now, used = time.monotonic(), time.process_time()
        tick = Tick(
            process=self._process,
            phase=phase,
            seconds=now - self._ticked,
            cpu_seconds=used - self._used,
            clients=sum(client.connected for client in self._clients),
            figures=crew.figures,
        )
        crew.figures = Figures()
        self._ticked, self._used = now, used
        self._pipe.send(tick)

    async def _come_and_go(self) -> None:
        """Clients leave and come again, `joins` a second in the whole run."""
        plan = self._plan
        rng = Random(f"{plan.seed} joins {self._process}")
        rate = plan.joins * len(self._clients) / plan.clients
        due = time.monotonic()
        while self._clients:
            due += rng.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await rng.choice(self._clients).leave()

    async def _end(self, crew: Crew) -> None:
        """Wait until all is acknowledged, and then until everybody has it; tell the texts."""
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        await _until(lambda: all(client.settled for client in self._clients), deadline)
        heads: dict[int, int] = {}
        for client in self._clients:
            pad = client.seat.pad
            heads[pad] = max(heads.get(pad, 0), client.machine.revision)
        self._pipe.send(Heads(self._process, heads))
        wanted: Heads = await asyncio.to_thread(self._pipe.recv)
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        await _until(
            lambda: all(
                client.lost or client.machine.revision >= wanted.revisions[client.seat.pad]
                for client in self._clients
            ),
            deadline,
        )
        self._pipe.send(
            Ended(
                process=self._process,
                figures=crew.figures,
                texts=self._texts(),
                pending=sum(client.machine.pending for client in self._clients),
                lost=sum(bool(client.lost) for client in self._clients),
                diverged={
                    pad: replica.divergence
                    for pad, replica in self._replicas.items()
                    if replica.divergence is not None
                },
                errors=dict(crew.errors),
            )
        )

    def _texts(self) -> dict[int, dict[tuple[int, int, str], int]]:
        digests: dict[int, str] = {}
        texts: dict[int, dict[tuple[int, int, str], int]] = {}
        for client in self._clients:
            state = client.state
            if state is None:
                continue
            if id(state) not in digests:
                digests[id(state)] = hashlib.sha256(state.text.encode()).hexdigest()
            key = (state.revision, len(state.text), digests[id(state)])
            of_pad = texts.setdefault(client.seat.pad, {})
            of_pad[key] = of_pad.get(key, 0) + 1
        return texts


async def _until(done: Callable[[], bool], deadline: float) -> None:
    # What is waited for comes at hundreds of clients, of which none knows about the others.
    while not done() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)


def _allow_files() -> None:
    """As many open files as this process may have: a connection is one."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
