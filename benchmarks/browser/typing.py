"""a key in a real browser: from the moment that the browser has it until the page shows it"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp
from playwright.async_api import Browser, CDPSession, Page, ViewportSize

from benchmarks.browser.people import crowd
from client_py import PadClient

__all__ = ["ARGS", "Keys", "type_keys"]

# No key waits for the next of 60 frames a second: what is measured is the work, not the screen.
ARGS: Final = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
# One in five people types, the others move their carets.
_TYPISTS: Final = 0.2
# Between two keys, as fast as somebody types who is good at it.
_KEY_SECONDS: Final = 0.08
# Seconds until a pad that was just opened has come to rest.
_REST_SECONDS: Final = 2.0
_SIZE: Final = ViewportSize(width=1440, height=900)
_WATCH: Final = Path(__file__).with_name("watch.js").read_text(encoding="utf-8")
_PARAGRAPH: Final = (
    "We ship on **Thursday**, and `deltapad` keeps everyone on the same words while they type. "
    "Nobody waits for anybody, and nothing is lost.\n"
)


@dataclass(frozen=True)
class Keys:
    """Milliseconds of each key: on the clock, and of the page's thread at work in that time."""

    wall: Sequence[float]
    cpu: Sequence[float]

    def percentiles(self) -> dict[str, float]:
        """What the tables show."""
        figures: dict[str, float] = {}
        for name, values in (("wall", self.wall), ("cpu", self.cpu)):
            cuts = quantiles(values, n=100)
            for percent in (50, 95, 99):
                figures[f"{name}_p{percent}"] = cuts[percent - 1]
        return figures


async def type_keys(browser: Browser, url: str, *, length: int, people: int, keys: int) -> Keys:
    """Type in the middle of a text of so many code points, in which so many others are."""
    pad = f"typing-{length}-{people}"
    text = await _make_pad(url, pad, length)
    page = await browser.new_page(viewport=_SIZE, base_url=url)
    page.set_default_timeout(60_000)
    await page.goto(f"/p/{pad}")
    await page.locator('#state[data-kind="saved"]').wait_for()
    await page.evaluate(
        "const text = document.querySelector('.cm-scroller');"
        "text.scrollTop = (text.scrollHeight - text.clientHeight) / 2"
    )
    await asyncio.sleep(_REST_SECONDS)
    await page.mouse.click(_SIZE["width"] / 2, _SIZE["height"] / 2)
    await page.keyboard.press("End")
    typists = round(people * _TYPISTS)
    async with crowd(url, pad, movers=people - typists, typists=typists, place=len(text) // 2):
        await asyncio.sleep(_REST_SECONDS)
        measured = await _measured(page, keys)
    await page.close()
    return measured


async def _make_pad(url: str, pad: str, length: int) -> str:
    part = f"## A heading\n\n{_PARAGRAPH * 6}\n- an item\n- another one\n\n"
    text = part * (length // len(part) + 1)
    async with aiohttp.ClientSession() as http:
        await http.post(f"{url}/p", data={"id": pad}, allow_redirects=False)
    async with PadClient(url, pad) as client:
        client.edit([text])
        await client.synchronised()
    return text


async def _measured(page: Page, keys: int) -> Keys:
    await page.evaluate(_WATCH)
    watch = await page.context.new_cdp_session(page)
    # Processor time of the page's thread rather than time on the clock: nobody else's work counts.
    await watch.send("Performance.enable", {"timeDomain": "threadTicks"})
    wall, cpu = [], []
    for number in range(keys):
        before = await _task_seconds(watch)
        await page.keyboard.press("Space" if number % 6 == 5 else "e")
        wall.append(await page.evaluate("deltapadKey"))
        cpu.append((await _task_seconds(watch) - before) * 1_000)
        await asyncio.sleep(_KEY_SECONDS)
    return Keys(wall, cpu)


async def _task_seconds(watch: CDPSession) -> float:
    metrics = (await watch.send("Performance.getMetrics"))["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")
