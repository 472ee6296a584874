"""a hundred thousand hostile frames: each is a message or an error with a name, and nothing else"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import tracemalloc
from collections import Counter
from random import Random
from typing import Any

import pytest

from ot.client import Client, Desync
from ot.errors import DeltapadError, ProtocolError
from ot.messages import (
    DeltaMessage,
    Limits,
    OpMessage,
    OpsMessage,
    decode_client,
    decode_server,
)
from ot.operation import apply, compose, inserted_length
from server.connection import Connection
from server.frames import Socket
from tests.faults.decoding import decode_many
from tests.faults.frame_fuzzer import Fuzzer
from tests.faults.hostile_line import Line, Peer, scene
from tests.faults.reference_frames import hear
from tests.test_far_behind import resident_bytes
from tests.test_frames import BINARY, CLOSE, PING, PONG, TEXT, Nowhere, frame
from tests.wire import hello

pytestmark = pytest.mark.slow

DECODED = 150_000
LIVE = 12_000
FRAMED = 6_000
PAD_LENGTH_MAX = 3_000


# --- The decoder ----------------------------------------------------------------------------------


def test_the_decoder(capsys):
    """A message that keeps all rules, or an error of the table; and no memory is kept."""
    decode_many(Fuzzer(1), 3_000)
    start = time.perf_counter()
    seen = decode_many(Fuzzer(2), DECODED)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    decode_many(Fuzzer(3), 5_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    with capsys.disabled():
        print(f"\n{DECODED:,} frames, {DECODED / seconds:,.0f} a second: {dict(seen)}")  # noqa: T201

    assert sum(seen.values()) == DECODED
    codes = {"bad_json", "bad_message", "unknown_message", "bad_operation", "lone_surrogate"}
    kinds = {"Hello", "OpMessage", "PresenceMessage", "SetProperties", "Ping"}
    # Each of them many times: the grammar is neither all wrong nor all right.
    assert all(seen[name] >= 200 for name in codes | kinds), seen
    assert seen["op_too_large"] >= 10
    assert grown < 500_000, f"{grown:,} bytes"


def test_a_decoder_with_a_hole_is_found_out():
    """One that lets a rule go, or lets a foreign exception out, does not come through."""

    def forgetful(data: bytes) -> object:
        try:
            return decode_client(data)
        except DeltapadError:
            message = json.loads(data)
            return OpMessage(base=message["base"], seq=message["seq"], op=message["op"])

    with pytest.raises(AssertionError):
        decode_many(Fuzzer(2), 1_000, forgetful)


# --- A live pad -----------------------------------------------------------------------------------


async def test_a_live_pad(tmp_path, capsys):
    """The same said in conversations on a real file: what is refused changes nothing and ends one
    conversation; what is taken is in the log; who behaves goes on, and has the same text at last.
    """
    fuzzer, refused, taken = Fuzzer(4), Counter[str](), 0
    async with scene(tmp_path / "data", pad_length_max=PAD_LENGTH_MAX) as here:
        witness = Peer(here, "witness")
        await witness.enter()
        line, session = Line(), ""
        talk = None
        start = time.perf_counter()
        document = here.pad.document
        for number in range(LIVE):
            if talk is None:
                line = Line()
                talk = here.talk(line)
                assert await here.offend(line, json.dumps(hello("offender")).encode()) is None
                session = session or next(s for s in here.pad.connections if s != witness.session)
            if number % 400 == 0:
                await witness.edit(["w"] if document.length < PAD_LENGTH_MAX else [-1])
            fuzzer.revision, fuzzer.length = document.committed, document.length
            fuzzer.seq = document.sessions[session].seq + 1
            before = here.state()
            data = fuzzer.frame()
            error = await here.offend(line, data)
            if error is None:
                taken += 1
                # An operation, or a title, may be on its way to the disk.
                connection = here.pad.connections[session]
                assert isinstance(connection, Connection)
                while document.committed < document.log.head or connection._beside is not None:
                    await asyncio.sleep(0)
                await witness.catch_up(document.committed)
            else:
                refused[error[0]] += 1
                await talk
                talk = None
                assert here.state() == before, data[:200]
        seconds = time.perf_counter() - start
        line.hang_up()
        await witness.catch_up(document.committed)
        assert witness.text == document.text()
        revisions = document.committed
        await witness.leave()
    with capsys.disabled():
        print(f"\n{LIVE:,} frames, {LIVE / seconds:,.0f} a second, {revisions} revisions")  # noqa: T201
        print(f"{taken} taken, refused: {dict(refused)}")  # noqa: T201

    assert revisions >= 100 and taken >= 1_500
    codes = {"base_in_future", "base_too_old", "seq_gap", "op_past_end", "hello_repeated"}
    assert all(refused[code] >= 5 for code in codes), refused


# --- Bytes on a socket ----------------------------------------------------------------------------


def hostile_bytes(random: Random) -> bytes:
    """Frames of every kind one after the other, of which some break the rules."""
    sent = b""
    for _ in range(random.randrange(1, 9)):
        opcode = random.choice([TEXT, TEXT, TEXT, 0, 0, BINARY, PING, PONG, CLOSE, 3, 11])
        length = random.choice([0, 0, 1, 2, 3, 20, 124, 125, 126, 127, 300, 301])
        payload = random.randbytes(length)
        if opcode == CLOSE:
            code = random.choice([0, 999, 1000, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999])
            payload = (code.to_bytes(2, "big") + payload[:50])[: random.choice([0, 1, 2, 2, 9])]
        first = random.choice([0x80, 0x80, 0x80, 0x00, 0x00, 0xC0, 0x10])
        made = frame(opcode, payload, first=first, masked=random.random() < 0.97)
        if random.random() < 0.03:
            # A length that is longer than it says, or in the longest form, or past everything.
            size = random.choice([2**63, 2**64 - 1, 2**31, 5, 0])
            made = made[:1] + b"\xff" + size.to_bytes(8, "big") + random.randbytes(12)
        sent += made
    if random.random() < 0.2:
        at = random.randrange(len(sent))
        sent = sent[:at] + random.randbytes(random.randrange(3)) + sent[at + 1 :]
    return sent


def answered(written: bytes) -> tuple[list[bytes], list[int]]:
    """The pongs and the codes of goodbyes among what the server has written; it must be frames."""
    pongs, codes = [], []
    while written:
        length = written[1]
        assert written[0] & 0xF0 == 0x80 and length <= 125, written
        payload, opcode = written[2 : 2 + length], written[0] & 15
        written = written[2 + length :]
        if opcode == PONG:
            pongs.append(payload)
        elif opcode == CLOSE:
            codes.append(int.from_bytes(payload[:2], "big"))
        else:
            assert opcode == PING
    return pongs, codes


async def through_the_socket(sent: bytes, random: Random) -> None:
    """In pieces through `Socket`: it gives what the reference gives."""
    expected = hear(sent, 300)
    line = Nowhere()
    socket = Socket(line, message_max=300, heartbeat_seconds=60)
    at = 0
    while at < len(sent):
        step = random.choice([1, 2, 7, 100, 5_000])
        socket.data_received(sent[at : at + step])
        at += step
    pongs, codes = answered(line.written)
    socket.connection_lost(None)
    messages: list[bytes | None] = []
    while True:
        try:
            message = await socket.receive()
        except ProtocolError:
            messages.append(None)
            continue
        if message is None:
            break
        messages.append(message)
    assert messages == expected.messages, sent.hex()
    assert pongs == expected.pings, sent.hex()
    assert codes == ([] if expected.close is None else [expected.close]), sent.hex()


async def test_any_bytes_on_a_socket():
    """As a second, slow reading of the RFC has it: messages, answers to pings, and the goodbye."""
    random = Random(5)
    codes = Counter[int | None]()
    for _ in range(FRAMED):
        sent = hostile_bytes(random)
        codes[hear(sent, 300).close] += 1
        await through_the_socket(sent, random)
    assert all(codes[code] >= 50 for code in (None, 1000, 1002, 1009)), codes


async def test_a_socket_that_forgets_a_rule_is_found_out(monkeypatch):
    """One that does not look at masks differs from the reference."""
    monkeypatch.setattr("server.frames._MASKED", 0x7F)
    random = Random(5)

    async def many() -> None:
        for _ in range(500):
            await through_the_socket(hostile_bytes(random), random)

    with pytest.raises(AssertionError):
        await many()


async def test_hostile_bytes_over_tcp(serve):
    """Over real connections, before the upgrade and behind it: the server answers others as before,
    and logs nothing.
    """
    random, fuzzer = Random(6), Fuzzer(6)
    upgrade = (
        b"GET /ws/demo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: deltapad.1\r\n\r\n"
    )
    lines, memory = serve.log.count("\n"), resident_bytes(serve.pid)

    async def visit(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", serve.port)
        if number % 10:
            writer.write(upgrade)
            await reader.readuntil(b"\r\n\r\n")
            if number % 3:
                writer.write(frame(TEXT, json.dumps(hello(f"visitor {number}")).encode()))
            for _ in range(8):
                if number % 2:
                    writer.write(frame(TEXT, fuzzer.frame()[:60_000]))
                else:
                    writer.write(hostile_bytes(random))
        else:
            writer.write(upgrade[: random.randrange(len(upgrade))] + random.randbytes(200))
            writer.write(b"\r\n\r\n")
        # The server may have hung up by now.
        with contextlib.suppress(TimeoutError, OSError):
            if number % 7 == 0:
                writer.write_eof()
            async with asyncio.timeout(0.05 if number % 5 else 0.4):
                while await reader.read(65_536):
                    pass
        writer.transport.abort()

    for start in range(0, 600, 50):
        await asyncio.gather(*(visit(number) for number in range(start, start + 50)))
    assert await asyncio.to_thread(healthy, serve.url)
    assert serve.log.count("\n") == lines, serve.log[-3_000:]
    assert resident_bytes(serve.pid) - memory < 50_000_000


def healthy(url: str) -> bool:
    from urllib.request import urlopen

    with urlopen(f"{url}/healthz", timeout=10) as answer:
        return bool(answer.status == 200)


# --- From a server to a client --------------------------------------------------------------------

LIMITS = Limits(frame_bytes=1_048_576, op_components=10_000, op_inserted=65_536, pad_length=1_000)


def from_a_bad_server(random: Random, machine: Client, length: int) -> bytes:
    """What follows, or a gap, an overlap, what was heard already, somebody's acknowledgement."""
    op = random.choice([["s"], [length, "t"] if length else ["t"], [-1] if length else ["u"], []])
    start = max(0, machine.revision + random.choice([0] * 12 + [-1, -2, 1, 5]))
    flight = machine.in_flight
    own: list[Any] = ["me", random.choice([1, machine.last_seq, machine.last_seq + 1]), op]
    if flight is not None and random.random() < 0.9:
        own = ["me", flight.seq, flight.op]
    if random.random() < 0.3:
        end = max(0, start + random.choice([0, 1, 3, -1]))
        return json.dumps({"type": "delta", "from": start, "to": end, "op": op}).encode()
    foreign = ["other", 1, op]
    entries = [own] if flight is not None and start == machine.revision else [foreign]
    if random.random() < 0.2:
        entries = random.choice([[], [foreign, own], [own, foreign], [own]])
    return json.dumps({"type": "ops", "from": start, "ops": entries}).encode()


