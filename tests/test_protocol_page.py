"""a client written from the protocol page alone: what the page says is enough

The first half of this file is that client: `docs/reference/protocol.md` in plain Python, with
nothing of this project imported. The second half lets it loose on a real server. Read it beside
the page when you write a client in another language.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import random
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import ServerProcess
from tests.wire import view_link

VECTORS = Path(__file__).parent / "vectors"

# --- Section 2: operations ------------------------------------------------------------------------

Component = int | str  # retain n: n, delete n: -n, insert s: s
Op = list[Component]


class Walk:
    """An operation, read from the left. A finished one retains for ever."""

    def __init__(self, op: Op) -> None:
        self._rest = op[::-1]

    def __bool__(self) -> bool:
        return bool(self._rest)

    @property
    def head(self) -> Component:
        return self._rest[-1] if self._rest else sys.maxsize

    def take(self, n: int) -> Component:
        """The next n code points of the head, which has at least that many."""
        head = self.head
        if self._rest:
            self._rest.pop()
            rest: Component
            if isinstance(head, str):
                rest = head[n:]
            else:
                rest = head - n if head > 0 else head + n
            if rest:
                self._rest.append(rest)
        if isinstance(head, str):
            return head[:n]
        return n if head > 0 else -n


def size(component: Component) -> int:
    return len(component) if isinstance(component, str) else abs(component)


def retains(component: Component) -> bool:
    return isinstance(component, int) and component > 0


def deletes(component: Component) -> bool:
    return isinstance(component, int) and component < 0


def normal(components: list[Component]) -> Op:
    """The same with neighbours of one kind joined, no zero, and no trailing retain."""
    op: Op = []
    for part in components:
        if not part:
            continue
        match op[-1] if op else None, part:
            case str(last), str(part):
                op[-1] = last + part
            case int(last), int(part) if (last > 0) == (part > 0):
                op[-1] = last + part
            case _:
                op.append(part)
    if op and retains(op[-1]):
        op.pop()
    return op


def apply(text: str, op: Op) -> str:
    parts = []
    position = 0
    for component in op:
        if isinstance(component, str):
            parts.append(component)
            continue
        end = position + abs(component)
        assert end <= len(text), "the operation reaches past the end of its text"
        if component > 0:
            parts.append(text[position:end])
        position = end
    return "".join(parts) + text[position:]


def transform(log_op: Op, op: Op) -> tuple[Op, Op]:
    """Section 2.1: (log_op', op') of two operations on the same text; log_op was first."""
    log_walk, walk = Walk(log_op), Walk(op)
    new_log_op: Op = []
    new_op: Op = []
    while log_walk or walk:
        if isinstance(log_walk.head, str):
            inserted = log_walk.take(size(log_walk.head))
            new_log_op.append(inserted)
            new_op.append(size(inserted))
        elif isinstance(walk.head, str):
            inserted = walk.take(size(walk.head))
            new_op.append(inserted)
            new_log_op.append(size(inserted))
        else:
            n = min(size(log_walk.head), size(walk.head))
            log_part, part = log_walk.take(n), walk.take(n)
            if not deletes(part):
                new_log_op.append(log_part)
            if not deletes(log_part):
                new_op.append(part)
    return normal(new_log_op), normal(new_op)


def compose(a: Op, b: Op) -> Op:
    """Section 2.2: the one operation that does a, then b."""
    a_walk, b_walk = Walk(a), Walk(b)
    composed: Op = []
    while a_walk or b_walk:
        if isinstance(b_walk.head, str):
            composed.append(b_walk.take(size(b_walk.head)))
        elif deletes(a_walk.head):
            composed.append(a_walk.take(size(a_walk.head)))
        else:
            n = min(size(a_walk.head), size(b_walk.head))
            a_part, b_part = a_walk.take(n), b_walk.take(n)
            if retains(b_part):
                composed.append(a_part)
            elif retains(a_part):
                composed.append(b_part)
    return normal(composed)


def split(op: Op, *, inserted_max: int, components_max: int) -> tuple[Op, Op]:
    """A first part within the limits and the rest, which is made on the text after it.

    The cut is inside or right after an insert, or beside a retain.
    """
    count = 0
    room = inserted_max
    for component in op[:components_max]:
        inserted = size(component) if isinstance(component, str) else 0
        if inserted > room:
            break
        room -= inserted
        count += 1
    if count == len(op):
        return op, []
    first, rest = op[:count], op[count:]
    cut = rest[0]
    if isinstance(cut, str) and room and count < components_max:
        first.append(cut[:room])
        rest[0] = cut[room:]
    while deletes(first[-1]) and not retains(rest[0]):
        rest.insert(0, first.pop())
    made = sum(size(component) for component in first if not deletes(component))
    return normal(first), normal([made, *rest])


# --- Sections 1, 3 to 7: the client ---------------------------------------------------------------


STOP_CODES = (1009, 4001)  # frame_too_large, which has no error frame, and replaced


def new_key() -> str:
    return secrets.token_urlsafe(24)  # 192 bits in 32 characters of [A-Za-z0-9_-]


def public_id(kind: str, key: str) -> str:
    digest = hashlib.sha256(f"deltapad {kind}:{key}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:22]


@dataclass
class InFlight:
    """The one operation that is sent and not yet acknowledged."""

    message: dict[str, Any]  # as it was sent; it is sent again like this, never changed
    op: Op  # transformed to the client's revision


class Client:
    """One session on one pad. `async with` it: it stays connected until the block ends.

    The text on screen is the text at `revision`, then `in_flight.op`, then `buffer`.
    """

    def __init__(self, ws_url: str, pad: str, name: str) -> None:
        """`pad` is the name of a pad, or `view/` and the key of a view-only link."""
        self.name = name
        self.role = "write"
        self.properties: dict[str, Any] = {}  # title, language, view_history
        self.people: dict[str, dict[str, Any]] = {}  # by public session id
        self.person = new_key()
        self.kept: list[str] = []  # what could not be saved, for the person to copy
        self.received: Counter[str] = Counter()  # frames, by type
        self.errors: list[dict[str, Any]] = []
        self.resent = 0
        self._url = f"{ws_url}/ws/{pad}"
        self._limits: dict[str, int] = {}
        self._ws: aiohttp.ClientWebSocketResponse | None = None  # from the welcome to the end
        self._task: asyncio.Task[None] | None = None
        self._start_again()

    def _start_again(
        self, revision: int | None = None, epoch: str | None = None, text: str = ""
    ) -> None:
        """A new session, with the given copy of the text or none. The next hello says so."""
        self.session = new_key()
        self.epoch = epoch
        self.revision = revision
        self.text = text
        self.last_seq = 0
        self.in_flight: InFlight | None = None
        self.buffer: Op = []

    @property
    def welcomed(self) -> bool:
        return self._ws is not None

    @property
    def pending(self) -> Op:
        """All that is on screen and not known to be in the log, on the text at `revision`."""
        return compose(self.in_flight.op if self.in_flight else [], self.buffer)

    # What the person does

    async def edit(self, op: Op) -> None:
        self.text = apply(self.text, op)
        self.buffer = compose(self.buffer, op)
        await self._send_next()

    async def set_properties(self, **properties: Any) -> None:
        await self._send({"type": "properties", **properties})

    async def look(self, **where: Any) -> None:
        """Tell what is looked at: `selections`, `following`, `history`."""
        where = {"name": self.name, "color": 0, "selections": [], **where}
        await self._send({"type": "presence", "revision": self.revision, **where})

    def cut(self) -> None:
        """The network is gone, in the middle of whatever was going on."""
        if self._ws is not None:
            self._ws.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            self._ws = None

    async def __aenter__(self) -> Client:
        self._task = asyncio.create_task(self._stay_connected())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    # The connection

    async def _stay_connected(self) -> None:
        attempt = 0
        timeout = aiohttp.ClientWSTimeout(ws_receive=10.0)  # nothing at all for so long: give up
        async with aiohttp.ClientSession() as http:
            while True:
                welcomes = self.received["welcome"]
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with http.ws_connect(
                        self._url, protocols=["deltapad.1"], max_msg_size=0, timeout=timeout
                    ) as ws:
                        pings = asyncio.create_task(self._ping(ws))
                        try:
                            await self._talk(ws)
                        finally:
                            self._ws = None
                            pings.cancel()
                    if ws.close_code in STOP_CODES:
                        return
                if self.errors and self.errors[-1]["action"] == "stop":
                    return
                attempt = 0 if self.received["welcome"] > welcomes else attempt + 1
                await asyncio.sleep(random.uniform(0, min(15.0, 0.5 * 2**attempt)))

    async def _ping(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            n = 0
            while True:
                await asyncio.sleep(5.0)
                n += 1
                await ws.send_json({"type": "ping", "n": n})

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Returns when this connection is of no more use."""
        who = {"session": self.session, "person": self.person, "name": self.name, "color": 0}
        copy = {"epoch": self.epoch, "revision": self.revision}
        await ws.send_json({"type": "hello", **who, **copy})
        async for frame in ws:
            message = json.loads(frame.data)
            self.received[message["type"]] += 1
            match message["type"]:
                case "welcome":
                    go_on = await self._on_welcome(ws, message)
                case "ops":
                    go_on = await self._on_ops(message)
                case "delta":
                    go_on = self._on_delta(message)
                case "presence":
                    go_on = self._on_presence(message)
                case "properties":
                    go_on = self._on_properties(message)
                case "error":
                    go_on = self._on_error(message)
                case _:
                    go_on = True  # pong, and what a newer server may send
            if not go_on:
                return

    async def _on_welcome(
        self, ws: aiohttp.ClientWebSocketResponse, message: dict[str, Any]
    ) -> bool:
        if self.revision is not None and "text" in message:  # our copy is of another history
            self._keep_pending()
            self._start_again(message["revision"], message["epoch"], message["text"])
            return False
        self._limits = message["limits"]
        self.role = message["role"]
        self._on_properties(message)
        if "text" in message:
            self.epoch = message["epoch"]
            self.revision = message["revision"]
            self.text = message["text"]
        self._ws = ws
        if self.in_flight is None:
            await self._send_next()
        else:
            self.resent += 1
            await self._send(self.in_flight.message)
        return True

    async def _on_ops(self, message: dict[str, Any]) -> bool:
        for revision, (session, seq, op) in enumerate(message["ops"], start=message["from"]):
            assert self.revision is not None
            if revision < self.revision:
                continue  # a repetition
            if revision > self.revision:
                return self._give_up_copy()
            if session != public_id("session", self.session):
                self._on_foreign(op)
            elif self.in_flight and [self.last_seq, self.in_flight.op] == [seq, op]:
                self.in_flight = None
            else:
                return self._give_up_copy()
            self.revision = revision + 1
        await self._send_next()
        return True

    def _on_delta(self, message: dict[str, Any]) -> bool:
        if message["to"] <= (self.revision or 0):
            return True  # a repetition
        if message["from"] != self.revision:
            return self._give_up_copy()
        self._on_foreign(message["op"])
        self.revision = message["to"]
        return True

    def _on_foreign(self, op: Op) -> None:
        if self.in_flight is not None:
            op, self.in_flight.op = transform(op, self.in_flight.op)
        op, self.buffer = transform(op, self.buffer)
        self.text = apply(self.text, op)

    def _on_presence(self, message: dict[str, Any]) -> bool:
        if message.get("everybody"):
            self.people.clear()
        for person in message["people"]:
            usual = {"role": "write", "following": None, "history": None}
            self.people[person["session"]] = usual | person
        for session in message.get("left", []):
            self.people.pop(session, None)
        return True

    def _on_properties(self, message: dict[str, Any]) -> bool:
        names = ("title", "language", "view_history")
        self.properties = {name: message[name] for name in names}
        return True

    def _on_error(self, message: dict[str, Any]) -> bool:
        self.errors.append(message)
        match message["action"]:
            case "draft":
                self._keep_pending()
                self._start_again()
            case "resession":
                self.session = new_key()
                self.last_seq = 0
                self.buffer = self.pending
                self.in_flight = None
        return False  # "stop" and "reconnect" keep everything as it is

    def _keep_pending(self) -> None:
        if self.pending:
            self.kept.append("".join(part for part in self.pending if isinstance(part, str)))

    def _give_up_copy(self) -> bool:
        """What should never happen: the copy is not what the server believes."""
        self.kept.append(self.text)
        self._start_again()
        return False

    async def _send_next(self) -> None:
        if self._ws is None or self.in_flight is not None or not self.buffer:
            return
        op, self.buffer = split(
            self.buffer,
            inserted_max=self._limits["op_inserted"],
            components_max=self._limits["op_components"],
        )
        self.last_seq += 1
        message = {"type": "op", "base": self.revision, "seq": self.last_seq, "op": op}
        self.in_flight = InFlight(message, op)
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        if self._ws is not None:
            with contextlib.suppress(ConnectionError):  # it is in flight: the next connection
                await self._ws.send_json(message)  # sends it again


