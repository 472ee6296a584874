"""writing, reading and both: the preview, what it lets through, tasks, scrolling, copying, files,
paper
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path

from playwright.async_api import Page, Route, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import same_text
from tests.conftest import ServerProcess
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

SAMPLE = """# Autumn

We ship on **Thursday**, with *care*, `code` and ~~luck~~; see [the plan](https://example.org/a_b).

## Tasks

- [x] Freeze the strings
- [ ] Load test

1. one
2. two
   - deep

> A quote

| a | b |
| :-- | --: |
| 1 | 2 |

```python
print("`hi`")
```

---

The end, 2 * 3 and snake_case.
"""

# Each would do something in a page that takes it for markup, or at its word.
HOSTILE = r"""
<script>window.hurt = 1</script>
<img src=x onerror="window.hurt = 1">
<svg onload="window.hurt = 1"></svg>
<svg><script>window.hurt = 1</script></svg>
<iframe src="javascript:window.hurt = 1"></iframe>
<iframe srcdoc="<script>parent.hurt = 1</script>"></iframe>
<object data="javascript:window.hurt = 1"></object>
<embed src="data:text/html,<script>window.hurt=1</script>">
<math><mtext><table><mglyph><style><img src=x onerror=window.hurt=1>
<form action="https://example.org"><button>send</button></form>
<input autofocus onfocus="window.hurt = 1">
<body onload="window.hurt = 1">
<link rel="stylesheet" href="https://example.org/x.css">
<meta http-equiv="refresh" content="0;url=https://example.org">
<base href="https://example.org/">
<style>@import "https://example.org/x.css";</style>
<a href="javascript:window.hurt=1">raw</a>
<details open ontoggle="window.hurt = 1">
<video src="https://example.org/x.mp4" autoplay></video>
<template><script>window.hurt = 1</script></template>
<noscript><p title="</noscript><img src=x onerror=window.hurt=1>"></noscript>
<div id="text" name="body">clobber</div>
[a](javascript:window.hurt=1)
[b](JaVaScRiPt:window.hurt=1)
[c](java&#10;script:window.hurt=1)
[d](&#106;avascript:window.hurt=1)
[e](<javascript:window.hurt=1>)
[f](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)
[g](vbscript:msgbox(1))
[h](file:///etc/passwd)
[i](https://example.org "title\" onmouseover=\"window.hurt=1")
[j]( "javascript:window.hurt=1")
[k](blob:https://example.org/x)
[ref]

[ref]: javascript:window.hurt=1

<javascript:window.hurt=1>
![x](https://example.org/x.png)
![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)
![x](x" onerror="window.hurt=1)
![<img src=x onerror=window.hurt=1>](https://example.org/y.png)
[![x](javascript:window.hurt=1)](javascript:window.hurt=1)
`<img src=x onerror=window.hurt=1>`
```"><script>window.hurt=1</script>
<script>window.hurt = 1</script>
```
- [ ] "><img src=x onerror=window.hurt=1>
| <img src=x onerror=window.hurt=1> |
|---|
| <script>window.hurt=1</script> |

# <img src=x onerror=window.hurt=1>
# text
# body
"""

# The smallest picture.
GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")

ALLOWED = (
    "a blockquote br code div em h1 h2 h3 h4 h5 h6 hr input li ol p pre s span strong table tbody "
    "td th thead tr ul"
)


async def pad_with(
    serve: ServerProcess, open_page: OpenPage, text: str, *, view: str = "", **options: object
) -> Page:
    """A page with this text in the pad, in this view."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as client:
        client.insert(0, text)
        await client.synchronised()
    page = await open_page(f"{serve.url}/p/pad", **options)
    await saved(page)
    if view:
        await choose(page, view)
        await rendered(page)
    return page


async def choose(page: Page, view: str) -> None:
    await page.locator(f".bar-centre .views [value={view}]").check()


async def rendered(page: Page) -> None:
    await expect(page.locator("#preview")).to_have_attribute("data-ready", "true")


async def test_write_split_and_read(serve: ServerProcess, open_page: OpenPage) -> None:
    """The switch shows the text, both, or the preview, keeps the choice for this pad, and is gone
    where the language is no Markdown.
    """
    page = await pad_with(serve, open_page, SAMPLE)
    text, preview = page.locator(".cm-content"), page.locator("#preview")
    await expect(preview).to_be_hidden()

    await choose(page, "split")
    await expect(preview.get_by_role("heading", name="Autumn")).to_be_visible()
    await expect(text).to_be_visible()

    await choose(page, "read")
    await expect(text).to_be_hidden()
    await page.reload()
    await expect(preview.get_by_role("heading", name="Autumn")).to_be_visible()
    await expect(text).to_be_hidden()
    await expect(page.locator(".bar-centre .views [value=read]")).to_be_checked()

    async with PadClient(serve.url, "pad") as client:
        await client.set_properties(language="python")
        await expect(page.locator(".bar-centre .views")).to_be_hidden()
        await expect(text).to_be_visible()
        await client.set_properties(language="markdown")
        await expect(text).to_be_hidden()


async def test_a_narrow_window(serve: ServerProcess, open_page: OpenPage) -> None:
    """Under 900 px the switch is in the More menu and Split becomes Write; a phone has an eye."""
    page = await pad_with(serve, open_page, SAMPLE, view="split")
    await page.set_viewport_size({"width": 800, "height": 700})
    await expect(page.locator("#preview")).to_be_hidden()
    await expect(page.locator(".bar-centre .views")).to_be_hidden()
    await page.locator("#more-button").click()
    await expect(page.locator("#more [value=split]")).to_be_hidden()
    await page.locator("#more [value=read]").check()
    await expect(page.locator("#preview")).to_be_visible()
    await page.keyboard.press("Escape")

    await page.set_viewport_size({"width": 390, "height": 844})
    eye = page.locator("#eye")
    await expect(eye).to_have_attribute("aria-pressed", "true")
    await eye.click()
    await expect(page.locator("#preview")).to_be_hidden()
    await eye.click()
    await expect(page.locator("#preview")).to_be_visible()


async def test_the_preview_keeps_up(serve: ServerProcess, open_page: OpenPage) -> None:
    """What anybody writes appears, and blocks that did not change stay the elements they were."""
    page = await pad_with(serve, open_page, SAMPLE, view="split")
    await page.evaluate("document.querySelector('#preview h2').marked = true")

    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("# Mine\n\n")
    async with PadClient(serve.url, "pad") as client:
        client.insert(len(client.text), "\n## Theirs\n")
        await client.synchronised()

    for name in ("Mine", "Theirs"):
        await expect(page.locator("#preview").get_by_role("heading", name=name)).to_be_visible()
    assert await page.evaluate("document.querySelector('#preview h2').marked")


async def test_nothing_hostile_gets_through(serve: ServerProcess, open_page: OpenPage) -> None:
    """Some 40 attempts at script, requests and markup end as harmless text and links; no request
    leaves (watched in every browser test), also in the file that is exported.
    """
    page = await pad_with(serve, open_page, HOSTILE.replace("\n", "\n\n"), view="read")
    await page.evaluate(
        "document.querySelectorAll('#preview :not([target], [target] *)').forEach((n) => n.click())"
    )
    seen = await page.evaluate("""() => {
        const all = [...document.querySelectorAll("#preview .markdown *")];
        return {
            hurt: window.hurt ?? null,
            tags: [...new Set(all.map((node) => node.localName))],
            names: [...new Set(all.flatMap((node) => node.getAttributeNames()))],
            ids: all.map((node) => node.id).filter((id) => id && !id.startsWith("section-")),
            links: all.filter((node) => node.href).map((node) => node.href),
            inputs: all.filter((node) => node.localName === "input").map((node) => node.type),
        };
    }""")

    assert seen["hurt"] is None
    assert set(seen["tags"]) <= set(ALLOWED.split())
    assert not [name for name in seen["names"] if name.startswith("on") or name == "style"]
    assert seen["ids"] == []
    assert seen["links"]
    assert [url for url in seen["links"] if not url.startswith(("http://127.", "https:"))] == []
    assert set(seen["inputs"]) == {"checkbox"}
    attributes = "a => [a.target, a.rel]"
    link = page.locator('#preview a[href="https://example.org/x.png"]')
    assert await link.evaluate(attributes) == ["_blank", "noopener noreferrer nofollow"]

    elements = Elements()
    elements.feed(await exported(page, "export.html"))
    assert elements.tags <= set(f"{ALLOWED} html head meta title style body main".split())
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert [url for url in elements.links if url.lower().startswith(("javascript", "data"))] == []


class Elements(HTMLParser):
    """Which elements, attributes and links there are in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


async def test_tasks_write_into_the_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """A box in the preview toggles its line, by pointer and keyboard, and keeps the
    focus.
    """
    page = await pad_with(serve, open_page, "- [ ] one\n- [x] two\n\n> 1. [ ] three\n", view="read")
    box = page.get_by_role("checkbox", name="one")

    await box.click()
    await expect(box).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("checkbox", name="two")).not_to_be_checked()
    await expect(page.get_by_role("checkbox", name="two")).to_be_focused()
    await page.get_by_role("checkbox", name="three").press("Space")

    await same_text(serve, "pad", page, expected="- [x] one\n- [ ] two\n\n> 1. [x] three\n")


async def test_a_task_whose_line_has_moved(serve: ServerProcess, open_page: OpenPage) -> None:
    """A box still toggles its own line when others have written above it."""
    page = await pad_with(serve, open_page, "- [ ] one\n- [ ] two\n", view="read")
    async with PadClient(serve.url, "pad") as client:
        client.insert(0, "# New\n\n- [ ] zero\n")
        await client.synchronised()
    await page.get_by_role("checkbox", name="two").click()
    await expect(page.get_by_role("checkbox", name="two")).to_be_checked()
    expected = "# New\n\n- [ ] zero\n- [ ] one\n- [x] two\n"
    await same_text(serve, "pad", page, expected=expected)


async def test_text_and_preview_scroll_together(serve: ServerProcess, open_page: OpenPage) -> None:
    """In Split each heading is at the top of both sides at the same time, whichever scrolls."""
    parts = [f"## Part {n}\n\n" + "Many words in a long line. " * 20 * (n % 3) for n in range(30)]
    page = await pad_with(serve, open_page, "\n\n".join(parts), view="split")
    text, preview = page.locator(".cm-scroller"), page.locator("#preview")

    async def distance(heading: str) -> float:
        """By how many pixels it is lower in the preview than in the text."""
        return float(
            await page.evaluate(
                """(heading) => {
                    const top = (selector) =>
                        [...document.querySelectorAll(selector)]
                            .find((node) => node.textContent.endsWith(heading))
                            ?.getBoundingClientRect().top ?? NaN;
                    return top("#preview h2") - top(".cm-line");
                }""",
                heading,
            )
        )

    async def at_top() -> str:
        """The first heading below the top of the preview."""
        return str(
            await preview.evaluate("""(pane) => {
                const top = pane.getBoundingClientRect().top;
                const headings = [...pane.querySelectorAll("h2")];
                return headings.find((h) => h.getBoundingClientRect().top >= top).textContent;
            }""")
        )

    for side, other in ((preview, text), (text, preview)):
        for _ in range(3):
            before = await other.evaluate("(pane) => pane.scrollTop")
            await side.hover()
            await page.mouse.wheel(0, 900)
            for _ in range(100):
                if await other.evaluate("(pane) => pane.scrollTop") > before + 300:
                    break
                await asyncio.sleep(0.02)
            # One heading stands near the top of both; exactly there they would be level.
            heading = await at_top()
            assert abs(await distance(heading)) < 200, heading
    for number in (5, 16, 24):
        await preview.hover()
        await preview.evaluate(
            "(pane, n) => { pane.scrollTop = pane.querySelectorAll('h2')[n].offsetTop; }", number
        )
        await page.mouse.wheel(0, 1)
        for _ in range(100):
            if abs(await distance(f"Part {number}")) < 4:
                break
            await asyncio.sleep(0.02)
        assert abs(await distance(f"Part {number}")) < 4, number


async def test_copying_what_is_read(serve: ServerProcess, open_page: OpenPage) -> None:
    """Copied from Read, plain text is Markdown, which makes the same preview again."""
    page = await pad_with(serve, open_page, SAMPLE, view="read")
    copied = await page.evaluate("""() => {
        const content = document.querySelector("#preview .page");
        getSelection().selectAllChildren(content);
        const clipboardData = new DataTransfer();
        const options = { clipboardData, bubbles: true, cancelable: true };
        content.dispatchEvent(new ClipboardEvent("copy", options));
        return [clipboardData.getData("text/plain"), clipboardData.getData("text/html")];
    }""")
    markdown, html = copied
    assert "We ship on **Thursday**, with *care*, `code` and ~~luck~~" in markdown
    assert "- [x] Freeze the strings\n- [ ] Load test" in markdown
    assert "<strong>Thursday</strong>" in html

    before = await page.locator("#preview .page").inner_html()
    async with PadClient(serve.url, "pad") as client:
        client.edit([-len(client.text), markdown])
        await client.synchronised()
    await expect(page.locator("#preview li").first).to_have_text("Freeze the strings")
    positions = re.compile(r' data-line="\d+"|\s+(?=<)')
    after = await page.locator("#preview .page").inner_html()
    assert positions.sub("", after) == positions.sub("", before)


async def exported(page: Page, command: str, name: str = "") -> str:
    """The file that a row of the More menu gives."""
    await page.locator("#more-button").click()
    async with page.expect_download() as waiting:
        await page.locator(f'#more [data-command="{command}"]').click()
    download = await waiting.value
    await page.keyboard.press("Escape")
    if name:
        assert download.suggested_filename == name
    path: Path = await download.path()
    return path.read_text()


async def test_files(serve: ServerProcess, open_page: OpenPage) -> None:
    """A pad is exported as text, Markdown and HTML, named by its title and language."""
    page = await pad_with(serve, open_page, SAMPLE)
    async with PadClient(serve.url, "pad") as client:
        await client.set_properties(title="Autumn: a/release")
    await expect(page.locator(".bar-title")).to_have_text("Autumn: a/release")

    assert await exported(page, "export.text", "Autumn arelease.txt") == SAMPLE
    assert await exported(page, "export.markdown", "Autumn arelease.md") == SAMPLE
    html = await exported(page, "export.html", "Autumn arelease.html")
    assert '<html lang="en">' in html
    assert "<title>Autumn: a/release</title>" in html
    assert "<strong>Thursday</strong>" in html
    assert "default-src 'none'" in html

    async with PadClient(serve.url, "pad") as client:
        await client.set_properties(language="python")
    await expect(page.locator(".bar-centre .views")).to_be_hidden()
    assert await exported(page, "export.text", "Autumn arelease.py") == SAMPLE
    assert "<strong>" not in await exported(page, "export.html", "Autumn arelease.html")


async def test_copying_by_command(serve: ServerProcess, open_page: OpenPage) -> None:
    """The whole text is copied as Markdown, or as it looks."""
    permissions = ["clipboard-read", "clipboard-write"]
    page = await pad_with(serve, open_page, SAMPLE, permissions=permissions)
    read = """async (type) => {
        const [item] = await navigator.clipboard.read();
        return (await item.getType(type)).text();
    }"""
    await page.locator("#more-button").click()
    await page.locator('#more [data-command="pad.copyMarkdown"]').click()
    await expect(page.locator('#more [data-command="pad.copyMarkdown"]')).to_have_text("Copied")
    assert await page.evaluate(read, "text/plain") == SAMPLE

    await page.locator('#more [data-command="pad.copyRich"]').click()
    await expect(page.locator('#more [data-command="pad.copyRich"]')).to_have_text("Copied")
    assert "<strong>Thursday</strong>" in await page.evaluate(read, "text/html")
    assert await page.evaluate(read, "text/plain") == SAMPLE


async def test_paper_has_the_whole_text(serve: ServerProcess, open_page: OpenPage) -> None:
    """What is printed goes to the last of 400 lines, as it is read, and has nothing of the page."""
    lines = "".join(f"Line **{n}**\n\n" for n in range(400))
    page = await pad_with(serve, open_page, lines)
    await page.emulate_media(media="print")
    # As the browser's menu has it, before anything was rendered: as it is written.
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await expect(page.locator("#paper")).to_contain_text("Line **399**")

    await page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    await page.keyboard.press("Control+p")
    await expect(page.locator("#paper strong").last).to_have_text("399")
    await expect(page.locator("#paper")).to_be_visible()
    for other in ("header.bar", "main.text", "footer"):
        await expect(page.locator(other)).to_be_hidden()
    pdf = await page.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5


async def test_the_print_command_has_a_page_to_print(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """The browser's own print(), which stops the page: Markdown is rendered by then, every time."""
    text = "# Hello\n\nSome **words**\n"
    page = await pad_with(serve, open_page, text)
    # Added after the page's own, so it sees what goes to the printer.
    await page.evaluate(
        """addEventListener("beforeprint", () => {
            document.body.dataset.printed = document.querySelector("#paper").innerHTML;
        })"""
    )
    body = page.locator("body")
    await page.keyboard.press("Control+p")
    await expect(body).to_have_attribute("data-printed", re.compile("<strong>words</strong>"))
    await expect(page.locator("#paper")).to_be_empty()

    await page.locator(".cm-content").click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("More ")
    await same_text(serve, "pad", page, expected=f"More {text}")
    # From the browser's menu, now that the renderer is loaded: what is there now.
    await page.pdf()
    await expect(body).to_have_attribute(
        "data-printed", re.compile("More .*<strong>words</strong>", re.S)
    )


async def test_a_view_only_visitor_reads(serve: ServerProcess, open_page: OpenPage) -> None:
    """A view-only visitor may choose Read as well, sees what is written, and cannot press boxes."""
    writer = await pad_with(serve, open_page, "- [ ] one\n")
    key = await writer.evaluate("document.body.dataset.viewKey")
    page = await open_page(f"{serve.url}/v/{key}")
    await choose(page, "read")
    await expect(page.get_by_role("checkbox", name="one")).to_be_disabled()

    await writer.locator(".cm-content").click()
    await writer.keyboard.press("Control+Home")
    await writer.keyboard.type("# Hello\n\n")
    await expect(page.get_by_role("heading", name="Hello")).to_be_visible()


async def test_pictures_if_the_server_allows_them(
    start_server: Callable[..., ServerProcess], open_page: OpenPage, problems: Problems
) -> None:
    """With --remote-images a picture is asked for where it is, and shown; a data: URL is not."""
    serve = start_server("--remote-images", "true")
    other = start_server()
    text = f"![a cat]({other.url}/cat.png)\n\n![a dog](data:image/png;base64,AAAA)\n"
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as client:
        client.insert(0, text)
        await client.synchronised()
    problems.allow(f"left its origin: {other.url}/cat.png")
    page = await open_page(f"{serve.url}/p/pad")
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(content_type="image/gif", body=GIF)

    await page.route("**/cat.png", answer)
    await choose(page, "read")
    await expect(page.get_by_role("img", name="a cat")).to_be_visible()
    await expect(page.locator("#preview")).to_contain_text("a dog")
    assert asked == [f"{other.url}/cat.png"]
