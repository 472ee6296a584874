"""the server benchmarks' command line: `make bench-server`, with what it passes on in ARGS"""

from __future__ import annotations

import dataclasses
import itertools
import signal
import sys
import time
from collections.abc import Sequence

import click
from rich.console import Console

from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.server.measure import Cell, Effort, measure
from benchmarks.server.peers import SERVERS, Server
from benchmarks.server.tables import Run, grids, save, write_page
from benchmarks.server.workloads import WORKLOADS, Workload
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
@click.option("--repeats", type=click.IntRange(1), help="How often each; the page is left alone.")
@click.option("--write/--no-write", default=True, help="Write the tables into the docs.")
def main(
    rows: tuple[str, ...], peer: str, seconds: float | None, repeats: int | None, *, write: bool
) -> None:
    """Measure deltapad's server beside others: each on core 0, its load on core 1.

    All of it takes some forty minutes.
    """
    # Ended from outside, it still ends the processes that it has started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    console = new_console(_WIDTH)
    effort = Effort()
    if seconds is not None:
        effort = dataclasses.replace(effort, seconds=seconds)
    if repeats is not None:
        effort = dataclasses.replace(effort, repeats=repeats)
    chosen = [workload for workload in WORKLOADS if not rows or workload.name in rows]
    servers = [server for server in SERVERS if peer.lower() in server.name.lower()]
    run = Run(
        date=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        machine=this_machine(),
        effort=effort,
        cells=measure_all(console, chosen, servers, effort),
    )
    print_grids(console, grids(run))
    console.print(f"Saved as {save(run, RESULTS).relative_to(REPO)}")
    # Figures of several runs side by side would compare what was not measured side by side.
    if write and not (rows or peer or seconds or repeats):
        write_page(run, PAGE)
        console.print(f"Written to {PAGE.relative_to(REPO)}")


def measure_all(
    console: Console, chosen: Sequence[Workload], servers: Sequence[Server], effort: Effort
) -> dict[str, dict[str, Cell]]:
    """All servers once, and then again: what disturbs the machine meanwhile hits them alike."""
    cells: dict[str, dict[str, Cell]] = {}
    with console.status("") as status:
        for workload in chosen:
            row = cells[workload.name] = {}
            repeats = effort.repeats if workload.repeated else 1
            for repeat, server in itertools.product(range(1, repeats + 1), servers):
                cell = row.get(server.name, Cell())
                if workload.name in server.workloads and not cell.failure:
                    status.update(f"{workload.title}: {server.name} ({repeat} of {repeats})")
                    row[server.name] = cell.and_then(measure(server, workload, effort))
    return cells


if __name__ == "__main__":
    main()
