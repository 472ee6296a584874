"""limits that are asked for before something is written, when many ask at once"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from server import data
from server.app import create_app
from server.settings import Settings

# So many who come in one moment.
CROWD = 12


async def test_many_make_the_last_pad_at_once(tmp_path: Path) -> None:
    """One of them does; the others are told that there are no more, as if they had come later."""
    settings = Settings(data=tmp_path, pads_max=3, demo=False)
    async with TestClient(TestServer(create_app(settings))) as browser:
        asked = [
            browser.post("/p", data={"id": f"pad-{number}"}, allow_redirects=False)
            for number in range(CROWD)
        ]
        answers = await asyncio.gather(*asked)
        statuses = sorted(answer.status for answer in answers)
    assert statuses == [303] * 3 + [507] * (CROWD - 3)


async def test_many_name_the_last_version_at_once(tmp_path, monkeypatch) -> None:
    """The same of the named versions of a pad."""
    monkeypatch.setattr(data, "VERSIONS_MAX", 3)
    async with TestClient(TestServer(create_app(Settings(data=tmp_path)))) as browser:
        await browser.post("/p", data={"id": "pad"}, allow_redirects=False)
        for number in range(CROWD):
            etag = {"If-Match": f'"r{number}"'}
            await browser.put("/p/pad/text", data="word " * (number + 1), headers=etag)
        asked = [
            browser.post(
                "/p/pad/versions",
                json={"revision": number + 1, "name": f"version {number}", "person": "p" * 22},
            )
            for number in range(CROWD)
        ]
        answers = await asyncio.gather(*asked)
        statuses = sorted(answer.status for answer in answers)
        named = await (await browser.get("/p/pad/versions")).json()
    assert statuses == [200] * 3 + [409] * (CROWD - 3)
    assert len(named) == 3
