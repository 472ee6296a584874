"""the growth benchmarks' command line: `make bench-growth`, with what it passes on in ARGS"""

from __future__ import annotations

import dataclasses
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from benchmarks.growth.measure import Cell, Effort, Made, measure
from benchmarks.growth.serving import BUILDS, Build, stay_on_the_loads_core
from benchmarks.growth.tables import TABLES, Run, grids, save, write_page
from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.tables import PAGE, RESULTS, new_console, print_grids

# Columns that the widest table needs.
_WIDTH = 180


@click.command()
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.Choice([table.name for table in TABLES]),
    help="Measure this table only (may be given again); the page is not written then.",
)
@click.option("--build", type=click.Choice(list(BUILDS)), help="Measure this build only.")
@click.option("--at-most", type=int, help="Leave out the steps above this, such as 100000.")
@click.option("--seconds", type=float, help="Seconds of each load; the page is left alone.")
@click.option("--write/--no-write", default=True, help="Write the tables into the docs.")
def main(
    rows: tuple[str, ...],
    build: Build | None,
    at_most: int | None,
    seconds: float | None,
    *,
    write: bool,
) -> None:
    """Measure how deltapad's own cost grows: the server on core 0, its load on core 1."""
    # Ended from outside, it still ends the processes that it has started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    stay_on_the_loads_core()
    console = new_console(_WIDTH)
    effort = Effort()
    if seconds is not None:
        effort = dataclasses.replace(
            effort, seconds=seconds, crowd_seconds=seconds, slow_seconds=seconds
        )
    run = Run(
        date=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        machine=this_machine(),
        effort=effort,
        cells=_measure(console, rows, build, at_most, effort),
    )
    print_grids(console, grids(run))
    console.print(f"Saved as {save(run, RESULTS).relative_to(REPO)}")
    # Figures of several runs side by side would compare what was not measured side by side.
    if write and not (rows or build or at_most or seconds):
        write_page(run, PAGE)
        console.print(f"Written to {PAGE.relative_to(REPO)}")


def _measure(
    console: Console, rows: tuple[str, ...], only: Build | None, at_most: int | None, effort: Effort
) -> dict[str, dict[Build, dict[int, Cell]]]:
    cells: dict[str, dict[Build, dict[int, Cell]]] = {}
    builds = [build for build in BUILDS if only in (None, build) and not BUILDS[build].absent()]
    with (
        tempfile.TemporaryDirectory(prefix="bench-growth-") as folder,
        console.status("") as status,
    ):
        for table in TABLES:
            if rows and table.name not in rows:
                continue
            made = Made(Path(folder) / table.name)
            cells[table.name] = {build: {} for build in builds}
            for step in table.steps:
                if at_most is not None and step > at_most:
                    continue
                for build in builds:
                    status.update(f"{table.title}: {table.label(step)}, {build}")
                    cells[table.name][build][step] = measure(table.name, step, build, effort, made)
    return cells


if __name__ == "__main__":
    main()
