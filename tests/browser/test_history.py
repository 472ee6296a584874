"""history in place: any revision with its authors, the slider, versions, names, restore"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from client_py import PadClient
from tests.browser.accessibility import violations
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.written_log import DAY, MINUTE, WrittenLog
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

# Far enough from midnight for every time zone of a test machine.
MONDAY_NOON = 1_759_752_000_000
LINE = ".history-text .cm-line"


def the_log() -> WrittenLog:
    """Ada writes on Monday and on Tuesday, Lin goes on after her; revision 26 is the last."""
    log = WrittenLog(MONDAY_NOON)
    log.insert("Ada", 0, "one slow", color=1)
    log.pause(20 * MINUTE)
    log.insert("Lin", 8, "\ntwo", color=2)
    log.now_ms = MONDAY_NOON + DAY
    log.delete("Ada", 4, 4, color=1)
    log.insert("Ada", 4, "quick", color=1)
    log.pause(MINUTE)
    log.insert("Lin", 13, " 😀 ok", color=2)
    return log


@pytest.fixture(scope="module")
def past() -> WrittenLog:
    return the_log()


@pytest.fixture(scope="module")
def past_data(past: WrittenLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the log as a pad: made once, and copied for each test."""
    data = tmp_path_factory.mktemp("past") / "data"
    past.put_into(data, "pad", "Autumn release")
    return data


@pytest.fixture
def serve(past_data: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path / "data")
    shutil.copytree(past_data, server.data)
    server.start()
    yield server
    server.stop()


async def text_at(page: Page) -> str:
    """The old text on screen, without what is only marked as deleted."""
    lines = await page.locator(LINE).evaluate_all(
        """lines => lines.map((line) => { const copy = line.cloneNode(true);
            copy.querySelectorAll("del, .change-end").forEach((node) => node.remove());
            return copy.textContent; })"""
    )
    return "\n".join(lines)


async def at_revision(page: Page, revision: int) -> None:
    """Wait until the history shows a revision."""
    await expect(page.locator("#history-pill")).to_have_text(f"Viewing r{revision}")
    await expect(page.locator("#history-where b")).to_have_text(f"Revision {revision}")


async def open_history(
    serve: ServerProcess, open_page: OpenPage, pad: str = "pad", **options: Any
) -> Page:
    page = await open_page(f"{serve.url}/p/{pad}", locale="en-GB", **options)
    await saved(page)
    await page.keyboard.press("Control+Shift+h")
    await expect(page.locator(".history .version").first).to_be_attached()
    return page


async def test_revision_by_link(
    serve: ServerProcess, past: WrittenLog, open_page: OpenPage
) -> None:
    """A link to a revision shows its text, who wrote what, what was changed last, and when."""
    page = await open_page(f"{serve.url}/p/pad?r=21", locale="en-GB", timezone_id="UTC")

    await at_revision(page, 21)
    assert await text_at(page) == "one quick\ntwo"
    await expect(page.locator("#history-newer")).to_have_text("5 newer revisions")
    where = page.locator("#history-where")
    await expect(where).to_have_text("Revision 21 of 26·Tue 7 October, 12:00:00·Ada")
    await expect(page.locator(f"{LINE} .latest")).to_have_text("quick")
    await expect(page.locator(f"{LINE} del")).to_have_text("slow")
    await expect(page.locator(".change-end .flag")).to_have_text("Ada")
    authors = page.locator(f"{LINE}.by-first")
    assert await authors.evaluate_all("rows => rows.map((row) => row.dataset.by)") == ["Ada", "Lin"]
    slider = page.get_by_role("slider", name="Revision")
    await expect(slider).to_have_attribute(
        "aria-valuetext", "Revision 21 of 26, Tuesday 7 October, 12:00, by Ada"
    )

    await page.get_by_label("Authors", exact=True).uncheck()
    await page.get_by_label("Changes", exact=True).uncheck()
    for mark in (".written", ".by", ".latest", "del", ".change-end"):
        await expect(page.locator(f".history-text {mark}")).to_have_count(0)


