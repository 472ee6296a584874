"""a form that comes back while the disk fails, or does not answer: nothing of it is lost or left"""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ot.errors import GoneError, UnavailableError
from server.app import create_app
from server.demo import DEMO, make_demo
from server.forms import Sent, merge
from server.hub import Hub
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.test_forms import make, read
from tests.test_hub import running, write

TYPED = "a long thought, typed <without> a script\nover two lines"


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A browser without scripts."""
    app = create_app(Settings(data=tmp_path / "data", log_entries_max=2, snapshot_revisions=2))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        yield client


@pytest.mark.parametrize("method", ["find", "read"])
async def test_a_text_that_the_disk_does_not_take_comes_back(
    browser: TestClient[web.Request, web.Application],
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is asked of the disk when it fails: the page has what was typed."""
    path = await make(browser, name="Notes", text="before")
    _, fields = await read(browser, path)
    # A text that nobody was shown, so that it has to be made of the log.
    fields["base"] = "2"
    for word in ("one", "two", "three", "four", "five", "six"):
        assert (await browser.put(f"{path}/text", data=word, headers={"If-Match": '"r1"'})).ok

    async def fails(self: SQLiteStore, *arguments: object, **keywords: object) -> None:
        raise StorageError("IOError: disk I/O error")

    monkeypatch.setattr(SQLiteStore, method, fails)
    answer = await browser.post(path, data={**fields, "text": TYPED}, allow_redirects=False)
    assert answer.status == 503
    assert TYPED in html.unescape(await answer.text())


@pytest.mark.parametrize("ending", ["fails", "is given up"])
async def test_who_was_not_let_in_is_not_there(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form whose session the disk is asked about, in vain: it holds no place in the pad, which
    would never leave memory for it.
    """
    sent = Sent(session="s" * 22, person="p" * 22, name="Lin", base=0, text="once")
    async with running(tmp_path, log_entries_max=4) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        await merge(hub, pad, sent)
        await write(hub, pad, 20)
    asked = asyncio.Event()

    async def last(self: SQLiteStore, key: int, session: str) -> None:
        asked.set()
        if ending == "fails":
            raise StorageError("IOError: disk I/O error")
        await asyncio.Event().wait()

    monkeypatch.setattr(SQLiteStore, "last", last)
    async with running(tmp_path, log_entries_max=4) as (hub, _), hub.open("pad") as pad:
        assert pad is not None
        merging = asyncio.create_task(merge(hub, pad, sent))
        await asked.wait()
        if ending != "fails":
            merging.cancel()
        with pytest.raises((StorageError, asyncio.CancelledError)):
            await merging
        assert not pad.connections


async def test_a_demo_that_was_made_and_not_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process ends at its first start, or the disk is full then: the next start fills
    it, and none that comes later.
    """

    async def fails(*arguments: object, **keywords: object) -> None:
        raise UnavailableError("storage_failed", "the disk does not take it now")

    for start, submit, length in [(1, fails, 0), (2, Hub.submit, 1), (3, Hub.submit, 1)]:
        monkeypatch.setattr(Hub, "submit", submit)
        async with running(tmp_path) as (hub, _):
            await make_demo(hub)
            async with hub.open(DEMO) as pad:
                assert pad is not None
                assert (start, pad.document.committed) == (start, length)


async def test_a_demo_that_is_damaged_or_deleted(tmp_path: Path) -> None:
    """Is left as it is; the server starts."""
    async with running(tmp_path) as (hub, store):
        await make_demo(hub)
        await store._write(lambda file: file.execute("UPDATE log SET op = x'00'"))
    async with running(tmp_path) as (hub, store):
        await make_demo(hub)
        await store.delete(2, time_ms=1)
        await make_demo(hub)
        with pytest.raises(GoneError):
            await hub.find(DEMO)
