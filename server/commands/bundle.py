"""deltapad replay, of a replay bundle: where a page and the log have parted"""

from __future__ import annotations

from pathlib import Path

import click

from server.bundle import BUNDLE_START, explain, read_bundle

__all__ = ["is_bundle", "show_bundle"]


def is_bundle(path: Path) -> bool:
    """Whether a file is a replay bundle, and not a log or a trace. Raises OSError."""
    if str(path) == "-":
        return False
    with path.open("rb") as file:
        return file.read(len(BUNDLE_START)) == BUNDLE_START


def show_bundle(path: Path) -> None:
    """Replay a bundle and print what is found. Raises ClickException if it cannot be read."""
    try:
        finding = explain(read_bundle(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from error
    for line in finding.details:
        click.echo(line)
    click.echo(finding.verdict)