async def test_enter_and_leave(serve: ServerProcess, open_page: OpenPage) -> None:
    """Ctrl Shift H enters with the same line on top and Esc leaves: caret, scrolling and address
    are as before."""
    page = await open_page(f"{serve.url}/p/pad", locale="en-GB")
    await saved(page)
    await page.locator(".cm-content").first.click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.insert_text("\n".join(f"line {number}" for number in range(200)) + "\n")
    # The editor measures what it has not shown yet, and keeps what it shows in place by that.
    await page.locator("#text .cm-scroller").evaluate(
        """async (node) => { node.scrollTop = 1500; for (let frame = 0; frame < 5; frame += 1)
        await new Promise(requestAnimationFrame); }"""
    )
    await saved(page)
    before = await page.locator("#text .cm-scroller").evaluate("node => node.scrollTop")
    top = """(root) => [...document.querySelectorAll(`${root} .cm-line`)].map((line) =>
        [line.textContent, Math.round(line.getBoundingClientRect().top)]).find(([, y]) => y > 60)"""
    live = await page.evaluate(top, "#text")

    await page.keyboard.press("Control+Shift+h")
    await expect(page.locator("#history-where")).to_contain_text("Revision 27")
    assert await page.evaluate(top, "#history-text") == live
    await expect(page).to_have_url(re.compile(r"\?r=27$"))
    await expect(page.locator("#history-slider")).to_be_focused()
    await page.keyboard.press("Home")
    await at_revision(page, 0)

    await page.keyboard.press("Escape")
    await expect(page.locator("#history")).to_be_hidden()
    await expect(page).to_have_url(f"{serve.url}/p/pad")
    assert await page.locator("#text .cm-scroller").evaluate("node => node.scrollTop") == before
    await expect(page.locator("#text .cm-content")).to_be_focused()
    await page.keyboard.insert_text("here")
    await expect(page.locator("#state")).to_contain_text("Saved r28")
    async with PadClient(serve.url, "pad") as client:
        assert "line 199\nhereone quick" in client.text


async def test_nothing_changes_the_text_behind_it(
    serve: ServerProcess, past: WrittenLog, open_page: OpenPage
) -> None:
    """The palette offers no command that edits a text that nobody sees; after leaving it does."""
    page = await open_history(serve, open_page)
    shown = page.locator("#palette-list .palette-row")
    hidden = ["Undo", "Redo", "Bold", "Italic", "Import a file…", "Rename this pad"]
    await page.keyboard.press("Control+k")
    await expect(shown.filter(has_text="Export as Markdown")).to_have_count(1)
    for words in hidden:
        await expect(shown.filter(has_text=words)).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page.locator(".history")).to_be_hidden()
    await page.keyboard.press("Control+k")
    for words in hidden:
        await expect(shown.filter(has_text=words)).to_have_count(1)


async def test_slider_by_keys(serve: ServerProcess, past: WrittenLog, open_page: OpenPage) -> None:
    """One revision, ten, the ends, and the ends of versions, all by keys; the list follows."""
    page = await open_history(serve, open_page)
    await at_revision(page, 26)
    for key, revision in [
        ("ArrowLeft", 25),
        ("Shift+ArrowLeft", 15),
        ("ArrowRight", 16),
        ("PageUp", 12),
        ("PageUp", 8),
        ("PageDown", 12),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("Shift+ArrowRight", 10),
        ("End", 26),
    ]:
        await page.keyboard.press(key)
        await at_revision(page, revision)
    assert await text_at(page) == past.text
    versions = page.locator(".version")
    await expect(versions).to_have_count(3)
    await expect(page.locator(".version[aria-current]")).to_contain_text("r13 – r26")
    await versions.last.click()
    await at_revision(page, 8)
    await expect(page.locator(".version[aria-current]")).to_contain_text("r1 – r8")
    await expect(page.locator(".version[aria-current]")).to_contain_text("Ada")
    await expect(page.locator(".history-list h3")).to_have_count(2)


