"""pads without a script: the page carries the text, and a form that comes back is merged"""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from server.app import create_app
from server.pad_pages import PAGE_TEXT_MAX
from server.settings import Settings

Browser = TestClient[web.Request, web.Application]
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser without scripts."""
    settings = Settings(data=tmp_path / "data", pad_length_max=500_000, new_pads_per_minute=40)
    async with TestClient(TestServer(create_app(settings)), raise_for_status=False) as client:
        yield client


async def make(browser: Browser, **fields: str) -> str:
    answer = await browser.post("/p", data=fields, allow_redirects=False)
    assert answer.status == 303
    return answer.headers["Location"]


async def read(browser: Browser, path: str) -> tuple[str, dict[str, str]]:
    """The text in the page, and the hidden fields of its form."""
    page = await (await browser.get(path)).text()
    area = re.search(r"<textarea.*?>\n(.*?)</textarea>", page, re.DOTALL)
    assert area, page
    return html.unescape(area[1]), dict(FIELD.findall(page))


async def send(browser: Browser, path: str, fields: dict[str, str], text: str) -> int:
    # As browsers do it.
    data = {**fields, "text": text.replace("\n", "\r\n"), "author": "Lin"}
    return (await browser.post(path, data=data, allow_redirects=False)).status


async def test_two_forms_of_one_base_are_merged(browser: Browser) -> None:
    """What two people write into the same page comes together, whoever is first."""
    path = await make(browser, name="List", text="one\ntwo\nthree\n")
    text, first = await read(browser, path)
    _, second = await read(browser, path)

    assert await send(browser, path, first, text.replace("one", "one and a half")) == 303
    assert await send(browser, path, second, text + "four\n") == 303

    assert (await read(browser, path))[0] == "one and a half\ntwo\nthree\nfour\n"


async def test_the_same_form_twice_counts_once(browser: Browser) -> None:
    """A form that is sent again, as after a lost answer, changes nothing more."""
    path = await make(browser, text="a")
    text, fields = await read(browser, path)

    assert [await send(browser, path, fields, text + "b") for _ in range(2)] == [303, 303]

    assert (await read(browser, path))[0] == "ab"


async def test_sent_before_with_another_text(browser: Browser) -> None:
    """A form that was sent and is filled in again is not merged: its text is given back."""
    path = await make(browser, text="a")
    text, fields = await read(browser, path)
    assert await send(browser, path, fields, text + "b") == 303

    data = {**fields, "text": "a<b> c"}
    answer = await browser.post(path, data=data)

    assert answer.status == 409
    assert "a&lt;b&gt; c</textarea>" in await answer.text()
    assert (await read(browser, path))[0] == "ab"


@pytest.mark.parametrize(
    "change",
    [
        {"base": "7"},
        {"base": "-1"},
        {"base": "x"},
        {"base": ""},
        {"epoch": "another"},
        {"session": "short"},
        {"person": ""},
    ],
)
async def test_unknown_base(browser: Browser, change: dict[str, str]) -> None:
    """A base that the pad does not have is told, with the text to copy."""
    path = await make(browser, text="a")
    _, fields = await read(browser, path)

    answer = await browser.post(path, data={**fields, **change, "text": "mine"})

    assert answer.status == 409
    assert "mine</textarea>" in await answer.text()


async def test_full(browser: Browser) -> None:
    """What does not fit is told, with the text to copy."""
    path = await make(browser, text="a")
    _, fields = await read(browser, path)

    answer = await browser.post(path, data={**fields, "text": "b" * 500_001})

    assert answer.status == 413
    assert "bbb</textarea>" in await answer.text()


async def test_a_pad_that_is_not_there_any_more(browser: Browser) -> None:
    """After a restore to a time before the pad, what was written in its page comes back."""
    _, fields = await read(browser, await make(browser, text="a"))

    answer = await browser.post("/p/only-in-a-page", data={**fields, "text": "mine"})

    assert answer.status == 404
    assert "mine</textarea>" in await answer.text()


async def test_line_ends_and_nul_survive(browser: Browser) -> None:
    """Line ends and NUL, which no form can say, stay where nothing was changed."""
    path = await make(browser, name="Odd")
    async with browser.ws_connect(f"/ws/{path[3:]}", protocols=["deltapad.1"]) as socket:
        key = "k" * 22
        hello = {"type": "hello", "session": key, "person": key, "name": "", "color": 0}
        await socket.send_json({**hello, "epoch": None, "revision": None})
        await socket.receive_json()
        op = ["a\r\nb\rc\0d\r\ne"]
        await socket.send_json({"type": "op", "base": 0, "seq": 1, "op": op})
        while (await socket.receive_json())["type"] != "ops":
            pass
    page = await (await browser.get(path)).text()
    assert 'data-exact="false"' in page
    fields = dict(FIELD.findall(page))

    assert await send(browser, path, fields, "a\nb\nc\ufffdd!\ne") == 303

    text = await (await browser.get(f"{path}/text")).text()
    assert text == "a\r\nb\rc\0d!\r\ne"


async def test_a_text_that_begins_with_a_line_feed(browser: Browser) -> None:
    """The first line feed, which browsers eat, is there twice."""
    path = await make(browser, text="\n\na")
    assert (await read(browser, path))[0] == "\n\na"


async def test_long_text(browser: Browser) -> None:
    """A very long text is not in the page for scripts, but in the one without."""
    path = await make(browser, text="x" * (PAGE_TEXT_MAX + 1))
    page = await (await browser.get(path)).text()
    assert "<textarea" not in page and f"{path}?plain" in page

    text, fields = await read(browser, f"{path}?plain")
    assert len(text) == PAGE_TEXT_MAX + 1
    assert await send(browser, f"{path}?plain", fields, text + "y") == 303


async def test_view_only(browser: Browser) -> None:
    """By the view-only link one reads, and nothing there names the pad; writing is refused."""
    path = await make(browser, name="Secret", text="hello")
    view = re.search(r'data-view-key="(\w{12})"', await (await browser.get(path)).text())
    assert view

    answer = await browser.get(f"/v/{view[1]}")
    page = await answer.text()

    assert answer.status == 200 and "hello</textarea>" in page and "readonly" in page
    assert path[3:] not in page
    refused = await browser.post(f"/v/{view[1]}", data={"text": "x"})
    assert refused.status == 403
    assert path[3:] not in await refused.text()
    assert (await browser.get("/v/nobodys-key00")).status == 404


async def test_copy_into_a_new_pad(browser: Browser) -> None:
    """A copy begins with the text, by either link; one of nothing is not made."""
    path = await make(browser, name="Soup", text="onions")
    copy = await make(browser, copy=path[3:])

    assert copy != path
    assert (await read(browser, copy))[0] == "onions"
    assert "Soup (copy)" in await (await browser.get(copy)).text()
    assert (await browser.post("/p", data={"copy": "nothing"})).status == 404


async def test_start_from_a_file(browser: Browser) -> None:
    """A text that is too long for a pad makes none; a wanted id that is taken keeps its text."""
    assert (await browser.post("/p", data={"text": "x" * 500_001})).status == 413
    path = await make(browser, id="mine", text="first")
    assert await make(browser, id="mine", text="second") == path
    assert (await read(browser, path))[0] == "first"


async def test_too_many_new_pads(browser: Browser) -> None:
    """Whoever makes too many is told when to come again."""
    for _ in range(40):
        await make(browser)

    answer = await browser.post("/p", data={}, allow_redirects=False)

    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    assert "Too many new pads" in await answer.text()


async def test_from_another_site(browser: Browser) -> None:
    """No other page writes in a visitor's name."""
    path = await make(browser, text="a")
    _, fields = await read(browser, path)

    answer = await browser.post(
        path, data={**fields, "text": "b"}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status == 403


async def test_demo(browser: Browser) -> None:
    """The demo pad is there from the first start on."""
    assert (await read(browser, "/p/demo"))[0].startswith("# Soup for twelve\n")


async def make_with_text(url: str, text: str) -> str:
    """Make a pad that begins with a text on a server elsewhere; return its path."""
    async with (
        ClientSession() as http,
        http.post(f"{url}/p", data={"text": text}, allow_redirects=False) as answer,
    ):
        return answer.headers["Location"]
