"""the writing surface: languages, looks, keys, find and replace, files, hard texts"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientSession
from playwright.async_api import CDPSession, Page, WebSocketRoute, expect

from client_py import PadClient
from tests.browser.conftest import run_command
from tests.browser.others import saved
from tests.browser.test_pad import same_text, server_text, text_of, two_pages, write
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]
PASTE = """(text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const options = { clipboardData, bubbles: true, cancelable: true };
    document.querySelector(".cm-content").dispatchEvent(new ClipboardEvent("paste", options));
}"""
DROP = """({ bytes, name }) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
    const text = document.querySelector(".cm-content");
    const { left, top } = text.querySelector(".cm-line").getBoundingClientRect();
    const options = { dataTransfer, bubbles: true, cancelable: true };
    text.dispatchEvent(new DragEvent("drop", { ...options, clientX: left + 30, clientY: top + 9 }));
}"""
# The editor's view, as its content element knows it.
VIEW = "document.querySelector('.cm-content').cmTile.view"


async def open_with(serve: ServerProcess, open_page: OpenPage, text: str, **options: Any) -> Page:
    """A pad with this text in it, opened and at rest."""
    await create_pad(serve.url, "pad")
    if text:
        async with PadClient(serve.url, "pad") as client:
            client.edit([text])
            await client.synchronised()
    page = await open_page(f"{serve.url}/p/pad", **options)
    await saved(page)
    return page


async def server_has(serve: ServerProcess, text: str) -> None:
    """Wait until the server has exactly this."""
    await same_text(serve, "pad", expected=text)


async def choose_language(page: Page, name: str) -> None:
    await page.locator("#language-button").click()
    await page.locator("#language-field").fill(name)
    await page.keyboard.press("Enter")


# --- languages and looks


async def test_language_is_everybodys(serve: ServerProcess, open_page: OpenPage) -> None:
    """A language is chosen by keyboard alone, and everybody sees its colours, numbers and lines."""
    one, two = await two_pages(serve, open_page)
    await write(one, "def f(x):")
    await one.keyboard.press("Enter")
    await one.keyboard.type("return 'text'")

    await one.locator("#language-button").focus()
    await one.keyboard.press("Enter")
    field = one.locator("#language-field")
    await expect(field).to_be_focused()
    await expect(one.locator("#language-list [aria-selected=true]")).to_have_text("Markdown")
    await one.keyboard.type("pyt")
    await expect(one.locator("#language-list b").first).to_have_text("Pyt")
    active = await field.get_attribute("aria-activedescendant")
    assert active
    await expect(one.locator(f"#{active}")).to_have_text("Python")
    await one.keyboard.press("Enter")

    for page in (one, two):
        await expect(page.locator("#language-name")).to_have_text("Python")
        await expect(page.locator(".cm-lineNumbers")).to_contain_text("12")
        await expect(page.locator(".code-keyword").first).to_have_text("def")
        await expect(page.locator(".code-string")).to_have_text("'text'")
        await expect(page.locator("footer [data-figure=lines]")).to_have_text("2 lines")
        await expect(page.locator("footer [data-figure=words]")).to_be_hidden()
    await expect(one.locator(".cm-content")).to_be_focused()
    async with PadClient(serve.url, "pad") as client:
        assert client.language == "python"


async def test_list_of_languages_without_matches(serve: ServerProcess, open_page: OpenPage) -> None:
    """What is no language says so, arrows go round, and Esc closes and gives the focus back."""
    page = await open_with(serve, open_page, "")
    await page.locator("#language-button").click()
    options = page.locator("#language-list [role=option]")
    await expect(options).to_have_count(144)
    await page.keyboard.press("ArrowUp")
    await expect(options.last).to_have_attribute("aria-selected", "true")
    await page.keyboard.type("no such language")
    await expect(page.locator("#language-none")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#languages")).to_be_hidden()
    await expect(page.locator("#language-button")).to_be_focused()


async def test_language_by_the_title(serve: ServerProcess, open_page: OpenPage) -> None:
    """A new pad that is called like a file starts in that file's language."""
    async with ClientSession() as http:
        answer = await http.post(
            f"{serve.url}/p", data={"name": "transform.py"}, allow_redirects=False
        )
        path = answer.headers["Location"]
    page = await open_page(f"{serve.url}{path}")

    await expect(page.locator("#language-name")).to_have_text("Python")
    await expect(page.locator("[data-figure=indent]")).to_have_text("Spaces: 4")


