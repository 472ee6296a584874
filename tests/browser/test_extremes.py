"""pages under extreme settings: zoom of 400 %, spread text, keys only, no motion, forced colours"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Locator, Page, expect

from client_py import PadClient
from tests.browser.conftest import Problems, run_command
from tests.browser.others import Join, box_of, open_pad, saved
from tests.browser.scenes import SCENES
from tests.browser.stage import Look, Stage
from tests.conftest import ServerProcess

OpenPage = Callable[..., Awaitable[Page]]

# What WCAG 1.4.10 asks for: 1280x1024 at 400 %.
ZOOMED = Look("zoomed", 320, 256, "light")
# What WCAG 1.4.12 asks for.
SPREAD = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }"""

# Controls in an element that cannot be brought to where they can be pressed, by the ends of their
# boxes and by what lies over their middle.
OUT_OF_REACH = """(root) => [...root.querySelectorAll("button, a[href], input, select")].filter(
    (control) => {
        if (!control.checkVisibility({ visibilityProperty: true }) || control.matches(".skip"))
            return false;
        control.scrollIntoView({ block: "nearest", inline: "nearest" });
        const { left, top, right, bottom } = control.getBoundingClientRect();
        if (right - left <= 1) return false;
        if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1)
            return true;
        const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const pressed = hit?.closest("label")?.control ?? hit;
        return !(control.contains(pressed) || pressed?.contains(control));
    }).map(({ outerHTML }) => outerHTML.slice(0, 120))"""

# Words of the page itself that are cut off by their element or by one around it. What ends in an
# ellipsis says that there is more; names of people and pads do.
CUT = """(root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const cut = [];
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const own = text.parentElement;
        if (!text.data.trim() || !own.checkVisibility({ visibilityProperty: true })) continue;
        if (own.closest(".visually-hidden, .cm-editor, select, .count, .words")) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const words = range.getBoundingClientRect();
        for (let box = own; box && box !== document.body; box = box.parentElement) {
            const { overflowX, overflowY, textOverflow, display } = getComputedStyle(box);
            if (textOverflow === "ellipsis" || /auto|scroll/.test(overflowX + overflowY)) break;
            const button = box.matches("button, .button, .pill, .segments label");
            if (display === "inline" || (overflowX === "visible" && !button)) continue;
            const { left, top, right, bottom } = box.getBoundingClientRect();
            if (words.left < left - 1 || words.right > right + 1
                || words.top < top - 1 || words.bottom > bottom + 1) {
                cut.push(`${text.data.trim()} in ${box.tagName}#${box.id}.${box.className}`);
                break;
            }
        }
    }
    return cut;
}"""

# Where the focus is, if it is nowhere or cannot be seen. A text field shows its caret.
UNSEEN_FOCUS = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return "nowhere";
    if (element.matches("input:not([type=radio], [type=checkbox]), .cm-content")) return null;
    const rings = [element, element.closest("label"), ...element.children].filter(Boolean);
    const seen = rings.some((one) => {
        const { outlineStyle, boxShadow } = getComputedStyle(one);
        return outlineStyle !== "none" || boxShadow !== "none";
    });
    return seen ? null : element.outerHTML.slice(0, 120);
}"""

# Everything that would move, at the moment.
MOVING = """() => [...document.querySelectorAll("*")].flatMap((element) =>
    [null, "::before", "::after"].map((part) => {
        const { transitionDuration, animationName } = getComputedStyle(element, part);
        const still = transitionDuration.split(", ").every((time) => parseFloat(time) === 0);
        return still && animationName === "none" ? null : element.outerHTML.slice(0, 120);
    }).filter(Boolean))"""


async def fits(page: Page, layer: str = "body") -> None:
    """Nothing is cut, everything can be reached, and nothing is scrolled sideways."""
    root = page.locator(layer)
    await expect(root).to_be_visible()
    await page.evaluate("document.fonts.ready")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), layer
    assert await root.evaluate("(root) => root.scrollWidth <= root.clientWidth + 1"), layer
    assert await root.evaluate(CUT) == [], layer
    assert await root.evaluate(OUT_OF_REACH) == [], layer


async def layers_fit(page: Page) -> None:
    """Every dialog, sheet and menu, one after the other."""
    for command, layer in LAYERS:
        await run_command(page, command)
        await fits(page, layer)
        await page.keyboard.press("Escape")
        await expect(page.locator(layer)).to_be_hidden()
    for layer in ("people", "more"):
        await page.locator(f"#{layer}-button").click()
        await fits(page, f"#{layer}")
        await page.keyboard.press("Escape")


async def spread(page: Page) -> None:
    """Override the spacing of the text, as a person's own style sheet would."""
    await page.evaluate(
        """(rules) => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(rules);
            document.adoptedStyleSheets.push(sheet);
        }""",
        SPREAD,
    )


