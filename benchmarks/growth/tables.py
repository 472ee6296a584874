"""the tables of a run of `make bench-growth`: for the terminal, for the docs, and as JSON"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.growth.measure import BEHIND, LOG_LENGTH, PAD_CONNECTIONS, Cell, Effort
from benchmarks.growth.serving import Build
from benchmarks.machine import Machine
from benchmarks.tables import Grid, between, keep, markdown

__all__ = ["BEGIN", "END", "TABLES", "Run", "Table", "exponent", "grids", "save", "write_page"]

BEGIN, END = "<!-- growth:begin -->", "<!-- growth:end -->"
_NONE: Final = "-"

_Figures = Mapping[str, float]


@dataclass(frozen=True)
class Column:
    """A figure by its name, and how it is shown. The exponent of one that is `fitted` is told."""

    title: str
    figure: str
    show: Callable[[float], str]
    fitted: bool = False


@dataclass(frozen=True)
class Table:
    """One question: the steps that it is asked at, how each is called, and what was to be reached
    there.
    """

    name: str
    title: str
    steps: Sequence[int]
    label: Callable[[int], str]
    columns: Sequence[Column]
    reach: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One run: what was measured on what, when; cells by table, build and step."""

    date: str
    machine: Machine
    effort: Effort
    cells: Mapping[str, Mapping[Build, Mapping[int, Cell]]]


def _ms(value: float) -> str:
    return f"{value:,.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _kb(value: float) -> str:
    return f"{value / 1e3:,.1f}"


def _mb(value: float) -> str:
    return f"{value / 1e6:,.1f}"


def _mib(value: float) -> str:
    return f"{value / 2**20:,.1f}"


def _kib(value: float) -> str:
    return f"{value / 2**10:,.1f}"


def _share(value: float) -> str:
    return f"{value:.0%}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _size(step: int) -> str:
    for unit, size in (("MB", 1_000_000), ("KB", 1_000)):
        if step >= size:
            return f"{step / size:g} {unit}"
    return f"{step} bytes"


_SEEN: Final = (
    Column("seen p50 ms", "p50", _ms),
    Column("p95 ms", "p95", _ms),
    Column("p99 ms", "p99", _ms),
)
_CORES: Final = (
    Column("server's core", "server_core", _share),
    Column("load's core", "load_core", _share),
)
_CPU: Final = Column("CPU s per 1,000 edits", "cpu", _seconds, fitted=True)
_OPENED: Final = (
    Column("first text ms", "first", _ms, fitted=True),
    Column("KB down", "down", _kb),
    Column("bare ms", "bare", _ms, fitted=True),
    Column("ratio", "ratio", _ratio),
    Column("second ms", "again", _ms, fitted=True),
)

