"""the only file touching a server socket: upgrade, origin, heartbeat

What is said over the socket is in `server/conversation.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from struct import Struct

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from ot.errors import ProtocolError
from ot.messages import FRAME_BYTES_MAX, SUBPROTOCOL
from server.conversation import Conversations
from server.hub import Hub
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Sockets"]

_log = logging.getLogger("deltapad.websocket")

# Tenths of a second: time for a round trip round the world, or for ten megabytes on a good line.
_LINGER_TENTHS = 20
_HEADER_16 = Struct("!BBH").pack
_HEADER_64 = Struct("!BBQ").pack
# From here on, handing over header and frame apart is cheaper than copying them together.
_COPIED_BYTES_MAX = 16_384


class Sockets:
    """The WebSocket endpoint: every connection of this server."""

    def __init__(self, hub: Hub, settings: Settings) -> None:
        self._hub = hub
        self._settings = settings
        self._conversations = Conversations(
            hub, settings, now_ms=lambda: time.time_ns() // 1_000_000
        )

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
                ws = _Socket(
                    protocols=(SUBPROTOCOL,),
                    heartbeat=self._settings.heartbeat_seconds,
                    # aiohttp refuses frames of this size and more.
                    max_msg_size=FRAME_BYTES_MAX + 1,
                    # A few bytes of a bad client must not become megabytes here.
                    compress=False,
                    # msgspec reads UTF-8 itself.
                    decode_text=False,
                )
                await ws.prepare(request)
                await self._conversations.talk(_SocketWire(ws, request), pad)
                await ws.linger()
                return ws
        except StorageError as error:
            _log.error("pad could not be opened: %s", error)
            raise web.HTTPServiceUnavailable(text="the store is not available\n") from None

    def _origin_allowed(self, request: web.Request) -> bool:
        """Only our own pages, and those of allowed origins, may speak with a visitor's browser."""
        origin = request.headers.get("Origin")
        # Programs send none, and have no visitor whose trust could be abused.
        if origin is None or origin in self._settings.allowed_origins:
            return True
        return origin in (f"http://{request.host}", f"https://{request.host}")


class _Socket(web.WebSocketResponse):
    """aiohttp's, but who is cut off in the middle of a frame that is too large hears why.

    Closing a connection on which bytes wait to be read resets it, and the reset overtakes the close
    frame. So what still comes is dropped for a while, and only our own direction is closed at once.
    """

    def _close_transport(self) -> None:
        transport = self._req.transport if self._req is not None else None
        if self._too_large and transport is not None and not transport.is_closing():
            transport.write_eof()
        else:
            super()._close_transport()

    async def linger(self) -> None:
        """Wait until a peer that sent too much has gone; not for long."""
        for _ in range(_LINGER_TENTHS if self._too_large else 0):
            if self._req is None or self._req.transport is None:
                return
            await asyncio.sleep(0.1)

    @property
    def _too_large(self) -> bool:
        error = self.exception()
        return isinstance(error, WebSocketError) and error.code == WSCloseCode.MESSAGE_TOO_BIG


class _SocketWire:
    """The socket as a conversation sees it."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self._ws = ws
        self._writer = request.writer
        # Gone already, if it is None.
        self._transport = request.transport
        self._high = 0
        if self._transport is not None:
            self._high = self._transport.get_write_buffer_limits()[1]

    @property
    def closed(self) -> bool:
        return self._ws.closed

    @property
    def full(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() > self._high

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        message = await self._ws.receive(seconds_max)
        if message.type is WSMsgType.BINARY:
            raise ProtocolError("bad_json", "a binary frame; every frame is text")
        return message.data if message.type is WSMsgType.TEXT else None

    def write(self, frame: bytes) -> None:
        # aiohttp's own call is a coroutine, which for a thousand readers of a frame is most of its
        # cost. An unmasked text frame is two to ten bytes and the text (RFC 6455, section 5.2).
        transport = self._transport
        if transport is None or self._ws.closed or transport.is_closing():
            raise ConnectionResetError("the connection is closing")
        size = len(frame)
        if size < 126:
            header = bytes((0x81, size))
        elif size < 65_536:
            header = _HEADER_16(0x81, 126, size)
        else:
            header = _HEADER_64(0x81, 127, size)
        if size < _COPIED_BYTES_MAX:
            transport.write(header + frame)
        else:
            transport.writelines((header, frame))

    async def drain(self) -> None:
        await self._writer.drain()

    async def close(self, code: int, reason: str) -> None:
        await self._ws.close(
            code=WSCloseCode(code) if code in _KNOWN else code, message=reason.encode()
        )


_KNOWN = {int(code) for code in WSCloseCode}