# --- The vectors ----------------------------------------------------------------------------------


def vectors(file: str, group: str = "cases") -> list[Any]:
    cases = json.loads((VECTORS / file).read_text(encoding="utf-8"))[group]
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", vectors("transform.json"))
def test_transform(case: dict[str, Any]) -> None:
    log_op, op = transform(case["log_op"], case["op"])
    assert (log_op, op) == (case["new_log_op"], case["new_op"])
    assert apply(apply(case["text"], case["log_op"]), op) == case["result"]
    assert apply(apply(case["text"], case["op"]), log_op) == case["result"]


@pytest.mark.parametrize("case", vectors("transform.json", "catch_up"))
def test_transform_over_a_composition(case: dict[str, Any]) -> None:
    by_steps = transform(case["c"], transform(case["b"], case["a"])[1])[1]
    at_once = transform(compose(case["b"], case["c"]), case["a"])[1]
    assert by_steps == at_once == case["new_a"]


@pytest.mark.parametrize("case", vectors("compose.json"))
def test_compose(case: dict[str, Any]) -> None:
    composed = compose(case["a"], case["b"])
    assert composed == case["composed"]
    assert apply(case["text"], composed) == case["result"]


@pytest.mark.parametrize("case", vectors("compose.json", "split"))
def test_split(case: dict[str, Any]) -> None:
    limits = {name: case[name] for name in ("inserted_max", "components_max")}
    first, rest = split(case["op"], **limits)
    assert (first, rest) == (case["first"], case["rest"])
    assert compose(first, rest) == case["op"]


