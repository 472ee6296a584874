"""what may have changed while somebody waited: an order of two tasks is forced, on a real store"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from ot.errors import ProtocolError, UnavailableError
from ot.log import Entry
from ot.messages import Checksum, TraceMessage
from ot.operation import transform
from ot.runs import compose_all
from server import divergence as alarm
from server import hub as hubs
from server import stored_log
from server.connection import Connection
from server.counters import Counters
from server.divergence import Divergence, forget_bundles
from server.forms import Sent, merge
from server.hub import Hub
from server.pad import Pad
from server.session import Session
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import Append, StorageError
from tests.test_conversation import Line, begin
from tests.test_hub import attach, running, submission, until, write
from tests.wire import hello


class Gate:
    """Holds up the calls of a method of the store while it is shut: what they do, or only their
    answers.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, method: str, *, answers: bool = False
    ) -> None:
        self.waiting = 0
        self._open = asyncio.Event()
        honest: Callable[..., Any] = getattr(SQLiteStore, method)

        async def held(store: SQLiteStore, *args: Any, **keywords: Any) -> Any:
            if not answers:
                await self._pass()
            result = await honest(store, *args, **keywords)
            if answers:
                await self._pass()
            return result

        monkeypatch.setattr(SQLiteStore, method, held)

    def open(self) -> None:
        self._open.set()

    async def _pass(self) -> None:
        self.waiting += 1
        await self._open.wait()
        self.waiting -= 1


async def with_a_past(hub: Hub, pad: Pad, revisions: int = 20) -> None:
    """Cleo types; only the last four entries stay in memory."""
    await write(hub, pad, revisions, session="cleo")
    pad.document.forget(revisions - 4)


async def behind(pad: Pad, name: str = "ben") -> tuple[Line, Connection]:
    """Somebody comes back with a copy of revision 1."""
    line = Line()
    connection = Connection(line, pad)
    connection.session.session = name
    await pad.attach(connection)
    connection.session.cursor = 1
    connection.begin(b'{"type":"welcome"}')
    return line, connection


async def test_who_is_behind_catches_up_while_others_type(tmp_path, monkeypatch):
    """What is typed while the log is read for somebody is for the next frame: each time that would
    begin anew, as long as anybody types.
    """
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await with_a_past(hub, pad)
        honest, reads = SQLiteStore.read, 0

        async def while_cleo_types(self, key, start, end):
            nonlocal reads
            reads += 1
            entries = await honest(self, key, start, end)
            if reads < 50:
                await write(hub, pad, 1, first=pad.document.committed + 1, session="cleo")
            return entries

        monkeypatch.setattr(SQLiteStore, "read", while_cleo_types)
        line, _ = await behind(pad)
        await until(lambda: line.types[-1] == "ops")
        assert reads == 1
        deltas = [(frame["from"], frame.get("to", 21)) for frame in line.sent[1:]]
        assert deltas == [(1, 20), (20, 21)]


async def test_the_log_lets_go_of_more_than_is_read_of_it_meanwhile(tmp_path, monkeypatch):
    """A late operation is carried over what was read before and what has come since: no entry is
    read twice for it.
    """
    async with (
        running(tmp_path, log_entries_max=4, snapshot_revisions=1) as (hub, store),
        hub.open("pad") as pad,
    ):
        assert pad is not None
        await with_a_past(hub, pad)
        honest = SQLiteStore.read
        read: list[tuple[int, int]] = []

        async def while_cleo_types(self, key, start, end):
            read.append((start, end))
            entries = await honest(self, key, start, end)
            if len(read) < 10:
                await write(hub, pad, 6, first=pad.document.committed + 1, session="cleo")
            return entries

        monkeypatch.setattr(SQLiteStore, "read", while_cleo_types)
        await hub.submit(pad, submission(1, 0, ["late"]))
        assert all(before[1] <= after[0] for before, after in pairwise(read))
        await until(lambda: pad.document.committed == pad.document.log.head)
        *others, mine = await honest(store, 1, 0, pad.document.committed)
        assert mine.op == transform(compose_all([entry.op for entry in others]), ["late"])[1]


async def test_nothing_is_shown_to_who_was_sent_away_meanwhile(tmp_path, monkeypatch):
    """Who waits for a frame, and is told that there is no link any more, does not get the frame."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await with_a_past(hub, pad)
        gate = Gate(monkeypatch, "read")
        line, connection = await behind(pad)
        await until(lambda: gate.waiting == 1)
        connection.end(ProtocolError("link_replaced", "there is a new one"))
        gate.open()
        await until(lambda: line.closed)
        assert line.types == ["welcome", "error"]


async def test_a_pad_is_deleted_while_its_log_is_read_for_somebody(tmp_path, monkeypatch):
    """They are told that, and not of a failure: they have nothing to come again for."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await with_a_past(hub, pad)
        gate = Gate(monkeypatch, "read")
        line, _ = await behind(pad)
        await until(lambda: gate.waiting == 1)
        await hub.delete(pad)
        gate.open()
        await until(lambda: line.closed)
        assert line.sent[-1]["code"] == "pad_deleted"


