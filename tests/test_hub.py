"""the hub on a real store: loading and leaving, catching up, snapshots, and a disk that fails"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from aiohttp.test_utils import TestServer

from client_py import PadClient
from ot.document import Submission
from ot.errors import OperationError, ProtocolError, UnavailableError
from ot.messages import Hello, PresenceMessage, digest
from ot.operation import Operation, apply
from server.app import create_app
from server.connection import Connection, Wire
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import Append, Author, StorageError
from tests.test_network import Hasty
from tests.wire import connect, create_pad, stored


@asynccontextmanager
async def running(
    folder: Path, stop_process: Callable[[int], object] = os._exit, **settings: float
) -> AsyncIterator[tuple[Hub, SQLiteStore]]:
    """A hub at work on a store of its own, with a pad named `pad`."""
    store = SQLiteStore(folder)
    hub = Hub(store, Settings(**settings), stop_process=stop_process)  # type: ignore[arg-type]
    hub.start()
    try:
        await hub.create("pad", "Pad")
        yield hub, store
    finally:
        await hub.close()


def submission(seq: int, base: int, op: Operation, *, session: str = "ada") -> Submission:
    return Submission(session, f"person of {session}", seq, base, op, digest(base, op), 0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


class Silent:
    """A line on which nobody listens; nothing is sent before a conversation has begun."""

    closed = full = False


async def attach(pad: Pad, session: str = "ada") -> Connection:
    """Let a session in."""
    connection = Connection(cast(Wire, Silent()), pad)
    connection.session.session = session
    await pad.attach(connection)
    return connection


async def enter(pad: Pad, session: str, *, color: int = 0) -> Connection:
    """Let a session in, and show it to the others."""
    connection = await attach(pad, session)
    connection.session.person = f"person of {session}"
    pad.join(connection.session, Hello("s" * 22, "p" * 22, session, color))
    return connection


async def write(hub: Hub, pad: Pad, count: int, *, first: int = 1, session: str = "ada") -> None:
    """`count` letters, each durable before the next, as a session types them."""
    for seq in range(first, first + count):
        base = pad.document.committed
        await hub.submit(pad, submission(seq, base, [chr(97 + seq % 26)], session=session))
        await until(lambda base=base: pad.document.committed > base)  # type: ignore[misc]


async def test_concurrent_opens_load_once(tmp_path, monkeypatch):
    """Many who come at the same time share one document."""
    loads = []
    real = SQLiteStore.load

    async def counting(self, key, *, before):
        loads.append(key)
        return await real(self, key, before=before)

    monkeypatch.setattr(SQLiteStore, "load", counting)
    async with running(tmp_path) as (hub, _):

        async def visit() -> int:
            async with hub.open("pad") as pad:
                await asyncio.sleep(0.01)
                return id(pad)

        pads = await asyncio.gather(*(visit() for _ in range(50)))

        assert (len(set(pads)), len(loads)) == (1, 1)
        async with hub.open("nobody made this") as pad:
            assert pad is None
        await hub.create("nobody made this", "Now")
        async with hub.open("nobody made this") as pad:
            assert pad is not None, "that there was none is not remembered"


async def test_names_go_with_the_log(tmp_path, monkeypatch):
    """What somebody is called is stored with the first entry of theirs after it has changed, and
    not again; who has typed nothing is in no log, nor is their name.
    """
    appended: list[Append] = []
    real = SQLiteStore.append

    async def recording(self, batch):
        appended.extend(batch)
        await real(self, batch)

    monkeypatch.setattr(SQLiteStore, "append", recording)
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        record = pad.record
        ada = await enter(pad, "ada", color=3)
        await enter(pad, "ben")
        await write(hub, pad, 2)
        assert [append.profiles for append in appended] == [{"ada": ("ada", 3)}, {}]
        pad.receive_presence("ada", PresenceMessage(0, "Lovelace", 0, [(1, 1)]))
        assert (await hub.authors(record))["ada"].name == "ada"
        await write(hub, pad, 1, first=3)
        pad.receive_presence("ada", PresenceMessage(3, "Lovelace", 3, []))
        await write(hub, pad, 1, first=4)
        assert [append.profiles for append in appended[2:]] == [{"ada": ("Lovelace", 3)}, {}]

        # Gone before their entry is on the disk: it is not nameless for that.
        cleo = await enter(pad, "cleo")
        await hub.submit(pad, submission(1, 4, ["c"], session="cleo"))
        pad.detach(cleo)
        await until(lambda: pad.document.committed == 5)
        pad.detach(ada)
        assert await hub.authors(record) == {
            "ada": Author("ada", "person of ada", "Lovelace", 3),
            "cleo": Author("cleo", "person of cleo", "cleo", 2),
        }
        assert set(pad._profiles) == {"ben"}, "nothing is kept of who has gone"


async def test_versions_have_names(tmp_path):
    """Cleaned as names are; one of which nothing is left is none."""
    async with running(tmp_path) as (hub, _):
        record = await hub.find("pad")
        assert record is not None
        assert await hub.find_view(record.view_key) == record
        await hub.name_version(record, 2, " First\n draft ", "person of ada")
        await hub.name_version(record, 3, "x" * 200, "person of ada")
        first, second = await hub.versions(record)
        assert (first.revision, first.name, first.person) == (2, "First draft", "person of ada")
        assert second.name == "x" * 80
        await hub.name_version(record, 2, "\u200b", "person of ada")
        assert await hub.versions(record) == [second]


async def test_only_who_has_committed_is_looked_up(tmp_path, monkeypatch):
    """The store is not asked about a session that is new; about one that has left, or that is from
    before the pad was loaded, it is, and what it sends again is recognised.
    """
    asked = []
    real = SQLiteStore.last

    async def counting(self, key, session):
        asked.append(session)
        return await real(self, key, session)

    monkeypatch.setattr(SQLiteStore, "last", counting)
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        first = await attach(pad)
        await attach(pad, "ben")
        await write(hub, pad, 2)
        assert asked == []
        pad.detach(first)
        assert "ada" not in pad.document.sessions
        await attach(pad)
        assert asked == ["ada"]
        await hub.submit(pad, submission(2, 1, ["c"]))
        assert pad.document.log.head == 2
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await attach(pad)
        await attach(pad, "ben")
        assert asked == ["ada", "ada"]


async def test_too_many_sessions_to_know(tmp_path, monkeypatch):
    """Then the store is asked about each."""
    monkeypatch.setattr("server.pad.SESSIONS_MAX", 1)
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        for name in ("ada", "ben"):
            one = await attach(pad, name)
            await write(hub, pad, 1, session=name)
            pad.detach(one)
        assert pad._stored is None
        await attach(pad, "ada")
        assert pad.document.sessions["ada"].seq == 1


async def test_an_idle_pad_leaves_and_comes_back(tmp_path):
    """Nobody there: out of memory, its text written; whoever comes finds all of it."""
    async with running(tmp_path, idle_seconds=0.02) as (hub, store):
        async with hub.open("pad") as pad:
            assert pad is not None
            await write(hub, pad, 5)
            await asyncio.sleep(0.1)
            async with hub.open("pad") as same:
                assert same is pad, "somebody holds it"
        await until(lambda: not hub._pads)
        while (snapshot := await store.load(pad.record.key, before=0)).revision == 0:
            pass
        assert (snapshot.revision, snapshot.text) == (5, "fedcb")
        async with hub.open("pad") as again:
            assert again is not None and again is not pad
            assert (again.document.committed, again.document.text()) == (5, "fedcb")


async def test_open_while_evicting(tmp_path):
    """Visits race with evictions for a while: every keystroke is there, once, nothing fails."""
    seen: set[int] = set()
    async with running(tmp_path, idle_seconds=0.001, snapshot_revisions=3) as (hub, store):
        for seq in range(1, 101):
            async with hub.open("pad") as pad:
                assert pad is not None
                await attach(pad)
                await write(hub, pad, 1, first=seq)
                assert pad.dropped is None
                key = pad.record.key
                pad.detach(pad.connections["ada"])
                seen.add(id(pad))
            await asyncio.sleep(0.0007 * (seq % 5))
        entries = await store.read(key, 0, 200)

    assert [entry.seq for entry in entries] == list(range(1, 101))
    assert len(seen) > 1, "it was evicted in between"


async def test_snapshots_are_written(tmp_path):
    """Every so many revisions, and at the end."""
    async with running(tmp_path, snapshot_revisions=10) as (hub, store), hub.open("pad") as pad:
        assert pad is not None
        await write(hub, pad, 9)
        assert (await store.load(pad.record.key, before=0)).revision == 0
        await write(hub, pad, 4, first=10)
        await until(lambda: not hub._snapshots.waiting)
        snapshot = await store.load(pad.record.key, before=0)
        assert (snapshot.revision, len(snapshot.entries)) == (10, 3)
    again = SQLiteStore(tmp_path)
    snapshot = await again.load(pad.record.key, before=0)
    assert (snapshot.revision, snapshot.text) == (13, "nmlkjihgfedcb")
    await again.close()


async def test_a_failed_snapshot_costs_nothing(tmp_path, monkeypatch):
    """The log has it all: the next load reads more of it."""

    async def failing(self, key, *, revision, text):
        raise StorageError("no space left on the device")

    with monkeypatch.context() as patch:
        patch.setattr(SQLiteStore, "save_snapshot", failing)
        async with running(tmp_path, snapshot_revisions=5) as (hub, _), hub.open("pad") as pad:
            assert pad is not None
            await write(hub, pad, 12)
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        assert pad.document.text() == "mlkjihgfedcb"


async def test_what_memory_forgets_the_store_remembers(tmp_path):
    """Composed ranges are the same from memory, from the disk, and from both."""
    async with (
        running(tmp_path, log_entries_max=10, snapshot_revisions=20) as (hub, store),
        hub.open("pad") as pad,
    ):
        assert pad is not None
        await write(hub, pad, 50)
        entries = await store.read(pad.record.key, 0, 50)
        assert pad.document.log.start == 30, "the newest 10 at the last snapshot, and all since"
        for start, end in ((0, 50), (0, 30), (0, 20), (29, 31), (30, 50), (7, 7), (49, 50)):
            text = "".join(chr(97 + seq % 26) for seq in range(start, 0, -1))
            expected = text
            for entry in entries[start:end]:
                expected = apply(expected, entry.op)
            assert apply(text, await pad.composed(start, end)) == expected, (start, end)


async def test_a_late_operation_from_before_the_log(tmp_path):
    """It is transformed against what only the store has, and a late one that is bad is refused."""
    async with (
        running(tmp_path, log_entries_max=5, snapshot_revisions=10) as (hub, _),
        hub.open("pad") as pad,
    ):
        assert pad is not None
        await write(hub, pad, 40)
        assert pad.document.log.start > 2
        await attach(pad, "late")
        with pytest.raises(OperationError, match="the text at revision 2 has 2"):
            await hub.submit(pad, submission(1, 2, [3, "!"], session="late"))
        with pytest.raises(ProtocolError, match="seq 2 after seq 0"):
            await hub.submit(pad, submission(2, 2, [2, "!"], session="late"))
        before = pad.document.text()
        await hub.submit(pad, submission(1, 2, [2, "!"], session="late"))
        await until(lambda: pad.document.committed == 41)
        assert pad.document.text() == before + "!"
        # Resent, and the same seq with other content.
        await hub.submit(pad, submission(1, 2, [2, "!"], session="late"))
        with pytest.raises(ProtocolError, match="other content"):
            await hub.submit(pad, submission(1, 2, [2, "?"], session="late"))
        assert pad.document.log.head == 41


async def test_many_pads_share_a_transaction(tmp_path, monkeypatch):
    """What comes while the disk is busy is one batch, of whatever pads."""
    batches: list[list[int]] = []
    release = asyncio.Event()
    real = SQLiteStore.append

    async def slow(self, batch: Sequence[Append]) -> None:
        batches.append([len(append.entries) for append in batch])
        await release.wait()
        await real(self, batch)

    monkeypatch.setattr(SQLiteStore, "append", slow)
    async with running(tmp_path) as (hub, _), hub.open("pad") as first:
        assert first is not None
        await hub.submit(first, submission(1, 0, ["x"]))
        await until(lambda: len(batches) == 1)
        pads = []
        for number in range(30):
            await hub.create(f"pad {number}", "")
            async with hub.open(f"pad {number}") as pad:
                assert pad is not None
                await hub.submit(pad, submission(1, 0, ["a"], session="ada"))
                await hub.submit(pad, submission(1, 0, ["b"], session="bob"))
                assert (pad.document.committed, pad.document.text()) == (0, ""), "not shown yet"
                pads.append(pad)
        release.set()
        await until(lambda: all(pad.document.committed == 2 for pad in pads))

    assert batches == [[1], [2] * 30]


async def test_a_failed_commit_drops_the_pad(tmp_path, monkeypatch):
    """Who is connected is told, the document is loaded anew, and a resend is taken."""
    fail = True
    real = SQLiteStore.append

    async def failing(self, batch: Sequence[Append]) -> None:
        if fail:
            raise StorageError("no space left on the device")
        await real(self, batch)

    monkeypatch.setattr(SQLiteStore, "append", failing)
    async with running(tmp_path) as (hub, store):
        async with hub.open("pad") as pad:
            assert pad is not None
            connection = await attach(pad)
            await hub.submit(pad, submission(1, 0, ["x"]))
            await until(lambda: pad.dropped is not None)
            assert connection.ended is not None and connection.ended.code == "storage_failed"
            assert pad.document.text() == ""
            with pytest.raises(UnavailableError):
                await hub.submit(pad, submission(1, 0, ["x"]))
            with pytest.raises(UnavailableError):
                await attach(pad, "bob")
            fail = False
            async with hub.open("pad") as fresh:
                assert fresh is not None and fresh is not pad
                await attach(fresh)
                await hub.submit(fresh, submission(1, 0, ["x"]))
                await until(lambda: fresh.document.committed == 1)
        entries = await store.read(pad.record.key, 0, 9)

    assert [(entry.session, entry.seq, entry.op) for entry in entries] == [("ada", 1, ["x"])]


async def test_a_pad_that_cannot_be_loaded_can_be_later(tmp_path, monkeypatch):
    """The disk fails while loading: every waiter is told, and the next one tries again."""

    async def failing(self, key, *, before):
        raise StorageError("input/output error")

    async with running(tmp_path) as (hub, _):
        with monkeypatch.context() as patch:
            patch.setattr(SQLiteStore, "load", failing)

            async def visit() -> None:
                async with hub.open("pad"):
                    raise AssertionError("opened")

            results = await asyncio.gather(*(visit() for _ in range(5)), return_exceptions=True)
            assert [type(result) for result in results] == [StorageError] * 5
        async with hub.open("pad") as pad:
            assert pad is not None


async def test_the_disk_fails_under_a_live_pad(tmp_path, monkeypatch, caplog):
    """Clients are told to come again, do, and resend: all texts are equal, nothing is lost."""
    failures = 0
    real = SQLiteStore.append

    async def failing(self, batch: Sequence[Append]) -> None:
        nonlocal failures
        if failures > 0:
            failures -= 1
            if failures % 2:
                await real(self, batch)  # it is on the disk, but nobody can know
            raise StorageError("no space left on the device")
        await real(self, batch)

    monkeypatch.setattr(SQLiteStore, "append", failing)
    server = TestServer(create_app(Settings(data=tmp_path / "data")))
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    await create_pad(url, "pad")
    async with connect(url, "pad", "raw") as raw:
        failures = 1
        await raw.op(0, 1, ["lost?"])
        error, close_code = await raw.end()
    assert error is not None
    assert (error["code"], error["action"], close_code) == ("storage_failed", "reconnect", 1013)
    assert stored(tmp_path / "data", "pad") == []

    async with (
        PadClient(url, "pad", rng=Hasty()) as ada,
        PadClient(url, "pad", rng=Hasty()) as bob,
    ):
        for number in range(4):
            failures = 3
            ada.edit([f"ada {number} "])
            bob.edit([len(bob.text), f"bob {number} "] if bob.text else [f"bob {number} "])
            await asyncio.gather(ada.synchronised(), bob.synchronised())
        head = max(ada.revision, bob.revision)
        await asyncio.gather(ada.reached(head), bob.reached(head))
        async with PadClient(url, "pad") as fresh:
            texts = {ada.text, bob.text, fresh.text}
        assert ada.connections > 1 and bob.connections > 1
    await server.close()

    assert len(texts) == 1
    words = texts.pop().split()
    assert sorted(words) == sorted(["ada", "bob"] * 4 + [str(number) for number in range(4)] * 2)
    entries = stored(tmp_path / "data", "pad")
    assert len(entries) == len(set(entries)) == 8
    assert "commit of" in caplog.text
