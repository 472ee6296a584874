"""the view-only link and the pad's properties: who may do what, and who learns what"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ot.messages import SUBPROTOCOL
from tests.conftest import ServerProcess
from tests.wire import Wire, connect, create_pad, stored, view_link


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests of this file; each has a pad of its own, named by `pad`."""
    server = ServerProcess(tmp_path_factory.mktemp("roles") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
async def pad(server: ServerProcess, request: pytest.FixtureRequest) -> str:
    """A new pad."""
    name = f"pad-{abs(hash(request.node.nodeid))}"
    await create_pad(server.url, name)
    return name


@pytest.fixture
def view(server: ServerProcess, pad: str) -> str:
    """The address of its view-only link."""
    return view_link(server.data, pad)


def presence(**fields: Any) -> dict[str, Any]:
    message = {"type": "presence", "revision": 0, "name": "B", "color": 2, "selections": []}
    return message | fields


async def person(wire: Wire, session: str, **expected: Any) -> dict[str, Any]:
    """The first news of somebody that has these fields."""
    while True:
        for found in (await wire.receive("presence"))["people"]:
            assert isinstance(found, dict)
            if found["session"] == session and found.items() >= expected.items():
                return found


# --- Roles ----------------------------------------------------------------------------------------


async def test_a_reader_reads_along(server, pad, view):
    """What others type comes as for all; they see that somebody is there, who only reads."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, view) as reader:
        welcome = await reader.enter("ben")
        assert (welcome["role"], welcome["text"]) == ("read", "")
        assert "role" not in await person(ada, ada.session)
        assert (await person(ada, reader.session))["role"] == "read"
        revision = await ada.edit(0, 1, ["hello"])
        assert await reader.entries(revision) == [(1, ada.session, 1, ["hello"])]


OFFENCES: dict[str, dict[str, Any]] = {
    "op": {"type": "op", "base": 0, "seq": 1, "op": ["x"]},
    "properties": {"type": "properties", "title": "Mine"},
}


@pytest.mark.parametrize("offence", OFFENCES)
async def test_a_reader_changes_nothing(server, pad, view, offence):
    """It is told by name and sent away; nothing is stored; the others go on."""
    async with connect(server.url, pad, "ada") as ada:
        async with connect(server.url, view, "ben") as reader:
            await reader.send(OFFENCES[offence])
            error, close_code = await reader.end()
        assert error == {
            "type": "error",
            "code": "read_only",
            "message": "this link is view-only",
            "action": "stop",
            "seq": OFFENCES[offence].get("seq"),
        }
        assert close_code == 1008
        assert stored(server.data, pad) == []
        assert await ada.edit(0, 1, ["hello"]) == 1
    async with connect(server.url, pad) as later:
        assert (await later.enter("cleo"))["title"] != "Mine"


async def test_the_same_session_by_both_links(server, pad, view):
    """The link says what is allowed, not the key; the newer connection takes the older's place."""
    async with connect(server.url, pad, "ada") as ada:
        await ada.edit(0, 1, ["hello"])
        async with connect(server.url, view, "ada") as again:
            error, close_code = await ada.end()
            assert error is not None
            assert (error["code"], close_code) == ("replaced", 4001)
            await again.op(1, 2, ["x"])
            error, _ = await again.end()
            assert error is not None and error["code"] == "read_only"
    assert stored(server.data, pad) == [(ada.session, 1)]


async def test_one_key_does_not_do_for_the_other(server, pad, view):
    """Nobody comes in by a pad's name where its view-only key is asked for, nor the other way."""
    key = view.removeprefix("view/")
    for address in (f"view/{pad}", "view/nobody-made-this"):
        async with connect(server.url, address) as wire:
            error, _ = await wire.end()
            assert error is not None
            assert error["code"] == "link_replaced"
    for address in (key, "view/", "view"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connect(server.url, address):
                pass
        assert refused.value.status == 404
    origin = "https://elsewhere.example.org"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connect(server.url, view, origin=origin):
            pass
    assert refused.value.status == 403


async def test_a_reader_never_learns_the_edit_link(server, pad, view):
    """Not even where the pad's name is its title, as when it was made without one."""
    heard: list[str] = []
    async with (
        connect(server.url, pad, "ada") as ada,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}/ws/{view}", protocols=[SUBPROTOCOL]) as socket,
    ):
        reader = Wire(socket)
        key = "session-key-of-reader-"
        await reader.send({"type": "hello", "session": key, "person": key, "name": "R", "color": 0})
        await ada.edit(0, 1, ["hello"])
        await ada.send({"type": "properties", "title": "Another"})
        await ada.receive("properties")
        await ada.send({"type": "properties", "title": pad})
        titles: list[str] = []
        while len(titles) < 3:
            frame = await socket.receive_str(timeout=10)
            heard.append(frame)
            message = json.loads(frame)
            if "title" in message and message["title"] not in titles[-1:]:
                titles.append(message["title"])
        await reader.send(OFFENCES["op"])
        heard += [frame.data async for frame in socket]
    assert titles == ["Untitled pad", "Another", "Untitled pad"]
    assert '"read_only"' in heard[-1]
    assert not [frame for frame in heard if pad in frame]


async def test_a_reader_has_no_caret(server, pad, view):
    """Name, colour, whom they follow and what they look at are told; selections are dropped."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, view, "ben") as reader:
        await ada.edit(0, 1, ["hello"])
        told = {"following": ada.session, "history": 1}
        await reader.send(presence(revision=1, name="Ben", selections=[[1, 2]], **told))
        assert await person(ada, reader.session, name="Ben") == {
            "session": reader.session,
            "name": "Ben",
            "color": 2,
            "selections": [],
            "person": (await person(reader, reader.session, name="Ben"))["person"],
            "role": "read",
            **told,
        }


async def test_following_and_history_are_told_until_they_end(server, pad):
    """Left out is the default; a revision that is not there yet is refused."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, pad, "ben") as ben:
        await ben.send(presence(following=ada.session, history=0))
        found = await person(ada, ben.session, following=ada.session)
        assert found["history"] == 0
        await ben.send(presence(name="Ben"))
        found = await person(ada, ben.session, name="Ben")
        assert not {"following", "history", "role"} & set(found)
        await ben.send(presence(history=1))
        error, _ = await ben.end()
        assert error is not None and error["code"] == "base_in_future"


async def test_a_reader_without_history_is_not_told_it(server, pad, view):
    """Who says that they have an old copy hears what has become of it, and not each step; with the
    history open, each step.
    """
    async with connect(server.url, pad, "ada") as ada:
        steps: list[list[int | str]] = [["secret"], [-6], ["public"]]
        for seq, op in enumerate(steps, 1):
            await ada.edit(seq - 1, seq, op)
        async with connect(server.url, view) as reader:
            epoch = (await reader.enter("ben"))["epoch"]
        async with connect(server.url, view) as reader:
            await reader.enter("ben", epoch=epoch, revision=0)
            assert len((await reader.receive("ops"))["ops"]) == 3
        await ada.send({"type": "properties", "view_history": False})
        await ada.receive("properties")
        async with connect(server.url, view) as reader:
            welcome = await reader.enter("ben", epoch=epoch, revision=0)
            assert welcome["view_history"] is False
            delta = await reader.receive("ops", "delta")
            assert delta == {"type": "delta", "from": 0, "to": 3, "op": ["public"]}
            reader.revision = 3
            await ada.edit(3, 4, [6, "!"])
            assert await reader.entries(4) == [(4, ada.session, 4, [6, "!"])], "live as for all"


# --- Properties -----------------------------------------------------------------------------------


async def test_properties_are_told_to_everybody(server, pad, view):
    """To the sender too, always all; who comes later finds them in the welcome. The key of the
    view-only link is for who came by the other one.
    """
    async with (
        connect(server.url, pad, "ada") as ada,
        connect(server.url, pad, "ben") as ben,
        connect(server.url, view, "cleo") as cleo,
    ):
        await ada.send({"type": "properties", "title": "  \u202eAutumn \n release "})
        now = {"title": "Autumn release", "language": "markdown", "view_history": True}
        key = {"view_key": view.removeprefix("view/")}
        assert await cleo.receive("properties") == {"type": "properties", **now}
        for wire in (ada, ben):
            assert await wire.receive("properties") == {"type": "properties", **now, **key}
        await ben.send({"type": "properties", "language": "c++", "view_history": False})
        now |= {"language": "c++", "view_history": False}
        assert await cleo.receive("properties") == {"type": "properties", **now}
        for wire in (ada, ben):
            assert await wire.receive("properties") == {"type": "properties", **now, **key}
        async with connect(server.url, pad) as later:
            assert (await later.enter("dan")).items() >= now.items()


async def test_a_title_of_which_nothing_is_left(server, pad):
    """Refused: a pad is called something."""
    for title in ("", " \u200b\n", "\u202e"):
        async with connect(server.url, pad, "ada") as ada:
            await ada.send({"type": "properties", "title": title, "language": "rust"})
            error, close_code = await ada.end()
            assert error is not None
            assert (error["code"], close_code) == ("bad_message", 1008)
    async with connect(server.url, pad) as ada:
        welcome = await ada.enter("ada")
        assert (welcome["title"], welcome["language"]) == (pad, "markdown")


async def test_changes_at_one_time(server, pad, view):
    """Two who change different things do not undo each other; all end with the same."""
    async with connect(server.url, pad, "ada") as ada, connect(server.url, pad, "ben") as ben:
        for number in range(20):
            await ada.send({"type": "properties", "title": f"Title {number}"})
            await ben.send({"type": "properties", "language": f"language-{number}"})
        for wire in (ada, ben):
            while (told := await wire.receive("properties")) != {
                "type": "properties",
                "title": "Title 19",
                "language": "language-19",
                "view_history": True,
                "view_key": view.removeprefix("view/"),
            }:
                assert told["title"].startswith(("Title", pad))


async def test_properties_outlive_the_server(tmp_path: Path) -> None:
    """They are durable before anybody is told."""
    server = ServerProcess(tmp_path / "data")
    server.start()
    try:
        await create_pad(server.url, "pad")
        async with connect(server.url, "pad", "ada") as ada:
            await ada.send({"type": "properties", "title": "Kept", "language": "rust"})
            await ada.receive("properties")
            await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with connect(server.url, "pad") as ada:
            welcome = await ada.enter("ada")
            assert (welcome["title"], welcome["language"]) == ("Kept", "rust")
    finally:
        server.close()
