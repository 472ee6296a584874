"""the limits of the server at their edges: so much passes, one more does not, and by which name"""

from __future__ import annotations

import asyncio
import io
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ot.document import Document
from ot.errors import OperationError
from ot.log import EFFORT_MAX, Entry, RevisionLog, effort
from ot.messages import (
    HELLO_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    check_operation,
)
from ot.operation import Component
from server import data, frames
from server.app import create_app
from server.doorstep import HEADER_BYTES_MAX
from server.hub import Hub
from server.presence import NAME_MAX, TITLE_MAX, clean_name
from server.settings import Settings
from server.sqlite import SQLiteStore
from tests.test_forms import read
from tests.test_frames import PING, PONG, TEXT, Nowhere, connected, frame
from tests.test_hub import submission
from tests.wire import Wire, connect, create_pad, hello, view_link

pytestmark = pytest.mark.slow  # together some ten seconds, which `make test-fast` does not have


BOMB: list[Component] = [1, "a"] * 5_000
REMOVAL: list[Component] = [1, -1] * 5_000


# --- One connection -------------------------------------------------------------------------------


async def test_frames_that_carry_nothing():
    """Pings, pongs and parts of messages: so many between two beats, and no more: 1008. A beat
    later they may come again.
    """
    for sent in (frame(PING), frame(PONG), frame(0, b"", first=0), frame(0, b"x", first=0)):
        line = Nowhere()
        socket = frames.Socket(line, message_max=10**6, heartbeat_seconds=60)
        socket.data_received(frame(TEXT, b"", first=0))
        for _ in range(2):
            socket._idle_frames = 0
            socket.data_received(sent * frames._IDLE_FRAMES_MAX)
            assert not socket.closed
        socket.data_received(sent)
        assert socket.closed and line.written.endswith(b"\x88\x02" + (1008).to_bytes(2, "big"))
        socket.connection_lost(None)


async def test_the_first_frame_is_short(serve):
    """16,384 bytes are heard, one more is not: 1009. Behind the hello a frame may be long."""
    await create_pad(serve.url, "pad")
    for length, welcomed in ((HELLO_BYTES_MAX, True), (HELLO_BYTES_MAX + 1, False)):
        async with connect(serve.url, "pad") as wire:
            text = aiohttp.payload.JsonPayload(hello("ada"))
            await wire.socket.send_str(text.decode().ljust(length))
            if welcomed:
                await wire.receive("welcome")
                await wire.socket.send_str('{"type":"ping","n":1}'.ljust(HELLO_BYTES_MAX + 1))
                assert (await wire.receive("pong"))["n"] == 1
            else:
                assert await wire.end() == (None, 1009)


async def test_a_reader_that_stands_still_is_cut_off():
    """It answers every ping, but reads nothing of what waits for it: some beats, then the end. One
    that reads, however slowly, stays.
    """
    async with connected(heartbeat=0.4) as still, connected(heartbeat=0.4) as slow:
        still.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for line in (still, slow):
            line.socket.write(b"x" * 100_000_000)
        async with asyncio.timeout(20):
            while not still.socket._lost:
                await slow.reader.read(100_000)
                for line in (still, slow):
                    line.writer.write(frame(PONG))
                await asyncio.sleep(0.005)
        assert not slow.socket._lost and slow.socket.full


async def test_who_is_fast_is_not_sent_away(start_server):
    """Beyond the burst, messages are read as the rate allows, in order, and none is lost; another
    connection does not wait.
    """
    server = start_server("--messages-per-second", "100", "--messages-burst", "20")
    await create_pad(server.url, "pad")
    async with connect(server.url, "pad", "fast") as fast, connect(server.url, "pad", "ada") as ada:
        start = time.monotonic()
        for number in range(80):
            await fast.send({"type": "ping", "n": number})
        await ada.edit(0, 1, ["x"])
        waited = time.monotonic() - start
        heard = [(await fast.receive("pong"))["n"] for _ in range(80)]
        seconds = time.monotonic() - start
    assert heard == list(range(80))
    assert seconds >= 0.55, "60 more than the burst, at 100 a second"
    assert waited < seconds


async def test_a_change_of_properties_counts_for_twenty(start_server):
    """Each is a transaction, and a frame for everybody."""
    server = start_server("--messages-per-second", "100", "--messages-burst", "20")
    await create_pad(server.url, "pad")
    async with connect(server.url, "pad", "ada") as ada:
        start = time.monotonic()
        for number in range(4):
            await ada.send({"type": "properties", "title": f"Title {number}"})
        while (await ada.receive("properties"))["title"] != "Title 3":
            pass
        assert time.monotonic() - start >= 0.35


