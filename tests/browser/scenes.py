"""every page and state of the interface as a scene: for the accessibility checks, and for the
pictures of the docs
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import run_command
from tests.browser.ops_figures import busy
from tests.browser.stage import CODE, PEOPLE, RELEASE, Stage, delete_beside
from tests.conftest import ServerProcess
from tests.test_full_disk import limit_files

__all__ = ["SCENES", "Scene"]

Scene = Callable[[Stage], Awaitable[Page]]
SCENES: dict[str, Scene] = {}


def scene(function: Scene) -> Scene:
    SCENES[function.__name__.replace("_", "-")] = function
    return function


# --- pages without a pad --------------------------------------------------------------------------


@scene
async def home(stage: Stage) -> Page:
    """The start page of somebody who has pads."""
    pads = [
        ("Autumn release", "We ship on Thursday 9 October", 0),
        ("transform.py", "Return (a2, b2) so that a then b2 equals b then a2", 2 * 3600),
        ("Reading list", "Start with the short ones and lend them on", 40 * 86400),
    ]
    recent = []
    for title, text, ago in pads:
        name = await stage.pad(title, text)
        recent.append([name, title, text, ago])
        if ago == 0:
            for who in PEOPLE:
                await stage.visitor(name, *who)
    for name, color in PEOPLE[:3]:
        await stage.visitor("demo", name, color)
    page = await stage.open("/", wait=None)
    await page.evaluate(
        """(recent) => localStorage.setItem("deltapad.recent", JSON.stringify(recent.map(
            ([id, title, excerpt, ago]) => ({ id, title, excerpt, revision: 1,
                changedAt: Date.now() - ago * 1000 }))))""",
        recent,
    )
    await page.reload()
    await expect(page.locator(".recent-row").nth(2)).to_be_visible()
    await page.wait_for_load_state("networkidle")
    return page


@scene
async def home_new(stage: Stage) -> Page:
    """The start page of somebody who comes for the first time."""
    return await stage.open("/", wait=None)


@scene
async def not_found(stage: Stage) -> Page:
    """No such pad."""
    stage.problems.allow("404")
    return await stage.open("/p/autumn-relaese", wait=None)


@scene
async def deleted_pad(stage: Stage) -> Page:
    """A pad that was deleted, in a browser that has a copy of it."""
    # The page that is open tries to come back meanwhile.
    stage.problems.allow_lost_connection()
    stage.problems.allow("410")
    pad = await stage.pad("Autumn release", "What we say on Friday")
    page = await stage.open(f"/p/{pad}")
    await delete_beside(stage.serve, pad)
    await page.goto(f"{stage.serve.url}/p/{pad}")
    await expect(page.get_by_role("button", name="Download my copy")).to_be_visible()
    return page


@scene
async def view_only_refused(stage: Stage) -> Page:
    """Somebody who came by the view-only link tries to write."""
    stage.problems.allow("403")
    key = await stage.view_key(await stage.pad("Autumn release", "text"))
    page = await stage.open("/", wait=None)
    await page.evaluate(
        """(key) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = `/v/${key}`;
            document.body.append(form);
            form.submit();
        }""",
        key,
    )
    await page.wait_for_url("**/v/*")
    await expect(page.locator(".code")).to_have_text("403")
    return page


@scene
async def no_connection(stage: Stage) -> Page:
    """What stands in for a page that cannot be had."""
    return await stage.open("/offline", wait=None)


async def _busy_ops(stage: Stage) -> Page:
    page = await stage.open("/", wait=None)
    await page.route("**/ops/figures*", lambda route: route.fulfill(json=busy()))
    await page.goto(stage.serve.url + "/ops")
    await expect(page.locator("#chart .highest")).to_be_visible()
    return page


@scene
async def ops(stage: Stage) -> Page:
    """How a busy server does."""
    return await _busy_ops(stage)


@scene
async def ops_stalled(stage: Stage) -> Page:
    """The figures do not come any more; with the table of the chart."""
    stage.problems.allow("ERR_FAILED")
    page = await _busy_ops(stage)
    await page.unroute("**/ops/figures*")
    await page.route("**/ops/figures*", lambda route: route.abort())
    await page.locator("summary").click()
    await expect(page.locator("#updated")).to_contain_text("No data since")
    return page


@scene
async def ops_empty(stage: Stage) -> Page:
    """A server with which nobody does anything."""
    page = await stage.open("/ops", wait=None)
    await expect(page.locator("#chart svg")).to_be_visible()
    return page


@scene
async def ops_refused(stage: Stage) -> Page:
    """The operations page of a server that has a token, asked for without it."""
    stage.problems.allow("403")
    page = await stage.open("/", wait=None)
    token = stage.serve.data.with_name("token")
    token.write_text("a token of the tests")
    arguments = ("--admin-token-file", str(token))
    other = ServerProcess(stage.serve.data.with_name("with-token"), args=arguments)
    await asyncio.to_thread(other.start)
    stage.at_the_end(other.stop)
    stage.problems.allow_origin(other.url)
    await page.goto(other.url + "/ops")
    await expect(page.locator("#token")).to_be_visible()
    return page


# --- the pad --------------------------------------------------------------------------------------


@scene
async def pad(stage: Stage) -> Page:
    """Five people in a pad."""
    return await stage.released()


@scene
async def pad_empty(stage: Stage) -> Page:
    """A new pad."""
    return await stage.open(f"/p/{await stage.pad('', '')}")


@scene
async def pad_plain(stage: Stage) -> Page:
    """A pad for browsers without scripts."""
    name = await stage.pad("Autumn release", RELEASE)
    return await stage.open(f"/p/{name}?plain", wait=None)


@scene
async def view_only(stage: Stage) -> Page:
    """A pad by its view-only link."""
    name = await stage.pad("Autumn release", RELEASE)
    return await stage.open(f"/v/{await stage.view_key(name)}", wait="View only")


@scene
async def code(stage: Stage) -> Page:
    """A program, with the list of people at the side, following one of them."""
    name = await stage.pad("transform.py", CODE)
    ada, lin, noor, _guest = [await stage.visitor(name, *who) for who in PEOPLE]
    page = await stage.open(f"/p/{name}")
    await expect(page.locator("body[data-language]")).to_be_visible()
    # The names of languages are loaded in a quiet moment.
    for _ in range(100):
        await run_command(page, "language.set.python")
        if await page.locator("#language-name").text_content() == "Python":
            break
        await asyncio.sleep(0.1)
    await expect(page.locator("#language-name")).to_have_text("Python")
    await lin.point("Cursor(b.parts)")
    await ada.point("text = left.take()")
    await noor.point("a: Op, b: Op, ", select='first: str = "a"')
    await page.locator("#people-button").click()
    if not stage.look.phone:
        await page.locator("#people-pin").click()
    await page.locator("#people-list").get_by_role("button", name="Follow Lin").click()
    if stage.look.phone:
        await page.keyboard.press("Escape")
    return page


@scene
async def people(stage: Stage) -> Page:
    """The list of people."""
    page = await stage.released()
    await page.locator("#people-button").click()
    return page


@scene
async def people_many(stage: Stage) -> Page:
    """Fifty people in one pad."""
    name = await stage.pad("Town hall", RELEASE)
    for n in range(49):
        await stage.visitor(name, f"Guest {4100 + 37 * n}", n % 12 + 1)
    page = await stage.open(f"/p/{name}")
    await page.locator("#people-button").click()
    return page


@scene
async def more(stage: Stage) -> Page:
    """The More menu."""
    page = await stage.released()
    await page.locator("#more-button").click()
    return page


@scene
async def share(stage: Stage) -> Page:
    """The two links of a pad."""
    page = await stage.released()
    await run_command(page, "pad.share")
    return page


@scene
async def palette(stage: Stage) -> Page:
    """Looking for a command."""
    page = await stage.released()
    await run_command(page, "palette.open")
    await expect(page.locator("#palette-query")).to_be_focused()
    await page.keyboard.type("fol")
    return page


@scene
async def shortcuts(stage: Stage) -> Page:
    """The sheet of keyboard shortcuts."""
    page = await stage.released()
    await run_command(page, "help.shortcuts")
    return page


@scene
async def languages(stage: Stage) -> Page:
    """Choosing the language of the text."""
    page = await stage.released()
    await run_command(page, "language.choose")
    await expect(page.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("pyt")
    return page


@scene
async def find(stage: Stage) -> Page:
    """Find and replace."""
    page = await stage.released()
    await run_command(page, "edit.find")
    await expect(page.locator(".search input").first).to_be_focused()
    await page.keyboard.type("ship")
    return page


@scene
async def split(stage: Stage) -> Page:
    """Source and preview side by side; on a phone the preview alone."""
    page = await stage.released()
    await run_command(page, "view.read" if stage.look.phone else "view.split")
    await expect(page.locator("h2", has_text="Before we ship").first).to_be_visible()
    return page


@scene
async def read(stage: Stage) -> Page:
    """The preview alone."""
    page = await stage.released()
    await run_command(page, "view.read")
    await expect(page.locator("h2", has_text="Before we ship").first).to_be_visible()
    return page


@scene
async def offline(stage: Stage) -> Page:
    """The connection is away while one writes on."""
    stage.problems.allow_lost_connection()
    page = await stage.released()
    await page.context.set_offline(True)
    await page.locator(".cm-line", has_text="Load test with").click()
    await page.keyboard.press("End")
    await page.keyboard.type(" and watch the slowest one")
    await expect(page.locator("#state")).to_contain_text("Offline")
    return page


@scene
async def disk_full(stage: Stage) -> Page:
    """The server's disk is full while one writes on."""
    page = await stage.released()
    limit_files(stage.serve, 0)
    await page.locator(".cm-line", has_text="Load test with").click()
    await page.keyboard.press("End")
    while await page.locator("#storage-banner").is_hidden():
        await page.keyboard.type(" and on")
    return page


