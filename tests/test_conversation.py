"""a conversation over a wire without a socket: what is said, and what is left when it is over"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ot.document import Commit
from ot.errors import ProtocolError
from server.conversation import Conversations
from server.divergence import Divergence
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import Snapshot
from tests.wire import hello


class Line:
    """A wire whose client is the test."""

    def __init__(self) -> None:
        self.closed = False
        self.code = 0
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.full = False

    def say(self, message: dict[str, Any]) -> None:
        self.frames.put_nowait(msgspec.json.encode(message))

    def hang_up(self) -> None:
        self.closed = True
        self.frames.put_nowait(None)

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        async with asyncio.timeout(seconds_max):
            return await self.frames.get()

    def write(self, *parts: bytes) -> None:
        if self.closed:
            raise ConnectionResetError
        self.sent.append(msgspec.json.decode(b"".join(parts)))

    async def drain(self) -> None:
        await until(lambda: not self.full)

    async def close(self, code: int, reason: str) -> None:
        self.code = code
        self.hang_up()

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]


class SlowStore(SQLiteStore):
    """The real store, but it answers who a session is only when it is told to, and is asked for
    each.
    """

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.answers: list[asyncio.Future[None]] = []

    async def load(self, key: int, *, before: int) -> Snapshot:
        return replace(await super().load(key, before=before), sessions=None)

    async def last(self, key: int, session: str) -> Commit | None:
        answer = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        await answer
        return await super().last(key, session)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
async def hub(tmp_path):
    store = SlowStore(tmp_path / "data")
    hub = Hub(store, Settings(hello_seconds=0.05))
    hub.start()
    await hub.create("pad", "Title")
    yield hub, store
    for answer in store.answers:
        if not answer.done():
            answer.set_result(None)
    await hub.close()


def begin(hub: Hub, line: Line, pad: Pad) -> asyncio.Task[None]:
    divergence = Divergence(hub.counters, None, package="test")
    settings = Settings(hello_seconds=0.05)
    conversations = Conversations(hub, settings, divergence, now_ms=lambda: 1_234)
    return asyncio.create_task(conversations.talk(line, pad))


async def welcomed(hub: Hub, store: SlowStore, line: Line, pad: Pad) -> asyncio.Task[None]:
    """Begin, as a session that the store does not know."""
    talk = begin(hub, line, pad)
    line.say(hello("ada"))
    await until(lambda: store.answers)
    store.answers[0].set_result(None)
    await until(lambda: line.types[:1] == ["welcome"])
    return talk


async def test_from_hello_to_the_end(hub):
    """Welcome, then the own operation as acknowledgement with the time that was given; then nothing
    of it is left.
    """
    server, store = hub
    async with server.open("pad") as pad:
        line = Line()
        talk = await welcomed(server, store, line, pad)
        line.say({"type": "op", "base": 0, "seq": 1, "op": ["hi"]})
        line.say({"type": "ping", "n": 7})
        await until(lambda: "ops" in line.types and "pong" in line.types)
        line.hang_up()
        await talk

        assert [entry.time_ms for entry in pad.document.log.entries(0, 1)] == [1_234]
        assert (len(pad.presence), pad.connections, pad.document.sessions) == (0, {}, {})


async def test_silence_is_no_hello(hub):
    """Who says nothing is told to come again, and closed: the hello may be lost on its way."""
    server, _ = hub
    async with server.open("pad") as pad:
        line = Line()
        await begin(server, line, pad)

    assert [message["code"] for message in line.sent] == ["hello_late"]
    assert line.code == 1013


async def test_a_wire_that_gives_no_text(hub):
    """What the wire cannot give as text ends the conversation with the wire's own error."""
    server, _ = hub

    class Binary(Line):
        async def receive(self, seconds_max: float | None = None) -> bytes | None:
            raise ProtocolError("bad_json", "a binary frame; every frame is text")

    async with server.open("pad") as pad:
        line = Binary()
        await begin(server, line, pad)

    assert [message["code"] for message in line.sent] == ["bad_json"]


async def test_replaced_while_the_store_was_asked(hub):
    """A newer connection has come and gone while the store was asked who this is: it is told so,
    and nobody is left behind in the pad.
    """
    server, store = hub
    async with server.open("pad") as pad:
        older, newer = Line(), Line()
        first = begin(server, older, pad)
        older.say(hello("ada"))
        await until(lambda: len(store.answers) == 1)
        second = begin(server, newer, pad)
        newer.say(hello("ada"))
        await until(lambda: len(store.answers) == 2)
        store.answers[1].set_result(None)
        await until(lambda: "welcome" in newer.types)
        newer.hang_up()
        await second
        store.answers[0].set_result(None)
        await first

        assert [message.get("code") for message in older.sent] == ["replaced"]
        assert older.code == 4001
        assert (len(pad.presence), pad.connections, pad.document.sessions) == (0, {}, {})


async def test_who_leaves_with_something_pending_is_forgotten_when_it_is_durable(hub):
    """Until then a resend has to be recognised; afterwards the store does that."""
    server, store = hub
    async with server.open("pad") as pad:
        line = Line()
        talk = await welcomed(server, store, line, pad)
        line.say({"type": "op", "base": 0, "seq": 1, "op": ["hi"]})
        line.hang_up()
        await talk
        await until(lambda: pad.document.committed == 1)

        assert pad.document.sessions == {}