def test_a_client_of_a_bad_server():
    """Whatever comes: it follows, is passed over, or is a fault that is told; what is pending is
    never lost but by its acknowledgement.
    """
    random, seen = Random(7), Counter[str]()
    for _ in range(1_500):
        machine, text = Client(revision=random.randrange(4)), "start"
        screen = text
        for _ in range(20):
            if random.random() < 0.4:
                machine.edit(["e"])
                screen = apply(screen, ["e"])
            if random.random() < 0.5:
                machine.send(LIMITS)
            data = from_a_bad_server(random, machine, 0 if machine.pending else len(screen))
            message = decode_server(data)
            assert isinstance(message, OpsMessage | DeltaMessage)
            typed = pending(machine)
            sent = machine.resend()
            revision = machine.revision
            try:
                received = machine.receive(message, "me")
            except Desync:
                seen["told"] += 1
                # As sent, to the letter, for whoever keeps a draft of it.
                assert machine.resend() == sent or machine.in_flight is None
                break
            assert machine.revision >= revision
            screen = apply(screen, received.op or [])
            if received.acknowledged is None:
                assert pending(machine) == typed and machine.resend() == sent
                seen["followed" if machine.revision > revision else "passed over"] += 1
            else:
                assert machine.in_flight is None
                seen["acknowledged"] += 1
    assert all(seen[what] >= 300 for what in ("told", "followed", "passed over", "acknowledged")), (
        seen
    )


def pending(machine: Client) -> int:
    """Code points that were typed here and are not acknowledged."""
    flight = machine.in_flight
    return inserted_length(compose(flight.op if flight else [], machine.buffer or []))
