"""the watch over the pages sees what it is there to see"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web

PAGE = """<!doctype html><title>A page</title><p id="text">Hello</p>
<script src="/script.js"></script>"""
POLICY = "default-src 'self'; connect-src *"


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[str]:
    """A site of one page, whose script the test chooses by the query."""

    async def page(request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(text=PAGE, content_type="text/html", headers=headers)

    async def script(request: web.Request) -> web.Response:
        return web.Response(text="", content_type="text/javascript")

    async def nothing(request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/script.js", script)
    app.router.add_get("/favicon.ico", nothing)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_quiet_page_is_fine(open_page, problems, site):
    """Nothing is reported for a page that does nothing wrong."""
    page = await open_page(site)

    assert await page.inner_text("#text") == "Hello"
    assert problems.seen == []


async def test_every_kind_of_problem_is_seen(open_page, problems, site):
    """An error in the console, an uncaught one, a broken policy and a request to elsewhere."""
    problems.allow("")
    page = await open_page(site)

    await page.evaluate("console.error('on purpose')")
    await page.evaluate("setTimeout(() => { throw new Error('nobody catches me') })")
    await page.evaluate("Promise.reject(new Error('nobody awaits me')), null")
    await page.evaluate("document.body.setAttribute('style', 'color: red')")
    await page.evaluate("fetch('http://example.org/').catch(() => null)")
    await page.evaluate("new WebSocket('ws://example.org/socket'), null")
    await page.wait_for_timeout(200)

    for part in (
        "console: on purpose",
        "uncaught: nobody catches me",
        "uncaught: nobody awaits me",
        "content security policy: style-src",
        "left its origin: http://example.org/",
        "left its origin: ws://example.org/socket",
    ):
        assert any(part in text for text in problems.seen), (part, problems.seen)


async def test_tabs_of_one_context_share_their_storage(open_page, site):
    """Two tabs are one person; another context is another person."""
    page = await open_page(site)
    await page.evaluate("localStorage.setItem('name', 'Ada')")

    tab = await open_page(site, context=page.context)
    stranger = await open_page(site)

    assert await tab.evaluate("localStorage.getItem('name')") == "Ada"
    assert await stranger.evaluate("localStorage.getItem('name')") is None
