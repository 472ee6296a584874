"""where parts of a pad meet: Read and keys, a question and a lost connection, history and edits"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems, run_command
from tests.browser.others import box_of, saved
from tests.browser.test_pad import same_text
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

# Whether the page has kept a key from the browser.
LISTEN = """addEventListener("keydown", (event) => { globalThis.kept = event.defaultPrevented; })"""


async def pad_of(serve: ServerProcess, open_page: OpenPage, *texts: str) -> Page:
    """A page at rest in a pad that was written in these pieces, a revision each."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Before") as client:
        for text in texts:
            client.insert(len(client.text), text)
            await client.synchronised()
    page = await open_page(f"{serve.url}/p/pad", locale="en-GB")
    await saved(page)
    return page


async def show_history(page: Page, revision: int) -> None:
    await run_command(page, "history.open")
    await expect(page.locator(".history .version").first).to_be_attached()
    slider = page.locator(".history-slider")
    await slider.press("Home")
    for _ in range(revision):
        await slider.press("ArrowRight")
    await expect(page.locator("#history-pill")).to_have_text(f"Viewing r{revision}")


async def test_find_in_read_is_the_browsers(serve: ServerProcess, open_page: OpenPage) -> None:
    """In Read, where the panel would be behind the preview, Ctrl F is left to the browser; in Write
    it opens the panel.
    """
    page = await pad_of(serve, open_page, "# Title\n\nsome words\n")
    await page.evaluate(LISTEN)
    await page.locator(".bar-centre .views [value=read]").check()
    await expect(page.locator("#preview")).to_be_visible()

    await page.keyboard.press("Control+f")
    assert await page.evaluate("globalThis.kept") is False

    await page.locator(".bar-centre .views [value=write]").check()
    await page.keyboard.press("Control+f")
    assert await page.evaluate("globalThis.kept") is True
    await expect(page.get_by_role("search")).to_be_visible()


async def test_a_tick_in_read_is_undone_there(serve: ServerProcess, open_page: OpenPage) -> None:
    """A box that was pressed in the preview is taken back by Ctrl Z with the focus still on it, and
    shows what the text says, also when that was so quick that the preview has missed it.
    """
    page = await pad_of(serve, open_page, "- [ ] one\n- [ ] two\n")
    await page.locator(".bar-centre .views [value=read]").check()
    box = page.get_by_role("checkbox", name="two")
    await box.click()
    await page.keyboard.press("Control+z")
    await same_text(serve, "pad", expected="- [ ] one\n- [ ] two\n")
    await expect(box).not_to_be_checked()
    await box.click()
    await same_text(serve, "pad", expected="- [ ] one\n- [x] two\n")

    await page.keyboard.press("Control+z")
    await same_text(serve, "pad", expected="- [ ] one\n- [ ] two\n")
    await expect(box).not_to_be_checked()
    await page.keyboard.press("Control+Shift+z")
    await same_text(serve, "pad", expected="- [ ] one\n- [x] two\n")


