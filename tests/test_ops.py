"""the operations page: who may see it, what it shows, and that it follows what happens"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from client_py import PadClient
from server.admin import TRIES_PER_MINUTE
from server.app import create_app
from server.counters import LATENCY_MS, class_of_latency
from server.figures import Figures, Sample
from server.html import folder
from server.languages import load_languages
from server.ops_events import Event
from server.ops_shown import Now, PadRow, shown, without_script
from server.settings import Settings

TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LANGUAGES = load_languages(folder("strings", "strings"))


@asynccontextmanager
async def serving(tmp_path: Path, **settings: Any) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of a server; cookies are kept by the tests themselves."""
    app = create_app(Settings(data=tmp_path / "data", demo=False, **settings))
    async with TestServer(app) as server:
        client: TestClient[Any, Any] = TestClient(server, cookie_jar=DummyCookieJar())
        async with client:
            yield client


def state(*, edits: int = 0, **changes: Any) -> dict[str, Any]:
    """The page's figures, of a server that has had so many edits of 7 ms each."""
    figures = Figures()
    latency = [0] * (len(LATENCY_MS) + 1)
    for at, count in [(1_000, 0), (1_002, edits)]:
        latency = list(latency)
        latency[class_of_latency(7)] = count
        figures.add(
            Sample(
                at=at,
                pads=3,
                people=1_912,
                edits=count,
                latency=latency,
                resyncs=0,
                rejections=0,
                log_bytes=0,
                memory_bytes=214_000_000,
            )
        )
    values: dict[str, Any] = {
        "at": 1_002,
        "started": 1_002 - 3_700,
        "state": "ok",
        "stored_pads": 5,
        "log_bytes": 2_400_000_000,
        "disk_free": 0.5,
        "lag_ms": 1.0,
        "commit_classes": [5, 1],
        "snapshot_age": 40.0,
        "goal_ms": 50,
        "busiest": [],
        "events": [],
    }
    language: str = changes.pop("language", "en")
    return shown(figures, "15m", Now(**{**values, **changes}), LANGUAGES[language])


def tile(values: dict[str, Any], name: str) -> dict[str, Any]:
    return next(tile for tile in values["tiles"] if tile["name"] == name)


async def test_this_machine_sees_it_without_a_token(tmp_path):
    """A server that only this machine reaches shows itself to whoever sits there."""
    async with serving(tmp_path) as client:
        page = await client.get("/ops")
        assert page.status == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert "Pads open" in await page.text()
        assert (await client.get("/ops/figures")).status == 200


@pytest.mark.parametrize(
    ("settings", "headers"),
    [({"host": "0.0.0.0"}, {}), ({}, {"X-Forwarded-For": "192.0.2.1"}), ({}, {"Host": "x.test"})],
)
async def test_without_a_token_nobody_else_finds_it(tmp_path, settings, headers):
    """A server that others reach has no such page, neither to look at nor to sign in to."""
    async with serving(tmp_path, **settings) as client:
        assert (await client.get("/ops", headers=headers)).status == 404
        assert (await client.get("/ops/figures", headers=headers)).status == 404
    async with serving(tmp_path, **settings) as client:
        assert (await client.post("/ops", data={"token": ""}, headers=headers)).status == 404


async def test_with_a_token_set_it_is_asked_for(tmp_path):
    """Also on this machine: a page with a field for people, an error for programs."""
    async with serving(tmp_path, admin_token=TOKEN) as client:
        page = await client.get("/ops")
        assert page.status == 403
        assert 'name="token"' in await page.text()
        refused = await client.get("/ops/figures")
        assert refused.status == 403
        assert (await refused.json())["code"] == "admin_token_required"
        wrong = {"Authorization": f"Bearer {TOKEN}x"}
        assert (await client.get("/ops/figures", headers=wrong)).status == 403
        assert (await client.get("/ops/figures", headers=BEARER)).status == 200


async def test_signing_in_gives_a_cookie_from_which_the_token_cannot_be_told(tmp_path):
    """No script reads it, no other site sends it, and it opens this page alone."""
    async with serving(tmp_path, admin_token=TOKEN) as client:
        wrong = await client.post("/ops", data={"token": "0123456789abcdeg"})
        assert wrong.status == 403
        assert "not the token" in await wrong.text()
        assert "Set-Cookie" not in wrong.headers
        right = await client.post("/ops", data={"token": TOKEN}, allow_redirects=False)
        assert right.status == 303
        cookie = right.headers["Set-Cookie"]
        assert TOKEN not in cookie
        assert {"HttpOnly", "SameSite=Strict", "Path=/ops"} <= set(cookie.split("; "))
        assert "Secure" not in cookie, "it would not be kept"
        secure = {"X-Forwarded-Proto": "https"}
        right = await client.post(
            "/ops", data={"token": TOKEN}, headers=secure, allow_redirects=False
        )
        assert "Secure" in right.headers["Set-Cookie"].split("; "), "behind a proxy with https"
        name_and_value = {"Cookie": cookie.partition(";")[0]}
        assert (await client.get("/ops", headers=name_and_value)).status == 200
        assert (await client.get("/ops", headers={"Cookie": "deltapad_admin=x"})).status == 403


async def test_tokens_cannot_be_tried_without_end(tmp_path):
    """After as many as a person types even the right one has to wait."""
    async with serving(tmp_path, admin_token=TOKEN) as client:
        for _ in range(TRIES_PER_MINUTE):
            await client.post("/ops", data={"token": "wrong"})
        refused = await client.post("/ops", data={"token": TOKEN}, allow_redirects=False)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1


