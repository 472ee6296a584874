"""a server whose disk takes nothing, as pages, forms and programs see it"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from client_py import PadClient
from server.app import create_app
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import PadRecord
from tests.faults.failing_disk import KINDS, FailingDisk
from tests.wire import create_pad, stored

Browser = TestClient[web.Request, web.Application]
AREA = re.compile(r'<textarea name="(\w+)" hidden>\n(.*?)</textarea>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    """What everything here is written to."""
    disk = FailingDisk(default=True)
    yield disk
    disk.close()


@pytest.fixture
async def browser(tmp_path: Path, disk: FailingDisk, monkeypatch) -> AsyncIterator[Browser]:
    """A browser without scripts, and a program."""
    monkeypatch.setattr("server.health.RETRY_SECONDS_MIN", 0.01)
    monkeypatch.setattr("server.health.RETRY_SECONDS_MAX", 0.05)
    app = create_app(Settings(data=tmp_path / "data", shutdown_seconds=2))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        await create_pad(url(client), "pad")
        yield client
        disk.heal()


def url(browser: Browser) -> str:
    return str(browser.make_url("")).rstrip("/")


async def health(browser: Browser) -> tuple[int, dict[str, object]]:
    answer = await browser.get("/healthz")
    return answer.status, await answer.json()


def state(client: PadClient) -> str:
    """What it was told last."""
    return client.storage


async def until_healthy(browser: Browser) -> None:
    async with asyncio.timeout(10):
        while (await health(browser))[0] != 200:
            await asyncio.sleep(0.01)


async def put(browser: Browser, base: int, text: str) -> ClientResponse:
    headers = {"If-Match": f'"r{base}"'}
    return await browser.put("/p/pad/text", data=text.encode(), headers=headers)


@pytest.mark.parametrize(
    ("name", "status"),
    [("full", "full"), ("read-only", "read_only"), ("write", "failing")],
)
async def test_health_tries_to_write(browser, disk, monkeypatch, name, status):
    """A store that can be read and not written is not healthy; it is again when it can."""
    monkeypatch.setattr("server.health.PROBE_EVERY_SECONDS", 0.0)
    disk.arm(KINDS[name], times=10**9)
    for _ in range(2):
        code, said = await health(browser)
        assert (code, said["status"], said["waiting"]) == (503, status, 0)
        assert said["since_seconds"] == 0
        assert (await browser.get("/p/pad/text")).status == 200
    disk.heal()
    await until_healthy(browser)


async def test_asking_often_when_nothing_can_be_read(browser, monkeypatch):
    """A disk that does not answer is asked once, however many ask and go; then it is well again."""
    monkeypatch.setattr("server.pages.CHECK_SECONDS_MAX", 0.01)
    asked, answers, find = 0, asyncio.Event(), SQLiteStore.find

    async def slow(self: SQLiteStore, name: str) -> PadRecord | None:
        nonlocal asked
        asked += 1
        await answers.wait()
        return await find(self, name)

    monkeypatch.setattr(SQLiteStore, "find", slow)
    for _ in range(20):
        said = (await health(browser))[1]
        assert (said["status"], said["since_seconds"]) == ("failing", 0)
    assert asked == 1
    answers.set()
    await until_healthy(browser)


async def test_asking_often_does_not_keep_the_disk_busy(browser, disk):
    """One write for all who ask within some seconds."""
    disk.arm(None)
    for _ in range(20):
        assert (await health(browser))[0] == 200
    assert disk.calls["sync"] <= 1


async def test_what_waits_is_told(browser, disk):
    """And the server still answers while the disk fails."""
    async with PadClient(url(browser), "pad") as ada:
        disk.arm(KINDS["full"], times=10**9)
        ada.insert(0, "one ")
        async with asyncio.timeout(10):
            while (said := await health(browser)) != (503, {**said[1], "status": "full"}):
                await asyncio.sleep(0.01)
            assert said[1]["waiting"] == 1
            while state(ada) != "full":
                await asyncio.sleep(0.01)
        disk.heal()
        await ada.synchronised()
        assert ada.connections == 1
        await until_healthy(browser)
        assert state(ada) == "ok"


async def test_a_rename_that_cannot_be_written(browser, disk):
    """Nobody is sent away; everybody is told what the title still is."""
    async with PadClient(url(browser), "pad") as ada:
        title, disk_title = ada.title, "Another"
        disk.arm(KINDS["full"], times=10**9)
        await ada.set_properties(title=disk_title)
        async with asyncio.timeout(10):
            while ada.storage != "full":
                await asyncio.sleep(0.01)
        assert (ada.title, ada.connections) == (title, 1)
        disk.heal()
        await ada.set_properties(title=disk_title)
        async with asyncio.timeout(10):
            while ada.title != disk_title:
                await asyncio.sleep(0.01)


async def test_a_form_comes_back_and_counts_once(browser, disk, monkeypatch, tmp_path):
    """503 with the text in it, soon; sent again it is in the pad once."""
    monkeypatch.setattr("server.forms.DURABLE_SECONDS_MAX", 0.1)
    page = await (await browser.get("/p/pad?plain")).text()
    fields = {**dict(FIELD.findall(page)), "text": "one two three", "author": "Lin"}
    disk.arm(KINDS["full"], times=10**9)
    for _ in range(3):
        answer = await browser.post("/p/pad", data=fields, allow_redirects=False)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        assert "one two three" in await answer.text()
    disk.heal()
    await until_healthy(browser)
    for _ in range(2):
        answer = await browser.post("/p/pad", data=fields, allow_redirects=False)
        assert answer.status == 303
    assert await (await browser.get("/p/pad/text")).text() == "one two three"
    assert len(stored(tmp_path / "data", "pad")) == 1


async def test_what_waited_counts_once_too(browser, disk, monkeypatch, tmp_path):
    """The first try was staged before anybody knew of the disk; the answer is 503 after the time
    that is allowed, and the same sent again is not a second one.
    """
    monkeypatch.setattr("server.forms.DURABLE_SECONDS_MAX", 0.1)
    disk.arm(KINDS["full"], times=10**9)
    answer = await put(browser, 0, "one two three")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert (await answer.json())["action"] == "reconnect"
    # Refused at once now, and nothing more waits.
    assert (await put(browser, 0, "one two three")).status == 503
    assert (await health(browser))[1]["waiting"] == 1
    disk.heal()
    await until_healthy(browser)
    for _ in range(2):
        assert (await put(browser, 0, "one two three")).status == 200
    assert await (await browser.get("/p/pad/text")).text() == "one two three"
    assert len(stored(tmp_path / "data", "pad")) == 1
    # Another text on the same base is another edit.
    assert (await put(browser, 0, "four")).status == 200
    assert len(stored(tmp_path / "data", "pad")) == 2


async def test_a_new_pad_can_be_tried_again(browser, disk):
    """The page has all that was sent, and a button that sends it again, to the same address."""
    disk.arm(KINDS["full"], times=10**9)
    sent = {"name": "Autumn", "text": "leaves & <wind>"}
    answer = await browser.post("/p", data=sent, allow_redirects=False)
    assert answer.status == 503
    page = await answer.text()
    again = {name: html.unescape(value) for name, value in AREA.findall(page)}
    assert {**again, "id": ""} == {**sent, "id": "", "author": ""}
    disk.heal()
    await until_healthy(browser)
    places = set()
    for _ in range(2):
        answer = await browser.post("/p", data=again, allow_redirects=False)
        assert answer.status == 303
        places.add(answer.headers["Location"])
    (place,) = places
    assert re.fullmatch(r"/p/autumn-\w{8}", place)
    assert await (await browser.get(f"{place}/text")).text() == sent["text"]
    assert "Autumn" in await (await browser.get(place)).text()


async def test_names_of_versions(browser, disk):
    """503, which says that it can be tried again."""
    assert (await put(browser, 0, "one")).status == 200
    disk.arm(KINDS["full"], times=10**9)
    version = {"revision": 1, "name": "First", "person": "p" * 22}
    answer = await browser.post("/p/pad/versions", json=version)
    assert (answer.status, (await answer.json())["action"]) == (503, "reconnect")
    disk.heal()
    await until_healthy(browser)
    assert (await browser.post("/p/pad/versions", json=version)).status == 200


async def test_a_server_starts_on_a_full_disk(tmp_path, disk):
    """Without the pad of the home page; what is there can be read."""
    disk.arm(KINDS["full"], 40, times=10**9)
    app = create_app(Settings(data=tmp_path / "data", shutdown_seconds=2))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        assert (await client.get("/")).status == 200
    assert disk.failed
    disk.heal()
