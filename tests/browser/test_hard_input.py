"""hard input in a real browser: odd characters, huge texts, bad lines, failing parts of the page"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import Join, saved
from tests.browser.test_pad import added, same_text, server_text, two_pages, write
from tests.browser.test_surface import PASTE, VIEW, compose, open_with, server_has
from tests.conftest import ServerProcess
from tests.test_real_input import stored_log

OpenPage = Callable[..., Awaitable[Page]]

TEXT = f"{VIEW}.state.doc.toString()"


# --- characters

# What is pasted, and what the pad has then.
PASTES = {
    "CRLF": ("a\r\nb\r\n", "a\nb\n"),
    "CR": ("a\rb\r\rc", "a\nb\n\nc"),
    "mixed": ("a\n\rb\r\nc", "a\n\nb\nc"),
    "line separator": ("a\u2028b", "a\u2028b"),
    "paragraph separator": ("a\u2029b", "a\u2029b"),
    "vertical tab": ("a\vb", "a\vb"),
    "form feed": ("a\fb", "a\fb"),
    "next line": ("a\x85b", "a\x85b"),
    "NUL": ("a\0b", "a\0b"),
    "controls": ("\x01\x02\x1b[31m\x7f", "\x01\x02\x1b[31m\x7f"),
    "byte order mark": ("\ufeffa\ufeff", "\ufeffa\ufeff"),
    "overrides": ("\u202egnp.exe\u202c \u2066x\u2069", "\u202egnp.exe\u202c \u2066x\u2069"),
    "emoji": ("👩‍👩‍👧🇩🇪e\u0301", "👩‍👩‍👧🇩🇪e\u0301"),
}


async def test_odd_characters(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Line ends of all kinds become one kind; all other characters stay what they are, in both
    editors, on the wire, in the log, and over a restart of the server.
    """
    problems.allow_lost_connection()  # in the end it is stopped
    one, two = await two_pages(serve, open_page)
    await one.locator(".cm-content").click()
    expected = ""
    for name, (pasted, kept) in PASTES.items():
        await one.keyboard.press("Control+End")
        await one.evaluate(PASTE, f"{name}: {pasted}|")
        expected += f"{name}: {kept}|"
    await server_has(serve, expected)
    for page in (one, two):
        await saved(page)
        assert await page.evaluate(TEXT) == expected
    async with PadClient(serve.url, "pad") as client:
        client.edit([len(expected), "."])
        await client.synchronised()
    await expect(one.locator(".cm-content")).to_contain_text("|.")
    assert await one.evaluate(TEXT) == f"{expected}."
    await asyncio.to_thread(serve.stop)
    replayed, _, _ = stored_log(serve.data)
    assert replayed == f"{expected}."


# --- sizes


