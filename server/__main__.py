"""the command line: serve"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
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
from server.admin import TokenError
from server.app import create_app
from server.commands.arguments import Amount, GivenPath, Origin
from server.commands.backup import backup, restore
from server.commands.converge import converge
from server.commands.delete import delete
from server.commands.load import load
from server.commands.logs import export, import_, verify
from server.commands.output import Commands
from server.commands.replay import replay
from server.doorstep import Doorstep
from server.journal import Beside, OneLine, ours
from server.settings import HELP, Settings
from server.storage import StorageError

__all__ = ["main"]

_log = logging.getLogger("deltapad.serve")

# New objects before a collection; young ones, and middle ones, before one of the next generation.
# Connections and entries stay: by the defaults, 10,000 who join are looked through eleven times.
_COLLECTOR: Final = (5_000, 5, 50)
_PORT_MAX: Final = 65_535
# Its number in every process.
_STANDARD_ERROR: Final = 2
# For answers that are on their way when all is written and the store is closed; aiohttp waits so
# long twice. With `shutdown_seconds` before it, that is what a supervisor waits before it kills.
_ANSWERS_SECONDS: Final = 1.0


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="deltapad",
    message=f"%(prog)s %(version)s, core in {'C by mypyc' if COMPILED else 'pure Python'}",
)
def main() -> None:
    """A text editor that many people and programs use at once."""


for _command in (replay, export, import_, verify, backup, restore, delete, converge, load):
    main.add_command(_command)


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each field of Settings: its flag, its environment variable, its default."""
    for field in reversed(fields(Settings)):
        if not field.metadata.get("flag", True):
            continue
        default: Any = field.default
        multiple = isinstance(default, tuple)
        command = click.option(
            "--" + field.name.replace("_", "-").removesuffix("s" if multiple else ""),
            field.name,
            default=default,
            multiple=multiple,
            type=_type(field.name, default),
            # Without the range, which stands behind the default.
            metavar={int: "INTEGER", float: "FLOAT"}.get(type(default)),
            envvar="DELTAPAD_" + field.name.upper(),
            show_envvar=True,
            show_default=True,
            help=HELP[field.name],
        )(command)
    return command


def _type(name: str, default: Any) -> click.ParamType[Any] | None:
    if isinstance(default, Path):
        return GivenPath(path_type=Path)
    if name == "allowed_origins":
        return Origin()
    if isinstance(default, int) and not isinstance(default, bool):
        # The system would take what is left of a larger port modulo 65,536.
        return click.IntRange(0, _PORT_MAX if name == "port" else None)
    if isinstance(default, float):
        # No time at all is none in which anything could be done.
        return Amount(min=0, min_open=name.endswith("_seconds"))
    return None


@main.command()
@_setting_options
def serve(**values: Any) -> None:
    """Serve pads until interrupted."""
    logging.basicConfig(level=logging.INFO, handlers=[Beside(_STANDARD_ERROR)])
    for handler in logging.root.handlers:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("aiohttp.server").addFilter(ours)
    gc.set_threshold(*_COLLECTOR)
    # What has been imported stays to the end, and need not be looked at again.
    gc.freeze()
    try:
        token = os.environ.get("DELTAPAD_ADMIN_TOKEN", "")
        runner = _run(Settings(**values, admin_token=token))
        if sys.platform == "win32":
            asyncio.run(runner)
        else:
            import uvloop

            uvloop.run(runner)
    except (StorageError, TokenError) as error:
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
        shutdown_timeout=_ANSWERS_SECONDS,
        handle_signals=False,
        keepalive_timeout=settings.keep_alive_seconds,
        # Of a dead peer our own heartbeat tells, and sooner.
        tcp_keepalive=False,
    )
    await runner.setup()
    listener: asyncio.Server | None = None
    try:
        server = runner.server
        assert server is not None
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            listener = await loop.create_server(
                lambda: Doorstep(server, seconds_max=settings.header_seconds),
                settings.host,
                settings.port,
                backlog=1024,
            )
        except OSError as error:
            raise click.ClickException(
                f"cannot listen at {host}:{settings.port} ({_reason(error)}); "
                "choose another address with --host, or another port with --port"
            ) from error
        port = listener.sockets[0].getsockname()[1]
        click.echo(
            f"deltapad keeps its pads in {settings.data}, SQLite {apsw.sqlite_lib_version()}"
        )
        click.echo(f"Serving at http://{host}:{port}  (stop with Ctrl C)")
        await stop.wait()
        # As a line of the log: whoever read our output may have gone, which is no failure.
        _log.info("stopping: telling everybody, finishing what is being written")
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()


def _reason(error: OSError) -> str:
    """The system's words for it, without what asyncio puts around them."""
    return (error.strerror or str(error)).rpartition(": ")[2]


if __name__ == "__main__":
    main()
