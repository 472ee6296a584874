"""the conversations of `wire.json`, client's side, with `PadClient`s on real sockets

The server is the script: it says what stands there, and looks whether the clients do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from client_py import PadClient
from client_py.client import Refused
from ot.messages import SUBPROTOCOL
from tests.vectors.make import HERE

VECTORS = json.loads((HERE / "wire.json").read_text())
CASES = {case["name"]: case for case in [*VECTORS["conversations"], *VECTORS["clients"]]}
ANSWER_SECONDS_MAX = 10.0

Step = dict[str, Any]


class AtOnce(random.Random):
    """Reconnecting does not wait."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


class Line:
    """One connection, the server's end; its hello has come already."""

    def __init__(self, socket: web.WebSocketResponse, hello: Step) -> None:
        self.socket = socket
        self._said = [hello]
        self.over = asyncio.Event()

    async def next(self) -> Step:
        """The next hello or op."""
        while not self._said:
            frame = await self.socket.receive(timeout=ANSWER_SECONDS_MAX)
            assert frame.type is WSMsgType.TEXT, frame
            message: Step = frame.json()
            if message["type"] == "op":
                self._said.append(message)
        return self._said.pop(0)

    async def rest(self, seconds: float) -> list[Step]:
        """What is said besides the script, until the client closes or for so long."""
        with contextlib.suppress(TimeoutError):
            while (frame := await self.socket.receive(timeout=seconds)).type is WSMsgType.TEXT:
                self._said.append(frame.json())
        return [message for message in self._said if message["type"] == "op"]

    async def close(self, code: int) -> None:
        await self.socket.close(code=code)
        self.over.set()


class ScriptedServer:
    """Lets everybody in, and leaves them waiting until the script says that they have come."""

    def __init__(self) -> None:
        self.url = ""
        self._arrived: dict[str, asyncio.Queue[Line]] = {}

    def arrivals(self, who: str) -> asyncio.Queue[Line]:
        return self._arrived.setdefault(who, asyncio.Queue())

    async def come_back(self, who: str) -> None:
        """Wait until somebody has noticed the loss, and is here again."""
        line = await asyncio.wait_for(self.arrivals(who).get(), ANSWER_SECONDS_MAX)
        self.arrivals(who).put_nowait(line)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        hello = await socket.receive_json(timeout=ANSWER_SECONDS_MAX)
        line = Line(socket, hello)
        self.arrivals(hello["name"]).put_nowait(line)
        await line.over.wait()
        return socket


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer()
    application = web.Application()
    application.router.add_get("/ws/{pad}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def gives_up(step: Step) -> bool:
    """Whether a `PadClient` goes no further than this: what needs a person ends it."""
    told: Step = step.get("frame", {})
    return step["do"] == "tell" and ("draft" in step or told.get("action") in ("draft", "stop"))


class Player:
    """One client of the script, and its connection."""

    def __init__(self, server: ScriptedServer, who: str) -> None:
        self.client = PadClient(server.url, "pad", name=who, rng=AtOnce())
        self.line: Line | None = None
        self._server = server
        self._who = who
        self._welcomes = 0

    async def open(self) -> None:
        arrived = self._server.arrivals(self._who).get()
        self.line = await asyncio.wait_for(arrived, ANSWER_SECONDS_MAX)

    async def step(self, step: Step) -> None:
        assert self.line is not None
        match step["do"]:
            case "say":
                said = await self.line.next()
                compared = ("type", "epoch", "revision", "base", "seq", "op")
                expected = {name: step["frame"].get(name) for name in compared}
                assert {name: said.get(name) for name in compared} == expected
            case "edit":
                self.client.edit(step["op"])
            case "tell" if not step.get("lost"):
                await self.line.socket.send_json(step["frame"])
                await self._comes_to(step)
            case "cut":
                await self.line.close(1001)
                await self._server.come_back(self._who)
            case "closed":
                await self.line.close(step["code"])
                if step["code"] != 4001:
                    await self._server.come_back(self._who)

    async def _comes_to(self, step: Step) -> None:
        """The frame arrives, and changes what it should."""
        assert self.line is not None
        client = self.client
        if gives_up(step):
            assert await self.line.rest(ANSWER_SECONDS_MAX) == []
            with pytest.raises(Refused):
                await client.reached(2**53)
            assert client.text == step["screen"]
            return
        self._welcomes += step["frame"]["type"] == "welcome"
        expected = (self._welcomes, step["screen"], step["pending"])
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while (client.connections, client.text, client.pending) != expected:
                await asyncio.sleep(0.001)

    async def end(self) -> None:
        """Look that nothing was said besides, and let go of the connection."""
        if self.line is not None:
            assert await self.line.rest(0.02) == []
            self.line.over.set()


async def play(server: ScriptedServer, steps: list[Step]) -> None:
    """All steps, or up to where a `PadClient` gives up: it makes no drafts, `text` has it all."""
    players: dict[str, Player] = {}
    async with AsyncExitStack() as stack:
        for step in steps:
            if step["do"] == "pad":
                continue
            who = step["who"]
            if who not in players:
                players[who] = Player(server, who)
                # Entering waits for the welcome, which comes later in the script.
                entering = asyncio.create_task(players[who].client.__aenter__())
                stack.push_async_exit(players[who].client)
                stack.callback(entering.cancel)
            if step["do"] == "open":
                await players[who].open()
                continue
            await players[who].step(step)
            if gives_up(step):
                break
        for player in players.values():
            await player.end()


@pytest.mark.slow  # two seconds, which `make test-fast` does not have; the machine itself it runs
@pytest.mark.parametrize("name", CASES)
async def test_the_client_does_as_the_script_says(name):
    """What every client says, and its text and whether anything is pending after every frame."""
    async with scripted_server() as server, asyncio.timeout(60):
        await play(server, CASES[name]["steps"])