TABLES: Final = (
    Table(
        "clients",
        "Clients on one pad, all of whom write, 100 edits/s in all",
        (10, 30, 100, 300, 1_000),
        lambda step: f"{step:,} clients",
        (
            *_SEEN,
            _CPU,
            Column("per 1,000 deliveries", "delivery_cpu", lambda value: f"{value:.5f}", True),
            Column("server MiB", "rss", _mib, fitted=True),
            *_CORES,
        ),
    ),
    Table(
        "size",
        "Size of the text, 10 writers at 5 keys/s",
        (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
        _size,
        (_CPU, Column("seen p95 ms", "p95", _ms, fitted=True), *_OPENED),
        {10_000_000: "ratio at most 1.5"},
    ),
    Table(
        "log",
        f"Length of the log, at the end of which is the same text of {_size(LOG_LENGTH)}",
        (1, 1_000, 10_000, 100_000, 1_000_000),
        lambda step: f"{step:,} revision" + "s" * (step > 1),
        (
            *_OPENED,
            Column(f"{BEHIND:,} behind ms", "behind", _ms, fitted=True),
            Column("server MiB", "rss", _mib, fitted=True),
            Column("database MB", "database", _mb, fitted=True),
            _CPU,
        ),
        {
            100_000: "first text in at most 30 ms and 110 KB; database at most 12 MB",
            1_000_000: "ratio at most 1.5; memory does not hold the log",
        },
    ),
    Table(
        "idle",
        f"Idle connections, {PAD_CONNECTIONS} on each pad",
        (1_000, 10_000),
        lambda step: f"{step:,} on {step // PAD_CONNECTIONS:,} pads",
        (
            Column("KiB each", "each", _kib),
            Column("server MiB", "rss", _mib),
            Column("joining p50 ms", "p50", _ms),
            Column("p95 ms", "p95", _ms),
            Column("CPU s per 1,000 joins", "cpu", _seconds),
        ),
        dict.fromkeys((1_000, 10_000), "at most 16 KiB each, joining p95 at most 30 ms"),
    ),
    Table(
        "crowd",
        "A crowd on one pad: 400 writers with 0.25 edits/s each, and 600 readers",
        (1_000,),
        lambda step: f"{step:,} clients",
        (*_SEEN, Column("edits/s", "edits", _whole), _CPU, *_CORES),
        {1_000: "p95 at most 100 ms for five minutes, no error, all texts equal"},
    ),
    Table(
        "slow",
        "A reader at 1 KB/s beside 100 readers and 10 writers",
        (50, 1_000),
        lambda step: f"{step} keys/s" if step == 50 else f"{step:,} pastes/s",
        (
            Column("seen p95 ms without", "without_p95", _ms),
            Column("with", "p95", _ms),
            Column("ratio", "ratio", _ratio),
            Column("KB sent to each", "sent", _kb),
            Column("KB it took", "slow_bytes", _kb),
            Column("MiB more", "more", _mib),
            Column("of", "rss", _mib),
        ),
        dict.fromkeys((50, 1_000), "ratio at most 1.2, no memory beyond its cursor"),
    ),
    Table(
        "durable",
        "Acknowledged when durable: 100 writers on 20 pads",
        (1_000,),
        lambda step: f"{step:,} edits/s",
        (
            Column("acknowledged p50 ms", "ack_p50", _ms),
            Column("p99 ms", "ack_p99", _ms),
            Column("edits/s", "edits", _whole),
            _CPU,
            *_CORES,
        ),
        {1_000: "p50 at most 10 ms, p99 at most 50 ms"},
    ),
)


def exponent(points: Mapping[int, float]) -> float | None:
    """By which power a figure grows: the slope of the line through its logarithms (least squares);
    None for less than three points, and for what is not above nothing everywhere.
    """
    if len(points) < 3 or min(points.values()) <= 0:
        return None
    xs = [math.log(step) for step in points]
    ys = [math.log(value) for value in points.values()]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    return above / sum((a - x) ** 2 for a in xs)


def grids(run: Run) -> list[Grid]:
    """One table for each question that was asked."""
    return [_grid(run, table) for table in TABLES if table.name in run.cells]


def _grid(run: Run, table: Table) -> Grid:
    reach = ["to reach"] if table.reach else []
    rows = []
    for build, cells in run.cells[table.name].items():
        for step, cell in cells.items():
            shown = [_shown(cell.figures, column) for column in table.columns]
            if cell.failure:
                shown[0] += f" ({cell.failure.splitlines()[0]})"
            rows.append([f"{table.label(step)}, {build}", *shown])
            rows[-1] += [table.reach.get(step, "")] * len(reach)
        if any(column.fitted for column in table.columns) and len(cells) > 2:
            fits = [_fit(cells, column) for column in table.columns]
            rows.append([f"exponent, {build}", *fits, *[""] * len(reach)])
    return Grid(table.title, ["", *(column.title for column in table.columns), *reach], rows)


def _shown(figures: _Figures, column: Column) -> str:
    value = figures.get(column.figure)
    return _NONE if value is None else column.show(value)


def _fit(cells: Mapping[int, Cell], column: Column) -> str:
    if not column.fitted:
        return ""
    known = {
        step: cell.figures[column.figure]
        for step, cell in cells.items()
        if column.figure in cell.figures
    }
    slope = exponent(known)
    return _NONE if slope is None else f"{slope:.2f}"


def save(run: Run, folder: Path) -> Path:
    """Write the run as JSON."""
    return keep(dataclasses.asdict(run), folder, f"growth-{run.date}")


def write_page(run: Run, page: Path) -> None:
    """Put the tables between the markers of a page."""
    machine, effort = run.machine, run.effort
    head = (
        f"Measured on {run.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}; {effort.seconds:g} s of each load, "
        f"{effort.crowd_seconds:g} s of the crowd, {effort.slow_seconds:g} s of the slow reader, "
        f"each once; what is opened after a restart is "
        f"the median of {effort.restarts} restarts."
    )
    tables = "\n\n".join(markdown(grid) for grid in grids(run))
    between(page, BEGIN, END, f"{head}\n\n{tables}")
