"""tabs that sleep, come back, are doubled or away for days: nothing is lost, nothing is twice"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from playwright.async_api import Page, async_playwright, expect

from client_py import PadClient
from server.rows import checksum, seal
from tests.browser.conftest import ARGS, Problems, chromium_environment, unpack_chromium
from tests.browser.others import saved
from tests.browser.test_pad import same_text, write
from tests.browser.written_log import WrittenLog
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad, stored_log

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow


async def opened(serve: ServerProcess, open_page: OpenPage, text: str = "") -> Page:
    """A page at rest in a pad with this text, which is on the disk too."""
    await create_pad(serve.url, "pad")
    if text:
        async with PadClient(serve.url, "pad") as client:
            client.edit([text])
            await client.synchronised()
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    return page


@asynccontextmanager
async def frozen(page: Page) -> AsyncIterator[None]:
    """Nothing of the page runs meanwhile: no timer, no message, as in a tab that was put to sleep.

    (Headless browsers do not freeze tabs, since all of theirs count as looked at; a debugger does.)
    """
    devtools = await page.context.new_cdp_session(page)
    await page.evaluate("globalThis.ticks = 0; setInterval(() => ticks++, 20), null")
    stopped, going = asyncio.Event(), asyncio.Event()
    devtools.on("Debugger.paused", lambda _: stopped.set())
    devtools.on("Debugger.resumed", lambda _: going.set())
    await devtools.send("Debugger.enable")
    await devtools.send("Debugger.pause")
    await asyncio.wait_for(stopped.wait(), 10)
    yield
    assert not going.is_set()
    await devtools.send("Debugger.resume")
    await devtools.send("Debugger.disable")
    await page.evaluate("document.dispatchEvent(new Event('resume'))")


async def append(serve: ServerProcess, text: str) -> None:
    """Somebody else types at the end."""
    async with PadClient(serve.url, "pad") as client:
        client.edit([len(client.text), text] if client.text else [text])
        await client.synchronised()


def each_once(serve: ServerProcess, text: str) -> None:
    """The log leads to this text, and no (session, seq) is in it twice."""
    serve.stop()
    replayed, seen, _ = stored_log(serve.data)
    assert replayed == text
    assert set(seen.values()) == {1}


# --- asleep


@pytest.mark.parametrize("server", ["goes on", "is restarted"])
async def test_a_frozen_tab_catches_up(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, server: str
) -> None:
    """Frozen with an edit on its way, while others write, and the server may be gone meanwhile:
    thawed, it sends and catches up by itself.
    """
    problems.allow_lost_connection()
    page = await opened(serve, open_page, "start ")
    os.kill(serve.pid, signal.SIGSTOP)
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("mine ")
    async with frozen(page):
        os.kill(serve.pid, signal.SIGCONT)
        if server == "is restarted":
            await asyncio.to_thread(serve.kill)
            await asyncio.to_thread(serve.start)
        async with PadClient(serve.url, "pad") as client:
            client.edit(["theirs "])
            await client.synchronised()
            await asyncio.sleep(1)
            assert "mine" not in client.text, "it is not frozen"

    await expect(page.locator(".cm-content")).to_contain_text("theirs", timeout=15_000)
    await saved(page)
    await same_text(serve, "pad", page, expected="theirs start mine ")
    each_once(serve, "theirs start mine ")


AWAKE = [
    "dispatchEvent(new Event('online'))",
    "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    "document.dispatchEvent(new Event('visibilitychange'))",
    "document.dispatchEvent(new Event('resume'))",
]


async def test_a_tab_that_is_back_tries_at_once(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Whatever tells a page that it is awake, it does not wait for its next turn."""
    problems.allow_lost_connection()
    page = await opened(serve, open_page)
    # The longest waits, of 15 s and more, from the first one on.
    await page.evaluate("Math.random = () => 30, null")
    for event in AWAKE:
        await asyncio.to_thread(serve.kill)
        await expect(page.locator("#state")).to_have_attribute("data-kind", "reconnecting")
        await asyncio.to_thread(serve.start)
        async with page.expect_event("websocket", timeout=3_000):
            await page.evaluate(event)
        await expect(page.locator("#state")).to_have_attribute("data-kind", "resumed")


