"""frames of a WebSocket: whole and in parts, what may not be, heartbeat, goodbye"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot.errors import ProtocolError
from server import frames
from server.frames import Socket

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x11\xf2\x00\x9a"


def frame(opcode: int, payload: bytes = b"", *, first: int = 0x80, masked: bool = True) -> bytes:
    """A frame as a client sends it; `first` is what its first byte has beside the opcode."""
    bit = 0x80 if masked else 0
    length = len(payload)
    if length < 126:
        head = bytes([first | opcode, bit | length])
    elif length < 65_536:
        head = bytes([first | opcode, bit | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([first | opcode, bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


class Line:
    """Both ends of a connection: the server's socket, and the client's streams."""

    def __init__(self, socket: Socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.socket = socket
        self.reader = reader
        self.writer = writer

    async def heard(self) -> tuple[int, bytes]:
        """The next frame that the client gets: opcode and payload."""
        first, length = await self.reader.readexactly(2)
        assert first & 0xF0 == 0x80 and not length & 0x80, "whole, and not masked"
        if length >= 126:
            more = await self.reader.readexactly(2 if length == 126 else 8)
            length = int.from_bytes(more, "big")
        return first & 0x0F, await self.reader.readexactly(length)

    async def goodbye(self) -> int:
        """The code of the close frame that comes next."""
        opcode, payload = await self.heard()
        assert opcode == CLOSE
        return int.from_bytes(payload[:2], "big")


@asynccontextmanager
async def connected(*, message_max: int = 1_000, heartbeat: float = 60.0) -> AsyncIterator[Line]:
    """A connection over loopback, upgraded already."""
    sockets: asyncio.Queue[Socket] = asyncio.Queue()

    class Upgrade(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            sockets.put_nowait(
                Socket(transport, message_max=message_max, heartbeat_seconds=heartbeat)
            )

    server = await asyncio.get_running_loop().create_server(Upgrade, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    line = Line(await sockets.get(), reader, writer)
    try:
        yield line
    finally:
        writer.close()
        server.close()
        async with asyncio.timeout(5):
            await line.socket.close(1000, "")
        await server.wait_closed()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
async def test_every_length(length):
    """Messages of every form of length come through, both ways."""
    message = bytes(at * 7 % 251 for at in range(length))
    async with connected(message_max=100_000) as line:
        line.writer.write(frame(TEXT, message))
        assert await line.socket.receive() == message
        line.socket.write(message)
        assert await line.heard() == (TEXT, message)


class Nowhere(asyncio.Transport):
    """A transport that takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def write_eof(self) -> None:
        pass


@given(data=st.data(), messages=st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_however_it_is_cut(data, messages):
    """Messages in any number of frames, with pings between them, in pieces cut anywhere, are the
    same messages.
    """
    sent = b""
    for message in messages:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=3)))
        parts = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
        for at, part in enumerate(parts):
            first = 0x80 if at == len(parts) - 1 else 0
            sent += frame(PING, b"?") + frame(0 if at else TEXT, part, first=first)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))

    async def received() -> list[bytes | None]:
        line = Nowhere()
        socket = Socket(line, message_max=300, heartbeat_seconds=60)
        for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            socket.data_received(sent[a:b])
        socket.connection_lost(None)
        assert line.written.count(b"\x8a\x01?") == sent.count(b"\x89\x81")
        return [await socket.receive() for _ in range(len(messages) + 1)]

    assert asyncio.run(received()) == [*messages, None]


VIOLATIONS: dict[str, tuple[bytes, int]] = {
    "not masked": (frame(TEXT, b"x", masked=False), 1002),
    "an extension's bit": (frame(TEXT, b"x", first=0xC0), 1002),
    "an unknown opcode": (frame(3, b"x"), 1002),
    "an unknown control frame": (frame(11, b"x"), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"x", first=0) + frame(TEXT, b"y"), 1002),
    "a ping in parts": (frame(PING, b"x", first=0), 1002),
    "a ping that is too long": (frame(PING, b"x" * 126), 1002),
    "a message that is too long": (frame(TEXT, b"x" * 1_001), 1009),
    "one that only says so": (b"\x81\xff" + b"\xff" * 8 + MASK, 1009),
    "one that is too long in parts": (
        frame(TEXT, b"x" * 600, first=0) + frame(0, b"x" * 401),
        1009,
    ),
}


@pytest.mark.parametrize("case", VIOLATIONS)
async def test_violation(case):
    """Who breaks the rules hears which, whatever else is on its way; what came before counts."""
    sent, code = VIOLATIONS[case]
    async with connected() as line:
        line.writer.write(frame(TEXT, b"before") + sent + b"x" * 500_000)
        assert await line.socket.receive() == b"before"
        assert await line.socket.receive() is None
        assert await line.goodbye() == code
        assert await line.reader.read() == b""
        with pytest.raises(ConnectionError):
            line.socket.write(b"too late")