async def test_indentation_as_the_text_has_it(serve: ServerProcess, open_page: OpenPage) -> None:
    """Tab indents by what the text is indented by, and the status bar says how much that is."""
    page = await open_with(serve, open_page, "function f() {\n   a();\n   b();\n}\n")
    await choose_language(page, "javascript")
    await expect(page.locator("[data-figure=indent]")).to_have_text("Spaces: 3")

    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Tab")
    await page.keyboard.type("c")

    await expect(page.locator(".cm-line").last).to_have_text("   c")


async def test_look_and_wrap_of_this_browser(serve: ServerProcess, open_page: OpenPage) -> None:
    """Wrap is one's own, is kept, and the look follows the preference rather than the language."""
    page = await open_with(serve, open_page, "word " * 400)
    content = page.locator(".cm-content")
    wrap = page.locator(".status [data-command='view.wrap']")
    await expect(wrap).to_have_attribute("aria-pressed", "true")
    await wrap.click()
    await expect(wrap).to_have_attribute("aria-pressed", "false")
    await expect(content).not_to_have_class(re.compile("cm-lineWrapping"))

    await page.evaluate("localStorage.setItem('deltapad.look', 'code')")
    await page.reload()

    await expect(page.locator(".cm-editor")).to_have_class(re.compile("look-code"))
    await expect(wrap).to_have_attribute("aria-pressed", "false")
    gutter = await page.evaluate(
        "document.querySelector('.cm-gutters').getBoundingClientRect().width"
    )
    assert gutter == 60


async def test_headings_fold(serve: ServerProcess, open_page: OpenPage) -> None:
    """A heading folds up to the next one, and a click on the dots opens it again."""
    page = await open_with(serve, open_page, "# One\n\ntext\n\n## Two\n\nmore\ntext\n")
    await page.locator(".cm-line").first.click()
    await page.keyboard.press("End")

    await run_command(page, "view.foldAll")
    await expect(page.locator(".folded")).to_have_count(2)
    assert "text" not in await text_of(page)
    assert "## Two" in await text_of(page)

    await page.locator(".folded").last.click()
    await expect(page.locator(".folded")).to_have_count(1)
    await run_command(page, "view.unfoldAll")
    await expect(page.locator(".folded")).to_have_count(0)


# --- keys


async def test_tab_can_leave_the_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """Tab indents; after Esc it leaves, and after Ctrl M it always does, until that is undone."""
    page = await open_with(serve, open_page, "")
    content = page.locator(".cm-content")
    await content.click()
    await page.keyboard.press("Tab")
    await expect(content).to_be_focused()
    assert (await text_of(page)).isspace()

    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(content).not_to_be_focused()

    await content.click()
    await page.keyboard.press("Control+m")
    await expect(page.locator("#toast")).to_contain_text("Tab moves the focus now.")
    await page.keyboard.press("Tab")
    await expect(content).not_to_be_focused()
    await content.click()
    await page.keyboard.press("Control+m")
    await expect(page.locator("#toast")).to_contain_text("Tab indents again.")
    await page.keyboard.press("Tab")
    await expect(content).to_be_focused()


async def test_markdown_keys(serve: ServerProcess, open_page: OpenPage) -> None:
    """Bold, italic and the checkbox by keys, in Markdown and only there."""
    page = await open_with(serve, open_page, "")
    await write(page, "- [ ] task")
    await page.keyboard.press("Control+Enter")
    await page.keyboard.press("Control+Shift+ArrowLeft")
    await page.keyboard.press("Control+b")
    await page.keyboard.press("Control+i")
    assert await text_of(page) == "- [x] ***task***"

    await choose_language(page, "plain")
    await expect(page.locator("#language-name")).to_have_text("Plain text")
    await page.keyboard.press("Control+b")
    assert await text_of(page) == "- [x] ***task***"


