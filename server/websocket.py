"""the only file touching a server socket; cursor sender; heartbeat

One handler reads, one task sends. The reader answers `hello` and `ping` itself and hands the rest
to the hub; the sender waits for its bell, takes what lies between the connection's cursor and what
is committed, sends it, and looks again. While a frame is on its way more is committed, and the next
frame carries all of it: batches form under load by themselves, and nobody waits for a slow reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from ot.document import Submission
from ot.errors import CODES, DeltapadError, ProtocolError, UnavailableError
from ot.messages import (
    FRAME_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    Hello,
    Limits,
    Ping,
    Pong,
    Welcome,
    encode,
    error_message,
)
from server.hub import Connection, Hub, Pad
from server.session import Session
from server.settings import Settings
from server.storage import StorageError

__all__ = ["Sockets"]

_log = logging.getLogger("deltapad.websocket")

# Tenths of a second: time for a round trip round the world, or for ten megabytes on a good line.
_LINGER_TENTHS = 20


class Sockets:
    """The WebSocket endpoint: every connection of this server."""

    def __init__(self, hub: Hub, settings: Settings) -> None:
        self._hub = hub
        self._settings = settings
        self._count = 0
        self._limits = Limits(
            frame_bytes=FRAME_BYTES_MAX,
            op_components=OP_COMPONENTS_MAX,
            op_inserted=OP_INSERTED_MAX,
            pad_length=settings.pad_length_max,
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
                await self._talk(ws, pad)
                await ws.linger()
                return ws
        except StorageError as error:
            _log.error("pad could not be opened: %s", error)
            raise web.HTTPServiceUnavailable(text="the store is not available\n") from None

    async def _talk(self, ws: web.WebSocketResponse, pad: Pad) -> None:
        connection = Connection(Session())
        sender: asyncio.Task[None] | None = None
        self._count += 1
        try:
            if not await self._hello(ws, pad, connection):
                return
            sender = asyncio.create_task(self._send(ws, pad, connection))
            async for message in ws:
                await self._receive(ws, pad, connection, message.data, message.type)
        except ConnectionError:
            # The peer has gone while we were sending.
            pass
        except Exception as error:  # noqa: BLE001 - one bad connection must not reach the others
            # The edge of the server: whatever one connection meets, the others go on.
            await _close(ws, _told(error))
        finally:
            self._count -= 1
            pad.detach(connection)
            if sender is not None:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sender

    async def _hello(self, ws: web.WebSocketResponse, pad: Pad, connection: Connection) -> bool:
        """Hear who it is, let it in, and welcome it; False if it has gone instead."""
        try:
            message = await ws.receive(timeout=self._settings.hello_seconds)
        except TimeoutError:
            raise ProtocolError(
                "hello_expected", f"no hello within {self._settings.hello_seconds:g} seconds"
            ) from None
        if message.type is WSMsgType.BINARY:
            raise ProtocolError("bad_json", "a binary frame; every frame is text")
        if message.type is not WSMsgType.TEXT:
            return False
        session = connection.session
        hello = session.receive(message.data, time_ms=_now_ms())
        assert isinstance(hello, Hello)
        if (
            self._count > self._settings.connections_max
            or len(pad.connections) >= self._settings.pad_connections_max
        ):
            raise UnavailableError("busy", "too many connections; try again later")
        await pad.attach(connection)
        # No await from here on: the welcome, the cursor and the presence belong to one moment.
        document = pad.document
        own = document.sessions[session.session]
        # A copy from before a restore, or of revisions that this pad does not have, is of no use.
        known = hello.epoch == pad.record.epoch and (hello.revision or 0) <= document.committed
        revision = hello.revision if known else None
        session.cursor = document.committed if revision is None else revision
        color = pad.presence.join(
            session=session.session,
            person=session.person,
            name=hello.name,
            color=hello.color,
            revision=document.committed,
        )
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            session=session.session,
            person=session.person,
            role="write",
            epoch=pad.record.epoch,
            revision=session.cursor,
            committed=(own.seq, own.revision),
            color=color,
            title=pad.record.title,
            limits=self._limits,
            text=document.text() if revision is None else None,
        )
        pad.wake()
        await ws.send_frame(encode(welcome), WSMsgType.TEXT)
        return True

    async def _receive(
        self,
        ws: web.WebSocketResponse,
        pad: Pad,
        connection: Connection,
        frame: bytes,
        kind: WSMsgType,
    ) -> None:
        if connection.ended is not None:
            # A newer connection of this session may be here: what comes late on this one is void.
            return
        if kind is not WSMsgType.TEXT:
            raise ProtocolError("bad_json", "a binary frame; every frame is text")
        message = connection.session.receive(frame, time_ms=_now_ms())
        if isinstance(message, Submission):
            await self._hub.submit(pad, message)
        elif isinstance(message, Ping):
            await ws.send_frame(encode(Pong(n=message.n)), WSMsgType.TEXT)
        else:
            assert not isinstance(message, Hello)
            pad.receive_presence(connection.session.session, message)

    async def _send(self, ws: web.WebSocketResponse, pad: Pad, connection: Connection) -> None:
        """The cursor sender: whatever the client does not have yet, newest last, until the end."""
        loop = asyncio.get_running_loop()
        session = connection.session
        presence_due = 0.0
        # The bell that rings when presence is due; at most one is set.
        alarm: asyncio.TimerHandle | None = None
        try:
            while connection.ended is None:
                connection.wake.clear()
                frame = await pad.next_frame(session, ops_max=self._settings.ops_per_frame_max)
                if frame is None and pad.presence.version != session.presence_version:
                    if loop.time() >= presence_due:
                        frame = pad.presence_frame(session)
                        presence_due = loop.time() + self._settings.presence_seconds
                    else:
                        # A timer may ring a little early; then it is set once more.
                        if alarm is not None:
                            alarm.cancel()
                        alarm = loop.call_at(presence_due, connection.wake.set)
                if frame is None:
                    await connection.wake.wait()
                else:
                    await ws.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 - as in _talk
            connection.end(_told(error))
        finally:
            if alarm is not None:
                alarm.cancel()
        if connection.ended is not None:
            await _close(ws, connection.ended)

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


async def _close(ws: web.WebSocketResponse, error: DeltapadError) -> None:
    """Say what is wrong, and close; the peer may be gone already."""
    with contextlib.suppress(ConnectionError):
        if not ws.closed:
            await ws.send_frame(encode(error_message(error)), WSMsgType.TEXT)
    code = CODES[error.code].close_code
    with contextlib.suppress(ConnectionError):
        await ws.close(
            code=WSCloseCode(code) if code in _KNOWN else code, message=error.code.encode()
        )


_KNOWN = {int(code) for code in WSCloseCode}


def _told(error: Exception) -> DeltapadError:
    """An error as the client is told of it; one that is not the client's doing is logged."""
    if isinstance(error, DeltapadError):
        return error
    if isinstance(error, StorageError):
        _log.error("store: %s", error)
    else:
        _log.error("a bug, by which one connection was lost", exc_info=error)
    return UnavailableError("storage_failed", "the server could not do it now; try again")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
