"""the server benchmarks' command line: `make bench-server`, with what it passes on in ARGS"""

from __future__ import annotations

import dataclasses
import signal
import sys
import time

import click
from rich.console import Console

from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.server.measure import Cell, Effort, measure
from benchmarks.server.peers import SERVERS
from benchmarks.server.tables import Run, grids, save, write_page
from benchmarks.server.workloads import WORKLOADS
from benchmarks.tables import PAGE, RESULTS, new_console, print_grids

# Columns that the widest table needs.
_WIDTH = 140


@click.command()
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.Choice([workload.name for workload in WORKLOADS]),
    help="Measure this load only (may be given again); the page is not written then.",
)
@click.option("--peer", default="", help="Measure only those whose name has this in it.")
@click.option("--seconds", type=float, help="Seconds measured of each; the page is left alone.")
@click.option("--write/--no-write", default=True, help="Write the tables into the docs.")
def main(rows: tuple[str, ...], peer: str, seconds: float | None, *, write: bool) -> None:
    """Measure deltapad's server beside others: each on core 0, its load on core 1."""
    # Ended from outside, it still ends the processes that it has started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    console = new_console(_WIDTH)
    effort = Effort()
    if seconds is not None:
        effort = dataclasses.replace(effort, seconds=seconds)
    run = Run(
        date=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        machine=this_machine(),
        effort=effort,
        cells=_measure(console, rows, peer, effort),
    )
    print_grids(console, grids(run))
    console.print(f"Saved as {save(run, RESULTS).relative_to(REPO)}")
    # Figures of several runs side by side would compare what was not measured side by side.
    if write and not (rows or peer or seconds):
        write_page(run, PAGE)
        console.print(f"Written to {PAGE.relative_to(REPO)}")


def _measure(
    console: Console, rows: tuple[str, ...], named: str, effort: Effort
) -> dict[str, dict[str, Cell]]:
    cells: dict[str, dict[str, Cell]] = {}
    with console.status("") as status:
        for workload in WORKLOADS:
            if rows and workload.name not in rows:
                continue
            cells[workload.name] = {}
            for server in SERVERS:
                if workload.name in server.workloads and named.lower() in server.name.lower():
                    status.update(f"{workload.title}: {server.name}")
                    cells[workload.name][server.name] = measure(server, workload, effort)
    return cells


if __name__ == "__main__":
    main()