async def test_who_stays_after_a_violation_is_cut_off(monkeypatch):
    """It has a while to hear of it, and no more."""
    monkeypatch.setattr(frames, "_GOODBYE_SECONDS", 0.1)
    async with connected() as line:
        line.writer.write(frame(3))
        assert await line.goodbye() == 1002
        await line.socket.close(1000, "")
        assert line.socket.closed


async def test_binary():
    """A binary message is an error of the client's; the connection goes on."""
    async with connected() as line:
        line.writer.write(frame(BINARY, b"x") + frame(TEXT, b"y"))
        with pytest.raises(ProtocolError, match="binary"):
            await line.socket.receive()
        assert await line.socket.receive() == b"y"


async def test_nothing_within_the_time():
    """Waiting for a message has an end, after which one can wait again."""
    async with connected() as line:
        with pytest.raises(TimeoutError):
            await line.socket.receive(0.01)
        line.writer.write(frame(TEXT, b"x"))
        assert await line.socket.receive(5) == b"x"


async def test_ping():
    """A ping is answered with what it carries; a pong is not answered."""
    async with connected() as line:
        line.writer.write(frame(PONG, b"1") + frame(PING, b"2"))
        assert await line.heard() == (PONG, b"2")


@pytest.mark.parametrize(
    ("payload", "code"), [(b"", 1000), (b"\x0f\xa0bye", 4000), (b"\x00\x07", 1002), (b"\x03", 1002)]
)
async def test_goodbye_of_the_peer(payload, code):
    """It is answered; what came before is received, what comes behind is not."""
    async with connected() as line:
        line.writer.write(frame(TEXT, b"last") + frame(CLOSE, payload) + frame(TEXT, b"void"))
        assert await line.goodbye() == code
        assert await line.reader.read() == b""
        assert await line.socket.receive() == b"last"
        assert await line.socket.receive() is None


async def test_goodbye_of_ours():
    """What comes behind it is void, and the end is waited for; whoever waits hears of it."""
    async with connected() as line:
        waiting = asyncio.create_task(line.socket.receive())
        await asyncio.sleep(0)
        closing = asyncio.create_task(line.socket.close(4001, "replaced"))
        assert await line.heard() == (CLOSE, b"\x0f\xa1replaced")
        assert await waiting is None
        line.writer.write(frame(TEXT, b"void"))
        await asyncio.sleep(0.05)
        assert not closing.done()
        line.writer.write(frame(CLOSE, b"\x0f\xa1"))
        await closing
        assert await line.socket.receive() is None


async def test_goodbye_without_an_answer(monkeypatch):
    """Who does not answer is cut off."""
    monkeypatch.setattr(frames, "_GOODBYE_SECONDS", 0.1)
    async with connected() as line:
        await line.socket.close(1000, "")
        assert await line.goodbye() == 1000
        assert await line.reader.read() == b""


async def test_goodbye_while_messages_wait():
    """Though nobody asks for them, and reading had stopped, the peer's answer is seen."""
    async with connected() as line:
        line.writer.write(frame(TEXT, b"x" * 900) * 1_000 + frame(CLOSE))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await line.socket.close(1000, "")


async def test_silence():
    """A silent peer is asked whether it is there, and then cut off; an answer keeps it."""
    async with connected(heartbeat=0.2) as line:
        for _ in range(3):
            assert await line.heard() == (PING, b"")
            line.writer.write(frame(PONG))
        assert await line.heard() == (PING, b"")
        assert await line.socket.receive() is None
        assert line.socket.closed


async def test_messages_wait_in_order():
    """What nobody asks for is not read without end, and none of it is lost."""
    count = 5_000
    async with connected() as line:
        for number in range(count):
            line.writer.write(frame(TEXT, b"%900d" % number))
        await asyncio.sleep(0.05)
        unread = line.socket._unread
        assert unread is not None
        # Reading stops behind the piece, of at most 256 KiB, that is too much.
        waiting = sum(len(message) for message in unread if isinstance(message, bytes))
        assert waiting < frames._UNREAD_BYTES_MAX + 2**18 < count * 900
        for number in range(count):
            message = await line.socket.receive()
            assert message is not None and int(message) == number


@pytest.mark.parametrize("then", ["reads", "goes"])
async def test_slow_reader(then: str):
    """Sending waits while the client does not read, until it does or has gone."""

    async def flood(socket: Socket) -> None:
        for _ in range(1_000):
            socket.write(b"x" * 100_000)
            await socket.drain()

    async with connected() as line:
        line.reader._transport.pause_reading()  # type: ignore[attr-defined]
        sending = asyncio.create_task(flood(line.socket))
        await asyncio.sleep(0.2)
        assert not sending.done()
        # Pings are not answered meanwhile: the answers would only pile up.
        line.writer.write(frame(PING, b"?") * 100)
        if then == "goes":
            line.writer.transport.abort()
            with pytest.raises(ConnectionError):
                await sending
            return
        line.reader._transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(1_000):
            assert (await line.heard())[0] == TEXT
        await sending
