"""the application as a library: what it opens it closes, alone and inside another one"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from client_py import PadClient
from server.app import create_app
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.wire import connect, create_pad


def threads() -> set[str]:
    """The store's threads that are running."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith("store-")}


async def test_it_closes_what_it_opened(tmp_path):
    """After the end the folder is free, no thread is left, and the pad is there next time."""
    for visit in range(3):
        async with TestServer(create_app(Settings(data=tmp_path / "data"))) as server:
            url = str(server.make_url("")).rstrip("/")
            await create_pad(url, "pad")
            async with PadClient(url, "pad") as pad:
                assert pad.text == "again " * visit
                pad.edit(["again "])
                await pad.synchronised()
            assert threads()
        assert not threads()
    await SQLiteStore(tmp_path / "data").close()


async def test_it_never_served(tmp_path):
    """Two applications cannot share a folder; the second says so before anything is served."""
    app = create_app(Settings(data=tmp_path / "data"))
    with pytest.raises(StorageError, match="in use by another deltapad"):
        create_app(Settings(data=tmp_path / "data"))
    async with TestServer(app):
        pass


async def test_two_in_one_process(tmp_path):
    """Each has its own pads."""
    apps = [create_app(Settings(data=tmp_path / name)) for name in ("one", "two")]
    async with TestServer(apps[0]) as one, TestServer(apps[1]) as two:
        await create_pad(str(one.make_url("")).rstrip("/"), "pad")
        async with ClientSession() as http:
            for server, status in ((one, 200), (two, 404)):
                async with http.get(server.make_url("/p/pad")) as answer:
                    assert answer.status == status


async def test_inside_another_application(tmp_path: Path):
    """Under a host name of its own, beside somebody else's routes; told of the end as well."""
    parent = web.Application()

    async def own(request: web.Request) -> web.Response:
        return web.Response(text="mine")

    parent.router.add_get("/", own)
    parent.add_domain("pads.*", create_app(Settings(data=tmp_path / "data")))
    server = TestServer(parent)
    async with TestClient(server) as client:
        assert await (await client.get("/")).text() == "mine"
        pads = {"Host": "pads.example"}
        answer = await client.post("/p", data={"id": "pad"}, headers=pads, allow_redirects=False)
        assert answer.headers["Location"] == "/p/pad"
        assert (await client.get("/p/pad", headers=pads)).status == 200
        assert "Content-Security-Policy" not in (await client.get("/")).headers
    await SQLiteStore(tmp_path / "data").close()


async def test_the_end_is_told(tmp_path):
    """Connections hear that the server is going, and that they should come again."""
    server = TestServer(create_app(Settings(data=tmp_path / "data")))
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    await create_pad(url, "pad")
    async with connect(url, "pad", "ada") as ada:
        await ada.op(0, 1, ["typed just before"])
        await ada.entries(1)
        await server.close()
        error, close_code = await ada.end()

    assert error is not None
    assert (error["code"], error["action"], close_code) == ("shutting_down", "reconnect", 1012)
