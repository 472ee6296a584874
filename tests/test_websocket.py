"""the WebSocket endpoint of a real server: what it refuses, and that nobody else notices"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from ot.errors import CODES
from ot.messages import FRAME_BYTES_MAX, SUBPROTOCOL
from tests.conftest import ServerProcess
from tests.wire import Wire, connect, create_pad, hello, stored


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests of this file; each has a pad of its own, named by `pad`."""
    server = ServerProcess(tmp_path_factory.mktemp("websocket") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
async def pad(server: ServerProcess, request: pytest.FixtureRequest) -> str:
    """A new pad."""
    name = f"pad-{abs(hash(request.node.nodeid))}"
    await create_pad(server.url, name)
    return name


def op(base: int, seq: int, *components: Any) -> str:
    return json.dumps({"type": "op", "base": base, "seq": seq, "op": components})


def presence(**fields: Any) -> str:
    message = {"type": "presence", "revision": 3, "name": "B", "color": 1, "selections": []}
    return json.dumps(message | fields)


# Every frame is sent by a session that has seq 1 and 2 in the log, at revisions 2 and 3 of three;
# the text has seven code points.
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "op past the end": (op(3, 3, 8, "x"), "op_past_end"),
    "a negative number too far": (op(3, 3, 7, -1), "op_past_end"),
    "a negative number too far, at once": (op(3, 3, -(2**53)), "op_past_end"),
    "a lone surrogate": (op(3, 3, "\ud83d"), "lone_surrogate"),
    "the other half": (op(3, 3, 1, "ok \udc00 ok"), "lone_surrogate"),
    "NaN": (op(3, 3, float("nan")), "bad_json"),
    "Infinity for a field": (op(3, 3, "x").replace("3,", "Infinity,", 1), "bad_json"),
    "a boolean for a number": (op(3, 3, True, "x"), "bad_message"),
    "a float for a number": (op(3, 3, 1.5, "x"), "bad_message"),
    "a whole float": (op(3, 3, 1.0, "x"), "bad_message"),
    "null for a number": (op(3, 3, None), "bad_message"),
    "a boolean for seq": (op(3, True, "x"), "bad_message"),
    "a number of 400 digits": (op(3, 3, 10**400, "x"), "op_past_end"),
    "a number of 10,000 digits": (op(3, 3, -7).replace("7", "7" * 10_000), "bad_json"),
    "deep nesting": ('{"type":"op","op":' + "[" * 200_000, "bad_json"),
    "deep nesting, closed": (op(3, 3, "x")[:-2] + "[" * 99_999 + "]" * 99_999 + "]}", "bad_json"),
    "half a message": (op(3, 3, "x")[:-3], "bad_json"),
    "two messages": (op(3, 3, "x") * 2, "bad_json"),
    "nothing": ("", "bad_json"),
    "not UTF-8": (b'{"type":"op","base":3,"seq":3,"op":["\xff"]}', "bad_json"),
    "not an object": ("[]", "bad_message"),
    "no type": ("{}", "bad_message"),
    "a type that is no string": ('{"type": 7}', "bad_message"),
    "an unknown message": ('{"type": "drop_table"}', "unknown_message"),
    "a message of the server's": ('{"type": "delta", "from": 0, "to": 1, "op": []}', "bad_message"),
    "a missing field": ('{"type": "op", "base": 3, "seq": 3}', "bad_message"),
    "seq 0": (op(3, 0, "x"), "bad_message"),
    "a negative base": (op(-1, 3, "x"), "bad_message"),
    "a base revision in the future": (op(4, 3, "x"), "base_in_future"),
    "a seq gap": (op(3, 4, "x"), "seq_gap"),
    "the newest seq with other content": (op(2, 2, 6, "!"), "seq_reused"),
    "the newest seq on another base": (op(3, 2, 6, "2"), "seq_reused"),
    "an older seq with other content": (op(1, 1, 5, "!"), "seq_reused"),
    "a base before its own last entry": (op(2, 3, "x"), "base_too_old"),
    "an operation that says nothing": (op(3, 3), "bad_operation"),
    "a zero": (op(3, 3, 0, "x"), "bad_operation"),
    "an empty insert": (op(3, 3, ""), "bad_operation"),
    "a trailing retain": (op(3, 3, "x", 1), "bad_operation"),
    "two deletes side by side": (op(3, 3, -1, -1), "bad_operation"),
    "65,537 code points": (op(3, 3, "x" * 65_537), "op_too_large"),
    "10,001 components": (op(3, 3, *[1, "a"] * 5_000, -1), "op_too_large"),
    "a second hello": (json.dumps(hello("offender")), "hello_repeated"),
    "presence at a future revision": (presence(revision=4), "base_in_future"),
    "presence with 17 selections": (presence(selections=[[0, 0]] * 17), "bad_message"),
    "presence with a colour that is not there": (presence(color=13), "bad_message"),
    "presence with half an emoji": (presence(name="\ud83d"), "bad_message"),
}


