"""the tables of a run of `make bench-server`: for the terminal, for the docs, and as JSON"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.server.measure import Cell, Effort
from benchmarks.server.peers import SERVERS
from benchmarks.server.workloads import WORKLOADS, Task, Workload
from benchmarks.tables import Grid, between, markdown

__all__ = ["BEGIN", "END", "Run", "grids", "save", "write_page"]

BEGIN, END = "<!-- server:begin -->", "<!-- server:end -->"
_NONE: Final = "-"

_Figures = Mapping[str, float]
_Column = tuple[str, Callable[[_Figures], str]]


@dataclass(frozen=True)
class Run:
    """One run: what was measured on what, when; cells by workload and server."""

    date: str
    machine: Machine
    effort: Effort
    cells: Mapping[str, Mapping[str, Cell]]


def _busy(figures: _Figures, key: str) -> str:
    """The share of its core that a process used."""
    return f"{figures[key] / figures['seconds']:.0%}"


_FLAT: Final[Sequence[_Column]] = (
    ("ops/s", lambda one: f"{one['ops'] / one['seconds']:,.0f}"),
    ("server CPU s per 1,000 ops", lambda one: f"{one['server_cpu'] / one['ops'] * 1000:.3f}"),
    ("server's core", lambda one: _busy(one, "server_cpu")),
    ("load's core", lambda one: _busy(one, "generator_cpu")),
    ("server MiB", lambda one: f"{one['rss'] / 2**20:.0f}"),
    ("keys lost", lambda one: f"{one['lost']:,.0f} of {one['typed']:,.0f}"),
)
_PACED: Final[Sequence[_Column]] = (
    ("seen p50 ms", lambda one: f"{one['p50']:.2f}"),
    ("p95 ms", lambda one: f"{one['p95']:.2f}"),
    ("p99 ms", lambda one: f"{one['p99']:.2f}"),
    ("server's core", lambda one: _busy(one, "server_cpu")),
    ("load's core", lambda one: _busy(one, "generator_cpu")),
    ("keys lost", lambda one: f"{one['lost']:,.0f}"),
)
_BACK: Final[Sequence[_Column]] = (
    ("ms", lambda one: f"{one['ms']:.1f}"),
    ("KB down", lambda one: f"{one['down'] / 1000:,.1f}"),
    ("KB up", lambda one: f"{one['up'] / 1000:,.1f}"),
)
_KILL: Final[Sequence[_Column]] = (
    ("acknowledged keys lost", lambda one: f"{one['lost']:,.0f}"),
    ("of", lambda one: f"{one['acknowledged']:,.0f}"),
)
_COLUMNS: Final[Mapping[Task, Sequence[_Column]]] = {
    "flat": _FLAT,
    "paced": _PACED,
    "back": _BACK,
    "kill": _KILL,
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
    columns = _COLUMNS[workload.task]
    rows = []
    for server in SERVERS:
        cell = run.cells[workload.name].get(server.name)
        if cell is None:
            continue
        shown = [show(cell.figures) if cell.figures else _NONE for _, show in columns]
        if cell.failure:
            shown[0] += f" ({cell.failure.splitlines()[0]})"
        rows.append([server.name, *shown])
    return Grid(workload.title, ["", *(name for name, _ in columns)], rows)


def save(run: Run, folder: Path) -> Path:
    """Write the run as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"server-{run.date.replace(':', '').replace(' ', '-')}.json"
    path.write_text(json.dumps(dataclasses.asdict(run), indent=1) + "\n", encoding="utf-8")
    return path


def write_page(run: Run, page: Path) -> None:
    """Put the tables between the markers of a page."""
    machine, effort = run.machine, run.effort
    head = (
        f"Measured on {run.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}, Node {machine.node}; {effort.seconds:g} s "
        f"after {effort.warmup_seconds:g} s of warm-up, each once."
    )
    tables = "\n\n".join(markdown(grid) for grid in grids(run))
    between(page, BEGIN, END, f"{head}\n\n{tables}")
