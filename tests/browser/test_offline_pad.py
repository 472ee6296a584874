"""without the server: known pads open from what the service worker keeps, and nothing else does"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import same_text, write
from tests.conftest import REPO, ServerProcess
from tests.test_real_input import create_pad, stored_log

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow

# What a page and a worker say of a server that is not there.
# Whether the worker runs for this page, and keeps this address of it.
KEEPS = """async (path) => navigator.serviceWorker.controller !== null
    && (await (await caches.open("deltapad-pages")).match(path)) !== undefined"""
KEPT = """async () => (await (await caches.open("deltapad-pages")).keys())
    .map(({ url }) => new URL(url).pathname)"""


KEPT_PAGE = """async (path) =>
    (await (await caches.open("deltapad-pages")).match(path))?.text() ?? "" """


async def kept(page: Page, path: str) -> None:
    """Wait until the service worker keeps the page of a path; it comes after some seconds."""
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    for _ in range(200):
        if await page.evaluate(KEEPS, path):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await page.evaluate(KEPT))


async def known(serve: ServerProcess, open_page: OpenPage, text: str = "", **options: Any) -> Page:
    """A pad that this browser knows: opened once, with this text in it."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad", service_workers="allow", **options)
    await saved(page)
    if text:
        await write(page, text)
        await same_text(serve, "pad", page)
    await kept(page, "/p/pad")
    return page


# What the pill has been, one after the other.
SAID = """
    globalThis.said = [];
    addEventListener("DOMContentLoaded", () => {
        const pill = document.getElementById("state");
        const look = () => {
            const { kind } = pill.dataset;
            if (kind && said.at(-1) !== kind) said.push(kind);
        };
        look();
        new MutationObserver(look).observe(pill, { attributeFilter: ["data-kind"] });
    });
"""


async def stop(serve: ServerProcess) -> None:
    await asyncio.to_thread(serve.stop)


async def start(serve: ServerProcess) -> None:
    await asyncio.to_thread(serve.start)


