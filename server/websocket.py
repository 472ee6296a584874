"""the WebSocket endpoint: origin, upgrade, and the conversation that begins with it

What is said over the socket is in `server/conversation.py`, how it is framed in `server/frames.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import WSCloseCode, web

from ot.messages import FRAME_BYTES_MAX, SUBPROTOCOL
from server.conversation import Conversations
from server.frames import Socket
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Sockets"]

_log = logging.getLogger("deltapad.websocket")


class Sockets:
    """The WebSocket endpoint: every connection of this server."""

    def __init__(self, hub: Hub, settings: Settings) -> None:
        self._hub = hub
        self._settings = settings
        self._conversations = Conversations(
            hub, settings, now_ms=lambda: time.time_ns() // 1_000_000
        )
        self._talks: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /ws/{pad}`: one session on one pad, until it ends."""
        if not self._origin_allowed(request):
            raise web.HTTPForbidden(text="this origin may not open a WebSocket here\n")
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise web.HTTPBadRequest(text=f"this server speaks the subprotocol {SUBPROTOCOL}\n")
        try:
            async with self._hub.open(request.match_info["pad"]) as pad:
                if pad is None:
                    raise web.HTTPNotFound(text="there is no such pad\n")
                answer = _Upgrade(protocols=(SUBPROTOCOL,), compress=False)
                await answer.prepare(request)
                socket = _taken_over(request, self._settings.heartbeat_seconds)
                if socket is not None:
                    pad.hold()
                    task = asyncio.create_task(self._talk(socket, pad))
                    self._talks.add(task)
                    task.add_done_callback(self._talks.discard)
                return answer
        except StorageError as error:
            _log.error("pad could not be opened: %s", error)
            raise web.HTTPServiceUnavailable(text="the store is not available\n") from None

    async def close(self) -> None:
        """Wait until everybody has gone, who has been told to; not for long."""
        if self._talks:
            await asyncio.wait(self._talks, timeout=self._settings.shutdown_seconds)

    async def _talk(self, socket: Socket, pad: Pad) -> None:
        try:
            await self._conversations.talk(socket, pad)
        finally:
            pad.release()
            await socket.close(WSCloseCode.OK, "")

    def _origin_allowed(self, request: web.Request) -> bool:
        """Only our own pages, and those of allowed origins, may speak with a visitor's browser."""
        origin = request.headers.get("Origin")
        # Programs send none, and have no visitor whose trust could be abused.
        if origin is None or origin in self._settings.allowed_origins:
            return True
        return origin in (f"http://{request.host}", f"https://{request.host}")


class _Upgrade(web.WebSocketResponse):
    """aiohttp's, of which only the answer to the upgrade is used."""

    async def write_eof(self, data: bytes = b"") -> None:
        """The connection is not aiohttp's any more."""


def _taken_over(request: web.Request, heartbeat_seconds: float) -> Socket | None:
    """The connection, out of aiohttp's hands; None if it has gone."""
    handler, transport = request.protocol, request.transport
    if transport is None:
        return None
    socket = Socket(transport, message_max=FRAME_BYTES_MAX, heartbeat_seconds=heartbeat_seconds)
    # As if the connection had ended, but without closing it.
    handler.transport = None
    handler.connection_lost(None)
    return socket
