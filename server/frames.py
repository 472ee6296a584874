"""a WebSocket after its upgrade: frames in and out, heartbeat, goodbye

aiohttp answers the upgrade, and keeps a request, its headers, a parser, two tasks and two queues
for as long as the connection lasts: 14 KB. So then the connection is taken out of its hands. This
is RFC 6455 as a server without extensions needs it; at rest a connection is an object and a timer.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import Final

from ot.errors import ProtocolError

__all__ = ["Socket"]

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL: Final = 0x80
_MASKED: Final = 0x80
# Bytes in a control frame.
_CONTROL_MAX: Final = 125
_NORMAL, _PROTOCOL_ERROR, _NOT_UTF8, _REFUSED, _TOO_BIG = 1000, 1002, 1007, 1008, 1009
# Frames between two beats that carry no message of their own: pings, pongs, and the parts of a
# message but its last. A client sends a ping in five seconds; a library that cuts messages into
# parts of a kilobyte sends a thousand for the longest. Each costs us some 2 us.
_IDLE_FRAMES_MAX: Final = 20_000
# Bytes of messages that have come and are not asked for, before reading stops; and what a message
# counts beside its own bytes, about what Python needs for it.
_UNREAD_BYTES_MAX: Final = 65_536
_MESSAGE_BYTES: Final = 64
# Bytes up to which a frame is copied behind its header, which is cheaper than a second piece.
_COPIED_MAX: Final = 16_384
_LONG, _LONGER = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack
# Beats, of half a heartbeat, for which a reader may stand still: a minute by the default.
_STALLED_BEATS_MAX: Final = 6
# Seconds that a peer has for its goodbye after ours, or for hearing why we hang up: time for a
# round trip round the world, or for ten megabytes on a good line.
_GOODBYE_SECONDS: Final = 2.0


class _Violation(Exception):
    """A frame that may not be; `code` is the close code that says so."""

    def __init__(self, code: int) -> None:
        self.code = code


class Socket(asyncio.Protocol):
    """The server's end of a WebSocket, as a conversation wants it (`connection.Wire`)."""

    __slots__ = (
        "_beat_seconds",
        "_deaf",
        "_ended",
        "_gone",
        "_idle_frames",
        "_later_message_max",
        "_loop",
        "_lost",
        "_message",
        "_message_max",
        "_message_opcode",
        "_missing",
        "_partial",
        "_reading_paused",
        "_said_goodbye",
        "_silent_beats",
        "_stalled",
        "_timer",
        "_transport",
        "_unread",
        "_unread_bytes",
        "_waiter",
        "_writable",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        message_max: int,
        first_message_max: int | None = None,
        heartbeat_seconds: float,
    ) -> None:
        """Take over `transport`. A message of more than `message_max` bytes is not read, nor a
        first one of more than `first_message_max`.
        """
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._message_max = message_max if first_message_max is None else first_message_max
        self._later_message_max = message_max
        # Frames without a message since the last beat.
        self._idle_frames = 0
        # A part of a frame, and how long it has to be before it is looked at again.
        self._partial: bytearray | None = None
        self._missing = 0
        # A message in several frames, as far as it has come.
        self._message: bytearray | None = None
        self._message_opcode = 0
        # What is not at rest is made when it is needed.
        self._unread: deque[bytes | ProtocolError] | None = None
        self._unread_bytes = 0
        self._waiter: asyncio.Future[bytes | ProtocolError | None] | None = None
        self._writable: asyncio.Event | None = None
        self._gone: asyncio.Event | None = None
        self._reading_paused = False
        # No further message comes; nothing may be sent; what comes is not looked at; it is over.
        self._ended = False
        self._said_goodbye = False
        self._deaf = False
        self._lost = False
        # A ping after two beats of silence, the end after three.
        self._beat_seconds = heartbeat_seconds / 2
        self._silent_beats = 0
        # Bytes that waited for a slow reader at the last beat; beats for which they are not fewer.
        self._stalled = (0, 0)
        self._timer = self._loop.call_later(self._beat_seconds, self._beat)
        transport.set_protocol(self)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._said_goodbye or self._transport.is_closing()

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        """The next message, None when there will be no more.

        Raises TimeoutError after `seconds_max`, ProtocolError `bad_json` for one that is not text.
        """
        message: bytes | ProtocolError | None
        if self._unread is not None:
            message = self._unread.popleft()
            if not self._unread:
                self._unread = None
                self._unread_bytes = 0
                self._resume_reading()
        elif self._ended:
            message = None
        else:
            self._waiter = self._loop.create_future()
            try:
                if seconds_max is None:
                    message = await self._waiter
                else:
                    async with asyncio.timeout(seconds_max):
                        message = await self._waiter
            finally:
                self._waiter = None
        if isinstance(message, ProtocolError):
            raise message
        return message

    @property
    def full(self) -> bool:
        """Whether the client is slow to read, so that what is written now would wait here."""
        return self._writable is not None

    def write(self, *parts: bytes) -> None:
        """Put a message, which may be in parts, on its way. Raises ConnectionError."""
        if self.closed:
            raise ConnectionResetError("the connection is closing")
        self._write(_TEXT, *parts)

    async def drain(self) -> None:
        """Wait while the client is slow to read."""
        if self._writable is not None:
            await self._writable.wait()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait until the peer has gone."""
        if not self.closed:
            self._say_goodbye(code, reason.encode())
            # Nobody asks for it any more; behind it comes the peer's own goodbye.
            self._unread = None
            self._resume_reading()
        if not self._lost:
            # Of one that does not answer, the timer lets go.
            self._gone = self._gone or asyncio.Event()
            await self._gone.wait()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._silent_beats = 0
        if self._deaf:
            return
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._missing:
                return
            data = bytes(self._partial)
            self._partial = None
        try:
            self._read(data)
        except _Violation as violation:
            self._fail(violation.code)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer has gone."""
        self._lost = self._said_goodbye = True
        self._timer.cancel()
        self._end()
        self.resume_writing()
        if self._gone is not None:
            self._gone.set()

    def pause_writing(self) -> None:
        """The client is slow to read."""
        self._writable = asyncio.Event()
        self._stalled = (0, 0)

    def resume_writing(self) -> None:
        """It has read enough."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def _read(self, data: bytes) -> None:
        """Take all frames that are whole; keep the rest."""
        at, end = 0, len(data)
        while at < end and not self._deaf:
            start = at + 6
            length = data[at + 1] & 0x7F if end - at > 1 else 0
            if length >= 126:
                start += 2 if length == 126 else 8
            if start > end:
                self._keep(data[at:], start - at)
                return
            if length >= 126:
                length = int.from_bytes(data[at + 2 : start - 4], "big")
            self._check(data[at], data[at + 1], length)
            stop = start + length
            if stop > end:
                self._keep(data[at:], stop - at)
                return
            self._take(data[at], _unmasked(data[start:stop], data[start - 4 : start]))
            at = stop

    def _check(self, first: int, second: int, length: int) -> None:
        """Whether a frame may come at all, before all of it has come."""
        # No extension has been agreed on, and a client masks what it sends.
        if first & 0x70 or not second & _MASKED:
            raise _Violation(_PROTOCOL_ERROR)
        if first & 0x0F >= _CLOSE:
            if length > _CONTROL_MAX or not first & _FINAL:
                raise _Violation(_PROTOCOL_ERROR)
        elif length + len(self._message or b"") > self._message_max:
            raise _Violation(_TOO_BIG)

    def _keep(self, partial: bytes, missing: int) -> None:
        self._partial = bytearray(partial)
        self._missing = missing

    def _take(self, first: int, payload: bytes) -> None:
        """One frame, of which `first` is the first byte."""
        opcode, final = first & 0x0F, first & _FINAL
        if opcode >= _CLOSE or not final:
            self._idle_frames += 1
            if self._idle_frames > _IDLE_FRAMES_MAX:
                raise _Violation(_REFUSED)
        if opcode >= _CLOSE:
            self._control(opcode, payload)
        elif opcode == _CONTINUATION:
            if self._message is None:
                raise _Violation(_PROTOCOL_ERROR)
            self._message += payload
            if final:
                message, self._message = bytes(self._message), None
                self._deliver(self._message_opcode, message)
        elif opcode > _BINARY or self._message is not None:
            raise _Violation(_PROTOCOL_ERROR)
        elif final:
            self._deliver(opcode, payload)
        else:
            self._message, self._message_opcode = bytearray(payload), opcode

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            if not self.closed:
                self._say_goodbye(_answer(payload), b"")
            self._deaf = True
            self._transport.close()
        elif opcode == _PING:
            # Who does not read our answers gets no more of them.
            if not self.closed and self._writable is None:
                self._write(_PONG, payload)
        elif opcode != _PONG:
            raise _Violation(_PROTOCOL_ERROR)

    def _deliver(self, opcode: int, payload: bytes) -> None:
        if self._said_goodbye:
            return
        self._message_max = self._later_message_max
        message: bytes | ProtocolError = payload
        if opcode == _BINARY:
            message = ProtocolError("bad_json", "a binary frame; every frame is text")
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(message)
            return
        if self._unread is None:
            self._unread = deque()
        self._unread.append(message)
        self._unread_bytes += len(payload) + _MESSAGE_BYTES
        if self._unread_bytes < _UNREAD_BYTES_MAX or self._reading_paused:
            return
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._reading_paused = True

    def _resume_reading(self) -> None:
        if self._reading_paused and not self._transport.is_closing():
            self._transport.resume_reading()
        self._reading_paused = False

    def _end(self) -> None:
        """What has come is still received; then there is no more."""
        self._ended = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _say_goodbye(self, code: int, reason: bytes) -> None:
        """The close frame; whoever does not answer it is cut off."""
        self._write(_CLOSE, code.to_bytes(2, "big") + reason)
        self._said_goodbye = True
        self._end()
        self._timer.cancel()
        self._timer = self._loop.call_later(_GOODBYE_SECONDS, self._transport.abort)

    def _fail(self, code: int) -> None:
        """Who has broken the rules of frames hears why.

        Closing a connection on which bytes wait to be read resets it, and the reset overtakes the
        close frame. So what still comes is dropped for a while, and only our own direction is
        closed at once.
        """
        self._deaf = True
        self._partial = self._message = None
        if self.closed:
            self._transport.abort()
            return
        self._say_goodbye(code, b"")
        self._transport.write_eof()

    def _beat(self) -> None:
        self._silent_beats += 1
        if self._silent_beats == 2:
            self._write(_PING, b"")
        if self._silent_beats > 2 or self._is_stalled():
            self._transport.abort()
            return
        self._idle_frames = 0
        self._timer = self._loop.call_later(self._beat_seconds, self._beat)

    def _is_stalled(self) -> bool:
        """Whether the client has read nothing for several beats, though something waits for it: it
        may well answer pings, and keeps what waits in memory.
        """
        if self._writable is None:
            return False
        waiting = self._transport.get_write_buffer_size()
        before, beats = self._stalled
        # Nothing but a ping of ours is added meanwhile.
        self._stalled = (waiting, beats + 1 if waiting >= before else 0)
        return self._stalled[1] > _STALLED_BEATS_MAX

    def _write(self, opcode: int, payload: bytes, *rest: bytes) -> None:
        # Nearly all are of one part, and sent to everybody in a pad: that way is the short one.
        length = len(payload) + sum(map(len, rest)) if rest else len(payload)
        if length < 126:
            header = bytes((_FINAL | opcode, length))
        elif length < 65_536:
            header = _LONG(_FINAL | opcode, 126, length)
        else:
            header = _LONGER(_FINAL | opcode, 127, length)
        if length <= _COPIED_MAX:
            self._transport.write(header + payload + b"".join(rest) if rest else header + payload)
        else:
            # Not copied: whoever does not read keeps no bytes but those that others have too.
            self._transport.writelines((header, payload, *rest))


def _answer(goodbye: bytes) -> int:
    """The code to answer a peer's goodbye with: its own, if it is one that may be sent."""
    if not goodbye:
        return _NORMAL
    code = int.from_bytes(goodbye[:2], "big") if len(goodbye) > 1 else 0
    if not (3000 <= code < 5000 or (1000 <= code < 1015 and code not in (1004, 1005, 1006))):
        return _PROTOCOL_ERROR
    try:
        goodbye[2:].decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    return code


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """As a number, because that is one operation for all of it."""
    length = len(payload)
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(length, "little")