async def test_no_other_site_signs_in(tmp_path):
    """A form that a page of another site has sent is refused."""
    async with serving(tmp_path, admin_token=TOKEN) as client:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        answer = await client.post("/ops", data={"token": TOKEN}, headers=foreign)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


@pytest.mark.slow
@pytest.mark.parametrize(("token", "named"), [(TOKEN, "a-long-secret-name"), ("", "a-l…me")])
async def test_what_people_type_is_seen(tmp_path, token, named):
    """Edits, people, their latency and their pad, whose whole name only the token shows."""
    async with serving(tmp_path, admin_token=token) as client:
        await client.post("/p", data={"id": "a-long-secret-name"}, allow_redirects=False)
        async with PadClient(str(client.make_url("")).rstrip("/"), "a-long-secret-name") as writer:
            async with asyncio.timeout(15):
                while True:
                    writer.insert(0, "x")
                    await writer.synchronised()
                    answer = await client.get("/ops/figures", headers=BEARER if token else {})
                    text = await answer.text()
                    values = json.loads(text)
                    if not values["empty"]:
                        break
                    await asyncio.sleep(0.1)
        [row] = values["pads"]
        assert row[:2] == [named, "1"]
        assert re.fullmatch(r"r\d+", row[3])
        assert re.fullmatch(r"\d+\.\d [KM]B|–", row[4])
        assert row[5].endswith(" ms")
        assert [ms for ms in values["latency"]["p99"] if ms is not None]
        assert tile(values, "people")["figure"] == "1"
        assert ("a-long-secret-name" in text) is bool(token)


def test_a_server_without_traffic_says_so():
    """No figure is made up: a dash, and that the range is empty."""
    values = state()

    assert values["empty"]
    assert tile(values, "latencyTile")["figure"] == "–"
    assert not any(values["latency"]["p99"])


def test_figures_are_told_in_units_that_people_read():
    """Rounded, with a unit, and the percentile that the edits had."""
    values = state(edits=8)

    assert not values["empty"]
    assert tile(values, "edits")["figure"] == "4.0"
    assert (tile(values, "latencyTile")["figure"], tile(values, "latencyTile")["unit"]) == (
        "7",
        "ms",
    )
    assert (tile(values, "memory")["figure"], tile(values, "memory")["unit"]) == ("214", "MB")
    assert "2.4 GB" in tile(values, "growth")["context"]
    assert values["up"] == "Up 1 h"
    assert tile(values, "people")["figure"] == "1,912"
    assert tile(state(language="de"), "people")["figure"] == "1.912"


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"state": "full"}, 0),
        ({"commit_classes": [0] * 8 + [1]}, 0),
        ({"lag_ms": 80.0}, 1),
        ({"disk_free": 0.11}, 5),
    ],
)
def test_a_check_that_needs_somebody_is_marked(change, at):
    """Each by itself; and all are well where nothing is the matter."""
    assert [check["ok"] for check in state()["checks"]] == [True] * 6
    assert [check["ok"] for check in state(**change)["checks"]].index(False) == at


def test_a_peak_has_its_time():
    """The newest step that was as high; without a script in UTC, and of nothing there is none."""
    values = state(edits=8)

    assert tile(values, "people")["context"] == "peak 1,912 at {time}"
    assert tile(values, "edits")["peak_ms"] == 1_000_000
    read = without_script(values)
    assert tile(read, "people")["context"] == "peak 1,912 at 00:16"
    assert tile(read, "edits")["context"] == "peak 4.0 at 00:16"
    assert tile(state(), "edits")["context"] == "none in 15 min"


def test_a_log_is_told_in_bytes():
    """A dash until it is known."""
    row: dict[str, Any] = {
        "name": "plan",
        "people": 1,
        "edits_per_second": 0.5,
        "revision": 3,
        "p99": None,
    }
    known = state(busiest=[PadRow(**row, log_bytes=9_200_000), PadRow(**row, log_bytes=None)])

    assert [cells[4] for cells in known["pads"]] == ["9.2 MB", "–"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_event_has_its_words(language):
    """Also the ones that come once in a year, with numbers as people write them."""
    counted = ("diverged", "deleted", "turnedAway", "resynced", "refused", "snapshots")
    events = [Event(1, name, count=1_204) for name in counted]
    events += [Event(1, "slow", {"goal": 50}), *(Event(1, n) for n in ("diskIll", "diskWell"))]
    texts = [event["text"] for event in state(events=events, language=language)["events"]]

    number = "1.204" if language == "de" else "1,204"
    assert sum(number in text for text in texts) == len(counted)
    assert len(set(texts)) == len(events)


def test_without_a_script_there_are_times_to_read():
    """In UTC, the newest first, and only of steps with edits."""
    rows = without_script(state(edits=8))["latency_rows"]

    assert rows == [["00:16:40", 7, 7, 7]]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_speaks_every_language(tmp_path, language):
    """The whole page is made of texts that there are."""
    async with serving(tmp_path) as client:
        page = await client.get("/ops?range=24h", headers={"Cookie": f"language={language}"})
        assert f'lang="{language}"' in await page.text()
        assert page.status == 200


async def test_copies_in_the_data_folder_are_no_log(tmp_path: Path) -> None:
    """The size of the log is that of the database: not of what a restore has kept beside it."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "deltapad.sqlite.before-restore-20260412-101502").write_bytes(bytes(50_000_000))
    async with serving(tmp_path, admin_token=TOKEN) as client:
        async with asyncio.timeout(30):
            while True:
                answer = await client.get("/ops/figures", headers=BEARER)
                told = tile(await answer.json(), "growth")["context"]
                if told != "0.0 KB in total":
                    break
                await asyncio.sleep(0.05)

    assert re.fullmatch(r"\d+ KB in total", told)
