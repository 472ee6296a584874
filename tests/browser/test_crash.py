"""tabs and browsers that end in mid-word: what was on the disk arrives, once, as it was typed"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from tests.browser.conftest import ARGS, Problems, chromium_environment, unpack_chromium
from tests.browser.others import saved
from tests.conftest import ServerProcess
from tests.faults.crashing_tab import MOMENT, Typist, crash_in_mid_word, each_once
from tests.test_real_input import create_pad

OpenPage = Callable[..., Awaitable[Page]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CRASHES = 10
RELOADS = 6


@pytest.mark.parametrize("answers", [True, False])
async def test_the_tab_crashes_while_one_types(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, answers: bool
) -> None:
    """Again and again, at random moments, whether the server answers or is silent."""
    problems.allow_lost_connection()
    problems.allow("the page crashed")
    await create_pad(serve.url, "pad")
    context = (await open_page(f"{serve.url}/healthz")).context
    chance = random.Random(f"crash {answers}")
    typist = Typist(serve)
    page = await typist.open(context)
    for _ in range(CRASHES // 2):
        page = await crash_in_mid_word(typist, page, chance, answers=answers)
    each_once(serve, typist.typed)


async def test_reload_while_one_types(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Reloaded in the middle of it, with operations in flight."""
    problems.allow_lost_connection()  # in the end it is stopped
    await create_pad(serve.url, "pad")
    context = (await open_page(f"{serve.url}/healthz")).context
    chance = random.Random("reload")
    typist = Typist(serve)
    page = await typist.open(context)
    for _ in range(RELOADS):
        await saved(page)
        typing = asyncio.create_task(typist.type_on(page))
        await asyncio.sleep(chance.uniform(*MOMENT) + 0.3)
        typing.cancel()
        await page.reload()
        await asyncio.wait([typing])
        await typist.arrived(page)
    each_once(serve, typist.typed)


def processes_with(argument: str) -> list[int]:
    """The processes that were started with this argument."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


async def test_the_browser_is_killed_while_one_types(
    serve: ServerProcess, repo: Path, tmp_path: Path
) -> None:
    """kill -9 of the whole browser; started again on the same profile it has all that was on the
    disk.
    """
    await create_pad(serve.url, "pad")
    home = unpack_chromium(repo)
    profile = tmp_path / "profile"
    typist = Typist(serve)
    async with async_playwright() as playwright:

        async def launch() -> BrowserContext:
            return await playwright.chromium.launch_persistent_context(
                profile,
                executable_path=home / "chromium",
                args=ARGS,
                env=chromium_environment(home),
                service_workers="block",
            )

        page = await typist.open(await launch())
        await saved(page)
        typing = asyncio.create_task(typist.type_on(page))
        while typist.ledger.on_disk == 0:
            await asyncio.sleep(0.005)
        os.kill(serve.pid, signal.SIGSTOP)
        await asyncio.sleep(0.4)
        pids = processes_with(f"--user-data-dir={profile}")
        assert pids
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await typing
        os.kill(serve.pid, signal.SIGCONT)
        context = await launch()
        page = await typist.open(context)
        await typist.arrived(page)
        await context.close()
    each_once(serve, typist.typed)
