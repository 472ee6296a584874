"""a pad that is deleted: what people have of it then, in an open page and in a closed one"""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.stage import delete_beside
from tests.browser.test_offline_pad import known
from tests.browser.test_pad import same_text, write
from tests.conftest import ServerProcess
from tests.test_removal import BEARER, TOKEN
from tests.wire import create_pad, stored

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow


async def text_of(page: Page) -> str:
    """What stands on the screen; lines end as they do in the log."""
    lines: list[str] = await page.locator(".cm-line").all_inner_texts()
    return "\n".join(lines)


async def downloaded(button: Locator) -> str:
    """What a button gives as a file."""
    async with button.page.expect_download() as download:
        await button.click()
    path = await (await download.value).path()
    return Path(path).read_text()


async def shows_that_it_is_gone(page: Page) -> None:
    """The page of the pad has stopped, with the text in it."""
    await expect(page.locator("#state")).to_contain_text("Deleted")
    words = page.locator("#refused-words")
    await expect(words).to_have_text("This pad was deleted. What you see is a copy.")
    await expect(page.locator(".cm-content")).to_have_attribute("aria-readonly", "true")


async def is_the_page_of_a_deleted_pad(page: Page) -> None:
    await expect(page.locator("h1")).to_contain_text("This pad was deleted")
    today = datetime.datetime.now().astimezone()
    date = f"{today:%B} {today.day}"
    await expect(page.locator("#error-message")).to_have_text(
        f"It was removed on {date}. A copy may be in your downloads."
    )


async def test_while_somebody_types(
    start_server: Callable[..., ServerProcess],
    open_page: OpenPage,
    problems: Problems,
    tmp_path: Path,
) -> None:
    """Whatever is on the screen can be downloaded, then and after a reload; the list of recent
    pads says that it is no more.
    """
    problems.allow("410")
    file = tmp_path / "token"
    file.write_text(TOKEN)
    server = start_server("--admin-token-file", str(file))
    await create_pad(server.url, "pad")
    pages = [await open_page(f"{server.url}/p/pad") for _ in range(2)]
    for page in pages:
        await saved(page)
    await write(pages[0], "Soup for twelve. ")
    await same_text(server, "pad", *pages)

    # Recent pads are written down after two seconds.
    while not await pages[0].evaluate("localStorage.getItem('deltapad.recent')"):
        await asyncio.sleep(0.05)

    deleted = asyncio.Event()

    async def type_until_it_is_deleted() -> None:
        while not deleted.is_set():
            await pages[0].keyboard.type("more ")

    before = len(stored(server.data, "pad"))
    typing = asyncio.create_task(type_until_it_is_deleted())
    # One revision is enough: how many the keys make depends on how soon each is acknowledged.
    while len(stored(server.data, "pad")) == before:
        await asyncio.sleep(0.01)
    async with (
        ClientSession() as http,
        http.delete(f"{server.url}/p/pad", headers=BEARER) as answer,
    ):
        assert answer.status == 200
        logged = (await answer.json())["length"]
    deleted.set()
    await typing
    for page in pages:
        await shows_that_it_is_gone(page)
    text = await text_of(pages[0])
    assert len(text) >= logged > len("Soup for twelve. ")
    assert await downloaded(pages[0].locator("#download-draft")) == text
    await pages[0].reload()
    await is_the_page_of_a_deleted_pad(pages[0])
    button = pages[0].get_by_role("button", name="Download my copy").first
    assert await downloaded(button) == text
    await pages[0].goto(f"{server.url}/")
    row = pages[0].locator(".recent-row")
    await expect(row).to_contain_text("No longer exists")


@pytest.mark.parametrize("width", [1280, 390])
async def test_while_somebody_is_in_the_history(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, width: int
) -> None:
    """It is said there too, above the old text and not over it, and after it is left as ever; the
    share dialog, which would cover it, closes.
    """
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad", viewport={"width": width, "height": 800})
    sharing = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    await write(page, "Soup for twelve. ")
    await same_text(serve, "pad", page, sharing)
    await page.keyboard.press("Control+Shift+h")
    await expect(page.locator("#history-restore")).to_be_visible()
    await expect(page.locator(".history-text .cm-content")).to_contain_text("Soup")
    await sharing.get_by_role("button", name="Share").first.click()
    await expect(sharing.locator("#share")).to_be_visible()

    await delete_beside(serve, "pad")
    await expect(sharing.locator("#share")).to_be_hidden(timeout=20_000)
    await shows_that_it_is_gone(sharing)
    banner = page.locator("#refused-banner")
    await expect(banner).to_contain_text("This pad was deleted.", timeout=20_000)
    assert await downloaded(page.locator("#download-draft")) == "Soup for twelve. "
    above = await banner.bounding_box()
    text = await page.locator(".history-text").bounding_box()
    bar = await page.locator(".history-bar").bounding_box()
    assert above is not None and text is not None and bar is not None
    assert bar["y"] + bar["height"] <= above["y"] < above["y"] + above["height"] <= text["y"]
    await page.locator("#history-leave").click()
    await expect(page.locator("#state")).to_contain_text("Deleted")
    await expect(banner).to_be_visible()


@pytest.mark.parametrize("open_meanwhile", [True, False])
async def test_a_tab_that_was_offline(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, open_meanwhile: bool
) -> None:
    """It learns it when it comes back, and gives out what was never sent; so does the page that
    stands in the pad's place, to who has closed the tab meanwhile. No page of the pad is kept.
    """
    problems.allow_lost_connection()
    problems.allow("410")
    page = await known(serve, open_page, "Soup for twelve")
    await asyncio.to_thread(serve.stop)
    await expect(page.locator("#state")).to_contain_text(re.compile("Reconnecting|Offline"))
    await page.keyboard.type(", unsent")
    await expect(page.locator("#state")).to_contain_text("unsent edits")
    text = await text_of(page)
    assert "unsent" in text
    if not open_meanwhile:
        await page.goto("about:blank")
    await delete_beside(serve, "pad")
    if open_meanwhile:
        await page.evaluate("dispatchEvent(new Event('online'))")
        await shows_that_it_is_gone(page)
        assert await downloaded(page.locator("#download-draft")) == text
    await page.goto(f"{serve.url}/p/pad")
    await is_the_page_of_a_deleted_pad(page)
    button = page.get_by_role("button", name="Download my copy").first
    assert await downloaded(button) == text
    keys: Any = await page.evaluate("""async () => (await (await caches.open("deltapad-pages"))
        .keys()).map(({ url }) => new URL(url).pathname)""")
    assert "/p/pad" not in keys


async def test_without_a_script(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What is sent to a pad that was deleted stands on the page that says so."""
    problems.allow("410")
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad", java_script_enabled=False)
    await page.locator("#plain textarea").fill("typed in vain")
    await delete_beside(serve, "pad")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("h1")).to_contain_text("This pad was deleted")
    await expect(page.locator(".kept")).to_have_value("typed in vain")
