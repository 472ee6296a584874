"""a page whose text is not the server's: noticed at rest, kept as a copy, told to the operator"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, WebSocket, expect

from client_py import PadClient
from tests.browser.others import saved
from tests.browser.test_pad import text_of
from tests.browser.test_surface import VIEW, server_has
from tests.conftest import ServerProcess
from tests.test_divergence import figures, replayed, the_bundle
from tests.wire import create_pad, view_link

OpenPage = Callable[..., Awaitable[Page]]
# A change of the text on screen that the session does not hear of.
BEHIND_ITS_BACK = f"""() => {{
    const view = {VIEW};
    view.setState(view.state.update({{ changes: {{ from: 4, to: 5, insert: "O" }} }}).state);
}}"""

EXPLAINED = (
    "This page and the server did not agree on the text. Your copy is kept here; "
    "the server's text is shown."
)


@pytest.fixture
def serve(start_server: Any) -> ServerProcess:
    server = start_server("--metrics", "true")
    assert isinstance(server, ServerProcess)
    return server


class Watched:
    """A page whose clock the test moves, and what it has sent."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent: list[dict[str, Any]] = []
        page.on("websocket", self._socket)

    def _socket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self.sent.append(json.loads(frame)))

    def checksums(self) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["type"] == "checksum"]

    async def rest(self, seconds: int) -> None:
        """Time passes in the page, in steps in which the server's pongs come."""
        for _ in range(seconds):
            await self.page.clock.run_for(1_000)
            await asyncio.sleep(0.02)


async def watched(serve: ServerProcess, open_page: OpenPage, address: str, kind: str) -> Watched:
    """Open a pad with the text `hello` in a page with a clock of its own."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad") as client:
        if not client.text:
            client.insert(0, "hello")
        await client.synchronised()
    page = await open_page(f"{serve.url}/offline")
    await page.clock.install()
    watch = Watched(page)
    await page.goto(f"{serve.url}{address}")
    await expect(page.locator("#state")).to_have_attribute("data-kind", kind)
    return watch


@pytest.mark.slow
async def test_a_text_apart_from_the_servers_is_kept_replaced_and_explained(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """The copy and the server's text in the page, the bundle on the disk, the figure for the
    operator; and the page goes on.
    """
    watch = await watched(serve, open_page, "/p/pad", "saved")
    page = watch.page
    await page.locator(".cm-content").click()
    await page.keyboard.press("End")
    await page.keyboard.type(" you")
    await server_has(serve, "hello you")
    await saved(page)

    await page.evaluate(BEHIND_ITS_BACK)
    await watch.rest(15)

    words = page.locator("#refused-words")
    await expect(words).to_have_text(EXPLAINED)
    await expect(page.locator("#live-alert")).to_have_text(EXPLAINED)
    await expect(page.locator("#copy-draft")).to_be_visible()
    # What is on the screen is the server's text, and saved: only the copy is not.
    await saved(page)
    assert await text_of(page) == "hello you"
    async with page.expect_download() as download:
        await page.locator("#download-draft").click()
    assert (await (await download.value).path()).read_text() == "hellO you"

    assert [message["length"] for message in watch.checksums()] == [9]
    assert (await figures(serve))["deltapad_divergence_total"] == 1
    said = replayed(await the_bundle(serve))
    assert "from code point 4 on it was 'O you', not 'o you'" in said
    assert "steps from revision 1" in said

    await page.reload()
    await saved(page)
    await expect(words).to_have_text(EXPLAINED)
    await page.locator("#discard-draft").click()
    await page.locator(".cm-content").click()
    await page.keyboard.press("End")
    await page.keyboard.type("!")
    await saved(page)
    await watch.rest(15)
    assert (await figures(serve))["deltapad_divergence_total"] == 1
    assert watch.checksums()[-1]["length"] == len("hello you!")


async def test_a_text_is_compared_once_after_joining(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """At rest from the start, and then no more: a pad at rest costs nothing."""
    watch = await watched(serve, open_page, "/p/pad", "saved")
    await watch.rest(60)

    assert [(sum["revision"], sum["length"]) for sum in watch.checksums()] == [(1, 5)]


async def test_a_view_only_page_is_compared_too(serve: ServerProcess, open_page: OpenPage) -> None:
    """Who only reads sees what the server has, or is told."""
    await create_pad(serve.url, "pad")
    address = f"/v/{view_link(serve.data, 'pad').removeprefix('view/')}"
    watch = await watched(serve, open_page, address, "view")
    await watch.page.evaluate(BEHIND_ITS_BACK)
    await watch.rest(15)

    await expect(watch.page.locator("#refused-words")).to_contain_text("did not agree")
    assert await text_of(watch.page) == "hello"
    assert json.loads((await the_bundle(serve)).read_bytes())["role"] == "read"


async def test_nothing_is_sent_while_a_word_is_composed_or_unsent(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """What an input method has not finished, and what the server has not got, is not compared."""
    watch = await watched(serve, open_page, "/p/pad", "saved")
    page = watch.page
    devtools = await page.context.new_cdp_session(page)
    await page.locator(".cm-content").click()
    await devtools.send(
        "Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1}
    )
    await expect(page.locator("#state .detail")).to_have_text("r2")
    await watch.rest(25)
    assert watch.checksums() == []
    await devtools.send("Input.insertText", {"text": "日"})
    await watch.rest(25)
    assert len(watch.checksums()) == 1

    # The server's answers do not come any more, so that what is typed stays unsent.
    await page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (frame) {
                if (!frame.includes('"op"')) send.call(this, frame);
            };
        }"""
    )
    await page.keyboard.type("?")
    await watch.rest(25)
    assert await page.locator("#state").get_attribute("data-kind") == "saving"
    assert len(watch.checksums()) == 1
