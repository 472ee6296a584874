"""a TCP proxy between real clients and the real server, with the faults that networks have

    async with Proxy(server.port) as proxy:
        proxy.down.latency_seconds = 0.1        # of connections that come from now on
        client = PadClient(proxy.url, "pad")
        ...
        proxy.links[-1].up.faults.swallow = True  # of one that is there

`up` is towards the server. What is on its way is bounded, so that a slow reader slows the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Faults", "Link", "Pipe", "Proxy", "http_answer"]

# Bytes read at once, and pieces between reading and writing: with the buffers of two sockets, some
# 300 KB in one direction of one connection.
_PIECE_BYTES: Final = 16_384
_PIECES: Final = 4
_BUFFER_BYTES: Final = 65_536
# So often in a second does a narrow line pass something.
_STEPS: Final = 20
# Arrivals that are remembered.
_ARRIVALS: Final = 100_000
# SO_LINGER on, for no time at all: closing sends a reset.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Faults:
    """What happens to the bytes of one direction; nothing, as it is made."""

    latency_seconds: float = 0.0
    # Up to this much more, at random; never out of order.
    jitter_seconds: float = 0.0
    bytes_per_second: float | None = None
    # Written in pieces of 1 to so many bytes, with a pause behind each.
    slice_bytes_max: int | None = None
    slice_seconds: float = 0.0
    # Exactly so many bytes pass, then both sides are closed, or reset.
    cut_after_bytes: int | None = None
    cut_by_reset: bool = False
    # Bytes vanish, and so does a goodbye: the other side is not told of anything.
    swallow: bool = False
    # Nothing passes while it is held; then all of it does.
    hold: bool = False
    # Without a byte for so long, both sides are closed, as proxies do; not for those that are here.
    idle_seconds_max: float | None = None


class Pipe:
    """One direction of a connection."""

    def __init__(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        faults: Faults,
        rng: random.Random,
        end: Callable[[bool], None],
    ) -> None:
        self.faults = faults
        # Bytes that were let through, and that were not.
        self.passed = 0
        self.swallowed = 0
        self._source = source
        self._sink = sink
        self._rng = rng
        self._end = end
        self._loop = asyncio.get_running_loop()
        # When each piece is due, and the piece; b"" is the goodbye.
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)
        self._due = 0.0
        self._passed_at = self._loop.time()
        self._longest = 0.0

    @property
    def longest_silence(self) -> float:
        """The most seconds between two bytes that passed, so far."""
        return max(self._longest, self._loop.time() - self._passed_at)

    async def run(self) -> None:
        """Until the end of the connection."""
        async with asyncio.TaskGroup() as group:
            for work in (self._read(), self._write(), self._watch_idle()):
                group.create_task(work)

    async def _read(self) -> None:
        while True:
            try:
                piece = await self._source.read(_PIECE_BYTES)
            except ConnectionError:
                piece = b""
            delay = self.faults.latency_seconds + self._rng.random() * self.faults.jitter_seconds
            self._due = max(self._due, self._loop.time() + delay)
            await self._pieces.put((self._due, piece))
            if not piece:
                return

    async def _write(self) -> None:
        while True:
            due, piece = await self._pieces.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            while self.faults.hold:
                await asyncio.sleep(0.005)
            if piece:
                await self._pass(piece)
            else:
                if not self.faults.swallow:
                    self._end(False)
                return

    async def _pass(self, data: bytes) -> None:
        while data:
            faults = self.faults
            if faults.swallow:
                self.swallowed += len(data)
                return
            size = min(len(data), self._size())
            if size:
                self._sink.write(data[:size])
                with contextlib.suppress(ConnectionError):
                    await self._sink.drain()
                self._note(size)
                data = data[size:]
            if self.passed == faults.cut_after_bytes:
                self._end(faults.cut_by_reset)
                return
            if faults.bytes_per_second is not None:
                await asyncio.sleep(size / faults.bytes_per_second)
            if faults.slice_bytes_max is not None:
                await asyncio.sleep(faults.slice_seconds)

    def _size(self) -> int:
        """How much may pass at once."""
        faults, size = self.faults, _PIECE_BYTES
        if faults.bytes_per_second is not None:
            size = max(1, int(faults.bytes_per_second / _STEPS))
        if faults.slice_bytes_max is not None:
            size = self._rng.randint(1, faults.slice_bytes_max)
        if faults.cut_after_bytes is not None:
            size = min(size, max(0, faults.cut_after_bytes - self.passed))
        return size

    def _note(self, size: int) -> None:
        now = self._loop.time()
        self._longest = max(self._longest, now - self._passed_at)
        self._passed_at = now
        self.passed += size

    async def _watch_idle(self) -> None:
        most = self.faults.idle_seconds_max
        if most is None:
            return
        while (left := self._passed_at + most - self._loop.time()) > 0:
            await asyncio.sleep(left)
        self._end(False)


class Link:
    """One connection of a client, and one to the server for it."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        proxy: Proxy,
    ) -> None:
        rng = random.Random(proxy.rng.random())
        self.up = Pipe(client[0], server[1], replace(proxy.up), rng, self.end)
        self.down = Pipe(server[0], client[1], replace(proxy.down), rng, self.end)
        self._writers = (client[1], server[1])
        self._over = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether both sides have been closed."""
        return self._over.is_set()

    def vanish(self) -> None:
        """Each side is gone for the other, and nobody is told."""
        self.up.faults.swallow = self.down.faults.swallow = True

    def end(self, reset: bool = False) -> None:
        """Close both sides, or reset them."""
        for writer in self._writers:
            if reset:
                peer: socket.socket = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):  # it has gone by itself
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()
        self._over.set()

    async def run(self) -> None:
        """Until it is over."""
        pipes = [asyncio.create_task(pipe.run()) for pipe in (self.up, self.down)]
        try:
            await self._over.wait()
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)


class Proxy:
    """Listens on a port of its own, for a server on this machine."""

    def __init__(self, port: int, *, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        # Faults of connections that come from now on; each gets a copy.
        self.up = Faults()
        self.down = Faults()
        # Sent to whoever comes, in place of what the server says; see `http_answer`.
        self.answer: bytes | None = None
        # Connections that are there, the newest last, and when any came.
        self.links: list[Link] = []
        self.arrivals: deque[float] = deque(maxlen=_ARRIVALS)
        self._target = port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """As of the server itself."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Proxy:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._port, limit=_BUFFER_BYTES, backlog=4_096
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse connections; those that are there stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def vanish(self) -> None:
        """All that is here is half-open, and who comes finds nobody."""
        self.up.swallow = self.down.swallow = True
        for link in self.links:
            link.vanish()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.arrivals.append(asyncio.get_running_loop().time())
        try:
            if self.answer is not None:
                await _say(self.answer, reader, writer)
            else:
                await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side has gone, or there is no server
        except asyncio.CancelledError:
            # By `__aexit__`: not an error, which asyncio's server would print.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection(
            "127.0.0.1", self._target, limit=_BUFFER_BYTES, local_addr=("127.0.0.1", 0)
        )
        try:
            for one in (writer, server[1]):
                one.transport.set_write_buffer_limits(high=_PIECE_BYTES)
                peer: socket.socket = one.get_extra_info("socket")
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            link = Link((reader, writer), server, self)
            self.links.append(link)
            try:
                await link.run()
            finally:
                self.links.remove(link)
        finally:
            server[1].close()


def http_answer(status: str, body: str) -> bytes:
    """What a proxy in front of a server says of its own, with a page for people."""
    content = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + content


async def _say(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(answer)
    await writer.drain()
