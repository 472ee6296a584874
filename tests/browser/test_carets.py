"""the carets of others in real browsers: flags, selections, colours, and what never moves"""

from __future__ import annotations

import re

from playwright.async_api import expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import (
    END,
    Join,
    OpenPage,
    box_of,
    caret_of,
    open_pad,
    put_caret,
    shown,
)
from tests.conftest import ServerProcess

# Where the glyph before an offset of a line ends, and the one after it begins; of the whole text.
GLYPH_EDGES = """([line, offset]) => {
    const row = [...document.querySelectorAll(".cm-line")][line];
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (offset > node.length) { offset -= node.length; continue; }
        const range = document.createRange();
        const box = (from, to) => {
            range.setStart(node, from); range.setEnd(node, to);
            return range.getBoundingClientRect();
        };
        const edges = [];
        if (offset > 0) { const {left, right} = box(offset - 1, offset); edges.push(left, right); }
        if (offset < node.length) {
            const {left, right} = box(offset, offset + 1); edges.push(left, right);
        }
        return edges;
    }
}"""
LINE_BOXES = """() => [...document.querySelectorAll(".cm-line")].map((line) => {
    const {left, top, width, height} = line.getBoundingClientRect();
    return [left, top, width, height];
})"""


HARD_LINES = [
    "first line",
    "middle of it all",
    "with a\ttab in it",
    "a family 👩‍👩‍👧 and 日本 here",
    "שלום עולם טוב",
    "wrapped " * 30,
    "W" * 44 + "mmmm",
    "the last line",
]


