"""draws a run over time, or the steps of a ramp over their writers"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from server.amounts import amount
from server.load.report import Report
from server.plot import COLORS, INK, MUTED, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]


def draw(path: Path, reports: list[Report], *, bound_ms: float | None) -> None:
    """Draw one run, or the steps of a ramp that looked for `bound_ms`. Raises PlotError."""

    def paint(figure: Figure) -> None:
        from matplotlib.ticker import LogLocator, NullLocator

        above, below = figure.subplots(
            2, sharex=True, gridspec_kw={"height_ratios": [3, 2], "hspace": 0.08}
        )
        plan = reports[0].plan
        pads, readers = amount(plan.pads, "pad"), amount(plan.readers, "reader")
        if bound_ms is None:
            title = f"{pads} x ({amount(plan.writers, 'writer')} + {readers})"
            _run(above, below, reports[0])
        else:
            title = f"{pads}, more and more writers, {readers} each"
            _ramp(above, below, reports, bound_ms)
        how = "flat out" if not plan.rate else f"{plan.rate:g} edits/s each"
        above.set_title(title + "\n", loc="left", fontsize=15, fontweight="bold", pad=2)
        above.text(0, 1.03, f"{plan.model}, {how}", transform=above.transAxes, color=MUTED)
        above.set_ylabel("edit to seen, ms")
        below.set_ylabel("per second")
        for axes in (above, below):
            if axes.lines:
                axes.legend(
                    loc="lower right", bbox_to_anchor=(1, 1), ncols=5, frameon=False, fontsize=9
                )
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.yaxis.set_minor_locator(NullLocator())
        tidy(above, below)
        for axes in (above, below):
            axes.yaxis.set_major_formatter("{x:,g}")

    save_figure(path, paint)


def _run(above: Axes, below: Axes, report: Report) -> None:
    seconds = report.timeline
    at = [second.at for second in seconds]
    for color, name in zip(COLORS, ("p50", "p95", "p99", "max"), strict=False):
        values = [getattr(second.seen, name) for second in seconds]
        _line(above, at, values, color, name)
    _line(below, at, [second.acked for second in seconds], COLORS[0], "acknowledged")
    _line(below, at, [second.deliveries for second in seconds], COLORS[1], "deliveries")
    below.set_xlabel("seconds")


def _ramp(above: Axes, below: Axes, reports: list[Report], bound_ms: float) -> None:
    writers = [float(report.plan.writers) for report in reports]
    for color, name in zip(COLORS, ("p50", "p95", "p99", "max"), strict=False):
        values = [getattr(report.seen, name) for report in reports]
        _line(above, writers, values, color, name)
    above.axhline(bound_ms, color=INK, linewidth=1, linestyle="dashed", label="bound of p95")
    _line(below, writers, [report.acked for report in reports], COLORS[0], "acknowledged")
    _line(below, writers, [report.deliveries for report in reports], COLORS[1], "deliveries")
    below.set_xlabel("writers of each pad")


def _line(
    axes: Axes, places: list[float], values: list[float | None], color: str, label: str
) -> None:
    """What is not known, or nothing, is left out: the scale is logarithmic."""
    known = [(place, value) for place, value in zip(places, values, strict=True) if value]
    if not known:
        return
    axes.plot(
        [place for place, _ in known],
        [value for _, value in known],
        color=color,
        label=label,
        linewidth=1.6,
        marker="o",
        markersize=3,
    )
