"""the bare limit of aiohttp and uvloop: each frame to everybody of its pad, unread

    python bare_aiohttp.py PORT DATA [batched]

A frame for each message, or, `batched`, all messages that have come in one turn of the loop as one
frame: what a server can reach that does nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict

import uvloop
from aiohttp import WSMsgType, web


class Pad:
    """Everybody's sockets, and what they are to be sent at the end of this turn."""

    def __init__(self) -> None:
        self.sockets: set[web.WebSocketResponse] = set()
        self.waiting: list[str] = []
        self.bell = asyncio.Event()

    async def send_for_ever(self) -> None:
        while True:
            await self.bell.wait()
            self.bell.clear()
            frame = "\n".join(self.waiting).encode()
            self.waiting = []
            for socket in list(self.sockets):
                await socket.send_frame(frame, WSMsgType.TEXT)


async def serve(port: int, *, batched: bool) -> None:
    pads: dict[str, Pad] = defaultdict(Pad)
    senders: list[asyncio.Task[None]] = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        if batched and request.path not in pads:
            senders.append(asyncio.create_task(pads[request.path].send_for_ever()))
        pad = pads[request.path]
        pad.sockets.add(ws)
        try:
            async for message in ws:
                if batched:
                    pad.waiting.append(message.data)
                    pad.bell.set()
                    continue
                frame = message.data.encode()
                for socket in list(pad.sockets):
                    await socket.send_frame(frame, WSMsgType.TEXT)
        finally:
            pad.sockets.discard(ws)
        return ws

    app = web.Application()
    app.router.add_get("/{pad}", handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), batched="batched" in sys.argv))
