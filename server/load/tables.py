"""what is shown of a run: its last seconds while it goes on, and the report"""

from __future__ import annotations

from collections import deque
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from server.amounts import amount
from server.load.figures import Latency
from server.load.report import Report, Second

__all__ = ["Seconds", "print_ramp", "print_report"]

# Rows of the live table: the last seconds.
_ROWS: Final = 10
_HEADINGS: Final = (
    *("at", "clients", "acked/s", "deliveries/s", "seen p50", "p95", "max"),
    *("server CPU", "RSS", "generator CPU"),
)
_WIDTHS: Final = (6, 7, 8, 12, 9, 9, 9, 10, 9, 13)


class Seconds:
    """The seconds of a run as they come: a table in a terminal, else a line for each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: deque[list[str]] = deque(maxlen=_ROWS)
        self._live: Live | None = None

    def __enter__(self) -> Seconds:
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, transient=True)
            self._live.start()
        else:
            self._line(_HEADINGS)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, second: Second) -> None:
        """One more."""
        row = [
            f"{second.at:.1f} s",
            f"{second.clients:,}",
            f"{second.acked:,.0f}",
            f"{second.deliveries:,.0f}",
            _ms(second.seen.p50),
            _ms(second.seen.p95),
            _ms(second.seen.max),
            _percent(second.server_cpu),
            _mib(second.server_rss_mib),
            _percent(second.generator_cpu),
        ]
        if self._live is None:
            self._line(row)
        else:
            self._rows.append(row)
            self._live.update(self._table())

    def _line(self, row: list[str] | tuple[str, ...]) -> None:
        cells = (f"{cell:>{width}}" for cell, width in zip(row, _WIDTHS, strict=True))
        self._console.print("  ".join(cells), highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading, width in zip(_HEADINGS, _WIDTHS, strict=True):
            table.add_column(heading, justify="right", min_width=width, no_wrap=True)
        for row in self._rows:
            table.add_row(*row)
        return table


def print_report(console: Console, report: Report) -> None:
    """All that is told of a run."""
    plan = report.plan
    typing = "flat out" if not plan.rate else f"{plan.rate:g} edits/s each"
    console.print(
        f"[bold]{amount(plan.pads, 'pad')} x "
        f"({amount(plan.writers, 'writer')} + {amount(plan.readers, 'reader')}), "
        f"{plan.model}, {typing}, {report.seconds:.1f} s[/]"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "p50", "p95", "p99", "max"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, latency in _latencies(report):
        table.add_row(name, _ms(latency.p50), _ms(latency.p95), _ms(latency.p99), _ms(latency.max))
    console.print(table)
    console.print(
        f"{report.acked:,.0f} ops/s acknowledged, {report.deliveries:,.0f} deliveries/s in "
        f"{report.frames_in:,.0f} frames/s; {report.bytes_in / 1e6:,.2f} MB/s in, "
        f"{report.bytes_out / 1e6:,.2f} MB/s out"
    )
    if report.plan.moves:
        console.print(f"{report.moves:,.0f} caret moves/s")
    server = report.server
    if server is None:
        console.print("server: CPU -, RSS - (its process cannot be seen; --pid names it)")
    else:
        per_ops = server.cpu_seconds_per_1000_ops
        console.print(
            f"server {server.pid}: CPU {_percent(server.cpu)}, "
            f"{'-' if per_ops is None else f'{per_ops:.3f} s'} per 1,000 ops; "
            f"RSS {server.rss_mib:,.1f} MiB, at most {server.rss_mib_max:,.1f} MiB, "
            f"{server.rss_mib_before:,.1f} MiB before"
        )
    cores = amount(report.generator_cores, "core")
    shares = ", ".join(_percent(share) for share in report.generator_cpu)
    console.print(f"generator: CPU {shares} of a core, on {cores}")
    if report.generator_busy:
        console.print(
            "[yellow]The generator is at its limit: the latencies are its own as well. "
            "Give it more cores or --processes, or make the load smaller.[/]"
        )
    if report.generator_late:
        console.print(
            "[yellow]The generator had to wait for a processor, which something else was using: "
            "the latencies have that in them.[/]"
        )
    if report.connected < plan.clients:
        clients = amount(plan.clients, "client")
        console.print(f"[red]Only {report.connected:,} of {clients} got in.[/]")
    if report.untimed:
        deliveries = amount(report.untimed, "delivery", "deliveries")
        console.print(f"[yellow]{deliveries} came too late to be timed.[/]")
    for error, count in report.errors.items():
        console.print(f"[red]{amount(count, 'time')} {escape(error)}[/]")
    if report.converged:
        clients = "The client" if plan.clients == 1 else f"All {plan.clients:,} clients"
        console.print(f"[green]{clients} and a newcomer have equal texts.[/]")
    for difference in report.differences:
        console.print(f"[red]{escape(difference)}[/]")


def print_ramp(
    console: Console, reports: list[Report], found: Report | None, bound_ms: float
) -> None:
    """A row for each step, and the knee."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        *("writers", "seen p50", "p95", "p99", "max", "acked/s", "deliveries/s"),
        *("server CPU", "generator CPU", "texts"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for report in reports:
        seen = report.seen
        table.add_row(
            f"{report.plan.writers:,}",
            *(_ms(seen.p50), _ms(seen.p95), _ms(seen.p99), _ms(seen.max)),
            *(f"{report.acked:,.0f}", f"{report.deliveries:,.0f}"),
            _percent(None if report.server is None else report.server.cpu),
            _percent(sum(report.generator_cpu)),
            "[green]equal[/]" if report.converged else "[red]differ[/]",
        )
    console.print(table)
    bound = f"p95 of {bound_ms:g} ms"
    if found is None:
        console.print(f"Not even the first step kept to a {bound}.")
    elif found is reports[-1]:
        writers = amount(found.plan.writers, "writer")
        console.print(f"No knee found: with {writers} a pad it still kept to a {bound}.")
    else:
        writers = amount(found.plan.writers, "writer")
        console.print(f"Knee: {writers} a pad; more do not keep to a {bound}.")
    if any(report.generator_busy for report in reports):
        console.print("[yellow]In the last steps the generator was at its limit, too.[/]")


def _latencies(report: Report) -> list[tuple[str, Latency]]:
    return [
        ("edit to seen at other clients", report.seen),
        ("edit sent to acknowledged", report.acknowledged),
        ("connection to text", report.joined),
        ("keys late at the generator", report.late),
    ]


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f} ms" if value < 100 else f"{value:,.0f} ms"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _mib(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} MiB"
