"""a quarter of an hour of a busy server, for the operations page: made up, put in between"""

from __future__ import annotations

import math
import time
from typing import Any

from server.counters import LATENCY_MS, class_of_latency
from server.figures import Figures, Sample
from server.html import folder
from server.languages import load_languages
from server.ops_events import Event
from server.ops_shown import Now, PadRow, shown

__all__ = ["busy"]

_PEAK = 45


def busy() -> dict[str, Any]:
    """What `GET /ops/figures` answers there and then."""
    figures = Figures()
    latency = [0] * (len(LATENCY_MS) + 1)
    edits, log_bytes = 0, 2_400_000_000
    now = time.time() // 10 * 10
    for number in range(90):
        at = now - 10 * (89 - number)
        wave = math.sin(number / 4) + math.sin(number / 1.7) / 2
        slow = max(0.0, 1 - abs(number - _PEAK) / 3)
        for ms, share in [(5 + wave, 60), (12 + 2 * wave + 6 * slow, 36), (22 + 34 * slow, 4)]:
            latency[class_of_latency(round(ms))] += share * 40
        edits += round(4_000 + 400 * wave)
        log_bytes += round(5_000 + 800 * wave)
        figures.add(
            Sample(
                at=at,
                pads=38,
                people=142 + round(6 * wave),
                edits=edits,
                latency=list(latency),
                resyncs=number // 30,
                rejections=0,
                log_bytes=log_bytes,
                memory_bytes=214_000_000 + round(1e6 * wave),
            )
        )
    pads = [("tow…k2", 50, 188.0, 48_210, 31), ("aut…2x", 5, 14.2, 1_284, 18)]
    pads += [("demo", 4, 9.1, 90_233, 15), ("rea…Qm", 2, 0.8, 77, 12)]
    return shown(
        figures,
        "15m",
        Now(
            at=now,
            started=now - 12 * 86_400,
            state="ok",
            stored_pads=1_912,
            log_bytes=log_bytes,
            disk_free=0.11,
            lag_ms=6.0,
            commit_classes=[80, 15, 5],
            snapshot_age=42,
            goal_ms=50,
            busiest=[
                PadRow(
                    name=name,
                    people=people,
                    edits_per_second=rate,
                    revision=revision,
                    log_bytes=190 * revision,
                    p99=p99,
                )
                for name, people, rate, revision, p99 in pads
            ],
            events=[
                Event(now - 12 * 86_400, "started", {}),
                Event(now - 900, "snapshots", count=3),
                Event(now - 450, "slow", {"goal": 50}),
                Event(now - 130, "resynced", count=2),
                Event(now - 40, "turnedAway", count=1_204),
            ],
        ),
        load_languages(folder("strings", "strings"))["en"],
    )