async def assert_others_go_on(server: ServerProcess, pad: str, witness: Wire, count: int) -> None:
    """The log in the file has not grown; who was connected all the time types and is told."""
    assert len(stored(server.data, pad)) == count
    seq = 2 if count else 1
    assert await witness.edit(count, seq, ["after "]) == count + 1
    assert stored(server.data, pad)[count:] == [(witness.session, seq)]


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_with_its_name(server, pad, case):
    """The offender is told by name and sent away; nothing is stored; the others go on."""
    frame, code = REFUSED[case]
    async with connect(server.url, pad, "witness") as witness:
        await witness.edit(0, 1, ["hello"])
        async with connect(server.url, pad, "offender") as offender:
            await offender.edit(1, 1, [5, "1"])
            await offender.edit(2, 2, [6, "2"])
            data = frame.encode() if isinstance(frame, str) else frame
            await offender.socket.send_frame(data, aiohttp.WSMsgType.TEXT)
            error, close_code = await offender.end()

        assert error is not None
        assert (error["code"], close_code) == (code, CODES[code].close_code)
        assert error["action"] == CODES[code].action
        assert error["message"]
        if case.startswith(("op past", "a lone", "65,537", "a seq gap", "an older seq")):
            assert error["seq"] == json.loads(frame)["seq"]
        await assert_others_go_on(server, pad, witness, 3)


# What comes instead of a good hello.
UNHEARD: dict[str, tuple[str, str]] = {
    "an op": (op(0, 1, "x"), "hello_expected"),
    "a ping": ('{"type": "ping", "n": 1}', "hello_expected"),
    "presence": (presence(revision=0), "hello_expected"),
    "a key that is too short": (json.dumps(hello("x", session="x" * 21)), "bad_message"),
    "a key that is too long": (json.dumps(hello("x", person="x" * 65)), "bad_message"),
    "a key with other characters": (json.dumps(hello("x", session="+" * 22)), "bad_message"),
    "a key with a line's end": (json.dumps(hello("x", session="x" * 22 + "\n")), "bad_message"),
    "no key": ('{"type": "hello", "name": "x"}', "bad_message"),
    "no JSON": ("hello?", "bad_json"),
}


@pytest.mark.parametrize("case", UNHEARD)
async def test_first_frame_is_hello(server, pad, case):
    """Whoever does not introduce himself properly is told, and nobody else hears of him."""
    frame, code = UNHEARD[case]
    async with connect(server.url, pad, "witness") as witness, connect(server.url, pad) as offender:
        await offender.socket.send_str(frame)
        error, close_code = await offender.end()

        assert error is not None
        assert (error["code"], close_code) == (code, CODES[code].close_code)
        assert [person["name"] for person in (await witness.receive("presence"))["people"]] == [
            "witness"
        ]
        await assert_others_go_on(server, pad, witness, 0)


@pytest.mark.parametrize("after_hello", [True, False])
async def test_binary_frame(server, pad, after_hello):
    """Every frame is text."""
    async with connect(server.url, pad, "offender" if after_hello else None) as offender:
        await offender.socket.send_bytes(op(0, 1, "x").encode())
        error, close_code = await offender.end()

    assert error is not None and (error["code"], close_code) == ("bad_json", 1008)
    assert stored(server.data, pad) == []


@pytest.mark.parametrize("after_hello", [True, False])
async def test_ten_megabytes(server, pad, after_hello):
    """A frame over the limit is not read to its end: close code 1009, and nothing is stored."""
    async with connect(server.url, pad, "witness") as witness:
        await witness.edit(0, 1, ["hello"])
        async with connect(server.url, pad, "offender" if after_hello else None) as offender:
            await offender.socket.send_str(op(1, 1, "x" * 10_000_000))
            error, close_code = await offender.end()

        assert (error, close_code) == (None, 1009)
        await assert_others_go_on(server, pad, witness, 1)


