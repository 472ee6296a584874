"""clients that are far behind: one delta brings them up to date, and they cost nobody anything"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohappyeyeballs import AddrInfoType

from ot.client import Client
from ot.log import Entry
from ot.messages import SUBPROTOCOL, DeltaMessage, Limits, OpsMessage, decode_server, encode
from ot.operation import Component, Operation, apply, transform
from ot.runs import compose_all
from server.sqlite import SQLiteStore
from server.storage import Append
from tests.conftest import ServerProcess
from tests.editing_traces import own_trace, patch_operation
from tests.wire import Wire, connect, create_pad, stored

pytestmark = pytest.mark.slow

REVISIONS = 50_000
# Keystrokes of the trace that are in the text when the client leaves.
SEEN = 5_000
LATE = "<typed by somebody late>"


@dataclass(frozen=True, slots=True)
class Past:
    """A log that is in a store: the text after its first entry, its entries, the text after all."""

    start: str
    entries: list[Entry]
    end: str


async def write_past(folder: Path) -> Past:
    """A pad `past`: its first revision is a text, which 50,000 keystrokes then change."""
    trace = own_trace(seed=5, edits=SEEN + REVISIONS)
    keystrokes = [patch_operation(patches[0]) for patches in trace.transactions]
    assert trace.end is not None
    start = apply("", compose_all(keystrokes[:SEEN]))
    entries = [Entry([start], "author-0", "person", 1, 0, b"")]
    entries += [
        Entry(op, f"author-{1 + index % 3}", "person", 1 + index // 3, index, b"")
        for index, op in enumerate(keystrokes[SEEN:])
    ]
    store = SQLiteStore(folder)
    assert await store.create("past", title="Past", epoch="epoch", view_key="view", time_ms=0)
    record = await store.find("past")
    assert record is not None
    await store.append([Append(record.key, 0, entries)])
    await store.save_snapshot(record.key, revision=len(entries), text=trace.end)
    await store.close()
    return Past(start, entries, trace.end)


async def longest_wait(wire: Wire, stop: asyncio.Event) -> float:
    """Ask for pongs without a pause; the longest that one took, in seconds."""
    longest = 0.0
    while not stop.is_set():
        start = time.perf_counter()
        await wire.send({"type": "ping", "n": 0})
        await wire.receive("pong")
        longest = max(longest, time.perf_counter() - start)
        await asyncio.sleep(0.001)
    return longest


def count_transforms(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes, in components, of what the client transforms its operation against from now on."""
    sizes: list[int] = []
    real = transform

    def counting(log_op: Operation, op: Operation) -> tuple[list[Component], list[Component]]:
        if log_op:
            sizes.append(len(log_op))
        return real(log_op, op)

    monkeypatch.setattr("ot.client.transform", counting)
    return sizes


@pytest.mark.parametrize("where", ["on the disk", "in memory"])
async def test_fifty_thousand_revisions_behind(tmp_path, monkeypatch, capsys, where):
    """A copy of revision 1 with an operation in flight: one delta, one transform, one entry."""
    past = await write_past(tmp_path / "data")
    keep = ("--log-entries-max", "100000", "--snapshot-revisions", "100000")
    server = ServerProcess(tmp_path / "data", args=keep if where == "in memory" else ())
    server.start()
    machine = Client(revision=1)
    late: list[Component] = [len(past.start) // 2, LATE]
    machine.edit(late)
    screen = apply(past.start, late)
    transforms = count_transforms(monkeypatch)
    deltas, own, frames = [], [], 0
    try:
        async with connect(server.url, "past", "other") as other, connect(server.url, "past") as me:
            stop = asyncio.Event()
            waiting = asyncio.create_task(longest_wait(other, stop))
            start = time.perf_counter()
            welcome = await me.enter("me", epoch="epoch", revision=1)
            limits = msgspec.convert(welcome["limits"], Limits)
            message = machine.send(limits)
            assert message is not None
            await me.socket.send_str(encode(message).decode())
            while machine.pending:
                data = await me.socket.receive_str(timeout=30)
                frame = decode_server(data)
                if isinstance(frame, OpsMessage | DeltaMessage):
                    frames += 1
                    if isinstance(frame, DeltaMessage):
                        deltas.append((frame.start, frame.end, len(data.encode())))
                    else:
                        own += [seq for session, seq, _ in frame.ops if session == me.session]
                    screen = apply(screen, machine.receive(frame, me.session).op or [])
            seconds = time.perf_counter() - start
            stop.set()
            gap = await waiting
            async with connect(server.url, "past") as fresh:
                text = (await fresh.enter("fresh"))["text"]
    finally:
        server.close()

    head = REVISIONS + 1
    assert [delta[:2] for delta in deltas] == [(1, head)]
    assert (frames, own, machine.revision) == (2, [1], head + 1)
    assert len(transforms) == 1
    assert screen == text
    assert text.replace(LATE, "") == past.end and LATE in text
    assert len(stored(server.data, "past")) == head + 1
    single = sum(
        len(encode(OpsMessage(start=revision, ops=[(entry.session, entry.seq, entry.op)])))
        for revision, entry in enumerate(past.entries[1:], 1)
    )
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{REVISIONS} revisions behind, entries {where}: {seconds * 1000:.0f} ms from hello"
            f" to acknowledgement; delta {deltas[0][2]:,} bytes of"
            f" {transforms[0]:,} components, as single frames {single:,} bytes;"
            f" longest wait of another client {gap * 1000:.0f} ms"
        )