@pytest.mark.slow
async def test_paste_of_ten_megabytes(
    start_server: Callable[..., ServerProcess], open_page: OpenPage
) -> None:
    """It goes out in parts, arrives whole, is one step of undo, and others write on meanwhile."""
    serve = start_server("--pad-length-max", "12000000")
    page = await open_with(serve, open_page, "")
    line = "The quick brown fox jumps over the lazy dog, again and again.\n"
    big = line * (10_000_000 // len(line))
    await page.locator(".cm-content").click()
    waits: list[float] = []
    async with PadClient(serve.url, "pad") as other:
        await page.evaluate(PASTE, big)
        for _ in range(10):
            start = time.monotonic()
            other.edit(["+"])
            await other.synchronised()
            waits.append(time.monotonic() - start)
            await asyncio.sleep(0.5)
    await saved(page, timeout=60_000)
    text = await server_text(serve, "pad")
    assert added(text, big) == "+" * 10
    assert await page.evaluate(TEXT) == text
    # 0.2 s on a machine that does nothing else; as one operation it would be all of the time.
    assert max(waits) < 10
    await page.keyboard.press("Control+z")
    await expect(page.locator(".cm-content")).to_have_text("+" * 10)


# The longest time that the page did nothing else, in milliseconds.
LONGEST = """() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask", buffered: true });
}"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["a line\n" * 1_000_000, "word and " * 33_333], ids=["a_million_lines", "one_line"]
)
async def test_huge_texts(
    start_server: Callable[..., ServerProcess], open_page: OpenPage, text: str
) -> None:
    """A million lines, and one line of 300,000 characters: opened, and written in at both ends."""
    serve = start_server("--pad-length-max", "12000000")
    page = await open_with(serve, open_page, text)
    await page.evaluate(LONGEST)
    await page.locator(".cm-content").click(position={"x": 40, "y": 10})
    await page.keyboard.press("Control+End")
    await page.keyboard.type("END")
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("START ")
    await server_has(serve, f"START {text}END")
    # 1 s is what is promised, on a machine that does nothing else.
    assert await page.evaluate("longest") < 10_000


# --- lines between page and server


class BadLine:
    """Between a page and the server: each frame comes late, by chance, in order."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._tasks: list[asyncio.Task[None]] = []

    def connect(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(self._late(server.send))
        server.on_message(self._late(page.send))

    def _late(self, send: Callable[[str | bytes], None]) -> Callable[[str | bytes], None]:
        queue = asyncio.Queue[str | bytes]()

        async def run() -> None:
            while True:
                frame = await queue.get()
                await asyncio.sleep(self._chance.uniform(0, 0.3))
                send(frame)

        self._tasks.append(asyncio.create_task(run()))
        return queue.put_nowait

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


async def test_dead_keys_on_a_bad_line(serve: ServerProcess, open_page: OpenPage) -> None:
    """Accents by dead keys, while each frame is up to 0.3 s late and another types: none stalls."""
    page = await open_with(serve, open_page, "")
    line = BadLine("dead keys")
    await page.route_web_socket(re.compile("/ws/"), line.connect)
    await page.reload()
    await saved(page)
    await page.locator(".cm-content").click()
    ime = await page.context.new_cdp_session(page)
    async with PadClient(serve.url, "pad") as other:
        for letter in "éáúíó" * 3:
            await compose(ime, "´")
            other.edit([len(other.text), "."] if other.text else ["."])
            await ime.send("Input.insertText", {"text": letter})
            await asyncio.sleep(0.05)
        await other.synchronised()
    await saved(page, timeout=20_000)
    text = await same_text(serve, "pad", page)
    assert text.replace(".", "") == "éáúíó" * 3
    assert text.count(".") == 15
    line.close()


class LyingLine:
    """Between a page and the server: says to the page what the test wants."""

    def __init__(self) -> None:
        self._page: WebSocketRoute | None = None
        self._session = ""  # the page's public id

    def connect(self, page: WebSocketRoute) -> None:
        self._page = page
        server = page.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["type"] == "welcome":
                self._session = message["session"]
            page.send(frame)

        server.on_message(pass_on)

    def say(self, message: dict[str, object]) -> None:
        assert self._page is not None
        self._page.send(json.dumps(message).replace("OWN", self._session))


# What no server says: an acknowledgement of nothing, revisions from the future, a delta across what
# is known.
LIES: list[dict[str, object]] = [
    {"type": "ops", "from": 1, "ops": [["OWN", 99, [1, "x"]]]},
    {"type": "ops", "from": 40, "ops": [["other", 1, ["x"]]]},
    {"type": "delta", "from": 0, "to": 9, "op": ["x"]},
]


@pytest.mark.parametrize("lie", LIES, ids=["acknowledged", "future", "overlap"])
async def test_a_server_that_contradicts_itself(
    serve: ServerProcess, open_page: OpenPage, lie: dict[str, object]
) -> None:
    """The page begins again from the server's text, and what was on the screen is a draft."""
    page = await open_with(serve, open_page, "true")
    line = LyingLine()
    await page.route_web_socket(re.compile("/ws/"), line.connect)
    await page.reload()
    await saved(page)
    line.say(lie)
    await expect(page.locator("#state")).to_have_attribute("data-kind", "refused")
    async with page.expect_download() as download:
        await page.locator("#download-draft").click()
    assert (await (await download.value).path()).read_text() == "true"
    await write(page, "and ")
    assert sorted(await same_text(serve, "pad", page)) == sorted("and true")


# --- undo


async def test_undo_of_what_another_has_deleted(serve: ServerProcess, open_page: OpenPage) -> None:
    """Undo of typing that somebody else has deleted does nothing to the rest, and does not fail."""
    one, two = await two_pages(serve, open_page)
    await write(one, "mine ")
    await same_text(serve, "pad", one, two)
    await two.locator(".cm-content").click()
    await two.keyboard.press("Control+End")
    await two.keyboard.type("theirs")
    await same_text(serve, "pad", one, two)
    await two.keyboard.press("Control+Home")
    for _ in "mine ":
        await two.keyboard.press("Delete")
    await same_text(serve, "pad", one, two, expected="theirs")

    for _ in range(3):
        await one.keyboard.press("Control+z")
    await same_text(serve, "pad", one, two, expected="theirs")
    await one.keyboard.press("Control+Shift+z")
    await write(one, "!")
    text = await same_text(serve, "pad", one, two)
    assert "theirs" in text.replace("!", "")


async def test_undo_across_a_reconnect(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Undo of edits that are not sent, while the server is gone and another writes before them."""
    problems.allow_lost_connection()
    page = await open_with(serve, open_page, "base ")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.kill)
    await page.keyboard.type("kept ")
    await page.wait_for_timeout(700)  # a pause in typing begins another step of undo
    await page.keyboard.type("undone ")
    await asyncio.to_thread(serve.start)
    async with PadClient(serve.url, "pad") as other:
        other.edit(["before "])
        await other.synchronised()
    await page.keyboard.press("Control+z")
    await page.context.set_offline(False)

    await saved(page, timeout=20_000)
    await same_text(serve, "pad", page, expected="before base kept ")
    await page.keyboard.press("Control+z")
    await same_text(serve, "pad", page, expected="before base ")
    await page.keyboard.press("Control+Shift+z")
    await same_text(serve, "pad", page, expected="before base kept ")


async def test_two_undo_and_redo_at_once(serve: ServerProcess, open_page: OpenPage) -> None:
    """Two people type, undo and redo by turns and at once: one text, and each takes back only what
    they wrote.
    """
    one, two = await two_pages(serve, open_page)
    chance = random.Random("undo")

    async def busy(page: Page, letter: str) -> None:
        await page.locator(".cm-content").click()
        for _ in range(25):
            what = chance.choice(["type", "type", "undo", "redo"])
            if what == "type":
                await page.keyboard.type(letter * chance.randint(1, 5))
            else:
                await page.keyboard.press(f"Control+{'Shift+' if what == 'redo' else ''}z")

    async def settled() -> str:
        """The text of both and of the server; it may be empty."""
        for page in (one, two):
            await saved(page)
        for _ in range(100):
            texts = {await server_text(serve, "pad"), *[await p.evaluate(TEXT) for p in (one, two)]}
            if len(texts) == 1:
                break
            await asyncio.sleep(0.05)
        assert len(texts) == 1, texts
        return str(texts.pop())

    await asyncio.gather(busy(one, "a"), busy(two, "b"))
    before = await settled()
    for _ in range(60):
        await one.keyboard.press("Control+z")
    assert await settled() == before.replace("a", "")


# --- parts that fail


async def test_an_extension_that_throws(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A part of the editor that fails with each update, its own and remote ones: what is typed is
    sent once, what others write is shown.
    """
    problems.allow("on purpose")
    one, two = await two_pages(serve, open_page)
    await write(one, "start ")
    await same_text(serve, "pad", one, two)
    # CodeMirror catches what listeners throw; what it does not catch is an error while it draws.
    await one.evaluate(
        f"""() => {{
            const view = {VIEW};
            const tile = view.docView;
            const update = tile.update;
            tile.update = function (...values) {{
                globalThis.thrown = (globalThis.thrown ?? 0) + 1;
                if (thrown % 2) throw new Error("on purpose");
                return update.apply(this, values);
            }};
        }}"""
    )
    await one.keyboard.type("typed ")
    await two.locator(".cm-content").click()
    await two.keyboard.press("Control+End")
    await two.keyboard.type("theirs ")
    await one.keyboard.type("more ")

    await saved(one)
    text = await same_text(serve, "pad", one, two)
    assert sorted(text) == sorted("start typed theirs more ")
    assert await one.evaluate("thrown") > 0


async def test_carets_past_the_end(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """Somebody says to be where no text is, also after it was deleted: shown at the end."""
    page = await open_with(serve, open_page, "short")
    ada = await join("Ada", 1)
    await ada.at(10_000_000)
    caret = page.locator(f'.caret[data-session="{ada.session}"]')
    await expect(caret).to_be_attached()
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await server_has(serve, "")
    await expect(caret).to_be_attached()
    await write(page, "on")
    await same_text(serve, "pad", page, expected="on")