async def test_a_restore_that_lost_its_connection(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The server goes away while one is asked whether to restore: nothing is restored, and it says
    why.
    """
    problems.allow_lost_connection()
    page = await pad_of(serve, open_page, "one\n", "two\n", "three\n")
    await show_history(page, 1)
    await page.locator("#history-restore").click()
    await asyncio.to_thread(serve.kill)
    await expect(page.locator("#history-restore")).to_be_disabled()

    await page.locator("dialog[open]").get_by_role("button", name="Restore", exact=True).click()

    await expect(page.locator("#toast")).to_have_text("Needs a connection")
    await asyncio.to_thread(serve.start)
    await saved(page, timeout=30_000)
    assert await same_text(serve, "pad") == "one\ntwo\nthree\n"


async def test_own_last_words_are_no_news(serve: ServerProcess, open_page: OpenPage) -> None:
    """What one has just typed when the history opens is not told as an edit made meanwhile."""
    page = await pad_of(serve, open_page, "one\n", "two\n")
    await show_history(page, 1)
    await page.keyboard.press("Escape")
    await page.locator("#text .cm-content").click()

    # In one turn of the page, so that it cannot be sent before.
    await page.evaluate(
        """() => {
            document.execCommand("insertText", false, "mine ");
            document.querySelector('.bar [data-command="history.open"]').click();
        }"""
    )

    await expect(page.locator("#history-pill")).to_have_text("Viewing r3")
    await expect(page.locator("#history-play")).to_be_enabled()
    await expect(page.locator("#history-new")).to_have_text("")


async def test_old_texts_are_not_edited(serve: ServerProcess, open_page: OpenPage) -> None:
    """While an old text is shown, no command changes the one that cannot be seen."""
    page = await pad_of(serve, open_page, "one\n", "two\n")
    await page.locator("#text .cm-content").click()
    await page.keyboard.type("mine ")
    await saved(page)
    text = await same_text(serve, "pad", page)
    await show_history(page, 1)

    for command in ("edit.undo", "format.bold", "pad.import"):
        await run_command(page, command)
    await page.keyboard.press("Control+k")
    await page.locator("dialog[open]").get_by_role("combobox").fill("undo")
    await expect(page.get_by_role("option", name="Undo", exact=True)).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")

    await expect(page.locator("#history")).to_be_hidden()
    assert await same_text(serve, "pad") == text
    await run_command(page, "edit.undo")
    await same_text(serve, "pad", expected="one\ntwo\n")


async def test_an_old_text_as_a_file(serve: ServerProcess, open_page: OpenPage) -> None:
    """A revision is exported under the pad's name, in all its letters, with the pad's ending."""
    page = await pad_of(serve, open_page, "one\n", "two\n")
    async with PadClient(serve.url, "pad") as client:
        await client.set_properties(title="हिन्दी.PY", language="python")
    await expect(page.locator(".bar-title")).to_have_text("हिन्दी.PY")
    await show_history(page, 1)

    async with page.expect_download() as waiting:
        await page.locator("#history-export").click()

    download = await waiting.value
    assert download.suggested_filename == "हिन्दी r1.py"
    path: Path = await download.path()
    assert path.read_text() == "one\n"


@pytest.mark.parametrize("width", [320, 390, 700, 1280])
async def test_history_in_a_narrow_window(
    serve: ServerProcess, open_page: OpenPage, width: int
) -> None:
    """The name at the end of the last change is not cut off at the edge, and what is said for a
    moment covers no button, at any width.
    """
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Maximiliane von Hohenstein") as client:
        client.insert(0, "word " * 100)
        await client.synchronised()
    page = await open_page(f"{serve.url}/p/pad", viewport={"width": width, "height": 700})
    await saved(page)
    await show_history(page, 1)

    flag = await box_of(page.locator(".history-text .change-end .flag"))
    pane = await box_of(page.locator(".history-text .cm-scroller"))
    assert pane["x"] <= flag["x"] and flag["right"] <= pane["right"]
    await run_command(page, "pad.save")
    toast = await box_of(page.locator("#toast"))
    dock = await box_of(page.locator(".history-dock"))
    assert toast["bottom"] < dock["y"]


async def test_a_file_without_its_script(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, tmp_path: Path
) -> None:
    """A file is chosen when what imports it cannot be loaded: the page says so, and does it
    the next time.
    """
    problems.allow("ERR_FAILED")
    await create_pad(serve.url, "pad")
    page = await open_page("about:blank")
    await page.route("**/import_text-*.js*", lambda route: route.abort())
    problems.allow_origin(serve.url)
    await page.goto(f"{serve.url}/p/pad")
    await saved(page)
    file = tmp_path / "notes.txt"
    file.write_text("from a file\n")

    async def choose() -> None:
        async with page.expect_file_chooser() as waiting:
            await run_command(page, "pad.import")
        await (await waiting.value).set_files(file)

    await choose()
    await expect(page.locator("#toast")).to_have_text("This needs a connection the first time.")
    await page.unroute_all()
    await choose()
    await same_text(serve, "pad", page, expected="from a file\n")
