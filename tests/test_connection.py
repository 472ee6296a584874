"""the cursor sender: at once on a free line, coalesced on a full one, alone in its faults"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ot.messages import PresenceMessage
from server.connection import Connection
from server.hub import Hub
from server.pad import Pad
from server.session import Session
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.test_conversation import Line, until
from tests.test_hub import submission


@pytest.fixture
async def pad(tmp_path: Path) -> AsyncIterator[Any]:
    hub = Hub(SQLiteStore(tmp_path / "data"), Settings(ops_per_frame_max=2))
    hub.start()
    await hub.create("pad", "Pad")
    pad: Any
    async with hub.open("pad") as pad:
        pad.hub = hub
        yield pad
    await hub.close()


async def join(pad: Any, name: str) -> tuple[Line, Connection]:
    line = Line()
    connection = Connection(line, pad)
    connection.session.session = name
    await pad.attach(connection)
    connection.session.cursor = pad.document.committed
    return line, connection


async def type_letters(pad: Any, count: int, *, first: int = 1) -> None:
    for seq in range(first, first + count):
        base = pad.document.committed
        await pad.hub.submit(pad, submission(seq, base, ["x"]))
        await until(lambda base=base: pad.document.committed > base)


async def test_nothing_before_the_welcome(pad):
    """What is committed between the two is sent behind it."""
    line, connection = await join(pad, "ben")
    await type_letters(pad, 1)
    assert line.sent == []

    connection.begin(b'{"type":"welcome"}')
    assert line.types == ["welcome", "ops"]


async def test_a_free_line_needs_no_task(pad):
    """Whoever has everything costs no task, and is sent what is committed within the commit."""
    lines = [await join(pad, name) for name in ("ben", "cleo")]
    for _, connection in lines:
        connection.begin(b'{"type":"welcome"}')
    await type_letters(pad, 3)

    assert [line.types for line, _ in lines] == [["welcome", "ops", "ops", "ops"]] * 2
    assert [connection._task for _, connection in lines] == [None, None]


async def test_a_full_line_gets_all_that_came_meanwhile_at_once(pad):
    """No queue: one delta for many revisions, and others do not wait."""
    slow, slow_connection = await join(pad, "ben")
    quick, quick_connection = await join(pad, "cleo")
    for connection in (slow_connection, quick_connection):
        connection.begin(b'{"type":"welcome"}')
    slow.full = True
    await type_letters(pad, 5)
    assert (slow.types, len(quick.types)) == (["welcome"], 6)

    slow.full = False
    await until(lambda: len(slow.sent) > 1)
    assert slow.sent[1:] == [{"type": "delta", "from": 0, "to": 5, "op": ["xxxxx"]}]


async def test_a_frame_from_the_store_is_waited_for(pad, monkeypatch):
    """Others are sent theirs meanwhile; if the store fails, this connection alone is told."""
    await type_letters(pad, 5)
    pad.document.forget(5)
    late, connection = await join(pad, "ben")
    connection.session.cursor = 0
    connection.begin(b'{"type":"welcome"}')
    await until(lambda: len(late.sent) > 1)
    assert late.sent[1]["op"] == ["xxxxx"]

    async def fail(*_: Any) -> Any:
        raise StorageError("the disk is gone")

    monkeypatch.setattr(pad._store, "read", fail)
    pad._frames.clear()
    lost, lost_connection = await join(pad, "cleo")
    lost_connection.session.cursor = 0
    lost_connection.begin(b'{"type":"welcome"}')
    await until(lambda: lost.closed)
    assert lost.sent[-1]["code"] == "storage_failed"
    await type_letters(pad, 1, first=6)
    assert (late.types[-1], lost.types[-1]) == ("ops", "error")


async def test_who_asks_a_closed_store_hears_of_the_end(pad, caplog):
    """What is read for somebody while the server ends is no failure of the disk."""
    await type_letters(pad, 5)
    pad.document.forget(5)
    await pad._store.close()
    late, connection = await join(pad, "ben")
    connection.session.cursor = 0
    connection.begin(b'{"type":"welcome"}')
    await until(lambda: late.closed)
    assert late.sent[-1]["code"] == "shutting_down"
    assert caplog.text == ""


async def test_a_bug_in_making_a_frame_ends_one_connection(pad, monkeypatch, caplog):
    """It is logged, the client is told to come again, and the commit goes on."""
    line, connection = await join(pad, "ben")
    other, other_connection = await join(pad, "cleo")
    connection.begin(b'{"type":"welcome"}')
    other_connection.begin(b'{"type":"welcome"}')
    honest = Pad.next_frame

    def broken(self: Pad, session: Session) -> bytes | None:
        if session.session == "ben":
            raise RuntimeError("a bug")
        return honest(self, session)

    monkeypatch.setattr(Pad, "next_frame", broken)
    await type_letters(pad, 1)
    await until(lambda: line.closed)

    assert line.sent[-1]["code"] == "storage_failed"
    assert other.types == ["welcome", "ops"]
    assert "a bug, by which one connection was lost" in caplog.text


async def test_a_line_that_is_lost(pad):
    """Nothing is raised at whoever committed, and nothing more is tried; also while it was waited
    for.
    """
    line, connection = await join(pad, "ben")
    waiting, waiting_connection = await join(pad, "cleo")
    connection.begin(b'{"type":"welcome"}')
    waiting_connection.begin(b'{"type":"welcome"}')
    line.closed = True
    waiting.full = True
    await type_letters(pad, 1)
    waiting.closed = True
    waiting.full = False
    await until(lambda: waiting_connection._task is None)
    await type_letters(pad, 1, first=2)

    assert (line.types, waiting.types) == (["welcome"], ["welcome"])
    await connection.stop()
    await waiting_connection.stop()


async def test_stopping_while_the_line_is_full(pad):
    """Leaves no task behind."""
    line, connection = await join(pad, "ben")
    connection.begin(b'{"type":"welcome"}')
    line.full = True
    await type_letters(pad, 1)
    task = connection._task
    assert task is not None

    await connection.stop()
    assert task.cancelled() or task.done()
    assert line.types == ["welcome"]


async def test_presence_is_told_to_all_of_a_pad_at_once(pad):
    """The first news at once, what follows soon after it in one frame, the same for everybody."""
    joined = [await join(pad, name) for name in ("ben", "cleo")]
    for name in ("ben", "cleo"):
        pad.presence.join(session=name, person=name, name=name, color=0, revision=0)
    for _, connection in joined:
        connection.begin(b'{"type":"welcome"}')
    for turn in range(5):
        message = PresenceMessage(revision=0, name=f"Ben {turn}", color=1, selections=[])
        pad.receive_presence("ben", message)
    ben, cleo = (line for line, _ in joined)
    await until(lambda: len(ben.sent) == 3)

    assert ben.sent == cleo.sent
    assert ben.types == ["welcome", "presence", "presence"]
    assert [one["name"] for one in ben.sent[2]["people"]] == ["Ben 4"]


async def test_encoded_frames_are_let_go_of(pad, monkeypatch):
    """At rest a pad keeps none."""
    monkeypatch.setattr("server.pad._FRAMES_SECONDS", 0.02)
    _, connection = await join(pad, "ben")
    connection.begin(b'{"type":"welcome"}')
    await type_letters(pad, 2)

    assert pad._frames
    await until(lambda: not pad._frames)
