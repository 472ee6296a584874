"""pages, the form that makes a pad, static files: what they say, and what bad input cannot do"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from server.app import create_app
from server.doors import PAD_ID
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.storage import StorageError
from tests.conftest import REPO

MANIFEST: dict[str, str] = json.loads((REPO / "client_js/dist/manifest.json").read_text())

Browser = TestClient[web.Request, web.Application]

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# Each is one segment of a path, as it stands in the request.
HOSTILE = [
    *(
        "..",
        "%2e%2e",
        "%2E%2E%2F",
        "..%2f..%2fetc%2fpasswd",
        "..%5c..%5cboot.ini",
        "%2fetc%2fpasswd",
    ),
    *("..%252f..%252fetc", "%c0%ae%c0%ae%c0%af", "....%2f%2f", "file:%2f%2f%2fetc%2fpasswd"),
    *("%00", "pad%00.html", "%0a", "pad%0d%0aSet-Cookie:%20a=b", "%ff%fe", "%80", "%ed%a0%80"),
    *("%", "%zz", "%F0%9F%98%80", "pa%CC%88d", "%E2%80%AEdap", "%EF%BC%8E%EF%BC%8E", "%C2%AD"),
    *("%3Cscript%3E", "%3Cimg%20src=x%20onerror=alert(1)%3E", "'%20OR%201=1--", "%22%3E%3Cb%3E"),
    *("%7B%7B7*7%7D%7D", "%7B%25%20raw%20%25%7D", "$%7Bjndi:ldap:%7D", "%60id%60", ";id", "a%7Cid"),
    *("a.b", "pad.json", "a%20b", "a+b", "a:b", "a@b", "~root", "*", "a,b", "a=b", "a&b", "CON."),
    *("x" * 65, "x" * 6_000, "%20", "-%0A", "a%0a"),
]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Browser]:
    """The whole application on a free port, and a browser without scripts."""
    app = create_app(Settings(data=tmp_path / "data"))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        yield client


async def make(client: Browser, **form: str) -> str:
    """Send the form of the start page; return the new pad's path."""
    answer = await client.post("/p", data=form, allow_redirects=False)
    assert answer.status == 303
    return answer.headers["Location"]


def assert_headers(answer: ClientResponse) -> None:
    """What every answer says, whatever it is."""
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy


async def test_every_answer_has_the_headers(client, monkeypatch):
    """Pages, redirects, files, programs' answers, refusals, and what we did not think of."""
    await make(client, id="there")
    expected = {
        ("GET", "/"): 200,
        ("GET", "/p/there"): 200,
        ("GET", "/p/not-there"): 404,
        ("GET", "/p/"): 404,
        ("GET", "/nothing/of/that/kind"): 404,
        ("POST", "/p"): 303,
        ("GET", "/p"): 405,
        ("DELETE", "/p/there"): 401,
        ("GET", "/healthz"): 200,
        ("GET", f"/static/{MANIFEST['style.css']}"): 200,
        ("HEAD", f"/static/{MANIFEST['style.css']}"): 200,
        ("GET", "/static/nothing.js"): 404,
        ("GET", "/service_worker.js"): 200,
        ("GET", "/ws/there"): 400,
    }
    seen = {}
    for method, path in expected:
        answer = await client.request(method, path, allow_redirects=False)
        seen[method, path] = answer.status
        assert_headers(answer)
    assert seen == expected

    async def failing(self: SQLiteStore, name: str) -> None:
        raise StorageError("input/output error")

    monkeypatch.setattr(SQLiteStore, "find", failing)
    for path in ("/healthz", "/p/there"):
        answer = await client.get(path)
        assert answer.status == 503
        assert_headers(answer)
        assert "input/output" not in await answer.text()


async def test_nonce(client):
    """Each page has one of its own, in the policy and in the page."""
    seen = set()
    for _ in range(5):
        answer = await client.get("/")
        (nonce,) = re.findall(r"'nonce-([\w-]+)'", answer.headers["Content-Security-Policy"])
        assert f'content="{nonce}"' in await answer.text()
        seen.add(nonce)
    assert len(seen) == 5