# --- The client on a real server ------------------------------------------------------------------

PAD = "page"
GRASS = "-" * 120  # what the typists may delete; what they type is unlike it


async def make_pad(server: ServerProcess) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}/p", data={"id": PAD}, allow_redirects=False) as answer,
    ):
        assert answer.headers["Location"].endswith(f"/p/{PAD}")


async def until(condition: Callable[[], bool], what: str, seconds: float = 8.0) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
    assert condition(), f"not within {seconds} s: {what}"


def agreed(*clients: Client) -> bool:
    """Nobody has anything to send, and so the revision that all have is the newest."""
    nothing_pending = all(not client.in_flight and not client.buffer for client in clients)
    return nothing_pending and len({client.revision for client in clients}) == 1


async def type_at_random(client: Client, letters: str, chance: random.Random) -> None:
    """Inserts each letter somewhere, now and then beside grass that it removes, over a network
    that breaks at every twentieth letter.
    """
    for number, letter in enumerate(letters, start=1):
        breaks = number % 20 == 0
        if breaks:
            await until(lambda: client.welcomed, "connected again")
        place = chance.randrange(len(client.text) + 1)
        edits: list[Op] = [[place, letter]]
        if client.text.startswith("---", place):
            edits += [[place, letter, -3], [place, -3, letter], [place, letter, 1, -1]]
        await client.edit(normal(chance.choice(edits)))
        if breaks:
            client.cut()
        await asyncio.sleep(chance.uniform(0, 0.01))