async def test_undo_brings_back_the_selection(serve: ServerProcess, open_page: OpenPage) -> None:
    """Undo restores what was selected, where it is now: others have typed before and behind it."""
    one, two = await two_pages(serve, open_page)
    await write(one, "keep this word here")
    await same_text(serve, "pad", one, two)
    for _ in range(5):
        await one.keyboard.press("ArrowLeft")
    await one.keyboard.press("Control+Shift+ArrowLeft")
    await one.keyboard.type("W")
    await same_text(serve, "pad", one, two)
    await two.locator(".cm-content").click()
    await two.keyboard.press("Home")
    await two.keyboard.type("Please ")
    await two.keyboard.press("End")
    await two.keyboard.type("!")
    await same_text(serve, "pad", one, two)

    await one.keyboard.press("Control+z")

    await same_text(serve, "pad", one, two, expected="Please keep this word here!")
    selected = "getSelection().toString()"
    assert await one.evaluate(selected) == "word"
    await one.keyboard.press("Control+Shift+Z")
    await same_text(serve, "pad", one, two, expected="Please keep this W here!")


# --- find and replace


async def test_find_and_replace(serve: ServerProcess, open_page: OpenPage) -> None:
    """Ctrl F finds as one types, counts, goes on by Enter, replaces one and all, and undoes all
    at once.
    """
    page = await open_with(serve, open_page, "one two\nOne three\none four\n")
    await page.locator(".cm-line").first.click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.press("Control+f")
    count = page.locator(".search-count")
    await expect(page.get_by_label("Find", exact=True)).to_be_focused()
    await page.keyboard.type("one")
    await expect(count).to_have_text("1 of 3")
    await page.keyboard.press("Enter")
    await expect(count).to_have_text("2 of 3")
    await page.keyboard.press("Shift+Enter")
    await expect(count).to_have_text("1 of 3")
    await page.get_by_role("button", name="Match case").click()
    await expect(count).to_have_text("1 of 2")

    await page.get_by_label("Replace with").fill("1")
    await page.get_by_role("button", name="Replace", exact=True).click()
    await expect(count).to_have_text("1 of 1")
    await page.get_by_role("button", name="Match case").click()
    frames = await sent_operations(page)
    await page.get_by_role("button", name="Replace all").click()
    await expect(count).to_have_text("No matches")
    await page.keyboard.press("Escape")
    await expect(page.locator(".search")).to_have_count(0)
    await expect(page.locator(".cm-content")).to_be_focused()
    await same_text(serve, "pad", page, expected="1 two\n1 three\n1 four\n")
    assert len(frames) == 1
    await page.keyboard.press("Control+z")
    await same_text(serve, "pad", page, expected="1 two\nOne three\none four\n")


async def sent_operations(page: Page) -> list[list[Any]]:
    """The operations that the page sends from now on; its socket is opened anew."""
    sent: list[list[Any]] = []

    def watch(payload: str | bytes) -> None:
        message = json.loads(payload)
        if message["type"] == "op":
            sent.append(message["op"])

    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    devtools.on("Network.webSocketFrameSent", lambda event: watch(event["response"]["payloadData"]))
    return sent


async def test_find_by_pattern_and_word(serve: ServerProcess, open_page: OpenPage) -> None:
    """Regular expressions and whole words; half a pattern is no error, but is told."""
    page = await open_with(serve, open_page, "cat catalogue 12 cat 345\n")
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+f")
    count = page.locator(".search-count")
    find = page.get_by_label("Find", exact=True)
    await find.fill("cat")
    await expect(count).to_contain_text("of 3")
    await page.get_by_role("button", name="Whole words").click()
    await expect(count).to_contain_text("of 2")
    await page.get_by_role("button", name="Whole words").click()
    await page.get_by_role("button", name="Regular expression").click()
    await find.fill(r"(\d")
    await expect(count).to_have_text("Not a regular expression")
    await expect(find).to_have_attribute("aria-invalid", "true")
    await find.fill(r"\d+")
    await expect(count).to_contain_text("of 2")


