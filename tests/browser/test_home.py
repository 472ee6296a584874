"""the start page: the form, a pad from a file, the demo pad, recent pads, sizes and languages"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.accessibility import violations
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import server_text
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

# Layout shifts that nobody asked for, as browsers count them.
WATCH_SHIFTS = """new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries())
        if (!hadRecentInput) globalThis.shifted = (globalThis.shifted ?? 0) + value;
}).observe({ type: "layout-shift", buffered: true })"""
SIZES = [(1440, 900), (1024, 768), (390, 844), (320, 568)]


def recent(**pads: str) -> str:
    """A script that makes a browser remember pads, id -> title."""
    known = [
        {"id": name, "title": title, "excerpt": "As it was", "revision": 3, "changedAt": 0}
        for name, title in pads.items()
    ]
    words = json.dumps(json.dumps(known))
    return f"localStorage['deltapad.recent'] ??= {words}"


async def open_home(
    serve: ServerProcess, open_page: OpenPage, script: str = "", path: str = "/", **options: Any
) -> Page:
    """A page of a browser in which a script has run before any of its pages."""
    page = await open_page(f"{serve.url}/healthz", **options)
    if script:
        await page.add_init_script(script)
    await page.goto(f"{serve.url}{path}")
    return page


async def live(page: Page) -> None:
    """Wait until the demo pad is connected."""
    await expect(page.locator("#demo-state")).to_have_text("Live")


# --- the form


async def test_create_a_pad(serve: ServerProcess, open_page: OpenPage) -> None:
    """By keyboard alone: a name says which address it makes, and Enter makes the pad."""
    page = await open_home(serve, open_page)
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.locator("#name").focus()
    await page.keyboard.type("Autumn release")
    await expect(page.locator("#name-help")).to_contain_text("/p/autumn-release- and 8 random")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/p/autumn-release-\w{8}$"))
    await expect(page).to_have_title(re.compile("Autumn release"))


async def test_without_a_script(serve: ServerProcess, open_page: OpenPage) -> None:
    """The form makes a pad, the demo's text stands there, and nothing that needs a script does."""
    page = await open_page(f"{serve.url}/", java_script_enabled=False)
    await expect(page.locator("#demo-text")).to_contain_text("Four onions, sliced slowly")
    for hidden in ("#recent-pads", "#file-link", "#theme", "#demo-help"):
        await expect(page.locator(hidden)).to_be_hidden()
    await page.locator("#name").fill("Plain")
    await page.get_by_role("button", name="Create pad").click()
    await page.wait_for_url(re.compile(r"/p/plain-\w{8}$"))


async def test_without_a_connection(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, tmp_path: Path
) -> None:
    """The page stays, says what is missing, and keeps the name, with a file too; then it works."""
    problems.allow_lost_connection()
    (tmp_path / "soup.md").write_text("Four onions")
    page = await open_home(serve, open_page)
    await live(page)
    await asyncio.to_thread(serve.stop)
    await page.locator("#name").fill("Soup for twelve")
    await page.keyboard.press("Enter")
    error = page.locator("#create-error")
    await expect(error).to_have_text("Needs a connection")
    await page.locator("#file").set_input_files(tmp_path / "soup.md")
    await expect(error).to_have_text("Needs a connection")
    await expect(page.locator("#name")).to_have_value("Soup for twelve")

    await asyncio.to_thread(serve.start)
    await page.get_by_role("button", name="Create pad").click()
    await page.wait_for_url(re.compile(r"/p/soup-for-twelve-\w{8}$"))
    assert await server_text(serve, page.url.rpartition("/")[2]) == ""


