"""the thread that works for an event loop"""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from server.worker import Thread


async def test_results_and_errors_arrive_where_they_were_asked_for():
    """In the order of asking, from another thread."""
    worker = Thread("worker")
    order: list[int] = []

    def note(number: int) -> str:
        order.append(number)
        return threading.current_thread().name

    names = await asyncio.gather(*(worker.run(partial(note, number)) for number in range(3)))
    with pytest.raises(ValueError, match="invalid literal"):
        await worker.run(lambda: int("x"))
    worker.stop()

    assert (order, set(names)) == ([0, 1, 2], {"worker"})


async def test_who_gave_up_waiting_harms_nobody():
    """Its work is done all the same, and the next one gets its own result."""
    worker = Thread("worker")
    go = threading.Event()
    waiting = asyncio.create_task(worker.run(go.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    go.set()

    assert await worker.run(lambda: 7) == 7
    worker.stop()
    assert waiting.cancelled()


def test_a_loop_that_is_gone():
    """What is asked for is still finished when its loop is closed."""
    worker = Thread("worker")
    go = threading.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(worker.run(go.wait))
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    go.set()

    worker.stop()
    assert go.is_set()
