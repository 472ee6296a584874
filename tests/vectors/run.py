"""plays `wire.json` against a running server: `python -m tests.vectors.run http://127.0.0.1:8080`

It is every client of a script at once, over real WebSockets, says what they say, and looks whether
the server tells what it should. How the server cuts the log into frames is its own business, so
entries are compared by revision and deltas by what they do; see docs/reference/conformance.md. Each
case has a new pad. An operation counts as heard when the server has answered the ping behind it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import Any

import aiohttp
import click

from ot.messages import SUBPROTOCOL
from ot.runs import compose_all

__all__ = ["Differs", "LeftOut", "cases", "play"]

Step = dict[str, Any]
# From one revision to another, by an operation; (session, seq) if it is one entry.
Piece = tuple[int, int, list[Any], tuple[str, int] | None]

# Far more than an answer takes.
ANSWER_SECONDS_MAX = 10.0
# The server's to choose, by type of frame: they have to be there, as something of the same type.
CHOSEN = {
    "welcome": ("epoch", "color", "title", "language", "view_history", "limits"),
    "error": ("message",),
}
# Frames that come as the answer to something; presence comes when it likes.
ANSWERS = ("welcome", "pong", "error")


class Differs(AssertionError):
    """The server does otherwise than the script."""


class LeftOut(Exception):
    """The server is not set up as the case needs it."""


class Line:
    """One WebSocket, and what has come over it and was not looked at."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, step: Step) -> None:
        self.own = step["id"]
        self._socket = socket
        self._waiting: list[Step] = []
        self._pieces: list[Piece] = []
        self._pings = 0

    async def say(self, frame: str) -> None:
        await self._socket.send_str(frame)

    async def heard(self) -> None:
        """Wait until the server has heard all that was said, or has closed the connection."""
        self._pings += 1
        await self.say(json.dumps({"type": "ping", "n": self._pings}))
        while (frame := await self._receive())["type"] not in ("pong", "error"):
            self._waiting.append(frame)
        if frame["type"] == "error":
            self._waiting.append(frame)

    async def next(self, kind: str) -> Step:
        """The next frame that is not of the log; it has to be of this type."""
        while True:
            frame = self._waiting.pop(0) if self._waiting else await self._receive()
            if frame["type"] in ("ops", "delta"):
                self._pieces += pieces(frame)
            elif frame["type"] == kind:
                return frame
            elif frame["type"] in ANSWERS:
                raise Differs(f"{frame} instead of {kind}")

    async def log(self, start: int, end: int) -> list[Piece]:
        """What came of the log, from one revision to another."""
        while not self._pieces or self._pieces[-1][1] < end:
            frame = self._waiting.pop(0) if self._waiting else await self._receive()
            if frame["type"] in ("ops", "delta"):
                self._pieces += pieces(frame)
            elif frame["type"] in ANSWERS:
                raise Differs(f"{frame} instead of revision {end}")
        found = [piece for piece in self._pieces if start <= piece[0] and piece[1] <= end]
        if [piece[0] for piece in found] != [start, *[piece[1] for piece in found[:-1]]]:
            raise Differs(f"{found} does not lead from revision {start} to {end}")
        self._pieces = [piece for piece in self._pieces if piece[0] >= end]
        return found

    async def closed(self) -> int | None:
        """The close code."""
        while True:
            frame = await self._socket.receive(timeout=ANSWER_SECONDS_MAX)
            if frame.type is not aiohttp.WSMsgType.TEXT:
                return self._socket.close_code

    async def cut(self) -> None:
        await self._socket.close()

    async def _receive(self) -> Step:
        frame = await self._socket.receive(timeout=ANSWER_SECONDS_MAX)
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise Differs(f"closed with code {self._socket.close_code}")
        message: Step = frame.json()
        return message


def pieces(frame: Step) -> list[Piece]:
    """A frame of the log, cut at revisions."""
    start = frame["from"]
    if frame["type"] == "delta":
        return [(start, frame["to"], frame["op"], None)]
    return [
        (revision, revision + 1, op, (session, seq))
        for revision, (session, seq, op) in enumerate(frame["ops"], start)
    ]


