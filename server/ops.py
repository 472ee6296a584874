"""the operations page: measures every 2 seconds, and shows the figures to whoever may see them"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from server.admin import Admin
from server.counters import LATENCY_MS
from server.database import DATABASE
from server.doors import from_our_pages
from server.figures import RANGES, Figures, Sample, percentile
from server.html import Html, Message, packed
from server.hub import Hub
from server.ops_events import Events
from server.ops_shown import Now, PadRow, shown, without_script
from server.ops_sizes import LogSizes
from server.pad import Pad
from server.settings import Settings
from server.storage import StorageError, Store

__all__ = ["Ops"]

SAMPLE_SECONDS: Final = 2.0
# How late the event loop is, is looked at so often; a late one is late for everybody.
LAG_SECONDS: Final = 0.25
# Looks at the lag that are remembered: of a minute.
_LAGS_MAX: Final = 240
# What is asked of the disk, which may be slow, is asked this seldom.
DISK_SECONDS: Final = 10.0
# The rates of pads are those since a mark which is between one and two of these old.
MARK_SECONDS: Final = 30.0
# Rows: those that one looks at when something is slow.
BUSIEST_MAX: Final = 10
# Half a frame of a person's attention, and what the chart has as its goal.
GOAL_MS: Final = 50
# Of a shorter name five characters are too many to show: the others could be tried.
_SHORTENED_MIN: Final = 12
_NONE: Final = [0] * (len(LATENCY_MS) + 1)


class Ops:
    """What the operations page knows, and its addresses."""

    def __init__(
        self, hub: Hub, store: Store, html: Html, admin: Admin, settings: Settings
    ) -> None:
        self._hub = hub
        self._store = store
        self._html = html
        self._admin = admin
        self._data = settings.data
        self._figures = Figures()
        self._started = time.monotonic()
        self._lags: deque[float] = deque(maxlen=_LAGS_MAX)
        self._events = Events()
        self._events.note(time.time(), "started")
        self._sizes = LogSizes(store)
        self._state = hub.health.state
        self._slow = False
        self._stored_pads, self._log_bytes, self._disk_free = 0, 0, 1.0
        # What the pads had counted, by name, at the last two marks.
        self._marks: deque[tuple[float, dict[str, list[int]]]] = deque([(time.monotonic(), {})], 2)

    def add_routes(self, app: web.Application) -> None:
        """Put the page into an application, and measure for as long as that runs."""
        app.add_routes(
            [
                web.get("/ops", self.show),
                web.post("/ops", self.sign_in),
                web.get("/ops/figures", self.figures),
            ]
        )
        app.cleanup_ctx.append(self._run)

    async def show(self, request: web.Request) -> web.Response:
        """`GET /ops`: the page, with the newest figures in it; `?range=` chooses others."""
        if not self._may_see(request):
            if not self._admin.has_token:
                raise web.HTTPNotFound
            return self._html.page(request, "ops_sign_in.html", http_status=403, wrong=False)
        name = _range(request)
        values = self._shown(request, name)
        page = self._html.page(
            request, "ops.html", range=name, goal_ms=GOAL_MS, **without_script(values)
        )
        page.headers["Cache-Control"] = "no-store"
        return page

    async def sign_in(self, request: web.Request) -> web.Response:
        """`POST /ops`: the token from the form, for which the browser gets a cookie."""
        if not self._admin.has_token:
            raise web.HTTPNotFound
        if not from_our_pages(request):
            raise Message(403, "foreign")
        form = await request.post()
        # Counted before it is looked at, so that a try too many tells nothing.
        seconds = self._admin.seconds_to_wait(request)
        if seconds > 0:
            raise Message(429, "tooManyTokens", retry_seconds=int(seconds) + 1)
        if not self._admin.is_token(str(form.get("token", ""))):
            return self._html.page(request, "ops_sign_in.html", http_status=403, wrong=True)
        answer = web.HTTPSeeOther("/ops")
        self._admin.sign_in(request, answer, "/ops")
        raise answer

    async def figures(self, request: web.Request) -> web.Response:
        """`GET /ops/figures?range=15m`: what the page shows, every 2 seconds."""
        if not self._may_see(request):
            if not self._admin.has_token:
                raise web.HTTPNotFound
            message = "the admin token is needed: Authorization: Bearer TOKEN"
            refused = {"code": "admin_token_required", "message": message, "action": "stop"}
            return web.json_response(refused, status=403)
        answer = web.json_response(self._shown(request, _range(request)))
        answer.headers["Cache-Control"] = "no-store"
        return packed(answer)

    def _may_see(self, request: web.Request) -> bool:
        if self._admin.has_token:
            return self._admin.signed_in(request)
        return self._admin.is_this_machine(request)

    def _shown(self, request: web.Request, name: str) -> dict[str, Any]:
        at = time.time()
        now = Now(
            at=at,
            # As this clock has it now: it may have been set since.
            started=at - (time.monotonic() - self._started),
            state=self._hub.health.state,
            stored_pads=self._stored_pads,
            log_bytes=self._log_bytes,
            disk_free=self._disk_free,
            lag_ms=self._lag_ms(),
            commit_classes=self._hub.counters.commit_classes,
            snapshot_age=self._hub.counters.snapshot_age(),
            goal_ms=GOAL_MS,
            busiest=self._busiest(whole_ids=self._admin.has_token),
            events=self._events.all(),
        )
        return shown(self._figures, name, now, self._html.language(request))

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        # Or all that was there before would have grown just now.
        await self._ask_disk()
        for_ever = (self._sample(), self._watch_disk(), self._watch_logs())
        tasks = [asyncio.create_task(work) for work in for_ever]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sample(self) -> None:
        """For ever: how late the event loop is, and every 2 seconds all the rest."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            before = loop.time()
            await asyncio.sleep(LAG_SECONDS)
            self._late(1_000 * (loop.time() - before - LAG_SECONDS))
            if loop.time() < due:
                continue
            due = loop.time() + SAMPLE_SECONDS - LAG_SECONDS
            self._measure()

    def _late(self, ms: float) -> None:
        self._lags.append(max(0.0, ms))

    def _lag_ms(self) -> float | None:
        """The 99th percentile of the looks that are remembered."""
        return sorted(self._lags)[int(0.99 * len(self._lags))] if self._lags else None

    def _measure(self) -> None:
        counters, pads, at = self._hub.counters, self._hub.loaded_pads(), time.time()
        sample = Sample(
            at=at,
            pads=len(pads),
            people=sum(len(pad.connections) for pad in pads),
            edits=sum(counters.latency_classes),
            latency=list(counters.latency_classes),
            resyncs=counters.resyncs,
            rejections=counters.rejections,
            log_bytes=self._log_bytes,
            memory_bytes=_memory_bytes(),
        )
        self._figures.add(sample)
        now = time.monotonic()
        if now - self._marks[-1][0] >= MARK_SECONDS:
            marks = {pad.record.name: list(pad.latency_classes) for pad in pads}
            self._marks.append((now, marks))
        self._note(at)

    def _note(self, at: float) -> None:
        """Remember what has changed."""
        state, counters = self._hub.health.state, self._hub.counters
        if state != self._state:
            self._state = state
            self._events.note(at, "diskWell" if state == "ok" else "diskIll")
        for name, total in (
            ("diverged", counters.divergences),
            ("deleted", counters.deletions),
            ("turnedAway", counters.turned_away),
            ("resynced", counters.resyncs),
            ("refused", counters.rejections),
            ("snapshots", counters.snapshots),
        ):
            self._events.counted(at, name, total)
        steps = self._figures.steps("15m")
        p99 = percentile(steps[-1].latency, 0.99, LATENCY_MS) if steps else None
        slow = p99 is not None and p99 > GOAL_MS
        if slow and not self._slow:
            self._events.note(at, "slow", goal=GOAL_MS)
        self._slow = slow

    async def _watch_disk(self) -> None:
        while True:
            await asyncio.sleep(DISK_SECONDS)
            await self._ask_disk()

    async def _watch_logs(self) -> None:
        while True:
            # What was known is shown on; the check of the log says what is the matter.
            with contextlib.suppress(StorageError):
                busy = self._busy_pads()
                await self._sizes.measure({p.record.key: p.document.committed for p, _ in busy})
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _ask_disk(self) -> None:
        """How much there is, and how much room."""
        try:
            self._stored_pads = await self._store.count()
            self._log_bytes, self._disk_free = await asyncio.to_thread(_on_disk, self._data)
        except (StorageError, OSError):
            # The check of the log says so; what was known is shown on.
            pass

    def _busy_pads(self) -> list[tuple[Pad, list[int]]]:
        """The busiest pads, and the latency of their edits since the mark, in classes."""
        marks = self._marks[0][1]
        busy = []
        for pad in self._hub.loaded_pads():
            counted = zip(pad.latency_classes, marks.get(pad.record.name, _NONE), strict=True)
            # A pad that has left memory and come again counts anew.
            latency = [max(0, now - then) for now, then in counted]
            if pad.connections or any(latency):
                busy.append((pad, latency))
        busy.sort(key=lambda row: (-sum(row[1]), -len(row[0].connections), row[0].record.name))
        return busy[:BUSIEST_MAX]

    def _busiest(self, *, whole_ids: bool) -> list[PadRow]:
        seconds = max(SAMPLE_SECONDS, time.monotonic() - self._marks[0][0])
        return [
            PadRow(
                name=pad.record.name if whole_ids else _shortened(pad.record.name),
                people=len(pad.connections),
                edits_per_second=sum(latency) / seconds,
                revision=pad.document.committed,
                log_bytes=self._sizes.of(pad.record.key),
                p99=percentile(latency, 0.99, LATENCY_MS),
            )
            for pad, latency in self._busy_pads()
        ]


def _shortened(name: str) -> str:
    """Enough to tell pads apart, and not the key of a link; of a short name hardly anything."""
    return f"{name[:3]}…{name[-2:]}" if len(name) >= _SHORTENED_MIN else f"{name[0]}…"


def _range(request: web.Request) -> str:
    name = request.query.get("range", "15m")
    return name if name in RANGES else "15m"


def _on_disk(data: Path) -> tuple[int, float]:
    """Bytes of the database with its log, and the share of the disk that is free. Copies that a
    restore or an upgrade has left in the folder do not grow.
    """
    files = (data / DATABASE, data / f"{DATABASE}-wal")
    size = sum(path.stat().st_size for path in files if path.exists())
    disk = shutil.disk_usage(data)
    return size, disk.free / disk.total


def _memory_bytes() -> int:
    """What of this process is in memory; where the system does not say it, the most that was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1_024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
