"""PURE: the figures of the operations page as texts of a language and points of its charts"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from server.counters import COMMIT_SECONDS, LATENCY_MS
from server.figures import RANGES, Figures, Step, percentile
from server.languages import Language
from server.ops_events import Event

__all__ = ["Now", "PadRow", "shown", "without_script"]

# Below it one wants to make room before it is urgent.
_DISK_FREE_MIN: Final = 0.15
# A lag that people notice while they type.
_LAG_MS_MAX: Final = 50.0
# A disk that is slower is one that people notice.
_COMMIT_MS_MAX: Final = 100.0
_DASH: Final = "–"
_CLOCK: Final = "{:%H:%M:%S}"
_DAY: Final = "{:%Y-%m-%d}"
# In the context of a tile: the time of its peak, in the zone of whoever looks.
_TIME: Final = "{time}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PadRow:
    """A busy pad; rates of the last minute."""

    name: str
    people: int
    edits_per_second: float
    revision: int
    # None while it is not known yet.
    log_bytes: int | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is known beside the steps."""

    at: float
    started: float
    state: str
    stored_pads: int
    log_bytes: int
    disk_free: float
    lag_ms: float | None
    commit_classes: Sequence[int]
    # Seconds since one was written, None for never.
    snapshot_age: float | None
    goal_ms: int
    busiest: list[PadRow]
    events: list[Event]


def shown(figures: Figures, name: str, now: Now, language: Language) -> dict[str, Any]:
    """All that the page shows of a range. Moments are milliseconds since 1970."""
    seconds, count = RANGES[name]
    steps = figures.steps(name)
    by_time = {step.at: step for step in steps}
    newest = figures.newest.at if figures.newest else now.at
    end = newest - newest % seconds
    moments = [end - seconds * back for back in range(count - 1, -1, -1)]
    latency = [_percentiles(by_time.get(at)) for at in moments]
    return {
        "at_ms": round(1_000 * newest),
        "healthy": now.state == "ok",
        "state": language.text("ops.healthy" if now.state == "ok" else "ops.ill"),
        "up": language.text("ops.up", time=_duration(now.at - now.started, language)),
        "tiles": _tiles(figures, moments, now, language),
        "latency": {
            "step_ms": 1_000 * seconds,
            "start_ms": round(1_000 * moments[0]),
            "p50": [three[0] for three in latency],
            "p95": [three[1] for three in latency],
            "p99": [three[2] for three in latency],
        },
        "empty": not any(step.edits for step in steps),
        "checks": _checks(figures, now, language),
        "pads": [
            [
                row.name,
                _number(row.people, language),
                _number(row.edits_per_second, language, 1),
                f"r{row.revision}",
                _DASH if row.log_bytes is None else " ".join(_bytes(row.log_bytes, language)),
                _DASH if row.p99 is None else f"{_number(row.p99, language)} ms",
            ]
            for row in now.busiest
        ],
        "events": [
            {
                "at_ms": round(1_000 * event.at),
                "text": language.text(f"ops.{event.name}", **_values(event, language)),
            }
            for event in reversed(now.events)
        ],
    }


def _values(event: Event, language: Language) -> dict[str, Any]:
    if event.count is None:
        return dict(event.values)
    return {**event.values, "count": _number(event.count, language)}


def without_script(values: dict[str, Any]) -> dict[str, Any]:
    """The same with times that can be read: a script knows the reader's zone, we know UTC."""
    latency = values["latency"]
    columns = zip(latency["p50"], latency["p95"], latency["p99"], strict=True)
    rows = [
        [_CLOCK.format(_utc(latency["start_ms"] + number * latency["step_ms"])), *three]
        for number, three in enumerate(columns)
        if three[0] is not None
    ]
    day = _DAY.format(_utc(values["at_ms"]))
    events = []
    for event in values["events"]:
        at = _utc(event["at_ms"])
        shown_at = _CLOCK if _DAY.format(at) == day else _DAY
        events.append({**event, "time": shown_at.format(at)})
    tiles = [
        tile
        if tile["peak_ms"] is None
        else {**tile, "context": tile["context"].replace(_TIME, f"{_utc(tile['peak_ms']):%H:%M}")}
        for tile in values["tiles"]
    ]
    return {**values, "tiles": tiles, "latency_rows": rows[::-1], "events": events}


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def _percentiles(step: Step | None) -> tuple[float | None, ...]:
    counts = step.latency if step else []
    return tuple(percentile(counts, share, LATENCY_MS) for share in (0.5, 0.95, 0.99))


