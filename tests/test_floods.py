"""a real server under floods of every kind: what they cost in memory, and that others go on"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import aiohttp
import pytest

from ot.log import Entry
from ot.messages import SUBPROTOCOL
from server.sqlite import SQLiteStore
from server.storage import Append
from tests.conftest import ServerProcess
from tests.faults.hot_pad import Turns, hot_pad, starved
from tests.test_far_behind import resident_bytes
from tests.test_frames import PING, PONG, TEXT, frame
from tests.wire import connect, create_pad, hello

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc"),
]

UPGRADE = (
    "GET /ws/{} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
)
MB = 1_000_000


def joined(server: ServerProcess, pad: str, who: str) -> socket.socket:
    """A connection that has said hello, and of which not one byte more than the upgrade is read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", server.port))
    made.settimeout(20)
    made.sendall(UPGRADE.format(pad).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += made.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    made.sendall(frame(TEXT, json.dumps(hello(who)).encode()))
    return made


@contextmanager
def many(make: Callable[[int], socket.socket], count: int) -> Iterator[list[socket.socket]]:
    """So many sockets, closed at the end."""
    sockets: list[socket.socket] = []
    try:
        sockets.extend(make(number) for number in range(count))
        yield sockets
    finally:
        for one in sockets:
            one.close()


async def put_text(server: ServerProcess, pad: str, text: str) -> None:
    await create_pad(server.url, pad)
    async with (
        aiohttp.ClientSession() as http,
        http.put(
            f"{server.url}/p/{pad}/text",
            data=io.BytesIO(text.encode()),
            headers={"If-Match": '"r0"'},
        ) as answer,
    ):
        assert answer.status == 200


async def people(server: ServerProcess, pad: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/p/{pad}/status") as answer:
        return int((await answer.json())["count"])


async def test_readers_that_read_nothing(serve, capsys):
    """Fifty of them join a pad of 8 MB while a writer changes all of it again and again: they share
    what waits for them, and it does not grow with what is written.
    """
    await put_text(serve, "pad", "😀" * 2_000_000)
    before = resident_bytes(serve.pid)
    with many(lambda number: joined(serve, "pad", f"reader {number}"), 50):
        async with asyncio.timeout(30):
            while await people(serve, "pad") < 50:
                await asyncio.sleep(0.05)
        after_joining = resident_bytes(serve.pid) - before
        async with connect(serve.url, "pad", "writer") as writer:
            seq = 0
            for seq in range(1, 41):
                await writer.edit(seq, seq, [-60_000, "ab😀"[seq % 3] * 60_000])
        grown = resident_bytes(serve.pid) - before
    with capsys.disabled():
        print(  # noqa: T201
            f"\n50 connections that read nothing: {after_joining / MB:.0f} MB after the welcome of"
            f" 8 MB each, {grown / MB:.0f} MB after {seq} edits of 60,000 code points"
        )
    # With a copy for each it would be 400 MB, and with queues 400 MB more.
    assert after_joining < 100 * MB
    assert grown < 200 * MB


FLOODS = {
    "pings": frame(PING),
    "pongs": frame(PONG, b"x" * 125),
    "empty parts of a message": frame(0, b"", first=0),
    "parts of one byte": frame(0, b"x", first=0),
    "empty messages": frame(TEXT),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_frames(serve, flood):
    """A million frames that carry nothing: the connection is closed with 1008 long before their
    end, memory stays as it was, and whoever is there goes on.
    """
    await create_pad(serve.url, "pad")
    before = resident_bytes(serve.pid)
    one = FLOODS[flood]

    def pour() -> bytes:
        heard = b""
        with joined(serve, "pad", "flood") as line:
            if "part" in flood:
                line.sendall(frame(TEXT, b"", first=0))
            line.setblocking(False)
            left = one * 1_000_000
            sent = 0
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    sent += line.send(left[sent : sent + 65_536])
                except BlockingIOError:
                    time.sleep(0.001)
                except ConnectionError:
                    break
                try:
                    heard += (piece := line.recv(1_000_000))
                    if not piece:
                        break
                except BlockingIOError:
                    pass
                except ConnectionError:
                    break
        return heard

    async with connect(serve.url, "pad", "witness") as witness:
        pouring = asyncio.create_task(asyncio.to_thread(pour))
        seq = 0
        while not pouring.done():
            seq += 1
            await witness.edit(seq - 1, seq, ["x"])
        heard = await pouring
        assert (1008).to_bytes(2, "big") in heard[-200:]
        assert seq >= 1 and await witness.edit(seq, seq + 1, ["y"]) == seq + 1
    assert resident_bytes(serve.pid) - before < 50 * MB


async def test_a_flood_of_presence(serve):
    """Five thousand at once: nobody is sent away, others are told of the newest, and those who type
    are heard meanwhile.
    """
    await create_pad(serve.url, "pad")
    message = {"type": "presence", "revision": 0, "color": 1, "selections": []}
    async with (
        connect(serve.url, "pad", "flood") as flood,
        connect(serve.url, "pad", "ada") as ada,
    ):
        for number in range(5_000):
            await flood.send({**message, "name": f"flood {number}"})
        assert await ada.edit(0, 1, ["x"]) == 1
        # What came before her own entry she has not looked at.
        await flood.send({**message, "name": "the newest"})
        frames, name = 0, ""
        while name != "the newest":
            told = await ada.receive("presence")
            frames += 1
            name = ([p["name"] for p in told["people"] if p["session"] == flood.session] or [""])[0]
        assert frames < 2_500, "rounds, not messages"
        await flood.send({"type": "ping", "n": 1})
        assert (await flood.receive("pong"))["n"] == 1


async def test_many_slow_headers(start_server):
    """A thousand connections that send a header a letter at a time: each is closed in its time,
    takes little memory, and the pages are there for others.
    """
    server = start_server("--header-seconds", "4")
    before = resident_bytes(server.pid)

    def slow(number: int) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", server.port))
        made.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        made.settimeout(20)
        return made

    with many(slow, 1_000) as sockets:
        async with aiohttp.ClientSession() as http:
            for _ in range(20):
                for one in sockets[:100]:
                    one.sendall(b"x")
                async with http.get(f"{server.url}/healthz") as answer:
                    assert answer.status == 200
            grown = resident_bytes(server.pid) - before

            def ended(one: socket.socket) -> bool:
                try:
                    return one.recv(1) == b""
                except ConnectionError:
                    return True

            assert all(await asyncio.to_thread(lambda: [ended(one) for one in sockets]))
    assert grown < 25 * MB


async def test_more_pads_than_memory_holds(tmp_path, capsys):
    """Each is looked at once, at a moment when none is old enough to leave by itself: memory holds
    no more of them than it may. Without the limit it holds them all.
    """
    store = SQLiteStore(tmp_path / "data")
    text = "some words of a pad, and then some more of them\n" * 600
    for number in range(1_500):
        name = f"pad-{number}"
        await store.create(name, title=name, epoch="e", view_key=f"view{number:08d}", time_ms=0)
    for start in range(0, 1_500, 100):
        await store.append(
            [
                Append(key + 1, 0, [Entry([text], f"author {key}", "person", 1, 0, b"")])
                for key in range(start, start + 100)
            ]
        )
    await store.close()
    grown: dict[int, int] = {}
    for most in (300, 100_000):
        server = ServerProcess(
            tmp_path / "data", args=("--pads-in-memory-max", str(most), "--idle-seconds", "3600")
        )
        server.start()
        try:
            async with aiohttp.ClientSession() as http:
                for number in range(1_500):
                    if number == 400:
                        before = resident_bytes(server.pid)
                    async with http.get(f"{server.url}/p/pad-{number}/text") as answer:
                        assert len(await answer.read()) == len(text)
            grown[most] = resident_bytes(server.pid) - before
        finally:
            server.close()
    with capsys.disabled():
        print(  # noqa: T201
            f"\n1,100 pads of {len(text):,} code points after the first 400:"
            f" {grown[300] / MB:.1f} MB with 300 in memory,"
            f" {grown[100_000] / MB:.1f} MB with all of them"
        )
    assert grown[300] < grown[100_000] / 2


def test_a_hot_pad_starves_nobody(serve, capsys):
    """Eighty who type into one pad as fast as it answers, and five in pads of their own: in the hot
    pad each has its turn, and the others wait no longer than these.
    """
    hot, quiet = hot_pad(serve, writers=80, seconds=3)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n80 writers in a hot pad: {mean(turns.edits for turns in hot):.0f} edits each, at"
            f" least {min(turns.edits for turns in hot)}; in quiet pads {[t.edits for t in quiet]},"
            f" the longest wait {max(max(t.waits) for t in quiet):.2f} s"
        )
    assert starved(hot, quiet) is None


def test_who_has_no_turn_is_noticed():
    """In the hot pad, or in another."""
    fair = [Turns(100, [0.1])] * 3
    assert starved(fair, fair) is None
    assert "hot" in (starved([*fair, Turns(10, [0.1])], fair) or "")
    assert "quiet" in (starved(fair, [*fair, Turns(10, [0.1])]) or "")
