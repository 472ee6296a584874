"""parts and answers that come late: what has been chosen, closed or left meanwhile stays so"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, Route, expect

from client_py import PadClient
from tests.browser.conftest import Problems, run_command
from tests.browser.others import Join, saved
from tests.browser.test_changes import LONG_AGO
from tests.browser.test_follow import follow
from tests.browser.test_home import open_home, recent
from tests.browser.test_pad import write
from tests.conftest import ServerProcess
from tests.wire import connect, create_pad

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = pytest.mark.slow


class Late:
    """A file or an answer that a page asks for, and gets when the test says so, or never."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.address = ""
        self.count = 0
        self._given = asyncio.Event()
        self._fails = False

    async def route(self, route: Route) -> None:
        self.asked.set()
        self.count += 1
        self.address = route.request.url
        await self._given.wait()
        await (route.abort() if self._fails else route.continue_())

    def hold(self) -> None:
        """From now on it is late again."""
        self.asked.clear()
        self._given.clear()

    def give(self) -> None:
        self._fails = False
        self._given.set()

    def fail(self) -> None:
        """From now on, until it is given."""
        self._fails = True
        self._given.set()


async def open_late(
    serve: ServerProcess, open_page: OpenPage, pattern: str, path: str = "/p/pad"
) -> tuple[Page, Late]:
    """A page to which what matches this comes late."""
    late = Late()
    page = await open_page(f"{serve.url}/healthz", locale="en-GB")
    await page.route(re.compile(pattern), late.route)
    # Wait for nothing that may be late.
    page.set_default_navigation_timeout(10_000)
    await page.goto(serve.url + path)
    return page, late


def part(name: str) -> str:
    """The address of a part that is loaded later, at any try."""
    return rf"/static/{name}-[A-Z0-9]{{8}}\.js"


async def come(page: Page, late: Late) -> None:
    """Wait until a part has come, and the page has done what it wanted it for."""
    await page.evaluate(
        """async (address) => {
            await import(address);
            for (let tasks = 0; tasks < 5; tasks++)
                await new Promise((resume) => setTimeout(resume));
        }""",
        late.address,
    )


async def set_language(serve: ServerProcess, language: str) -> None:
    """Somebody else chooses the language of the pad."""
    async with connect(serve.url, "pad") as wire:
        await wire.enter("Somebody")
        await wire.send({"type": "properties", "language": language})
        while (await wire.receive("properties"))["language"] != language:
            pass


async def test_the_name_of_a_language_comes_late(serve: ServerProcess, open_page: OpenPage) -> None:
    """Python is chosen, and Markdown again before the name of the first is there: it says
    Markdown."""
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("languages"))
    await saved(page)
    await set_language(serve, "python")
    await late.asked.wait()
    await set_language(serve, "markdown")
    await expect(page.locator("body")).to_have_attribute("data-markdown", "true")
    late.give()
    await come(page, late)
    await expect(page.locator("#language-name")).to_have_text("Markdown")


async def test_the_history_of_a_pad_whose_colours_did_not_come(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What shows its language could not be had: its history opens all the same, without colours."""
    problems.allow("ERR_FAILED")
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("dist"))
    await write(page, "def f(): pass")
    await saved(page)
    late.fail()
    await set_language(serve, "python")
    await late.asked.wait()
    await run_command(page, "history.open")
    await expect(page.locator("#history")).to_be_visible()
    await expect(page.locator("#history-text")).to_contain_text("def f(): pass")


async def test_history_left_while_there_is_more(serve: ServerProcess, open_page: OpenPage) -> None:
    """Somebody writes, the history is left before it shows that, and opened again: it goes on to
    show what is written."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Mia") as other:
        other.insert(0, "one")
        await other.synchronised()
        page = await open_page(f"{serve.url}/p/pad", locale="en-GB")
        await saved(page)
        for total in (1, 2):
            await run_command(page, "history.open")
            await expect(page.locator("#history-where")).to_contain_text(f"of {total}")
            other.insert(0, "!")
            await other.synchronised()
            await expect(page.locator("#history-new")).to_have_text("1 new edit")
            if total == 1:
                await page.keyboard.press("Escape")
                await expect(page.locator("#history")).to_be_hidden()
        await expect(page.locator("#history-where")).to_contain_text("of 3")


