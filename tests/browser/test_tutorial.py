"""the tutorial, done as it is written: share, follow, go back in time, pull the plug"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.conftest import ServerProcess

OpenPage = Callable[..., Awaitable[Page]]


async def test_the_tutorial(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """What the tutorial tells a newcomer to do can be done, and ends as it says."""
    page = await open_page(serve.url)
    await page.get_by_role("button", name="Create pad").click()
    await saved(page)
    edit, view = await links(page)

    other = await open_page(edit)
    reader = await open_page(view)
    await page.locator("#text .cm-content").click()
    await page.keyboard.type("Soup for twelve")
    text = "Soup for twelve"
    for each in (other, reader):
        await expect(each.locator("#text .cm-content")).to_have_text(text)
    await reader.locator("#text .cm-content").click()
    await reader.keyboard.type("x")
    await expect(reader.locator(".toast")).to_contain_text("view-only")

    await other.locator("#text .cm-content").click()
    await page.locator("#people-button").click()
    follow = page.get_by_role("button", name="Follow Guest").first
    await follow.click()
    await expect(page.locator(".follow-badge")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page.locator(".follow-badge")).to_be_hidden()

    await page.locator("#text .cm-content").click()
    await saved(page)
    written = await revision(page)
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await expect(other.locator("#text .cm-content")).not_to_contain_text("Soup")
    await page.keyboard.press("Control+Shift+h")
    slider = page.get_by_role("slider")
    await expect(slider).to_have_attribute("aria-valuenow", str(written + 1))
    await slider.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#history-viewing")).to_contain_text(f"r{written}")
    await page.get_by_role("button", name="Restore this version").click()
    await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    for each in (page, other):
        await expect(each.locator("#text .cm-content")).to_have_text(text)

    problems.allow_lost_connection()
    await asyncio.to_thread(serve.stop)
    await expect(page.locator("#state")).to_contain_text("Reconnecting")
    await page.locator("#text .cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(", and bread")
    await expect(page.locator("#state")).to_contain_text("unsent")
    await asyncio.to_thread(serve.start)
    for each in (page, other, reader):
        await expect(each.locator("#text .cm-content")).to_have_text(
            text + ", and bread", timeout=20_000
        )


async def links(page: Page) -> tuple[str, str]:
    """The edit link and the view-only link, as the share dialog shows them."""
    await page.get_by_role("button", name="Share", exact=True).click()
    edit = await page.get_by_label("Edit link").input_value()
    view = await page.get_by_label("View-only link").input_value()
    await page.keyboard.press("Escape")
    return f"http://{edit}", f"http://{view}"


async def revision(page: Page) -> int:
    """The number in the pill: Saved r12."""
    words = await page.locator("#state").inner_text()
    return int(words.rpartition("r")[2])
