"""what programs ask of a pad: text, log, history, named versions, status"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import TestClient, TestServer

from ot.log import Entry
from ot.operation import apply
from ot.traces import LogReader
from server.app import create_app
from server.data import _STATUS, attachment
from server.pad import Pad
from server.settings import Settings
from tests.conftest import REPO
from tests.test_forms import make, read, send

Program = TestClient[web.Request, web.Application]


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    """A client of the whole application."""
    app = create_app(Settings(data=tmp_path / "data"))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        yield client


async def written(program: Program) -> tuple[str, str]:
    """A pad with three revisions, and the path of its view-only link."""
    path = await make(program, name="Soup", text="onions")
    for text in ("onions, bread", "red onions, bread"):
        _, fields = await read(program, path)
        assert await send(program, path, fields, text) == 303
    view = re.search(r'data-view-key="(\w{12})"', await (await program.get(path)).text())
    assert view
    return path, f"/v/{view[1]}"


async def test_text(program: Program) -> None:
    """The text at any revision, with the revision as its tag."""
    path, view = await written(program)

    for link in (path, view):
        answer = await program.get(f"{link}/text")
        assert await answer.text() == "red onions, bread"
        assert re.fullmatch(r'"r3-[\w-]{12}"', answer.headers["ETag"])
        texts = [await (await program.get(f"{link}/text?at={r}")).text() for r in range(4)]
        assert texts == ["", "onions", "onions, bread", "red onions, bread"]
    answer = await program.get(f"{path}/text?download")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="Soup.txt"')


@pytest.mark.parametrize("query", ["at=4", "at=-1", "at=x", "at=", "at=" + "9" * 20])
async def test_no_such_revision(program: Program, query: str) -> None:
    """A revision that is not there is an error that says which there are."""
    path, _ = await written(program)

    answer = await program.get(f"{path}/text?{query}")

    assert answer.status == 400
    assert (await answer.json())["code"] == "no_such_revision"


async def test_history(program: Program) -> None:
    """The entries of a range with their authors; applied one after the other they are the text."""
    path, view = await written(program)

    for link in (path, view):
        history = await (await program.get(f"{link}/history")).json()
        assert (history["from"], history["to"], history["head"]) == (0, 3, 3)
        text = ""
        for session, time_ms, op in history["entries"]:
            text = apply(text, op)
            assert time_ms > 1_700_000_000_000
            assert history["authors"][session].keys() == {"person", "name", "color"}
        assert text == "red onions, bread"
    part = await (await program.get(f"{path}/history?from=1&to=2")).json()
    assert [op for _, _, op in part["entries"]] == [[6, ", bread"]]
    assert [author["name"] for author in part["authors"].values()] == ["Lin"]
    for query in ("from=2&to=1", "from=4", "to=9", "from=x"):
        assert (await program.get(f"{path}/history?{query}")).status == 400


async def test_log(program: Program) -> None:
    """The whole log as an export that can be read again; the view-only link's names no pad."""
    path, view = await written(program)

    for link in (path, view):
        lines = (await (await program.get(f"{link}/log")).read()).splitlines(keepends=True)
        reader = LogReader(lines)
        assert len(list(reader)) == 3
        assert str(reader.text) == "red onions, bread"
        assert reader.header.pad == link[3:]
        assert reader.header.title == "Soup"


async def test_versions(program: Program) -> None:
    """Revisions get names, others, and none; not by a foreign page, not for what is not there."""
    path, view = await written(program)
    name = {"revision": 2, "name": " Bread  agreed ", "person": "p" * 22}

    answer = await program.post(f"{path}/versions", json=name)
    versions = await answer.json()

    assert [(v["revision"], v["name"]) for v in versions] == [(2, "Bread agreed")]
    assert await (await program.get(f"{view}/versions")).json() == versions
    emptied = await program.post(f"{path}/versions", json={**name, "name": ""})
    assert await emptied.json() == []
    assert (await program.post(f"{path}/versions", json={**name, "revision": 4})).status == 400
    assert (await program.post(f"{path}/versions", json={"revision": "2"})).status == 400
    assert (await program.post(f"{view}/versions", json=name)).status == 405
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await program.post(f"{path}/versions", json=name, headers=foreign)).status == 403


