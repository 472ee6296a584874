"""the pad in real browsers: typing together, offline, reload, input methods, hostile names"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad, stored_log

OpenPage = Callable[..., Awaitable[Page]]


async def text_of(page: Page) -> str:
    """The text in the editor."""
    lines = await page.locator(".cm-content .cm-line").all_text_contents()
    return "\n".join(lines)


async def saved(page: Page) -> None:
    """Wait until the page says that everything is saved."""
    await expect(page.locator("#state")).to_contain_text("Saved")


async def write(page: Page, text: str) -> None:
    await page.locator(".cm-content").click()
    await page.keyboard.type(text)


async def server_text(serve: ServerProcess, pad: str) -> str:
    async with PadClient(serve.url, pad) as client:
        return client.text


async def same_text(serve: ServerProcess, pad: str, *pages: Page) -> str:
    """Wait until all pages and the server have one text, and return it."""
    for _ in range(100):
        expected = await server_text(serve, pad)
        if all([await text_of(page) == expected for page in pages]):
            return expected
        await asyncio.sleep(0.05)
    raise AssertionError([expected, *[await text_of(page) for page in pages]])


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