# --- files and large pastes


async def drop(page: Page, content: bytes, name: str = "notes.txt") -> None:
    await page.evaluate(DROP, {"bytes": list(content), "name": name})


async def test_dropped_file_replaces_the_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """A text file replaces the text as one edit of what differs; the caret of another stays."""
    one, two = await two_pages(serve, open_page)
    await write(two, "first line\nsecond line\nlast line")
    await same_text(serve, "pad", one, two)
    for _ in range(4):
        await two.keyboard.press("ArrowLeft")
    sent = await sent_operations(one)

    await drop(one, "\ufefffirst line\r\n2nd line\r\nlast line\r\nnew".encode())
    dialog = one.get_by_role("dialog", name="Replace the whole text?")
    await expect(dialog).to_contain_text("4 lines will replace 3. You can undo this in History.")
    await dialog.get_by_role("button", name="Replace text").click()

    expected = "first line\n2nd line\nlast line\nnew"
    await server_has(serve, expected)
    await same_text(serve, "pad", one, two, expected=expected)
    assert len(sent) == 1
    await two.keyboard.type("|")
    await server_has(serve, expected.replace("last line", "last |line"))


async def test_file_at_the_cursor_or_not_at_all(serve: ServerProcess, open_page: OpenPage) -> None:
    """A file is inserted where it was dropped, or left by Cancel; what is not text is refused."""
    page = await open_with(serve, open_page, "")
    await drop(page, b"dropped on nothing")
    await expect(page.locator(".cm-content")).to_contain_text("dropped on nothing")
    dialog = page.get_by_role("dialog", name="Replace the whole text?")

    await drop(page, b"insert")
    await dialog.get_by_role("button", name="Cancel").click()
    await drop(page, b"INSERTED")
    await dialog.get_by_role("button", name="Insert at cursor").click()
    await expect(page.locator(".cm-content")).to_contain_text("INSERTED")
    text = await same_text(serve, "pad", page)
    assert text.replace("INSERTED", "") == "dropped on nothing"

    for content in (b"\x89PNG\r\n\x1a\n\x00\x00", "Grüße".encode("latin-1")):
        await drop(page, content)
        toast = page.locator("#toast")
        await expect(toast).to_have_text("deltapad reads text files. This one is not text.")
    assert await server_text(serve, "pad") == text


async def test_chosen_file(serve: ServerProcess, open_page: OpenPage) -> None:
    """The menu opens the system's choice of files."""
    page = await open_with(serve, open_page, "")
    await page.locator("#more-button").click()
    async with page.expect_file_chooser() as choice:
        await page.get_by_role("button", name="Import a file…").click()
    await (await choice.value).set_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"chosen"}
    )
    await same_text(serve, "pad", page, expected="chosen")


async def test_large_paste_says_so(serve: ServerProcess, open_page: OpenPage) -> None:
    """A paste of more than 100 KB tells its size, and arrives whole."""
    page = await open_with(serve, open_page, "")
    await page.locator(".cm-content").click()
    text = "0123456789 " * 20_000 + "end"
    await page.evaluate(PASTE, text)
    await expect(page.locator("#toast")).to_contain_text("Pasting 220 KB…")
    await expect(page.locator(".cm-content")).to_contain_text("end")
    await server_has(serve, text)


# --- hard texts


async def test_lines_have_their_own_direction(serve: ServerProcess, open_page: OpenPage) -> None:
    """A right-to-left line stands at the right, its caret too, and keys go the way they point."""
    page = await open_with(serve, open_page, "left to right\nשלום עולם\nend")
    await page.locator(".cm-line").nth(1).click()
    await page.keyboard.press("Home")
    right = await caret_left(page)
    await page.keyboard.press("ArrowLeft")
    assert await caret_left(page) < right
    await page.keyboard.type("X")
    await server_has(serve, "left to right\nשXלום עולם\nend")
    await page.locator(".cm-line").first.click()
    await page.keyboard.press("Home")
    assert await caret_left(page) < right - 300