async def test_status(program: Program) -> None:
    """Title, revision, time, and who is there; of a pad that is not in memory too."""
    path, _ = await written(program)
    status = await (await program.get(f"{path}/status")).json()
    assert (status["title"], status["revision"], status["count"]) == ("Soup", 3, 0)

    async with program.ws_connect(f"/ws/{path[3:]}", protocols=["deltapad.1"]) as socket:
        key = "k" * 22
        hello = {"type": "hello", "session": key, "person": key, "name": "Ada", "color": 4}
        await socket.send_json({**hello, "epoch": None, "revision": None})
        await socket.receive_json()
        status = await (await program.get(f"{path}/status")).json()
        assert (status["count"], status["people"]) == (1, [{"name": "Ada", "color": 4}])

    empty = await make(program)
    status = await (await program.get(f"{empty}/status")).json()
    assert (status["revision"], status["changed_ms"] > 1_700_000_000_000) == (0, True)


async def test_no_such_pad(program: Program) -> None:
    """Programs get an error that they can read."""
    for what in ("text", "log", "history", "versions", "status"):
        for link in ("/p/nothing", "/v/nothing", "/p/a%20b"):
            answer = await program.get(f"{link}/{what}")
            assert answer.status == 404
            assert (await answer.json())["code"] == "no_such_pad"


def test_names_of_files() -> None:
    """Whatever a title holds, the name of the file is one line, quoted, and has an ending."""
    assert attachment('a"b/c\n', ".txt").startswith('attachment; filename="abc.txt"')
    assert attachment("日本", ".md").endswith("filename*=UTF-8''%E6%97%A5%E6%9C%AC.md")
    assert attachment("", ".md").startswith('attachment; filename="pad.md"')


