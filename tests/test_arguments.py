"""arguments that cannot be meant: an empty path, what is no origin, what is no name of a pad"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from server.__main__ import main
from server.commands.arguments import GivenPath, Origin
from server.database import DATABASE
from tests.test_backup import fill
from tests.test_logs import run


def paths() -> Iterator[tuple[str, str]]:
    """Each command, and each path that it takes."""
    for name, command in main.commands.items():
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                assert isinstance(parameter.type, GivenPath), f"{name} {parameter.name}"
                yield name, parameter.opts[0]


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("command", "where"), sorted(paths()))
def test_an_empty_path(tmp_path, monkeypatch, command, where):
    """Of every command is a wrong argument; nothing is made in the current folder."""
    monkeypatch.chdir(tmp_path)
    needed = {"export": ("pad",), "delete": ("pad",), "load": ("http://127.0.0.1:1",)}
    if where.startswith("-"):
        (tmp_path / "file").touch()
        files = ("file",) if command in ("import", "replay", "backup", "restore") else ()
        done = invoke(command, *needed.get(command, ()), *files, where, "")
        (tmp_path / "file").unlink()
    else:
        done = invoke(command, *needed.get(command, ()), "")
    assert done.exit_code == 2
    assert "the path is empty" in done.stderr
    assert os.listdir(tmp_path) == []


def test_an_empty_variable_is_none(tmp_path, monkeypatch):
    """The default stands: there is nobody who could have meant an empty one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DELTAPAD_DATA", "")
    done = invoke("verify")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: there is no deltapad database in data; see --data\n",
    )


@pytest.mark.parametrize(
    "origin",
    [
        "https://docs.example.org",
        "http://localhost:8081",
        "http://[::1]:8080",
        "http://example.org:443",
        "https://xn--bcher-kva.example",
        "chrome-extension://abcdefgh",
    ],
)
def test_an_origin(origin):
    """Stands as it was given."""
    assert Origin().convert(origin, None, None) == origin


@pytest.mark.parametrize(
    "wrong",
    [
        *("foo", "", "null", "*", "docs.example.org", "//docs.example.org", "https://"),
        *("https://docs.example.org/", "https://docs.example.org/p", "https://ada@example.org"),
        *("https://*.example.org", "https://Docs.example.org", "HTTPS://docs.example.org"),
        *("https://docs.example.org:443", "http://docs.example.org:80", "https://a.example:"),
        *("https://a.example?x", "https://a.example#x", "https://bücher.example", "https://a b"),
    ],
)
def test_what_is_no_origin(wrong):
    """No browser ever sends it, so that it would allow nobody: exit code 2, with the form."""
    done = invoke("serve", "--allowed-origin", wrong)
    assert done.exit_code == 2
    assert "--allowed-origin" in done.stderr
    assert "is not an origin" in done.stderr or "so leave it out" in done.stderr


async def test_what_is_no_name_of_a_pad(tmp_path):
    """Is said before anything is done, with what a name may be."""
    await fill(tmp_path / "data")
    log = tmp_path / "log"
    assert run("export", "notes", "-o", log, data=tmp_path / "data").returncode == 0
    server = "http://127.0.0.1:1"
    for arguments in (
        ("replay", log, "--into", server, "--pad", "a b"),
        ("replay", log, "--into", server, "--pad", ""),
        ("replay", log, "--into", server, "--pad", "x" * 65),
        ("replay", log, "--into", f"{server}/p/ä"),
        ("import", log, "--pad", "a b", "--data", tmp_path / "new"),
        ("import", log, "--pad", "", "--data", tmp_path / "new"),
    ):
        done = invoke(*arguments)
        assert done.exit_code == 2
        assert "1 to 64 letters of a to z and A to Z, digits, - and _" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["data", "log"]
    assert (tmp_path / "data" / DATABASE).exists()


def test_a_pad_is_not_deleted_where_none_can_be(tmp_path, monkeypatch):
    """What is no server, one that does not answer, and a folder without a database, which is not
    made; each is said in a line.
    """
    monkeypatch.setenv("DELTAPAD_ADMIN_TOKEN", "a token of the tests")
    for arguments, code, words in (
        (("--url", "ftp://there"), 2, "'ftp://there' is not the address of a server"),
        (("--url", "http://127.0.0.1:9"), 1, "http://127.0.0.1:9/p/notes/status cannot be reached"),
        (("--data", tmp_path / "none"), 1, "there is no deltapad database in"),
    ):
        done = invoke("delete", "notes", "--yes", *arguments)
        assert done.exit_code == code
        assert words in done.stderr
    assert os.listdir(tmp_path) == []
