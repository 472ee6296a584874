"""the pad in real browsers: typing together, offline, reload, input methods, hostile names"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad, stored_log

OpenPage = Callable[..., Awaitable[Page]]


async def text_of(page: Page) -> str:
    """The text in the editor; of an empty one, the words that stand there until one types."""
    lines = await page.locator(".cm-content .cm-line").all_text_contents()
    return "\n".join(lines)


async def write(page: Page, text: str) -> None:
    await page.locator(".cm-content").click()
    await page.keyboard.type(text)


async def server_text(serve: ServerProcess, pad: str) -> str:
    async with PadClient(serve.url, pad) as client:
        return client.text


async def same_text(
    serve: ServerProcess, pad: str, *pages: Page, expected: str | None = None
) -> str:
    """Wait until all pages and the server have one text, this one if it is given; return it.

    A page may be at one with the server for a moment before what is expected has come.
    """
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        text = await server_text(serve, pad)
        if expected in (None, text) and all([await text_of(page) == text for page in pages]):
            return text
        await asyncio.sleep(0.05)
    raise AssertionError([expected, text, *[await text_of(page) for page in pages]])


async def two_pages(serve: ServerProcess, open_page: OpenPage) -> tuple[Page, Page]:
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    two = await open_page(f"{serve.url}/p/pad")
    for page in (one, two):
        await saved(page)
    return one, two


async def test_typing_at_the_same_place(serve: ServerProcess, open_page: OpenPage) -> None:
    """Two people type at once at the same place, with emoji: one text, every letter in it once."""
    one, two = await two_pages(serve, open_page)
    a, b = "first hand 😀 writes ", "SECOND HAND 👩‍👩‍👧 WRITES "

    await asyncio.gather(write(one, a), write(two, b))

    text = await same_text(serve, "pad", one, two)
    assert sorted(text) == sorted(a + b)
    await saved(one)
    await saved(two)


async def test_server_killed_while_two_write(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """kill -9 under two typing people: they go on, it comes back, nothing is missing or twice."""
    problems.allow_lost_connection()
    one, two = await two_pages(serve, open_page)
    a, b = "abcdefghijklmnopqrstuvwxyz" * 3, "0123456789" * 8

    async def kill() -> None:
        await asyncio.sleep(0.2)
        serve.kill()
        await asyncio.sleep(0.3)
        await asyncio.to_thread(serve.start)

    await asyncio.gather(write_slowly(one, a), write_slowly(two, b), kill())

    for page in (one, two):
        await saved(page, timeout=20_000)
    text = await same_text(serve, "pad", one, two)
    assert sorted(text) == sorted(a + b)
    serve.stop()
    replayed, seen, _ = stored_log(serve.data)
    assert replayed == text
    assert set(seen.values()) == {1}


async def write_slowly(page: Page, text: str) -> None:
    await page.locator(".cm-content").click()
    await page.keyboard.type(text, delay=10)


async def test_composition_during_a_remote_edit(serve: ServerProcess, open_page: OpenPage) -> None:
    """An input method composes while somebody types before, inside and after: both texts are
    kept.
    """
    one, two = await two_pages(serve, open_page)
    await write(one, "start end")
    await same_text(serve, "pad", one, two)
    await one.keyboard.press("Home")
    for _ in range(6):
        await one.keyboard.press("ArrowRight")
    ime = await one.context.new_cdp_session(one)
    await ime.send(
        "Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1}
    )

    await two.locator(".cm-content").click()
    await two.keyboard.press("Home")
    await two.keyboard.type("BEFORE ")
    await ime.send(
        "Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2}
    )
    await two.keyboard.press("End")
    await two.keyboard.type(" AFTER")
    await ime.send(
        "Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3}
    )
    await ime.send("Input.insertText", {"text": "日本"})
    await one.keyboard.type("!")

    text = await same_text(serve, "pad", one, two)
    assert text == "BEFORE start 日本!end AFTER"


async def test_undo_takes_back_own_edits_only(serve: ServerProcess, open_page: OpenPage) -> None:
    """Undo after a remote edit leaves what the other has typed, redo brings back one's own."""
    one, two = await two_pages(serve, open_page)
    await write(one, "mine")
    await same_text(serve, "pad", one, two)
    await write(two, " theirs")
    await same_text(serve, "pad", one, two, expected="mine theirs")

    await one.keyboard.press("Control+z")
    await same_text(serve, "pad", one, two, expected=" theirs")

    await one.keyboard.press("Control+Shift+z")
    await same_text(serve, "pad", one, two, expected="mine theirs")


