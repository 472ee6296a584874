"""pycrdt-websocket over `websockets`, pads in memory: `python pycrdt_websocket.py PORT DATA`"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from pycrdt.websocket import WebsocketServer
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


class Channel:
    """A socket as pycrdt-websocket takes it."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.path: str = socket.request.path

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        message: bytes = await self._socket.recv()
        return message


async def main() -> None:
    async with WebsocketServer(auto_clean_rooms=False) as server:

        async def handle(socket: Any) -> None:
            await server.serve(Channel(socket))

        async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None, max_size=None):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
