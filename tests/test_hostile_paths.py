"""hostile addresses, headers and names: on every route they are the sender's fault, never ours"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.test_utils import TestClient, TestServer

from server.app import create_app
from server.journal import MESSAGE_MAX, OneLine, ours
from server.settings import Settings
from tests.conftest import REPO
from tests.test_pages import HOSTILE
from tests.wire import view_link

Browser = TestClient[web.Request, web.Application]

NAMES = [
    *("__proto__", "constructor", "prototype", "toString", "null", "undefined", "NaN", "-0", "0"),
    *("con", "nul", "aux", "com1", ".git", ".env", "wp-admin", "index.php", "web.config", "%"),
    *("%2", "%u0041", "%e0%80%af", "%c1%9c", "%f8%a1%a1%a1%a1", "%f4%90%80%80", "%ef%bf%bf"),
    *("%e2%80%8b", "%e2%80%a8", "%cc%81", "%f0%9f%91%a8%e2%80%8d%f0%9f%91%a9", "%ef%bc%8f"),
    *("'--", "%27;DROP%20TABLE%20pads;--", "%25%25", "_%25", "a%27%20OR%20%27a%27=%27a", "%22%22"),
    *("{{7*7}}", "${7*7}", "#{7*7}", "%3C%3Fphp%3F%3E", "%3Csvg%20onload=alert(1)%3E", "`id`"),
    *("(((((", "[a-z]*", "a%7Cb", "^a", "a$", "a%5c", "%5c%5chost%5cshare", "file:///etc/passwd"),
    *("//evil.example", "http://evil.example", "@evil.example", "x:x@y", "%09", "%0b%0c", "%7f"),
    *("%1b%5b2J", "%0d%0aX-Injected:%20yes", "%0aSet-Cookie:a=b", "a;b=c", "a?b", "a%3Fb", "%23"),
]
FORMS = ["{}", "{}x", "x{}", "{}%00", "{}/..", "{}/../..%2f"]


def payloads() -> list[str]:
    """Segments of paths, as they stand in a request."""
    random = Random(15)
    made = [form.format(name) for name in [*HOSTILE, *NAMES] for form in FORMS[:2]]
    made += [random.choice(FORMS[2:]).format(random.choice(HOSTILE)) for _ in range(40)]
    for _ in range(60):
        made.append("".join(f"%{random.randrange(256):02x}" for _ in range(random.randrange(1, 9))))
    return [payload.replace(" ", "%20") for payload in dict.fromkeys(made)]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Browser]:
    """The whole application, with one pad."""
    app = create_app(Settings(data=tmp_path / "data", new_pads_per_minute=0, demo=False))
    async with TestClient(TestServer(app), raise_for_status=False) as client:
        await client.post("/p", data={"id": "pad", "text": "text"}, allow_redirects=False)
        yield client


async def answers(client: Browser, requests: list[bytes]) -> list[bytes]:
    """What each of these gets, over connections of their own."""

    async def answer(request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(request)
        try:
            return await reader.read()
        finally:
            writer.close()

    found = []
    for start in range(0, len(requests), 50):
        found += await asyncio.gather(*map(answer, requests[start : start + 50]))
    return found


@pytest.mark.slow
async def test_every_route(client, caplog):
    """Three hundred hostile segments in the place of each name, by each method: 4xx, or a page that
    is there for everybody; no error of ours, nothing injected, nothing made.
    """
    assert len(payloads()) >= 300
    routes = sorted(
        {
            (route.method, resource.canonical)
            for resource in client.app.router.resources()
            for route in resource
            if "{" in resource.canonical and route.method in ("GET", "POST", "PUT")
        }
    )
    assert len(routes) >= 15
    requests = []
    for number, payload in enumerate(payloads()):
        for at, (method, path) in enumerate(routes):
            if (number + at) % 3 == 0:
                target = re.sub(r"\{\w+\}", payload.replace("\\", "\\\\"), path)
                requests.append(
                    f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    f"Content-Length: 0\r\n\r\n".encode("latin-1", "replace")
                )
    seen: Counter[int] = Counter()
    for request, answer in zip(requests, await answers(client, requests), strict=True):
        status = int(answer.split()[1])
        seen[status] += 1
        assert 400 <= status < 500, (request, answer[:300])
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"set-cookie" not in head and b"x-injected" not in head, request
        assert b"root:" not in answer and b"Traceback" not in answer
    assert seen[404] >= 1_000
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert (await client.get("/p/pad/text")).status == 200


@pytest.mark.parametrize(
    "query",
    [
        *("from=x", "from=-1", "from=1e3", "from=1&to=0", "from=%00", "to=" + "9" * 400, "from=٣"),
        *("from=" + "9" * 15, "to=99", "from=", "to=1.0", "from=0x1", "from=+1", "from=%201"),
    ],
)
async def test_ranges_of_history(client, query):
    """What is no revision of this pad is refused by its code."""
    answer = await client.get(f"/p/pad/history?{query}")
    assert (answer.status, (await answer.json())["code"]) == (400, "no_such_revision")


# --- Who may do what, on every route --------------------------------------------------------------

# method, path -> by the edit link, by the view-only link while the history is hidden. Whoever adds
# a route says here who may use it.
MAY: dict[tuple[str, str], tuple[int, int]] = {
    # No upgrade at all: which of the two links it is is not even looked at.
    ("GET", "/ws/{}"): (400, 400),
    ("GET", "/ws/view/{}"): (400, 400),
    ("GET", "/p/{}"): (200, 404),
    ("POST", "/p/{}"): (409, 404),
    # Neither link is enough for that.
    ("DELETE", "/p/{}"): (401, 401),
    ("GET", "/v/{}"): (404, 200),
    ("POST", "/v/{}"): (404, 403),
    ("GET", "/p/{}/text"): (200, 404),
    ("PUT", "/p/{}/text"): (428, 404),
    ("GET", "/v/{}/text"): (404, 200),
    ("GET", "/p/{}/log"): (200, 404),
    ("GET", "/v/{}/log"): (404, 403),
    ("GET", "/p/{}/history"): (200, 404),
    ("GET", "/v/{}/history"): (404, 403),
    ("GET", "/p/{}/versions"): (200, 404),
    ("POST", "/p/{}/versions"): (400, 404),
    ("GET", "/v/{}/versions"): (404, 403),
    ("GET", "/p/{}/status"): (200, 404),
    ("GET", "/v/{}/status"): (404, 200),
    ("GET", "/static/{}"): (404, 404),
}


async def test_every_route_by_every_link(client, tmp_path):
    """One key does nothing where the other is asked for; there is no route that is not in the
    table, and no method that the table does not name does anything.
    """
    view = view_link(tmp_path / "data", "pad").removeprefix("view/")
    async with client.ws_connect("/ws/pad", protocols=["deltapad.1"]) as socket:
        await socket.send_json(
            {"type": "hello", "session": "s" * 22, "person": "p" * 22, "name": "A", "color": 0}
        )
        await socket.send_json({"type": "properties", "view_history": False})
        while (await socket.receive_json())["type"] != "properties":
            pass
    routes = {
        (route.method, re.sub(r"\{\w+\}", "{}", resource.canonical))
        for resource in client.app.router.resources()
        for route in resource
        if "{" in resource.canonical and route.method != "HEAD"
    }
    assert routes == set(MAY)
    for (method, path), statuses in MAY.items():
        for key, status in zip(("pad", view), statuses, strict=True):
            answer = await client.request(method, path.format(key), allow_redirects=False)
            assert answer.status == status, (method, path, key)
            if status >= 400:
                assert "pad" not in re.findall(r"/p/(\w+)", await answer.text()) or key == "pad"
    for path in {path for _, path in MAY}:
        for method in {"POST", "PUT", "DELETE", "PATCH"} - {m for m, p in MAY if p == path}:
            answer = await client.request(method, path.format("pad"))
            assert answer.status in (403, 404, 405), (method, path)
    assert (await (await client.get("/p/pad/text")).text()) == "text"


# --- Lines of the log -----------------------------------------------------------------------------

INJECTED = [
    *("a\nb", "a\r\nb", "a\rb", "a\x0bb", "a\x0cb", "a\x1cb", "a\x85b", "a\u2028b", "a\u2029b"),
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\x00b", "a\x7fb", "a\x08\x08b", "\u202ebad"),
    *("\u2066x", "%s%s%n", "{}", '"}\n{"level":"CRITICAL"}', "x" * 100_000, "\ud83d", "é😀"),
]


def lines_of(record: logging.LogRecord) -> list[str]:
    """What is written, as a reader of any kind divides it."""
    return OneLine("%(levelname)s %(name)s: %(message)s").format(record).splitlines()


@pytest.mark.parametrize("payload", INJECTED, ids=lambda payload: ascii(payload[:12]))
def test_a_record_is_a_line(payload):
    """Whatever is in it: nothing that ends the line, moves the cursor or turns the direction."""
    record = logging.LogRecord("deltapad", logging.ERROR, "", 0, "pad %s", (payload,), None)
    (line,) = lines_of(record)
    assert (line.startswith("ERROR deltapad: pad ") and line.isprintable()) or "\ud83d" in payload
    assert len(line) <= MESSAGE_MAX + 200


@pytest.mark.parametrize("payload", INJECTED, ids=lambda payload: ascii(payload[:12]))
def test_no_line_of_a_traceback_looks_like_a_record(payload):
    """Each is indented, also where the text of an error has ends of lines in it."""
    try:
        raise ValueError(payload)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    first, *rest = lines_of(record)
    assert first == "ERROR x: failed"
    assert len(rest) >= 3 and all(line.startswith("    ") for line in rest)


def test_an_unsafe_formatter_is_found_out():
    """The usual one writes two lines."""
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\nb", (), None)
    assert len(logging.Formatter("%(message)s").format(record).splitlines()) == 2


def test_what_is_no_http_is_not_logged():
    """Anybody may send it without end; errors of ours stay."""
    for error, kept in ((BadHttpMessage("?"), False), (ValueError("?"), True)):
        info = (type(error), error, None)
        record = logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "x", (), info)
        assert ours(record) is kept
    assert ours(logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "x", (), None))


# --- Regular expressions --------------------------------------------------------------------------

# What makes a pattern go back and forth, if anything does: long runs, and an end that does not fit.
RUNS = ["a", "A", "0", "-", " ", "\t", ".", ",", ";", '"', "'", "\\", "[", "(", "<", "*", "_", "`"]
RUNS += ["a-", "a ", "a,", "a=", "1.", "r0", '"r', "\\a", "[a](", "q=", "&#", "é", "😀", "\u202e"]


def patterns() -> dict[str, re.Pattern[str]]:
    """Every literal of a regular expression in the server and the core."""
    found: dict[str, re.Pattern[str]] = {}
    for package in ("ot", "server", "client_py"):
        for path in (REPO / package).rglob("*.py"):
            source = path.read_text()
            calls = re.findall(
                r're\.(?:compile|fullmatch|match|search|sub|findall|split)\(\s*r?("[^\n]*?"|'
                r"'[^\n]*?')(?=[,)\n])",
                source,
            )
            for literal in [*calls, *re.findall(r'Meta\(pattern=r("[^\n]*?")\)', source)]:
                text = literal[1:-1]
                found[f"{path.name}: {text}"] = re.compile(text)
    return found


def seconds(pattern: re.Pattern[str], text: str) -> float:
    start = time.process_time()
    pattern.search(text)
    pattern.fullmatch(text)
    pattern.sub("", text)
    return time.process_time() - start


def is_quick(pattern: re.Pattern[str]) -> bool:
    """Whether 100,000 characters take it no longer than a moment."""
    for run in RUNS:
        for end in ("", "!\n"):
            # The short one first: what is not linear must not be waited for.
            for length in (24, 30, 36, 42, 2_000, 100_000):
                text = (run * length)[:length] + end
                if seconds(pattern, text) > 0.02 + length * 2e-6:
                    return False
    return True


@pytest.mark.slow
def test_regular_expressions_are_linear():
    """None of ours can be made to go back and forth for long."""
    found = patterns()
    assert len(found) >= 12
    assert [name for name, pattern in found.items() if not is_quick(pattern)] == []


def test_a_slow_regular_expression_is_found_out():
    """Two that everybody knows."""
    assert not is_quick(re.compile(r"^(\s*a\s*)*$"))
    assert not is_quick(re.compile(r"\s+$"))