async def test_paste_of_a_megabyte(serve: ServerProcess, open_page: OpenPage) -> None:
    """A large paste, with all kinds of line ends and emoji, arrives whole while another types."""
    one, two = await two_pages(serve, open_page)
    line = "The quick brown fox 🦊 jumps over the lazy dog, again and again.\n"
    big = line * (1_000_000 // len(line) + 1)
    await one.locator(".cm-content").click()

    await one.evaluate(
        """(text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true});
            document.querySelector(".cm-content").dispatchEvent(event);
        }""",
        big.replace("\n", "\r\n"),
    )
    await write(two, "meanwhile")

    text = await server_text(serve, "pad")
    while len(text) < len(big) + len("meanwhile"):
        await asyncio.sleep(0.1)
        text = await server_text(serve, "pad")
    await saved(one, timeout=30_000)
    await saved(two)
    # Pieces of a large paste go out one after the other, and others' letters may come between.
    assert added(text, big) == "meanwhile"
    assert await whole_text(one) == text
    assert await whole_text(two) == text


def added(text: str, original: str) -> str:
    """What stands in `text` besides `original`, which is in it whole and in order."""
    rest = iter(original)
    wanted = next(rest, "")
    extra = ""
    for character in text:
        if character == wanted:
            wanted = next(rest, "")
        else:
            extra += character
    assert wanted == "", "some of the original is missing"
    return extra


async def whole_text(page: Page) -> str:
    """The text as the page gives it out; the editor draws only what is in view."""
    await page.locator("#more-button").click()
    async with page.expect_download() as download:
        await page.locator('.menu [data-command="export.markdown"]').click()
    return (await (await download.value).path()).read_text()


async def test_offline_typed_closed_opened_again(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Typed without a connection, the tab closed, opened again: it is there, and then
    everywhere.
    """
    problems.allow_lost_connection()
    one, two = await two_pages(serve, open_page)
    await write(one, "before ")
    await same_text(serve, "pad", one, two)
    await one.wait_for_timeout(2_500)  # the text is on the disk when all has been quiet

    await asyncio.to_thread(serve.kill)
    await write(one, "offline 😀 ")
    await expect(one.locator("#state")).to_contain_text("unsent edit")
    context = one.context
    await one.close()
    await asyncio.to_thread(serve.start)
    await two.wait_for_timeout(200)
    again = await open_page(f"{serve.url}/p/pad", context=context)

    await same_text(serve, "pad", again, two, expected="before offline 😀 ")
    await saved(again)
    serve.stop()
    _, seen, _ = stored_log(serve.data)
    assert set(seen.values()) == {1}


async def test_two_tabs_closed_offline_both_arrive(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Two tabs of one person, both closed with unsent edits: opening one tab sends both."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    await saved(one)
    two = await open_page(f"{serve.url}/p/pad", context=one.context)
    await saved(two)
    await one.wait_for_timeout(300)
    await asyncio.to_thread(serve.kill)
    await write(one, "one")
    await write(two, "two")
    for page in (one, two):
        await expect(page.locator("#state")).to_contain_text("unsent edit")
        await page.close()
    await asyncio.to_thread(serve.start)

    again = await open_page(f"{serve.url}/p/pad", context=one.context)

    await expect(again.locator(".cm-content")).to_contain_text("one")
    await expect(again.locator(".cm-content")).to_contain_text("two")
    text = await same_text(serve, "pad", again)
    assert text in ("onetwo", "twoone")


@pytest.mark.slow
async def test_a_tab_closed_offline_beside_an_open_one(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """One of two tabs of a person is closed with unsent edits: when the server is back, the other
    one sends them too.
    """
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    await saved(one)
    two = await open_page(f"{serve.url}/p/pad", context=one.context)
    await saved(two)
    await asyncio.to_thread(serve.kill)
    await write(two, "left by a closed tab")
    await expect(two.locator("#state")).to_contain_text("unsent edit")
    await two.close()
    await asyncio.to_thread(serve.start)

    await same_text(serve, "pad", one, expected="left by a closed tab")


async def test_one_connection(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A page that has just been opened makes one connection, and keeps it."""
    problems.allow_origin(serve.url)
    await create_pad(serve.url, "pad")
    page = await open_page("about:blank")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    for _ in range(3):
        await page.goto(f"{serve.url}/p/pad")
        await saved(page)
    assert len(sockets) == 3


async def test_browser_says_offline(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The network goes away under the page: typing goes on, the state is honest, then all
    arrives.
    """
    problems.allow_lost_connection()
    one, two = await two_pages(serve, open_page)
    await one.context.set_offline(True)
    await write(one, "kept")
    await asyncio.to_thread(serve.restart)  # cuts the socket that the browser leaves open

    await expect(one.locator("#state")).to_contain_text("Offline", timeout=15_000)
    await expect(one.locator("#state")).to_contain_text("unsent edit")
    await one.context.set_offline(False)

    await same_text(serve, "pad", one, two, expected="kept")
    await saved(one)


HOSTILE_NAMES = [
    "<img src=x onerror=document.title='owned'>",
    "\u202egnp.exe",
    "\"><script>document.title='owned'</script>",
    "W" * 40,
    "👩‍👩‍👧 ünïcode",
]


async def test_hostile_names_are_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """Names show as harmless text in the list of people and on the flags."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    title = await page.title()

    for name in HOSTILE_NAMES:
        async with PadClient(serve.url, "pad", name=name) as robot:
            robot.edit([len(robot.text), "x"] if robot.text else ["x"])
            await robot.synchronised()
            await page.locator("#people-button").click()
            listed = page.locator("#people-list")
            shown = name.replace("\u202e", "").strip()[:20]
            await expect(listed).to_contain_text(shown)
            assert await page.locator("img, .cm-content script").count() == 0
            await page.keyboard.press("Escape")
    assert await page.title() == title


async def test_people_join_rename_and_leave(serve: ServerProcess, open_page: OpenPage) -> None:
    """The count and the list follow who comes, goes, and takes another name; the name is kept."""
    one, two = await two_pages(serve, open_page)
    await expect(one.locator("body")).to_contain_text("2 here")

    await two.locator("#people-button").click()
    await two.locator("#your-name").fill("Ada")
    await two.keyboard.press("Enter")
    await one.locator("#people-button").click()
    await expect(one.locator("#people-list")).to_contain_text("Ada")
    await two.reload()
    await saved(two)
    await expect(one.locator("#people-list")).to_contain_text("Ada")

    await two.close()
    await expect(one.locator("body")).to_contain_text("1 here")


async def test_caret_of_the_other_is_shown(serve: ServerProcess, open_page: OpenPage) -> None:
    """Where somebody else is, with name and colour, moving with what they type."""
    one, two = await two_pages(serve, open_page)
    await two.locator("#people-button").click()
    await two.locator("#your-name").fill("Ada")
    await two.keyboard.press("Enter")
    await two.keyboard.press("Escape")

    await write(two, "hello from Ada")

    await same_text(serve, "pad", one, two)
    flag = one.locator(".cm-editor").get_by_text("Ada", exact=True)
    await expect(flag).to_be_visible()


async def test_refused_edit_becomes_a_draft(
    start_server: Callable[..., ServerProcess], open_page: OpenPage, problems: Problems
) -> None:
    """What the server does not take is kept as a copy, over a reload too, and the pad goes on."""
    problems.allow_lost_connection()
    serve = start_server("--pad-length-max", "20")
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    await write(page, "short")
    await same_text(serve, "pad", page)

    # Each of two edits fits alone: only the server knows of both.
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.kill)
    await page.keyboard.insert_text(" and longer")
    await asyncio.to_thread(serve.start)
    async with PadClient(serve.url, "pad") as other:
        other.edit(["A very "])
        await other.synchronised()
    await page.context.set_offline(False)

    banner = page.locator("#refused-banner")
    await expect(banner).to_contain_text("kept here as a copy")
    await expect(page.locator("footer [data-figure=connection]")).to_have_text(re.compile(r"\d ms"))
    await same_text(serve, "pad", page, expected="A very short")
    await write(page, "!")
    await same_text(serve, "pad", page)
    await page.reload()
    await expect(banner).to_be_visible()
    async with page.expect_download() as download:
        await page.locator("#download-draft").click()
    path = await (await download.value).path()
    assert path.read_text() == "A very short and longer"
    await page.locator("#discard-draft").click()
    await expect(banner).to_be_hidden()
    await page.reload()
    await saved(page)


async def test_home_makes_pads_and_remembers_them(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A pad from the form, its title, the list of recent pads, and an address that has no pad."""
    page = await open_page(serve.url)
    await page.locator("input[name=name]").fill("Autumn <b>release</b>")
    await page.get_by_role("button", name="Create pad").click()
    await expect(page).to_have_url(re.compile(r"/p/autumn-b-release-b-[\w-]{8}$"))
    await expect(page.locator(".bar-title")).to_have_text("Autumn <b>release</b>")
    await saved(page)
    await write(page, "We ship on Thursday.")
    await saved(page)
    await page.wait_for_timeout(2_500)  # the list follows in a quiet moment

    await page.goto(serve.url)
    await expect(page.locator("body")).to_contain_text("We ship on Thursday.")
    await page.get_by_role("link", name=re.compile("Autumn")).click()
    await expect(page.locator(".cm-content")).to_contain_text("We ship on Thursday.")

    problems.allow("404")
    await page.goto(f"{serve.url}/p/no-such-pad")
    await page.get_by_role("button", name="Create this pad").click()
    await saved(page)


@pytest.mark.parametrize(("scheme", "canvas"), [("light", "253, 253, 251"), ("dark", "20, 21, 24")])
async def test_theme_follows_the_system(
    serve: ServerProcess, open_page: OpenPage, scheme: str, canvas: str
) -> None:
    """Light and dark as the system says, on a desktop and a phone, with nothing wider than it."""
    await create_pad(serve.url, "pad")
    for size in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
        page = await open_page(f"{serve.url}/p/pad", color_scheme=scheme, viewport=size)
        await saved_or_dot(page)
        color = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert canvas in color
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def saved_or_dot(page: Page) -> None:
    """On a phone the state is a dot; its words are for screen readers."""
    await saved(page)
