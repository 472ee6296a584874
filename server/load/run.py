"""one run: starts the processes, adds up what they tell, compares all texts"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final, TypeVar

from client_py import PadClient, Refused
from server.amounts import amount
from server.live import LiveError, Target
from server.load.board import Board
from server.load.figures import Figures
from server.load.plan import Plan
from server.load.process import Usage, usage
from server.load.report import Report, Second, ServerUse
from server.load.worker import (
    DRAIN_SECONDS_MAX,
    JOIN_SECONDS_MAX,
    Ended,
    Heads,
    Ready,
    Tick,
    work,
)

__all__ = ["LoadError", "run"]

# Seconds between "all are connected" and the start, for the word to reach all processes.
_START_SECONDS: Final = 0.2
# Seconds that a process may be silent beyond what its own limits allow.
_PATIENCE: Final = 30.0
# Pads that are made, or read, at a time.
_PADS_AT_A_TIME: Final = 16
# Different texts of one pad that are named, and pads that are.
_NAMED_MAX: Final = 4
_WORDS: Final = "one two three four five six seven eight nine ten\n"

_Told = TypeVar("_Told", Ready, Tick, Heads, Ended)


class LoadError(Exception):
    """The run cannot be made; says why."""


def run(plan: Plan, *, pid: int | None, on_second: Callable[[Second], None]) -> Report:
    """Make one run. `pid` is the server's process, if it can be seen. Raises LoadError."""
    try:
        asyncio.run(_prepare(plan))
    except (LiveError, Refused) as error:
        raise LoadError(str(error)) from None
    board = Board(writers=plan.pads * plan.writers, pads=plan.pads)
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        for number in range(plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(plan, number, board, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        return _Run(plan, pid, pipes, on_second).report()
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(1.0)
            if process.is_alive():
                process.kill()
                process.join()


class _Run:
    """A run, as the processes tell of it."""

    def __init__(
        self,
        plan: Plan,
        pid: int | None,
        pipes: list[Connection],
        on_second: Callable[[Second], None],
    ) -> None:
        self._plan = plan
        self._pid = pid
        self._pipes = pipes
        self._on_second = on_second
        # Over the measured seconds: figures, their length, and processor time of each process.
        self._total = Figures()
        self._seconds = 0.0
        self._cpu = [0.0] * plan.processes
        self._timeline: list[Second] = []
        # The server before the clients came, at the last tick, and when the measuring began.
        self._before = None if pid is None else usage(pid)
        self._last: tuple[float, Usage] | None = None
        self._first: tuple[float, Usage] | None = None
        self._rss_max = 0

    def report(self) -> Report:
        """Hear it to its end."""
        ready = self._each(Ready, JOIN_SECONDS_MAX)
        start = time.monotonic() + _START_SECONDS
        for pipe in self._pipes:
            pipe.send(start)
        for _ in self._plan.ticks():
            self._second(self._each(Tick, self._plan.seconds), start)
        heads: dict[int, int] = {}
        for told in self._each(Heads, DRAIN_SECONDS_MAX):
            for pad, revision in told.revisions.items():
                heads[pad] = max(heads.get(pad, 0), revision)
        for pipe in self._pipes:
            pipe.send(Heads(-1, heads))
        ended = self._each(Ended, DRAIN_SECONDS_MAX)
        errors: Counter[str] = Counter()
        for end in ended:
            self._total.merge_latencies(end.figures)
            errors.update(end.errors)
        total, seconds = self._total, self._seconds
        return Report(
            plan=self._plan,
            seconds=seconds,
            connected=sum(one.connected for one in ready),
            seen=total.seen.latency(),
            acknowledged=total.acknowledged.latency(),
            joined=total.joined.latency(),
            late=total.late.latency(),
            acked_ops=total.acked,
            acked=total.acked / seconds,
            deliveries=total.deliveries / seconds,
            moves=total.moves / seconds,
            untimed=total.untimed,
            frames_in=total.frames_in / seconds,
            bytes_in=total.bytes_in / seconds,
            bytes_out=total.bytes_out / seconds,
            server=self._server(),
            generator_cpu=[cpu / seconds for cpu in self._cpu],
            generator_cores=_cores(),
            errors=dict(errors),
            differences=differences(self._plan, ended, asyncio.run(_fresh(self._plan))),
            timeline=self._timeline,
        )

    def _second(self, ticks: list[Tick], start: float) -> None:
        """Add up one second of all processes, and show it."""
        now = time.monotonic()
        used = None if self._pid is None else usage(self._pid)
        figures = Figures()
        for tick in ticks:
            figures.merge(tick.figures)
        phase = ticks[0].phase
        if phase == "joining":
            self._total.joined.merge(figures.joined)
        else:
            seconds = sum(tick.seconds for tick in ticks) / len(ticks)
            server_cpu = None
            if used is not None and self._last is not None:
                before, last = self._last
                server_cpu = (used.cpu_seconds - last.cpu_seconds) / (now - before)
                self._rss_max = max(self._rss_max, used.rss_bytes)
            second = Second(
                at=now - start,
                phase=phase,
                clients=sum(tick.clients for tick in ticks),
                acked=figures.acked / seconds,
                deliveries=figures.deliveries / seconds,
                seen=figures.seen.latency(),
                server_cpu=server_cpu,
                server_rss_mib=None if used is None else used.rss_bytes / 2**20,
                generator_cpu=sum(tick.cpu_seconds for tick in ticks) / seconds,
            )
            self._timeline.append(second)
            self._on_second(second)
            if phase == "measured":
                self._total.merge(figures)
                self._seconds += seconds
                for tick in ticks:
                    self._cpu[tick.process] += tick.cpu_seconds
        if used is not None:
            self._last = now, used
            if phase != "measured":
                self._first = now, used

    def _server(self) -> ServerUse | None:
        if self._pid is None or self._first is None or self._last is None:
            return None
        before = self._before or self._last[1]
        (began, first), (ended, last) = self._first, self._last
        cpu = last.cpu_seconds - first.cpu_seconds
        acked = self._total.acked
        return ServerUse(
            pid=self._pid,
            cpu=cpu / max(ended - began, 1e-9),
            cpu_seconds_per_1000_ops=cpu / acked * 1_000 if acked else None,
            rss_mib_before=before.rss_bytes / 2**20,
            rss_mib=last.rss_bytes / 2**20,
            rss_mib_max=self._rss_max / 2**20,
        )

    def _each(self, kind: type[_Told], seconds_max: float) -> list[_Told]:
        """The next thing that each process tells. Raises LoadError if one has nothing to tell."""
        told: dict[Connection, _Told] = {}
        deadline = time.monotonic() + seconds_max + _PATIENCE
        while len(told) < len(self._pipes):
            waiting = [pipe for pipe in self._pipes if pipe not in told]
            heard = wait(waiting, max(0.0, deadline - time.monotonic()))
            if not heard:
                raise LoadError("a process of the generator does not answer")
            for pipe in waiting:
                if pipe not in heard:
                    continue
                try:
                    message = pipe.recv()
                except EOFError:
                    raise LoadError("a process of the generator has ended too early") from None
                assert isinstance(message, kind)
                told[pipe] = message
        return [told[pipe] for pipe in self._pipes]


def _cores() -> int:
    """How many cores this process and those it has started may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def differences(plan: Plan, ended: list[Ended], fresh: dict[int, tuple[int, str]]) -> list[str]:
    """What keeps the texts from being equal to each other and to `fresh`, the revision and text of
    each pad as a newcomer is given them; nothing if they are.
    """
    found = []
    for end in ended:
        for pad, revision in end.diverged.items():
            found.append(f"{plan.pad(pad)}: two clients had different texts at {revision}")
        if end.pending:
            found.append(f"{amount(end.pending, 'writer')} never heard that the last edit is kept")
        if end.lost:
            found.append(f"{amount(end.lost, 'client')} gave up")
    for pad, (revision, text) in fresh.items():
        counts: Counter[tuple[int, int, str]] = Counter()
        for end in ended:
            counts.update(end.texts.get(pad, {}))
        right = revision, len(text), hashlib.sha256(text.encode()).hexdigest()
        missing = plan.writers + plan.readers - counts.total()
        if missing:
            found.append(f"{plan.pad(pad)}: {amount(missing, 'client')} without a text")
        for (at, length, digest), count in counts.items():
            if (at, length, digest) != right:
                found.append(
                    f"{plan.pad(pad)}: {amount(count, 'client')} at revision {at} with "
                    f"{amount(length, 'code point')} ({digest[:8]}) in the end, a newcomer at "
                    f"{revision} with {len(text):,} ({right[2][:8]})"
                )
    more = len(found) - _NAMED_MAX
    return [*found[:_NAMED_MAX], f"and {more} more"] if more > 0 else found


async def _prepare(plan: Plan) -> None:
    """Make the pads, with some text in each. Raises LiveError, Refused."""
    text = (_WORDS * (plan.length // len(_WORDS) + 1))[: plan.length]
    places = asyncio.Semaphore(_PADS_AT_A_TIME)

    async def make(pad: str) -> None:
        async with places:
            await Target(plan.server, pad).make()
            if text:
                async with asyncio.timeout(_PATIENCE), PadClient(plan.server, pad) as client:
                    client.insert(0, text)
                    await client.synchronised()

    try:
        await asyncio.gather(*(make(plan.pad(pad)) for pad in range(plan.pads)))
    except TimeoutError:
        raise LiveError(f"{plan.server} has not answered for {_PATIENCE:.0f} seconds") from None


async def _fresh(plan: Plan) -> dict[int, tuple[int, str]]:
    """Revision and text of each pad, as a newcomer is given them; none of pads that cannot be
    read.
    """
    places = asyncio.Semaphore(_PADS_AT_A_TIME)

    async def read(pad: int) -> tuple[int, tuple[int, str]]:
        client = PadClient(plan.server, plan.pad(pad))
        async with places, asyncio.timeout(_PATIENCE), client:
            return pad, (client.revision, client.text)

    try:
        return dict(await asyncio.gather(*(read(pad) for pad in range(plan.pads))))
    except (TimeoutError, Refused) as error:
        why = str(error) or f"no answer for {_PATIENCE:.0f} seconds"
        raise LoadError(f"a newcomer cannot read the pads at the end: {why}") from None
