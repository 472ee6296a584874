"""pycrdt-websocket over `websockets`: `python pycrdt_websocket.py PORT DATA [sqlite]`

Pads in memory alone, or with its SQLite store, as its documentation puts the two together.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from pycrdt.store import SQLiteYStore, YDocNotFound
from pycrdt.websocket import WebsocketServer, YRoom
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


class KeepingServer(WebsocketServer):  # type: ignore[misc]
    """Each room has a store, and is ready once what is in that is in the room."""

    def __init__(self, folder: Path) -> None:
        super().__init__(auto_clean_rooms=False)
        self._path = str(folder / "pads.sqlite")

    async def get_room(self, name: str) -> YRoom:
        if name not in self.rooms:
            store = SQLiteYStore(name)
            store.db_path = self._path
            room = self.rooms[name] = YRoom(ready=False, ystore=store)
            await self.start_room(room)
            await store.started.wait()
            with contextlib.suppress(YDocNotFound):
                await store.apply_updates(room.ydoc)
            room.ready = True
        room = self.rooms[name]
        await room.ready_event.wait()
        return room


async def main() -> None:
    keeps = "sqlite" in sys.argv
    server = KeepingServer(Path(sys.argv[2])) if keeps else WebsocketServer(auto_clean_rooms=False)
    async with server:

        async def handle(socket: Any) -> None:
            await server.serve(Channel(socket))

        async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None, max_size=None):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
