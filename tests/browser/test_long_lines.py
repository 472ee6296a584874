"""very long lines in a real browser: drawn in part, whole in everything else"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from client_py import PadClient
from tests.browser.accessibility import violations
from tests.browser.conftest import run_command
from tests.browser.others import Join, caret_of, open_pad
from tests.browser.test_follow import follow
from tests.browser.test_pad import server_text
from tests.browser.test_surface import PASTE, VIEW, open_with, server_has
from tests.conftest import ServerProcess

OpenPage = Callable[..., Awaitable[Page]]

# More is never drawn of a line, in UTF-16 units: as in client_js/long_lines.js, and the buttons.
DRAWN_MAX = 20_400
DRAWN = "Math.max(...[...document.querySelectorAll('.cm-line')].map((l) => l.textContent.length))"
ROWS = json.dumps([{"id": n, "name": f"Person {n}", "ok": True} for n in range(25_000)])
LINES = {
    "words": "word and " * 111_111,
    "no_blanks": "abcdefghij" * 100_000,
    "right_to_left": "שלום עולם ומלואו " * 60_000,
    "emoji": "😀👩‍👩‍👧 ok " * 90_000,
    "markdown": "**bold** _it_ [x](y) `c` " * 40_000,
    "json": ROWS,
}
WORDS = LINES["words"]


async def drawn(page: Page) -> int:
    length: int = await page.evaluate(DRAWN)
    return length


async def text_is(page: Page, text: str) -> None:
    """Wait until the editor has exactly this."""
    same = f"(text) => {VIEW}.state.doc.toString() === text"
    await page.wait_for_function(same, arg=text)


@pytest_asyncio.fixture(loop_scope="session")
async def large(start_server: Callable[..., ServerProcess]) -> AsyncIterator[ServerProcess]:
    """A server for pads of 5 MB."""
    yield start_server("--pad-length-max", "12000000")


@pytest.mark.slow
@pytest.mark.parametrize("kind", LINES)
async def test_a_line_of_a_megabyte(serve: ServerProcess, open_page: OpenPage, kind: str) -> None:
    """It is drawn in part, and typed into at both ends; nothing of it is lost."""
    line = LINES[kind]
    page = await open_with(serve, open_page, line)
    await expect(page.locator(".cm-line .rest")).to_have_count(1)
    assert await drawn(page) < DRAWN_MAX
    await page.locator(".cm-content").click(position={"x": 60, "y": 60})
    await page.keyboard.press("Control+End")
    await page.keyboard.type("END")
    await expect(page.locator(".cm-line")).to_have_text(re.compile(r"END$"))
    assert await drawn(page) < DRAWN_MAX
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("START ")
    await server_has(serve, f"START {line}END")
    await text_is(page, f"START {line}END")
    assert await drawn(page) < DRAWN_MAX


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [True, False], ids=["wrapped", "not_wrapped"])
async def test_a_line_of_five_megabytes(
    large: ServerProcess, open_page: OpenPage, wrap: bool
) -> None:
    """So is a longer one, whether it goes on in the next row or not."""
    line = WORDS * 5
    page = await open_with(large, open_page, line)
    if not wrap:
        await run_command(page, "view.wrap")
        await expect(page.locator(".cm-lineWrapping")).to_have_count(0)
    assert await drawn(page) < DRAWN_MAX
    await page.locator(".cm-content").click(position={"x": 60, "y": 60})
    await page.keyboard.press("Control+End")
    await page.keyboard.type("END")
    await server_has(large, f"{line}END")
    await expect(page.locator(".cm-cursor-primary")).to_be_in_viewport()
    assert await drawn(page) < DRAWN_MAX


async def test_the_rest_is_a_button(serve: ServerProcess, open_page: OpenPage) -> None:
    """It says how much more there is, in characters; pressed, by mouse or by keyboard, it goes on
    from there, and the one before it leads back; the arrow keys walk through all of it.
    """
    line = "😀 " + "".join(f"{n:06} " for n in range(10_000))
    page = await open_with(serve, open_page, line)
    rest = page.locator(".cm-line .rest")
    before = page.locator(".cm-line").get_by_role("button", name=re.compile("characters …$"))
    after = page.locator(".cm-line").get_by_role("button", name=re.compile("^… .* more characters"))
    shown = len((await page.locator(".cm-line").inner_text()).split("…")[0])
    await expect(rest).to_have_text(f"… {len(line) - shown:,} more characters")
    await after.click()
    await expect(before).to_have_count(1)
    await expect(page.locator(".cm-line")).to_contain_text(line[shown - 50 : shown + 2_000])
    assert await violations(page) == []
    await before.focus()
    await page.keyboard.press("Enter")
    await expect(before).to_have_count(0)

    # To the button, and over it.
    await page.evaluate(
        f"{VIEW}.dispatch({{ selection: {{ anchor: {shown - 20} }}, scrollIntoView: true }})"
    )
    await page.locator(".cm-content").focus()
    for _ in range(60):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.type("HERE")
    at = await page.evaluate(f"{VIEW}.state.selection.main.head")
    assert at == shown - 20 + 60 + 4
    text = line.encode("utf-16-le")
    cut = 2 * (at - 4)
    await server_has(
        serve, text[:cut].decode("utf-16-le") + "HERE" + text[cut:].decode("utf-16-le")
    )


async def test_found_selected_copied_and_undone(serve: ServerProcess, open_page: OpenPage) -> None:
    """What is found is drawn; everything is selected and copied though little is drawn; what is
    pasted and cut comes back.
    """
    line = f"{WORDS[:400_000]}needle {WORDS[:400_000]}"
    page = await open_with(serve, open_page, line)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".cm-content").click(position={"x": 60, "y": 60})
    await page.keyboard.press("Control+f")
    await expect(page.get_by_label("Find", exact=True)).to_be_focused()
    await page.keyboard.type("needle")
    await expect(page.locator(".cm-line")).to_contain_text("needle")
    await page.keyboard.press("Enter")
    await expect(page.locator(".cm-searchMatch-selected")).to_be_in_viewport()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == line
    await page.keyboard.press("Control+x")
    await server_has(serve, "")
    await page.keyboard.press("Control+z")
    await server_has(serve, line)
    assert await drawn(page) < DRAWN_MAX
    await page.keyboard.press("Control+End")
    await page.evaluate(PASTE, f"\n{WORDS}")
    await server_has(serve, f"{line}\n{WORDS}")
    await text_is(page, f"{line}\n{WORDS}")
    assert await drawn(page) < DRAWN_MAX


async def test_others_in_what_is_not_drawn(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """Their carets and selections stand at the button; what they write there arrives and moves
    nothing; to follow them is to go there.
    """
    page = await open_pad(serve, open_page, WORDS)
    lin = await join("Lin", 2)
    await lin.at((500_000, 700_000))
    await expect(caret_of(page, lin)).to_be_attached()
    top = page.locator(".cm-line")
    words = await top.inner_text()
    async with PadClient(serve.url, "pad") as other:
        other.edit([500_000, "WRITTEN BY ANOTHER "])
        await other.synchronised()
        text = other.text
    await text_is(page, text)
    assert (await top.inner_text()).split("…")[0] == words.split("…")[0]
    await lin.at(500_005)
    await follow(page, "Lin")
    await expect(top).to_contain_text("WRITTEN BY ANOTHER ")
    await expect(caret_of(page, lin)).to_be_in_viewport()
    await lin.at(900_000)
    await expect(top).not_to_contain_text("WRITTEN BY ANOTHER ")
    await expect(caret_of(page, lin)).to_be_in_viewport()
    assert await drawn(page) < DRAWN_MAX


async def test_history_and_reading(serve: ServerProcess, open_page: OpenPage) -> None:
    """The history draws a part too, and brings a change into it; what is read is all there."""
    page = await open_with(serve, open_page, WORDS)
    async with PadClient(serve.url, "pad") as other:
        other.edit([600_000, "CHANGED LAST "])
        await other.synchronised()
        revision = other.revision
        other.edit(["NOW "])
        await other.synchronised()
        text = other.text
    await text_is(page, text)
    await page.goto(f"{serve.url}/p/pad?r={revision}")
    old = page.locator(".history-text .cm-line")
    await expect(old).to_contain_text("CHANGED LAST ")
    assert await drawn(page) < DRAWN_MAX
    await page.keyboard.press("Escape")
    await expect(page.locator("#history")).to_be_hidden()
    await page.locator(".bar-centre .views [value=read]").check()
    await expect(page.locator("#preview p")).to_contain_text("CHANGED LAST ")
    read = await page.evaluate("document.querySelector('#preview p').textContent.trim()")
    assert read == text.strip()
    assert await server_text(serve, "pad") == text
