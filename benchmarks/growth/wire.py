"""a WebSocket of the fewest bytes and steps: thousands fit in a process, and it hides nothing

No library is between the socket and the clock, and every byte that comes is counted.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, cast

from msgspec import Struct

from benchmarks.server.processes import Failure
from ot.messages import SUBPROTOCOL, Hello, Welcome, decode_server, encode

__all__ = ["Frames", "Line", "Opened", "hello", "masked", "open_pad", "upgrade"]

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
# Seconds for a text to come.
_PATIENCE: Final = 60.0
_RECEIVED_MAX: Final = 2**20


def upgrade(pad: str) -> bytes:
    """The request that makes a connection a WebSocket."""
    return (
        f"GET /ws/{pad} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()


def hello(name: str, *, epoch: str | None = None, revision: int | None = None) -> bytes:
    """The first frame of who is called so; the session follows from the name."""
    hashed = blake2b(name.encode(), digest_size=18).digest()
    key = urlsafe_b64encode(hashed).decode()
    message = Hello(session=key, person=key, name=name, epoch=epoch, revision=revision)
    return masked(encode(message))


def masked(payload: bytes, kind: int = _TEXT) -> bytes:
    """A frame from a client. Its mask is all zeros, which leaves the payload as it is."""
    length = len(payload)
    if length < 126:
        head = struct.pack(">BB", 0x80 | kind, 0x80 | length)
    elif length < 2**16:
        head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 0x80 | 127, length)
    return head + b"\0\0\0\0" + payload


class Frames:
    """Bytes from a server, taken apart: the answer to the upgrade, then frame by frame."""

    __slots__ = ("_buffer", "upgraded")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.upgraded = False

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """More has come: the frames that are whole now, kind and payload. Raises Failure."""
        self._buffer += data
        if not self.upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return []
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise Failure(bytes(self._buffer).partition(b"\r\n")[0].decode())
            del self._buffer[: end + 4]
            self.upgraded = True
        frames = []
        while (frame := self._frame()) is not None:
            frames.append(frame)
        return frames

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        end = start + length
        if len(buffer) < end:
            return None
        kind = buffer[0] & 0x0F
        with memoryview(buffer) as view:
            payload = bytes(view[start:end])
        del buffer[:end]
        return kind, payload


class Line(asyncio.Protocol):
    """One connection of many: says hello, hands on each frame, answers the server's pings."""

    __slots__ = ("_first", "_frames", "_on_frame", "_transport", "_upgrade", "lost")

    def __init__(self, pad: str, first: bytes, on_frame: Callable[[bytes], None]) -> None:
        """`first` is the frame to say hello with."""
        self._upgrade = upgrade(pad)
        self._first = first
        self._on_frame = on_frame
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What uvloop gives is one, without saying so.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._upgrade)

    def data_received(self, data: bytes) -> None:
        waiting = not self._frames.upgraded
        frames = self._frames.feed(data)
        if waiting and self._frames.upgraded:
            self.send(self._first)
        for kind, payload in frames:
            if kind == _TEXT:
                self._on_frame(payload)
            elif kind == _PING:
                self.send(masked(payload, _PONG))
            elif kind == _CLOSE:
                self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

    def send(self, frame: bytes) -> None:
        """A frame, masked already."""
        assert self._transport is not None
        self._transport.write(frame)

    def close(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.close()


class Opened(Struct, frozen=True):
    """The frame that was waited for, after how long, and how many bytes had come by then, with all
    that is around frames.
    """

    milliseconds: float
    bytes_down: int
    frame: bytes

    def welcome(self) -> Welcome:
        """What came, which was that."""
        message = decode_server(self.frame)
        assert isinstance(message, Welcome)
        return message


def open_pad(
    port: int,
    pad: str,
    *,
    awaited: str = "welcome",
    epoch: str | None = None,
    revision: int | None = None,
) -> Opened:
    """Connect, and wait for a frame of the type `awaited` (empty: for any). Who says `epoch` and
    `revision` has a copy. Raises Failure.
    """
    frames = Frames()
    came = 0
    said = False
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        began = time.monotonic()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(upgrade(pad))
        while True:
            data = connection.recv(_RECEIVED_MAX)
            if not data:
                raise Failure("the server has closed the connection")
            came += len(data)
            for kind, payload in frames.feed(data):
                if kind == _TEXT and (not awaited or _is(payload, awaited)):
                    took = time.monotonic() - began
                    return Opened(took * 1_000, came, payload)
            if frames.upgraded and not said:
                connection.sendall(hello("Newcomer", epoch=epoch, revision=revision))
                said = True


def _is(payload: bytes, kind: str) -> bool:
    return payload.startswith(b'{"type":"%s"' % kind.encode())