async def test_frame_of_exactly_the_limit(server, pad):
    """1,048,576 bytes are read, one more is too much."""
    ping = '{"type":"ping","n":7}'
    async with connect(server.url, pad, "ada") as ada:
        await ada.socket.send_str(ping.ljust(FRAME_BYTES_MAX))
        assert await ada.receive("pong") == {"type": "pong", "n": 7}
        await ada.socket.send_str(ping.ljust(FRAME_BYTES_MAX + 1))
        assert await ada.end() == (None, 1009)


async def test_silence_instead_of_hello(start_server):
    """Who says nothing at all is sent away in time."""
    server = start_server("--hello-seconds", "0.3")
    await create_pad(server.url, "quiet")
    async with connect(server.url, "quiet") as wire:
        error, close_code = await wire.end()

    assert error is not None and (error["code"], close_code) == ("hello_late", 1013)


async def test_pad_is_full(start_server):
    """A pad at its limit refuses what makes it longer, and takes what does not."""
    server = start_server("--pad-length-max", "10")
    await create_pad(server.url, "full")
    async with connect(server.url, "full", "witness") as witness:
        await witness.edit(0, 1, ["0123456789"])
        async with connect(server.url, "full", "offender") as offender:
            await offender.op(1, 1, ["x"])
            error, close_code = await offender.end()

        assert error is not None
        assert (error["code"], error["action"], error["seq"]) == ("pad_full", "draft", 1)
        assert close_code == 1008
        assert len(stored(server.data, "full")) == 1
        assert await witness.edit(1, 2, [-1, "x"]) == 2


async def test_too_many_connections(start_server):
    """Whoever finds no room is told to try again; who is in stays."""
    server = start_server("--pad-connections-max", "1")
    await create_pad(server.url, "small")
    async with connect(server.url, "small", "ada") as ada, connect(server.url, "small") as late:
        await late.send(hello("late"))
        error, close_code = await late.end()

        assert error is not None
        assert (error["code"], error["action"], close_code) == ("busy", "reconnect", 1013)
        assert await ada.edit(0, 1, ["still here"]) == 1


async def test_room_for_who_comes_again(start_server):
    """Their own old connection, of which nobody knows yet that it is dead, takes no place."""
    server = start_server("--pad-connections-max", "1")
    await create_pad(server.url, "small")
    async with connect(server.url, "small", "ada") as dead, connect(server.url, "small") as ada:
        await ada.enter("ada")
        assert await ada.edit(0, 1, ["here again"]) == 1
        error, close_code = await dead.end()
        assert error is not None
        assert (error["code"], close_code) == ("replaced", 4001)


async def test_resend_is_acknowledged_once(server, pad):
    """What was sent to the letter again is in the log once; its revision comes in the stream."""
    async with connect(server.url, pad, "witness") as witness:
        async with connect(server.url, pad, "ada") as ada:
            await ada.op(0, 1, ["one"])
            assert await ada.edit(0, 1, ["one"]) == 1
            assert await ada.edit(1, 2, [3, " two"]) == 2
            await ada.op(0, 1, ["one"])  # an older one, long acknowledged
            await ada.op(1, 2, [3, " two"])
        assert await witness.edit(2, 1, ["zero "]) == 3
        # As if neither answer had arrived: the copy is at revision 0.
        epoch = (await witness_of(server, pad))["epoch"]
        async with connect(server.url, pad) as ada:
            welcome = await ada.enter("ada", epoch=epoch, revision=0)
            await ada.op(1, 2, [3, " two"])
            entries = await ada.entries(3)

    assert (welcome["revision"], welcome["committed"]) == (0, [2, 2])
    assert "text" not in welcome
    assert [(seq, op) for _, session, seq, op in entries if session == ada.session] == [
        (1, ["one"]),
        (2, [3, " two"]),
    ]
    assert stored(server.data, pad) == [(ada.session, 1), (ada.session, 2), (witness.session, 1)]


async def witness_of(server: ServerProcess, pad: str) -> dict[str, Any]:
    """The welcome that a newcomer gets."""
    async with connect(server.url, pad) as wire:
        return await wire.enter("newcomer")