async def test_a_conversation_frame_by_frame(serve: ServerProcess) -> None:
    await make_pad(serve)
    session, person = new_key(), new_key()
    public = public_id("session", session)
    hello = {"type": "hello", "session": session, "person": person, "name": "Ada", "color": 0}
    op = {"type": "op", "base": 0, "seq": 1, "op": ["hi"]}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{serve.ws_url}/ws/{PAD}", protocols=["deltapad.1"]) as ws,
    ):

        async def answer_to(message: dict[str, Any]) -> Any:
            await ws.send_json(message)
            while (answer := await ws.receive_json())["type"] == "presence":
                pass
            return answer

        welcome = await answer_to(hello | {"epoch": None, "revision": None})
        assert (welcome["session"], welcome["person"]) == (public, public_id("person", person))
        assert (welcome["revision"], welcome["text"], welcome["committed"]) == (0, "", [0, 0])
        assert await answer_to(op) == {"type": "ops", "from": 0, "ops": [[public, 1, ["hi"]]]}
        await ws.send_json(op)  # neither an error nor in the log again
        assert await answer_to({"type": "ping", "n": 1}) == {"type": "pong", "n": 1}
        answer = await answer_to({"type": "op", "base": 1, "seq": 2, "op": [2, "!"]})
        assert answer == {"type": "ops", "from": 1, "ops": [[public, 2, [2, "!"]]]}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_typing_at_once_over_a_bad_network(
    seed: int, start_server: Callable[..., ServerProcess]
) -> None:
    chance = random.Random(seed)
    server = start_server("--ops-per-frame-max", "4")
    await make_pad(server)
    reader = Client(server.ws_url, PAD, "Reader")
    # 60 letters each; one alphabet is above U+FFFF: what counts is code points
    alphabets = ["".join(map(chr, range(a, a + 60))) for a in (0x100, 0x4E00, 0x20000)]
    async with contextlib.AsyncExitStack() as stack:
        typists = [
            await stack.enter_async_context(Client(server.ws_url, PAD, name))
            for name in ("Ada", "Grace", "Lin")
        ]
        async with reader:
            await until(lambda: reader.welcomed, "the reader's welcome")
            await reader.edit([GRASS])
            await until(lambda: agreed(reader, *typists), "the grass has grown")
            await reader.edit([60, "R"])
            reader.cut()  # the server has it, and the reader does not know
        async with asyncio.TaskGroup() as typing:
            for typist, alphabet in zip(typists, alphabets, strict=True):
                own_chance = random.Random(chance.random())
                typing.create_task(type_at_random(typist, alphabet, own_chance))
        assert reader.in_flight is not None  # and by now it is far behind
        async with reader:
            everybody = [reader, *typists]
            await until(lambda: agreed(*everybody), "all have everything")

    assert {client.text for client in everybody} == {reader.text}
    typed = "".join(["R", *alphabets])  # no letter twice
    assert sorted(reader.text.replace("-", "")) == sorted(typed)
    assert not any(client.kept or client.errors for client in everybody)
    assert reader.received["delta"] > 0
    assert reader.resent > 0 and sum(typist.resent for typist in typists) > 0
    assert all(typist.received["welcome"] == 4 for typist in typists)