async def test_a_known_pad_opens_without_the_server(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Reloaded and in a new tab, while the server is stopped: the text is there, one can write, and
    all of it arrives once when the server is back.
    """
    problems.allow_lost_connection()
    page = await known(serve, open_page, "before. ")
    await page.wait_for_timeout(2_500)  # the text is on the disk when all has been quiet
    await stop(serve)
    await page.context.set_offline(True)  # so that it need not find out by trying for 10 s

    await page.reload()
    await expect(page.locator(".cm-content")).to_contain_text("before. ")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("offline. ")
    await expect(page.locator("#state")).to_contain_text("Offline")
    await expect(page.locator("#offline-words")).to_contain_text("kept in this browser")
    tab = await open_page(f"{serve.url}/p/pad", context=page.context)
    await expect(tab.locator(".cm-content")).to_contain_text("before. ")
    await tab.locator(".cm-content").click()
    await tab.keyboard.press("Control+Home")
    await tab.keyboard.type("Tab. ")
    await expect(tab.locator("#state")).to_contain_text("unsent edit", timeout=15_000)

    await start(serve)
    await page.context.set_offline(False)
    await same_text(serve, "pad", page, tab, expected="Tab. before. offline. ")
    await saved(page)
    await saved(tab)
    await stop(serve)
    _, seen, _ = stored_log(serve.data)
    assert set(seen.values()) == {1}


async def test_a_second_tab_without_the_server_has_the_text_of_the_first(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The page was kept when the pad was new and empty, and the first tab holds its copy: a second
    one shows that text, and so does the next one when both are closed.
    """
    problems.allow_lost_connection()
    first = await known(serve, open_page)
    await create_pad(serve.url, "new")
    await first.goto(f"{serve.url}/p/new")
    await kept(first, "/p/new")
    await saved(first)
    await write(first, "hello")
    await same_text(serve, "new", first)
    await first.wait_for_timeout(2_500)  # the text is on the disk when all has been quiet
    await stop(serve)

    second = await open_page(f"{serve.url}/p/new", context=first.context)
    await expect(second.locator(".cm-content")).to_have_text("hello")
    await second.close()
    await first.goto("about:blank")
    await first.goto(f"{serve.url}/p/new")
    await expect(first.locator(".cm-content")).to_have_text("hello")

    await start(serve)
    await same_text(serve, "new", first, expected="hello")


async def test_a_kept_page_says_at_once_that_the_server_is_gone(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The network is up and nobody answers: not that it is connecting, for it has tried."""
    problems.allow_lost_connection()
    page = await known(serve, open_page, "before. ")
    await page.wait_for_timeout(2_500)  # the text is on the disk when all has been quiet
    await page.context.add_init_script(SAID)
    await stop(serve)

    await page.reload()
    await expect(page.locator("#state")).to_have_attribute("data-kind", "reconnecting")
    await expect(page.locator(".cm-content")).to_contain_text("before. ")
    assert (await page.evaluate("said"))[:2] == ["connecting", "reconnecting"]

    await start(serve)
    await saved(page)


async def test_without_the_worker_it_does_not_open(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The control: where the worker is not allowed, a reload without the server finds nothing."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    await page.wait_for_timeout(2_500)
    await stop(serve)

    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        await page.reload()
    await page.close()


async def test_what_is_not_known(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Without the server an unknown pad is the page that says so, and goes on by itself; the start
    page is there; data are not.
    """
    problems.allow_lost_connection()
    problems.allow("404")
    page = await known(serve, open_page)
    await stop(serve)
    unknown = await open_page(f"{serve.url}/p/unknown", context=page.context)
    await expect(unknown.locator("h1")).to_contain_text("You are offline")
    home = await open_page(f"{serve.url}/", context=page.context)
    await expect(home.locator("#name")).to_be_visible()
    for path in ("/p/pad/text", "/p/pad/log", "/p/pad/status", "/healthz", "/metrics"):
        answer = f"fetch('{path}').then(() => 'an answer', () => 'none')"
        assert await page.evaluate(answer) == "none", path
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        await home.goto(f"{serve.url}/p/pad?plain")
    await home.close()

    await start(serve)
    await expect(unknown.locator("h1")).to_contain_text("Nothing here yet", timeout=30_000)


async def test_a_kept_page_never_hides_what_is_newer(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A server that takes too long: the kept page is shown, and catches up with what was written
    since; its answer is kept for another time, however late it comes.
    """
    problems.allow_lost_connection()
    page = await known(serve, open_page, "old")
    await page.goto("about:blank")
    async with PadClient(serve.url, "pad") as other:
        other.edit([len(other.text), " and new"])
        await other.synchronised()
    os.kill(serve.pid, signal.SIGSTOP)
    began = time.monotonic()
    await page.goto(f"{serve.url}/p/pad")
    waited = time.monotonic() - began
    await expect(page.locator(".cm-content")).to_contain_text("old")
    await page.wait_for_timeout(
        500
    )  # the worker has nothing more to do, but to wait for the server
    os.kill(serve.pid, signal.SIGCONT)

    assert waited >= 3
    await same_text(serve, "pad", page, expected="old and new")
    await saved(page)
    for _ in range(100):
        if "old and new" in await page.evaluate(KEPT_PAGE, "/p/pad"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await page.evaluate(KEPT_PAGE, "/p/pad"))


async def test_another_epoch_than_the_kept_page(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The pad was made anew since the page was kept: offline the newer copy is shown, not the page,
    and what is typed into it is merged.
    """
    problems.allow_lost_connection()
    page = await known(serve, open_page, "of the first server")
    await page.goto("about:blank")
    await stop(serve)
    await asyncio.to_thread(forget, serve)
    await start(serve)
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as other:
        other.edit(["of the second server"])
        await other.synchronised()
    # As if a tab that the worker does not serve had been the last to see the pad.
    before = await page.context.new_page()
    await before.goto(f"{serve.url}/offline")
    html = await before.evaluate(
        """async () => (await (await caches.open("deltapad-pages")).match("/p/pad")).text()"""
    )
    assert "of the first server" in html
    await page.goto(f"{serve.url}/p/pad")
    await same_text(serve, "pad", page, expected="of the second server")
    await page.wait_for_timeout(2_500)
    await before.evaluate(
        """async (html) => (await caches.open("deltapad-pages")).put("/p/pad", new Response(html,
            { headers: { "Content-Type": "text/html", "Server-Timing": "kept" } }))""",
        html,
    )
    await stop(serve)
    await page.context.set_offline(True)

    await page.reload()
    await expect(page.locator(".cm-content")).to_contain_text("of the second server")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("!")
    await expect(page.locator("#state")).to_contain_text("unsent edit")
    await start(serve)
    await page.context.set_offline(False)

    await same_text(serve, "pad", page, expected="of the second server!")
    await saved(page)


def forget(serve: ServerProcess) -> None:
    for path in serve.data.iterdir():
        path.unlink()


async def test_pages_are_bounded_and_forgotten(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The 50 pages that were used last are kept; one whose pad is gone is not."""
    problems.allow_lost_connection()
    problems.allow("404")
    page = await known(serve, open_page)
    for number in range(52):
        await create_pad(serve.url, f"pad-{number}")
    for number in range(50):
        await page.goto(f"{serve.url}/p/pad-{number}", wait_until="commit")
        if number == 10:
            await page.goto(f"{serve.url}/p/pad", wait_until="commit")
    await kept(page, "/p/pad-49")
    paths = await page.evaluate(KEPT)
    assert len(paths) == 50
    assert "/p/pad-0" not in paths
    assert {"/p/pad", "/p/pad-1", "/p/pad-49"} <= set(paths)

    await stop(serve)
    await asyncio.to_thread(forget, serve)
    await start(serve)
    await page.goto(f"{serve.url}/p/pad-49")
    await expect(page.locator("h1")).to_contain_text("Nothing here yet")
    for _ in range(100):
        if "/p/pad-49" not in await page.evaluate(KEPT):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("a pad that is gone is still kept")


@contextlib.asynccontextmanager
async def beside(serve: ServerProcess, refused: bytes) -> AsyncIterator[str]:
    """The address of a line to the server that is cut by what a script asks for, at this path."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if data.startswith(b"GET " + refused + b" ") and b"Sec-Fetch-Dest: empty" in data:
                    break
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection("127.0.0.1", serve.port)
        ways = [carry(reader, to_server[1]), carry(to_server[0], writer)]
        await asyncio.gather(*ways, return_exceptions=True)

    async with await asyncio.start_server(line, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_worker_begins_while_a_page_cannot_be_had(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Of two open pages one cannot be had just then: the other one is kept, and a kept page whose
    files are gone is forgotten."""
    problems.allow_lost_connection()
    for pad in ("pad", "other"):
        await create_pad(serve.url, pad)
    async with beside(serve, b"/p/pad") as url:
        page = await open_page(f"{url}/p/pad", service_workers="allow")
        other = await open_page(f"{url}/p/other", context=page.context)
        await page.evaluate(WRECK)
        await kept(other, "/p/other")
        for _ in range(100):
            if await page.evaluate(KEPT) == ["/p/other"]:
                break
            await asyncio.sleep(0.05)
        assert await page.evaluate(KEPT) == ["/p/other"]


WRECK = """async () => (await caches.open("deltapad-pages")).put("/p/wreck",
    new Response('<script src="/static/gone-AAAAAAAA.js"></script>'))"""


def newer_release(serve: ServerProcess, folder: Path) -> ServerProcess:
    """The same server, port and data, of a release with another pad script and another preview."""
    for name in ("ot", "server", "client_py", "templates", "strings", "client_js/dist"):
        shutil.copytree(REPO / name, folder / name)
    dist = folder / "client_js/dist"
    names = json.loads((dist / "manifest.json").read_text())
    preview = next(name for name in names if name.startswith("preview-"))
    for old in (names["pad.js"], preview):
        new = re.sub("-.{8}.js", "-NEWER234.js", old)
        (dist / old).rename(dist / new)
        (dist / f"{old}.gz").unlink()
        for path in [*dist.glob("*.js"), *dist.glob("*.json")]:
            content = path.read_text()
            if old in content:
                path.write_text(content.replace(old, new))
                path.with_name(f"{path.name}.gz").unlink(missing_ok=True)
    newer = ServerProcess(serve.data, env={**os.environ, "PYTHONPATH": str(folder)})
    newer.port = serve.port
    return newer


async def test_a_newer_release(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, tmp_path: Path
) -> None:
    """Under an open page the server becomes a newer one: the page goes on, with parts of its own
    release; the next visit has the newer scripts; pads that were kept before still open offline.
    """
    problems.allow_lost_connection()
    page = await known(serve, open_page, "old. ")
    await create_pad(serve.url, "other")
    other = await open_page(f"{serve.url}/p/other", context=page.context)
    await kept(page, "/p/other")
    await other.close()
    scripts = "Array.from(document.scripts, ({ src }) => src).filter((src) => /pad-/.test(src))"
    old = await page.evaluate(scripts)
    newer = newer_release(serve, tmp_path / "newer")
    await stop(serve)
    await asyncio.to_thread(newer.start)
    try:
        # What the old page asks for now the newer server does not have.
        await write(page, "typed in the old page. ")
        await page.locator(".bar-centre .views [value=read]").check()
        await expect(page.locator("#preview")).to_contain_text("typed in the old page. ")
        await page.locator(".bar-centre .views [value=write]").check()
        await saved(page)
        await page.goto(f"{serve.url}/p/pad")
        assert await page.evaluate(scripts) != old
        await write(page, "New. ")
        await same_text(newer, "pad", page)
        # The newer worker takes over when no page of the older one is open any more.
        await page.evaluate(NEWER_IS_READY)
        await page.goto("about:blank")
        await page.wait_for_timeout(500)
        await page.goto(f"{serve.url}/p/pad")
        await page.evaluate(NEWER_IS_ACTIVE)
    finally:
        await asyncio.to_thread(newer.close)
    for path in ("/p/pad", "/p/other"):
        await page.goto(f"{serve.url}{path}")
        await expect(page.locator(".cm-content")).to_be_visible()
        await page.locator(".bar-centre .views [value=read]").check()
        await expect(page.locator("#preview")).to_be_visible()


NEWER_IS_READY = """async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration.update();
    while (registration.waiting === null) await new Promise((resume) => setTimeout(resume, 50));
}"""
NEWER_IS_ACTIVE = """async () => {
    const registration = await navigator.serviceWorker.ready;
    while (registration.waiting !== null || registration.active.state !== "activated")
        await new Promise((resume) => setTimeout(resume, 50));
}"""