async def test_carets_stand_at_the_glyphs_and_flags_move_no_text(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """In tabs, emoji, right-to-left and wrapped text carets stand within 1 px of the glyph's edge,
    flags stay inside the text, and no text moves for them.
    """
    page = await open_pad(serve, open_page, "\n".join(HARD_LINES))
    await put_caret(page, 7)
    before = await page.evaluate(LINE_BOXES)
    ada = await join("Ada with quite a long name, and more", 1)
    content = await box_of(page.locator(".cm-content"))
    top = await box_of(page.locator(".cm-scroller"))
    start = 0
    for number, line in enumerate(HARD_LINES):
        for offset in {0, 4, 8, 10, len(line) - 2, len(line)}:
            if not 0 <= offset <= len(line) or 0xDC00 <= ord(line[offset - 1]) <= 0xDFFF:
                continue
            units = len(line[:offset].encode("utf-16-le")) // 2
            edges = await page.evaluate(GLYPH_EDGES, [number, units])
            await ada.at(start + offset)
            caret = caret_of(page, ada)
            await expect(caret).to_have_count(1)
            for _ in range(40):
                box = await box_of(caret)
                near = min(abs(edge - box["x"] - 1) for edge in edges)
                line_box = await box_of(page.locator(".cm-line").nth(number))
                if near <= 1 and line_box["y"] - 3 <= box["y"] <= line_box["bottom"]:
                    break
                await page.wait_for_timeout(25)
            assert near <= 1, (line, offset, edges, box)
            flag = await box_of(caret.locator(".flag"))
            assert flag["x"] >= content["x"], (line, offset)
            assert flag["right"] <= content["right"], (line, offset)
            assert flag["y"] >= top["y"], (line, offset)
        start += len(line) + 1
    name = await caret.locator(".flag").text_content()
    assert name == "Ada with quite a long n…"
    assert await page.evaluate(LINE_BOXES) == before


async def test_flags_stand_beside_above_or_below(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """Beside at the end of a line, above in the middle, below if I write on the line above."""
    page = await open_pad(serve, open_page)
    ada = await join("Ada", 1)
    caret = caret_of(page, ada)

    await ada.at(END[5])
    await expect(caret).to_have_class(re.compile("beside"))
    beside = await box_of(caret.locator(".flag"))
    box = await box_of(caret)
    assert abs(beside["x"] - box["x"] - 8) < 1
    await ada.at(END[5] - 10)
    await expect(caret).to_have_class(re.compile("above"))
    await put_caret(page, 3)
    await expect(caret).to_have_class(re.compile("below"))
    await put_caret(page, 4)
    await expect(caret).to_have_class(re.compile("above"))


async def test_flags_go_after_three_seconds_and_come_back(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """A flag fades 3 s after the last activity, comes back under the mouse and when the text gets
    the focus; after 10 s the caret has a dot; two flags never cover each other.
    """
    page = await open_pad(serve, open_page)
    ada, lin = await join("Ada", 1), await join("Lin", 2)
    await ada.at(END[5])
    await lin.at(END[5])
    caret = caret_of(page, ada)
    flag = caret.locator(".flag")
    await shown(flag)
    await expect(caret_of(page, lin).locator(".flag")).to_have_css("opacity", "0")
    await lin.at(END[9])
    await shown(caret_of(page, lin).locator(".flag"))

    await expect(flag).to_have_css("opacity", "0")
    box = await box_of(caret)
    await page.mouse.move(box["x"] + 1 + 4, box["y"] + 8)
    await shown(flag)
    await page.mouse.move(box["x"] + 1 + 6, box["y"] + 8)
    await expect(flag).to_have_css("opacity", "0")

    await page.locator("#people-button").focus()
    await expect(page.locator(".cm-editor.cm-focused")).to_have_count(0)
    await page.locator(".cm-content").focus()
    await shown(flag)
    await expect(flag).to_have_css("opacity", "0")
    await expect(caret).to_have_class(re.compile("quiet"))
    dot = "(caret) => getComputedStyle(caret, '::after').opacity"
    assert await caret.evaluate(dot) == "1"


async def test_selections_of_others(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """What others select is tinted with an edge, row by row; a long one costs a few elements."""
    page = await open_pad(serve, open_page)
    ada = await join("Ada", 1)
    await ada.at((END[1] + 6, END[4] - 3))
    tints = page.locator(".tint")
    await expect(tints).to_have_count(3)
    color = await tints.first.evaluate("(tint) => getComputedStyle(tint).backgroundColor")
    assert re.fullmatch(r"color\(srgb 0\.00\d* 0\.34\d* 0\.6\d* / 0\.14\)", color), color
    edge = await tints.first.evaluate("(tint) => getComputedStyle(tint).borderBottomWidth")
    assert edge in ("1px", "1.5px")  # as the screen's pixels allow
    await ada.at((0, END[200]))
    await expect(tints.nth(1)).to_have_css("height", re.compile(r"^\d{3,4}(\.\d+)?px$"))
    await expect(tints).to_have_count(3)


# Where the line with some words is whenever the page is painted: a size that changes in each frame
# is told right before that, when all of the frame's scripts have run.
RECORD_PAINTED = """(words) => {
    window.painted = [];
    const probe = document.body.appendChild(document.createElement("div"));
    probe.style.position = "fixed";
    let wide = false;
    new ResizeObserver(() => {
        const lines = [...document.querySelectorAll(".cm-line")];
        const line = lines.find(({textContent}) => textContent.includes(words));
        window.painted.push(line ? line.getBoundingClientRect().top : null);
    }).observe(probe);
    const frame = () => {
        probe.style.width = (wide = !wide) ? "1px" : "2px";
        requestAnimationFrame(frame);
    };
    frame();
}"""


async def test_remote_edits_leave_my_view_and_caret_alone(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """50 lines come in above: the line that I look at and my caret stay where they are on screen;
    my selection does not grow by what is typed at its edges.
    """
    page = await open_pad(serve, open_page)
    await page.locator(".cm-content").click()
    await page.evaluate("() => { document.querySelector('.cm-scroller').scrollTop = 2500; }")
    line = page.locator(".cm-line", has_text="Line 100 of")
    await expect(line).to_be_in_viewport()
    await line.dblclick(position={"x": 30, "y": 12})
    assert await page.evaluate("getSelection().toString()") == "Line"
    before, selected = await box_of(line), page.locator(".cm-selectionBackground")
    marked = await box_of(selected)
    await page.evaluate(RECORD_PAINTED, "Line 100 of")
    async with PadClient(serve.url, "pad", name="Writer") as writer:
        for _ in range(5):
            writer.insert(0, f"A new line, {'long ' * 40}\n" * 10)
            await writer.synchronised()
            await expect(page.locator("#state")).to_contain_text(f"r{writer.revision}")
            # Each is painted by itself, also where the machine is busy.
            await page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
        painted = await page.evaluate("window.painted")
        assert len(painted) > 3
        assert set(painted) == {before["y"]}
        assert await box_of(line) == before
        assert await box_of(selected) == marked
        start = writer.text.index("Line 100 of")
        writer.insert(start + 4, "s")
        writer.insert(start, "My ")
        await writer.synchronised()
        changed = page.locator(".cm-line", has_text="My Lines 100 of")
        await expect(changed).to_be_visible()
        assert (await box_of(changed))["y"] == before["y"]
    assert await page.evaluate("getSelection().toString()") == "Line"


async def test_offline_the_others_are_ghosts(
    serve: ServerProcess, open_page: OpenPage, join: Join, problems: Problems
) -> None:
    """Without a connection carets are dotted and have no flag, avatars are rings, and instead of
    the count it says when they were seen last.
    """
    problems.allow_lost_connection()
    page = await open_pad(serve, open_page)
    ada = await join("Ada", 1)
    await ada.at(END[3])
    caret = caret_of(page, ada)
    await shown(caret.locator(".flag"))
    await page.context.set_offline(True)
    await expect(page.locator("#people-count")).to_have_text("Last seen just now", timeout=15_000)
    await expect(caret).to_have_css("border-left-style", "dotted")
    await expect(caret.locator(".flag")).to_be_hidden()
    await expect(page.locator("#avatars .avatar:not(.me)")).to_have_css(
        "border-top-width", re.compile(r"^1(\.5)?px$")
    )


async def test_cursors_can_be_hidden(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """One switch hides carets, selections, rail and chip, and is kept."""
    page = await open_pad(serve, open_page)
    ada, lin = await join("Ada", 1), await join("Lin", 2)
    await ada.at((2, 9))
    await lin.at(END[150])
    parts = [".caret", ".tint", ".rail .tick", ".chip"]
    for part in parts:
        await expect(page.locator(part).first).to_be_visible()
    await page.locator("#people-button").click()
    await page.get_by_role("switch", name="Show other people’s cursors").click()
    for part in parts:
        await expect(page.locator(part).first).to_be_hidden()
    await page.reload()
    await expect(page.locator("#people-count")).to_have_text("3 here")
    await expect(page.locator(".caret").first).to_be_hidden()


async def test_selections_in_my_line(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """The ground of the line with my caret hides neither my selection there nor that of others."""
    page = await open_pad(serve, open_page, reduced_motion="reduce")
    await (await join("Ada", 1)).at((2, 9))
    await put_caret(page, 0)
    await expect(page.locator(".tint").first).to_be_visible()
    await page.keyboard.press("Shift+Home")
    await expect(page.locator(".cm-selectionBackground").first).to_be_visible()
    seen_through = re.compile(r"rgba\(.+, 0\.0\d+\)")
    await expect(page.locator(".cm-activeLine")).to_have_css("background-color", seen_through)


async def test_carets_in_forced_colors(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """With the system's own colours carets and flags are drawn by borders of text colour."""
    page = await open_pad(serve, open_page, forced_colors="active", reduced_motion="reduce")
    ada = await join("Ada", 1)
    await ada.at(END[3])
    caret = caret_of(page, ada)
    await expect(caret).to_have_css("border-left-style", "solid")
    await expect(caret.locator(".flag")).to_have_css("border-top-style", "solid")
    await expect(caret.locator(".flag")).to_have_css("transition-duration", "0s")