def test_the_largest_operations():
    """10,000 components, and 65,536 inserted code points; not one more of either."""
    fits: list[list[Component]] = [
        [1, "a"] * (OP_COMPONENTS_MAX // 2),
        ["😀" * OP_INSERTED_MAX],
        ["x" * (OP_INSERTED_MAX - 1), 1, "y"],
    ]
    for op in fits:
        check_operation(op, seq=1)
    too_large: list[list[Component]] = [
        [*fits[0], -1],
        ["😀" * (OP_INSERTED_MAX + 1)],
        [*fits[2], -1, "z"],
    ]
    for op in too_large:
        with pytest.raises(OperationError) as refused:
            check_operation(op, seq=1)
        assert refused.value.code == "op_too_large"


async def test_connections_in_all(start_server):
    """Two are in, in whatever pads; a third is told to come again, and can when one has gone."""
    server = start_server("--connections-max", "2")
    for name in ("one", "two"):
        await create_pad(server.url, name)
    async with connect(server.url, "one", "ada") as ada:
        async with connect(server.url, "two", "ben"), connect(server.url, "two") as late:
            await late.send(hello("late"))
            error, close_code = await late.end()
            assert error is not None
            assert (error["code"], error["action"], close_code) == ("busy", "reconnect", 1013)
        async with connect(server.url, "two") as again:
            await again.enter("late")
        assert await ada.edit(0, 1, ["still here"]) == 1


async def test_readers_leave_room_for_who_writes(start_server):
    """Of 20 places 18 are for whoever comes; a 19th reader is told to come again, who writes is
    let in until all 20 are taken. A reader who comes again keeps the place that they have.
    """
    server = start_server("--pad-connections-max", "20")
    await create_pad(server.url, "pad")
    link = view_link(server.data, "pad")

    async def is_refused(pad: str, who: str) -> bool:
        async with connect(server.url, pad) as late:
            await late.send(hello(who))
            error, close_code = await late.end()
            return error is not None and (error["code"], close_code) == ("busy", 1013)

    async with AsyncExitStack() as stack:

        async def enter(pad: str, who: str) -> Wire:
            return await stack.enter_async_context(connect(server.url, pad, who))

        for number in range(18):
            await enter(link, f"reader {number}")
        assert await is_refused(link, "one more")
        ada = await enter("pad", "ada")
        await enter(link, "reader 3")
        assert await is_refused(link, "one more")
        await enter("pad", "ben")
        await enter(link, "reader 4")
        assert await is_refused("pad", "chidi")
        assert await ada.edit(0, 1, ["x"]) == 1


# --- Requests -------------------------------------------------------------------------------------


async def said(port: int, request: bytes) -> bytes:
    """What a connection gets for these bytes, until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(15):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_a_header_that_does_not_end(start_server):
    """Is waited for so long, then the connection is closed; also one on which nothing is said."""
    server = start_server("--header-seconds", "0.3")
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"G"):
        assert await said(server.port, begun) == b""
    whole = await said(
        server.port, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    assert whole.startswith(b"HTTP/1.1 200")


async def test_a_header_in_pieces(serve):
    """However it is cut, it is a request."""
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for size in (1, 3, len(request) - 1):
        reader, writer = await asyncio.open_connection("127.0.0.1", serve.port)
        for at in range(0, len(request), size):
            writer.write(request[at : at + size])
            await asyncio.sleep(0.001)
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_the_length_of_a_header(serve):
    """32 KiB are read on, one more is refused with 431, also where its end comes with it."""
    end = b"\r\n\r\n"
    for length, status, pieces in (
        (HEADER_BYTES_MAX, b"200", [b"", end]),
        (HEADER_BYTES_MAX, b"200", [end]),
        (HEADER_BYTES_MAX + 1, b"431", [b""]),
        (HEADER_BYTES_MAX + 1, b"431", [end]),
    ):
        begun = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        number = 0
        while len(begun) < length - 5_000:
            number += 1
            begun += b"X-%d: %s\r\n" % (number, b"x" * 4_000)
        begun += b"X-Last: "
        reader, writer = await asyncio.open_connection("127.0.0.1", serve.port)
        writer.write(begun.ljust(length, b"x") + pieces[0])
        for piece in pieces[1:]:
            await asyncio.sleep(0.1)
            writer.write(piece)
        assert (await reader.read()).split()[1] == status
        writer.close()


async def test_a_body_that_does_not_end(start_server):
    """Is waited for so long, then 408."""
    server = start_server("--body-seconds", "0.3")
    head = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head + b"Content-Length: 1000\r\n\r\nname=a")
    async with asyncio.timeout(15):
        assert (await reader.readuntil(b"\r\n")).split()[1] == b"408"
    writer.transport.abort()


async def test_an_unused_connection(start_server):
    """Is kept for the next request so long, and then closed."""
    server = start_server("--keep-alive-seconds", "0.3")
    answer = await said(server.port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), "and the end of the connection behind it"


async def test_the_longest_form(tmp_path):
    """As long as a text may be, and names and keys beside it; one byte more is refused with 413."""
    async with await application(tmp_path, pad_length_max=100) as client:
        whole = 65_536 + 4 * 100
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for length, status in ((whole, 303), (whole + 1, 413)):
            body = io.BytesIO(b"name=a&x=".ljust(length, b"x"))
            answer = await client.post("/p", data=body, headers=headers, allow_redirects=False)
            assert answer.status == status


# --- Pads -----------------------------------------------------------------------------------------


async def application(folder: Path, **settings: Any) -> TestClient[web.Request, web.Application]:
    app = create_app(Settings(data=folder / "data", demo=False, **settings))
    return TestClient(TestServer(app), raise_for_status=False)


async def test_the_number_of_pads(tmp_path):
    """Two are made, a third is not: 507; those that are there are found, also by the form."""
    async with await application(tmp_path, pads_max=2) as client:
        for name, status in (("one", 303), ("two", 303), ("three", 507), ("one", 303)):
            answer = await client.post("/p", data={"id": name}, allow_redirects=False)
            assert answer.status == status
        assert (await client.post("/p", data={"name": "x"}, allow_redirects=False)).status == 507
        assert (await client.get("/p/two")).status == 200
        assert (await client.get("/p/three")).status == 404


def test_the_number_of_revisions():
    """So many, then `pad_full`; what is there already is still recognised."""
    document = Document(length_max=100, revisions_max=2)
    first = submission(1, 0, ["a"])
    document.submit(first)
    document.hand_over()
    document.commit(1)
    second = submission(2, 1, ["b"])
    document.submit(second)
    document.hand_over()
    document.commit(2)
    with pytest.raises(OperationError) as refused:
        document.submit(submission(3, 2, ["c"]))
    assert (refused.value.code, refused.value.seq, document.log.head) == ("pad_full", 3, 2)
    assert document.submit(second) is None


async def test_the_number_of_named_versions(tmp_path, monkeypatch):
    """So many have names; a further one is refused, another name for one of them is not."""
    monkeypatch.setattr(data, "VERSIONS_MAX", 2)
    async with await application(tmp_path) as client:
        await client.post("/p", data={"id": "pad", "text": "a"})
        for base in (1, 2):
            match = {"If-Match": f'"r{base}"'}
            await client.put("/p/pad/text", data="a" * (base + 1), headers=match)
        statuses = []
        for revision, name in ((1, "A"), (2, "B"), (3, "C"), (2, "D"), (1, ""), (3, "C")):
            named = {"revision": revision, "name": name, "person": "p" * 22}
            statuses.append((await client.post("/p/pad/versions", json=named)).status)
        assert statuses == [200, 200, 409, 200, 200, 200]


async def test_the_longest_unused_pad_leaves_first(tmp_path):
    """As many stay as may; one more, and a tenth goes, the longest unused; who is in use stays."""
    settings = Settings(pads_in_memory_max=5, idle_seconds=1_000)
    hub = Hub(SQLiteStore(tmp_path / "data"), settings)
    hub.start()
    for number in range(8):
        await hub.create(f"pad-{number}", "Pad")
    async with hub.open("pad-0") as held:
        for number in range(1, 5):
            async with hub.open(f"pad-{number}") as pad:
                assert pad is not None
                pad.idle_since = number
        assert all(hub.at_hand(f"pad-{number}") for number in range(5))
        async with hub.open("pad-5"):
            there = [number for number in range(6) if hub.at_hand(f"pad-{number}")]
            assert there == [0, 2, 3, 4, 5]
        async with hub.open("pad-0") as again:
            assert again is held, "of a pad there is only one"
    await hub.close()


async def test_a_pad_that_leaves_while_it_is_opened(tmp_path):
    """Whoever waited for it to be loaded, and whoever opens it then, hold the same one; and what is
    typed into it is not lost.
    """
    hub = Hub(SQLiteStore(tmp_path / "data"), Settings(pads_in_memory_max=1, idle_seconds=1_000))
    hub.start()
    names = [f"pad-{number}" for number in range(4)]
    for name in names:
        await hub.create(name, "Pad")

    async def visit(name: str, number: int) -> None:
        async with hub.open(name) as pad:
            assert pad is not None and hub.at_hand(name) is pad
            base = pad.document.committed
            await hub.submit(pad, submission(1, base, ["x"], session=f"{name} {number}"))
            while pad.document.committed < pad.document.log.head:
                await asyncio.sleep(0.001)
            assert hub.at_hand(name) is pad

    for number in range(20):
        await asyncio.gather(*(visit(name, number * 10 + at) for at in range(3) for name in names))
    for name in names:
        async with hub.open(name) as pad:
            assert pad is not None and pad.document.text() == "x" * 60
    await hub.close()


def test_names_are_cut_before_they_are_cleaned():
    """What lies behind five times the length is not even looked at."""
    for length in (NAME_MAX, TITLE_MAX):
        hidden = "\u200e" * (5 * length - 1)
        assert clean_name(f"{hidden}Ada", length_max=length) == "A"
        assert clean_name(f"{hidden}\u200eAda", length_max=length) == "Guest"


async def test_numbers_of_forms_have_an_end(tmp_path):
    """A base of thousands of digits is none."""
    async with await application(tmp_path) as client:
        await client.post("/p", data={"id": "pad", "text": "a"})
        _, fields = await read(client, "/p/pad")
        for base, status in (("9" * 15, 409), ("9" * 5_000, 409), ("1", 303)):
            form = {**fields, "base": base, "text": "ab"}
            assert (await client.post("/p/pad", data=form, allow_redirects=False)).status == status
        for query in ("at=" + "9" * 15, "at=" + "9" * 5_000):
            assert (await client.get(f"/p/pad/text?{query}")).status == 400


@pytest.mark.parametrize("forwarded", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_nobody_is_another_by_a_header(tmp_path, forwarded):
    """Who makes too many pads makes too many, whatever address they say they have."""
    async with await application(tmp_path, new_pads_per_minute=3) as client:
        statuses = []
        for number in range(5):
            headers = {forwarded: f"10.0.0.{number}"}
            answer = await client.post("/p", headers=headers, allow_redirects=False)
            statuses.append(answer.status)
        assert statuses == [303, 303, 303, 429, 429]


# --- What many large operations cost --------------------------------------------------------------


def test_the_effort_of_a_range():
    """The sum over its entries, also when older ones have been let go of."""
    log = RevisionLog()
    for number in range(20):
        log.append(Entry([number + 1, "x" * 128], "s", "p", number + 1, 0, b""))
    assert effort([1, "x" * 128]) == 4
    assert log.effort(0, 20) == 80 and log.effort(5, 7) == 8
    assert log.within(1_000) == 0 and log.within(80) == 0
    assert log.within(79) == 1 and log.within(8) == 18 and log.within(0) == 20
    log.forget(10)
    assert log.effort(10, 20) == 40 and log.effort(12, 12) == 0
    assert log.within(1_000) == 10 and log.within(39) == 11 and log.within(4) == 19


class Ticker:
    """How long the event loop had no time for others, at most."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.perf_counter() - before)

    async def stop(self) -> float:
        # What has just kept everybody waiting is seen in the next tick.
        await asyncio.sleep(0.01)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return self.longest


@pytest.mark.parametrize("where", ["in memory", "on the disk"])
async def test_a_late_operation_among_the_largest(tmp_path, capsys, where):
    """400 operations of the largest kind, and one that was made before all of them: it is carried
    across, while others have their turn; memory holds only the newest of them.
    """
    count = 400 if where == "on the disk" else 30
    settings = Settings(snapshot_revisions=100_000, idle_seconds=1_000)
    hub = Hub(SQLiteStore(tmp_path / "data"), settings)
    hub.start()
    await hub.create("pad", "Pad")
    async with hub.open("pad") as pad:
        assert pad is not None
        await hub.submit(pad, submission(1, 0, ["." * 20_000], session="first"))
        for seq in range(1, count + 1):
            while pad.document.committed < seq:
                await asyncio.sleep(0)
            op = BOMB if seq % 2 else REMOVAL
            await hub.submit(pad, submission(seq, seq, op, session="bomber"))
        while pad.document.committed <= count:
            await asyncio.sleep(0)
        held = pad.document.log.effort(pad.document.log.start, pad.document.log.head)
        assert held <= 7 * EFFORT_MAX
        assert (pad.document.log.start > 1) == (where == "on the disk")
        ticker = Ticker()
        await asyncio.sleep(0)
        start = time.perf_counter()
        await hub.submit(pad, submission(1, 1, [5, "late"], session="late"))
        seconds = time.perf_counter() - start
        longest = await ticker.stop()
        while pad.document.committed < pad.document.log.head:
            await asyncio.sleep(0)
        assert pad.document.text().count("late") == 1
    await hub.close()
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{count} operations of 10,000 components, {where}: one made before them is taken in"
            f" {seconds * 1000:.0f} ms; the loop was busy for {longest * 1000:.0f} ms at most"
        )
    # In one piece it would be busy for all of that time.
    assert longest < max(seconds / 2, 0.25)