async def test_marks_of_right_to_left_lines(serve: ServerProcess, open_page: OpenPage) -> None:
    """They hang at the right, within the text; the bar of a quotation stands there too, in the
    preview as well.
    """
    page = await open_with(serve, open_page, "- [ ] משימה אחת\n- פריט ראשון\n> ציטוט קצר")
    inside = """([line, mark]) => {
        const text = document.querySelectorAll(".cm-line")[line];
        const { left, right } = text.getBoundingClientRect();
        const box = text.querySelector(mark).getBoundingClientRect();
        return left + 200 < box.left && box.right <= right;
    }"""
    for line, mark in enumerate([".md-bullet", ".md-bullet", ".md-mark"]):
        assert await page.evaluate(inside, [line, mark]), mark
    quote = page.locator(".md-quote")
    await expect(quote).to_have_css("background-position", "calc(100% - 24px) 0%")
    await page.locator(".bar-centre .views [value=read]").check()
    await expect(page.locator("#preview blockquote")).to_have_css("border-right-width", "2px")


async def caret_left(page: Page) -> float:
    await page.wait_for_timeout(50)  # the caret is drawn in the next frame
    left: float = await page.evaluate(
        "document.querySelector('.cm-cursor-primary').getBoundingClientRect().left"
    )
    return left


async def test_a_line_of_100_000_characters(serve: ServerProcess, open_page: OpenPage) -> None:
    """A very long line, with emoji and tabs, is drawn in part, and typed into at both ends."""
    line = "word 😀\tand " * 10_000
    page = await open_with(serve, open_page, line)
    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("END")
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("START ")
    await server_has(serve, f"START {line}END")
    drawn: int = await page.evaluate("document.querySelector('.cm-content').textContent.length")
    assert drawn < len(line)


