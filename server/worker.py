"""a thread that does what it is given, one after the other, for an event loop

What `ThreadPoolExecutor` with one thread does, for half the time: a batch of edits costs two such
calls, and under load the pool's locks and its two futures are as dear as writing the batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

__all__ = ["Thread", "Worker"]

_T = TypeVar("_T")
_Job = tuple[asyncio.Future[Any], Callable[[], Any]]


class Worker(Protocol):
    """Does what it is given, one after the other."""

    async def run(self, work: Callable[[], _T]) -> _T:
        """Have `work` done, and return or raise what it does."""

    def stop(self) -> None:
        """Finish what was asked for, and end; waits for it."""


class Thread:
    """One thread. Whoever gives it something waits for it, so callers bound what waits here."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # A program that ends without closing its store is not held up.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], _T]) -> _T:
        """Have `work` done, and return or raise what it does."""
        done: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._jobs.put((done, work))
        return await done

    def stop(self) -> None:
        """Finish what was asked for, and end; waits for it."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            done, work = job
            result, error = None, None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001 - it is raised where it was asked for
                error = raised
            # A loop that was closed meanwhile waits for nothing any more.
            with contextlib.suppress(RuntimeError):
                done.get_loop().call_soon_threadsafe(_tell, done, result, error)


def _tell(done: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if done.done():
        # Whoever waited was cancelled.
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
