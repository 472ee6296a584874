"""people in a pad, as tests want them: who say exactly where they are, and pages at rest"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from playwright.async_api import Locator, Page, expect

from client_py import PadClient
from tests.conftest import ServerProcess
from tests.wire import Wire, connect, create_pad

OpenPage = Callable[..., Awaitable[Page]]

LINES = [f"Line {number} of the text, not a long one." for number in range(1, 201)]
TEXT = "\n".join(LINES)
# Behind the text of a line, counted from 1.
END = [0]
for line in LINES:
    END.append(END[-1] + len(line) + 1)
END = [end - 1 for end in END]


class Somebody:
    """A person of whom a test says where they are."""

    def __init__(self, wire: Wire, name: str, color: int) -> None:
        self.wire, self.name, self.color = wire, name, color

    @property
    def session(self) -> str:
        return self.wire.session

    async def at(self, *selections: int | tuple[int, int], **fields: Any) -> None:
        """Put carets at offsets, or selections from anchor to head."""
        pairs = [(place, place) if isinstance(place, int) else place for place in selections]
        await self.wire.send(
            {
                "type": "presence",
                "revision": self.wire.revision,
                "name": self.name,
                "color": self.color,
                "selections": pairs,
                **fields,
            }
        )

    async def leave(self) -> None:
        await self.wire.socket.close()


Join = Callable[..., Awaitable[Somebody]]


@contextlib.asynccontextmanager
async def joining(serve: ServerProcess) -> AsyncIterator[Join]:
    """Lets people come to the pad, and go at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def join(name: str, color: int = 0) -> Somebody:
            wire = await stack.enter_async_context(connect(serve.url, "pad"))
            await wire.enter(re.sub(r"\W", "", name), name=name, color=color)
            return Somebody(wire, name, color)

        yield join


async def open_pad(
    serve: ServerProcess, open_page: OpenPage, text: str = TEXT, **options: Any
) -> Page:
    """A pad with this text, open in a page, nobody else in it."""
    await create_pad(serve.url, "pad")
    async with PadClient(serve.url, "pad", name="Before") as client:
        client.insert(0, text)
        await client.synchronised()
    return await enter_pad(serve, open_page, **options)


async def saved(page: Page, *, timeout: float = 10_000) -> None:
    """Wait until the page says that everything is saved, and nothing of it is unsent: it keeps the
    word for a moment longer. In milliseconds.
    """
    state = page.locator('#state[data-kind="saved"][data-unsent="0"]')
    await expect(state).to_be_attached(timeout=timeout)


async def enter_pad(serve: ServerProcess, open_page: OpenPage, **options: Any) -> Page:
    page = await open_page(f"{serve.url}/p/pad", **options)
    await saved(page)
    return page


def caret_of(page: Page, somebody: Somebody) -> Locator:
    return page.locator(f'.caret[data-session="{somebody.session}"]')


async def box_of(locator: Locator) -> dict[str, float]:
    """Where it is, once it is to be seen."""
    await expect(locator).to_be_visible()
    box = await locator.bounding_box()
    assert box is not None
    made = {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}
    return {**made, "right": box["x"] + box["width"], "bottom": box["y"] + box["height"]}


async def at_place(locator: Locator, place: dict[str, float]) -> None:
    """Wait until it is at a place."""
    for _ in range(100):
        box = await box_of(locator)
        if box == place:
            return
        await asyncio.sleep(0.05)
    raise AssertionError((box, place))


async def shown(locator: Locator) -> None:
    """Wait until it has faded in."""
    await expect(locator).to_have_css("opacity", "1")


async def put_caret(page: Page, line: int) -> None:
    """A click at the end of a line in view, from 0."""
    row = await box_of(page.locator(".cm-line").nth(line))
    await page.mouse.click(row["right"] - 4, row["y"] + 10)
