"""a real hub on a real file, a client that behaves, and a line on which anything may be said"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from ot.client import Client
from ot.errors import CODES
from ot.messages import DeltaMessage, Limits, OpsMessage, Welcome, decode_server, encode
from ot.operation import Operation, apply
from server.conversation import Conversations
from server.divergence import Divergence
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.sqlite import SQLiteStore
from tests.wire import hello

__all__ = ["Line", "Peer", "Scene", "scene"]

ANSWER_SECONDS_MAX = 30.0


class Line:
    """A wire (`server.connection.Wire`) whose client is the test: it never sleeps."""

    def __init__(self) -> None:
        self.closed = False
        self.code = 0
        self.full = False
        self.sent: list[bytes] = []
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._news = asyncio.Event()

    def say(self, frame: bytes) -> None:
        """The client sends a frame."""
        self._frames.put_nowait(frame)

    def hang_up(self) -> None:
        """The client goes."""
        self.closed = True
        self._frames.put_nowait(None)
        self._news.set()

    async def hear(self) -> bytes | None:
        """The next frame that the client gets; None if there will be none."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while not self.sent and not self.closed:
                self._news.clear()
                await self._news.wait()
        return self.sent.pop(0) if self.sent else None

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        if seconds_max is None:
            return await self._frames.get()
        async with asyncio.timeout(seconds_max):
            return await self._frames.get()

    def write(self, *parts: bytes) -> None:
        if self.closed:
            raise ConnectionResetError
        self.sent.append(b"".join(parts))
        self._news.set()

    async def drain(self) -> None:
        pass

    async def close(self, code: int, reason: str) -> None:
        self.code = code
        self.hang_up()


class Peer:
    """A client that does all as it should."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.line = Line()
        self.text = ""
        self.session = ""
        self.limits: Limits | None = None
        self.machine = Client()
        self.name = name
        self._talk = scene.talk(self.line)

    async def enter(self) -> None:
        """Say hello, and hear the text."""
        self.line.say(json.dumps(hello(self.name)).encode())
        welcome = decode_server(await self.line.hear() or b"")
        assert isinstance(welcome, Welcome) and welcome.text is not None
        self.text, self.session, self.limits = welcome.text, welcome.session, welcome.limits
        self.machine = Client(revision=welcome.revision, last_seq=welcome.committed[0])

    async def edit(self, op: Operation) -> None:
        """Type, and wait for the acknowledgement."""
        self.text = apply(self.text, op)
        self.machine.edit(op)
        assert self.limits is not None
        message = self.machine.send(self.limits)
        assert message is not None
        self.line.say(encode(message))
        while self.machine.pending:
            await self._hear()

    async def catch_up(self, revision: int) -> None:
        """Hear all up to a revision."""
        while self.machine.revision < revision:
            await self._hear()

    async def leave(self) -> None:
        """Go."""
        self.line.hang_up()
        await self._talk

    async def _hear(self) -> None:
        frame = await self.line.hear()
        assert frame is not None, "the well-behaved client was sent away"
        message = decode_server(frame)
        if isinstance(message, OpsMessage | DeltaMessage):
            received = self.machine.receive(message, self.session)
            self.text = apply(self.text, received.op or [])


class Scene:
    """One pad, and who is in it."""

    def __init__(self, hub: Hub, pad: Pad, settings: Settings) -> None:
        self.hub = hub
        self.pad = pad
        divergence = Divergence(hub.counters, None, package="test")
        self._conversations = Conversations(hub, settings, divergence, now_ms=lambda: 0)
        self._number = 0

    def talk(self, line: Line) -> asyncio.Task[None]:
        """A conversation begins."""
        return asyncio.create_task(self._conversations.talk(line, self.pad))

    def state(self) -> tuple[Any, ...]:
        """All that a refused frame leaves as it was."""
        document = self.pad.document
        people = [p for p in self.pad.presence.everybody() if p.name == "witness"]
        return (document.committed, document.length, document.text(), self.pad.record, people)

    async def offend(self, line: Line, frame: bytes) -> tuple[str, str] | None:
        """Say a frame on a line; the code and action of the error that comes of it, or None when
        all is well: then a ping that was sent behind it is answered.
        """
        self._number += 1
        line.say(frame)
        line.say(b'{"type":"ping","n":%d}' % self._number)
        error = None
        while (answer := await line.hear()) is not None:
            message: dict[str, Any] = msgspec.json.decode(answer)
            if message["type"] == "pong" and message["n"] == self._number:
                return None
            if message["type"] == "error":
                error = message
        assert error is not None, "sent away without a word"
        row = CODES[error["code"]]
        assert (row.action, row.close_code) == (error["action"], line.code)
        return error["code"], error["action"]


@asynccontextmanager
async def scene(folder: Path, **limits: Any) -> AsyncIterator[Scene]:
    """A hub on a file of its own, with one pad in it."""
    settings = Settings(messages_per_second=0, **limits)
    hub = Hub(SQLiteStore(folder), settings)
    hub.start()
    await hub.create("pad", "Pad")
    async with hub.open("pad") as pad:
        assert pad is not None
        yield Scene(hub, pad, settings)
    await hub.close()
