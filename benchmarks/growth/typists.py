"""writers on one pad who do not hold its text: what they cost does not grow with it

They are the real client machine, and a caret. At the end the text that a newcomer is given has to
be the one that they began with and all that they were told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Final

from benchmarks.growth.serving import Server
from benchmarks.growth.wire import Line, hello, masked, open_pad
from benchmarks.server.processes import Failure
from ot.client import Client as Machine
from ot.messages import (
    DeltaMessage,
    OpsMessage,
    ServerMessage,
    Welcome,
    decode_server,
    encode,
)
from ot.operation import Operation, apply, length_change
from ot.runs import compose_all
from server.load.figures import Histogram
from server.load.process import Usage
from server.load.typist import Typist

__all__ = ["Crew", "type_into"]

_WARM_UP_SECONDS: Final = 1.0
# Seconds for all to be welcomed, and for the last edit to be everywhere.
_JOIN_SECONDS_MAX: Final = 60.0
_DRAIN_SECONDS_MAX: Final = 30.0
_LOOK_SECONDS: Final = 0.01
# Frames that are kept decoded: each comes once for every writer.
_FRAMES_MAX: Final = 64


class Crew:
    """What all writers share: the measured seconds, and what was seen in them."""

    def __init__(self) -> None:
        self.seen = Histogram()
        self.acknowledged = 0
        # Edits made from then on count.
        self.begin = float("inf")
        # When each edit was made, the first key of it, by session and seq.
        self.made: dict[tuple[str, int], float] = {}
        self._frames: dict[bytes, ServerMessage] = {}

    def decode(self, frame: bytes) -> ServerMessage:
        """A frame, decoded once for all."""
        message = self._frames.get(frame)
        if message is None:
            message = self._frames[frame] = decode_server(frame)
            if len(self._frames) > _FRAMES_MAX:
                del self._frames[next(iter(self._frames))]
        return message


class _Writer:
    """One of them."""

    def __init__(self, crew: Crew, pad: str, number: int, rate: float) -> None:
        self.machine = Machine()
        self.welcome: Welcome | None = None
        self.length = 0
        # All that it was told, its own edits too; only the first writer remembers it.
        self.told: list[Operation] = []
        self._number = number
        self._crew = crew
        # When the first edit in the buffer was made.
        self._edited_at = 0.0
        rng = Random(f"growth {number}")
        self._typist = Typist("steady", rate=rate, length=2**62, rng=rng)
        self.line = Line(pad, hello(f"Writer {number}"), self._receive)

    @property
    def settled(self) -> bool:
        return not self.machine.pending

    async def type_until(self, end: float) -> None:
        """Key by key."""
        due = time.monotonic() + self._typist.pause()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            op = self._typist.edit(self.length)
            self.length += length_change(op)
            if self.machine.buffer is None:
                self._edited_at = time.monotonic()
            self.machine.edit(op)
            self._flush()
            due += self._typist.pause()

    def _flush(self) -> None:
        assert self.welcome is not None
        message = self.machine.send(self.welcome.limits)
        if message is not None:
            self._crew.made[self.welcome.session, message.seq] = self._edited_at
            self.line.send(masked(encode(message)))

    def _receive(self, frame: bytes) -> None:
        now = time.monotonic()
        message = self._crew.decode(frame)
        if isinstance(message, Welcome):
            assert message.text is not None
            self.welcome = message
            self.length = len(message.text)
            self.machine = Machine(revision=message.revision, last_seq=message.committed[0])
        elif isinstance(message, OpsMessage | DeltaMessage):
            self._follow(message, now)

    def _follow(self, message: OpsMessage | DeltaMessage, now: float) -> None:
        assert self.welcome is not None
        own, crew = self.welcome.session, self._crew
        received = self.machine.receive(message, own)
        if received.op is not None:
            self._typist.receive(received.op)
            self.length += length_change(received.op)
        if isinstance(message, OpsMessage):
            for session, seq, _ in message.ops:
                made = crew.made.get((session, seq))
                if session != own and made is not None and made >= crew.begin:
                    crew.seen.add(now - made)
        if self._number == 0:
            self.told += (
                [op for _, _, op in message.ops]
                if isinstance(message, OpsMessage)
                else [message.op]
            )
        if received.acknowledged is not None:
            crew.acknowledged += 1
            self._flush()


async def type_into(
    server: Server, pad: str, *, writers: int, rate: float, seconds: float
) -> dict[str, float]:
    """Let them type, and tell how soon it was seen, and what it cost. Raises Failure."""
    crew = Crew()
    team = [_Writer(crew, pad, number, rate) for number in range(writers)]
    loop = asyncio.get_running_loop()
    try:
        for writer in team:
            await loop.create_connection(lambda one=writer: one.line, "127.0.0.1", server.port)  # type: ignore[misc]
        await _until(lambda: all(one.welcome is not None for one in team), _JOIN_SECONDS_MAX)
        begin = time.monotonic() + _WARM_UP_SECONDS
        end = begin + seconds
        typing = [asyncio.create_task(one.type_until(end)) for one in team]
        await asyncio.sleep(begin - time.monotonic())
        crew.begin = time.monotonic()
        first, before = server.used(), crew.acknowledged
        await asyncio.gather(*typing)
        last, after = server.used(), crew.acknowledged
        await _until(lambda: all(one.settled for one in team), _DRAIN_SECONDS_MAX)
        newest = max(one.machine.revision for one in team)
        await _until(
            lambda: all(one.machine.revision == newest for one in team), _DRAIN_SECONDS_MAX
        )
        await asyncio.to_thread(_compare, team, server, pad)
    finally:
        for writer in team:
            writer.line.close()
    return _figures(crew, first, last, after - before)


def _figures(crew: Crew, first: Usage, last: Usage, edits: int) -> dict[str, float]:
    seen = crew.seen.latency()
    if seen.p50 is None or seen.p95 is None or not edits:
        raise Failure("nobody has seen anything")
    cpu = last.cpu_seconds - first.cpu_seconds
    return {"p50": seen.p50, "p95": seen.p95, "cpu": cpu / edits * 1_000, "edits": edits}


def _compare(team: list[_Writer], server: Server, pad: str) -> None:
    """Raises Failure unless a newcomer has the text that everybody's frames lead to."""
    first = team[0].welcome
    assert first is not None and first.text is not None
    text = apply(first.text, compose_all(team[0].told))
    right = open_pad(server.port, pad).welcome().text
    if text != right or any(one.length != len(text) for one in team):
        raise Failure("the texts differ")


async def _until(done: Callable[[], bool], seconds_max: float) -> None:
    end = time.monotonic() + seconds_max
    # What is waited for comes at many writers, of which none knows about the others.
    while not done():
        if time.monotonic() > end:
            raise Failure(f"still waiting after {seconds_max:g} s")
        await asyncio.sleep(_LOOK_SECONDS)
