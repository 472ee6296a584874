"""one client: a WebSocket, the real client machine, and who sits before it"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from random import Random
from typing import Final

import aiohttp

from ot.client import Client as Machine
from ot.client import Desync
from ot.errors import DeltapadError
from ot.messages import (
    SUBPROTOCOL,
    ErrorMessage,
    Hello,
    Limits,
    PresenceMessage,
    Welcome,
    encode,
)
from ot.operation import apply, length_change
from server.load.board import Board
from server.load.figures import Figures
from server.load.plan import Plan, Seat
from server.load.replica import LogFrame, Replica, State
from server.load.typist import Typist
from server.session import public_id

__all__ = ["Client", "Crew"]

# Seconds before a lost connection is made again, at most: all of them were lost at once.
_RETRY_SECONDS: Final = 1.0
# Seconds that somebody who leaves stays away, at most.
_AWAY_SECONDS: Final = 1.0
# Seconds for a connection to be made and welcomed.
_JOIN_SECONDS: Final = 30.0


class Crew:
    """What all clients of a process share."""

    def __init__(self, plan: Plan, board: Board, http: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.board = board
        self.http = http
        # What has happened since they were last taken away.
        self.figures = Figures()
        self.errors: Counter[str] = Counter()
        # The typing begins, and goes on until it is over.
        self.started = asyncio.Event()
        self.over = False


class Client:
    """One client."""

    def __init__(self, seat: Seat, crew: Crew, replica: Replica) -> None:
        plan = crew.plan
        self.seat = seat
        # The text at the machine's revision; None before the first welcome.
        self.state: State | None = None
        # Why it has given up; empty if it has not.
        self.lost = ""
        self.machine = Machine()
        self.joined = asyncio.Event()
        self._crew = crew
        self._replica = replica
        self._rng = Random(f"{plan.seed} {seat.number}")
        self._typist = Typist(plan.model, rate=plan.rate, length=plan.length, rng=self._rng)
        self._name = f"{'Reader' if seat.writer is None else 'Writer'} {seat.number}"
        self._key = plan.session_key(seat)
        self._session = public_id("session", self._key)
        self._flat_out = seat.writer is not None and not plan.rate
        self._url = f"{plan.server.replace('http', 'ws', 1)}/ws/{plan.pad(seat.pad)}"
        self._socket: aiohttp.ClientWebSocketResponse[bool] | None = None
        self._limits: Limits | None = None
        self._epoch = ""
        # The text on screen, while it is not that of `state`; and its length, always.
        self._screen: str | None = None
        self._length = 0
        # When the first edit in the buffer was made, and when what is in flight was sent.
        self._edited_at = 0.0
        self._sent_at = 0.0
        self._away = False
        # Deliveries so far: which edit of a frame is timed goes round.
        self._turn = seat.number

    @property
    def connected(self) -> bool:
        """Whether it is in the pad now."""
        return self._socket is not None

    @property
    def settled(self) -> bool:
        """Whether all that it typed is acknowledged, or it has given up."""
        return bool(self.lost) or (self._socket is not None and not self.machine.pending)

    def start(self) -> list[asyncio.Task[None]]:
        """Connect, and again whenever the connection is lost, and type, until cancelled."""
        tasks = [asyncio.create_task(self._connect())]
        if self.seat.writer is not None:
            tasks.append(asyncio.create_task(self._type()))
        if self._crew.plan.moves:
            tasks.append(asyncio.create_task(self._move()))
        for task in tasks:
            task.add_done_callback(self._ended)
        return tasks

    async def leave(self) -> bool:
        """Go away and come again as a page that is loaded anew; False if that cannot be now."""
        if self._socket is None or self.machine.pending:
            return False
        self._away = True
        await self._socket.close()
        return True

    async def _connect(self) -> None:
        while not self.lost:
            try:
                await self._converse()
            except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                self._crew.errors[f"connection: {type(error).__name__}"] += 1
            except (Desync, DeltapadError) as error:
                self._give_up(f"{type(error).__name__}: {error}")
            finally:
                self._socket = None
            longest = _AWAY_SECONDS if self._away else _RETRY_SECONDS
            await asyncio.sleep(self._rng.uniform(0, longest))

    async def _converse(self) -> None:
        """One connection, from hello to its end."""
        known = self.state is not None and not self._away
        began = time.monotonic()
        async with asyncio.timeout(_JOIN_SECONDS) as patience:
            async with self._crew.http.ws_connect(
                self._url, protocols=(SUBPROTOCOL,), max_msg_size=0, decode_text=False
            ) as socket:
                hello = Hello(
                    session=self._key,
                    person=self._key,
                    name=self._name,
                    epoch=self._epoch if known else None,
                    revision=self.machine.revision if known else None,
                )
                await self._send(socket, encode(hello))
                while True:
                    frame = await socket.receive()
                    if frame.type is not aiohttp.WSMsgType.TEXT:
                        break
                    data = frame.data
                    assert isinstance(data, bytes)
                    self._crew.figures.frames_in += 1
                    self._crew.figures.bytes_in += len(data)
                    message = self._replica.read(data)
                    if isinstance(message, LogFrame):
                        await self._receive(message)
                    elif isinstance(message, Welcome):
                        patience.reschedule(None)
                        self._welcome(message, known=known)
                        self._crew.figures.joined.add(time.monotonic() - began)
                        self._socket = socket
                        await self._resume()
                    elif isinstance(message, ErrorMessage):
                        self._refused(message)
                        return
        if not self._away:
            self._crew.errors["connection closed by the server"] += 1

    def _welcome(self, message: Welcome, *, known: bool) -> None:
        if message.text is not None:
            if known:
                # It has been told of revisions that the server does not have.
                self._crew.errors["revisions lost by the server"] += 1
            self.machine = Machine(revision=message.revision, last_seq=message.committed[0])
            self.state = self._replica.enter(message.revision, message.text)
            self._screen = None
            self._length = len(message.text)
        self._limits = message.limits
        self._epoch = message.epoch
        self._away = False
        self.joined.set()

    async def _receive(self, frame: LogFrame) -> None:
        """Take in a part of the log."""
        assert self.state is not None
        now = time.monotonic()
        if frame.start != self.state.revision:
            raise Desync(f"revision {frame.start} follows {self.state.revision}")
        machine = self.machine
        own = self._session in frame.sessions
        # The machine need not compose again what has been composed for all.
        part = frame.message if own else frame.delta
        received = machine.receive(part, self._session)
        self.state = self._replica.follow(self.state, frame)
        if received.op is not None:
            self._typist.receive(received.op)
            self._length += length_change(received.op)
        self._seen(frame, now, own=own)
        if machine.pending:
            if self._screen is not None and received.op is not None:
                self._screen = apply(self._screen, received.op)
        elif self._screen is not None:
            if received.op is not None:
                self._screen = apply(self._screen, received.op)
            if self._screen != self.state.text:
                raise Desync(f"the screen is not the text of revision {self.state.revision}")
            self._screen = None
        if received.acknowledged is not None:
            self._crew.figures.acked += 1
            self._crew.figures.acknowledged.add(now - self._sent_at)
            await self._resume()

    def _seen(self, frame: LogFrame, now: float, *, own: bool) -> None:
        """Note when others' edits arrived. One edit of the frame, in turn, stands for all of it;
        only the longest time is taken of each.
        """
        others = frame.end - frame.start - own
        if not others:
            return
        figures = self._crew.figures
        figures.deliveries += others
        self._turn += 1
        count = len(frame.times)
        pick = self._turn % count
        if own and frame.sessions[pick] == self._session:
            pick = (pick + 1) % count
        made = frame.times[pick]
        if made is None:
            figures.untimed += others
            return
        figures.seen.add(now - made, others)
        assert frame.oldest is not None
        if not own:
            figures.seen.longest = max(figures.seen.longest, now - frame.oldest)

    async def _resume(self) -> None:
        """Go on typing and sending: after a welcome, or an acknowledgement."""
        assert self._socket is not None
        message = self.machine.resend()
        if message is not None:
            await self._send(self._socket, encode(message))
        elif self.machine.pending:
            await self._flush()
        elif self._flat_out and self._crew.started.is_set() and not self._crew.over:
            await self._edit()

    async def _type(self) -> None:
        """The writer at the keyboard."""
        crew = self._crew
        await crew.started.wait()
        if self._flat_out:
            # From here on every acknowledgement makes it type.
            if self._socket is not None and not self.machine.pending:
                await self._edit()
            return
        # Not all at once.
        due = time.monotonic() + self._rng.uniform(0, 1 / crew.plan.rate)
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if crew.over or self.lost:
                return
            if not self._away and self.state is not None:
                crew.figures.late.add(time.monotonic() - due)
                await self._edit()
            due += self._typist.pause()

    async def _move(self) -> None:
        """The caret goes somewhere in the text that the server has told of."""
        crew = self._crew
        await crew.started.wait()
        due = time.monotonic() + self._rng.uniform(0, 1 / crew.plan.moves)
        while not (crew.over or self.lost):
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += self._rng.uniform(0.5, 1.5) / crew.plan.moves
            if self._socket is None or self.state is None:
                continue
            caret = self._rng.randint(0, len(self.state.text))
            message = PresenceMessage(
                revision=self.state.revision,
                name=self._name,
                color=0,
                selections=[(caret, caret)],
            )
            crew.figures.moves += 1
            with contextlib.suppress(ConnectionError):
                await self._send(self._socket, encode(message))

    async def _edit(self) -> None:
        """One edit: on screen at once, and sent as soon as nothing is in flight."""
        assert self.state is not None
        op = self._typist.edit(self._length)
        self._screen = apply(self.state.text if self._screen is None else self._screen, op)
        self._length = len(self._screen)
        if self.machine.buffer is None:
            self._edited_at = time.monotonic()
        self.machine.edit(op)
        if self._socket is not None:
            await self._flush()

    async def _flush(self) -> None:
        """Send the buffer, if nothing is in flight."""
        assert self._socket is not None and self._limits is not None
        message = self.machine.send(self._limits)
        if message is not None:
            assert self.seat.writer is not None
            self._crew.board.edited(self.seat.writer, message.seq, self._edited_at)
            self._sent_at = time.monotonic()
            try:
                await self._send(self._socket, encode(message))
            except ConnectionError:
                # The reading end finds that out too, and connects again.
                return

    async def _send(self, socket: aiohttp.ClientWebSocketResponse[bool], data: bytes) -> None:
        self._crew.figures.bytes_out += len(data)
        await socket.send_frame(data, aiohttp.WSMsgType.TEXT)

    def _refused(self, message: ErrorMessage) -> None:
        self._crew.errors[f"server: {message.code}"] += 1
        if message.action != "reconnect":
            self._give_up(f"{message.code}: {message.message}")

    def _give_up(self, why: str) -> None:
        self.lost = why
        self._crew.errors[f"given up: {why}"] += 1
        self.joined.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug in a client is not a client less, but one whose text is missing at the end."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._give_up(f"a bug: {error!r}")