async def test_a_pad_without_a_name(client):
    """It gets an address that nobody can guess, 128 bits."""
    paths = {await make(client) for _ in range(20)} | {await make(client, name=" \u200b ")}
    assert len(paths) == 21
    assert all(re.fullmatch(r"/p/[A-Za-z0-9_-]{22}", path) for path in paths)
    assert "<title>Untitled pad" in await (await client.get(paths.pop())).text()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Autumn release", "autumn-release"),
        ("  The *kitchen* table!  ", "the-kitchen-table"),
        ("Q3 / Überblick", "q3-berblick"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 200, "x" * 40),
        ("日本語", ""),
    ],
)
async def test_a_pad_with_a_name(client, name, slug):
    """The name is its title, and what is readable of it is in its address, before chance."""
    first, second = await make(client, name=name), await make(client, name=name)
    assert first != second
    pattern = f"/p/{slug}-[A-Za-z0-9_-]{{8}}" if slug else "/p/[A-Za-z0-9_-]{22}"
    assert re.fullmatch(pattern, first)
    assert PAD_ID.fullmatch(first.removeprefix("/p/"))
    page = await (await client.get(first)).text()
    assert f"<title>{name.strip()[:80]}" in page


async def test_a_pad_with_an_id(client):
    """One exact address; who comes second finds it made, under its first title."""
    assert await make(client, id="team_1-A", name="First") == "/p/team_1-A"
    assert await make(client, id="team_1-A", name="Second") == "/p/team_1-A"
    page = await (await client.get("/p/team_1-A")).text()
    assert "<title>First" in page and "Second" not in page


async def test_a_title_is_text(client):
    """Whatever is in a name is shown, not done."""
    title = "<script>alert(1)</script>\"'&{{7*7}}"
    page = await (await client.get(await make(client, name=title))).text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{7*7}}" in page
    turned = await (await client.get(await make(client, name="\u202egnp.exe\x07"))).text()
    assert "<title>gnp.exe" in turned and "\u202e" not in turned


async def test_a_pad_that_is_not_there_can_be_made(client):
    """The page says so, and its button makes exactly this one."""
    answer = await client.get("/p/meeting-notes")
    page = await answer.text()
    assert answer.status == 404
    assert re.search(r'<form method="post" action="/p">\s*<input [^>]*value="meeting-notes"', page)
    assert await make(client, id="meeting-notes") == "/p/meeting-notes"
    assert (await client.get("/p/meeting-notes")).status == 200


@pytest.mark.parametrize("segment", HOSTILE, ids=lambda segment: segment[:30])
async def test_hostile_ids(client, segment):
    """No such pad, no such file: 404 or a plain refusal, never more than that."""
    for path in (f"/p/{segment}", f"/static/{segment}", f"/static/..%2f{segment}"):
        # Raw, because a client library would tidy the path up.
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode(errors="replace")
        writer.close()
        await writer.wait_closed()
        status = int(answer.split()[1])
        assert status == 404 or (status == 400 and "Bad Request" in answer), (path, status)
        assert "root:" not in answer and "Traceback" not in answer
        assert "Set-Cookie" not in answer
        assert "Create this pad" not in answer, "it would not be allowed"


@pytest.mark.parametrize("segment", HOSTILE, ids=lambda segment: segment[:30])
async def test_hostile_ids_in_the_form(client, segment):
    """Asked for by POST, they are refused, and nothing is made."""
    answer = await client.post("/p", data=f"id={quote(segment)}".encode(), headers=FORM)
    assert answer.status == 400
    assert_headers(answer)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"name=\xff\xfe", FORM),
        (b"name=%ff", FORM),
        (b"name=a", {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}),
        (b"name=a", {"Content-Type": "multipart/form-data"}),
        (b"name=a", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"--x\r\n\r\nnameless\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"name=" + b"a" * 100_000, FORM),
        (b"&".join(b"a=b" for _ in range(20_000)), FORM),
        (b'{"name": "a"}', {"Content-Type": "application/json"}),
    ],
)
async def test_hostile_forms(client, body, headers):
    """A body that is no form is the sender's fault, or an empty form; never ours."""
    answer = await client.post("/p", data=body, headers=headers, allow_redirects=False)
    assert answer.status in (303, 400, 413)
    assert_headers(answer)


