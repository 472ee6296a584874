"""a new view-only link: who is told, who is sent away, and that the old one leads nowhere"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from client_py import PadClient
from ot.errors import GoneError
from ot.messages import SetProperties
from server.forms import sent_once
from server.hub import Hub
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import NotWrittenError, PadRecord, StorageError
from tests.conftest import ServerProcess
from tests.test_hub import running
from tests.wire import Wire, connect, create_pad, hello, view_link

NEW_LINK = {"type": "properties", "new_view_link": True}
# All that a view-only link leads to; the page itself has no name.
BELOW = ("", "/text", "/log", "/history", "/versions", "/status")


async def replace_link(wire: Wire) -> str:
    """Ask for a new link; its key, as the editor is told it."""
    await wire.send(NEW_LINK)
    return str((await wire.receive("properties"))["view_key"])


async def answers(server: ServerProcess, key: str) -> list[tuple[int, str]]:
    """Status and words of all that a view-only link leads to, and what is said to a hello there:
    the upgrade is let in, for a page never sees how one was answered.
    """
    async with aiohttp.ClientSession() as http:
        found = []
        for what in BELOW:
            async with http.get(f"{server.url}/v/{key}{what}") as answer:
                # Each page has a nonce of its own.
                words = re.sub('nonce"?( content)?="[^"]+"', "", await answer.text())
                found.append((answer.status, words.replace(key, "KEY")))
    async with connect(server.url, f"view/{key}") as wire:
        await wire.send(hello("somebody"))
        said = await wire.receive("welcome", "error")
        found.append((101, str(said.get("code", "welcome"))))
    return found


async def test_readers_are_sent_away_and_editors_are_told(serve: ServerProcess) -> None:
    """All of the old link; who edits stays, and so does what they write."""
    await create_pad(serve.url, "pad")
    old = view_link(serve.data, "pad").removeprefix("view/")
    async with (
        connect(serve.url, "pad") as ada,
        connect(serve.url, "pad", "ben") as ben,
        connect(serve.url, f"view/{old}", "cleo") as cleo,
        connect(serve.url, f"view/{old}") as late,
    ):
        assert (await ada.enter("ada"))["view_key"] == old
        new = await replace_link(ada)
        assert new != old
        assert (await ben.receive("properties"))["view_key"] == new
        for reader in (cleo, late):
            if reader is late:
                # It had its line before, and says who it is only now.
                await late.send(hello("late"))
            error, close_code = await reader.end()
            assert error is not None
            assert (error["code"], error["action"], close_code) == ("link_replaced", "stop", 1008)
            assert new not in str(error)
        await ada.edit(0, 1, ["still here"])
        await ben.entries(1)
        async with connect(serve.url, f"view/{new}") as reader:
            welcome = await reader.enter("cleo")
            assert (welcome["text"], welcome["role"]) == ("still here", "read")
            assert "view_key" not in welcome
        async with connect(serve.url, "pad") as later:
            assert (await later.enter("dan"))["view_key"] == new


async def test_the_old_link_is_like_one_that_never_was(serve: ServerProcess) -> None:
    """On each of its addresses, word for word; also the one before it, and after a kill."""
    await create_pad(serve.url, "pad")
    first = view_link(serve.data, "pad").removeprefix("view/")
    known = await answers(serve, first)
    assert [status for status, _ in known] == [200] * len(BELOW) + [101], "there is much to lose"
    assert known[-1] == (101, "welcome")
    async with connect(serve.url, "pad", "ada") as ada:
        second = await replace_link(ada)
        third = await replace_link(ada)
        unknown = await answers(serve, "x" * 12)
        assert [status for status, _ in unknown] == [404] * len(BELOW) + [101]
        assert unknown[-1] == (101, "link_replaced")
        assert await answers(serve, first) == await answers(serve, second) == unknown
        await asyncio.to_thread(serve.kill)
    await asyncio.to_thread(serve.start)
    assert view_link(serve.data, "pad") == f"view/{third}"
    unknown = await answers(serve, "x" * 12)
    assert await answers(serve, first) == await answers(serve, second) == unknown
    after = await answers(serve, third)
    assert [status for status, _ in after] == [status for status, _ in known]
    assert after[-1] == known[-1]


async def test_a_reader_cannot_replace_it(serve: ServerProcess) -> None:
    """The link that they have is the link afterwards."""
    await create_pad(serve.url, "pad")
    link = view_link(serve.data, "pad")
    async with connect(serve.url, link, "cleo") as cleo, connect(serve.url, link, "dan") as dan:
        await cleo.send(NEW_LINK)
        error, _ = await cleo.end()
        assert error is not None
        assert error["code"] == "read_only"
        await dan.send({"type": "ping", "n": 1})
        await dan.receive("pong")
    assert view_link(serve.data, "pad") == link


async def test_the_key_is_never_the_clients(serve: ServerProcess) -> None:
    """Whatever it sends beside its wish; and what is no wish makes no link."""
    await create_pad(serve.url, "pad")
    old = view_link(serve.data, "pad").removeprefix("view/")
    async with connect(serve.url, "pad", "ada") as ada:
        await ada.send({"type": "properties", "title": "T", "new_view_link": False})
        assert (await ada.receive("properties"))["view_key"] == old
        await ada.send({**NEW_LINK, "view_key": "mine"})
        assert len((await ada.receive("properties"))["view_key"]) == 12
        assert "mine" not in view_link(serve.data, "pad")


async def test_the_python_client(serve: ServerProcess) -> None:
    """It knows the link, and asks for another."""
    await create_pad(serve.url, "pad")
    old = view_link(serve.data, "pad").removeprefix("view/")
    async with PadClient(serve.url, "pad") as ada:
        assert ada.view_key == old
        await ada.set_properties(new_view_link=True)
        async with asyncio.timeout(10):
            while ada.view_key == old:
                await asyncio.sleep(0.01)
        async with PadClient(serve.url, str(ada.view_key), view=True) as reader:
            assert (reader.view_key, reader.title) == (None, "Untitled pad")


# --- Within the server ----------------------------------------------------------------------------


class Failing(SQLiteStore):
    """A store that says that a change failed: before it was written, or when it was."""

    why: StorageError | None = None

    async def set_properties(
        self,
        key: int,
        *,
        title: str | None,
        language: str | None,
        view_history: bool | None,
        view_key: str | None = None,
    ) -> PadRecord:
        if isinstance(self.why, NotWrittenError):
            raise self.why
        change = {"title": title, "language": language, "view_key": view_key}
        record = await super().set_properties(key, view_history=view_history, **change)
        if self.why is not None:
            raise self.why
        return record


@pytest.mark.parametrize("written", [False, True])
async def test_when_the_disk_fails_there_is_one_link(tmp_path: Path, written: bool) -> None:
    """If it was not written all is as it was; if nobody knows, everybody has to ask anew."""
    store = Failing(tmp_path)
    hub = Hub(store, Settings())
    hub.start()
    try:
        await hub.create("pad", "Pad")
        store.why = StorageError("who knows") if written else NotWrittenError("full", state="full")
        async with hub.open("pad") as pad:
            assert pad is not None
            old = pad.record.view_key
            if written:
                with pytest.raises(StorageError):
                    await hub.set_properties(pad, SetProperties(new_view_link=True))
            else:
                await hub.set_properties(pad, SetProperties(new_view_link=True))
            assert (pad.dropped is not None) == written
        async with hub.open("pad") as pad:
            assert pad is not None
            assert (pad.record.view_key != old) == written
            assert await hub.find_view(pad.record.view_key) == pad.record
            assert (await hub.find_view(old) is None) == written
    finally:
        await hub.close()


async def test_a_pad_that_was_loaded_anew_meanwhile(tmp_path: Path) -> None:
    """It learns of the link whose making had begun before."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        hub._drop(pad)
        async with hub.open("pad") as newer:
            assert newer is not None
            assert newer is not pad
            await hub.set_properties(pad, SetProperties(new_view_link=True))
            assert newer.record == pad.record == await hub.find("pad")


