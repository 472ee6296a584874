"""deltapad export, import, verify: whole histories out of a data folder, in again, and checked"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ot.errors import OperationError
from ot.traces import LogReader, TraceError, write_log
from server.folder import DataFolder, Finding
from server.logs import create_file, open_recorded
from server.settings import HELP, Settings
from server.storage import StorageError

__all__ = ["export", "import_", "verify"]

_PAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Wide enough that no table is cut where nobody sees its edge: in files and pipes.
_PLAIN_WIDTH = 200


def _data_option(command: Callable[..., None]) -> Callable[..., None]:
    """The same data folder as for `serve`."""
    return click.option(
        "--data",
        default=Settings().data,
        type=click.Path(path_type=Path),
        envvar="DELTAPAD_DATA",
        show_envvar=True,
        show_default=True,
        help=HELP["data"].partition(";")[0] + ".",
    )(command)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong for reasons outside is one line and exit code 1."""
    try:
        yield
    except BrokenPipeError:
        # Whoever read the output has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (StorageError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("pad")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where to write; .gz and .zst are compressed.  [default: standard output]",
)
@_data_option
def export(pad: str, output: Path | None, data: Path) -> None:
    """Write the whole history of a pad as a log export.

    Works beside a running server.
    """
    with _told(), DataFolder(data) as folder:
        header = folder.header(pad)
        if header is None:
            names = folder.names()
            known = ", ".join(names[:10]) + (" and more" if len(names) > 10 else "")
            raise click.ClickException(
                f"there is no pad {pad!r} in {data}; "
                + (f"there are: {known}" if names else "there are no pads at all")
            )
        try:
            with _output(output) as file:
                for line in write_log(header, folder.entries(pad)):
                    file.write(line)
        except OperationError as error:
            raise click.ClickException(
                f"the log of {pad} is damaged ({error.message}); `deltapad verify {pad}` says where"
            ) from error


@contextmanager
def _output(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with create_file(path) as file:
            yield file


@click.command(name="import")
@click.argument(
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--pad", metavar="NAME", help="Name of the new pad.  [default: the exported one's]")
@click.option("--keep", is_flag=True, help="Of a damaged file, import what is before the damage.")
@_data_option
def import_(file: Path, pad: str | None, keep: bool, data: Path) -> None:
    """Make a pad of a log export, with its whole history.

    The server of the data folder must not be running. Everything is checked; if the file is
    damaged, nothing is imported.
    """
    if pad is not None and not _PAD.fullmatch(pad):
        raise click.UsageError("--pad has 1 to 64 letters, digits, - and _")
    with _told():
        try:
            with open_recorded(file) as reader:
                if not isinstance(reader, LogReader):
                    raise click.ClickException(
                        f"{file} is an editing trace, not a log export; `deltapad replay {file} "
                        "--into URL` types it into a pad"
                    )
                name = pad or reader.header.pad
                with DataFolder(data, write=True) as folder:
                    imported = folder.import_log(reader, name, keep=keep)
        except TraceError as error:
            raise click.ClickException(
                f"{file}: {error}. Nothing was imported; --keep imports what comes before."
            ) from error
    if imported is None:
        raise click.ClickException(
            f"there is a pad {name!r} already, and it stays; import under another name with "
            "--pad NAME"
        )
    click.echo(f"Imported {imported.revision:,} revisions as {name} into {data}.")
    if imported.damage is not None:
        raise click.ClickException(f"{file}: {imported.damage}. What comes before was imported.")


@click.command()
@click.argument("pad", required=False)
@_data_option
def verify(pad: str | None, data: Path) -> None:
    """Check a pad, or all of them: every revision, the snapshots, and the database file.

    Works beside a running server. Exit code 1 if anything is wrong.
    """
    with _told(), DataFolder(data) as folder:
        names = folder.names() if pad is None else [pad]
        if pad is not None and folder.header(pad) is None:
            raise click.ClickException(f"there is no pad {pad!r} in {data}")
        damage = folder.damage()
        findings = [_verified(folder, name) for name in names]
    _print(findings)
    for finding in findings:
        if finding.wrong is not None:
            click.echo(f"{finding.name}: {finding.wrong}", err=True)
    if damage is not None:
        click.echo(f"{data}: the database file is damaged: {damage}", err=True)
    if damage is not None or any(finding.wrong is not None for finding in findings):
        raise SystemExit(1)


def _verified(folder: DataFolder, name: str) -> Finding:
    console = Console(stderr=True)
    with console.status(f"{name} ...") if console.is_terminal else nullcontext() as status:
        for found in folder.verify(name):
            if isinstance(found, Finding):
                return found
            if status is not None:
                status.update(f"{name}: revision {found:,}")
    raise AssertionError("a pad is always found to be something")


def _print(findings: list[Finding]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH, no_color=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pad", overflow="fold")
    for heading in ("revisions", "length", "sessions"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("hash", overflow="fold")
    table.add_column("")
    for found in findings:
        table.add_row(
            escape(found.name),
            f"{found.revision:,}",
            f"{found.length:,}",
            f"{found.sessions:,}",
            found.hash,
            "[green]right[/]" if found.wrong is None else "[red]wrong[/]",
        )
    console.print(table)
