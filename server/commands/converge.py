"""deltapad converge: the whole system in a simulated world where everything may break"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from server.amounts import amount
from server.commands.arguments import GivenPath
from server.simulation.campaign import Totals, run_scenario, run_seeds, write_failure
from server.simulation.javascript import NodeMissingError, find_node
from server.simulation.scenario import FAULTS, Scenario, Sizes, draw, load
from server.simulation.world import Outcome

__all__ = ["converge"]

_STATES = ("synchronised", "awaiting", "awaiting with buffer", "connecting", "offline")
# Seeds of a run without --seed and --seeds: some ten seconds.
_SEEDS = 50
# Of many failures the first few are looked at; they mostly have one cause.
_WRITTEN_MAX = 3
# Seconds between two lines of progress where there is no terminal.
_LINE_SECONDS = 5.0
# Wide enough that no table is cut where nobody sees its edge: in files and pipes.
_PLAIN_WIDTH = 120


class _FaultNames(click.ParamType[tuple[str, ...]]):
    """`all`, `none`, or names with commas between them."""

    name = "faults"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names, in the order of the table."""
        if isinstance(value, tuple):
            return value
        if value in ("all", "none"):
            return tuple(FAULTS) if value == "all" else ()
        names = str(value).split(",")
        for name in names:
            if name not in FAULTS:
                self.fail(f"no fault is called {name!r}; there are {', '.join(FAULTS)}", param, ctx)
        return tuple(name for name in FAULTS if name in names)


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="The first seed; alone, the only one.")
@click.option("--seeds", type=click.IntRange(min=1), help="How many seeds.  [default: 50]")
@click.option(
    "--clients",
    type=click.IntRange(1, 50),
    default=Sizes().clients,
    show_default=True,
    help="Tabs from the start; clones come on top.",
)
@click.option(
    "--ops",
    type=click.IntRange(1, 100_000),
    default=Sizes().ops,
    show_default=True,
    help="Edits of a run, by all tabs together.",
)
@click.option(
    "--hours",
    type=click.FloatRange(0.01, 1_000),
    default=Sizes().hours,
    show_default=True,
    help="Simulated hours of a run.",
)
@click.option(
    "--faults",
    type=_FaultNames(),
    default="all",
    show_default=True,
    metavar="NAMES",
    help="What may break: all, none, or names with commas.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    show_default="one for each core",
    help="Processes.",
)
@click.option("--js", is_flag=True, help="Compare with the JavaScript client, state by state.")
@click.option(
    "--scenario",
    "scenario_file",
    type=GivenPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run this one, as a failure has left it.",
)
@click.option(
    "--output",
    type=GivenPath(file_okay=False, path_type=Path),
    default=Path("converge-failures"),
    show_default=True,
    metavar="FOLDER",
    help="Where the files of failed runs go.",
)
def converge(
    seed: int | None,
    seeds: int | None,
    clients: int,
    ops: int,
    hours: float,
    faults: tuple[str, ...],
    jobs: int,
    js: bool,
    scenario_file: Path | None,
    output: Path,
) -> None:
    """Let people type while everything breaks, in simulated time.

    The real server and client code runs in a world made from a seed, and every invariant is
    checked at every event. The exit code is 1 if one does not hold; what is needed to look
    at it is printed and written.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _PLAIN_WIDTH)
    try:
        node = find_node() if js else None
    except NodeMissingError as error:
        raise click.ClickException(str(error)) from None
    if scenario_file is not None:
        raise SystemExit(_run_one(console, _read(scenario_file), node))
    sizes = Sizes(clients=clients, ops=ops, hours=hours, faults=faults)
    count = seeds or (1 if seed is not None else _SEEDS)
    first = seed or 0
    began = time.perf_counter()
    totals = Totals()
    outcomes = run_seeds(range(first, first + count), sizes, jobs=jobs, node=node)
    for outcome in _shown(console, outcomes, count):
        totals.add(outcome)
    seconds = time.perf_counter() - began
    console.print(_table(totals))
    console.print(_summary(totals, seconds))
    if count == 1:
        console.print(f"Trace hash {outcome.trace}.")
    for failed in totals.failed[:_WRITTEN_MAX]:
        _report(console, failed, sizes, output)
    if len(totals.failed) > _WRITTEN_MAX:
        others = ", ".join(str(outcome.seed) for outcome in totals.failed[_WRITTEN_MAX:])
        console.print(f"Seeds that failed as well: {others}.")
    raise SystemExit(1 if totals.failed else 0)


def _read(path: Path) -> Scenario:
    try:
        return load(path)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"{path}: {error}") from error


def _run_one(console: Console, scenario: Scenario, node: str | None) -> int:
    """Run a scenario from a file; the exit code."""
    outcome = run_scenario(scenario, node)
    if outcome.violation is None:
        console.print(f"Every invariant held. Trace hash {outcome.trace}.")
        return 0
    console.print(f"[red]{escape(_violation(outcome))}[/red]")
    return 1


def _shown(console: Console, outcomes: Iterable[Outcome], count: int) -> Iterable[Outcome]:
    """The outcomes, with progress: a bar in a terminal, else a line now and then."""
    if console.is_terminal:
        with Progress(
            TextColumn("Seeds"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        ) as bar:
            task = bar.add_task("", total=count)
            for outcome in outcomes:
                yield outcome
                failed = f"[red]seed {outcome.seed} failed[/red]" if outcome.violation else None
                bar.update(task, advance=1, description=failed)
        return
    last = time.monotonic()
    for number, outcome in enumerate(outcomes, 1):
        yield outcome
        if time.monotonic() - last >= _LINE_SECONDS:
            last = time.monotonic()
            console.print(f"{number:,} of {amount(count, 'seed')}")


def _table(totals: Totals) -> Table:
    """Faults by the state that the conversation they hit was in."""
    table = Table(title="Faults, by the state of the tabs that they hit", title_justify="left")
    table.add_column("fault")
    for state in _STATES:
        table.add_column(state, justify="right")
    for fault in FAULTS:
        hits = totals.hits.get(fault)
        if hits is not None:
            table.add_row(fault, *(f"{hits[state]:,}" if hits[state] else "-" for state in _STATES))
    return table


def _summary(totals: Totals, seconds: float) -> str:
    counts = totals.counts
    simulated = totals.simulated_ms / 1000
    failed = len(totals.failed)
    verdict = f"[red]{failed} failed[/red]" if failed else "every invariant held"
    return (
        f"{amount(totals.seeds, 'seed')}: {verdict}. {amount(counts['edit'], 'edit')} became "
        f"{amount(counts['revision'], 'revision')} in {amount(counts['frame'], 'frame')}, "
        f"through {amount(counts['fault'], 'fault')}; {amount(counts['drafts'], 'draft')}.\n"
        f"{simulated / 3600:,.1f} simulated hours in {seconds:.1f} s, "
        f"{simulated / max(seconds, 1e-9):,.0f} times as fast as life."
    )


def _violation(outcome: Outcome) -> str:
    violation = outcome.violation
    assert violation is not None
    at = f"{violation.at_ms / 1000:.3f} s"
    return f"Seed {outcome.seed}: {violation.invariant} at {at}: {violation.message}"


def _report(console: Console, outcome: Outcome, sizes: Sizes, output: Path) -> None:
    """Say how to repeat a failure, and write what is needed to understand it."""
    console.print(f"\n[red]{escape(_violation(outcome))}[/red]")
    console.print(f"Repeat it:   {_command(outcome, sizes)}")
    console.print("Making it smaller ...")
    assert outcome.violation is not None
    try:
        failure = write_failure(draw(outcome.seed, sizes), outcome.violation, output)
    except OSError as error:
        raise click.ClickException(f"cannot write to {output}: {error}") from error
    scenario = failure.scenario
    console.print(
        f"What is left: {amount(len(scenario.tabs), 'tab')}, "
        f"{amount(len(scenario.actions), 'action')} and {amount(len(scenario.faults), 'fault')}."
    )
    console.print(f"Run that:    deltapad converge --scenario {failure.scenario_file}")
    for path in failure.log_files:
        console.print(f"See its log: deltapad replay {path}")


def _command(outcome: Outcome, sizes: Sizes) -> str:
    """The command that runs this seed again."""
    plain = Sizes()
    words = ["deltapad", "converge", "--seed", str(outcome.seed)]
    for name in ("clients", "ops", "hours"):
        if getattr(sizes, name) != getattr(plain, name):
            words += [f"--{name}", str(getattr(sizes, name))]
    if sizes.faults != plain.faults:
        words += ["--faults", ",".join(sizes.faults) or "none"]
    if outcome.violation is not None and outcome.violation.invariant == "JS":
        words.append("--js")
    return shlex.join(words)