async def test_play(serve: ServerProcess, past: WrittenLog, open_page: OpenPage) -> None:
    """Space plays from edit to edit with quiet time cut short, and pauses at the end."""
    page = await open_history(serve, open_page)
    await page.get_by_label("Speed").select_option("32")
    await page.keyboard.press("Tab")
    await page.locator("#history-slider").focus()
    await page.keyboard.press("Home")
    await page.evaluate("""() => { window.seen = []; new MutationObserver(() =>
        seen.push(document.querySelector("#history-where b").textContent))
        .observe(document.querySelector("#history-where"), { childList: true }); }""")

    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await at_revision(page, 26)
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert len(set(await page.evaluate("seen"))) > 5
    assert await text_at(page) == past.text


async def test_play_with_less_motion(serve: ServerProcess, open_page: OpenPage) -> None:
    """With less motion, a step a second, as wide as the speed."""
    page = await open_history(serve, open_page, reduced_motion="reduce")
    await page.keyboard.press("Home")
    await page.keyboard.press("Space")
    await at_revision(page, 8)
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()


async def test_restore(serve: ServerProcess, past: WrittenLog, open_page: OpenPage) -> None:
    """Restore is one edit of what differs, after a question; Undo takes it back."""
    async with PadClient(serve.url, "pad", name="Mia") as other:
        page = await open_history(serve, open_page)
        restore = page.get_by_role("button", name="Restore this version")
        await expect(restore).to_be_disabled()
        await page.keyboard.press("Shift+ArrowLeft")
        await at_revision(page, 16)
        await restore.click()
        dialog = page.get_by_role("dialog", name="Restore revision 16?")
        await expect(dialog).to_contain_text(
            "Nothing is lost: the restore becomes revision 27, and 2 people here will see it at"
            " once."
        )
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#history")).to_be_visible()

        await restore.click()
        await dialog.get_by_role("button", name="Restore", exact=True).click()
        await expect(page.locator("#toast")).to_contain_text("Restored r16 as r27.")
        await expect(page.locator("#history")).to_be_hidden()
        await other.reached(27)
        assert other.text == "one \ntwo"
        await expect(page.locator("#text .cm-line").first).to_have_text("one ")
        await expect(page.locator("#state")).to_contain_text("r27")

        await page.locator("#toast").get_by_role("button", name="Undo").click()
        await expect(page.locator("#text .cm-line").first).to_have_text("one quick")
        await expect(page.locator("#state")).to_contain_text("r28")
    async with PadClient(serve.url, "pad") as client:
        assert client.text == past.text


