"""the benchmarks' command line: `make bench`, with what it passes on in ARGS"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click
from rich.console import Console

from benchmarks.core.inputs import Inputs
from benchmarks.core.workloads import WORKLOADS
from benchmarks.machine import this_machine
from benchmarks.measure import Cell, Effort, measure
from benchmarks.peers import PEERS, REPO
from benchmarks.tables import PAGE, RESULTS, Run, new_console, print_run, save, write_page

# Columns that the widest table needs.
_WIDTH = 120


@click.command()
@click.option(
    "--row",
    "rows",
    multiple=True,
    type=click.Choice([workload.name for workload in WORKLOADS]),
    help="Measure this row only (may be given again); the page is not written then.",
)
@click.option("--peer", default="", help="Measure only those whose name has this in it.")
@click.option("--processes", default=Effort.processes, help="Processes for each cell.")
@click.option("--edits", type=int, help="A made-up trace of so many edits: for a quick look.")
@click.option("--write/--no-write", default=True, help="Write the tables into the docs.")
def main(
    rows: tuple[str, ...], peer: str, processes: int, edits: int | None, *, write: bool
) -> None:
    """Measure deltapad beside its peers, one process after the other."""
    # Anew each time: what makes them may have changed.
    shutil.rmtree(RESULTS / "inputs", ignore_errors=True)
    inputs = Inputs(RESULTS / "inputs", edits_max=edits)
    console = new_console(_WIDTH)
    if inputs.made_up:
        console.print(
            f"[yellow]Not on the public traces[/] (they are looked for in {inputs.traces}; "
            "EDITING_TRACES names another folder): on a made-up one."
        )
    effort = Effort(processes=processes)
    cells = _measure(console, rows, peer, inputs, effort)
    run = Run(
        date=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        machine=this_machine(),
        made_up=inputs.made_up,
        effort=f"median of {processes} processes, fewer where one takes long",
        cells=cells,
    )
    print_run(console, run)
    console.print(f"Saved as {_shown(save(run, RESULTS))}")
    # Figures of several runs side by side would compare what was not measured side by side.
    if write and not (rows or peer or edits):
        write_page(run, PAGE)
        console.print(f"Written to {_shown(PAGE)}")


def _measure(
    console: Console, rows: tuple[str, ...], named: str, inputs: Inputs, effort: Effort
) -> dict[str, dict[str, Cell]]:
    cells: dict[str, dict[str, Cell]] = {}
    with console.status("") as status:
        for workload in WORKLOADS:
            if rows and workload.name not in rows:
                continue
            cells[workload.name] = {}
            for peer in PEERS:
                if workload.name not in peer.workloads or named.lower() not in peer.name.lower():
                    continue
                title = f"{workload.title}: {peer.name}"
                cells[workload.name][peer.name] = measure(
                    peer,
                    workload,
                    inputs,
                    effort,
                    lambda step, title=title: status.update(f"{title}, {step}"),  # type: ignore[misc]
                )
    return cells


def _shown(path: Path) -> str:
    return str(path.relative_to(REPO))


if __name__ == "__main__":
    main()
