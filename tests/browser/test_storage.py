"""a browser that keeps nothing: the page says what closing it would lose, and asks before that"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Dialog, Page, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import same_text, server_text, write
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow

# Ways in which a browser has no IndexedDB.
DENIED = {
    "missing": "Object.defineProperty(globalThis, 'indexedDB', { value: undefined })",
    "forbidden": """Object.defineProperty(globalThis, "indexedDB", { get() {
        throw new DOMException("denied", "SecurityError");
    } })""",
    "silent": "IDBFactory.prototype.open = () => ({})",
}


@asynccontextmanager
async def silent(serve: ServerProcess) -> AsyncIterator[None]:
    """The server answers nothing meanwhile."""
    os.kill(serve.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(serve.pid, signal.SIGCONT)


async def asks(page: Page) -> bool:
    """Whether closing the tab is asked about; the answer is to stay."""
    asked = asyncio.Event()

    async def stay(dialog: Dialog) -> None:
        assert dialog.type == "beforeunload"
        await dialog.dismiss()
        asked.set()

    page.once("dialog", stay)
    await page.close(run_before_unload=True)
    try:
        await asyncio.wait_for(asked.wait(), 2)
    except TimeoutError:
        return False
    return True


async def says_it(page: Page, serve: ServerProcess) -> None:
    """It says how many edits closing would lose, asks about it, and is quiet when they are safe."""
    banner = page.locator("#closing-banner")
    async with silent(serve):
        await write(page, "abcde")
        words = "Closing this tab would lose 5 edits."
        await expect(banner).to_contain_text(words)
        # While the page still takes itself for online.
        await expect(page.locator("#state")).to_have_attribute("data-kind", "saving")
        await expect(page.locator("#live-state")).to_have_text(words)
        assert await asks(page)
    await expect(banner).to_be_hidden()
    await saved(page)
    await same_text(serve, "pad", page, expected="abcde")
    assert not await asks(page)


@pytest.mark.parametrize("how", ["forbidden", "silent"])
async def test_no_storage(serve: ServerProcess, open_page: OpenPage, how: str) -> None:
    """Where IndexedDB is forbidden, or never answers."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/healthz")
    await page.add_init_script(DENIED[how])
    await page.goto(f"{serve.url}/p/pad")
    await saved(page)
    await says_it(page, serve)


async def test_full_storage(serve: ServerProcess, open_page: OpenPage) -> None:
    """When the disk has no more room, in the middle of it."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/healthz")
    devtools = await page.context.new_cdp_session(page)
    quota = {"origin": serve.url, "quotaSize": 100_000}
    await devtools.send("Storage.overrideQuotaForOrigin", quota)
    await page.goto(f"{serve.url}/p/pad")
    await saved(page)
    await write(page, "It fits. ")
    await same_text(serve, "pad", page)
    large = "It does not. " * 20_000
    async with silent(serve):
        await page.keyboard.insert_text("Still. ")
        await page.wait_for_timeout(2_500)
        await expect(page.locator("#closing-banner")).to_be_hidden()
        await page.keyboard.insert_text(large)
        words = "Closing this tab would lose 2 edits."
        await expect(page.locator("#closing-banner")).to_contain_text(words)
        assert await asks(page)
    await expect(page.locator("#closing-banner")).to_be_hidden()
    await saved(page)
    assert await server_text(serve, "pad") == f"It fits. Still. {large}"


async def test_storage_evicted_under_an_open_tab(serve: ServerProcess, open_page: OpenPage) -> None:
    """When all that the browser kept is cleared, with edits in it that the server does not have."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    devtools = await page.context.new_cdp_session(page)
    banner = page.locator("#closing-banner")
    async with silent(serve):
        await write(page, "abc")
        await devtools.send(
            "Storage.clearDataForOrigin", {"origin": serve.url, "storageTypes": "indexeddb"}
        )
        await expect(banner).to_contain_text("would lose 3 edits")
        assert await asks(page)
    await saved(page)
    await same_text(serve, "pad", page, expected="abc")


async def test_with_storage_nobody_is_asked(serve: ServerProcess, open_page: OpenPage) -> None:
    """The control: with a disk there is nothing to lose, and nothing is said."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    async with silent(serve):
        await write(page, "abcde")
        await page.wait_for_timeout(3_000)
        await expect(page.locator("#state")).to_have_attribute("data-kind", "saving")
        await expect(page.locator("#closing-banner")).to_be_hidden()
        assert not await asks(page)


async def test_offline_without_storage(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Offline the banner says that the edits are in this tab alone, and closing asks."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/healthz")
    await page.add_init_script(DENIED["missing"])
    await page.goto(f"{serve.url}/p/pad")
    await saved(page)
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.stop)
    await write(page, "ab")
    words = page.locator("#offline-words")
    await expect(words).to_have_text("2 edits are kept in this tab. Do not close it.")
    await expect(page.locator("#live-state")).to_contain_text("in this tab only")
    assert await asks(page)
    await asyncio.to_thread(serve.start)
    await page.context.set_offline(False)
    await same_text(serve, "pad", page, expected="ab")
