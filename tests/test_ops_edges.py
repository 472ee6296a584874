"""the bounds of the operations page, each at its edge and one past it; events that people cause"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest

import server.ops
from client_py import PadClient
from server.admin import _ADDRESSES_MAX, TOKEN_LENGTH_MIN, Admin, TokenError, read_token
from server.counters import COMMIT_SECONDS, LATENCY_MS, class_of_latency
from server.figures import GAP_SECONDS_MAX, RANGES, Figures
from server.html import Html
from server.hub import Hub
from server.ops import _LAGS_MAX, BUSIEST_MAX, GOAL_MS, MARK_SECONDS, Ops, _shortened
from server.settings import Settings
from tests.test_admin import request
from tests.test_figures import sample
from tests.test_hub import attach, running
from tests.test_ops import BEARER, TOKEN, serving, state


@pytest.mark.parametrize("name", RANGES)
def test_a_ring_is_as_long_as_its_range(name):
    """Filled to the last step it has all of them; with one more the oldest has gone."""
    seconds, count = RANGES[name]
    figures, begin = Figures(), 86_400.0
    # A step is what lies after a sample.
    figures.add(sample(begin - 1))
    for number in range(count * max(1, seconds // 30)):
        figures.add(sample(begin + number * min(seconds, 30)))
    first = [step.at for step in figures.steps(name)]
    assert (len(first), first[0]) == (count, begin)

    figures.add(sample(begin + count * seconds))
    second = [step.at for step in figures.steps(name)]
    assert (len(second), second[0]) == (count, begin + seconds)


@pytest.mark.parametrize(("late", "counted"), [(0.0, [7]), (0.1, [])])
def test_a_gap_between_samples(late, counted):
    """As long as may be, what happened in it is counted; any longer, it belongs to no step."""
    figures = Figures()
    figures.add(sample(1_000))
    figures.add(sample(1_000 + GAP_SECONDS_MAX + late, edits=7))

    assert [step.edits for step in figures.steps("24h")] == counted


@pytest.mark.parametrize(
    ("change", "ok"),
    [
        ({"disk_free": 0.15}, True),
        ({"disk_free": 0.149}, False),
        ({"lag_ms": 50.0}, True),
        ({"lag_ms": 50.1}, False),
        ({"commit_classes": [0] * COMMIT_SECONDS.index(0.1) + [1]}, True),
        ({"commit_classes": [0] * COMMIT_SECONDS.index(0.25) + [1]}, False),
    ],
)
def test_a_check_at_its_edge(change, ok):
    """What is just enough is well; a little less is not."""
    assert all(check["ok"] for check in state(**change)["checks"]) is ok


def test_a_name_is_shown_in_part_or_hardly():
    """From 12 characters on five of them tell pads apart, and leave seven to guess."""
    assert _shortened("abcdefghijkl") == "abc…kl"
    assert _shortened("abcdefghijk") == "a…"


def test_the_length_of_a_token():
    """As many characters as it has to have are enough, one less is not."""
    assert read_token("x" * TOKEN_LENGTH_MIN, "") == "x" * TOKEN_LENGTH_MIN
    with pytest.raises(TokenError, match="at least 16"):
        read_token("x" * (TOKEN_LENGTH_MIN - 1), "")


@pytest.mark.slow
@pytest.mark.parametrize(("more", "waits"), [(0, True), (1, False)])
def test_so_many_addresses_are_remembered(more, waits):
    """Of the last thousand it is known who has tried too often; the oldest is forgotten."""
    admin = Admin(Settings(admin_token=TOKEN), clock=lambda: 0.0)
    for _ in range(11):
        admin.seconds_to_wait(request("192.0.2.1"))
    for number in range(_ADDRESSES_MAX - 1 + more):
        admin.seconds_to_wait(request(f"198.51.{number // 256}.{number % 256}"))

    assert (admin.seconds_to_wait(request("192.0.2.1")) > 0) is waits


@pytest.fixture
async def at_work(tmp_path: Path) -> AsyncIterator[tuple[Ops, Hub]]:
    """What the page knows of a hub, measured when a test says so."""
    async with running(tmp_path) as (hub, store):
        html = cast(Html, None)
        yield Ops(hub, store, html, Admin(Settings()), Settings(data=tmp_path)), hub


@pytest.mark.parametrize("pads", [BUSIEST_MAX, BUSIEST_MAX + 1])
async def test_so_many_pads_are_shown(at_work, pads):
    """The busiest ones; one too many, and it is the one with the fewest edits that is not there."""
    ops, hub = at_work
    async with AsyncExitStack() as stack:
        for number in range(pads):
            await hub.create(f"pad-{number:02}", "")
            pad = await stack.enter_async_context(hub.open(f"pad-{number:02}"))
            assert pad is not None
            await attach(pad)
            pad.latency_classes[0] = number
        rows = ops._busiest(whole_ids=True)
    fewest = pads - BUSIEST_MAX
    assert [row.name for row in rows] == [f"pad-{n:02}" for n in range(pads - 1, fewest - 1, -1)]


@pytest.mark.parametrize(("more", "lag_ms"), [(0, 80.0), (1, 0.0)])
async def test_lags_of_a_minute_are_remembered(at_work, more, lag_ms):
    """Three late rounds among 240 are more than 1 %; when the first is forgotten they are not."""
    ops, _ = at_work
    for number in range(_LAGS_MAX + more):
        ops._late(80.0 if number < 3 else -0.5)
    assert ops._lag_ms() == lag_ms


async def test_how_long_it_is_up_when_the_clock_is_set(tmp_path, monkeypatch):
    """Since it was started, whatever the clock has been set to meanwhile."""
    async with serving(tmp_path) as client:
        monkeypatch.setattr(server.ops, "time", _Clock(time.time() + 86_400, time.monotonic()))
        figures = await (await client.get("/ops/figures")).json()
    assert re.fullmatch(r"Up \d\d? s", figures["up"])


@pytest.mark.parametrize(("late", "rate"), [(-0.1, 4), (0.0, 3)])
async def test_rates_are_those_since_a_mark(at_work, monkeypatch, late, rate):
    """There is a new mark when the last is as old as may be, and the one before the last goes."""
    ops, hub = at_work
    started = ops._marks[0][0]
    async with hub.open("pad") as pad:
        assert pad is not None
        await attach(pad)
        for edits, at in [(1, MARK_SECONDS), (2, 2 * MARK_SECONDS + late)]:
            pad.latency_classes[0] = edits
            with monkeypatch.context() as patch:
                patch.setattr(server.ops, "time", _Clock(started + at))
                ops._measure()
        pad.latency_classes[0] = 4
        [(_, latency)] = ops._busy_pads()
    assert latency[0] == rate


class _Clock:
    """The module `time` as the page uses it, at a given moment."""

    def __init__(self, now: float, monotonic: float | None = None) -> None:
        self._now = now
        self._monotonic = now if monotonic is None else monotonic

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic


@pytest.mark.parametrize(("ms", "slow"), [(GOAL_MS, False), (GOAL_MS + 1, True)])
async def test_slow_is_what_is_past_the_goal(at_work, ms, slow):
    """A p99 of the goal itself keeps it."""
    ops, hub = at_work
    assert GOAL_MS in LATENCY_MS
    ops._measure()
    hub.counters.latency_classes[class_of_latency(ms)] += 100
    ops._measure()
    names = [event.name for event in ops._events.all()]
    assert ("slow" in names) is slow


async def _come(url: str) -> None:
    """Try to come in, for as long as it takes to be turned away once."""
    async with asyncio.timeout(1), PadClient(url, "plan"):
        pass


@pytest.mark.slow
async def test_what_people_cause_is_an_event(tmp_path):
    """Connections that were one too many, and a pad that was deleted, in words and numbers."""
    async with serving(tmp_path, admin_token=TOKEN, pad_connections_max=1) as client:
        url = str(client.make_url("")).rstrip("/")
        await client.post("/p", data={"id": "plan"}, allow_redirects=False)
        async with PadClient(url, "plan") as writer:
            writer.insert(0, "x")
            await writer.synchronised()
            with pytest.raises(TimeoutError):
                await _come(url)
            assert (await client.delete("/p/plan", headers=BEARER)).status == 200
        wanted = {"Connections turned away, too many: ", "Pads deleted: "}
        async with asyncio.timeout(15):
            while True:
                answer: dict[str, Any] = await (
                    await client.get("/ops/figures", headers=BEARER)
                ).json()
                texts = [event["text"] for event in answer["events"]]
                if wanted <= {text.rstrip("0123456789,") for text in texts}:
                    break
                await asyncio.sleep(0.1)
        assert "Pads deleted: 1" in texts
