"""pads without a script, or before it comes: to read, to write, and then to go on with"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import same_text, text_of
from tests.conftest import ServerProcess
from tests.test_forms import make_with_text

OpenPage = Callable[..., Awaitable[Page]]


async def test_read_and_write_without_script(serve: ServerProcess, open_page: OpenPage) -> None:
    """The text is in the page, and what is sent back is merged with what others wrote meanwhile."""
    path = await make_with_text(serve.url, "one\ntwo\n")
    plain = await open_page(serve.url + path, java_script_enabled=False)
    script = await open_page(serve.url + path)
    area = plain.locator("textarea")
    await expect(area).to_have_value("one\ntwo\n")
    await saved(script)
    await script.locator(".cm-content").click()
    await script.keyboard.press("Control+Home")
    await script.keyboard.type("zero ")
    await saved(script)

    await area.fill("one\ntwo\nthree\n")
    await plain.get_by_role("button", name="Save").click()

    await expect(plain.locator("textarea")).to_have_value("zero one\ntwo\nthree\n")
    await same_text(serve, path[3:], script, expected="zero one\ntwo\nthree\n")


async def test_typed_before_the_script_comes(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What is typed while the script is on its way is not lost, and the caret stays."""
    path = await make_with_text(serve.url, "hello\n")
    page = await open_page("about:blank")
    problems.allow_origin(serve.url)
    come = asyncio.Event()

    async def hold(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route("**/static/pad-*.js", hold)
    opening = asyncio.create_task(page.goto(serve.url + path))
    area = page.locator("textarea")
    await expect(area).to_have_value("hello\n")
    await area.focus()
    await area.press("Control+Home")
    await page.keyboard.type("oh ")
    come.set()
    await opening
    await saved(page)
    await page.keyboard.type("well, ")
    await saved(page)

    assert await text_of(page) == "oh well, hello\n"
    # The pill says so for as long as an edit is on its way for less than a second.
    await same_text(serve, path[3:], page, expected="oh well, hello\n")


async def test_the_text_comes_once(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """What the page has brought is not sent again over the socket."""
    path = await make_with_text(serve.url, "unmistakable\n")
    page = await open_page("about:blank")
    problems.allow_origin(serve.url)
    frames: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))),
    )

    await page.goto(serve.url + path)
    await saved(page)

    assert await text_of(page) == "unmistakable\n"
    assert not any("unmistakable" in frame for frame in frames)


async def test_the_page_without_script_for_who_has_one(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """The address that asks for no script can be written in with scripts switched on, too; what
    needs one is not shown.
    """
    path = await make_with_text(serve.url, "one\n")
    page = await open_page(f"{serve.url}{path}?plain")

    await page.locator("textarea").fill("one\ntwo\n")
    await page.get_by_role("textbox", name="Your name").fill("Lin")
    await page.get_by_role("button", name="Save").click()

    await expect(page.locator("textarea")).to_have_value("one\ntwo\n")
    assert page.url.endswith("?plain")
    for hidden in ("#state", ".bar-end", "body > footer"):
        await expect(page.locator(hidden)).to_be_hidden()
