"""types a recording into a running pad, one client for each author, at any speed"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from client_py import PadClient
from ot.diff import diff
from ot.operation import Component, Operation, compose, transform
from server.doors import PAD_ID, PAD_ID_RULE
from server.replay import Step

__all__ = ["AUTHORS_MAX", "LiveError", "Target", "paced", "type_into"]

# More connections than this to one pad are a load test, not a replay.
AUTHORS_MAX: Final = 64
# Seconds. Nobody wants to watch an author think for longer than this, whatever the speed.
PAUSE_MAX: Final = 1.5
# Milliseconds between two edits that have no times, or one and the same (many traces know only
# seconds): quick typing.
_RHYTHM_MS: Final = 120
# Edits between two waits for the server, so that what is on its way stays small.
_UNSEEN_MAX: Final = 500
# Seconds that the server may take to answer to that.
_PATIENCE: Final = 60.0

# Who is seen typing, for recordings know people by their ids only.
_NAMES: Final = (
    *("Ada", "Ben", "Chidi", "Dana", "Emre", "Fatou", "Grete", "Hiro"),
    *("Ines", "Jonas", "Kavya", "Luca", "Mei", "Noor", "Olga", "Pablo"),
)


class LiveError(Exception):
    """The pad cannot be typed into; says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pad on a server."""

    server: str
    pad: str

    @classmethod
    def parse(cls, url: str, pad: str | None) -> Target:
        """From the address of a server, or of a pad (`…/p/NAME`). Raises LiveError."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise LiveError(
                f"{url!r} is not the address of a server, such as http://127.0.0.1:8080"
            )
        folder, _, name = parts.path.rpartition("/p/") if "/p/" in parts.path else ("", "", "")
        name = (name or "replay") if pad is None else pad
        if not PAD_ID.fullmatch(name):
            raise LiveError(f"{name!r} cannot be a pad's name: {PAD_ID_RULE}")
        return cls(f"{parts.scheme}://{parts.netloc}{folder}", name)

    @property
    def url(self) -> str:
        """Where people open it."""
        return f"{self.server}/p/{self.pad}"

    async def make(self) -> None:
        """Make the pad if it is not there. Raises LiveError."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as http,
                http.post(
                    f"{self.server}/p", data={"id": self.pad}, allow_redirects=False
                ) as answer,
            ):
                if answer.status != 303:
                    raise LiveError(f"{self.server} answers {answer.status} {answer.reason}")
        except aiohttp.ClientConnectorError as error:
            # Its own words name the host again, and TLS where there is none.
            raise LiveError(f"{self.server} cannot be reached: {_why(error.os_error)}") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise LiveError(f"{self.server} cannot be reached: {error}") from None


def _why(error: OSError) -> str:
    """The system's words for it; an address that was not found has no number of the system."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def paced(steps: Iterable[Step], speed: float | None) -> Iterator[tuple[Step, float]]:
    """Each step, and the seconds to wait before it; no waiting without a speed."""
    last: int | None = None
    # Milliseconds by which it has fallen behind the recording, typing what had one and the same
    # time: the next pause is shorter for it.
    behind = 0
    for step in steps:
        gap = 0 if last is None or step.time_ms is None else step.time_ms - last
        last = step.time_ms
        if gap > 0:
            wait = max(0, gap - behind)
            behind = max(0, behind - gap)
        else:
            wait = _RHYTHM_MS
            behind += wait
        yield step, 0.0 if speed is None else min(PAUSE_MAX, wait / 1_000 / speed)


async def type_into(
    target: Target, start: str, steps: Iterable[Step], *, speed: float | None
) -> str:
    """Type all steps, each by a client of its author; the text of the pad when all is durable and
    with every client.

    Authors take turns: who goes on waits until the other's edits are durable, and here. What else
    is in the pad, or typed into it meanwhile, stays; the recording moves around it. Raises
    LiveError, and Refused if the server refuses an edit.
    """
    async with AsyncExitStack() as stack:
        turns = _Turns(target, stack)
        if start:
            steps = _with_start(start, steps)
        unseen = 0
        for step, seconds in paced(steps, speed):
            typist = await turns.to(step.author)
            if seconds:
                await asyncio.sleep(seconds)
            turns.type(step.op)
            unseen += 1
            if unseen == _UNSEEN_MAX:
                unseen = 0
                await _within(typist.synchronised())
            elif unseen % 16 == 0:
                # Without a pause nothing would be sent or received.
                await asyncio.sleep(0)
        return await turns.finish()


def _with_start(start: str, steps: Iterable[Step]) -> Iterator[Step]:
    """What a recording starts with is typed by its first author."""
    for number, step in enumerate(steps):
        if number == 0:
            yield Step([start], step.author, 1, step.time_ms)
        yield step


class _Turns:
    """Who types, and what lies between the recording's text and the pad's."""

    def __init__(self, target: Target, stack: AsyncExitStack) -> None:
        self._target = target
        self._stack = stack
        self._clients: dict[str, PadClient] = {}
        self._typist: PadClient | None = None
        # Leads from the recording's text to the typist's.
        self._other: list[Component] = []

    async def to(self, author: str) -> PadClient:
        """Give the turn to an author, whose client is connected when it is first needed."""
        client = self._clients.get(author)
        if client is self._typist and client is not None:
            return client
        before = self._typist
        if before is not None:
            await _within(before.synchronised())
        if client is None:
            client = self._clients[author] = await self._connect()
        if before is None:
            text = ""
        else:
            await _within(client.reached(before.revision))
            text = before.text
        self._other = compose(self._other, diff(text, client.text))
        self._typist = client
        return client

    async def _connect(self) -> PadClient:
        number = len(self._clients)
        if number >= AUTHORS_MAX:
            raise LiveError(f"the recording has more than {AUTHORS_MAX} authors")
        name = _NAMES[number] if number < len(_NAMES) else f"Author {number + 1}"
        client: PadClient

        def heard(op: Operation) -> None:
            # While it is its turn, whatever arrives is not of the recording.
            if client is self._typist:
                self._other = compose(self._other, op)

        client = PadClient(self._target.server, self._target.pad, name=name, on_change=heard)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._stack.enter_async_context(client)
        except TimeoutError:
            raise LiveError(f"{self._target.url} cannot be reached") from None

    def type(self, op: Operation) -> None:
        """Have the typist do a step of the recording, around what else there is."""
        assert self._typist is not None
        self._other, op = transform(self._other, op)
        if op:
            self._typist.edit(op)

    async def finish(self) -> str:
        """Wait until all is durable and everywhere; the text."""
        if self._typist is None:
            return (await self.to("")).text
        await _within(self._typist.synchronised())
        for client in self._clients.values():
            await _within(client.reached(self._typist.revision))
        return self._typist.text


async def _within(wait: Coroutine[None, None, None]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await wait
    except TimeoutError:
        raise LiveError(f"the server has not answered for {_PATIENCE:.0f} seconds") from None
