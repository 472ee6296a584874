"""reading a text and sending it, with nothing around it: what opening a pad is held against

    python -m benchmarks.growth.bare_text PORT DATA PAD

Whoever sends a frame gets the pad's snapshot, read from SQLite, as one frame.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import apsw
import uvloop
from aiohttp import WSMsgType, web

from server.database import DATABASE

_TEXT = "SELECT text FROM snapshots JOIN pads ON pads.id = pad WHERE name = ?"


async def serve(port: int, data: Path, pad: str) -> None:
    """Serve until ended."""
    connection = apsw.Connection(str(data / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        await ws.receive()
        ((text,),) = connection.execute(_TEXT, (pad,))
        await ws.send_frame(text, WSMsgType.TEXT)
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/ws/{pad}", handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
