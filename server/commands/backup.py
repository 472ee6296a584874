"""deltapad backup, restore: all pads of one moment in a file, and out of it again"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from server.amounts import amount
from server.backup import Contents, back_up
from server.backup import restore as put_back
from server.commands.arguments import GivenPath
from server.commands.logs import data_option, told
from server.database import Progress as Tell

__all__ = ["backup", "restore"]

_verify_option = click.option(
    "--verify/--no-verify",
    default=True,
    help="Check every revision of every pad too.  [default: verify]",
)


@click.command()
@click.argument("file", metavar="FILE", type=GivenPath(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@_verify_option
@data_option
def backup(file: Path, force: bool, verify: bool, data: Path) -> None:
    """Write all pads, as they are at one moment, into FILE.

    Works beside a running server, and holds nobody up. FILE is there when it is whole, checked and
    on the disk, or not at all. It holds the keys of all pads: keep it as safe as the data folder.
    """
    if str(file) == "-":
        raise click.UsageError("a backup is a file: it cannot go to standard output")
    started = time.monotonic()
    with told(), _progress() as tell:
        contents = back_up(data, file, force=force, verify=verify, progress=tell)
    click.echo(
        f"Backed up {_said(contents)} into {file}: {amount(contents.size_bytes, 'byte')}, "
        f"{time.monotonic() - started:.1f} s"
    )


@click.command()
@click.argument("file", metavar="FILE", type=GivenPath(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Keep the database that is there under another name.")
@_verify_option
@data_option
def restore(file: Path, replace: bool, verify: bool, data: Path) -> None:
    """Make the pads in FILE, a backup, those of the data folder.

    The server of the folder must not be running. FILE is checked first and is not changed. Whoever
    has one of the pads open starts anew with its text, and keeps as a draft what was not sent.
    """
    with told(), _progress() as tell:
        contents, aside = put_back(data, file, replace=replace, verify=verify, progress=tell)
    click.echo(f"Restored {_said(contents)} into {data}.")
    if aside is not None:
        click.echo(f"The database that was there is kept as {aside}.")


def _said(contents: Contents) -> str:
    return f"{amount(contents.pads, 'pad')} with {amount(contents.revisions, 'revision')}"


@contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell
