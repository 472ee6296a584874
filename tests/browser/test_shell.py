"""the frame of the pad page: title, share, palette, shortcuts, menu, states, phone, themes"""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.accessibility import violations
from tests.browser.conftest import Problems
from tests.browser.others import box_of, saved
from tests.browser.stage import delete_beside
from tests.browser.test_pad import (
    OpenPage,
    same_text,
    saved_or_dot,
    server_text,
    two_pages,
    write,
)
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def pad(serve: ServerProcess, open_page: OpenPage, **options: Any) -> Page:
    await create_pad(serve.url, "pad")
    page = await open_page(f"{serve.url}/p/pad", **options)
    await saved_or_dot(page)
    return page


def view_key(serve: ServerProcess) -> str:
    with sqlite3.connect(serve.data / "deltapad.sqlite") as database:
        row = database.execute("SELECT view_key FROM pads WHERE name = 'pad'").fetchone()
    return str(row[0])


async def run(page: Page, words: str) -> None:
    """A command by the palette."""
    await page.keyboard.press("Control+k")
    await page.locator("#palette-query").fill(words)
    await page.keyboard.press("Enter")


# --- title


async def test_rename_in_place(serve: ServerProcess, open_page: OpenPage) -> None:
    """The title is a button; Enter saves for everybody, Esc reverts, 80 characters are all."""
    one, two = await two_pages(serve, open_page)
    field = one.locator("#title-field")

    await one.locator("#title").click()
    await expect(field).to_be_focused()
    await expect(one.locator("#title-help")).to_have_text("Everyone sees this title.")
    assert await violations(one) == []
    await field.fill("Another name")
    await one.keyboard.press("Escape")
    await expect(one.locator("#title")).to_have_text("pad")
    await expect(one.locator("#title")).to_be_focused()

    await one.keyboard.press("Enter")
    await field.fill("  Harvest <b>plan</b> ")
    await one.keyboard.press("Enter")
    for page in (one, two):
        await expect(page.locator("#title")).to_have_text("Harvest <b>plan</b>")
        await expect(page).to_have_title("Harvest <b>plan</b> · deltapad")
        await expect(page.get_by_role("textbox", name="Harvest <b>plan</b>")).to_be_visible()
    await expect(one.locator("#title")).to_be_focused()

    await one.locator(".cm-content").click()
    await run(one, "rename")
    await field.fill("W" * 100)
    await one.keyboard.press("Enter")
    await expect(one.locator(".cm-content")).to_be_focused()
    await expect(two.locator("#title")).to_have_text("W" * 80)
    assert await two.locator(".bar").evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    assert await server_text(serve, "pad") == ""


async def test_rename_needs_a_connection(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Without one the field stays open, and says why, until there is one again: then Enter is all
    that it takes. When the pad is deleted the field is gone.
    """
    problems.allow_lost_connection()
    page = await pad(serve, open_page)
    await asyncio.to_thread(serve.stop)
    await expect(page.locator("#state")).to_contain_text("Reconnecting")
    await page.locator("#title").click()
    await page.locator("#title-field").fill("Later")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title-help")).to_have_text("Needs a connection")
    await expect(page.locator("#title-field")).to_have_value("Later")

    await asyncio.to_thread(serve.start)
    await expect(page.locator("#title-help")).to_have_text(
        "Everyone sees this title.", timeout=15_000
    )
    await expect(page.locator("#title-field")).to_have_value("Later")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_have_text("Later")

    await page.locator("#title").click()
    await delete_beside(serve, "pad")
    await expect(page.locator("#refused-banner")).to_be_visible(timeout=20_000)
    await expect(page.locator("#title-help")).to_be_hidden()


# --- share


async def test_share_dialog(serve: ServerProcess, open_page: OpenPage) -> None:
    """Both links with a copy button each, the switch for everybody; Esc and a click beside it
    close it and give the focus back.
    """
    page = await pad(serve, open_page, permissions=["clipboard-read", "clipboard-write"])
    other = await open_page(f"{serve.url}/p/pad")
    share, dialog = page.locator(".bar .share-button"), page.locator("#share")
    await share.click()
    await expect(dialog).to_be_visible()
    box = await box_of(dialog)
    assert box["width"] == 520
    edit = page.locator("#edit-link-field")
    await expect(edit).to_be_focused()
    await expect(edit).to_have_value(f"{serve.url.removeprefix('http://')}/p/pad")
    assert await page.evaluate("getSelection().toString()") == await edit.input_value()
    await page.keyboard.press("Control+c")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{serve.url}/p/pad"

    button = page.locator("#edit-link .copy-button")
    await page.evaluate("navigator.clipboard.writeText('')")
    await button.click()
    await expect(button).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{serve.url}/p/pad"
    await expect(button).to_have_text("Copy link")
    await expect(page.locator("#view-link-field")).to_have_value(
        f"{serve.url.removeprefix('http://')}/v/{view_key(serve)}"
    )
    await expect(page.locator("#share-here")).to_have_text("2 people here now")

    await page.get_by_role("switch", name="View-only visitors can see the history").uncheck()
    await expect(other.locator("#view-history")).not_to_be_checked()

    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(share).to_be_focused()
    await share.click()
    await page.mouse.click(20, 400)
    await expect(dialog).to_be_hidden()
    await expect(share).to_be_focused()


@pytest.mark.slow
async def test_new_view_only_link(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Asked first; all editors see the new address, a visitor of the old one reads what happened,
    with the text still there, also one who was away then; not without a connection.
    """
    problems.allow_lost_connection()
    page, other = await two_pages(serve, open_page)
    await write(page, "Look, no hands")
    await saved(page)
    old = view_key(serve)
    visitor = await open_page(f"{serve.url}/v/{old}")
    await expect(visitor.locator("#state")).to_have_text("View only")
    for each in (page, other, visitor):
        await each.locator(".bar .share-button").click()
    await expect(visitor.locator("#view-link")).to_be_visible()
    await expect(visitor.locator("#new-view-link")).to_be_hidden()

    field, button = page.locator("#view-link-field"), page.locator("#new-view-link")
    question = page.get_by_role("dialog", name="Make a new view-only link?")
    await button.click()
    await expect(question).to_contain_text(
        "The old link stops working, also for those who are reading now."
    )
    assert await violations(page) == []
    await question.get_by_role("button", name="Cancel").click()
    await expect(button).to_be_focused()
    await expect(field).to_have_value(re.compile(f"/v/{old}$"))

    away = await open_page(f"{serve.url}/v/{old}")
    await expect(away.locator("#state")).to_have_text("View only")
    await away.context.set_offline(True)
    await expect(away.locator("#state")).to_contain_text(re.compile("Reconnecting|Offline"))
    await button.click()
    await question.get_by_role("button", name="New link").click()
    await expect(field).not_to_have_value(re.compile(f"/v/{old}$"))
    new = view_key(serve)
    await away.context.set_offline(False)
    assert new != old
    for each in (page, other):
        await expect(each.locator("#view-link-field")).to_have_value(re.compile(f"/v/{new}$"))
    for each in (visitor, away):
        await expect(each.locator("#state")).to_have_text("Link replaced")
        words = each.locator("#refused-words")
        await expect(words).to_contain_text("There is a new view-only link")
        await expect(each.locator(".cm-content")).to_have_text("Look, no hands")
        assert new not in await each.content()
    problems.allow("404")
    await visitor.reload()
    await expect(visitor.locator("h1")).to_contain_text("Nothing here yet")

    await asyncio.to_thread(serve.stop)
    await expect(button).to_be_disabled()
    await expect(button).to_have_accessible_description("Needs a connection")


async def test_clipboard_refuses(serve: ServerProcess, open_page: OpenPage) -> None:
    """Then the link is selected, and a word says which keys copy it."""
    page = await pad(serve, open_page)
    await page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
        "document.execCommand = () => false"
    )
    await page.locator(".bar .share-button").click()
    await page.locator("#edit-link .copy-button").click()
    await expect(page.locator("#edit-link-help")).to_have_text(
        "Could not copy. The link is selected; press Ctrl C."
    )
    await expect(page.locator("#edit-link-field")).to_be_focused()


async def test_view_only_page(serve: ServerProcess, open_page: OpenPage) -> None:
    """It reads along; typing brings one word, once; nothing offers what cannot be done; the edit
    link is nowhere.
    """
    await create_pad(serve.url, "pad")
    writer = await open_page(f"{serve.url}/p/pad")
    await write(writer, "Look, no hands")
    await saved(writer)
    page = await open_page(f"{serve.url}/v/{view_key(serve)}")

    await expect(page.locator("#state")).to_have_text(re.compile("View only"))
    await expect(page.locator(".cm-content")).to_have_text("Look, no hands")
    await expect(page.locator(".cm-content")).to_have_attribute("aria-readonly", "true")
    await write(page, "hello")
    toast = page.locator("#toast")
    await expect(toast).to_have_text("This link is view-only. Ask for the edit link to write.")
    await expect(page.locator(".cm-content")).to_have_text("Look, no hands")
    await expect(page.locator(".cm-cursor")).to_have_count(1)
    await page.evaluate("document.getElementById('toast').hidden = true")
    await page.keyboard.type("again")
    await page.keyboard.press("Backspace")
    await expect(toast).to_be_hidden()
    await expect(page.locator("#title")).to_be_disabled()
    await expect(page.locator("#language-button")).to_be_disabled()

    await page.locator(".bar .share-button").click()
    await expect(page.locator("#view-link")).to_be_visible()
    await expect(page.locator("#edit-link, #view-history-row")).to_have_count(2)
    for gone in ("#edit-link", "#view-history-row"):
        await expect(page.locator(gone)).to_be_hidden()
    assert "/p/pad" not in await page.content()
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator("[data-command='format.bold']")).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.locator("#more-button").click()
    await expect(page.locator("#more [data-command='edit.find']")).to_be_visible()
    for gone in ("pad.import", "language.choose"):
        await expect(page.locator(f"#more [data-command='{gone}']")).to_be_hidden()


# --- palette and shortcuts


async def test_palette_by_keys(serve: ServerProcess, open_page: OpenPage) -> None:
    """Ctrl K, some letters, arrows, Enter: the command runs, and the focus is back in the text."""
    page = await pad(serve, open_page)
    await write(page, "word")
    await page.keyboard.press("Control+k")
    query = page.locator("#palette-query")
    await expect(query).to_be_focused()
    await expect(page.locator("#palette")).to_be_visible()
    box = await box_of(page.locator("#palette"))
    assert (box["width"], box["y"]) == (580, 84)

    await page.keyboard.type("thme")
    rows = page.locator("#palette-list [role=option]")
    await expect(rows).to_have_text([re.compile("dark"), re.compile("light"), re.compile("system")])
    await expect(page.locator("#palette-count")).to_have_text(re.compile(r"^3 of \d+ commands$"))
    await expect(rows.nth(0).locator("b")).to_have_text(["Th", "me"])
    for key, chosen in (("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", 2), ("ArrowDown", 0)):
        await page.keyboard.press(key)
        active = await query.get_attribute("aria-activedescendant")
        await expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
        assert await rows.nth(chosen).get_attribute("id") == active
    await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.locator("#palette")).to_be_hidden()
    await expect(page.locator(".cm-content")).to_be_focused()

    await page.keyboard.press("Control+k")
    await expect(page.locator(".palette-group").first).to_have_text("Last used")
    await expect(rows.first).to_have_text("Theme: dark")
    await query.fill("zzzz")
    await expect(page.locator("#palette-none")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_hidden()


async def test_every_command_is_found(serve: ServerProcess, open_page: OpenPage) -> None:
    """What has a button is in the palette, and what has keys is in the sheet of shortcuts with
    those keys.
    """
    page = await pad(serve, open_page)
    await page.keyboard.press("Control+k")
    await expect(page.locator(".palette-title").first).to_be_visible()
    titles = await page.locator(".palette-title").all_text_contents()
    for button in await page.locator(
        # Those of the status bar say how things are.
        "[data-command]:not([hidden], [hidden] *, .status-button)"
    ).all():
        name = (await button.get_attribute("aria-label")) or (await button.text_content()) or ""
        # The one says which language it is, the other opens what is open here.
        if await button.get_attribute("data-command") not in ("language.choose", "palette.open"):
            assert any(name.strip() in title for title in titles), name
    assert "Choose the language" in titles

    listed = await page.locator("#palette-list [role=option]:has(.keys)").evaluate_all(
        "rows => rows.map((row) => [...row.querySelectorAll('kbd')].map((key) => key.textContent)"
        ".join(' '))"
    )
    sheet = await page.locator("#shortcuts .keys > span").evaluate_all(
        "all => all.map((keys) => [...keys.children].map((key) => key.textContent).join(' '))"
    )
    assert len(listed) >= 5
    assert set(listed) <= set(sheet)


async def test_shortcuts_sheet(serve: ServerProcess, open_page: OpenPage) -> None:
    """The keyboard icon opens it; Esc closes it and gives the focus back."""
    page = await pad(serve, open_page)
    button = page.locator("footer [data-command='help.shortcuts']")
    await button.click()
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(page.locator("#shortcuts")).to_be_hidden()
    await expect(button).to_be_focused()


# --- menu: language, theme


async def test_language_of_the_interface(serve: ServerProcess, open_page: OpenPage) -> None:
    """A choice in the menu holds for every page of this browser."""
    page = await pad(serve, open_page)
    await page.locator("#more-button").click()
    await page.locator("#interface-language").select_option("de")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.locator(".bar .share-button")).to_have_text("Teilen")
    [cookie] = [c for c in await page.context.cookies() if c.get("name") == "language"]
    assert (cookie.get("value"), cookie.get("sameSite")) == ("de", "Lax")


async def test_theme_everywhere_at_once(serve: ServerProcess, open_page: OpenPage) -> None:
    """Chosen in one tab, the other follows at once, with the colour around the page; a reload
    keeps it from the first paint.
    """
    page = await pad(serve, open_page, color_scheme="light")
    other = await open_page(f"{serve.url}/p/pad", context=page.context)
    await page.locator("#more-button").click()
    await page.get_by_role("radio", name="Dark").check()
    for tab in (page, other):
        await expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(tab.locator("meta[name=theme-color]").first).to_have_attribute(
            "content", "#141518"
        )
    await expect(other.locator("#themes [value=dark]")).to_be_checked()
    await other.reload()
    await expect(other.locator("html")).to_have_attribute("data-theme", "dark")


# --- states


async def test_saved_already(serve: ServerProcess, open_page: OpenPage) -> None:
    """Ctrl S says that all is saved, and keeps the browser from saving the page."""
    page = await pad(serve, open_page)
    await write(page, "x")
    await expect(page.locator("#state")).to_contain_text("r1")
    await page.keyboard.press("Control+s")
    await expect(page.locator("#toast")).to_contain_text("Everything is saved already, at r1.")


async def test_full_pad(start_server: Callable[..., ServerProcess], open_page: OpenPage) -> None:
    """What would make a pad too long is not typed; removing and typing on works."""
    serve = start_server("--pad-length-max", "10")
    page = await pad(serve, open_page)
    await write(page, "12345678😀")
    await page.keyboard.insert_text("ab")
    await expect(page.locator("#toast")).to_contain_text(
        "This pad is full (10 byte). Remove something to keep writing."
    )
    await page.keyboard.type("x")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("y")
    await same_text(serve, "pad", page, expected="12345678😀y")
    await page.keyboard.type("z")
    await saved(page)
    await same_text(serve, "pad", page, expected="12345678😀y")


async def test_restart_is_no_alarm(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """A server that restarts is a word in the pill, not a banner, and typing goes on."""
    problems.allow_lost_connection()
    page = await pad(serve, open_page)
    await asyncio.to_thread(serve.stop)
    await expect(page.locator("#state")).to_have_attribute("data-kind", "reconnecting")
    await expect(page.locator("#live-state")).to_have_text("Reconnecting.")
    await write(page, "on")
    await expect(page.locator("#state")).to_contain_text("Reconnecting · 2 unsent edits")
    await expect(page.locator("#offline-banner")).to_be_hidden()
    await asyncio.to_thread(serve.start)
    await expect(page.locator("#state")).to_contain_text(
        "Back online · 2 edits sent", timeout=20_000
    )
    await expect(page.locator("#live-state")).to_have_text("Back online. All changes saved.")


async def test_offline_banner(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Offline says how much is kept, and when the next try is; "Try now" tries."""
    problems.allow_lost_connection()
    page = await pad(serve, open_page)
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.restart)  # cuts the socket that the browser leaves open
    banner = page.locator("#offline-banner")
    await expect(banner).to_be_visible()
    await write(page, "abc")
    await expect(banner).to_contain_text("You are offline. Keep writing.")
    await expect(banner).to_contain_text(
        "3 edits are kept in this browser and go out as soon as the connection is back."
    )
    await expect(page.locator("#state")).to_contain_text("Offline · 3 unsent edits")
    assert await violations(page) == []
    await page.context.set_offline(False)
    await expect(banner).to_be_hidden()
    await same_text(serve, "pad", page, expected="abc")


async def test_lost_base_is_compared(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Edits that have no text to go to are kept, with a banner that says so, and compared with the
    pad as it is now.
    """
    problems.allow_lost_connection()
    page = await pad(serve, open_page)
    await write(page, "one two")
    await same_text(serve, "pad", page)
    await expect(page.locator("#state")).to_contain_text(re.compile(r"Saved r\d+"))
    await asyncio.to_thread(serve.kill)
    await page.keyboard.type(" ten")
    await expect(page.locator("#state")).to_contain_text("4 unsent edits")
    shutil.rmtree(serve.data)
    await page.context.set_offline(True)
    await asyncio.to_thread(serve.start)
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as other:
        other.edit(["one three"])
        await other.synchronised()
    await page.context.set_offline(False)

    banner = page.locator("#refused-banner")
    words = (
        "This pad moved on while you were away, and your 4 edits could not be merged. "
        "They are kept here as a copy."
    )
    await expect(banner).to_contain_text(words)
    await expect(page.locator("#live-alert")).to_have_text(f"Not saved · copy your text. {words}")
    await expect(page.locator(".cm-content")).to_have_text("one three")
    await page.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Your copy and the pad")
    await expect(dialog.locator(".cm-deletedChunk")).to_contain_text("three")
    await expect(dialog.locator(".cm-content .cm-line")).to_have_text(["one two ten"])
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await page.locator("#discard-draft").click()
    await expect(banner).to_be_hidden()


# --- sizes


@pytest.mark.parametrize(
    ("width", "height"), [(1440, 900), (1024, 768), (900, 700), (700, 800), (390, 844), (320, 568)]
)
async def test_bar_at_every_width(
    serve: ServerProcess, open_page: OpenPage, width: int, height: int
) -> None:
    """Nothing lies on anything else, nothing is cut off, and nothing scrolls sideways, however
    long the title.
    """
    page = await pad(serve, open_page, viewport={"width": width, "height": height})
    await run(page, "rename")
    await page.locator("#title-field").fill("A long title " * 6)
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_contain_text("A long title A long")
    boxes = await page.locator(
        ".mark, .bar-heading, #state, .bar-centre > *, #people-button, .bar-end .icon-button,"
        " .share-button"
    ).evaluate_all(
        "all => all.filter((one) => one.checkVisibility()).map((one) => one"
        ".getBoundingClientRect()).map(({ left, right, bottom }) => [left, right, bottom])"
    )
    assert [left for left, *_ in boxes] == sorted(left for left, *_ in boxes)
    for (_, right, *_), (left, *_) in pairwise(boxes):
        assert right <= left + 0.5
    assert boxes[0][0] >= 0
    assert max(right for _, right, *_ in boxes) <= width
    assert max(bottom for *_, bottom in boxes) <= 52
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(page.locator(".status")).to_be_visible(visible=width >= 600)
    await expect(page.locator("#tools")).to_be_visible(visible=width < 600)


async def test_phone(serve: ServerProcess, open_page: OpenPage) -> None:
    """Tools at the bottom, sheets instead of popovers, targets of 44 px, and the keyboard of the
    screen stays up while the tools are used.
    """
    page = await pad(serve, open_page, **PHONE)
    await page.locator(".cm-content").tap()
    await page.keyboard.type("word")
    tools = await box_of(page.locator("#tools"))
    assert tools["y"] + tools["height"] == 844
    await page.locator("#tools [data-command='format.heading']").tap()
    await expect(page.locator(".cm-content")).to_have_text("## word")
    await expect(page.locator(".cm-content")).to_be_focused()

    await page.locator("#more-button").tap()
    await expect(page.locator("#more [data-figure=words]")).to_have_text("1 word")
    await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))")
    small = await page.locator("button, select, a[href]").evaluate_all(
        "all => all.filter((one) => one.checkVisibility() && !one.matches('.skip'))"
        ".filter((one) => one.getBoundingClientRect().height < 44 || "
        "one.getBoundingClientRect().width < 36).map((one) => one.outerHTML)"
    )
    assert [html for html in small if 'class="mark"' not in html] == []
    await page.locator("#more [data-command='pad.share']").tap()
    await expect(page.locator("#more")).to_be_hidden()
    sheet = page.locator("#share")
    await expect(sheet).to_be_visible()
    await sheet.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))")
    box = await box_of(sheet)
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 390, 844)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.keyboard.press("Escape")
    await expect(page.locator("#more-button")).to_be_focused()


async def test_phone_palette_and_menu(serve: ServerProcess, open_page: OpenPage) -> None:
    """The palette is as wide as a phone; the menu has what the status bar has, wherever that is
    not shown.
    """
    page = await pad(serve, open_page, **PHONE)
    await page.locator("#more-button").tap()
    await page.locator("#more [data-command='palette.open']").tap()
    box = await box_of(page.locator("#palette"))
    assert (box["x"], box["y"], box["width"]) == (0, 0, 390)
    await page.keyboard.press("Escape")
    for width, height in ((390, 844), (844, 390)):
        await page.set_viewport_size({"width": width, "height": height})
        await expect(page.locator(".status")).to_be_hidden()
        await page.locator("#more-button").tap()
        for command in ("language.choose", "view.wrap"):
            await expect(page.locator(f"#more [data-command='{command}']")).to_be_visible()
        await page.keyboard.press("Escape")


async def test_keyboard_over_the_page(serve: ServerProcess, open_page: OpenPage) -> None:
    """Where the browser lays its keyboard over the page, the tools come up above it."""
    page = await pad(serve, open_page, **PHONE)
    await page.evaluate(
        "Object.defineProperty(visualViewport, 'height', { value: innerHeight - 300 });"
        "visualViewport.dispatchEvent(new Event('resize'))"
    )
    tools = await box_of(page.locator("#tools"))
    assert tools["y"] + tools["height"] == 544
