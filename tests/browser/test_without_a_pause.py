"""somebody writes, and never pauses: what waits for a moment of rest comes about all the same"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import run_command
from tests.browser.others import open_pad
from tests.browser.test_storage import DENIED
from tests.conftest import ServerProcess
from tests.faults.proxy import Proxy
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow

# By a timer of the page: when the machine stalls it is late by as much as what waits for a pause.
NEVER_PAUSE = """([word, ms]) => {
    setInterval(() => document.execCommand("insertText", false, word), ms);
}"""


async def type_on(page: Page, word: str, milliseconds: int = 20) -> None:
    """Type this word again and again, until the page is closed."""
    await page.locator(".cm-content").click()
    await page.evaluate(NEVER_PAUSE, [word, milliseconds])


async def test_what_is_found_is_counted(serve: ServerProcess, open_page: OpenPage) -> None:
    """Find says how many there are."""
    page = await open_pad(serve, open_page, "one two\n" * 3)
    await run_command(page, "edit.find")
    await expect(page.get_by_label("Find", exact=True)).to_be_focused()
    await page.keyboard.type("two")
    await expect(page.locator(".search-count")).to_have_text("1 of 3")
    await type_on(page, "two ")
    await expect(page.locator(".search-count")).to_have_text(re.compile(r"of \d{2,}"))


async def test_the_indentation_of_a_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """The foot says how the text is indented that has just come."""
    page = await open_pad(serve, open_page, "nothing\n")
    indent = page.locator("[data-figure=indent]").first
    await type_on(page, "x")
    await expect(indent).to_have_text("Spaces: 2")
    async with PadClient(serve.url, "pad") as client:
        client.insert(len(client.text), "def one():\n\tpass\n" * 20)
        await client.synchronised()
        await expect(indent).to_have_text("Tabs")


async def test_what_is_acknowledged_in_time_is_no_news(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Something is always unsent, on a line of a tenth of a second, and nothing for long: what
    closing the tab would lose is not worth a banner."""
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port) as proxy:
        proxy.up.latency_seconds = proxy.down.latency_seconds = 0.05
        page = await open_page(f"{proxy.url}/healthz")
        await page.add_init_script(DENIED["forbidden"])
        await page.goto(f"{proxy.url}/p/pad")
        await expect(page.locator("#state")).to_have_attribute("data-kind", "saved")
        await type_on(page, "x ")
        for _ in range(2):
            await page.wait_for_timeout(2_500)
            await expect(page.locator("#state")).not_to_have_attribute("data-unsent", "0")
            await expect(page.locator("#closing-banner")).to_be_hidden()
        await expect(page.locator("#live-state")).to_be_empty()
        await page.close()
