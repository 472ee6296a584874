"""a pad that was restored from a backup, as the people see it who had been further"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from playwright.async_api import expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.others import saved
from tests.browser.test_pad import OpenPage, same_text, two_pages, write
from tests.conftest import ServerProcess
from tests.test_logs import process
from tests.wire import create_pad


async def test_open_pages_after_a_restore(
    serve: ServerProcess, open_page: OpenPage, problems: Problems, tmp_path: Path
) -> None:
    """Who had nothing unsent goes on with the restored text; who had keeps what was on the screen
    as a copy. Nothing of the old text comes into the new one.
    """
    problems.allow_lost_connection()
    idle, typing = await two_pages(serve, open_page)
    await write(idle, "kept")
    await same_text(serve, "pad", idle, typing)
    file = tmp_path / "backup"
    done = await asyncio.to_thread(process, "backup", file, data=serve.data)
    assert done.returncode == 0, done.stderr
    await write(idle, " and lost")
    await same_text(serve, "pad", idle, typing)

    await asyncio.to_thread(serve.stop)
    await write(typing, " unsent")
    await expect(typing.locator("#state")).to_contain_text("unsent edit")
    done = await asyncio.to_thread(process, "restore", file, "--replace", data=serve.data)
    assert done.returncode == 0, done.stderr
    await asyncio.to_thread(serve.start)
    # The numbers of the lost revisions are given again, to other edits.
    async with PadClient(serve.url, "pad") as other:
        assert other.text == "kept"
        for letter in " safe, and on":
            other.insert(len(other.text), letter)
            await other.synchronised()

    await same_text(serve, "pad", idle, typing, expected="kept safe, and on")
    await saved(idle)
    await expect(typing.locator("#refused-banner")).to_contain_text("kept here as a copy")
    await expect(idle.locator("#refused-banner")).to_be_hidden()
    async with typing.expect_download() as download:
        await typing.locator("#download-draft").click()
    copied = (await (await download.value).path()).read_text()
    assert sorted(copied) == sorted("kept and lost unsent")
    await write(typing, "!")
    assert sorted(await same_text(serve, "pad", idle, typing)) == sorted("kept safe, and on!")


@pytest.mark.slow
async def test_two_tabs_that_could_not_be_merged(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Two tabs of a browser had something unsent when the pad was made anew: each shows its own
    copy, and when both are closed the next one has both.
    """
    problems.allow_lost_connection()
    await create_pad(serve.url, "pad")
    one = await open_page(f"{serve.url}/p/pad")
    await write(one, "old")
    await saved(one)
    two = await open_page(f"{serve.url}/p/pad", context=one.context)
    await saved(two)
    await asyncio.to_thread(serve.stop)
    for page, text in ((one, "first "), (two, "second ")):
        await page.bring_to_front()
        await write(page, text)
        await expect(page.locator("#state")).to_contain_text("unsent edit", timeout=15_000)
    shutil.rmtree(serve.data)
    await asyncio.to_thread(serve.start)
    await create_pad(serve.url, "pad")
    for page in (one, two):
        await expect(page.locator("#refused-banner")).to_contain_text(
            "kept here as a copy", timeout=30_000
        )
        await expect(page.locator(".cm-content")).not_to_contain_text("old")
    context = one.context
    await one.close()
    await two.close()
    next_one = await open_page(f"{serve.url}/p/pad", context=context)
    async with next_one.expect_download() as download:
        await next_one.locator("#download-draft").click()
    copied = (await (await download.value).path()).read_text()
    assert "first" in copied and "second" in copied, copied
