"""the others in the pad: carets that move and hands that type, with no text of their own"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from ot.messages import SUBPROTOCOL

__all__ = ["MOVES_PER_SECOND", "crowd"]

# How often each of them moves the caret or types a letter.
MOVES_PER_SECOND: Final = 5.0
# Code points around the place: what fits on a screen or two, so that all are to be drawn.
_SPREAD: Final = 3_000
# Never so near to the place that they type into the line that is typed in.
_DISTANCE: Final = 400


@dataclass
class _Person:
    """Knows at which revision it is, and who wrote what since: all that the protocol asks for.

    Everybody types at places which only grow, so every position that fits once fits always.
    """

    number: int
    place: int
    revision: int = 0
    session: str = ""
    seq: int = 0
    waiting: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def take(self, frame: str) -> None:
        if frame.startswith('{"type":"presence"'):
            return
        message: dict[str, Any] = json.loads(frame)
        if message["type"] == "ops":
            self.revision = message["from"] + len(message["ops"])
            self.waiting &= all(session != self.session for session, *_ in message["ops"])
        elif message["type"] == "delta":
            self.revision = message["to"]
        elif message["type"] == "error":
            raise RuntimeError(message["message"])

    def act(self, turn: int, *, types: bool) -> dict[str, Any] | None:
        """What to send at this turn."""
        step = (self.number * 7 + turn * 3) % 50
        position = self.place + self.number * _SPREAD // 50 + _DISTANCE + step
        if not types:
            return {
                "type": "presence",
                "revision": self.revision,
                "name": f"Person {self.number}",
                "color": 0,
                "selections": [[position, position]],
            }
        if self.waiting:
            return None
        self.waiting = True
        self.seq += 1
        op = [position, "x" if turn % 8 else " "]
        return {"type": "op", "base": self.revision, "seq": self.seq, "op": op}


@contextlib.asynccontextmanager
async def crowd(
    url: str, pad: str, *, movers: int, typists: int, place: int
) -> AsyncIterator[None]:
    """`movers` people who move about near a place (code points), and `typists` who type there."""
    socket_url = f"{url.replace('http', 'ws', 1)}/ws/{pad}"
    people = [_Person(number, place) for number in range(movers + typists)]
    async with aiohttp.ClientSession() as http, contextlib.AsyncExitStack() as stack:
        start: Sequence[object] = (None, None)
        for person in people:
            socket = await stack.enter_async_context(
                http.ws_connect(socket_url, protocols=(SUBPROTOCOL,), max_msg_size=0)
            )
            start = await _enter(socket, person, start)
            types = person.number >= movers
            person.tasks = [
                asyncio.create_task(_read(socket, person)),
                asyncio.create_task(_go_on(socket, person, types=types)),
            ]
        try:
            yield
            for task in [task for person in people for task in person.tasks]:
                if task.done():
                    task.result()  # whose connection is gone, and why
        finally:
            for task in [task for person in people for task in person.tasks]:
                task.cancel()


async def _enter(
    socket: aiohttp.ClientWebSocketResponse, person: _Person, copy: Sequence[object]
) -> Sequence[object]:
    """Say hello as one who has the text already: only the first is sent it."""
    epoch, revision = copy
    hello = {
        "type": "hello",
        "session": secrets.token_urlsafe(16),
        "person": secrets.token_urlsafe(16),
        "name": f"Person {person.number}",
        "epoch": epoch,
        "revision": revision,
    }
    await socket.send_json(hello)
    welcome = await socket.receive_json()
    person.session, person.revision = welcome["session"], welcome["revision"]
    return welcome["epoch"], welcome["revision"]


async def _read(socket: aiohttp.ClientWebSocketResponse, person: _Person) -> None:
    async for frame in socket:
        person.take(frame.data)


async def _go_on(socket: aiohttp.ClientWebSocketResponse, person: _Person, *, types: bool) -> None:
    # Not all at the same moment.
    await asyncio.sleep(person.number * 0.37 % (1 / MOVES_PER_SECOND))
    turn = 0
    while True:
        message = person.act(turn, types=types)
        if message is not None:
            await socket.send_json(message)
        turn += 1
        await asyncio.sleep(1 / MOVES_PER_SECOND)