async def test_undo_of_a_restore_that_is_undone(serve: ServerProcess, open_page: OpenPage) -> None:
    """Taken back by key already, the button takes back nothing else."""
    page = await open_history(serve, open_page)
    await page.keyboard.press("Escape")
    await page.locator("#text .cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" mine")
    await page.keyboard.press("Control+Shift+H")
    await expect(page.locator("#history")).to_be_visible()
    # What was typed is sent first; until the log is there, keys do nothing.
    await expect(page.locator("#history-play")).to_be_enabled()
    await page.keyboard.press("Home")
    await at_revision(page, 0)
    await page.locator("#history-restore").click()
    await page.locator("dialog[open]").get_by_role("button", name="Restore", exact=True).click()
    undo = page.locator("#toast").get_by_role("button", name="Undo")
    await expect(undo).to_be_visible()

    await page.locator("#text .cm-content").press("Control+z")
    await expect(page.locator("#text .cm-content")).to_contain_text("mine")
    await undo.click()

    await expect(page.locator("#toast")).to_be_hidden()
    await expect(page.locator("#text .cm-content")).to_contain_text("mine")


async def test_others_write_meanwhile(serve: ServerProcess, open_page: OpenPage) -> None:
    """What others write is counted, comes to the slider, and is told before one restores."""
    async with PadClient(serve.url, "pad", name="Mia") as other:
        page = await open_history(serve, open_page)
        await page.keyboard.press("PageUp")
        await at_revision(page, 12)
        await page.get_by_role("button", name="Restore this version").click()
        for _ in range(2):
            other.insert(0, "!")
            await other.synchronised()
        words = "Mia made 2 edits since you opened this. They are kept in History."
        await expect(page.get_by_role("dialog")).to_contain_text(words)
        await page.keyboard.press("Escape")
        await expect(page.locator("#history-new")).to_have_text("2 new edits")
        await expect(page.locator("#history-newer")).to_have_text("16 newer revisions")
        await expect(page.locator("#history-where")).to_contain_text("of 28")
        assert await text_at(page) == "one slow\ntwo"


async def test_names(serve: ServerProcess, open_page: OpenPage) -> None:
    """A name stands on the slider and in the list, for everybody, and can be taken away."""
    page = await open_history(serve, open_page)
    await page.keyboard.press("PageUp")
    await at_revision(page, 12)
    await page.get_by_role("button", name="Name", exact=True).click()
    dialog = page.get_by_role("dialog", name="Name revision 12")
    await expect(dialog.get_by_role("textbox")).to_be_focused()
    assert await violations(page) == []
    await page.keyboard.type("Brief <b>agreed</b>")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()

    two = await open_history(serve, open_page)
    for each in (page, two):
        await expect(each.locator(".history-flag")).to_have_count(1)
        row = each.locator(".version", has_text="Brief <b>agreed</b>")
        await expect(row).to_contain_text("r12")
        await expect(each.locator("#history-labels")).to_contain_text("Brief <b>agreed</b>")
    await two.get_by_text("Named", exact=True).click()
    await expect(two.locator(".version")).to_have_count(1)
    await two.locator(".version").click()
    await at_revision(two, 12)
    await two.get_by_role("button", name="Name", exact=True).click()
    await two.keyboard.press("Delete")
    await two.keyboard.press("Enter")
    await expect(two.locator(".history-flag")).to_have_count(0)
    await expect(two.locator(".history-list")).to_have_text("No version has a name yet.")


async def test_by_the_view_only_link(serve: ServerProcess, open_page: OpenPage) -> None:
    """Who may only read looks through the history and cannot change anything; or not even that."""
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    key = await page.evaluate("document.body.dataset.viewKey")
    reader = await open_page(f"{serve.url}/v/{key}")
    await expect(reader.locator("#state")).to_contain_text("View only")
    await reader.keyboard.press("Control+Shift+h")
    await reader.locator(".version").last.click()
    await at_revision(reader, 8)
    assert await text_at(reader) == "one slow"
    for name in ("Restore this version", "Name"):
        await expect(reader.get_by_role("button", name=name, exact=True)).to_be_disabled()
    async with reader.expect_download() as download:
        await reader.get_by_role("button", name="Export").click()
    assert (await download.value).suggested_filename == "Autumn release r8.md"

    async with PadClient(serve.url, "pad") as client:
        await client.set_properties(view_history=False)
        closed = await open_page(f"{serve.url}/v/{key}")
        await expect(closed.locator("#state")).to_contain_text("View only")
        await closed.keyboard.press("Control+Shift+h")
        await expect(closed.locator("#history")).to_be_hidden()


async def test_empty_and_failed(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """An empty pad says that there is no history yet; what cannot be loaded can be tried again."""
    problems.allow_lost_connection()
    await create_pad(serve.url, "empty")
    page = await open_page(f"{serve.url}/p/empty")
    await saved(page)
    await page.keyboard.press("Control+Shift+h")
    await expect(
        page.get_by_text("No history yet. It starts with the first letter.")
    ).to_be_visible()
    await expect(page.locator("#history-restore")).to_be_disabled()

    failing = await open_page(f"{serve.url}/p/pad", context=page.context)
    await saved(failing)
    await failing.route("**/history?*", lambda route: route.abort())
    await failing.keyboard.press("Control+Shift+h")
    await expect(failing.get_by_text("This revision could not be loaded.")).to_be_visible()
    await failing.unroute("**/history?*")
    await failing.get_by_role("button", name="Try again").click()
    await at_revision(failing, 26)
    await expect(failing.get_by_text("This revision could not be loaded.")).to_be_hidden()

    await failing.keyboard.press("Home")
    await failing.context.set_offline(True)
    await expect(failing.locator("#history-restore")).to_be_disabled(timeout=20_000)
    await failing.keyboard.press("ArrowRight")
    await at_revision(failing, 1)


async def test_first_opened_offline(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What is not there yet says so, and comes when there is a connection again."""
    problems.allow_lost_connection()
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    await page.context.set_offline(True)
    await page.keyboard.press("Control+Shift+h")
    await expect(page.locator("#toast")).to_have_text("This needs a connection the first time.")
    await expect(page.locator("#history")).to_be_hidden()
    await page.context.set_offline(False)
    await page.keyboard.press("Control+Shift+h")
    await at_revision(page, 26)


async def test_left_while_it_is_loaded(serve: ServerProcess, open_page: OpenPage) -> None:
    """Esc right after the very first Ctrl Shift H: the history stays closed, until it is asked for
    once more.
    """
    page = await open_page(f"{serve.url}/p/pad")
    await saved(page)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route(re.compile(r"/static/history-\w+\.js"), hold)
    await page.keyboard.press("Control+Shift+h")
    await asked.wait()
    await page.keyboard.press("Escape")
    async with page.expect_response(re.compile(r"/static/history-\w+\.js")) as came:
        go_on.set()
    # The module is there, and all that waited for it has gone on.
    await page.evaluate("(name) => import(name).then(() => null)", (await came.value).url)
    await page.evaluate("new Promise(requestAnimationFrame)")
    await expect(page.locator("#history")).to_be_hidden()
    await page.keyboard.press("Control+Shift+h")
    await at_revision(page, 26)


async def test_ten_thousand_revisions(serve: ServerProcess, open_page: OpenPage) -> None:
    """The slider reaches every one of 12,000 revisions, also those that are loaded later."""
    log = WrittenLog(int(time.time() * 1000) - DAY)
    for number in range(400):
        name, color = [("Ada", 1), ("Lin", 2), ("Noor", 3)][number % 3]
        log.insert(name, len(log.text) // 2, f"word {number} and some more \n", color=color)
    texts = log.text
    serve.stop()
    log.put_into(serve.data, "long", "Long")
    serve.start()
    page = await open_history(serve, open_page, "long")
    await at_revision(page, log.revision)
    slider = page.locator("#history-slider")
    await expect(slider).to_have_attribute("aria-valuemin", "0")
    box = await slider.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 40)
    await page.mouse.down()
    for step in range(1, 30):
        await page.mouse.move(box["x"] + box["width"] * (30 - step) / 30, box["y"] + 40)
    await page.mouse.move(box["x"] - 20, box["y"] + 40)
    await page.mouse.up()
    await at_revision(page, 0)
    await page.keyboard.press("End")
    await at_revision(page, log.revision)
    written = await page.evaluate("document.querySelectorAll('.history-text .written').length")
    assert written > 0
    assert (await text_at(page)).split("\n")[0] == texts.split("\n")[0]


async def test_narrow_screens(serve: ServerProcess, open_page: OpenPage) -> None:
    """On a phone the list lies over the text and goes when a version is chosen; nothing is cut."""
    for width, height in [(390, 844), (320, 568)]:
        page = await open_history(
            serve, open_page, viewport={"width": width, "height": height}, has_touch=True
        )
        wide = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(wide)
        cut = """() => [...document.querySelectorAll(".history-bar .button, .history-dock button")]
            .filter((node) => node.offsetParent && (node.scrollWidth > node.clientWidth ||
              node.getBoundingClientRect().right > innerWidth ||
              node.getBoundingClientRect().height < 44)).map((node) => node.id)"""
        assert await page.evaluate(cut) == []
        where = page.locator("#history-where")
        await expect(where).to_contain_text("·")
        assert await where.evaluate(
            "(where) => where.scrollWidth <= where.clientWidth &&"
            " where.scrollHeight <= where.clientHeight"
        )
        versions = page.get_by_role("button", name="Versions")
        await versions.click()
        await expect(versions).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Escape")
        await expect(page.locator("#history-versions")).to_be_hidden()
        await expect(versions).to_be_focused()
        await versions.click()
        await page.locator(".version").last.click()
        await expect(page.locator("#history-versions")).to_be_hidden()
        await at_revision(page, 8)
