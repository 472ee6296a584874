"""deltapad export, import, verify: whole histories out of a data folder, in again, and checked"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.markup import escape

from ot.errors import OperationError
from ot.traces import LogReader, TraceError, write_log
from server.amounts import amount
from server.commands.arguments import GivenPath
from server.commands.rows import output, print_rows
from server.database import DATABASE, check_target
from server.doors import PAD_ID, PAD_ID_RULE
from server.folder import DataFolder, Finding
from server.logs import create_file, open_recorded
from server.settings import HELP, Settings
from server.storage import DamagedError, StorageError

__all__ = ["data_option", "export", "import_", "told", "verify"]


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    """The same data folder as for `serve`."""
    return click.option(
        "--data",
        default=Settings().data,
        type=GivenPath(path_type=Path),
        envvar="DELTAPAD_DATA",
        show_envvar=True,
        show_default=True,
        help=HELP["data"].partition(";")[0] + ".",
    )(command)


@contextmanager
def told() -> Iterator[None]:
    """What is wrong with a folder or a file is one line and exit code 1."""
    try:
        yield
    except StorageError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.argument("pad")
@click.option(
    "-o",
    "--output",
    "path",
    type=GivenPath(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Where to write; .gz and .zst are compressed.  [default: standard output]",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@data_option
def export(pad: str, path: Path | None, force: bool, data: Path) -> None:
    """Write the whole history of a pad as a log export.

    Works beside a running server.
    """
    with told(), DataFolder(data) as folder:
        header = folder.header(pad)
        if header is None:
            names = folder.names()
            known = ", ".join(names[:10]) + (" and more" if len(names) > 10 else "")
            raise click.ClickException(
                f"there is no pad {pad!r} in {data}; "
                + (f"there are: {known}" if names else "there are no pads at all")
            )
        try:
            with _output(path, data / DATABASE, force=force) as file:
                for line in write_log(header, folder.entries(pad)):
                    file.write(line)
        except (OperationError, DamagedError) as error:
            raise click.ClickException(
                f"the log of {pad} is damaged ({error}); `deltapad verify {pad}` says where"
            ) from error


@contextmanager
def _output(path: Path | None, database: Path, *, force: bool) -> Iterator[IO[bytes]]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        check_target(path, database, force=force)
        try:
            with create_file(path) as file:
                yield file
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error


@click.command(name="import")
@click.argument(
    "file",
    metavar="FILE",
    type=GivenPath(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--pad", metavar="NAME", help="Name of the new pad.  [default: the exported one's]")
@click.option("--keep", is_flag=True, help="Of a damaged file, import what is before the damage.")
@data_option
def import_(file: Path, pad: str | None, keep: bool, data: Path) -> None:
    """Make a pad of a log export, with its whole history.

    The server of the data folder must not be running. Everything is checked; if the file is
    damaged, nothing is imported.
    """
    if pad is not None and not PAD_ID.fullmatch(pad):
        raise click.UsageError(f"{pad!r} cannot be a pad's name: {PAD_ID_RULE}")
    with told():
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
    click.echo(f"Imported {amount(imported.revision, 'revision')} as {name} into {data}.")
    if imported.damage is not None:
        raise click.ClickException(f"{file}: {imported.damage}. What comes before was imported.")


@click.command()
@click.argument("pad", required=False)
@click.option(
    "--file",
    type=GivenPath(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check this file, such as a backup, in place of the data folder.",
)
@data_option
def verify(pad: str | None, file: Path | None, data: Path) -> None:
    """Check a pad, or all of them: every revision, the snapshots, and the database file.

    Works beside a running server. Exit code 1 if anything is wrong.
    """
    path = data / DATABASE if file is None else file
    with told(), DataFolder(path.parent, database=path.name) as folder:
        names = folder.names() if pad is None else [pad]
        if pad is not None and folder.header(pad) is None:
            raise click.ClickException(f"there is no pad {pad!r} in {file or data}")
        damage = folder.damage()
        findings = [_verified(folder, name) for name in names]
    print_rows(output(), [_row(found) for found in findings], left=("pad", "hash", ""))
    if not findings:
        click.echo(f"There are no pads in {file or data}.")
    for finding in findings:
        if finding.wrong is not None:
            click.echo(f"{finding.name}: {finding.wrong}", err=True)
    if damage is not None:
        click.echo(f"{file or data}: the database file is damaged: {damage}", err=True)
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


def _row(found: Finding) -> dict[str, str]:
    """What is told of a pad, under its headings."""
    return {
        "pad": escape(found.name),
        "revisions": f"{found.revision:,}",
        "length": f"{found.length:,}",
        "sessions": f"{found.sessions:,}",
        "hash": found.hash,
        "": "[green]right[/]" if found.wrong is None else "[red]wrong[/]",
    }
