"""a client that says exactly what a test tells it to, and a look into the server's file"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import apsw

from ot.messages import SUBPROTOCOL
from server.session import public_id

__all__ = ["Wire", "connect", "create_pad", "hello", "stored", "view_link"]

# Far more than an answer takes, for machines that do other things as well.
ANSWER_SECONDS_MAX = 10.0


def hello(who: str, **fields: Any) -> dict[str, Any]:
    """The first message of a session whose keys are made from `who`."""
    return {
        "type": "hello",
        "session": f"session-key-of-{who}".ljust(22, "-").replace(" ", "-"),
        "person": f"person-key-of-{who}".ljust(22, "-").replace(" ", "-"),
        "name": who,
        "color": 0,
        "epoch": None,
        "revision": None,
        **fields,
    }


class Wire:
    """One WebSocket, frame by frame."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        # The public id, after `enter`, and the revision up to which `entries` has read.
        self.session = ""
        self.revision = 0

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send_json(message)

    async def enter(self, who: str, **fields: Any) -> dict[str, Any]:
        """Say hello; return the welcome."""
        message = hello(who, **fields)
        await self.send(message)
        self.session = public_id("session", message["session"])
        welcome = await self.receive("welcome")
        self.revision = welcome["revision"]
        return welcome

    async def receive(self, *types: str) -> dict[str, Any]:
        """The next message of one of these types; others on the way are passed over."""
        while True:
            message: dict[str, Any] = await self.socket.receive_json(timeout=ANSWER_SECONDS_MAX)
            if message["type"] in types:
                return message

    async def op(self, base: int, seq: int, op: Sequence[int | str]) -> None:
        """Send an operation, without waiting for anything."""
        await self.send({"type": "op", "base": base, "seq": seq, "op": op})

    async def entries(self, until: int) -> list[tuple[int, str, int, list[int | str]]]:
        """Read the log up to a revision: (revision, session, seq, op) of each."""
        entries = []
        while self.revision < until:
            frame = await self.receive("ops")
            assert frame["from"] == self.revision, "frames come without gaps"
            for session, seq, op in frame["ops"]:
                self.revision += 1
                entries.append((self.revision, session, seq, op))
        return entries

    async def edit(self, base: int, seq: int, op: Sequence[int | str]) -> int:
        """Send an operation and wait for it in the stream; return its revision."""
        await self.op(base, seq, op)
        while True:
            for revision, session, number, _ in await self.entries(self.revision + 1):
                if (session, number) == (self.session, seq):
                    return revision

    async def end(self) -> tuple[dict[str, Any] | None, int | None]:
        """Read to the end: the error that was said last, if one was, and the close code."""
        error = None
        while True:
            frame = await self.socket.receive(timeout=ANSWER_SECONDS_MAX)
            if frame.type is aiohttp.WSMsgType.CLOSE:
                # What the server said; `close_code` forgets it if our answer finds nobody there.
                return error, frame.data
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return error, self.socket.close_code
            message = frame.json()
            error = message if message["type"] == "error" else error


@asynccontextmanager
async def connect(
    url: str, pad: str, who: str | None = None, *, origin: str | None = None, **fields: Any
) -> AsyncIterator[Wire]:
    """Open a WebSocket, and say hello if `who` is given; `pad` may be a `view_link`."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            f"{url}/ws/{pad}", protocols=[SUBPROTOCOL], origin=origin, max_msg_size=0
        ) as socket,
    ):
        wire = Wire(socket)
        if who is not None:
            await wire.enter(who, **fields)
        yield wire
        # A goodbye that nobody answers is no reason to wait.
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await socket.close()


async def create_pad(url: str, pad: str) -> None:
    """Make a pad with this very id."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/p", data={"id": pad}, allow_redirects=False) as answer,
    ):
        assert answer.status == 303


def view_link(data: Path, pad: str) -> str:
    """The address of a pad's view-only link, as `connect` takes it."""
    connection = apsw.Connection(str(data / "deltapad.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    [(view_key,)] = connection.execute("SELECT view_key FROM pads WHERE name = ?", (pad,))
    connection.close()
    return f"view/{view_key}"


def stored(data: Path, pad: str) -> list[tuple[str, int]]:
    """What the server's file has of a pad's log: (public session id, seq), by revision."""
    connection = apsw.Connection(str(data / "deltapad.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute(
        "SELECT session, seq FROM log JOIN pads ON pads.id = log.pad"
        " JOIN authors ON authors.id = author WHERE pads.name = ? ORDER BY revision",
        (pad,),
    )
    entries = [(str(session), int(seq)) for session, seq in rows]
    connection.close()
    return entries