def _tiles(
    figures: Figures, moments: Sequence[float], now: Now, language: Language
) -> list[dict[str, Any]]:
    """Label, figure, unit, context line, and the points of the sparkline."""
    of_quarter = {step.at: step for step in figures.steps("15m")}
    steps = sorted(of_quarter.values(), key=lambda step: step.at)
    last, newest = steps[-1] if steps else None, figures.newest
    t = language.text

    def tile(
        name: str,
        value: str,
        unit: str,
        context: str,
        points: Sequence[float | None],
        peak_ms: int | None = None,
    ) -> Any:
        return {
            "name": name,
            "label": t(f"ops.{name}"),
            "figure": value if newest else _DASH,
            "unit": unit if newest else "",
            "context": context,
            # When its peak was, which whoever shows it writes into the context.
            "peak_ms": peak_ms,
            "points": points,
        }

    def peak(name: str, value: str, unit: str, points: Sequence[float]) -> Any:
        most = max(points, default=0)
        if not most:
            return tile(name, value, unit, t("ops.noPeak"), points)
        # The newest of those that are as high.
        at = max(step.at for step, point in zip(steps, points, strict=True) if point == most)
        digits = 1 if isinstance(most, float) and most < 10 else 0
        context = t("ops.peak", value=_number(most, language, digits), time=_TIME)
        return tile(name, value, unit, context, points, round(1_000 * at))

    people, rates = [s.people for s in steps], [s.edits_per_second for s in steps]
    p99 = [_percentiles(step)[2] for step in steps]
    growth = last.growth_per_hour if last else 0.0
    grown, grown_unit = _bytes(growth, language)
    memory, memory_unit = _bytes(newest.memory_bytes if newest else 0, language)
    slowest = p99[-1] if p99 else None
    total = " ".join(_bytes(now.log_bytes, language))
    return [
        tile(
            "pads",
            _number(newest.pads if newest else 0, language),
            "",
            t("ops.stored", count=_number(now.stored_pads, language)),
            [s.pads for s in steps],
        ),
        peak("people", _number(newest.people if newest else 0, language), "", people),
        peak(
            "edits",
            _number(rates[-1] if rates else 0, language, 1 if rates and rates[-1] < 10 else 0),
            t("ops.perSecond"),
            rates,
        ),
        tile(
            "latencyTile",
            _DASH if slowest is None else _number(slowest, language),
            "" if slowest is None else "ms",
            t("ops.goal", value=now.goal_ms),
            p99,
        ),
        tile(
            "growth",
            grown,
            t("ops.perHour", unit=grown_unit),
            t("ops.inTotal", size=total),
            [s.growth_per_hour for s in steps],
        ),
        tile("memory", memory, memory_unit, t("ops.process"), [s.memory_bytes for s in steps]),
    ]


def _checks(figures: Figures, now: Now, language: Language) -> list[dict[str, Any]]:
    t = language.text
    steps = figures.steps("1h")
    commit = percentile(now.commit_classes, 0.99, COMMIT_SECONDS)
    commit_ms = None if commit is None else 1_000 * commit
    ago = None if now.snapshot_age is None else _duration(now.snapshot_age, language)

    def check(name: str, *, ok: bool, value: object) -> dict[str, Any]:
        return {"ok": ok, "label": t(f"ops.{name}"), "value": str(value)}

    def p99(ms: float | None) -> str:
        return _DASH if ms is None else str(t("ops.p99", value=_number(ms, language)))

    resyncs, rejections = sum(s.resyncs for s in steps), sum(s.rejections for s in steps)
    return [
        check(
            "writable",
            ok=now.state == "ok" and (commit_ms or 0) <= _COMMIT_MS_MAX,
            value=p99(commit_ms),
        ),
        check("loop", ok=(now.lag_ms or 0) <= _LAG_MS_MAX, value=p99(now.lag_ms)),
        check("snapshot", ok=True, value=t("ops.ago", time=ago) if ago else t("ops.never")),
        check("resyncs", ok=True, value=_number(resyncs, language)),
        check("rejected", ok=rejections == 0, value=_number(rejections, language)),
        check(
            "disk",
            ok=now.disk_free >= _DISK_FREE_MIN,
            value=t("ops.left", percent=round(100 * now.disk_free)),
        ),
    ]


def _number(value: float, language: Language, digits: int = 0) -> str:
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if language.code == "de" else text


def _bytes(size: float, language: Language) -> tuple[str, str]:
    unit = "KB"
    size /= 1_000
    for larger in ("MB", "GB"):
        if size >= 1_000:
            size, unit = size / 1_000, larger
    return _number(size, language, 1 if size < 10 else 0), unit


def _duration(seconds: float, language: Language) -> str:
    whole = max(0, int(seconds))
    for name, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if whole >= length:
            return str(language.text(f"ops.{name}", count=whole // length))
    return str(language.text("ops.seconds", count=whole))
