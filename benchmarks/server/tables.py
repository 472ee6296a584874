"""the tables of a run of `make bench-server`: for the terminal, for the docs, and as JSON"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.server.measure import Cell, Effort
from benchmarks.server.peers import SERVERS
from benchmarks.server.workloads import WORKLOADS, Task, Workload
from benchmarks.tables import Grid, between, keep, markdown

__all__ = ["BEGIN", "END", "Run", "grids", "save", "write_page"]

BEGIN, END = "<!-- server:begin -->", "<!-- server:end -->"
# Whose main figure the others' are a multiple of.
BASE: Final = "deltapad (pure)"
_NONE: Final = "-"

_Figures = Mapping[str, float]


@dataclass(frozen=True)
class Column:
    """A column: a figure of one run, and the format that its median is shown in."""

    name: str
    value: Callable[[_Figures], float]
    shape: str


@dataclass(frozen=True)
class Run:
    """One run: what was measured on what, when; cells by workload and server."""

    date: str
    machine: Machine
    effort: Effort
    cells: Mapping[str, Mapping[str, Cell]]


_LOAD: Final = (
    Column("server's core", lambda one: one["server_cpu"] / one["seconds"], ".0%"),
    Column("load's core", lambda one: one["generator_cpu"] / one["seconds"], ".0%"),
)
# The first column of each is its main figure.
_COLUMNS: Final[Mapping[Task, Sequence[Column]]] = {
    "flat": (
        Column("ops/s", lambda one: one["ops"] / one["seconds"], ",.0f"),
        Column(
            "server CPU s per 1,000 ops",
            lambda one: one["server_cpu"] / max(1, one["ops"]) * 1000,
            ",.3f",
        ),
        *_LOAD,
        Column("server MiB", lambda one: one["rss"] / 2**20, ",.0f"),
        Column("keys lost", lambda one: one["lost"] / max(1, one["typed"]), ".0%"),
    ),
    "paced": (
        Column("seen p50 ms", lambda one: one["p50"], ",.2f"),
        Column("p95 ms", lambda one: one["p95"], ",.2f"),
        Column("p99 ms", lambda one: one["p99"], ",.2f"),
        *_LOAD,
        Column("keys lost", lambda one: one["lost"] / max(1, one["ops"]), ".0%"),
    ),
    "back": (
        Column("ms", lambda one: one["ms"], ",.1f"),
        Column("KB down", lambda one: one["down"] / 1000, ",.1f"),
        Column("KB up", lambda one: one["up"] / 1000, ",.1f"),
    ),
    "idle": (
        Column("KiB RSS each", lambda one: one["rss_more"] / one["connections"] / 1024, ",.1f"),
        Column("joining p50 ms", lambda one: one["p50"], ",.1f"),
        Column("p95 ms", lambda one: one["p95"], ",.1f"),
        Column("server MiB", lambda one: one["rss"] / 2**20, ",.0f"),
    ),
    "restart": (
        Column("first text ms", lambda one: one["ms"], ",.1f"),
        Column("KB down", lambda one: one["down"] / 1000, ",.1f"),
        Column("MB on the disk", lambda one: one["disk"] / 1e6, ",.1f"),
    ),
    "kill": (
        Column("acknowledged keys lost", lambda one: one["lost"], ",.0f"),
        Column("of", lambda one: one["acknowledged"], ",.0f"),
    ),
}


def grids(run: Run) -> list[Grid]:
    """What an acknowledgement means, then one table for each workload that was measured."""
    measured = {name for cells in run.cells.values() for name in cells}
    rows = [
        [server.name, server.version() or _NONE, server.acknowledges]
        for server in SERVERS
        if server.name in measured
    ]
    meaning = Grid("When an edit counts as acknowledged", ["", "version", "it is"], rows)
    return [meaning, *(_table(run, one) for one in WORKLOADS if one.name in run.cells)]


def _table(run: Run, workload: Workload) -> Grid:
    main, *others = _COLUMNS[workload.task]
    cells = run.cells[workload.name]
    base = _median(main, cells.get(BASE, Cell()))
    rows = []
    for server in SERVERS:
        if server.name not in cells:
            continue
        cell = cells[server.name]
        shown = [_spread(main, cell), _ratio(_median(main, cell), base)]
        shown += [_shown(column, _median(column, cell)) for column in others]
        if cell.failure:
            shown[0] += f" ({cell.failure.splitlines()[0]})"
        rows.append([server.name, *shown])
    names = [main.name, f"x of {BASE}", *(column.name for column in others)]
    return Grid(workload.title, ["", *names], rows)


def _median(column: Column, cell: Cell) -> float | None:
    values = [column.value(figures) for figures in cell.runs]
    return statistics.median(values) if values else None


def _shown(column: Column, value: float | None) -> str:
    return _NONE if value is None else format(value, column.shape)


def _spread(column: Column, cell: Cell) -> str:
    """The median of all runs, and behind it the lowest and the highest."""
    median = _shown(column, _median(column, cell))
    if len(cell.runs) < 2:
        return median
    values = [column.value(figures) for figures in cell.runs]
    return f"{median} ({_shown(column, min(values))}-{_shown(column, max(values))})"


def _ratio(value: float | None, base: float | None) -> str:
    return _NONE if value is None or not base else f"{value / base:.2f}"


def save(run: Run, folder: Path) -> Path:
    """Write the run as JSON."""
    return keep(dataclasses.asdict(run), folder, f"server-{run.date}")


def write_page(run: Run, page: Path) -> None:
    """Put the tables between the markers of a page."""
    machine, effort = run.machine, run.effort
    head = (
        f"Measured on {run.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}, Node {machine.node}; {effort.seconds:g} s "
        f"after {effort.warmup_seconds:g} s of warm-up, {effort.repeats} times where a span "
        f"stands behind the median."
    )
    tables = "\n\n".join(markdown(grid) for grid in grids(run))
    between(page, BEGIN, END, f"{head}\n\n{tables}")