async def test_a_text_of_ten_megabytes(
    start_server: Callable[..., ServerProcess], open_page: OpenPage
) -> None:
    """10 MB open, scroll, count their words in pauses, and take what is typed in their middle."""
    serve = start_server("--pad-length-max", "12000000")
    line = "The quick brown fox jumps over the lazy dog, again and again.\n"
    text = line * (10_000_000 // len(line))
    page = await open_with(serve, open_page, text)
    await page.evaluate(
        "const scroller = document.querySelector('.cm-scroller');"
        "scroller.scrollTop = scroller.scrollHeight / 2"
    )
    await page.mouse.click(600, 400)
    await page.keyboard.type("HERE")
    await expect(page.locator("footer [data-figure=words]")).to_have_text(
        re.compile(r"1,9\d\d,\d{3} words"), timeout=30_000
    )
    changed = await server_text(serve, "pad")
    while "HERE" not in changed:
        await asyncio.sleep(0.1)
        changed = await server_text(serve, "pad")
    assert changed.replace("HERE", "") == text
    assert 0.4 < changed.index("HERE") / len(text) < 0.6


async def test_a_thousand_remote_operations_are_one_change(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """What arrives in one frame, however many operations it holds, is one change of the editor."""
    page = await open_with(serve, open_page, "start\n")
    line = HeldLine()
    await page.route_web_socket(re.compile("/ws/"), line.connect)
    await page.reload()
    await saved(page)
    await page.evaluate(COUNT_CHANGES)
    line.hold()
    async with PadClient(serve.url, "pad") as client:
        for number in range(1_000):
            client.insert(len(client.text) if number % 2 else 0, f"{number} ")
            await client.synchronised()
        expected = client.text
    while line.held < 1_000:  # the last ones may still be on their way
        await asyncio.sleep(0.01)
    line.release()

    await expect(page.locator(".cm-content")).to_contain_text("999")
    assert await page.evaluate("changes") == 1
    assert await page.evaluate(f"{VIEW}.state.doc.toString()") == expected


COUNT_CHANGES = f"""() => {{
    const view = {VIEW};
    const update = view.update;
    globalThis.changes = 0;
    view.update = function (transactions) {{
        globalThis.changes += transactions.filter(({{ docChanged }}) => docChanged).length;
        update.call(this, transactions);
    }};
}}"""


class HeldLine:
    """Between a page and the server: the entries that come while it is held go on as one frame."""

    def __init__(self) -> None:
        self._holding = False
        self._first = 0
        self._entries: list[Any] = []
        self._page: WebSocketRoute | None = None

    def connect(self, page: WebSocketRoute) -> None:
        assert not self._holding, "what is held is for one connection"
        self._page = page
        server = page.connect_to_server()
        server.on_message(self._from_server)

    @property
    def held(self) -> int:
        return len(self._entries)

    def hold(self) -> None:
        self._holding = True

    def release(self) -> None:
        assert self._page is not None
        self._holding = False
        frame = {"type": "ops", "from": self._first, "ops": self._entries}
        self._page.send(json.dumps(frame))

    def _from_server(self, frame: str | bytes) -> None:
        assert self._page is not None
        message = json.loads(frame)
        if not self._holding:
            self._page.send(frame)
        elif message["type"] == "ops":
            if not self._entries:
                self._first = message["from"]
            self._entries += message["ops"]
        elif message["type"] == "pong":
            # The page would give the connection up, and come again with another.
            self._page.send(frame)


# --- input methods


async def compose(ime: CDPSession, text: str) -> None:
    await ime.send(
        "Input.imeSetComposition",
        {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
    )


async def test_composition_beside_edits_in_its_line(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """While one composes, another types before and behind in the same line: it is not disturbed."""
    one, two = await two_pages(serve, open_page)
    await write(one, "left  right")
    await same_text(serve, "pad", one, two)
    for _ in range(6):
        await one.keyboard.press("ArrowLeft")
    ime = await one.context.new_cdp_session(one)
    await compose(ime, "か")
    await two.locator(".cm-content").click()
    await two.keyboard.press("Home")
    await two.keyboard.type("more ")
    await two.keyboard.press("End")
    await two.keyboard.type("most")
    await compose(ime, "かん")
    await compose(ime, "かんじ")
    assert "かんじ" in await text_of(one)
    await ime.send("Input.insertText", {"text": "漢字"})

    await same_text(serve, "pad", one, two, expected="more left 漢字 rightmost")


async def test_dead_key_and_given_up_composition(serve: ServerProcess, open_page: OpenPage) -> None:
    """A dead key makes one letter; a composition that is given up leaves nothing."""
    page = await open_with(serve, open_page, "caf")
    await page.locator(".cm-content").click()
    await page.keyboard.press("End")
    ime = await page.context.new_cdp_session(page)
    await compose(ime, "´")
    await ime.send("Input.insertText", {"text": "é"})
    await same_text(serve, "pad", page, expected="café")
    await compose(ime, "ni")
    await compose(ime, "")
    await page.keyboard.type("!")
    await same_text(serve, "pad", page, expected="café!")


async def test_autocorrect_is_one_edit(serve: ServerProcess, open_page: OpenPage) -> None:
    """A keyboard that puts another word in place of the one just typed makes one edit of it."""
    page = await open_with(serve, open_page, "I like teh sea")
    await page.locator(".cm-content").click()
    sent = await sent_operations(page)
    await page.evaluate(
        """() => {
            const text = document.querySelector(".cm-line").firstChild;
            getSelection().setBaseAndExtent(text, 7, text, 10);
        }"""
    )
    await page.keyboard.insert_text("the")

    await same_text(serve, "pad", page, expected="I like the sea")
    assert len(sent) == 1
    await asyncio.sleep(0)
    await page.keyboard.press("Control+z")
    await same_text(serve, "pad", page, expected="I like teh sea")