async def test_a_newer_connection_has_come_and_gone_before_an_operation_was_caught_up(
    tmp_path, monkeypatch
):
    """Its seq is in the log by then, by the newer one, and forgotten in memory: the operation is
    void. In the log for a second time it would throw all pads out of memory that share its batch.
    """
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await with_a_past(hub, pad)
        gate = Gate(monkeypatch, "read")
        await attach(pad, "ada")
        late = asyncio.create_task(hub.submit(pad, submission(1, 0, ["late"])))
        await until(lambda: gate.waiting == 1)
        newer = await attach(pad, "ada")
        await hub.submit(pad, submission(1, 20, ["new"]))
        await until(lambda: pad.document.committed == 21)
        pad.detach(newer)
        gate.open()
        with pytest.raises(ProtocolError) as refused:
            await late
        assert refused.value.code == "replaced"
        await hub.submit(pad, submission(21, 21, ["x"], session="cleo"))
        await until(lambda: pad.document.committed == 22)
        assert pad.dropped is None and "late" not in pad.document.text()


async def test_many_late_operations_while_the_disk_takes_nothing(tmp_path, monkeypatch):
    """Of those that were caught up at the same time, no more wait for the disk than may."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await with_a_past(hub, pad)
        monkeypatch.setattr(hubs, "WAITING_LENGTH_MAX", 100)
        reads, appends = Gate(monkeypatch, "read"), Gate(monkeypatch, "append")
        names = [f"late-{number}" for number in range(10)]
        for name in names:
            await attach(pad, name)
        late = [hub.submit(pad, submission(1, 0, ["x" * 50], session=name)) for name in names]
        tasks = [asyncio.create_task(one) for one in late]
        await until(lambda: reads.waiting == len(names))
        await hub.submit(pad, submission(21, 20, ["x"], session="cleo"))
        await until(lambda: appends.waiting == 1)
        reads.open()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        head = pad.document.log.head
        appends.open()
        refused = [answer for answer in answers if isinstance(answer, UnavailableError)]
        assert (len(refused), head) == (9, 22)
        await until(lambda: pad.document.committed == 22)


async def test_one_thread_composes_also_when_whoever_waited_has_gone(tmp_path, monkeypatch):
    """A thread cannot be stopped: the next one begins when it has ended."""
    goes_on = threading.Event()
    at_once: list[int] = []
    now = 0

    def slow(ops):
        nonlocal now
        now += 1
        at_once.append(now)
        goes_on.wait(10)
        now -= 1
        return ops[0]

    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        monkeypatch.setattr(stored_log, "compose_all", slow)
        monkeypatch.setattr(stored_log, "EFFORT_MAX", 0)
        gone = asyncio.create_task(pad._compose([["x"]]))
        await until(lambda: at_once == [1])
        others = [asyncio.create_task(pad._compose([["y"]])) for _ in range(3)]
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.sleep(0.05)
        goes_on.set()
        assert await asyncio.gather(*others) == [["y"]] * 3
    assert at_once == [1] * 4


async def test_the_process_stands_still_while_a_batch_is_told(tmp_path):
    """For a minute: what comes then goes to the disk at once, and not a minute later."""
    stood_still = 0.0
    hub = Hub(SQLiteStore(tmp_path), Settings(), clock=lambda: time.perf_counter() + stood_still)
    hub.start()
    await hub.create("pad", "Pad")
    async with hub.open("pad") as pad:
        assert pad is not None
        await hub.submit(pad, submission(1, 0, ["x"]))
        while not pad.document.committed:
            await asyncio.sleep(0)
        stood_still = 60.0
        await asyncio.sleep(0)
        await hub.submit(pad, submission(2, 1, ["y"]))
        await until(lambda: pad.document.committed == 2)
    await hub.close()


async def test_a_form_whose_session_cannot_be_looked_up(tmp_path, monkeypatch):
    """It takes no place in the pad when it has been refused."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        sent = Sent("s" * 22, "p" * 22, "Ada", 0, "text")
        await merge(hub, pad, sent)

        async def fail(*_: Any) -> Any:
            raise StorageError("the disk is gone for a moment")

        monkeypatch.setattr(SQLiteStore, "last", fail)
        with pytest.raises(StorageError):
            await merge(hub, pad, sent)
        assert pad.connections == {}