async def test_static_files(client):
    """Everything that the build made is there; what it did not make is not."""
    for plain, name in MANIFEST.items():
        answer = await client.get(f"/static/{name}")
        assert answer.status == 200, name
        # For ever, where a new content has a new name.
        assert ("immutable" in answer.headers["Cache-Control"]) == (plain != name)
    kinds = {
        name: (await client.get(f"/static/{MANIFEST[name]}")).headers["Content-Type"]
        for name in ("pad.js", "style.css")
    }
    assert kinds["pad.js"].partition(";")[0] in ("text/javascript", "application/javascript")
    assert kinds["style.css"].startswith("text/css")
    for name in ("manifest.json", "", ".", "pad.js", "../manifest.json"):
        assert (await client.get(f"/static/{name}")).status == 404, name


async def test_pages_name_only_what_is_there(client):
    """Every script, style and link of every page leads somewhere on this server."""
    pad = await make(client, name="Links")
    for path in ("/", pad, "/p/not-there"):
        page = await (await client.get(path)).text()
        links = re.findall(r'(?:src|href|action)="([^"#]+)"', page)
        assert any(link.startswith("/static/") for link in links)
        for link in links:
            if not link.startswith("data:"):
                assert link.startswith("/"), f"{path} leaves its origin: {link}"
                assert (await client.get(link)).status in (200, 405), link


async def test_health(client, monkeypatch):
    """Healthy is when the store answers; what it says when it does not is in test_health.py."""
    answer = await client.get("/healthz")
    assert answer.status == 200
    said = await answer.json()
    assert said == {"status": "ok", "waiting": 0, "wal_bytes": said["wal_bytes"]}


async def test_405_says_what_is_allowed(client):
    """As HTTP asks for."""
    answer = await client.put("/p")
    assert (answer.status, answer.headers.get("Allow")) == (405, "POST")


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 303), ("none", 303), ("cross-site", 403), ("same-site", 403)],
)
async def test_only_our_own_pages_make_pads(client: Browser, site: str, status: int) -> None:
    """A form on another site cannot make pads through a visitor's browser."""
    answer = await client.post(
        "/p", data={"name": "x"}, headers={"Sec-Fetch-Site": site}, allow_redirects=False
    )
    assert answer.status == status


async def test_packed(client):
    """Scripts, styles and pages cross the wire packed, for those who can unpack them."""
    path = f"/static/{MANIFEST['pad.js']}"
    packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    page = await client.get("/", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == page.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert (await client.get(f"{path}.gz")).status == 404


async def test_a_chosen_language(client):
    """It is kept in a cookie for all pages; what nobody speaks is not."""
    answer = await client.get("/?language=de", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.cookies["language"].value == "de"
    assert '<html lang="de">' in await (await client.get("/offline")).text()
    answer = await client.get("/?language=tlh", allow_redirects=False)
    assert answer.status == 200 and "language" not in answer.cookies


async def test_the_source(tmp_path):
    """The home page links to it where a setting says where it is."""
    settings = Settings(data=tmp_path / "data", source_url="https://example.org/source")
    async with TestClient(TestServer(create_app(settings))) as client:
        assert 'href="https://example.org/source"' in await (await client.get("/")).text()


async def test_the_service_worker_is_asked_for_anew(client):
    """Its address stays when it changes, and pages are allowed to run it; it names each file that
    it needs as this server has it.
    """
    answer = await client.get("/service_worker.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.content_type.endswith("/javascript")  # by the types that the system knows
    assert "worker-src 'self'" in answer.headers["Content-Security-Policy"]
    names = set(re.findall(r'"([\w.-]+-[A-Z0-9]{8}\.(?:js|css|woff2))"', await answer.text()))
    assert {MANIFEST[name] for name in ("pad.js", "home.js", "style.css", "theme.js")} <= names
    for name in names:
        assert (await client.get(f"/static/{name}")).status == 200
