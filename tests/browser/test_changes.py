"""what others changed: since one left, where edits met, and in a hidden tab"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems, run_command
from tests.browser.others import saved
from tests.conftest import ServerProcess
from tests.faults.proxy import Proxy
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

TEXT = (
    "# Autumn release\n\nPages usually open in a second.\n\n- Search\n- Nothing moves\n\nThe end.\n"
)

# What this browser noted counts as noted long ago: opening the pad again is then no reload.
LONG_AGO = """() => {
    const seen = JSON.parse(localStorage.getItem("deltapad.seen"));
    for (const pad of seen) pad.at = 0;
    localStorage.setItem("deltapad.seen", JSON.stringify(seen));
}"""
SEEN = "() => JSON.parse(localStorage.getItem('deltapad.seen') ?? '[{}]')[0].revision ?? -1"


class Others:
    """Ada and Lin, who write while nobody looks."""

    def __init__(self, ada: PadClient, lin: PadClient) -> None:
        self.ada = ada
        self.lin = lin

    async def replace(self, who: PadClient, old: str, new: str) -> None:
        """Replaces the first `old` in the text, as soon as it is there."""
        await who.reached(max(self.ada.revision, self.lin.revision))
        at = who.text.index(old)
        inserted: list[int | str] = [new] if new else []
        who.edit([*([at] if at else []), -len(old), *inserted])
        await who.synchronised()


@asynccontextmanager
async def others(serve: ServerProcess) -> AsyncIterator[Others]:
    async with PadClient(serve.url, "pad", name="Ada") as ada:
        if not ada.text:
            ada.insert(0, TEXT)
            await ada.synchronised()
        async with PadClient(serve.url, "pad", name="Lin") as lin:
            yield Others(ada, lin)


async def visit(serve: ServerProcess, open_page: OpenPage, people: Others) -> Page:
    """Opens the pad and looks at it until that is noted."""
    page = await open_page(f"{serve.url}/p/pad")
    await seen(page, people.ada.revision)
    return page


async def seen(page: Page, revision: int) -> None:
    """Waits until this revision, or a later one, is noted as seen."""
    for _ in range(200):
        if await page.evaluate(SEEN) >= revision:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"seen is {await page.evaluate(SEEN)}, not {revision}")


async def away(page: Page, serve: ServerProcess) -> None:
    await page.goto(serve.url)
    await page.evaluate(LONG_AGO)


async def come_back(page: Page, serve: ServerProcess) -> None:
    await page.goto(f"{serve.url}/p/pad")
    await expect(page.locator("#since")).to_be_visible()


async def change(people: Others) -> None:
    await people.replace(people.ada, "usually ", "")
    await people.replace(people.lin, "moves", "moves unless a person moved it")
    await people.replace(people.ada, "The end.\n", "The end, for now.\n")


async def test_changes_since_i_left(serve: ServerProcess, open_page: OpenPage) -> None:
    """Who comes back is offered what others changed, steps through it, and has seen it then."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await away(page, serve)
        await change(people)
        await come_back(page, serve)

        words = page.locator("#since-words")
        await expect(words).to_have_text(
            "3 changes by \u2068Ada\u2069 and \u2068Lin\u2069 since you left"
        )
        assert await page.locator(".change-inserted, .change-removed").count() == 0
        await page.get_by_role("button", name="Show").click()

        await expect(words).to_have_text("1 of 3 · \u2068Ada\u2069")
        await expect(page.locator(".change-removed").first).to_have_text("usually ")
        inserted = page.locator(".change-inserted")
        await expect(inserted.first).to_have_text("moves unless a person moved it")
        await expect(inserted.first).to_have_attribute("title", "Lin")
        await expect(page.locator("#since-next")).to_be_focused()
        await expect(page.locator("del.change-current")).to_have_text("usually ")
        await page.keyboard.press("Enter")
        await expect(words).to_have_text("2 of 3 · \u2068Lin\u2069")
        await expect(page.locator("span.change-current")).to_have_text(
            "moves unless a person moved it"
        )
        await page.locator("#since-previous").click()
        await page.locator("#since-previous").click()
        await expect(words).to_have_text("3 of 3 · \u2068Ada\u2069")

        await page.keyboard.press("Escape")
        await expect(page.locator("#since")).to_be_hidden()
        await expect(page.locator(".cm-content")).to_be_focused()
        assert await page.locator(".change-inserted, .change-removed").count() == 0
        await seen(page, people.ada.revision)