async def test_a_pad_that_was_loaded_anew_when_the_disk_fails(tmp_path: Path) -> None:
    """When nobody knows which link there is, it asks too, and shows nobody one that is none."""
    store = Failing(tmp_path)
    hub = Hub(store, Settings())
    hub.start()
    try:
        await hub.create("pad", "Pad")
        async with hub.open("pad") as pad:
            assert pad is not None
            hub._drop(pad)
            async with hub.open("pad") as newer:
                store.why = StorageError("who knows")
                with pytest.raises(StorageError):
                    await hub.set_properties(pad, SetProperties(new_view_link=True))
                async with hub.open("pad") as newest:
                    assert newer is not None
                    assert newest is not None
                    assert newer.dropped is not None
                    assert newest.record == await hub.find("pad") != newer.record
    finally:
        await hub.close()


async def test_a_deleted_pad_keeps_the_key_that_it_had(tmp_path: Path) -> None:
    """Of the newest link is said that the pad was deleted, of one before nothing."""
    store = SQLiteStore(tmp_path)
    await store.create("pad", title="", epoch="e", view_key="old", time_ms=0)
    await store.set_properties(1, title=None, language=None, view_history=None, view_key="new")
    await store.delete(1, time_ms=7)
    with pytest.raises(GoneError):
        await store.find_view("new")
    assert await store.find_view("old") is None
    await store.close()


async def test_a_form_sent_again_counts_once_after_a_new_link(tmp_path: Path) -> None:
    """Its session is made of what stays."""
    async with running(tmp_path) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        before = sent_once("Ada", "text", pad=pad)
        await hub.set_properties(pad, SetProperties(new_view_link=True))
        assert sent_once("Ada", "text", pad=pad).session == before.session
