"""a tab that crashes in mid-word and is opened again: what was on its disk arrives, once"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from dataclasses import dataclass

from playwright.async_api import BrowserContext, Error, Page, async_playwright

from client_py import PadClient
from tests.browser.conftest import ARGS, chromium_environment, unpack_chromium
from tests.browser.others import saved
from tests.browser.test_pad import same_text
from tests.conftest import REPO, ServerProcess
from tests.faults.tab_ledger import TabLedger
from tests.test_real_input import create_pad, stored_log

__all__ = ["MOMENT", "Figures", "Typist", "crash_in_mid_word", "each_once", "run_round"]

# A moment of typing, at random, in seconds; a key takes some 3 ms.
MOMENT = (0.05, 0.6)


class Typist:
    """One who types at the end of a pad, and knows what."""

    def __init__(self, serve: ServerProcess) -> None:
        self.serve = serve
        self.typed = ""  # all of it, as far as it is known to have arrived
        self.ledger = TabLedger()

    async def type_on(self, page: Page) -> None:
        """Until the page is no more, or this is cancelled."""
        await page.locator(".cm-content").click()
        await page.keyboard.press("Control+End")
        start = len(self.typed)
        with contextlib.suppress(Error):
            for number in range(10_000):
                # Where it began is in it, so that no two words are the same.
                await page.keyboard.type(f"{start}.{number}ä ", delay=1)

    def expected(self) -> str:
        """What `type_on` types, from where it began."""
        start = len(self.typed)
        return self.typed + "".join(f"{start}.{number}ä " for number in range(10_000))

    async def arrived(self, page: Page) -> None:
        """All that was on the disk is in the pad, as it was typed, and nothing else."""
        await saved(page, timeout=30_000)
        assert self.ledger.on_disk > len(self.typed), "it crashed too soon to tell anything"
        # What the other tab left is taken over a moment after the page is there.
        async with asyncio.timeout(30):
            while len(text := await same_text(self.serve, "pad", page)) < self.ledger.on_disk:
                await asyncio.sleep(0.05)
        assert self.expected().startswith(text), (self.expected()[:200], text)
        async with PadClient(self.serve.url, "pad") as client:
            assert client.revision >= self.ledger.saved
        self.typed = text

    async def open(self, context: BrowserContext) -> Page:
        page = await context.new_page()
        await self.ledger.watch(page)
        await page.goto(f"{self.serve.url}/p/pad")
        return page


def each_once(serve: ServerProcess, text: str) -> int:
    """The log leads to this text, and no (session, seq) is in it twice. How many there are."""
    serve.stop()
    replayed, seen, _ = stored_log(serve.data)
    assert replayed == text
    assert set(seen.values()) == {1}
    return len(seen)


async def crash(page: Page) -> None:
    """The page's process dies, as if it had been killed."""
    gone = asyncio.Event()
    page.on("crash", lambda _: gone.set())
    devtools = await page.context.new_cdp_session(page)
    dying = asyncio.ensure_future(devtools.send("Page.crash"))
    await asyncio.wait_for(gone.wait(), 10)
    dying.cancel()
    await page.close()


async def crash_in_mid_word(
    typist: Typist, page: Page, chance: random.Random, *, answers: bool
) -> Page:
    """The tab crashes at a random moment, while the server answers or is silent; the one that is
    opened in its place has all that was on the disk.
    """
    await saved(page)
    typing = asyncio.create_task(typist.type_on(page))
    while typist.ledger.on_disk <= len(typist.typed):
        await asyncio.sleep(0.005)
    if not answers:
        os.kill(typist.serve.pid, signal.SIGSTOP)
    await asyncio.sleep(chance.uniform(*MOMENT))
    await crash(page)
    await typing
    os.kill(typist.serve.pid, signal.SIGCONT)
    page = await typist.open(page.context)
    await typist.arrived(page)
    return page


# --- Many of them ---------------------------------------------------------------------------------


@dataclass
class Figures:
    """What has come through."""

    crashes: int = 0
    # Of the last text of each round.
    characters: int = 0
    # Revisions that led to these.
    revisions: int = 0

    def add(self, other: Figures) -> None:
        """Those of one more round."""
        self.crashes += other.crashes
        self.characters += other.characters
        self.revisions += other.revisions


async def run_round(server: ServerProcess, seed: int, crashes: int) -> Figures:
    """So many crashes of one person's tab at one pad, every second of them while the server is
    silent. Raises AssertionError if anything is lost or there twice, TimeoutError.
    """
    await create_pad(server.url, "pad")
    chance = random.Random(f"crash {seed}")
    typist = Typist(server)
    home = unpack_chromium(REPO)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=home / "chromium", args=ARGS, env=chromium_environment(home)
        )
        page = await typist.open(await browser.new_context(service_workers="block"))
        for number in range(crashes):
            page = await crash_in_mid_word(typist, page, chance, answers=number % 2 == 0)
        await browser.close()
    revisions = each_once(server, typist.typed)
    return Figures(crashes, len(typist.typed), revisions)