async def test_whom_one_follows_next_leaves_too(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """The one that is followed leaves, another is followed, and leaves as well: that ends it."""
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad")
    lin, noor = await join("Lin", 2), await join("Noor", 3)
    await lin.at(0)
    await noor.at(0)
    await follow(page, "Lin")
    await lin.leave()
    await expect(page.locator("#people-button")).to_contain_text("2 here")
    # As the list of people does; nothing is heard of Noor in between.
    await run_command(page, f"follow.{noor.session}")
    await expect(page.locator(".follow-badge")).to_contain_text("Following Noor")
    await noor.leave()
    await expect(page.locator("#toast")).to_have_text(
        "Noor left. Stopped following.", timeout=12_000
    )


async def test_a_draft_discarded_before_it_is_compared(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Compare is pressed, and is late; Discard is pressed: there is nothing to compare."""
    page, late = await open_late_with_draft(serve, open_page)
    await page.locator("#compare-draft").click()
    await late.asked.wait()
    await page.locator("#discard-draft").click()
    await expect(page.locator("#discard-draft")).to_be_hidden()
    late.give()
    await come(page, late)
    await expect(page.locator("dialog.compare")).to_have_count(0)


async def test_a_comparison_that_does_not_come(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """It says why, and comes at another try; asked for twice, it is there once."""
    problems.allow("ERR_FAILED")
    page, late = await open_late_with_draft(serve, open_page)
    late.fail()
    await page.locator("#compare-draft").click()
    await expect(page.locator("#toast")).to_be_visible()
    late.hold()
    await page.locator("#compare-draft").dblclick()
    await late.asked.wait()
    late.give()
    await come(page, late)
    await expect(page.locator("dialog.compare")).to_have_count(1)


async def open_late_with_draft(serve: ServerProcess, open_page: OpenPage) -> tuple[Page, Late]:
    """A page with a draft; what compares it comes late."""
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("compare"))
    await saved(page)
    await page.evaluate(KEEP_DRAFT)
    await page.reload()
    await expect(page.locator("#compare-draft")).to_be_visible()
    return page, late


KEEP_DRAFT = """() => new Promise((resolve) => {
    const opening = indexedDB.open("deltapad");
    opening.onsuccess = () => {
        const transaction = opening.result.transaction("drafts", "readwrite");
        transaction.objectStore("drafts").put({ pad: "pad/of-a-test", text: "kept" });
        transaction.oncomplete = () => resolve();
    };
})"""


async def test_printed_without_what_renders(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What makes a page of Markdown could not be had: the text is printed as it is written."""
    problems.allow("ERR_FAILED")
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("render_markdown"))
    await write(page, "# Notes")
    await saved(page)
    await page.evaluate(
        """() => { print = () => {
            document.body.dataset.printed = document.getElementById("paper").textContent;
        }; }"""
    )
    late.fail()
    await page.keyboard.press("Control+p")
    await expect(page.locator("body")).to_have_attribute("data-printed", "# Notes")


async def test_exported_without_what_makes_the_file(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What makes a file of HTML could not be had: the page says so."""
    problems.allow("ERR_FAILED")
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("html_file"))
    await saved(page)
    late.fail()
    await run_command(page, "export.html")
    await expect(page.locator("#toast")).to_have_text("This needs a connection the first time.")


async def test_undo_beside_a_pad_that_was_opened_meanwhile(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """The list of pads is cleared, a pad opened in another tab, and the list brought back: that pad
    is in it, where its link may have been only."""
    problems.allow("404")  # of "One" there is only the memory
    await create_pad(serve.url, "pad")
    page = await open_home(serve, open_page, recent(one="One"))
    await page.locator("#clear").click()
    await saved(await open_page(f"{serve.url}/p/pad", context=page.context))
    await page.locator("#toast").get_by_role("button", name="Undo").click()
    await expect(page.locator("#recent .name")).to_have_text(["pad", "One"])


async def test_changes_that_could_not_be_offered(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What offers the changes since one left could not be had: they are offered next time."""
    problems.allow("ERR_FAILED")
    await create_pad(serve.url, "pad")
    page, late = await open_late(serve, open_page, part("since_view"))
    late.fail()
    await write(page, "one")
    await saved(page)
    await page.wait_for_function("() => localStorage.getItem('deltapad.seen') !== null")
    await page.goto(f"{serve.url}/healthz")
    async with PadClient(serve.url, "pad", name="Mia") as other:
        other.insert(0, "two ")
        await other.synchronised()
    await page.evaluate(LONG_AGO)
    await page.goto(f"{serve.url}/p/pad")
    await late.asked.wait()
    await saved(page)
    await page.wait_for_timeout(2_500)  # as often as it is noted what has been seen
    await page.goto(f"{serve.url}/healthz")
    await page.evaluate(LONG_AGO)
    late.give()
    await page.goto(f"{serve.url}/p/pad")
    await expect(page.locator("#since")).to_contain_text("Mia")


async def test_a_name_is_saved_while_another_is_asked_for(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """A slow server has the first name, and the question for the second one stays open."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Mia") as other:
        for text in ("one", "two"):
            other.insert(0, text)
            await other.synchronised()
    page, late = await open_late(serve, open_page, r"/versions$")
    await saved(page)
    late.give()
    await run_command(page, "history.open")
    await expect(page.locator("#history-where")).to_contain_text("of 2")
    late.hold()
    await run_command(page, "history.name")
    dialog, field = page.locator("#history-name-dialog"), page.locator("#history-name-field")
    await expect(field).to_be_focused()
    await page.keyboard.type("first")
    await page.keyboard.press("Enter")
    await late.asked.wait()
    await page.keyboard.press("Escape")
    await page.locator("#history-slider").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#history-where")).to_contain_text("Revision 1")
    await run_command(page, "history.name")
    await expect(field).to_be_focused()
    await page.keyboard.type("second")
    late.give()
    await expect(page.locator(".history-flag")).to_have_count(1)
    await expect(page.locator("#toast")).to_contain_text("first")
    await expect(dialog).to_be_visible()
    await expect(field).to_have_value("second")


async def test_waking_again_and_again_asks_once(serve: ServerProcess, open_page: OpenPage) -> None:
    """A page that waits for a slow server asks one question at a time, however often it wakes."""
    page, late = await open_late(serve, open_page, "/healthz$", "/offline")
    await late.asked.wait()
    for _ in range(5):
        await page.evaluate("dispatchEvent(new Event('online'))")
    await page.wait_for_timeout(300)
    assert late.count == 1
