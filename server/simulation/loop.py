"""an asyncio loop whose clock moves only when nothing is left to do

Code that awaits runs unchanged; an hour of waiting takes no time. One thread, no sockets: who waits
for something that will never come is told so at once (`Deadlock`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

__all__ = ["Deadlock", "Livelock", "VirtualLoop"]

# Rounds of the loop without the clock moving: the busiest moment of a healthy run needs hundreds.
_ROUNDS_MAX = 20_000


class Deadlock(RuntimeError):
    """Everybody waits, and nothing is due."""


class Livelock(RuntimeError):
    """There is always more to do, and the clock never moves."""


class _NoSelector:
    """Stands where asyncio has its selector: instead of waiting it moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._rounds = 0

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise Deadlock("everybody waits, and nothing is due")
        if timeout > 0:
            self._rounds = 0
            self._loop.now_ns = round(self._loop.next_due() * 1e9)
        else:
            self._rounds += 1
            if self._rounds > _ROUNDS_MAX:
                self._rounds = 0
                raise Livelock(f"{_ROUNDS_MAX} rounds at {self._loop.time():.6f} s")
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `now_ns` is the time in integer nanoseconds since the start of the run."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self._selector = _NoSelector(self)
        # Times are whole nanoseconds, which floats of some days still tell apart; half of one makes
        # what is due now due, and nothing else.
        self._clock_resolution = 0.5e-9

    def time(self) -> float:
        """Seconds since the start of the run."""
        return self.now_ns / 1e9

    def call_at(  # type: ignore[override] # the same, passed on
        self, when: float, *args: Any, **context: Any
    ) -> asyncio.TimerHandle:
        """As asyncio's, at the next whole nanosecond: never too early."""
        due_ns = math.ceil(when * 1e9)
        if due_ns / 1e9 < when:
            due_ns += 1
        return super().call_at(due_ns / 1e9, *args, **context)

    def next_due(self) -> float:
        """When the next timer is due, in seconds."""
        return float(self._scheduled[0].when())  # type: ignore[attr-defined] # asyncio's heap

    def run_in_executor(  # type: ignore[override] # asyncio's stub says more than it promises
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Do it here and now: a thread would bring its own time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who awaits
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[object]) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody is to be woken: there is one thread."""