async def test_start_from_a_file(serve: ServerProcess, open_page: OpenPage, tmp_path: Path) -> None:
    """A file of text becomes a pad of its name, letter by letter; what is not text is refused."""
    text = "# Soup\n\nÜber zwölf Löffel 😀\n\n\n  end"
    (tmp_path / "Soup for twelve.md").write_bytes(text.replace("\n", "\r\n").encode())
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0\0")
    page = await open_home(serve, open_page)

    await page.locator("#file").set_input_files(tmp_path / "image.png")
    refusal = "deltapad reads text files. This one is not text."
    await expect(page.locator("#file-error")).to_have_text(refusal)
    await page.locator("#file").set_input_files(tmp_path / "Soup for twelve.md")

    await page.wait_for_url(re.compile(r"/p/soup-for-twelve-\w{8}$"))
    assert await server_text(serve, page.url.rpartition("/")[2]) == text


async def test_drop_a_file(serve: ServerProcess, open_page: OpenPage) -> None:
    """A file dropped anywhere, on the demo pad too, starts a pad and changes no other."""
    page = await open_home(serve, open_page)
    await live(page)
    before = await server_text(serve, "demo")
    await page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["one\\ntwo"], "transform.py"));
            const options = { bubbles: true, cancelable: true, dataTransfer };
            const text = document.querySelector("#demo .cm-content");
            text.dispatchEvent(new DragEvent("drop", options));
        }"""
    )
    await page.wait_for_url(re.compile(r"/p/transform-py-\w{8}$"))
    assert await server_text(serve, page.url.rpartition("/")[2]) == "one\ntwo"
    assert await server_text(serve, "demo") == before
    # In the file's language, as a new pad of that name would be; and only as long as it is new.
    language = page.locator("#language-name")
    await expect(language).to_have_text("Python")
    await page.locator("#language-button").click()
    await page.locator("#language-field").fill("markdown")
    await page.keyboard.press("Enter")
    await expect(language).to_have_text("Markdown")
    await page.reload()
    await saved(page)
    await expect(language).to_have_text("Markdown")


# --- the demo pad


async def test_the_demo_is_a_real_pad(serve: ServerProcess, open_page: OpenPage) -> None:
    """Two visitors and a program write in it; each sees the others, Tab passes through it."""
    one = await open_home(serve, open_page)
    two = await open_home(serve, open_page)
    for page in (one, two):
        await live(page)
        await expect(page.locator("#demo-count")).to_have_text("2 here")
    await one.locator("#demo .cm-line").first.click()
    await one.keyboard.press("End")
    await one.keyboard.type(", and one more")
    await expect(two.locator("#demo .cm-line").first).to_have_text(
        "# Soup for twelve, and one more"
    )
    await expect(two.locator("#demo .caret")).to_have_count(1)
    await one.keyboard.press("Tab")
    await expect(one.locator("#demo .demo-foot a")).to_be_focused()
    assert "Soup for twelve, and one more\n" in await server_text(serve, "demo")


async def test_the_demo_comes_when_it_is_seen(serve: ServerProcess, open_page: OpenPage) -> None:
    """The editor is not fetched for whoever does not scroll to it, and its coming moves nothing."""
    page = await open_home(serve, open_page, WATCH_SHIFTS, viewport={"width": 320, "height": 568})
    fetched = "performance.getEntriesByType('resource').filter((r) => /demo/.test(r.name)).length"
    await expect(page.locator("#recent-empty")).to_be_attached()
    assert await page.evaluate(fetched) == 0
    before = await page.locator("#demo").bounding_box()
    await page.locator("#demo").scroll_into_view_if_needed()
    await live(page)
    after = await page.locator("#demo").bounding_box()
    assert before is not None and after is not None and before["height"] == after["height"]


async def test_the_demo_looks_the_same_before(serve: ServerProcess, open_page: OpenPage) -> None:
    """The text that comes with the page and the editor set each line at the same place."""
    lines = (
        "[...document.querySelectorAll('#demo .cm-line')].map((line) => {"
        "const range = document.createRange(); range.selectNodeContents(line);"
        "const { x, y } = range.getBoundingClientRect(); return [x, y]; })"
    )
    plain = await open_page(f"{serve.url}/", java_script_enabled=False)
    page = await open_home(serve, open_page)
    await live(page)
    await page.evaluate("document.fonts.ready")
    for before, after in zip(await plain.evaluate(lines), await page.evaluate(lines), strict=False):
        assert before == pytest.approx(after, abs=1.5)


async def test_before_the_script(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Until the script has come, the button of the theme has one icon; the text of the demo
    fits into it.
    """
    problems.allow("ERR_FAILED")
    problems.allow_origin(serve.url)
    page = await open_page("about:blank")
    await page.route("**/home-*.js", lambda route: route.abort())
    await page.goto(f"{serve.url}/")
    await expect(page.locator("#theme svg:visible")).to_have_count(1)
    last = await page.locator("#demo .cm-line").last.bounding_box()
    foot = await page.locator("#demo .demo-foot").bounding_box()
    assert last is not None and foot is not None
    assert last["y"] + last["height"] <= foot["y"]


