"""deltapad delete: a pad taken away for good, through a running server or out of a folder"""

from __future__ import annotations

import json
import os
import time
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import click

from ot.text import Text
from server.admin import TokenError, read_token
from server.amounts import amount
from server.commands.arguments import GivenPath
from server.commands.logs import told
from server.database import DATABASE
from server.divergence import forget_bundles
from server.folder import DataFolder
from server.live import LiveError, Target
from server.storage import DamagedError

__all__ = ["delete"]

# The server answers after 60 seconds at the latest.
_ANSWER_SECONDS_MAX: Final = 70
_TOKEN: Final = "DELTAPAD_ADMIN_TOKEN"
_GONE = "this pad was deleted before"
_DAMAGED: Final = (
    "The database is damaged, and nothing was deleted. Restore a backup (`deltapad restore`) and"
    " delete the pad there; or export each other pad, import it into a new folder, and remove this"
    " one."
)


@click.command()
@click.argument("pad")
@click.option("--url", metavar="URL", help="Of the running server that has the pad.")
@click.option(
    "--data",
    type=GivenPath(file_okay=False, path_type=Path),
    help="Or the data folder that has it, which no server may use.",
)
@click.option(
    "--admin-token-file",
    default="",
    metavar="FILE",
    help=f"Holds the admin token of the server.  [default: ${_TOKEN}]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(pad: str, url: str | None, data: Path | None, admin_token_file: str, yes: bool) -> None:
    """Delete PAD, with its history, its versions and the names of its authors, for good.

    Everybody in it is told, and keeps what is on the screen as a copy. Its links say from then on
    that it was deleted, and no other pad gets them. Backups that were made before still have it.
    """
    if (url is None) == (data is None):
        raise click.UsageError("say either --url, of a running server, or --data, of a folder")
    if url is not None:
        try:
            token = read_token(os.environ.get(_TOKEN, ""), admin_token_file)
        except TokenError as error:
            raise click.ClickException(str(error)) from None
        if not token:
            raise click.UsageError(f"set {_TOKEN}, or say --admin-token-file")
        try:
            address = Target.parse(url, pad).url
        except LiveError as error:
            raise click.UsageError(str(error)) from None
        _delete_from_server(address, pad, token, yes=yes)
    elif data is not None:
        with told():
            try:
                _delete_from_folder(data, pad, yes=yes)
            except DamagedError as error:
                raise click.ClickException(f"{error}\n{_DAMAGED}") from None


def _delete_from_server(address: str, pad: str, token: str, *, yes: bool) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        status = json.loads(_ask(f"{address}/status"))
        length = len(_ask(f"{address}/text").decode())
        _confirm(pad, status["revision"], length, status["count"], yes=yes)
        removed: dict[str, Any] = json.loads(_ask(address, method="DELETE", headers=headers))
        people = f" Told to those in it: {removed['people']}." if removed["people"] else ""
        said = _done(pad, removed["revision"], removed["length"]) + people
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(f"{address}: what answers there is no deltapad") from None
    click.echo(said)


def _delete_from_folder(data: Path, pad: str, *, yes: bool) -> None:
    if not (data / DATABASE).is_file():
        # To write there, the folder and a database would be made.
        raise click.ClickException(f"there is no deltapad database in {data}; see --data")
    with DataFolder(data, write=True) as folder:
        text = Text()
        revision = folder.newest(pad)
        try:
            for entry in folder.entries(pad):
                text.apply(entry.op)
        # What is damaged can be deleted all the same.
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            click.echo(f"{pad} is damaged: {error}", err=True)
        length = len(str(text))
        if folder.header(pad) is not None:
            _confirm(pad, revision, length, 0, yes=yes)
        before = folder.deleted_key(pad)
        key = before or folder.delete(pad, time_ms=time.time_ns() // 1_000_000)
        if key is None:
            raise click.ClickException(f"there is no pad {pad!r} in {data}")
    # Also of one that was deleted before: that command may have been ended here.
    forget_bundles(data / "divergence", key)
    if before is not None:
        raise click.ClickException(_GONE)
    click.echo(_done(pad, revision, length))
    copies = sorted(
        path.name for path in data.glob(f"{DATABASE}.*") if not path.name.endswith(("-wal", "-shm"))
    )
    if copies:
        click.echo(f"These copies in {data} may still have it: {', '.join(copies)}")


def _confirm(pad: str, revision: int, length: int, people: int, *, yes: bool) -> None:
    who = {0: "nobody is", 1: "one person is"}.get(people, f"{people:,} people are")
    letters = amount(length, "letter")
    click.echo(f"{pad}: revision {revision:,}, {letters}, {who} in it now.", err=True)
    if not yes:
        click.confirm("Delete it for good?", abort=True, err=True)


def _done(pad: str, revision: int, length: int) -> str:
    letters = amount(length, "letter")
    return f"Deleted {pad}, which was at revision {revision:,} and had {letters}."


def _ask(address: str, **request: Any) -> bytes:
    """The body of an answer. What goes wrong is one line and exit code 1."""
    try:
        with urlopen(Request(address, **request), timeout=_ANSWER_SECONDS_MAX) as answer:
            body: bytes = answer.read()
            return body
    except HTTPError as error:
        with error:
            raise click.ClickException(_why(error)) from None
    except URLError as error:
        raise click.ClickException(f"{address} cannot be reached: {error.reason}") from None
    except HTTPException:
        message = f"{address}: the answer was cut off, or is no HTTP; ask again"
        raise click.ClickException(message) from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{address}: {error}") from None


def _why(error: HTTPError) -> str:
    if error.code == HTTPStatus.GONE:
        return _GONE
    try:
        message: str = json.loads(error.read())["message"]
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return f"{error.url}: {error.code} {error.reason}"
    return message