async def test_typed_before_the_loss_was_noticed(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What is typed while the line is dead and nobody knows is sent later, without another key."""
    problems.allow_lost_connection()
    page = await opened(serve, open_page)
    os.kill(serve.pid, signal.SIGSTOP)
    await write(page, "into the void")
    assert await page.locator("#state").get_attribute("data-kind") in ("saved", "saving")
    await asyncio.to_thread(serve.kill)
    await asyncio.to_thread(serve.start)

    await saved(page)
    await same_text(serve, "pad", page, expected="into the void")
    each_once(serve, "into the void")


async def test_back_by_the_back_button(serve: ServerProcess, repo: Path, tmp_path: Path) -> None:
    """Left with unsent edits and come back to by Back, with the browser's cache of whole pages on:
    one session, and everything once.
    """
    await create_pad(serve.url, "pad")
    home = unpack_chromium(repo)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=home / "chromium",
            args=ARGS,
            env=chromium_environment(home),
            ignore_default_args=["--disable-back-forward-cache"],
            service_workers="block",
        )
        page = await context.new_page()
        await page.goto(f"{serve.url}/p/pad")
        await saved(page)
        for round_number in range(3):
            await write(page, f"{round_number} ")
            await page.goto(f"{serve.url}/offline")
            await page.go_back()
            await saved(page)
            assert len(await same_text(serve, "pad", page)) == 2 * (round_number + 1)
        await expect(page.locator("#people-count")).to_have_text("1 here")
        async with PadClient(serve.url, "pad") as client:
            text = client.text
        await context.close()
    assert sorted(text) == sorted("0 1 2 ")
    each_once(serve, text)


# --- doubled


async def test_a_duplicated_tab_is_another_session(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A tab that begins with a copy of the other's session storage writes as itself."""
    problems.allow_lost_connection()  # in the end it is stopped
    page = await opened(serve, open_page)
    await write(page, "one")
    await page.reload()  # now the session storage has something to copy
    await saved(page)
    async with page.context.expect_page() as opening:
        await page.evaluate("window.open(location.href), null")
    double = await opening.value
    await saved(double)
    copied = "sessionStorage.getItem('deltapad.tab.pad')"
    assert await double.evaluate(copied) is not None

    await asyncio.gather(write(page, "1" * 20), write(double, "2" * 20))

    await saved(page)
    text = await same_text(serve, "pad", page, double)
    assert sorted(text) == sorted("one" + "1" * 20 + "2" * 20)
    _, seen, _ = stored_log(serve.data)
    assert len({author for author, _ in seen}) >= 2
    each_once(serve, text)


READ_RECORDS = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("deltapad", 1);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
        const stores = opening.result.transaction(["states", "texts"]);
        const states = stores.objectStore("states").getAll();
        const texts = stores.objectStore("texts").getAll();
        texts.onsuccess = () => {
            opening.result.close();
            resolve({ states: states.result, texts: texts.result });
        };
    };
})"""
WRITE_RECORDS = """(records) => new Promise((resolve, reject) => {
    const opening = indexedDB.open("deltapad", 1);
    opening.onerror = () => reject(opening.error);
    opening.onupgradeneeded = () => {
        opening.result.createObjectStore("states", { keyPath: ["pad", "key"] });
        opening.result.createObjectStore("texts", { keyPath: ["pad", "key"] });
        opening.result.createObjectStore("drafts", { keyPath: "pad" });
    };
    opening.onsuccess = () => {
        const writing = opening.result.transaction(["states", "texts"], "readwrite");
        for (const name of ["states", "texts"])
            for (const record of records[name]) writing.objectStore(name).put(record);
        writing.oncomplete = () => { opening.result.close(); resolve(null); };
    };
})"""


async def records_in_flight(serve: ServerProcess, page: Page) -> dict[str, Any]:
    """What the disk has of a tab that ended with an operation in flight that the server has not
    seen; the tab is closed.
    """
    await page.wait_for_timeout(2_500)  # the text is on the disk when all has been quiet
    os.kill(serve.pid, signal.SIGSTOP)
    await write(page, "A")
    records: dict[str, Any] = await page.evaluate(READ_RECORDS)
    while records["states"][0]["client"]["inFlight"] is None:
        records = await page.evaluate(READ_RECORDS)
    assert records["states"][0]["client"]["inFlight"]["sent"] == [5, "A"]
    await page.context.new_page()
    await page.close(run_before_unload=False)
    os.kill(serve.pid, signal.SIGCONT)
    return records


@pytest.mark.parametrize("copy", ["of the old text", "of a text that has it"])
async def test_a_cloned_profile_with_the_same_seq(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, copy: str
) -> None:
    """Two browsers hold the same session and say different things under one seq: what each has
    typed is in the pad, or offered as a draft, and nothing is twice.
    """
    problems.allow_lost_connection()  # in the end it is stopped
    page = await opened(serve, open_page, "start")
    await page.locator(".cm-content").click()
    await page.keyboard.press("End")
    records = await records_in_flight(serve, page)
    original = await open_page(f"{serve.url}/p/pad", context=page.context)
    await saved(original)
    await same_text(serve, "pad", original, expected="startA")
    state, text = records["states"][0], records["texts"][0]
    in_flight = state["client"]["inFlight"]
    in_flight["sent"] = in_flight["op"] = [5, "B"]
    if copy == "of a text that has it":
        state["client"]["revision"] = state["textRevision"] = text["revision"] = 2
        text["text"] = "startA"
        in_flight["base"] = 2
        in_flight["sent"] = in_flight["op"] = [6, "B"]

    clone = await open_page(f"{serve.url}/healthz")
    await clone.evaluate(WRITE_RECORDS, records)
    await clone.goto(f"{serve.url}/p/pad")

    kind = clone.locator("#state")
    if copy == "of the old text":
        await expect(kind).to_have_attribute("data-kind", "refused")
        async with clone.expect_download() as download:
            await clone.locator("#download-draft").click()
        assert (await (await download.value).path()).read_text() == "startB"
        await same_text(serve, "pad", clone)
        each_once(serve, "startA")
    else:
        await saved(clone)
        await same_text(serve, "pad", clone)
        each_once(serve, "startAB")


# --- away for long


async def test_fifty_thousand_revisions_later(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A tab that was offline with an edit while 50,000 revisions were written: one merge, and all
    of it is there.
    """
    problems.allow_lost_connection()
    await asyncio.to_thread(serve.stop)
    log = WrittenLog(1_700_000_000_000)
    log.insert("Ada", 0, "start ")
    await asyncio.to_thread(log.put_into, serve.data, "pad", "Pad")
    await asyncio.to_thread(serve.start)
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.stop)
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("mine ")
    await expect(page.locator("#state")).to_contain_text("unsent edit")
    epoch = epoch_of(serve)
    for number in range(25_000):
        log.edit("Lin", [6, f"{number % 10}"])
        log.edit("Noor", [6, -1] if number % 5 else [7, "."])
    log.text = ""
    for path in serve.data.iterdir():
        path.unlink()
    await asyncio.to_thread(log.put_into, serve.data, "pad", "Pad")
    set_epoch(serve, epoch)
    await asyncio.to_thread(serve.start)
    await page.context.set_offline(False)

    await saved(page, timeout=30_000)
    text = await same_text(serve, "pad", page)
    assert text.startswith("mine start ")
    async with PadClient(serve.url, "pad") as client:
        assert client.revision > 50_000
    each_once(serve, text)