async def test_no_demo(start_server: Callable[..., ServerProcess], open_page: OpenPage) -> None:
    """Switched off, a picture takes its place, which no screen reader reads."""
    page = await open_home(start_server("--demo", "false"), open_page)
    await expect(page.locator("figure.picture[aria-hidden=true]")).to_be_visible()
    await expect(page.locator("#demo, .top-links a")).to_have_count(0)


# --- recent pads


async def test_recent_pads(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """Each row says who is there now, that nobody is, that the pad is gone, or out of reach."""
    problems.allow("404|ERR_FAILED")
    for pad in ("full", "empty", "far"):
        await create_pad(serve.url, pad)
    known = recent(full="Full", empty="Empty", gone="Gone", far="Far")
    async with PadClient(serve.url, "full", name="Ada") as ada:
        ada.insert(0, "x")
        await ada.synchronised()
        page = await open_page(f"{serve.url}/healthz")
        await page.add_init_script(known)
        await page.route("**/p/far/status", lambda route: route.abort())
        await page.goto(f"{serve.url}/")
        row = page.locator(".recent-row")
        await expect(row.nth(0).locator(".avatar")).to_have_text("A")
        await expect(row.nth(0)).to_contain_text("1 person here: Ada")
        await expect(row.nth(0)).to_contain_text("Changed just now")
        await expect(row.nth(0)).to_contain_text("r1")
        await expect(row.nth(1)).to_contain_text("Nobody here")
        await expect(row.nth(2)).to_contain_text("No longer exists")
        await expect(row.nth(2)).to_have_class(re.compile("gone"))
        await expect(row.nth(3)).to_contain_text("Cannot be reached")
        await expect(row.nth(3)).to_contain_text("r3")


async def test_row_menu(serve: ServerProcess, open_page: OpenPage) -> None:
    """By keyboard: arrows, Esc back to the button, a new tab, the link, removing with undo."""
    await create_pad(serve.url, "one")
    await create_pad(serve.url, "two")
    page = await open_home(
        serve,
        open_page,
        recent(one="One", two="Two"),
        permissions=["clipboard-read", "clipboard-write"],
    )
    button = page.get_by_role("button", name="Actions for one")
    await button.focus()
    await page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    await expect(items.nth(0)).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(items.nth(2)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(items).to_have_count(0)
    await expect(button).to_be_focused()

    await button.click()
    await expect(items.nth(0)).to_have_attribute("href", "/p/one")
    await items.nth(1).click()
    await expect(page.locator("#toast")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{serve.url}/p/one"

    await button.click()
    await items.nth(2).click()
    rows = page.locator(".recent-row .name")
    await expect(rows).to_have_text(["two"])
    await page.locator("#toast").get_by_role("button", name="Undo").click()
    await expect(rows).to_have_text(["one", "two"])


async def test_a_pad_that_is_left_at_once_is_remembered(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Its link may be nowhere else: it is listed, with what was typed, however short the stay."""
    page = await open_home(serve, open_page)
    await page.locator("#name").fill("Short")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_have_text("Short")
    await saved(page)
    await page.goto(f"{serve.url}/")
    row = page.locator(".recent-row")
    await expect(row.locator(".name")).to_have_text("Short")

    await row.locator("a").click()
    await page.locator(".cm-content").click()
    await page.keyboard.type("Typed and gone")
    await saved(page)
    await page.goto(f"{serve.url}/")
    await expect(row.locator(".excerpt")).to_have_text("Typed and gone")


async def test_the_theme_of_another_tab(serve: ServerProcess, open_page: OpenPage) -> None:
    """The start page and a page that says what went wrong become dark where they stand."""
    page = await open_home(serve, open_page, color_scheme="light")
    other = await open_page(f"{serve.url}/offline", context=page.context)
    third = await open_page(f"{serve.url}/", context=page.context)
    await third.locator("#theme").click()
    for tab in (page, other):
        await expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
    await page.locator("#theme").click()
    await expect(third.locator("html")).to_have_attribute("data-theme", "light")


async def test_clear_the_list(serve: ServerProcess, open_page: OpenPage) -> None:
    """Cleared, the list says what will be in it; undo brings it back."""
    await create_pad(serve.url, "one")
    page = await open_home(serve, open_page, recent(one="One"))
    await page.get_by_role("button", name="Clear list").click()
    await expect(page.locator("#recent-empty")).to_have_text("Pads you open appear here.")
    await page.locator("#toast").get_by_role("button", name="Undo").click()
    await expect(page.locator(".recent-row")).to_have_count(1)
    await expect(page.locator("#recent-empty")).to_be_hidden()


# --- every size, theme and language


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_menu_of_a_row_accessible(
    serve: ServerProcess, open_page: OpenPage, scheme: str
) -> None:
    """axe finds nothing in the menu of a recent pad."""
    await create_pad(serve.url, "one")
    page = await open_home(serve, open_page, recent(one="One"), color_scheme=scheme)
    await live(page)
    await page.get_by_role("button", name="Actions for one").click()
    assert await violations(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ja"])
async def test_sizes(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, language: str
) -> None:
    """No page is wider than its window, and what comes late moves nothing."""
    problems.allow("404")
    await create_pad(serve.url, "one")
    known = recent(one="One", **{f"pad-{n}": f"A title that is {'long ' * 12}" for n in range(9)})
    page = await open_page(f"{serve.url}/?language={language}")
    await page.add_init_script(f"{known};{WATCH_SHIFTS}")
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for path in ("/", "/p/onne", "/offline"):
            await page.goto(f"{serve.url}{path}")
            if path == "/":
                await expect(page.locator(".recent-row .people-here").last).not_to_be_empty()
            await page.evaluate("document.fonts.ready")
            sideways = "document.documentElement.scrollWidth > innerWidth"
            assert not await page.evaluate(sideways), (path, width)
            assert await page.evaluate("globalThis.shifted ?? 0") < 0.02, (path, width)


async def test_language(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """The foot offers every language; the choice holds, also for whoever has no script."""
    problems.allow("404")
    for script in (True, False):
        page = await open_page(f"{serve.url}/", java_script_enabled=script, locale="en-GB")
        await page.get_by_role("link", name="Deutsch").click()
        await page.wait_for_url(f"{serve.url}/")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.locator("h1")).to_contain_text("viele Hände.")
        await page.goto(f"{serve.url}/p/gibt-es-nicht")
        await expect(page.locator("h1")).to_contain_text("Hier ist noch nichts")
        (cookie,) = await page.context.cookies()
        assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("language", "de", "Lax")


async def test_theme(serve: ServerProcess, open_page: OpenPage) -> None:
    """The button turns the page dark at once, and it stays so."""
    page = await open_home(serve, open_page)
    await page.get_by_role("button", name="Switch between light and dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