@scene
async def closing(stage: Stage) -> Page:
    """The browser keeps nothing, and the server is slow to answer: what closing the tab loses."""
    page = await stage.released()
    devtools = await page.context.new_cdp_session(page)
    where = {"origin": stage.serve.url, "storageTypes": "indexeddb"}
    await devtools.send("Storage.clearDataForOrigin", where)
    os.kill(stage.serve.pid, signal.SIGSTOP)
    stage.at_the_end(lambda: os.kill(stage.serve.pid, signal.SIGCONT))
    await page.locator(".cm-line", has_text="Load test with").click()
    await page.keyboard.press("End")
    await page.keyboard.type(" and on")
    await expect(page.locator("#closing-banner")).to_be_visible()
    return page


@scene
async def since(stage: Stage) -> Page:
    """What others have changed since one left."""
    name = await stage.pad("Autumn release", RELEASE)
    page = await stage.open(f"/p/{name}")
    await page.wait_for_function("() => JSON.stringify(localStorage).includes('seen')")
    await page.goto(stage.serve.url + "/offline")
    # Long ago: who was away for a moment is not told.
    await page.evaluate(
        """() => {
            const seen = JSON.parse(localStorage.getItem("deltapad.seen"));
            for (const one of seen) one.at -= 86_400_000;
            localStorage.setItem("deltapad.seen", JSON.stringify(seen));
        }"""
    )
    async with PadClient(stage.serve.url, name, name="Lin") as lin:
        at = lin.text.index("even on a slow phone")
        lin.delete(at, 4)
        lin.insert(at, "also")
        lin.insert(lin.text.index("- [ ] Write"), "- [ ] Tell the readers\n")
        await lin.synchronised()
    await page.goto(f"{stage.serve.url}/p/{name}")
    await page.locator("#since-show").click()
    await expect(page.locator("#since-next")).to_be_visible()
    return page


@scene
async def history(stage: Stage) -> Page:
    """A pad as it was at an earlier revision."""
    name = await stage.grown()
    page = await stage.open(f"/p/{name}?r=842", wait=None)
    await expect(page.locator("#history-viewing")).to_contain_text("r842")
    return page


@scene
async def german(stage: Stage) -> Page:
    """The menu in German, whose words are long."""
    page = await stage.released()
    await page.context.add_cookies([{"name": "language", "value": "de", "url": stage.serve.url}])
    await page.reload()
    await expect(page.locator("#state")).to_contain_text("Gespeichert")
    await page.locator("#more-button").click()
    return page
