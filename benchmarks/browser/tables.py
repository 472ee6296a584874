"""the table of a run of `make bench-browser`: for the terminal, for the docs, and as JSON"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import Machine
from benchmarks.tables import Grid, between, keep, markdown

__all__ = ["BEGIN", "END", "Cell", "Run", "grid", "save", "write_page"]

BEGIN, END = "<!-- browser:begin -->", "<!-- browser:end -->"
_FIGURES: Final = ("wall_p50", "wall_p95", "wall_p99", "cpu_p50", "cpu_p95", "cpu_p99")
_TITLES: Final = ("p50 ms", "p95 ms", "p99 ms", "at work p50", "p95", "p99")


@dataclass(frozen=True)
class Cell:
    """What was typed into, and what came out: the percentiles by their names."""

    length: int
    people: int
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """One run: what was measured on what, when."""

    date: str
    machine: Machine
    browser: str
    keys: int
    cells: Sequence[Cell]


def grid(run: Run) -> Grid:
    """A row for each text and crowd."""
    rows = [
        [_label(cell), *(f"{cell.figures[figure]:.1f}" for figure in _FIGURES), _reach(cell)]
        for cell in run.cells
    ]
    return Grid("A key, in the browser", ["", *_TITLES, "to reach"], rows)


def _label(cell: Cell) -> str:
    size = f"{cell.length // 1_000_000} MB" if cell.length >= 1_000_000 else "10 KB"
    return f"{size}, {cell.people} other people"


def _reach(cell: Cell) -> str:
    return "p95 below 16" if (cell.length, cell.people) == (1_000_000, 50) else ""


def save(run: Run, folder: Path) -> Path:
    """Write the run as JSON."""
    return keep(dataclasses.asdict(run), folder, f"browser-{run.date}")


def write_page(run: Run, page: Path) -> None:
    """Put the table between the markers of a page."""
    machine = run.machine
    head = (
        f"Measured on {run.date}: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, "
        f"{machine.system}, Chromium {run.browser}; {run.keys} keys in each row."
    )
    between(page, BEGIN, END, f"{head}\n\n{markdown(grid(run))}")