async def test_a_killed_server_loses_nothing(serve: ServerProcess) -> None:
    await make_pad(serve)
    async with Client(serve.ws_url, PAD, "Ada") as ada, Client(serve.ws_url, PAD, "Lin") as lin:
        await until(lambda: ada.welcomed and lin.welcomed, "two welcomes")
        await ada.edit(["known "])
        await until(lambda: agreed(ada, lin), "both have it")
        await lin.edit([6, "unknown "])
        serve.kill()
        await ada.edit([6, "offline "])
        await asyncio.to_thread(serve.start)
        await until(lambda: agreed(ada, lin), "both have everything")
    assert ada.text == lin.text
    assert sorted(ada.text.split()) == ["known", "offline", "unknown"]


async def test_a_refused_edit_becomes_a_draft(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server("--pad-length-max", "10")
    await make_pad(server)
    async with Client(server.ws_url, PAD, "Ada") as ada, Client(server.ws_url, PAD, "Lin") as lin:
        await until(lambda: ada.welcomed and lin.welcomed, "two welcomes")
        await ada.edit(["full"])
        await until(lambda: agreed(ada, lin), "both have it")
        await ada.edit([4, " of draft"])
        await until(lambda: ada.kept != [], "the refusal")
        await until(lambda: ada.welcomed, "another welcome")
        await ada.edit([4, "er"])
        await until(lambda: agreed(ada, lin), "both have it again")

    [error] = ada.errors
    assert (error["code"], error["action"], error["seq"]) == ("pad_full", "draft", 2)
    assert ada.kept == [" of draft"]
    assert ada.text == lin.text == "fuller"
    assert not lin.errors and lin.received["welcome"] == 1  # it is nobody else's trouble


async def test_a_reused_seq_makes_a_new_session(serve: ServerProcess) -> None:
    await make_pad(serve)
    async with Client(serve.ws_url, PAD, "Ada") as ada, Client(serve.ws_url, PAD, "Lin") as lin:
        await until(lambda: ada.welcomed and lin.welcomed, "two welcomes")
        await ada.edit(["one"])
        await until(lambda: agreed(ada, lin), "both have it")
        before = ada.session
        ada.last_seq = 0  # as if a program had started from an older record
        await ada.edit([3, " two"])
        await ada.edit([7, " three"])
        await until(lambda: ada.errors != [] and agreed(ada, lin), "both have everything")

    [error] = ada.errors
    assert (error["code"], error["action"], error["seq"]) == ("seq_reused", "resession", 1)
    assert ada.text == lin.text == "one two three"
    assert ada.session != before


async def test_properties_and_a_reader(serve: ServerProcess) -> None:
    await make_pad(serve)
    address = view_link(serve.data, PAD)
    ada = Client(serve.ws_url, PAD, "Ada")
    lin = Client(serve.ws_url, address, "Lin")
    async with ada, lin:
        await until(lambda: ada.welcomed and lin.welcomed, "two welcomes")
        assert (ada.role, lin.role) == ("write", "read")
        assert lin.properties["title"] == "Untitled pad"
        new = {"title": "Autumn", "language": "c++", "view_history": False}
        await ada.set_properties(title=" Autumn ", language="c++")
        await ada.set_properties(view_history=False)
        await until(lambda: ada.properties == lin.properties == new, "both know")
        await ada.edit(["hello"])
        await until(lambda: lin.text == "hello", "the reader sees it")
        public = public_id("session", lin.session)
        await lin.look(following=public_id("session", ada.session), history=0, selections=[[1, 1]])
        await until(lambda: "history" in ada.people.get(public, {}), "ada sees that lin is there")
        await until(lambda: ada.people[public]["history"] == 0, "and where")
        seen = ada.people[public]
        assert (seen["role"], seen["selections"]) == ("read", [])
        assert seen["following"] == public_id("session", ada.session)
        me = ada.people[public_id("session", ada.session)]
        assert (me["role"], me["following"], me["history"]) == ("write", None, None)

        lin.cut()
        await ada.edit([5, " again"])
        await until(lambda: lin.text == "hello again", "it comes again with its copy")
        await lin.edit([11, "!"])  # which no client does
        await until(lambda: lin.errors != [], "the refusal")
        [error] = lin.errors
        assert (error["code"], error["action"], error["seq"]) == ("read_only", "stop", 1)
        assert ada.text == "hello again" and not ada.errors