async def test_pending_operation_is_never_in_a_delta(tmp_path):
    """Acknowledged while away: the delta stops before the own entry and goes on after it."""
    past = await write_past(tmp_path / "data")
    server = ServerProcess(tmp_path / "data")
    server.start()
    head = len(past.entries)
    try:
        async with connect(server.url, "past", "me") as me:
            assert await me.edit(head, 1, ["mine "]) == head + 1
        async with connect(server.url, "past", "other") as other:
            for seq in range(1, 301):
                await other.edit(head + seq, seq, ["o"])
        async with connect(server.url, "past") as me:
            await me.enter("me", epoch="epoch", revision=1)
            await me.op(head, 1, ["mine "])  # it has not heard that it is in the log
            frames = [await me.receive("ops", "delta") for _ in range(3)]
    finally:
        server.close()

    assert [frame["type"] for frame in frames] == ["delta", "ops", "delta"]
    assert (frames[0]["from"], frames[0]["to"]) == (1, head)
    assert frames[1] == {"type": "ops", "from": head, "ops": [[me.session, 1, ["mine "]]]}
    assert (frames[2]["from"], frames[2]["to"]) == (head + 1, head + 301)
    assert frames[2]["op"] == ["o" * 300]


def small_socket(address: AddrInfoType) -> socket.socket:
    """A socket that takes little before its peer has to wait."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    return made


def resident_bytes(pid: int) -> int:
    """How much memory a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4_096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
async def test_who_does_not_read_has_no_queue(start_server):
    """Ten readers that stand still cost the server next to nothing; then one delta does."""
    server = start_server(
        *("--ops-per-frame-max", "16", "--snapshot-revisions", "20", "--log-entries-max", "20")
    )
    await create_pad(server.url, "slow")
    readers, edits, size = 10, 400, 60_000
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(socket_factory=small_socket)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        wires = []
        for number in range(readers):
            address = f"{server.url}/ws/slow"
            ws = await stack.enter_async_context(
                http.ws_connect(address, protocols=[SUBPROTOCOL], max_msg_size=0)
            )
            wires.append(Wire(ws))
            await wires[-1].enter(f"reader {number}")
        async with connect(server.url, "slow", "writer") as writer:
            before = await writer.edit(0, 1, ["x" * size])
            memory = resident_bytes(server.pid)
            for seq in range(2, edits + 1):
                letter = random.Random(seq).choice("abc")
                await writer.edit(seq - 1, seq, [-size, letter * size])
            grown = resident_bytes(server.pid) - memory
        deltas = []
        for wire in wires:
            text = ""
            while wire.revision < edits:
                frame = await wire.receive("ops", "delta")
                wire.revision = frame.get("to", wire.revision + len(frame.get("ops", [])))
                for op in [frame["op"]] if "op" in frame else [op for *_, op in frame["ops"]]:
                    text = apply(text, op)
                if "op" in frame:
                    deltas.append((frame["from"] > before, frame["to"]))
            assert text == letter * size

    assert deltas == [(True, edits)] * readers
    # Queues would hold readers x edits x size, 240 MB, less what the system's buffers take.
    assert grown < 60_000_000, f"{grown:,} bytes"
