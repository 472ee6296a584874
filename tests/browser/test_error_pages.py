"""the pages that say what went wrong, and the one for when there is no connection"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import Route, expect

from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.browser.conftest import Problems
from tests.browser.test_home import OpenPage, open_home, recent
from tests.browser.test_pad import server_text
from tests.conftest import ServerProcess
from tests.test_growth import serving
from tests.test_real_input import create_pad


async def test_not_found(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """404 offers to make the pad, and the pad of one's own that was probably meant."""
    problems.allow("404")
    known = recent(**{"autumn-release-k7Qm2x9a": "Autumn release"})
    page = await open_home(serve, open_page, known, "/p/autumn-relaese")
    await expect(page.locator(".message code")).to_have_text("autumn-relaese")
    link = page.locator("#did-you-mean a")
    await expect(link).to_have_attribute("href", "/p/autumn-release-k7Qm2x9a")
    await page.get_by_role("button", name="Create this pad").click()
    await page.wait_for_url(f"{serve.url}/p/autumn-relaese")


@pytest.mark.parametrize("script", [True, False])
async def test_view_only(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, script: bool
) -> None:
    """Who writes by a view-only link is told so, and may read on or copy the text."""
    problems.allow("403")
    async with ClientSession() as http:
        await http.post(f"{serve.url}/p", data={"id": "secret", "text": "To be read"})
        page_text = await (await http.get(f"{serve.url}/p/secret")).text()
    (view,) = set(re.findall(r'data-view-key="(\w+)"', page_text))
    page = await open_page(f"{serve.url}/", java_script_enabled=script)
    await page.evaluate(f"document.querySelector('#new-pad').action = '/v/{view}'")
    await page.get_by_role("button", name="Create pad").click()
    await expect(page.locator("h1")).to_contain_text("This link is view-only")
    await expect(page.get_by_role("link", name="Open view-only")).to_be_visible()
    await page.get_by_role("button", name="Copy into a new pad").click()
    await page.wait_for_url(re.compile(r"/p/(?!secret)"))
    assert await server_text(serve, page.url.rpartition("/")[2]) == "To be read"


async def test_too_many_pads(
    start_server: Callable[..., ServerProcess], open_page: OpenPage, problems: Problems
) -> None:
    """429 counts the seconds down; then its button sends the same form again."""
    problems.allow("429")
    # The next one may be made 10 s later: a slow machine has not come back by then.
    serve = start_server("--new-pads-per-minute", "6")
    page = await open_home(serve, open_page)
    async with ClientSession() as http:
        while (await http.post(f"{serve.url}/p", allow_redirects=False)).status == 303:
            pass
    await page.locator("#name").fill("One more")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text("Too many new pads")
    again = page.get_by_role("button", name="Try again")
    await expect(page.locator("#error-message")).to_have_text(re.compile(r"^Try again in \d+ s\.$"))
    await expect(again).to_be_disabled()
    await again.click()
    await page.wait_for_url(re.compile(r"/p/one-more-\w{8}$"))


async def test_restarting(
    tmp_path: Path, open_page: OpenPage, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 tries again by itself, and shows the page as soon as the server answers."""
    problems.allow("503")
    find = SQLiteStore.find

    async def failing(self: SQLiteStore, name: str) -> None:
        raise StorageError("input/output error")

    async with serving(Settings(data=tmp_path / "data")) as port:
        url = f"http://127.0.0.1:{port}"
        await create_pad(url, "pad")
        monkeypatch.setattr(SQLiteStore, "find", failing)
        page = await open_page(f"{url}/p/pad")
        await expect(page.locator(".code")).to_have_text("503")
        await expect(page.locator("#retry-state")).to_have_text("Next try in 2 s.")
        monkeypatch.setattr(SQLiteStore, "find", find)
        await expect(page.locator("body.pad")).to_be_visible()
        # The connection of the pad page would hold up the end of the server.
        await page.close()


async def test_broken(
    tmp_path: Path, open_page: OpenPage, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 says up to which revision the text is safe, as far as this browser knows."""
    problems.allow("500")

    async def failing(self: SQLiteStore, name: str) -> None:
        raise RuntimeError("a bug")

    async with serving(Settings(data=tmp_path / "data")) as port:
        url = f"http://127.0.0.1:{port}"
        monkeypatch.setattr(SQLiteStore, "find", failing)
        page = await open_page(f"{url}/offline")
        await page.add_init_script(recent(pad="Pad"))
        await page.goto(f"{url}/p/pad")
        words = "Your text is safe up to r3. Reload to continue."
        await expect(page.locator("#error-message")).to_have_text(words)
        await expect(page.get_by_role("link", name="Reload")).to_have_attribute("href", "/p/pad")


async def test_offline_page(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """It lists the pads of this browser, and says when the server can be reached again."""
    problems.allow("ERR_FAILED")
    page = await open_page(f"{serve.url}/healthz")
    await page.add_init_script(recent(one="One", two="Two"))
    away = asyncio.Event()

    async def health(route: Route) -> None:
        await (route.continue_() if away.is_set() else route.abort())

    await page.route("**/healthz", health)
    await page.goto(f"{serve.url}/offline")
    await expect(page.locator("#offline-recent .name")).to_have_text(["One", "Two"])
    await expect(page.locator("#retry-state")).to_have_text("Next try in 2 s.")
    away.set()
    await expect(page.locator("#retry-state")).to_have_text("The connection is back.")