class Play:
    """A script at work against one pad."""

    def __init__(self, http: aiohttp.ClientSession, url: str, pad: str) -> None:
        self._http = http
        self._url = f"{url.replace('http', 'ws', 1)}/ws/{pad}"
        self._lines: dict[str, Line] = {}
        self._epochs: dict[str, str] = {}  # the script's -> the server's

    async def step(self, step: Step) -> None:
        """Do what the clients do, and look at what the server does."""
        match step["do"]:
            case "open":
                self._lines[step["who"]] = await self.line(step)
            case "say" if not step.get("lost"):
                await self._say(self._lines[step["who"]], step["frame"])
            case "tell":
                await self._tell(self._lines[step["who"]], step["frame"])
            case "cut":
                await self._lines.pop(step["who"]).cut()
            case "closed":
                same("the close code", step["code"], await self._lines.pop(step["who"]).closed())
            case "pad":
                await self._look(step)

    async def line(self, step: Step) -> Line:
        """A new connection, which has said nothing yet."""
        socket = await self._http.ws_connect(self._url, protocols=[SUBPROTOCOL], max_msg_size=0)
        return Line(socket, step)

    async def say_raw(self, who: str, frame: str) -> None:
        """Say what may be no message at all."""
        await self._lines[who].say(frame)

    async def _say(self, line: Line, frame: Step) -> None:
        if frame.get("epoch") in self._epochs:
            frame = {**frame, "epoch": self._epochs[frame["epoch"]]}
        await line.say(json.dumps(frame))
        if frame["type"] == "op":
            await line.heard()

    async def _tell(self, line: Line, frame: Step) -> None:
        if frame["type"] in ("ops", "delta"):
            expected = pieces(frame)
            same_log(expected, await line.log(expected[0][0], expected[-1][1]), line.own)
            return
        told = await line.next(frame["type"])
        if frame["type"] == "welcome":
            self._epochs[frame["epoch"]] = told.get("epoch", "")
            same("whether there is a text", "text" in frame, "text" in told)
        for name, value in frame.items():
            if name not in CHOSEN.get(frame["type"], ()):
                same(f"{name} of {frame['type']}", value, told.get(name))
            elif type(told.get(name)) is not type(value):
                raise Differs(f"{name} of {frame['type']} is {told.get(name)!r}")

    async def _look(self, step: Step) -> None:
        """What a reader who comes now is shown."""
        reader = await self.line({"id": ""})
        keys = {"session": secrets.token_urlsafe(16), "person": secrets.token_urlsafe(16)}
        await reader.say(json.dumps({"type": "hello", **keys, "name": "reader", "color": 0}))
        told = await reader.next("welcome")
        same("the revision", step["revision"], told["revision"])
        same("the text", step["text"], told.get("text"))
        await reader.cut()


def same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise Differs(f"{what} is {found!r}, and should be {expected!r}")


def same_log(expected: list[Piece], found: list[Piece], own: str) -> None:
    """Entries one by one where both have entries, and all of it by what it does. A client's own
    entry may not be part of a delta.
    """
    entries = {piece[1]: piece for piece in found if piece[3]}
    for piece in expected:
        one = piece[3]
        if one and (piece[1] in entries or one[0] == own):
            same(f"revision {piece[1]}", piece, entries.get(piece[1]))
    same("the composed operation", *(compose_all([p[2] for p in log]) for log in (expected, found)))


# --- Cases ----------------------------------------------------------------------------------------


def cases(content: str | None = None) -> list[Step]:
    """All cases for servers as one list: what is refused is a conversation, too. Of `wire.json`,
    or of what such a file has said.
    """
    file = json.loads(content or Path(__file__).with_name("wire.json").read_text())
    (before,) = file["before_refused"]
    opening = [step for step in before["steps"] if step["do"] == "open"]
    refused = [{**case, "steps": before["steps"]} for case in file["refused"]]
    first = [{**case, "steps": opening} for case in file["refused_first"]]
    return [*file["conversations"], *file["servers"], *refused, *first]


async def play(url: str, case: Step) -> None:
    """Play a case on a new pad. Raises Differs, or LeftOut if the server's limits do not fit."""
    async with aiohttp.ClientSession() as http:
        pad = f"conformance-{secrets.token_urlsafe(12)}"
        form = {"id": pad}
        async with http.post(f"{url}/p", data=form, allow_redirects=False) as answer:
            same("the answer to POST /p", 303, answer.status)
        at_work = Play(http, url, pad)
        await _check_needs(at_work, case.get("needs", {}))
        for step in case["steps"]:
            await at_work.step(step)
        if "frame" in case:
            await _refused(at_work, case)


async def _check_needs(at_work: Play, needs: dict[str, int]) -> None:
    if not needs:
        return
    reader = await at_work.line({"id": ""})
    keys = {"session": "s" * 22, "person": "p" * 22}
    await reader.say(json.dumps({"type": "hello", **keys, "name": "", "color": 0}))
    limits = (await reader.next("welcome"))["limits"]
    await reader.cut()
    for name, value in needs.items():
        if limits.get(name) != value:
            raise LeftOut(f"needs a server whose {name} is {value}; it is {limits.get(name)}")


async def _refused(at_work: Play, case: Step) -> None:
    """Say one frame, and be sent away with the right error."""
    who = case["steps"][0]["who"]
    frame: str = case["frame"].replace("~", "x" * case["many"]) if "many" in case else case["frame"]
    await at_work.say_raw(who, frame)
    told = {name: case[name] for name in ("code", "action", "seq")}
    await at_work.step({"do": "tell", "who": who, "frame": {"type": "error", **told}})
    await at_work.step({"do": "closed", "who": who, "code": case["close"]})


# --- The command ----------------------------------------------------------------------------------


async def _run(url: str) -> int:
    failed = 0
    for case in cases():
        try:
            async with asyncio.timeout(6 * ANSWER_SECONDS_MAX):
                await play(url, case)
            outcome = "passed"
        except LeftOut as reason:
            outcome = f"left out: {reason}"
        except (Differs, TimeoutError, aiohttp.ClientError, OSError) as error:
            failed += 1
            outcome = f"FAILED: {str(error) or type(error).__name__}"
        click.echo(f"{case['name']}: {outcome}")
    click.echo(f"{failed} of {len(cases())} failed")
    return 1 if failed else 0


@click.command()
@click.argument("url")
def main(url: str) -> None:
    """Play the conversations of wire.json against the server at URL, such as http://host:8080."""
    sys.exit(asyncio.run(_run(url.rstrip("/"))))


if __name__ == "__main__":
    main()
