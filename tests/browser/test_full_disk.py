"""a server whose disk is full, as people see it: told once, kept here, saved by itself later"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import text_of
from tests.conftest import ServerProcess
from tests.test_full_disk import limit_files
from tests.test_real_input import create_pad, stored_log

OpenPage = Callable[..., Awaitable[Page]]


async def type_until_unsaved(page: Page) -> int:
    """Return how many characters it took."""
    await page.locator(".cm-content").click()
    for count in range(1, 400):
        await page.keyboard.type(chr(0x4E00 + count))
        if await page.locator("#state").get_attribute("data-kind") == "unsaved":
            return count
    raise AssertionError("the disk is not full")


async def test_the_disk_is_full_and_has_room_again(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Pill and banner, for who comes then too; typing goes on; what was typed is there once; and
    the page says so, without anything that a person does.
    """
    problems.allow_lost_connection()  # in the end it is stopped
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    await saved(one)
    said: list[str] = []
    await one.expose_function("said", lambda text: said.append(text))
    await one.evaluate(
        """() => new MutationObserver(() => said(document.getElementById("live-state").textContent))
            .observe(document.getElementById("live-state"),
                { childList: true, characterData: true, subtree: true })"""
    )
    limit_files(serve, 0)
    typed = await type_until_unsaved(one)
    for count in range(typed + 1, typed + 31):
        await one.keyboard.type(chr(0x4E00 + count))
    await expect(one.locator("#state")).to_contain_text("Not saved yet")
    await expect(one.locator("#storage-banner")).to_be_visible()
    await expect(one.locator("#storage-what")).to_have_text("The server’s disk is full.")
    await expect(one.locator("#storage-kept")).to_contain_text("kept on this device")

    two = await open_page(f"{serve.url}/p/pad")
    await expect(two.locator("#state")).to_contain_text("Cannot save now")
    await expect(two.locator("#storage-banner")).to_be_visible()

    limit_files(serve, None)
    await expect(one.locator("#state")).to_contain_text("All changes saved")
    await expect(one.locator("#storage-banner")).to_be_hidden()
    await expect(two.locator("#storage-banner")).to_be_hidden()
    await saved(one)
    expected = "".join(chr(0x4E00 + count) for count in range(1, typed + 31))
    assert await text_of(one) == expected
    await expect(two.locator(".cm-content")).to_contain_text(expected)
    await asyncio.to_thread(serve.stop)
    _, seen, _ = stored_log(serve.data)
    assert set(seen.values()) == {1}
    disk = "The server’s disk is full. Keep writing."
    assert [text.startswith(disk) for text in said[:2]] == [True, False], said
    assert said[1] == "All changes saved."


async def test_closed_while_the_disk_is_full(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The tab is closed, the server stopped: opened again later, all that was typed is saved."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    await saved(one)
    limit_files(serve, 0)
    typed = await type_until_unsaved(one)
    expected = "".join(chr(0x4E00 + count) for count in range(1, typed + 1))
    await one.wait_for_timeout(500)  # what was typed last is on the disk of the browser
    await one.close()
    await asyncio.to_thread(serve.restart)

    again = await open_page(f"{serve.url}/p/pad", context=one.context)
    await expect(again.locator(".cm-content")).to_contain_text(expected)
    await saved(again)
    await asyncio.to_thread(serve.stop)
    _, seen, _ = stored_log(serve.data)
    assert set(seen.values()) == {1}
