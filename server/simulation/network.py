"""connections as TCP gives them: in order, or late, or cut, or silent; never partly

Each direction of a connection is a link of its own, with its own delays, so that what two tabs send
arrives in any order. TCP drops nothing in the middle: a loss is the end of a connection, or a
silence that only a timeout finds.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ot.messages import Role
from server.simulation.chance import Chance

__all__ = [
    "LOST",
    "OPENED",
    "Connection",
    "Endpoint",
    "Goodbye",
    "Link",
    "Network",
    "ServerWire",
]

# Frames that the buffers between two programs hold before the sender has to wait.
_WINDOW_FRAMES = 8
# Mean time that a slow reader takes for a frame.
_SLOW_SECONDS = 1.0
# What a socket that is lost says.
LOST = 1006
# The answer to the upgrade: from here on there is a WebSocket.
OPENED = b""
_LOG_FRAMES = (b'{"type":"ops"', b'{"type":"delta"')


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The last thing on a link."""

    code: int


class Endpoint(Protocol):
    """The client's side."""

    def opened(self, connection: Connection) -> None:
        """The server has taken the connection."""

    def received(self, connection: Connection, frame: bytes) -> None:
        """A frame has come."""

    def closed(self, connection: Connection, code: int) -> None:
        """It is over."""