def epoch_of(serve: ServerProcess) -> str:
    connection = apsw.Connection(str(serve.data / "deltapad.sqlite"))
    ((epoch,),) = connection.execute("SELECT epoch FROM pads WHERE name = 'pad'")
    connection.close()
    return str(epoch)


def set_epoch(serve: ServerProcess, epoch: str) -> None:
    """It is the same log that has grown."""
    connection = apsw.Connection(str(serve.data / "deltapad.sqlite"))
    connection.create_scalar_function("checksum", checksum, deterministic=True)
    ((key,),) = connection.execute(
        "UPDATE pads SET epoch = ? WHERE name = 'pad' RETURNING id", (epoch,)
    )
    seal(connection, "pads", key)
    connection.close()


async def test_the_server_was_restored_meanwhile(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Typed offline, and the server comes back with another log of the pad: the pad is what the
    server has, and what was typed is a draft, also after a reload.
    """
    problems.allow_lost_connection()
    page = await opened(serve, open_page, "old ")
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.stop)
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("mine")
    await expect(page.locator("#state")).to_contain_text("4 unsent edits")
    for path in serve.data.iterdir():
        path.unlink()
    await asyncio.to_thread(serve.start)
    await create_pad(serve.url, "pad")
    await append(serve, "restored")
    await page.context.set_offline(False)

    banner = page.locator("#refused-banner")
    await expect(banner).to_contain_text("your 4 edits could not be merged", timeout=20_000)
    await same_text(serve, "pad", page, expected="restored")
    await page.reload()
    await expect(banner).to_be_visible()
    async with page.expect_download() as download:
        await page.locator("#download-draft").click()
    assert (await (await download.value).path()).read_text() == "old mine"
    await same_text(serve, "pad", page, expected="restored")