async def test_hello_with_a_copy(server, pad):
    """A copy of this epoch gets what came since; of another epoch, or of the future, the text."""
    async with connect(server.url, pad, "ada") as ada:
        for seq, letter in enumerate("abc"):
            await ada.edit(seq, seq + 1, [*([seq] if seq else []), letter])
    epoch = (await witness_of(server, pad))["epoch"]

    async with connect(server.url, pad) as bob:
        welcome = await bob.enter("bob", epoch=epoch, revision=1)
        assert (welcome["revision"], welcome.get("text")) == (1, None)
        assert [op for *_, op in await bob.entries(3)] == [[1, "b"], [2, "c"]]
    for copy in (
        {"epoch": "another", "revision": 1},
        {"epoch": epoch, "revision": 4},
        {"epoch": epoch, "revision": None},
        {"epoch": None, "revision": 1},
    ):
        async with connect(server.url, pad) as bob:
            welcome = await bob.enter("bob", **copy)
            assert (welcome["revision"], welcome["text"], welcome["epoch"]) == (3, "abc", epoch)


async def test_newer_connection_replaces_the_older(server, pad):
    """One session is one connection: the older hears why, and the newer has its place."""
    async with (
        connect(server.url, pad, "witness") as witness,
        connect(server.url, pad, "ada") as older,
        connect(server.url, pad) as newer,
    ):
        assert await older.edit(0, 1, ["one"]) == 1
        welcome = await newer.enter("ada")
        error, close_code = await older.end()

        assert error is not None
        assert (error["code"], error["action"], close_code) == ("replaced", "stop", 4001)
        assert (welcome["committed"], welcome["text"]) == ([1, 1], "one")
        people = (await newer.receive("presence"))["people"]
        assert {person["name"] for person in people} == {"ada", "witness"}
        assert await newer.edit(1, 2, [3, " two"]) == 2
        assert await witness.edit(2, 1, ["zero "]) == 3


async def test_what_is_not_known_is_ignored(server, pad):
    """Fields of a later minor version do no harm."""
    async with connect(server.url, pad) as wire:
        await wire.enter("ada", future={"a": [1]}, type2="x")
        await wire.send({"type": "op", "base": 0, "seq": 1, "op": ["x"], "why": None, "n": 1e9})
        assert [op for *_, op in await wire.entries(1)] == [["x"]]
        await wire.send({"type": "ping", "n": 3, "at": "noon"})
        assert (await wire.receive("pong"))["n"] == 3


async def upgrade(server: ServerProcess, pad: str, *protocols: str, **headers: str) -> int:
    """The status that a WebSocket upgrade is answered with."""
    async with aiohttp.ClientSession(headers=headers) as http:
        try:
            async with http.ws_connect(f"{server.url}/ws/{pad}", protocols=protocols) as socket:
                assert socket.protocol == "deltapad.1"
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


async def test_origin(start_server):
    """Our own pages and allowed ones may speak with a visitor's browser; nobody else's."""
    server = start_server("--allowed-origin", "https://docs.example.org")
    await create_pad(server.url, "pad")
    own = f"http://127.0.0.1:{server.port}"
    origins = {
        own: 101,
        own.replace("http", "https"): 101,  # behind a proxy that ends TLS
        "https://docs.example.org": 101,
        "https://docs.example.org.evil.example": 403,
        "https://docs.example.org:444": 403,
        "http://docs.example.org": 403,
        "http://evil.example": 403,
        f"{own}.evil.example": 403,
        f"http://evil.example#{own}": 403,
        f"http://127.0.0.1:{server.port + 1}": 403,
        "http://127.0.0.1": 403,
        f"http://localhost:{server.port}": 403,
        "null": 403,
        "": 403,
    }
    seen = {origin: await upgrade(server, "pad", "deltapad.1", Origin=origin) for origin in origins}

    assert seen == origins
    assert await upgrade(server, "pad", "deltapad.1") == 101, "a program sends none"


