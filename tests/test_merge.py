"""a text that is sent back is merged once, whoever else writes; nobody sees a visitor"""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from client_py import PadClient
from ot.log import Entry
from server.app import create_app
from server.pad import Pad
from server.settings import Settings
from tests.test_forms import Browser, browser, make, read, send

__all__ = ["browser"]


async def text_of(browser: Browser, path: str) -> str:
    return await (await browser.get(f"{path}/text")).text()


async def test_the_same_form_many_times_at_once(browser: Browser) -> None:
    """A double click, or a browser that tries again before the first answer: once."""
    path = await make(browser, text="a")
    text, fields = await read(browser, path)

    answers = await asyncio.gather(*(send(browser, path, fields, text + "b") for _ in range(20)))

    assert answers == [303] * 20
    assert await text_of(browser, path) == "ab"


async def test_a_form_and_a_live_client(browser: Browser) -> None:
    """The form's change is made around what was typed since the page was read; who types sees it,
    and no visitor that comes and goes; the history knows the name.
    """
    path = await make(browser, text="one\ntwo\nthree\n")
    text, fields = await read(browser, path)
    url = f"http://{browser.host}:{browser.port}"
    async with PadClient(url, path[3:], name="Ada") as ada:
        people: list[int] = []
        ada.edit([4, "2 and "])
        await ada.synchronised()
        assert await send(browser, path, fields, text.replace("three", "3")) == 303
        await ada.reached(3)
        people.append(len(ada.people))
        assert ada.text == "one\n2 and two\n3\n"
        assert people == [1], "who sends a form is not shown"
    history = await (await browser.get(f"{path}/history?from=2")).json()
    assert [author["name"] for author in history["authors"].values()] == ["Lin"]
    assert 1 <= next(iter(history["authors"].values()))["color"] <= 12


async def test_many_forms_in_any_order(browser: Browser) -> None:
    """Forms of many bases, late and in any order: each writer's line is there, once."""
    lines = [f"line {number}\n" for number in range(40)]
    path = await make(browser, text="".join(lines))
    chance = random.Random(5)
    waiting: list[tuple[int, str, dict[str, str]]] = []
    for number in range(40):
        text, fields = await read(browser, path)
        waiting.append((number, text, fields))
        chance.shuffle(waiting)
        while len(waiting) > (8 if number < 39 else 0):
            mine, text, fields = waiting.pop()
            changed = re.sub(rf"^line {mine}$", f"line {mine} of mine", text, flags=re.MULTILINE)
            assert await send(browser, path, fields, changed) == 303

    assert await text_of(browser, path) == "".join(
        f"line {number} of mine\n" for number in range(40)
    )


async def test_half_a_surrogate_pair(browser: Browser) -> None:
    """What no text can hold is refused, and the server goes on."""
    path = await make(browser, text="a")
    _, fields = await read(browser, path)
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"}

    answer = await browser.post(path, data=body + b"&text=%2B2AA-", headers=kind)
    assert answer.status == 400
    answer = await browser.post("/p", data=b"text=%2B2AA-", headers=kind, allow_redirects=False)
    assert answer.status == 400
    assert await text_of(browser, path) == "a"


async def test_start_from_a_file(browser: Browser) -> None:
    """A file in the form itself, without any script: its text and its name, if it is text."""
    form = FormData(quote_fields=False)
    form.add_field("name", "")
    form.add_field("text", "\ufeffone\r\ntwo\n".encode(), filename="Shopping list.txt")
    answer = await browser.post("/p", data=form, allow_redirects=False)
    assert answer.status == 303
    path = answer.headers["Location"]
    assert path.startswith("/p/shopping-list-")
    assert await text_of(browser, path) == "one\ntwo\n"

    for content in (b"\x89PNG\xff", b"a\0b"):
        form = FormData(quote_fields=False)
        form.add_field("text", content, filename="picture.png")
        answer = await browser.post("/p", data=form)
        assert answer.status == 400
        assert "This one is not text" in await answer.text()


async def test_no_limit_of_new_pads(tmp_path: Path) -> None:
    """Zero is no limit."""
    app = create_app(Settings(data=tmp_path, new_pads_per_minute=0))
    async with TestClient(TestServer(app)) as browser:
        for _ in range(30):
            await make(browser)


async def test_an_old_base_is_not_made_from_the_whole_log(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text that a page showed is kept while the pad is in memory: a form that comes back late
    reads nothing of the log before it.
    """
    path = await make(browser, text="a\nb\nc\n")
    text, early = await read(browser, path)
    _, other = await read(browser, path)
    assert await send(browser, path, other, text + "d\n") == 303
    starts: list[int] = []
    entries = Pad.entries

    async def watched(self: Pad, start: int, end: int) -> list[Entry]:
        starts.append(start)
        return await entries(self, start, end)

    monkeypatch.setattr(Pad, "entries", watched)

    assert await send(browser, path, early, text.replace("a", "A")) == 303
    assert starts == []
    assert await text_of(browser, f"{path}") == "A\nb\nc\nd\n"
    assert await (await browser.get(f"{path}/text?at=2")).text() == "a\nb\nc\nd\n"
    assert starts == [1]
