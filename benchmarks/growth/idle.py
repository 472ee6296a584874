"""connections that only stay: how soon each has its text, and what they hold of the server"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from benchmarks.growth.serving import Server
from benchmarks.growth.wire import Line, hello
from benchmarks.server.processes import Failure
from server.load.figures import Histogram

__all__ = ["sit"]

# Connections that are being made at a time.
_JOINING_MAX: Final = 50
# Seconds until the last news of who came has been told, and the server is at rest.
_REST_SECONDS: Final = 2.0
_JOIN_SECONDS_MAX: Final = 60.0


async def sit(server: Server, *, pads: int, connections: int) -> dict[str, float]:
    """Connect, `pad-0`, `pad-1` and so on in turn, stay a while, and tell. Raises Failure."""
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(_JOINING_MAX)
    joined = Histogram()
    lines: list[Line] = []

    async def join(number: int) -> None:
        welcomed = asyncio.Event()
        pad = f"pad-{number % pads}"
        line = Line(pad, hello(f"Idle {number}"), lambda frame: welcomed.set())
        lines.append(line)
        async with places, asyncio.timeout(_JOIN_SECONDS_MAX):
            began = time.monotonic()
            await loop.create_connection(lambda: line, "127.0.0.1", server.port)
            await welcomed.wait()
            joined.add(time.monotonic() - began)

    before = server.used()
    try:
        await asyncio.gather(*(join(number) for number in range(connections)))
        await asyncio.sleep(_REST_SECONDS)
        after = server.used()
        lost = sum(line.lost for line in lines)
    except TimeoutError:
        raise Failure(f"a connection was not welcomed in {_JOIN_SECONDS_MAX:g} s") from None
    finally:
        for line in lines:
            line.close()
    if lost:
        raise Failure(f"{lost} of {connections} connections were lost")
    latency = joined.latency()
    assert latency.p50 is not None and latency.p95 is not None
    return {
        "each": (after.rss_bytes - before.rss_bytes) / connections,
        "rss": after.rss_bytes,
        "p50": latency.p50,
        "p95": latency.p95,
        "cpu": (after.cpu_seconds - before.cpu_seconds) / connections * 1_000,
    }