async def test_behind_a_proxy(start_server):
    """One that passes the browser's Host on needs no more; of one that does not, the log says what
    to do, once for each origin, and for so many at most.
    """
    server = start_server()
    await create_pad(server.url, "pad")
    page = {"Origin": "https://pads.example.org"}
    assert await upgrade(server, "pad", "deltapad.1", **page, Host="pads.example.org") == 101
    assert "refused" not in server.log
    for _ in range(2):
        assert await upgrade(server, "pad", "deltapad.1", **page) == 403
    said = f"https://pads.example.org wants to connect to 127.0.0.1:{server.port}, and is refused"
    async with asyncio.timeout(10):
        while said not in server.log:
            await asyncio.sleep(0.01)
    for number in range(30):
        origin = f"https://{number}.example.org"
        assert await upgrade(server, "pad", "deltapad.1", Origin=origin) == 403
    assert server.stop() == 0
    assert server.log.count("and is refused") == 20
    assert server.log.count(said) == 1


async def test_upgrade(server, pad):
    """The subprotocol is named, and the pad is there."""
    assert await upgrade(server, pad, "deltapad.1") == 101
    assert await upgrade(server, pad, "other", "deltapad.1") == 101
    assert await upgrade(server, pad) == 400
    for name in ("other", "deltapad", "deltapad.", "deltapad.01", "deltapad.1x", "notdeltapad.2"):
        assert await upgrade(server, pad, name) == 400, name
    for name in ("nobody-made-this", "..%2f..%2fetc", "%00", "%ff", "x" * 5_000, "%F0%9F%98%80"):
        assert await upgrade(server, name, "deltapad.1") == 404, name
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/ws/{pad}") as answer:
        assert answer.status == 400, "not an upgrade at all"


async def test_presence(server, pad):
    """Joining, renaming, moving and leaving is seen by others, under harmless names."""
    async with connect(server.url, pad, "ada") as ada:
        me = (await ada.receive("presence"))["people"]
        assert [(person["name"], person["selections"]) for person in me] == [("ada", [])]
        await ada.edit(0, 1, ["hello"])
        async with connect(server.url, pad, "bob", name="\u202egnp.exe\x07") as bob:
            (person,) = (await ada.receive("presence"))["people"]
            assert (person["session"], person["name"]) == (bob.session, "gnp.exe")
            assert person["color"] != me[0]["color"]

            name = "<img src=x onerror=alert(1)>"
            await bob.send(json.loads(presence(revision=1, name=name, color=7)))
            (person,) = (await ada.receive("presence"))["people"]
            assert (person["name"], person["color"]) == (name, 7), "as text, for a page to escape"

            await bob.send(
                json.loads(presence(revision=1, name=" \u200e ", color=0, selections=[[2, 5]]))
            )
            (person,) = (await ada.receive("presence"))["people"]
            assert (person["name"], person["color"]) == ("Guest", 7)
            assert person["selections"] == [[2, 5]]
        left = await ada.receive("presence")

    assert (left["people"], left["left"]) == ([], [bob.session])


@pytest.mark.slow
async def test_every_change_of_presence_arrives(server, pad):
    """However soon it comes after the last one, it is shown without waiting for anything else."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, pad, "bob") as bob:
        for number in range(20):
            await bob.send(json.loads(presence(revision=0, name=f"bob {number}")))
            names = [""]
            while names[-1] != f"bob {number}":
                people = (await ada.receive("presence"))["people"]
                names += [person["name"] for person in people if person["session"] == bob.session]


async def test_carets_move_with_the_text(server, pad):
    """A newcomer is told where others are now, not where they were when they said it."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, pad, "bob") as bob:
        await ada.edit(0, 1, ["hello"])
        await bob.entries(1)
        await ada.send(json.loads(presence(revision=1, selections=[[2, 99]])))
        while not any(person["selections"] for person in (await bob.receive("presence"))["people"]):
            pass
        await bob.edit(1, 1, ["oh, "])
        async with connect(server.url, pad, "newcomer") as newcomer:
            people = (await newcomer.receive("presence"))["people"]

    assert {person["session"]: person["selections"] for person in people} == {
        ada.session: [[6, 9]],  # never past the end
        bob.session: [[4, 4]],  # behind what it typed
        newcomer.session: [],
    }


async def test_gone_before_the_answer(server, pad):
    """Whoever goes while the server answers is no error of the server: it logs none."""
    upgrade = (
        f"GET /ws/{pad} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(upgrade.encode())
        await writer.drain()
        # Closed by a reset, which is noticed at once.
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
    async with connect(server.url, pad, "who comes after them"):
        # The fixture that ends the server fails for a traceback in its log.
        pass