async def test_offer_not_taken_comes_again(serve: ServerProcess, open_page: OpenPage) -> None:
    """An offer that was neither taken nor refused is made again; a refused one is not."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await away(page, serve)
        await change(people)
        await come_back(page, serve)
        await away(page, serve)
        await come_back(page, serve)

        await page.get_by_role("button", name="Dismiss").click()

        await expect(page.locator("#since")).to_be_hidden()
        await seen(page, people.ada.revision)


async def test_typing_on_ends_the_offer(serve: ServerProcess, open_page: OpenPage) -> None:
    """Who goes on writing is not asked any longer; the command is still there."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await away(page, serve)
        await change(people)
        await come_back(page, serve)

        await page.locator(".cm-line").nth(3).click()
        await page.keyboard.type("Something of my own, while the offer stands.")
        await expect(page.locator("#since")).to_be_hidden()

        await run_command(page, "changes.show")
        await expect(page.locator("#since-words")).to_have_text("1 of 3 · \u2068Ada\u2069")


async def test_marks_move_with_the_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """What is typed while the changes are shown moves them, and is not marked itself."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await away(page, serve)
        await change(people)
        await come_back(page, serve)
        await page.get_by_role("button", name="Show").click()
        inserted = page.locator(".change-inserted")
        await expect(inserted).to_have_count(2)

        await people.replace(people.lin, "# Autumn", "# The next autumn")
        await expect(page.locator(".cm-content")).to_contain_text("The next autumn")
        await inserted.first.click(position={"x": 2, "y": 8})
        await page.keyboard.press("ArrowRight")
        await page.keyboard.type("XX")

        await expect(inserted).to_have_text(
            ["m", "oves unless a person moved it", "The end, for now."]
        )


async def test_own_edits_are_not_offered(serve: ServerProcess, open_page: OpenPage) -> None:
    """What I wrote in another tab is not news to me; a reload is no absence."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        other = await open_page(f"{serve.url}/p/pad", context=page.context)
        await away(page, serve)
        await other.locator(".cm-content").click()
        await other.keyboard.type("mine")
        while "mine" not in people.ada.text:
            await people.ada.reached(people.ada.revision + 1)
        await other.close()
        await page.goto(f"{serve.url}/p/pad")
        await seen(page, 2)
        await expect(page.locator("#since")).to_be_hidden()

        await people.replace(people.lin, "Search", "Find")
        await page.reload()
        await seen(page, people.lin.revision)
        await expect(page.locator("#since")).to_be_hidden()


async def test_hidden_tab(serve: ServerProcess, open_page: OpenPage) -> None:
    """A hidden tab says in its title that the text has changed, and offers it after a while."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await part_ready(page, "title_sign")
        await show_tab(page, "hidden")
        assert await page.title() == "pad · deltapad"

        await people.replace(people.ada, "Search", "Search forgives")
        await expect(page).to_have_title("• pad · deltapad")
        await page.evaluate("() => { const now = Date.now; Date.now = () => now() + 240_000; }")
        await show_tab(page, "visible")

        await expect(page).to_have_title("pad · deltapad")
        await expect(page.locator("#since-words")).to_have_text(
            "1 change by \u2068Ada\u2069 since you left"
        )
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("#since-next")).to_be_hidden()
        await expect(page.locator("#since-hide")).to_be_focused()


async def show_tab(page: Page, state: str) -> None:
    await page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


async def part_ready(page: Page, part: str) -> None:
    """Wait for a part of the page that is loaded in a quiet moment."""
    await page.wait_for_function(
        """(part) => performance.getEntriesByType("resource").some(({ name }) =>
            name.includes(`/${part}-`))""",
        arg=part,
    )


async def marks_ready(page: Page) -> None:
    """Wait for what marks the merged places."""
    await part_ready(page, "merged_view")


async def type_offline(page: Page, problems: Problems, line: int, text: str) -> None:
    """Types at the beginning of a line while there is no connection."""
    await marks_ready(page)
    problems.allow_lost_connection()
    await page.context.set_offline(True)
    await page.locator(".cm-line").nth(line).click()
    await page.keyboard.press("Home")
    await page.keyboard.type(text)


async def test_merged_mark(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """Two edits of one word at once are underlined, tell with whom, and go away when looked at."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await type_offline(page, problems, 2, "All")
        await people.replace(people.lin, "Pages", "Sites")
        await page.context.set_offline(False)

        mark = page.locator(".merged")
        await expect(mark).to_have_text("AllSites")
        assert "person-" in (await mark.get_attribute("class") or "")
        await mark.hover()
        await expect(page.locator(".merged-words")).to_have_text(
            "Merged with \u2068Lin\u2069’s edit"
        )
        # After it was in view for four seconds.
        await expect(mark).to_have_count(0, timeout=15_000)


