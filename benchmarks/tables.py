"""the tables of a run: for the terminal, for the docs, and as JSON"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.core.workloads import WORKLOADS, Workload
from benchmarks.machine import Machine
from benchmarks.measure import Cell
from benchmarks.peers import PEERS, REPO

__all__ = [
    "PAGE",
    "RESULTS",
    "Grid",
    "Run",
    "between",
    "grids",
    "keep",
    "markdown",
    "new_console",
    "print_grids",
    "print_run",
    "save",
    "write_page",
]

# The page that all figures are written into, and where each run is kept as JSON.
PAGE: Final = REPO / "docs/explanation/performance.md"
RESULTS: Final = REPO / "benchmarks/results"


BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
_NONE: Final = "-"
_COMPILED, _PURE = "deltapad (compiled)", "deltapad (pure)"


@dataclass(frozen=True)
class Run:
    """One run: what was measured on what, when; cells by workload and peer."""

    date: str
    machine: Machine
    made_up: bool
    effort: str
    cells: Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True)
class Grid:
    """A table as text: a title, the names of the columns, and the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def grids(run: Run) -> list[Grid]:
    """The summary, then one table for each workload that was measured."""
    measured = [workload for workload in WORKLOADS if workload.name in run.cells]
    return [_summary(run, measured), *(_detail(run, workload) for workload in measured)]


def _summary(run: Run, measured: Sequence[Workload]) -> Grid:
    columns = ["work", "unit", "best peer", "", _COMPILED, "ratio", _PURE, "ratio"]
    rows = []
    for workload in measured:
        cells = run.cells[workload.name]
        name, best = _best_peer(workload, cells)
        row = [workload.title, _unit(workload), name or _NONE, _number(best)]
        for ours in (_COMPILED, _PURE):
            figure = cells[ours].figure(workload) if ours in cells else None
            row += [_number(figure), _ratio(figure, best)]
        rows.append(row)
    return Grid("Summary", columns, rows)


def _detail(run: Run, workload: Workload) -> Grid:
    cells = run.cells[workload.name]
    _, best = _best_peer(workload, cells)
    memory = workload.unit == "MiB"
    times = ["warm wall", "warm CPU", "cold wall", "cold CPU", *["worst"] * workload.worst]
    columns = ["", "version", *(["memory"] if memory else times), "ratio", "processes"]
    peers = {peer.name: peer for peer in PEERS}

    def order(name: str) -> float:
        return cells[name].figure(workload) or float("inf")

    rows = []
    for name in sorted(cells, key=order):
        cell = cells[name]
        figures = [cell.warm_wall, cell.warm_cpu, cell.cold_wall, cell.cold_cpu]
        figures += [cell.worst] * workload.worst
        if memory:
            figures = [cell.memory]
        shown = [_number(figure) for figure in figures]
        if cell.failure:
            shown[0] += f" ({cell.failure})"
        count = str(cell.processes) if cell.processes else _NONE
        ratio = _ratio(cell.figure(workload), best)
        rows.append([name, peers[name].version() or _NONE, *shown, ratio, count])
    return Grid(f"{workload.title} ({_unit(workload)})", columns, rows)


def _best_peer(workload: Workload, cells: Mapping[str, Cell]) -> tuple[str, float | None]:
    """Who of the peers has the least, and how much; ours do not count."""
    figures = {
        peer.name: figure
        for peer in PEERS
        if peer.kind in ("python", "node") and peer.name in cells
        if (figure := cells[peer.name].figure(workload)) is not None
    }
    name = min(figures, key=figures.__getitem__, default="")
    return name, figures.get(name)


def _unit(workload: Workload) -> str:
    return f"{workload.unit} CPU" if workload.by == "cpu" else workload.unit


def _number(figure: float | None) -> str:
    """Three digits, as far as they say anything."""
    if figure is None:
        return _NONE
    digits = 0 if figure >= 100 else 1 if figure >= 10 else 2 if figure >= 1 else 3
    return f"{figure:,.{digits}f}"


def _ratio(figure: float | None, best: float | None) -> str:
    if figure is None or not best:
        return _NONE
    return f"{figure / best:,.2f}"


def print_run(console: Console, run: Run) -> None:
    """The tables of a run, in the terminal."""
    print_grids(console, grids(run))


def new_console(width: int) -> Console:
    """Standard output; `width` columns where no terminal says how many there are."""
    console = Console()
    if not console.is_terminal:
        console.width = width
    return console


def print_grids(console: Console, grids: Sequence[Grid]) -> None:
    """Tables, in the terminal."""
    for grid in grids:
        table = Table(title=grid.title, title_justify="left", box=box.SIMPLE_HEAD)
        for index, column in enumerate(grid.columns):
            table.add_column(column, justify="right" if index else "left", no_wrap=not index)
        for row in grid.rows:
            table.add_row(*row, style="bold" if row[0].startswith("deltapad") else None)
        console.print(table)


def save(run: Run, folder: Path) -> Path:
    """Write the run as JSON."""
    return keep(dataclasses.asdict(run), folder, run.date)


def keep(run: object, folder: Path, name: str) -> Path:
    """Write plain data as JSON, in a file that is called after it and its date."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace(':', '').replace(' ', '-')}.json"
    path.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    return path


def write_page(run: Run, page: Path) -> None:
    """Put the tables between the markers of a page."""
    between(page, BEGIN, END, _markdown(run))


def between(page: Path, begin: str, end: str, content: str) -> None:
    """Replace what stands between two markers of a page."""
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    assert found and ended, f"{page.name} has no {begin} … {end}"
    page.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}", encoding="utf-8")


def _markdown(run: Run) -> str:
    machine = run.machine
    made_up = " The traces were not there: a made-up one stands in for them." * run.made_up
    head = (
        f"Measured on {run.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}, Node {machine.node}; {run.effort}.{made_up}"
    )
    return "\n\n".join([head, *(markdown(grid) for grid in grids(run))])


def markdown(grid: Grid) -> str:
    """A table with its title, as the docs have it."""
    lines = [
        f"### {grid.title}",
        "",
        _row(grid.columns),
        _row(["---", *["---:"] * (len(grid.columns) - 1)]),
    ]
    return "\n".join(lines + [_row(row) for row in grid.rows])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
