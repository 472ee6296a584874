"""deltapad replay: what is in a log, trace or bundle, drawn, verified, or typed into a pad"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from client_py import Refused
from ot.traces import TraceError
from server.amounts import amount
from server.commands.arguments import GivenPath
from server.commands.bundle import is_bundle, show_bundle
from server.commands.rows import output, print_rows
from server.live import LiveError, Target, type_into
from server.logs import open_recorded
from server.plot import FORMATS, Curve, PlotError
from server.replay import Recording, Step

__all__ = ["replay"]


class _Speed(click.ParamType[float]):
    """`10x`, `10`, `0.5x`, or `max`."""

    name = "speed"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """How many times as fast; infinite for `max`."""
        if value == "max":
            return float("inf")
        match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)x?", str(value))
        if match is None or not float(match[1]):
            self.fail(f"{value!r} is not a speed such as 10x, 0.5x or max", param, ctx)
        return float(match[1])


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=GivenPath(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--until", type=click.IntRange(min=0), metavar="REVISION", help="Stop after this revision."
)
@click.option("--text", is_flag=True, help="Print the text, and all else to standard error.")
@click.option(
    "--verify", is_flag=True, help="Check the end: exit code 1 if it is not as the file says."
)
@click.option("--into", metavar="URL", help="Type it live into a pad of a running server.")
@click.option(
    "--pad", metavar="NAME", help="Pad to type into; made if it is not there.  [default: replay]"
)
@click.option(
    "--speed",
    type=_Speed(),
    default="1x",
    metavar="SPEED",
    show_default=True,
    help="How fast to type: 1x as it was typed, 10x, or max. No pause is longer than 1.5 seconds.",
)
@click.option(
    "--plot",
    type=GivenPath(dir_okay=False, writable=True, path_type=Path),
    metavar="IMAGE",
    help="Draw length and activity into an .svg or .png file.",
)
def replay(
    files: tuple[Path, ...],
    until: int | None,
    text: bool,
    verify: bool,
    into: str | None,
    pad: str | None,
    speed: float,
    plot: Path | None,
) -> None:
    """Replay log exports and public editing traces.

    A FILE may be compressed with gzip or zstandard; - is standard input. A replay bundle, which the
    server has written for a page whose text was another one than the log's, is told from them by
    what is in it.
    """
    if any(is_bundle(path) for path in files):
        if len(files) > 1 or until is not None or text or verify or into or plot:
            raise click.UsageError("a replay bundle is looked at alone, and without options")
        show_bundle(files[0])
        return
    if len(files) > 1 and (text or into or plot):
        raise click.UsageError("--text, --into and --plot take one FILE")
    if until is not None and verify:
        raise click.UsageError("--verify needs the whole log: leave --until out")
    if plot is not None and plot.suffix not in FORMATS:
        raise click.UsageError(f"--plot makes .svg and .png files, not {plot}")
    if pad is not None and into is None:
        raise click.UsageError("--pad goes with --into")
    try:
        target = None if into is None else Target.parse(into, pad)
    except LiveError as error:
        raise click.UsageError(str(error)) from None
    runs = [_Run(path, until=until, verify=verify, draw=plot is not None) for path in files]
    for run in runs:
        try:
            if target is not None:
                asyncio.run(_live(run, target, None if speed == float("inf") else speed))
            else:
                run.all()
            if plot is not None:
                run.save(plot)
        except (LiveError, Refused, PlotError) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo(f"Stopped after revision {run.revision}.", err=True)
            raise SystemExit(130) from None
    _print(runs, err=text)
    if text:
        click.echo(runs[0].text.encode(), nl=False)
    for run in runs:
        if run.wrong:
            click.echo(f"{run.path}: {run.wrong}", err=True)
    if any(run.wrong for run in runs):
        raise SystemExit(1)


class _Run:
    """One file, replayed as far as it goes."""

    def __init__(self, path: Path, *, until: int | None, verify: bool, draw: bool) -> None:
        self.path = path
        # What is to be drawn, if anything is.
        self.curve = Curve() if draw else None
        self.wrong = ""
        # Until a trace was in memory (a log is read as it is replayed), and from there on.
        self.read_seconds = 0.0
        self.replay_seconds = 0.0
        self.recording: Recording | None = None
        self.state = ""
        self._until = until
        self._verify = verify

    @property
    def revision(self) -> int:
        return 0 if self.recording is None else self.recording.revision

    @property
    def text(self) -> str:
        return "" if self.recording is None else str(self.recording.text)

    def all(self) -> None:
        """Go through it without typing it anywhere."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[Step]:
        """The steps of the file, up to the one asked for, or up to where it is damaged."""
        started = time.perf_counter()
        try:
            with open_recorded(self.path) as source, _progress() as bar:
                self.read_seconds = time.perf_counter() - started
                self.recording = recording = Recording(source)
                task = bar.add_task(escape(self.path.name), total=None)
                if self._until != 0:
                    for step in recording.steps():
                        if step is None:
                            continue
                        if self.curve is not None:
                            self.curve.add(step, len(recording.text))
                        if recording.revision % 256 == 0:
                            bar.update(task, completed=recording.revision, total=recording.total)
                        yield step
                        if recording.revision == self._until:
                            break
                self._finish(recording)
        except TraceError as error:
            self.state = "damaged"
            self.wrong = str(error)
            if self.recording is not None:
                self.wrong += (
                    f"\n  What comes before is kept: {amount(self.revision, 'revision')}, "
                    f"{amount(len(self.recording.text), 'code point')}."
                )
        finally:
            self.replay_seconds = time.perf_counter() - started - self.read_seconds

    def _finish(self, recording: Recording) -> None:
        if self._until is not None:
            if recording.revision < self._until:
                self.wrong = f"there is no revision {self._until}: it has {recording.revision}"
            self.state = f"at revision {recording.revision}"
        elif self._verify:
            self.wrong = recording.difference() or ""
            self.state = "differs" if self.wrong else "verified"

    def save(self, path: Path) -> None:
        """Draw it. Raises PlotError."""
        assert self.curve is not None
        title = self.recording.title if self.recording is not None else ""
        count = 0 if self.recording is None else len(self.recording.authors)
        names = [f"Author {number}" for number in range(1, count + 1)]
        self.curve.save(path, title=title or self.path.name.partition(".")[0], names=names)


