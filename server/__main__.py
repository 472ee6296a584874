"""the command line: serve"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import apsw
import click
from aiohttp import web

from ot import COMPILED
from server.app import create_app
from server.commands.converge import converge
from server.commands.load import load
from server.commands.logs import export, import_, verify
from server.commands.replay import replay
from server.settings import HELP, Settings
from server.storage import StorageError

__all__ = ["main"]

# New objects before a collection; young ones, and middle ones, before one of the next generation.
# Connections and entries stay: by the defaults, 10,000 who join are looked through eleven times.
_COLLECTOR: Final = (5_000, 5, 50)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="deltapad",
    message=f"%(prog)s %(version)s, core in {'C by mypyc' if COMPILED else 'pure Python'}",
)
def main() -> None:
    """A text editor that many people and programs edit at once."""


for _command in (replay, export, import_, verify, converge, load):
    main.add_command(_command)


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each field of Settings: its flag, its environment variable, its default."""
    for field in reversed(fields(Settings)):
        default: Any = field.default
        multiple = isinstance(default, tuple)
        command = click.option(
            "--" + field.name.replace("_", "-").removesuffix("s" if multiple else ""),
            field.name,
            default=default,
            multiple=multiple,
            type=click.Path(path_type=Path) if isinstance(default, Path) else None,
            envvar="DELTAPAD_" + field.name.upper(),
            show_envvar=True,
            show_default=True,
            help=HELP[field.name],
        )(command)
    return command


@main.command()
@_setting_options
def serve(**values: Any) -> None:
    """Serve pads until interrupted."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    gc.set_threshold(*_COLLECTOR)
    # What has been imported stays to the end, and need not be looked at again.
    gc.freeze()
    try:
        runner = _run(Settings(**values))
        if sys.platform == "win32":
            asyncio.run(runner)
        else:
            import uvloop

            uvloop.run(runner)
    except (StorageError, FileNotFoundError, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    app = create_app(settings)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=settings.shutdown_seconds,
        handle_signals=False,
        # Of a dead peer our own heartbeat tells, and sooner.
        tcp_keepalive=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
        await site.start()
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = runner.addresses[0][1]
        click.echo(
            f"deltapad keeps its pads in {settings.data}, SQLite {apsw.sqlite_lib_version()}"
        )
        click.echo(f"Serving at http://{host}:{port}  (stop with Ctrl C)")
        await stop.wait()
        click.echo("Stopping: telling everybody, finishing what is being written.")
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