@pytest.mark.parametrize("fails", [False, True])
async def test_nobody_waits_any_more_for_a_pad_that_is_not_there(tmp_path, monkeypatch, fails):
    """As when a request takes too long: whoever comes next is not told what was found then."""
    async with running(tmp_path) as (hub, _):

        async def fail(*_: Any) -> Any:
            raise StorageError("the disk is gone for a moment")

        with monkeypatch.context() as patch:
            if fails:
                patch.setattr(SQLiteStore, "find", fail)
            gate = Gate(patch, "find")
            opening = asyncio.create_task(hub._opened("new"))
            await until(lambda: gate.waiting == 1)
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            gate.open()
            await until(lambda: not hub._pads)
        await hub.create("new", "New")
        async with hub.open("new") as pad:
            assert pad is not None


async def test_a_pad_is_made_while_somebody_looks_for_it(tmp_path, monkeypatch):
    """Who has made it finds it, whatever the other one is told."""
    async with running(tmp_path) as (hub, _):
        gate = Gate(monkeypatch, "find", answers=True)
        early = asyncio.create_task(hub._opened("new"))
        await until(lambda: gate.waiting == 1)
        assert await hub.create("new", "New")
        maker = asyncio.create_task(hub._opened("new"))
        await asyncio.sleep(0)
        gate.open()
        assert await early is None
        assert await maker is not None


async def test_a_pad_whose_text_cannot_be_made_leaves_memory(tmp_path, caplog):
    """It has no snapshot; the others leave after it, and the server goes on, and ends as it
    should.
    """
    codes: list[int] = []
    async with running(tmp_path, codes.append, idle_seconds=0.2) as (hub, store):
        record = await hub.find("pad")
        assert record is not None
        # A log of an operation that reaches past the end of its text.
        await store.append([Append(record.key, 0, [Entry([5, -3], "s", "p", 1, 0, b"")])])
        await hub.create("other", "Other")
        for name in ("pad", "other"):
            async with hub.open(name) as pad:
                assert pad is not None
        await until(lambda: not hub.loaded_pads() or bool(codes))
        assert codes == []
        async with hub.open("pad"):
            pass
    assert store._closed and "has no snapshot" in caplog.text


async def test_a_pad_is_deleted_while_a_replay_bundle_of_it_is_written(tmp_path, monkeypatch):
    """The bundle, which has its text, is not kept."""
    folder = tmp_path / "divergence"
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        divergence, session = Divergence(Counters(), folder, package="test"), Session()
        assert not await divergence.agrees(pad, session, Checksum(0, 5, 1))
        begun, goes_on = threading.Event(), threading.Event()
        honest = alarm._write

        def slow(path, encode):
            begun.set()
            goes_on.wait(10)
            honest(path, encode)

        monkeypatch.setattr(alarm, "_write", slow)
        keeping = divergence.keep(pad, session, TraceMessage(0, "wrong"), time_ms=0)
        task = asyncio.create_task(keeping)
        await until(begun.is_set)
        await hub.delete(pad)
        await asyncio.to_thread(forget_bundles, folder, pad.record.key)
        goes_on.set()
        assert await task is None
    assert list(folder.iterdir()) == []


async def test_a_client_is_listened_to_while_a_title_waits_for_the_disk(tmp_path, monkeypatch):
    """Its pings are answered and its edits taken, or it would think that the line is dead. The
    title is told when it is durable, also if who has changed it has gone.
    """
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        gate = Gate(monkeypatch, "set_properties")
        ada = Line()
        talk = begin(hub, ada, pad)
        ada.say(hello("ada"))
        ada.say({"type": "properties", "title": "New"})
        await until(lambda: gate.waiting == 1)
        ada.say({"type": "op", "base": 0, "seq": 1, "op": ["hi"]})
        ada.say({"type": "ping", "n": 7})
        await until(lambda: "pong" in ada.types and "ops" in ada.types)
        ada.say({"type": "properties", "title": "Newer"})
        ada.say({"type": "ping", "n": 8})
        gate.open()
        await until(lambda: ada.types.count("pong") == 2)
        ada.hang_up()
        await talk
        assert pad.record.title == "Newer" and pad.record == await hub.find("pad")


async def test_a_bug_beside_a_conversation(tmp_path, monkeypatch):
    """Whoever wanted a title that brings out a bug is told to come again, and nobody else."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None

        async def fail(*_: Any, **__: Any) -> Any:
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(SQLiteStore, "set_properties", fail)
        ada, ben = Line(), Line()
        talks = [begin(hub, line, pad) for line in (ada, ben)]
        ada.say(hello("ada"))
        ben.say(hello("ben"))
        ada.say({"type": "properties", "title": "New"})
        await until(lambda: ada.closed)
        await talks[0]
        assert ada.sent[-1]["code"] == "storage_failed" and pad.dropped is None
        assert "error" not in ben.types
        ben.hang_up()
        await talks[1]