async def _live(run: _Run, target: Target, speed: float | None) -> None:
    """Type it into a pad."""
    steps = run.steps()
    # Opens the file: a pad is made only if that can be read.
    first = next(steps, None)
    if run.recording is None:
        return
    await target.make()
    click.echo(f"Typing into {target.url}", err=True)
    following = steps if first is None else chain([first], steps)
    text = await type_into(target, run.recording.start, following, speed=speed)
    typed = "What comes before the damage" if run.wrong else "All of it"
    if text == run.text:
        click.echo(f"{typed} is durable, and the pad has its text.", err=True)
    else:
        click.echo(f"{typed} is durable; the pad has more in it than this.", err=True)


def _progress() -> Progress:
    """A bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print(runs: list[_Run], *, err: bool) -> None:
    console = output(err=err)
    print_rows(console, [_row(run) for run in runs], left=("file", "kind", "hash", ""))
    for run in runs:
        if run.recording is not None and run.recording.note:
            console.print(f"{escape(str(run.path))}: {run.recording.note}")


def _row(run: _Run) -> dict[str, str]:
    """What is told of a file, under its headings."""
    recording = run.recording
    state = f"[{'red' if run.wrong else 'green'}]{run.state}[/]"
    row = {"file": escape(str(run.path)), "kind": "", "authors": "", "revisions": "", "edits": ""}
    row |= {"length": "", "hash": "", "read": "", "replay": "", "edits/s": "", "": state}
    if recording is not None:
        row |= {
            "kind": recording.kind,
            "authors": f"{len(recording.authors):,}",
            "revisions": f"{recording.revision:,}",
            "edits": f"{recording.edits:,}",
            "length": f"{len(recording.text):,}",
            "hash": recording.hash(),
            "read": f"{run.read_seconds:.2f} s",
            "replay": f"{run.replay_seconds:.2f} s",
            "edits/s": f"{recording.edits / max(run.replay_seconds, 1e-6):,.0f}",
        }
    return row
