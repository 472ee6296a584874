"""the fault proxy does what it says, byte for byte: a test that relies on it relies on this"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.faults.proxy import Link, Proxy, http_answer

SECONDS_MAX = 10.0


class Peer:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), SECONDS_MAX)

    async def rest(self) -> tuple[bytes, bool]:
        """All until the end, and whether that was a reset."""
        data = b""
        try:
            while piece := await asyncio.wait_for(self.reader.read(65_536), SECONDS_MAX):
                data += piece
        except ConnectionResetError:
            return data, True
        return data, False

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes, no goodbye either."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.reader.read(1), seconds)
            return False
        return True


class Ends:
    """A proxy, and a server behind it that hands its connections to the test."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.arrived: asyncio.Queue[Peer] = asyncio.Queue()
        self.peers: list[Peer] = []

    async def connect(self) -> tuple[Peer, Peer, Link]:
        """A client, the server's end of the same, and what is between them."""
        port = int(self.proxy.url.rpartition(":")[2])
        client = Peer(*await asyncio.open_connection("127.0.0.1", port))
        server = await asyncio.wait_for(self.arrived.get(), SECONDS_MAX)
        self.peers += [client, server]
        return client, server, self.proxy.links[-1]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    @asynccontextmanager
    async def running() -> AsyncIterator[Ends]:
        arrived: asyncio.Queue[Peer] = asyncio.Queue()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await arrived.put(Peer(reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with Proxy(server.sockets[0].getsockname()[1], seed=7) as proxy:
            both = Ends(proxy)
            both.arrived = arrived
            yield both
            for peer in both.peers:
                peer.writer.transport.abort()
        server.close()

    async with running() as both:
        yield both


async def test_without_faults_everything_passes_and_ends(ends):
    """Both ways, and the goodbye too."""
    client, server, link = await ends.connect()
    data = bytes(range(256)) * 4_000
    client.send(data)
    server.send(data[::-1])
    assert await server.read(len(data)) == data
    assert await client.read(len(data)) == data[::-1]
    assert (link.up.passed, link.down.passed) == (len(data), len(data))
    client.writer.close()
    assert await server.rest() == (b"", False)


async def test_latency_delays_and_keeps_the_order(ends):
    """Each direction by its own time; jitter reorders nothing."""
    ends.proxy.down.latency_seconds = 0.15
    ends.proxy.down.jitter_seconds = 0.1
    client, server, _ = await ends.connect()
    now = asyncio.get_running_loop().time
    start = now()
    for number in range(20):
        server.send(bytes([number]))
        await asyncio.sleep(0.001)
    assert await client.read(20) == bytes(range(20))
    assert now() - start >= 0.15
    start = now()
    client.send(b"x")
    await server.read(1)
    assert now() - start < 0.15


@pytest.mark.parametrize("offset", [0, 1, 7, 99, 100])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_is_exact(ends, offset, reset):
    """So many bytes arrive, not one more, and then the end, as a goodbye or as a reset."""
    client, server, link = await ends.connect()
    server.send(b"before")
    await client.read(6)
    link.down.faults.cut_after_bytes = link.down.passed + offset
    link.down.faults.cut_by_reset = reset
    server.send(b"y" * 100)
    assert await client.rest() == (b"y" * offset, reset)
    assert link.over
    assert await server.rest() == (b"", reset)


async def test_a_half_open_connection_says_nothing(ends):
    """Bytes vanish, and so does the end of either side."""
    client, server, link = await ends.connect()
    ends.proxy.vanish()
    client.send(b"is anybody there?")
    server.send(b"and you?")
    assert await client.silent(0.1) and await server.silent(0.1)
    assert (link.up.swallowed, link.down.swallowed) == (17, 8)
    client.writer.close()
    assert await server.silent(0.1)
    late, other, _ = await ends.connect()
    late.send(b"hello?")
    assert await other.silent(0.1)


async def test_one_way_passes_one_way(ends):
    """One direction is a black hole, the other is not."""
    client, server, link = await ends.connect()
    link.up.faults.swallow = True
    client.send(b"lost")
    server.send(b"heard")
    assert await client.read(5) == b"heard"
    assert await server.silent(0.1)


async def test_a_held_direction_passes_later(ends):
    """Nothing for a while, then all of it, in order."""
    client, server, link = await ends.connect()
    link.up.faults.hold = True
    client.send(b"one")
    client.writer.close()
    assert await server.silent(0.1)
    link.up.faults.hold = False
    assert await server.rest() == (b"one", False)


async def test_a_narrow_line_is_as_narrow_as_it_says(ends):
    """40 KB at 100 KB/s take 0.4 s."""
    ends.proxy.down.bytes_per_second = 100_000
    client, server, _ = await ends.connect()
    start = asyncio.get_running_loop().time()
    server.send(b"z" * 40_000)
    await client.read(40_000)
    assert asyncio.get_running_loop().time() - start >= 0.36


async def test_slices_arrive_one_by_one(ends):
    """Each byte is a piece of its own."""
    ends.proxy.down.slice_bytes_max = 1
    ends.proxy.down.slice_seconds = 0.005
    client, server, _ = await ends.connect()
    server.send(b"0123456789")
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < 10:
        pieces.append(await asyncio.wait_for(client.reader.read(100), SECONDS_MAX))
    assert b"".join(pieces) == b"0123456789"
    assert len(pieces) >= 8


async def test_who_does_not_read_slows_who_sends(ends):
    """What is between them is bounded, by what two sockets hold: of 32 MB few are on the way."""
    client, server, link = await ends.connect()
    client.writer.transport.pause_reading()
    block = b"b" * 65_536
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 32_000_000:
            server.send(block)
            await asyncio.wait_for(server.writer.drain(), 0.5)
            sent += len(block)
    assert link.down.passed < 8_000_000, "what the sockets on both sides of it hold"
    assert sent < 16_000_000, f"{sent:,} bytes are on the way"


@pytest.mark.slow
async def test_idle_connections_are_closed(ends):
    """After so long without a byte in a direction, and not before."""
    ends.proxy.down.idle_seconds_max = 1
    client, server, link = await ends.connect()
    for _ in range(8):
        server.send(b".")
        await client.read(1)
        await asyncio.sleep(0.15)
    assert not link.over
    assert link.down.longest_silence < 1
    assert await client.rest() == (b"", False)
    assert link.over


async def test_refused_and_let_in_again(ends):
    """On the same port; who is there stays."""
    client, server, _ = await ends.connect()
    ends.proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await ends.connect()
    client.send(b"still here")
    assert await server.read(10) == b"still here"
    await ends.proxy.listen()
    await ends.connect()


async def test_an_answer_of_its_own(ends):
    """The status and page of a proxy, in place of the server's."""
    ends.proxy.answer = http_answer("502 Bad Gateway", "<h1>Bad gateway</h1>")
    async with aiohttp.ClientSession() as http, http.get(f"{ends.proxy.url}/ws/pad") as answer:
        assert (answer.status, await answer.text()) == (502, "<h1>Bad gateway</h1>")
        assert answer.content_type == "text/html"
    assert ends.arrived.empty()
    assert len(ends.proxy.arrivals) == 1