async def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Go there by the Tab key; on the way the focus is always seen."""
    for _ in range(40):
        assert await page.evaluate(UNSEEN_FOCUS) is None
        if await target.evaluate("(target) => target === document.activeElement"):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"not reached by {key}: {target}")


# --- zoom and spacing


@pytest.mark.parametrize("name", ["home", "not-found"])
async def test_zoomed_pages(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, name: str
) -> None:
    """At 400 % the start page and the error pages are one column without sideways scrolling."""
    async with Stage(serve, open_page, problems) as stage:
        stage.look = ZOOMED
        page = await SCENES[name](stage)
        await fits(page)
        await spread(page)
        await fits(page)


LAYERS = [
    ("pad.share", "#share"),
    ("palette.open", "#palette"),
    ("help.shortcuts", "#shortcuts"),
    ("edit.find", ".search"),
]


async def test_zoomed_pad(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """At 400 % every layer of a pad can be used, and some of the text stays in sight."""
    async with Stage(serve, open_page, problems) as stage:
        stage.look = ZOOMED
        page = await stage.released()
        await fits(page, ".bar")
        await fits(page, "#tools")
        await layers_fit(page)
        await run_command(page, "edit.find")
        search, tools = await box_of(page.locator(".search")), await box_of(page.locator("#tools"))
        assert tools["y"] - search["y"] - search["height"] >= 29  # a line of prose

        await run_command(page, "history.open")
        await expect(page.locator("#history-viewing")).to_contain_text("r1284")
        await fits(page, "#history")
        assert (await box_of(page.locator("#history-text")))["height"] >= 140


async def test_spread_text(serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
    """With wide lines, letters and words nothing in bar, menus and dialogs is cut off."""
    async with Stage(serve, open_page, problems) as stage:
        page = await stage.released()
        await spread(page)
        for part in (".bar", ".status"):
            await fits(page, part)
        await layers_fit(page)
        await run_command(page, "history.open")
        await expect(page.locator("#history-viewing")).to_contain_text("r1284")
        for part in (".history-bar", ".history-dock", "#history-versions"):
            await fits(page, part)


# --- keyboard


async def test_keyboard_only(serve: ServerProcess, open_page: OpenPage) -> None:
    """Create, write, share, follow, restore and leave the text without a mouse; the focus is
    always seen and never lost.
    """
    page = await open_page(f"{serve.url}/", permissions=["clipboard-read", "clipboard-write"])
    text = page.locator("#text .cm-content")
    await page.keyboard.press("Tab")
    await tab_to(page, page.locator("#name"))
    await page.keyboard.type("Journey")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/p/journey-*")
    await saved(page)

    await expect(text).to_be_focused()
    await page.keyboard.type("A ")
    await page.keyboard.press("Control+b")
    await page.keyboard.type("bold")
    await expect(page.locator(".cm-line").first).to_have_text("A **bold**")

    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-query")).to_be_focused()
    await page.keyboard.type("share this")
    await page.keyboard.press("Enter")
    await tab_to(page, page.locator("#edit-link .copy-button"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#edit-link .copy-button")).to_contain_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == page.url
    await page.keyboard.press("Escape")
    await expect(text).to_be_focused()

    async with PadClient(serve.url, page.url.rpartition("/")[2], name="Lin") as lin:
        lin.insert(0, "Here: ")
        await lin.synchronised()
        await expect(page.locator("#people-count")).to_have_text("2 here")
        await page.keyboard.press("Escape")
        await tab_to(page, page.locator("#people-button"), "Shift+Tab")
        await page.keyboard.press("Enter")
        await tab_to(page, page.get_by_role("button", name="Follow Lin"))
        await page.keyboard.press("Enter")
        await expect(page.locator(".follow-badge")).to_contain_text("Following Lin")
        await page.keyboard.press("Escape")
        await expect(page.locator("#people-button")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator(".follow-badge")).to_be_hidden()
        assert await page.evaluate(UNSEEN_FOCUS) is None

    await page.keyboard.press("Control+Shift+h")
    slider = page.get_by_role("slider")
    await expect(slider).to_be_focused()
    await expect(page.locator("#history-viewing")).to_contain_text("Viewing r")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile("^Revision "))
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await expect(slider).to_have_attribute("aria-valuenow", "1")
    await tab_to(page, page.locator("#history-restore"), "Shift+Tab")
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Restore"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#toast")).to_contain_text("Restored r1")
    await expect(text).to_be_focused()

    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(text).not_to_be_focused()
    assert await page.evaluate(UNSEEN_FOCUS) is None


# --- motion and colours of the system


async def test_reduced_motion(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """Whoever wants no motion gets none, whatever is open."""
    page = await open_pad(serve, open_page)
    assert await page.evaluate(MOVING) != []
    await page.emulate_media(reduced_motion="reduce")
    await (await join("Ada", 1)).at(5)
    await expect(page.locator(".flag")).to_be_visible()
    assert await page.evaluate(MOVING) == []
    for command, layer in [*LAYERS, ("history.open", "#history")]:
        await run_command(page, command)
        await expect(page.locator(layer)).to_be_visible()
        assert await page.evaluate(MOVING) == [], layer
        assert await page.evaluate("document.getAnimations().length") == 0, layer
        await page.keyboard.press("Escape")


async def test_forced_colors(serve: ServerProcess, open_page: OpenPage) -> None:
    """Where the system gives the colours, borders and its own highlight say what is what."""
    page = await open_pad(serve, open_page, forced_colors="active", reduced_motion="reduce")
    highlight = await page.evaluate(
        """() => {
            document.body.style.outlineColor = "Highlight";
            return getComputedStyle(document.body).outlineColor;
        }"""
    )
    view = page.locator(".bar-centre .segments")
    await expect(view).to_have_css("border-top-style", "solid")
    await expect(view.locator("label:has(:checked)")).to_have_css("background-color", highlight)
    await page.locator("#people-button").click()
    await expect(page.locator("#people .avatar").first).to_have_css("border-top-style", "solid")
    await expect(page.locator("#cursors")).to_have_css("border-top-style", "solid")
    await expect(page.locator("#cursors")).to_have_css("background-color", highlight)
    await page.locator("#your-name").focus()
    await expect(page.locator(".your-name .input")).to_have_css("outline-style", "solid")
    assert (
        await page.evaluate(
            """() => new Set([...document.querySelectorAll(".swatch")].map((swatch) =>
            getComputedStyle(swatch, "::before").backgroundColor)).size"""
        )
        == await page.locator(".swatch").count()
    )
    await page.keyboard.press("Escape")

    await run_command(page, "palette.open")
    selected = page.locator(".palette-row[aria-selected=true]")
    await expect(selected).to_have_css("background-color", highlight)
    await page.keyboard.press("Escape")

    await run_command(page, "history.open")
    await expect(page.locator(".version[aria-current]")).to_have_css("border-top-color", highlight)
    await expect(page.locator(".history-thumb")).to_have_css("border-top-color", highlight)
    await expect(page.locator("#history-play")).to_have_css("border-top-style", "solid")


# --- what a screen reader is given


async def test_accessibility_tree(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """The pad is a header, the text, people and a status; what is only for the eye is left out."""
    page = await open_pad(serve, open_page, "One line.")
    await (await join("Ada", 1)).at(3)
    await expect(page.locator(".caret")).to_be_attached()

    for role in ("banner", "main", "contentinfo"):
        await expect(page.get_by_role(role)).to_have_count(1)
    await expect(page.get_by_role("contentinfo", name="Status")).to_be_visible()
    await expect(page.get_by_role("main", name="pad")).to_be_visible()
    text = page.get_by_role("textbox", name="pad", exact=True)
    await expect(text).to_have_attribute("aria-multiline", "true")
    await expect(page.get_by_role("main")).to_match_aria_snapshot(
        """
        - main "pad":
          - textbox "pad"
        """
    )
    for drawn in (".cm-carets", ".cm-tints", ".rail"):
        assert await page.locator(drawn).evaluate(
            "(drawn) => drawn.closest('[aria-hidden=true]') !== null"
        ), drawn
    await page.locator("#people-button").click()
    people = page.get_by_role("complementary", name="People")
    await expect(people.get_by_role("listitem")).to_have_count(2)


async def test_live_regions_at_load(serve: ServerProcess, open_page: OpenPage) -> None:
    """Live regions are there from the start, and empty: only what happens later is announced."""
    page = await open_pad(serve, open_page, "One line.")
    served = await (await page.context.request.get(page.url)).text()
    for name, politeness in (("people", "polite"), ("state", "polite"), ("alert", "assertive")):
        assert f'id="live-{name}" aria-live="{politeness}"></div>' in served
        await expect(page.locator(f"#live-{name}")).to_be_empty()