async def test_next_merged_place(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A command leads to the next mark, where the caret takes it away once it moves on."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await type_offline(page, problems, 2, "All")
        await people.replace(people.lin, "Pages", "Sites")
        await page.locator(".cm-line").nth(7).click()
        await page.context.set_offline(False)
        await expect(page.locator(".merged")).to_have_text("AllSites")

        await run_command(page, "changes.nextMerged")
        await expect(page.locator(".merged-words")).to_contain_text("Lin")
        await page.keyboard.press("ArrowRight")

        await expect(page.locator(".merged")).to_have_count(0)
        await expect(page.locator(".merged-words")).to_have_count(0)


async def test_no_merged_mark(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Edits of different places are not marked, nor any with the marks switched off."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        page = await visit(serve, open_page, people)
        await page.evaluate(
            """() => {
                window.marks = 0;
                new MutationObserver(() => {
                    window.marks += document.querySelectorAll(".merged").length;
                }).observe(document.body, {subtree: true, childList: true});
            }"""
        )
        await type_offline(page, problems, 2, "All ")
        await people.replace(people.lin, "second", "moment")
        await page.context.set_offline(False)
        await expect(page.locator(".cm-content")).to_contain_text(
            "All Pages usually open in a moment"
        )
        await saved(page)

        await page.locator("#more-button").click()
        await page.get_by_role("switch", name="Mark where edits met").uncheck()
        await page.keyboard.press("Escape")
        await type_offline(page, problems, 2, "Nearly")
        await people.replace(people.lin, "All", "Most")
        await page.context.set_offline(False)
        await expect(page.locator(".cm-content")).to_contain_text("Nearly")
        await expect(page.locator(".cm-content")).to_contain_text("Most")
        await saved(page)

        assert await page.evaluate("window.marks") == 0


async def test_two_pages_mark_the_same_place(serve: ServerProcess, open_page: OpenPage) -> None:
    """Whose edit came first in the log sees the mark as well as whose came second."""
    await create_pad(serve.url, "pad")
    async with others(serve) as people:
        one = await visit(serve, open_page, people)
        two = await visit(serve, open_page, people)
        for page in (one, two):
            await marks_ready(page)
            await page.locator(".cm-line").nth(4).click()
            await page.keyboard.press("End")
        await asyncio.gather(one.keyboard.type("ing is quick"), two.keyboard.type("es are quick"))

        for page in (one, two):
            await expect(page.locator(".merged").first).to_be_visible()


# The clock of a machine that has slept since.
SLEPT = """() => {
    const now = Date.now;
    Date.now = () => now() + 8 * 3_600_000;
}"""


async def test_a_machine_that_slept_on_a_connection_that_died(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """It wakes, is looked at, and finds out only then that nothing came any more: what others
    changed meanwhile is offered."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port) as proxy, others(serve) as people:
        page = await open_page(f"{proxy.url}/p/pad")
        await seen(page, people.ada.revision)
        await asyncio.sleep(2)
        await show_tab(page, "hidden")
        died = list(proxy.links)
        for link in died:
            link.vanish()
        await change(people)
        await page.evaluate(SLEPT)
        await show_tab(page, "visible")
        await expect(page.locator("#state")).to_contain_text("r4", timeout=30_000)
        for link in died:
            link.end()
        await expect(page.locator("#since-words")).to_contain_text("3 changes")
        await page.close()