class Network:
    """All lines between tabs and the server."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seed: int, delay_ms: tuple[float, float]
    ) -> None:
        self.loop = loop
        self.delay_ms = delay_ms
        self.accept: Callable[[Connection], bool] = lambda connection: False
        # The newest connection of each tab, and how many it has had.
        self.current: dict[int, Connection] = {}
        self._calls: Counter[int] = Counter()
        # Until when a tab cannot reach anybody, and until when the server stands still.
        self.offline_until: dict[int, float] = {}
        self.server_held_until = 0.0
        self._seed = seed
        self._count = 0

    def connect(self, tab: int, pad: str, endpoint: Endpoint, role: Role = "write") -> Connection:
        """Call the server, by the link that allows `role`; `endpoint` is told what comes of it."""
        self._count += 1
        self._calls[tab] += 1
        connection = Connection(self, self._count, self._calls[tab], tab, pad, endpoint)
        connection.role = role
        self.current[tab] = connection
        self.loop.call_later(connection.up.delay(), self._knock, connection)
        return connection

    def _knock(self, connection: Connection) -> None:
        if self.loop.time() < self.server_held_until:
            self.loop.call_at(self.server_held_until, self._knock, connection)
        elif (
            self.loop.time() < self.offline_until.get(connection.tab, 0.0)
            or connection.endpoint is None
            or not self.accept(connection)
        ):
            connection.down.send(Goodbye(LOST))

    def chance(self, *name: int | str) -> Chance:
        """A stream of numbers for one link."""
        return Chance(self._seed, "network", *name)


class Link:
    """One direction of a connection."""

    def __init__(
        self, network: Network, chance: Chance, deliver: Callable[[bytes | Goodbye], None]
    ) -> None:
        self.frames: deque[bytes | Goodbye] = deque()
        # Nothing arrives before this time; a slow reader takes the next frame at that time.
        self.held_until = 0.0
        self.slow_until = 0.0
        self.next_read = 0.0
        # What is sent vanishes.
        self.lost = False
        # The connection dies after so many more frames.
        self.frames_left: int | None = None
        # So many frames of the log come a second time, as the protocol allows.
        self.repeats = 0
        self.cut: Callable[[], None] = lambda: None
        self._network = network
        self._chance = chance
        self._deliver = deliver

    def delay(self) -> float:
        """Seconds that the next frame takes."""
        base, mean = self._network.delay_ms
        return (base + self._chance.exponential(mean)) / 1000

    def send(self, frame: bytes | Goodbye) -> None:
        """Send a frame; it comes after those that were sent before."""
        self.frames.append(frame)
        self._network.loop.call_later(self.delay(), self._arrive)

    def _arrive(self) -> None:
        if self.lost or not self.frames:
            return
        loop = self._network.loop
        now = loop.time()
        held = max(self.held_until, self._network.server_held_until)
        if now < self.slow_until:
            held = max(held, self.next_read)
        if now < held:
            loop.call_at(held, self._arrive)
            return
        if self.frames_left is not None:
            self.frames_left -= 1
            if self.frames_left < 0:
                self.cut()
                return
        self.next_read = now + self._chance.exponential(_SLOW_SECONDS)
        frame = self.frames.popleft()
        self._deliver(frame)
        if self.repeats and isinstance(frame, bytes) and frame.startswith(_LOG_FRAMES):
            self.repeats -= 1
            self._deliver(frame)


class Connection:
    """One WebSocket, both ends of it."""

    def __init__(
        self, network: Network, number: int, call: int, tab: int, pad: str, endpoint: Endpoint
    ) -> None:
        """`number` counts all connections, `call` those of the tab."""
        self.number = number
        self.tab = tab
        self.pad = pad
        self.role: Role = "write"
        # Of the view-only link that it came by; with role "read" and without one, of the newest.
        self.view_key: str | None = None
        # None when the client has given it up.
        self.endpoint: Endpoint | None = endpoint
        # None until the server has taken it.
        self.wire: ServerWire | None = None
        self.up = Link(network, network.chance(tab, call, "up"), self._to_server)
        self.down = Link(network, network.chance(tab, call, "down"), self._to_client)
        self.up.cut = self.down.cut = self.cut

    def send(self, frame: bytes) -> None:
        """The client sends."""
        self.up.send(frame)

    def abandon(self) -> None:
        """The client closes it: what is under way still arrives, then the end."""
        self.endpoint = None
        self.down.frames.clear()
        self.up.send(Goodbye(LOST))

    def cut(self) -> None:
        """It dies: what is under way, either way, is lost, and both ends are told."""
        self.up.frames.clear()
        self.down.frames.clear()
        endpoint, self.endpoint = self.endpoint, None
        if self.wire is not None:
            self.wire.end()
        if endpoint is not None:
            endpoint.closed(self, LOST)

    def _to_server(self, frame: bytes | Goodbye) -> None:
        if self.wire is None:
            return
        if isinstance(frame, Goodbye):
            self.wire.end()
        else:
            self.wire.arrived(frame)

    def _to_client(self, frame: bytes | Goodbye) -> None:
        if self.wire is not None:
            self.wire.taken()
        if self.endpoint is None:
            return
        if isinstance(frame, Goodbye):
            endpoint, self.endpoint = self.endpoint, None
            endpoint.closed(self, frame.code)
        elif frame is OPENED:
            self.endpoint.opened(self)
        else:
            self.endpoint.received(self, frame)


class ServerWire:
    """The server's end, as a conversation wants it (`server.connection.Wire`)."""

    def __init__(
        self,
        connection: Connection,
        *,
        silence_seconds: float,
        on_send: Callable[[Connection, bytes], None],
    ) -> None:
        """A peer that is silent for `silence_seconds` is given up."""
        self.closed = False
        self._connection = connection
        self._on_send = on_send
        self._silence_seconds = silence_seconds
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._frames: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._loop.call_later(silence_seconds, self._watch)
        connection.wire = self

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        """The next frame, or None."""
        if not self._frames and not self.closed:
            self._waiter = self._loop.create_future()
            timer = None
            if seconds_max is not None:
                timer = self._loop.call_later(seconds_max, self._time_out, self._waiter)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        return self._frames.popleft() if self._frames and not self.closed else None

    @property
    def full(self) -> bool:
        """Whether the client is slow."""
        return not self._room.is_set()

    def write(self, *parts: bytes) -> None:
        """Put a frame, which may be in parts, on its way."""
        if self.closed:
            raise ConnectionResetError("the connection is gone")
        frame = b"".join(parts)
        self._on_send(self._connection, frame)
        self._connection.down.send(frame)
        if len(self._connection.down.frames) >= _WINDOW_FRAMES:
            self._room.clear()

    async def drain(self) -> None:
        """Wait for room."""
        await self._room.wait()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        if not self.closed:
            self._connection.down.send(Goodbye(code))
            self._end()

    def end(self) -> None:
        """The line is gone, and the client hears nothing more from here."""
        if not self.closed:
            self._connection.down.send(Goodbye(LOST))
            self._end()

    def arrived(self, frame: bytes) -> None:
        """A frame has come in."""
        self._heard_at = self._loop.time()
        if not self.closed:
            self._frames.append(frame)
            self._wake()

    def taken(self) -> None:
        """The client has read a frame."""
        if len(self._connection.down.frames) < _WINDOW_FRAMES:
            self._room.set()

    def _end(self) -> None:
        self.closed = True
        self._room.set()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @staticmethod
    def _time_out(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(TimeoutError())

    def _watch(self) -> None:
        """As aiohttp's heartbeat: who has not even answered a ping is not there."""
        if self.closed:
            return
        due = self._heard_at + self._silence_seconds
        if self._loop.time() >= due:
            self.end()
        else:
            self._loop.call_at(due, self._watch)
