"""the bare limit of aiohttp and uvloop: each frame to everybody of its pad, unread

    python bare_aiohttp.py PORT DATA [batched | durable]

A frame for each message, or, `batched`, all messages that have come while the last ones were sent
as one frame, or, `durable`, these in SQLite first, on the disk, in one transaction for all pads:
what a server can reach that does nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import uvloop
from aiohttp import WSMsgType, web

Rows = list[tuple[str, str]]


class Pad:
    """Everybody's sockets, and what they are to be sent in the next batch."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sockets: set[web.WebSocketResponse] = set()
        self.waiting: list[str] = []

    async def send(self, frame: bytes) -> None:
        for socket in list(self.sockets):
            await socket.send_frame(frame, WSMsgType.TEXT)


class Batches:
    """Sends what waits at all pads, one batch after the other, once `write` has returned."""

    def __init__(self, write: Callable[[Rows], None] | None) -> None:
        self._write = write
        self._pads: set[Pad] = set()
        self._bell = asyncio.Event()

    def add(self, pad: Pad, message: str) -> None:
        pad.waiting.append(message)
        self._pads.add(pad)
        self._bell.set()

    async def send_for_ever(self) -> None:
        while True:
            await self._bell.wait()
            self._bell.clear()
            batch = [(pad, pad.waiting) for pad in self._pads]
            self._pads.clear()
            for pad, _ in batch:
                pad.waiting = []
            if self._write:
                rows = [(pad.path, message) for pad, messages in batch for message in messages]
                await asyncio.to_thread(self._write, rows)
            for pad, messages in batch:
                await pad.send("\n".join(messages).encode())


def writer(folder: Path) -> Callable[[Rows], None]:
    """What appends a batch durably: the settings are those of deltapad's own store."""
    connection = apsw.Connection(str(folder / "log.sqlite"))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, pad TEXT, message TEXT)")

    def write(rows: Rows) -> None:
        with connection:
            connection.executemany("INSERT INTO log (pad, message) VALUES (?, ?)", rows)

    return write


async def serve(port: int, folder: Path, how: str) -> None:
    pads: dict[str, Pad] = {}
    batches = Batches(writer(folder) if how == "durable" else None)

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        pad = pads.setdefault(request.path, Pad(request.path))
        pad.sockets.add(ws)
        try:
            async for message in ws:
                if how:
                    batches.add(pad, message.data)
                else:
                    await pad.send(message.data.encode())
        finally:
            pad.sockets.discard(ws)
        return ws

    app = web.Application()
    app.router.add_get("/{pad}", handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await batches.send_for_ever()


if __name__ == "__main__":
    how = sys.argv[3] if len(sys.argv) > 3 else ""
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), how))
