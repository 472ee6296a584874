"""deltapad load: many clients type into a running server, and what they see of it"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import msgspec
from rich.console import Console

from server.amounts import amount
from server.commands.arguments import GivenPath
from server.live import LiveError, Target
from server.load.plan import (
    CLIENTS_MAX,
    LENGTH_MAX,
    MODELS,
    PROCESSES_MAX,
    RATE_MAX,
    SECONDS_MAX,
    Plan,
)
from server.load.plot import draw
from server.load.process import listening, usage
from server.load.report import Report, knee
from server.load.run import LoadError, run
from server.load.tables import Seconds, print_ramp, print_report
from server.plot import FORMATS, PlotError

__all__ = ["load"]

# Wide enough that no table is cut where nobody sees its edge: in files and pipes.
_PLAIN_WIDTH: Final = 120
# From one step of a ramp to the next there are so many times as many writers, one more at least.
_RAMP_FACTOR: Final = 1.5

_FILE = GivenPath(dir_okay=False, writable=True, path_type=Path)
# The options that are fields of Plan: name, type, and help.
_PLANNED: Final[tuple[tuple[str, click.ParamType[Any], str], ...]] = (
    ("pads", click.IntRange(1, CLIENTS_MAX), "New pads."),
    ("writers", click.IntRange(0, CLIENTS_MAX), "Clients that type, in each pad."),
    ("readers", click.IntRange(0, CLIENTS_MAX), "Clients that only look on, in each pad."),
    (
        "rate",
        click.FloatRange(0, RATE_MAX),
        "Edits per second and writer; 0 is flat out: the next as soon as the last is acknowledged.",
    ),
    ("model", click.Choice(MODELS), "How writers type."),
    (
        "moves",
        click.FloatRange(0, RATE_MAX),
        "Times per second that each client, readers too, puts its caret somewhere.",
    ),
    ("joins", click.FloatRange(0, RATE_MAX), "Clients that leave and come again, per second."),
    ("seconds", click.FloatRange(0.5, SECONDS_MAX), "How long to measure."),
    ("length", click.IntRange(0, LENGTH_MAX), "Code points of each text, about."),
    ("processes", click.IntRange(1, PROCESSES_MAX), "Processes of the generator."),
    ("seed", click.IntRange(min=0), "What is typed follows from it."),
)


def _plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each thing that can be planned; the defaults are Plan's."""
    default = Plan(server="", name="")
    for name, kind, text in reversed(_PLANNED):
        value = getattr(default, name)
        command = click.option(f"--{name}", type=kind, default=value, show_default=True, help=text)(
            command
        )
    return command


@click.command()
@click.argument("url")
@_plan_options
@click.option(
    "--ramp",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MS",
    help="Run with more and more writers, until the p95 from edit to seen is above this.",
)
@click.option(
    "--pid", type=click.IntRange(min=1), help="The server's process.  [default: found by the port]"
)
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write all figures.")
@click.option("--plot", type=_FILE, metavar="IMAGE", help="Draw into an .svg or .png file.")
@click.option("--remote", is_flag=True, help="The server may be on another machine.")
def load(
    url: str,
    ramp: float | None,
    pid: int | None,
    json_file: Path | None,
    plot: Path | None,
    remote: bool,
    **planned: Any,
) -> None:
    """Let many clients type into new pads of the server at URL, and measure.

    Exit code 1 if not all texts end equal.
    """
    try:
        server = Target.parse(url, None).server
    except LiveError as error:
        raise click.UsageError(str(error)) from None
    near = _is_loopback(server)
    if not near and not remote:
        raise click.UsageError(
            f"{server} is not on this machine. A load test can take a server from its people; "
            "if it is yours and nobody else needs it now, say --remote"
        )
    plan = Plan(server=server, name=f"load-{secrets.token_hex(4)}", **planned)
    plan = replace(plan, processes=min(plan.processes, max(1, plan.clients)))
    _check(plan, ramp, plot)
    for path in (json_file, plot):
        if path is not None and not path.parent.is_dir():
            # Not after an hour of figures that then have nowhere to go.
            raise click.UsageError(f"there is no folder {path.parent}")
    if pid is not None and usage(pid) is None:
        raise click.UsageError(f"no process {pid} can be seen")
    if pid is None and near:
        pid = listening(urlsplit(server).port or 80)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    try:
        reports = _ramp(console, plan, pid, ramp) if ramp else [_one(console, plan, pid)]
        if json_file is not None:
            _write(json_file, _json(reports, ramp))
        if plot is not None:
            draw(plot, reports, bound_ms=ramp)
    except (LoadError, PlotError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped; nothing was compared.", err=True)
        raise SystemExit(130) from None
    if not all(report.converged for report in reports):
        raise SystemExit(1)


def _check(plan: Plan, ramp: float | None, plot: Path | None) -> None:
    """Raises UsageError for what does not go together."""
    if not plan.clients:
        raise click.UsageError("nobody is there: give --writers or --readers")
    if plan.clients > CLIENTS_MAX:
        raise click.UsageError(f"{amount(plan.clients, 'client')}; at most {CLIENTS_MAX:,}")
    if ramp is not None and not plan.writers:
        raise click.UsageError("--ramp needs --writers to begin with")
    if plot is not None and plot.suffix not in FORMATS:
        raise click.UsageError(f"--plot makes .svg and .png files, not {plot}")


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one(console: Console, plan: Plan, pid: int | None) -> Report:
    """One run, shown while it goes on, and its report."""
    clients = amount(plan.clients, "client")
    console.print(f"{clients} at {plan.server}/p/{plan.pad(0)}", soft_wrap=True)
    with Seconds(console) as seconds:
        report = run(plan, pid=pid, on_second=seconds.show)
    print_report(console, report)
    return report


def _ramp(console: Console, plan: Plan, pid: int | None, bound_ms: float) -> list[Report]:
    """Runs with more and more writers, until one is above the bound, differs, or is the largest."""
    reports: list[Report] = []
    while plan.clients <= CLIENTS_MAX:
        reports.append(_one(console, plan, pid))
        if not reports[-1].converged or knee(reports, bound_ms=bound_ms) is not reports[-1]:
            break
        writers = max(plan.writers + 1, int(plan.writers * _RAMP_FACTOR))
        # Pads of its own for each step: no step pays for the text or the log of another.
        plan = replace(plan, writers=writers, name=f"load-{secrets.token_hex(4)}")
    print_ramp(console, reports, knee(reports, bound_ms=bound_ms), bound_ms)
    return reports


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _json(reports: list[Report], bound_ms: float | None) -> bytes:
    found = None if bound_ms is None else knee(reports, bound_ms=bound_ms)
    document = {
        "runs": reports,
        "bound_ms": bound_ms,
        "knee_writers": None if found is None else found.plan.writers,
        "converged": all(report.converged for report in reports),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