async def test_put_text(program: Program) -> None:
    """A whole text is merged with what others wrote since the revision that it was made of."""
    path, view = await written(program)
    put = f"{path}/text"

    answer = await program.put(f"{put}?name=Nightly", data="onions!", headers={"If-Match": '"r1"'})

    assert answer.status == 200 and answer.headers["ETag"].startswith('"r4-')
    assert await answer.json() == {"revision": 4}
    assert await (await program.get(put)).text() == "red onions, bread!"
    history = await (await program.get(f"{path}/history?from=3")).json()
    assert [author["name"] for author in history["authors"].values()] == ["Nightly"]
    again = await program.put(f"{put}?name=Nightly", data="onions!", headers={"If-Match": '"r1"'})
    assert await again.json() == {"revision": 4}, "counted once"
    same = await program.put(put, data="onions", headers={"If-Match": 'W/"r1"'})
    assert await same.json() == {"revision": 1}
    assert (await program.put(f"{view}/text", data="x", headers={"If-Match": '"r1"'})).status == 405


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"x", 428, "base_required"),
        ({"If-Match": "*"}, b"x", 428, "base_required"),
        ({"If-Match": '"r9"'}, b"x", 409, "base_in_future"),
        ({"If-Match": '"r1-of-before-a-restore"'}, b"x", 409, "epoch_changed"),
        ({"If-Match": '"r1"'}, b"\xff", 400, "bad_message"),
        ({"If-Match": '"r1"'}, b"x" * 2_000_001, 413, "pad_full"),
        ({"If-Match": '"r1"'}, b"x" * 9_000_000, 413, "too_large"),
        ({"If-Match": '"r1"', "Sec-Fetch-Site": "cross-site"}, b"x", 403, "foreign_page"),
    ],
)
async def test_put_text_refused(
    program: Program, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    """What is wrong is said with a code, and nothing is written."""
    path, _ = await written(program)

    answer = await program.put(f"{path}/text", data=io.BytesIO(body), headers=headers)

    assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert await (await program.get(f"{path}/text")).text() == "red onions, bread"


async def test_text_not_modified(program: Program) -> None:
    """Who has the newest text already is not sent it again."""
    path, _ = await written(program)

    newest = (await program.get(f"{path}/text")).headers["ETag"]
    old = newest.replace("r3", "r2")
    for tag, status in ((newest, 304), ("W/" + newest, 304), (old, 200), ('"r3-other"', 200)):
        answer = await program.get(f"{path}/text", headers={"If-None-Match": tag})
        assert (answer.status, answer.headers["ETag"]) == (status, newest)


async def test_long_history_in_parts(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer holds so many entries, and so many bytes and the entry that goes past them; `to`
    says how far it goes.
    """
    path, _ = await written(program)
    monkeypatch.setattr("server.data.HISTORY_ENTRIES_MAX", 2)
    part = await (await program.get(f"{path}/history")).json()
    assert (part["to"], part["head"], len(part["entries"])) == (2, 3, 2)
    monkeypatch.setattr("server.data.HISTORY_BYTES_MAX", 10)
    part = await (await program.get(f"{path}/history?from=1")).json()
    assert (part["from"], part["to"], len(part["entries"])) == (1, 2, 1)


async def test_history_is_hidden(program: Program) -> None:
    """Where view-only visitors may not see it, they still see the newest text."""
    path, view = await written(program)
    async with program.ws_connect(f"/ws/{path[3:]}", protocols=["deltapad.1"]) as socket:
        key = "k" * 22
        hello = {"type": "hello", "session": key, "person": key, "name": "Ada", "color": 4}
        await socket.send_json({**hello, "epoch": None, "revision": None})
        await socket.send_json({"type": "properties", "view_history": False})
        while (await socket.receive_json())["type"] != "properties":
            pass

    for what in ("text?at=2", "log", "history", "versions"):
        answer = await program.get(f"{view}/{what}")
        assert (answer.status, (await answer.json())["code"]) == (403, "no_history")
        assert (await program.get(f"{path}/{what}")).status == 200
    assert await (await program.get(f"{view}/text")).text() == "red onions, bread"
    assert (await program.get(f"{view}/status")).status == 200


async def test_who_goes_away_in_the_middle(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A download that is given up is no error of ours."""
    path, _ = await written(program)

    async def gone(self: Pad, start: int, end: int) -> list[Entry]:
        raise ClientConnectionResetError("cannot write to closing transport")

    monkeypatch.setattr(Pad, "entries", gone)
    await program.get(f"{path}/log")

    assert (await program.get(f"{path}/status")).status == 200
    assert not [record for record in caplog.records if record.exc_info]


async def test_packed(program: Program) -> None:
    """What is long goes over the wire packed to who can unpack it, and says that it depends."""
    path = await make(program, text="soup " * 2_000)
    plain = {"Accept-Encoding": "identity"}
    for what in ("", "/text", "/history", "/log"):
        answer = await program.get(f"{path}{what}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip", what
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert b"soup soup" in await answer.read()
        unpacked = await program.get(f"{path}{what}", headers=plain)
        assert "Content-Encoding" not in unpacked.headers
        assert b"soup soup" in await unpacked.read()


def test_codes_are_documented() -> None:
    """Every code that a program may get is in the table of the page."""
    source = (REPO / "server/data.py").read_text()
    codes = set(re.findall(r'refusal\(\s*\d+, "(\w+)"', source)) | set(_STATUS)
    table = (REPO / "docs/reference/http.md").read_text().partition("## Errors")[2]

    assert len(codes) >= 10
    assert [code for code in sorted(codes) if f"| `{code}` |" not in table] == []


@pytest.mark.parametrize("what", ["", "/text", "/log", "/history", "/versions", "/status"])
async def test_head_has_no_body(program: Program, what: str) -> None:
    """Whatever it is asked of: a body would be taken for the beginning of the next answer on the
    same connection, by a browser or by a proxy that others share.
    """
    path, view = await written(program)

    for link in (path, view):
        reader, writer = await asyncio.open_connection(program.host, program.port)
        begin = f"{link}{what} HTTP/1.1\r\nHost: {program.host}:{program.port}\r\n"
        writer.write(f"HEAD {begin}\r\nGET {begin}Connection: close\r\n\r\n".encode())
        async with asyncio.timeout(10):
            head, second, _ = (await reader.read()).split(b"\r\n\r\n", 2)
        writer.close()
        assert head.startswith(b"HTTP/1.1 200 ") and second.startswith(b"HTTP/1.1 200 ")
