"""the WebSocket endpoint: origin, upgrade, and the conversation that begins with it

What is said over the socket is in `server/conversation.py`, how it is framed in `server/frames.py`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Coroutine
from typing import Final

from aiohttp import WSCloseCode, web

from ot.errors import DeltapadError, GoneError, ProtocolError
from ot.messages import FRAME_BYTES_MAX, HELLO_BYTES_MAX, SUBPROTOCOL
from server.connection import close
from server.conversation import Conversations
from server.divergence import Divergence
from server.frames import Socket
from server.hub import Hub
from server.pad import Pad, link_replaced
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Sockets"]

# Of any version of ours.
_ANY_MAJOR = re.compile(r"deltapad\.[1-9][0-9]{0,3}")

# Origins of which the log says that they were refused, each once: a proxy that is set up wrongly
# has one or two, and who wants to fill the log could have any number.
_REFUSED_TOLD_MAX: Final = 20

_log = logging.getLogger("deltapad.websocket")


class Sockets:
    """The WebSocket endpoint: every connection of this server."""

    def __init__(self, hub: Hub, settings: Settings, divergence: Divergence) -> None:
        self._hub = hub
        self._settings = settings
        self._conversations = Conversations(
            hub, settings, divergence, now_ms=lambda: time.time_ns() // 1_000_000
        )
        self._talks: set[asyncio.Task[None]] = set()
        self._refused: set[str] = set()

    @property
    def count(self) -> int:
        """Conversations that are open."""
        return self._conversations.count

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /ws/{pad}` and `GET /ws/view/{view_key}`: one session on one pad, until it ends."""
        if not self._origin_allowed(request):
            raise web.HTTPForbidden(text="this origin may not open a WebSocket here\n")
        header = request.headers.get("Sec-WebSocket-Protocol", "")
        offered = [name.strip() for name in header.split(",")]
        if SUBPROTOCOL not in offered:
            return await self._refuse_version(request, offered)
        try:
            name, view_key = await self._door(request)
            async with self._hub.open(name) as pad:
                if pad is None and view_key is not None:
                    # Nobody can tell it from one that never was; a page of it was there once.
                    return await self._turn_away(request, SUBPROTOCOL, link_replaced())
                if pad is None:
                    raise web.HTTPNotFound(text="there is no such pad\n")
                answer, socket = await self._upgrade(request, SUBPROTOCOL)
                if socket is not None:
                    pad.hold()
                    self._start(self._talk(socket, pad, view_key))
                return answer
        except GoneError as error:
            return await self._turn_away(request, SUBPROTOCOL, error)
        except StorageError as error:
            _log.error("pad could not be opened: %s", error)
            raise web.HTTPServiceUnavailable(text="the store is not available\n") from None

    async def _upgrade(
        self, request: web.Request, subprotocol: str
    ) -> tuple[web.StreamResponse, Socket | None]:
        """Answer the upgrade; the connection, or None if it has gone."""
        answer = _Upgrade(protocols=(subprotocol,), compress=False)
        try:
            await answer.prepare(request)
        except ConnectionError:
            return answer, None  # gone before it was here, as when a page is left at once
        return answer, _taken_over(request, self._settings.heartbeat_seconds)

    async def _refuse_version(self, request: web.Request, offered: list[str]) -> web.StreamResponse:
        """Tell a client of another major version so, in the one frame that every version has."""
        other = [name for name in offered if _ANY_MAJOR.fullmatch(name)]
        said = f"this server speaks the subprotocol {SUBPROTOCOL}"
        if not other:
            raise web.HTTPBadRequest(text=f"{said}\n")
        error = ProtocolError("protocol_unsupported", said)
        return await self._turn_away(request, other[0], error)

    async def _turn_away(
        self, request: web.Request, subprotocol: str, error: DeltapadError
    ) -> web.StreamResponse:
        """Let somebody in for one frame, which says why not: a page never sees how an upgrade was
        answered, and would come again for ever.
        """
        answer, socket = await self._upgrade(request, subprotocol)
        if socket is not None:
            self._start(close(socket, error))
        return answer

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _talk(self, socket: Socket, pad: Pad, view_key: str | None) -> None:
        try:
            await self._conversations.talk(socket, pad, view_key=view_key)
        finally:
            pad.release()
            await socket.close(WSCloseCode.OK, "")

    async def _door(self, request: web.Request) -> tuple[str, str | None]:
        """The pad that a link leads to, nobody's name for none; and its key if it is view-only."""
        view_key = request.match_info.get("view_key")
        if view_key is None:
            return request.match_info["pad"], None
        record = await self._hub.find_view(view_key)
        return "" if record is None else record.name, view_key

    def _origin_allowed(self, request: web.Request) -> bool:
        """Only our own pages, and those of allowed origins, may speak with a visitor's browser."""
        origin = request.headers.get("Origin")
        # Programs send none, and have no visitor whose trust could be abused.
        if origin is None or origin in self._settings.allowed_origins:
            return True
        if origin in (f"http://{request.host}", f"https://{request.host}"):
            return True
        if origin not in self._refused and len(self._refused) < _REFUSED_TOLD_MAX:
            self._refused.add(origin)
            _log.warning(
                "a page of %s wants to connect to %s, and is refused; if it is a page of this"
                " server, let the proxy pass on the Host of the browser, or say --allowed-origin",
                origin,
                request.host,
            )
        return False


class _Upgrade(web.WebSocketResponse):
    """aiohttp's, of which only the answer to the upgrade is used."""

    async def write_eof(self, data: bytes = b"") -> None:
        """The connection is not aiohttp's any more."""


def _taken_over(request: web.Request, heartbeat_seconds: float) -> Socket | None:
    """The connection, out of aiohttp's hands; None if it has gone."""
    handler, transport = request.protocol, request.transport
    if transport is None:
        return None
    socket = Socket(
        transport,
        message_max=FRAME_BYTES_MAX,
        first_message_max=HELLO_BYTES_MAX,
        heartbeat_seconds=heartbeat_seconds,
    )
    # As if the connection had ended, but without closing it.
    handler.transport = None
    handler.connection_lost(None)
    return socket
