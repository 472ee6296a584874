"""peers that vanish, stand still, are not heard, or read slowly: noticed in time, and no more

What takes real time runs side by side, in one test.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import time
from contextlib import AsyncExitStack

import pytest

from client_py import PadClient
from ot.operation import Operation
from tests.conftest import ServerProcess
from tests.faults.javascript_tab import javascript_tab
from tests.faults.proxy import Proxy
from tests.test_client_py import equal, until
from tests.test_client_py_wire import AtOnce
from tests.test_far_behind import resident_bytes
from tests.test_network import client, once
from tests.wire import connect, create_pad


@pytest.mark.slow
async def test_the_server_lets_go_of_who_has_vanished(start_server):
    """With a heartbeat of 0.4 s it is within 0.6 s, and others see them leave."""
    server = start_server("--heartbeat-seconds", "0.4")
    await create_pad(server.url, "pad")
    async with (
        Proxy(server.port) as proxy,
        PadClient(server.url, "pad") as witness,
        client(proxy),
    ):
        await until(lambda: len(witness.people) == 2)
        proxy.vanish()
        start = time.monotonic()
        await until(lambda: len(witness.people) == 1)
        assert time.monotonic() - start < 5, "0.6 s, on a machine that does other things as well"


@pytest.mark.slow
async def test_a_tab_that_is_looked_at_finds_out_at_once(serve):
    """It asks, waits five seconds for the answer, and connects anew: no key needs to be pressed."""
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port) as proxy, javascript_tab(proxy.url, "pad") as tab:
        await tab.until(lambda state: state["phase"] == "online")
        proxy.links[-1].vanish()
        tab.edit(["into the void"])
        start = time.monotonic()
        tab.wake()
        await tab.until(lambda state: state["revision"] == 1 and state["unsent"] == 0)
        assert time.monotonic() - start < 10
        assert tab.state["sockets"] == 2


async def notices_that_nobody_is_there(server: ServerProcess) -> dict[str, float]:
    """Seconds until each side finds that the other has vanished; what was typed is saved then."""
    seconds = {}
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for _ in "ab"]
        witness = await stack.enter_async_context(PadClient(server.url, "pad"))
        ada = await stack.enter_async_context(client(proxies[0]))
        tab = await stack.enter_async_context(javascript_tab(proxies[1].url, "pad"))
        await tab.until(lambda state: state["phase"] == "online")
        here = len(witness.people)
        start = time.monotonic()
        for one in proxies:
            one.links[-1].vanish()
            # Whoever comes again finds nobody either, for as long as the server needs to notice.
            one.up.swallow = one.down.swallow = True
        ada.insert(0, "from ada ")
        tab.edit(["from the tab "])

        async def server_notices() -> None:
            async with asyncio.timeout(60):
                while len(witness.people) > here - 2:
                    await asyncio.sleep(0.05)
            seconds["server"] = time.monotonic() - start

        noticing = asyncio.create_task(server_notices())
        async with asyncio.timeout(20):
            while len(proxies[0].arrivals) < 2:
                await asyncio.sleep(0.02)
            seconds["PadClient"] = time.monotonic() - start
        await tab.until(lambda state: state["phase"] != "online")
        seconds["tab"] = time.monotonic() - start
        await noticing
        for one in proxies:
            one.up.swallow = one.down.swallow = False
            for link in list(one.links):
                link.end()
        tab.wake()
        async with asyncio.timeout(30):
            await ada.synchronised()
            await tab.until(lambda state: state["unsent"] == 0 and state["phase"] == "online")
            while not ("from ada " in witness.text and "from the tab " in witness.text):
                await asyncio.sleep(0.02)
    return seconds


async def hears_and_cannot_send(server: ServerProcess) -> dict[str, float]:
    """Seconds until a client that is told of others, but is not heard, connects anew."""
    await create_pad(server.url, "busy")
    seconds = {}
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy(server.port)) for _ in "ab"]
        busy = await stack.enter_async_context(PadClient(server.url, "busy"))
        ada = await stack.enter_async_context(PadClient(proxies[0].url, "busy", rng=AtOnce()))
        tab = await stack.enter_async_context(javascript_tab(proxies[1].url, "busy"))
        await tab.until(lambda state: state["phase"] == "online")

        async def type_on() -> None:
            while True:
                busy.insert(len(busy.text), ".")
                await asyncio.sleep(0.5)

        typing = asyncio.create_task(type_on())
        stack.callback(typing.cancel)
        for one in proxies:
            one.links[-1].up.faults.swallow = True
        ada.insert(0, "a")
        tab.edit(["t"])
        start = time.monotonic()
        async with asyncio.timeout(60):
            await ada.synchronised()
            seconds["PadClient"] = time.monotonic() - start
        await tab.until(lambda state: state["unsent"] == 0, seconds=30)
        seconds["tab"] = time.monotonic() - start
        typing.cancel()
        assert await equal(ada, busy)
        assert sorted(ada.text.replace(".", "")) == ["a", "t"]
    return seconds


async def silent_connections(server: ServerProcess, seconds: float) -> dict[str, float]:
    """The longest silence of connections on which nobody does anything, behind a proxy that closes
    those that are silent for 30 s in one direction.
    """
    silences = {}
    await create_pad(server.url, "idle")
    async with Proxy(server.port) as proxy, AsyncExitStack() as stack:
        proxy.up.idle_seconds_max = proxy.down.idle_seconds_max = 30
        # Each in a pad of its own: nobody is told of anybody.
        for name in ("background", "PadClient", "tab"):
            await create_pad(server.url, f"idle-{name}")
        wire = await stack.enter_async_context(connect(proxy.url, "idle-background", "background"))

        async def read() -> None:
            while True:
                await wire.socket.receive()

        reading = asyncio.create_task(read())
        stack.callback(reading.cancel)
        ada = await stack.enter_async_context(PadClient(proxy.url, "idle-PadClient"))
        tab = await stack.enter_async_context(javascript_tab(proxy.url, "idle-tab"))
        await tab.until(lambda state: state["phase"] == "online")
        links = dict(zip(("background", "PadClient", "tab"), proxy.links, strict=True))
        await asyncio.sleep(seconds)
        for name, link in links.items():
            assert not link.over, name
            silences[name] = max(link.up.longest_silence, link.down.longest_silence)
        assert (ada.connections, tab.state["sockets"], len(proxy.arrivals)) == (1, 1, 3)
    return silences


async def stands_still(server: ServerProcess, seconds: float) -> None:
    """A server that does not run for longer than its clients wait: they come again, once."""
    await create_pad(server.url, "pad")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(PadClient(server.url, "pad")) for _ in range(20)]
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for number, one in enumerate(clients):
                one.insert(0, f"<{number}>")
            await asyncio.sleep(seconds)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        async with asyncio.timeout(30):
            text = await equal(*clients)
        assert sorted(text.strip("<>").split("><"), key=int) == [str(n) for n in range(20)]
        async with asyncio.timeout(30):
            while len(clients[0].people) != 20:
                await asyncio.sleep(0.05)
    once(server, 20)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_real_minutes_of_silence(start_server, capsys):
    """All that needs its time, side by side: peers that vanish are noticed by clients within 15 s
    and by the server within 45 s, also by who still hears; nothing that lives is cut for silence.
    """
    server, stopped = start_server(), start_server()
    await create_pad(server.url, "pad")
    vanished, deaf, silent, _ = await asyncio.gather(
        notices_that_nobody_is_there(server),
        hears_and_cannot_send(server),
        silent_connections(server, 45),
        stands_still(stopped, 16),
    )
    with capsys.disabled():
        print(f"\nvanished: {vanished}\nnot heard: {deaf}\nsilence: {silent}")  # noqa: T201
    assert max(vanished["PadClient"], vanished["tab"]) <= 15, vanished
    assert vanished["server"] <= 45, vanished
    # Twice ten seconds behind the next ping, and a new connection.
    assert max(deaf.values()) <= 30, deaf
    assert max(silent.values()) <= 25, silent
    assert silent["background"] > 15, "only the server's pings pass there"


@pytest.mark.slow
async def test_a_server_that_stands_still_for_a_moment_loses_nobody(start_server):
    """Longer than its own heartbeat, shorter than the patience of clients."""
    server = start_server("--heartbeat-seconds", "0.4")
    await create_pad(server.url, "pad")
    async with PadClient(server.url, "pad") as ada, PadClient(server.url, "pad") as bob:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            ada.insert(0, "typed meanwhile")
            await asyncio.sleep(1.5)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert await equal(ada, bob) == "typed meanwhile"
        # And for some beats after it.
        for _ in range(5):
            bob.insert(0, ".")
            await equal(ada, bob)
            await asyncio.sleep(0.2)
        assert (ada.connections, bob.connections) == (1, 1)


# --- Slow readers ---------------------------------------------------------------------------------


# Code points of an edit; of two hundred, a reader's share is 8 MB, of which the system's sockets
# take a third.
SIZE = 40_000


async def acknowledgements(writer: PadClient, count: int, size: int) -> list[float]:
    """Seconds that each of so many edits takes; each replaces the text."""
    rng = random.Random(5)
    taken = []
    for _ in range(count):
        text = rng.choice("abc") * size
        start = time.perf_counter()
        writer.edit([-len(writer.text), text] if writer.text else [text])
        await writer.synchronised()
        taken.append(time.perf_counter() - start)
    return taken


@pytest.mark.slow
async def test_ten_slow_readers_of_a_hundred_cost_the_others_nothing(serve, capsys):
    """Lines of 1 KB/s: the server keeps no queue for them, and nobody else waits."""
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port) as proxy, AsyncExitStack() as stack:
        others = [await stack.enter_async_context(PadClient(serve.url, "pad")) for _ in range(90)]
        frames: list[Operation] = []
        slow = [
            await stack.enter_async_context(
                PadClient(proxy.url, "pad", rng=AtOnce(), on_change=frames.append)
            )
            for _ in range(10)
        ]
        before = await acknowledgements(others[0], 30, SIZE)
        memory = resident_bytes(serve.pid)
        for link in proxy.links:
            link.down.faults.bytes_per_second = 1_000
        during = await acknowledgements(others[0], 200, SIZE)
        grown = resident_bytes(serve.pid) - memory
        behind = [others[0].revision - one.revision for one in slow]
        frames.clear()
        for link in proxy.links:
            link.down.faults.bytes_per_second = None
        text = await equal(others[0], *slow)
        assert text == others[0].text
    figures = {
        "p50 ms": [round(statistics.median(times) * 1_000, 1) for times in (before, during)],
        "p95 ms": [round(statistics.quantiles(t, n=20)[-1] * 1_000, 1) for t in (before, during)],
        "grown MB": round(grown / 1e6, 1),
        "revisions behind": (min(behind), max(behind)),
        "frames then": len(frames) // len(slow),
    }
    with capsys.disabled():
        print(f"\n10 slow readers of 100: {figures}")  # noqa: T201
    assert min(behind) > 50, "they were slow indeed"
    # Queues would hold ten times 8 MB.
    assert grown <= 40_000_000, figures
    # What the system's sockets had taken comes one by one, and all the rest as one.
    assert len(frames) < 0.9 * sum(behind), figures
    # Of a machine that does other things as well: a queue of anybody's would make it seconds.
    assert statistics.median(during) <= 10 * statistics.median(before) + 0.2, figures
