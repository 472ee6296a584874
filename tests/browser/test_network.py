"""a real page behind bad lines, and one whose version is not the server's"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import text_of
from tests.browser.test_surface import compose, server_has
from tests.conftest import ServerProcess
from tests.faults.proxy import Proxy, http_answer
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]
# From now on this page is of the next major version; a reload makes it what it was.
NEXT_VERSION = """() => {
    const Real = WebSocket;
    globalThis.WebSocket = class extends Real {
        constructor(url) { super(url, "deltapad.2"); }
    };
}"""


async def test_dead_keys_and_compositions_over_a_line_that_is_cut_again_and_again(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Late, jittering, and cut at any byte while one composes: each letter is there, once."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    rng = random.Random(2)
    async with Proxy(serve.port, seed=2) as proxy:
        for pipe in (proxy.up, proxy.down):
            pipe.latency_seconds, pipe.jitter_seconds = 0.02, 0.1
        page = await open_page(f"{proxy.url}/p/pad")
        await saved(page)
        await page.locator(".cm-content").click()
        ime = await page.context.new_cdp_session(page)
        for number in range(12):
            await compose(ime, "´")
            for link in proxy.links:
                way = rng.choice([link.up, link.down])
                way.faults.cut_after_bytes = way.passed + rng.randrange(200)
            await ime.send("Input.insertText", {"text": "é"})
            await page.keyboard.type(f"{number} ")
        written = "".join(f"é{number} " for number in range(12))
        assert await text_of(page) == written
        for link in proxy.links:
            link.end()
        await server_has(serve, written)
        await saved(page, timeout=30_000)
        assert len(proxy.arrivals) > 3
        await page.close()


async def test_a_proxy_that_answers_with_a_page_of_its_own(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What is typed meanwhile is counted, kept, and sent when the proxy is mended: by itself."""
    problems.allow_lost_connection()
    problems.allow("502")
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port) as proxy:
        page = await open_page(f"{proxy.url}/p/pad")
        state = page.locator("#state")
        await expect(state).to_have_attribute("data-kind", "saved")
        proxy.answer = http_answer("502 Bad Gateway", "<h1>Bad gateway</h1>")
        for link in list(proxy.links):
            link.end()
        await expect(state).to_have_attribute("data-kind", "reconnecting")
        await page.locator(".cm-content").click()
        await page.keyboard.type("kept")
        arrivals = len(proxy.arrivals)
        await asyncio.sleep(2)
        assert len(proxy.arrivals) - arrivals < 40, "it does not hammer"
        await expect(state).to_contain_text("4")
        proxy.answer = None
        await server_has(serve, "kept")
        await page.close()


async def test_a_page_of_another_version_says_so_and_keeps_what_was_typed(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """It asks to be reloaded, does not come again by itself, and then sends what was typed."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    state = page.locator("#state")
    await expect(state).to_have_attribute("data-kind", "saved")
    await page.locator(".cm-content").click()
    serve.kill()
    await page.keyboard.type("kept")
    await page.evaluate(NEXT_VERSION)
    await asyncio.to_thread(serve.start)

    await expect(state).to_have_attribute("data-kind", "outdated", timeout=30_000)
    await expect(page.locator("#refused-words")).to_have_text(
        "The server has another version than this page. Reload to send your 4 edits."
    )
    await expect(page.locator("#compare-draft")).to_be_hidden()
    await page.locator("#reload").click()
    await expect(state).to_have_attribute("data-kind", "saved")
    await server_has(serve, "kept")
    assert await text_of(page) == "kept"
