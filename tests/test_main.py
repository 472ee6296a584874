"""the command line: how `deltapad serve` starts, stops, and says what is wrong"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

import server.__main__ as command_line
from server.__main__ import main
from server.settings import HELP, Settings
from tests.conftest import DELTAPAD
from tests.wire import Wire, connect, create_pad, stored

pytestmark = pytest.mark.slow  # together some ten seconds, which `make test-fast` does not have


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, to its end."""
    return subprocess.run(
        [DELTAPAD, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **environment},
    )


def test_every_setting_is_an_option():
    """Flag and variable are named after it, and its help says what it is; but a secret has no flag,
    which `ps` would show.
    """
    options = {option.name: option for option in main.commands["serve"].params}
    names = {field.name for field in fields(Settings)}
    assert names == set(HELP) == set(options) - {"help"} | {"admin_token"}
    for name in names - {"admin_token"}:
        assert options[name].envvar == f"DELTAPAD_{name.upper()}"
    assert options["allowed_origins"].opts == ["--allowed-origin"]
    assert options["idle_seconds"].opts == ["--idle-seconds"]


def given(monkeypatch: pytest.MonkeyPatch, *arguments: str, **environment: str) -> Settings:
    """The settings that `serve` would run with."""
    seen: list[Settings] = []

    async def keep(settings: Settings) -> None:
        seen.append(settings)

    monkeypatch.setattr(command_line, "_run", keep)
    result = CliRunner().invoke(main, ["serve", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_settings(monkeypatch):
    """The flag wins over the environment, which wins over the default; types are right."""
    assert given(monkeypatch) == Settings()
    settings = given(
        monkeypatch,
        *("--port", "0", "--data", "here", "--idle-seconds", "1.5"),
        *("--allowed-origin", "https://a.example", "--allowed-origin", "https://b.example"),
        DELTAPAD_PORT="81",
        DELTAPAD_HOST="0.0.0.0",
        DELTAPAD_PAD_LENGTH_MAX="1000",
        DELTAPAD_ADMIN_TOKEN="0123456789abcdef",
    )
    assert settings == Settings(
        port=0,
        host="0.0.0.0",
        data=Path("here"),
        idle_seconds=1.5,
        pad_length_max=1_000,
        admin_token="0123456789abcdef",
        allowed_origins=("https://a.example", "https://b.example"),
    )
    several = given(monkeypatch, DELTAPAD_ALLOWED_ORIGINS="https://a.example https://b.example")
    assert several.allowed_origins == ("https://a.example", "https://b.example")


def test_version_and_help():
    """Both go to standard output; so does the help of a command."""
    version = run("--version")
    assert (version.returncode, version.stdout) == (0, "deltapad 0.1.0, core in pure Python\n")
    for arguments in (("--help",), ("-h",), ("serve", "--help")):
        shown = run(*arguments)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "serve" in shown.stdout.lower()


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--port", "http"),
        ("serve", "--port", "70000"),  # which the system would take for 4464
        ("serve", "--pads-max", "-1"),
        # Of these no server came up that could be stopped or connected to.
        ("serve", "--idle-seconds", "0"),
        ("serve", "--heartbeat-seconds", "-1"),
        ("serve", "--header-seconds", "nan"),
        ("serve", "--messages-per-second", "-1"),
        ("serve", "--prot", "1"),
        ("sevre",),
        ("serve", "extra"),
    ],
)
def test_wrong_arguments(arguments):
    """Exit code 2, and what is wrong."""
    result = run(*arguments)
    assert result.returncode == 2
    assert arguments[-1] in result.stderr or arguments[-2] in result.stderr
    assert "Traceback" not in result.stderr


def test_what_makes_starting_impossible(tmp_path, serve):
    """One line that says what, exit code 1, no traceback."""
    (tmp_path / "file").write_text("")
    in_the_way = run("serve", "--port", "0", "--data", tmp_path / "file")
    # A name from before names were UTF-8.
    not_utf8 = run("serve", "--port", "0", "--data", os.fsdecode(os.fsencode(tmp_path) + b"/\xe4"))
    taken_folder = run("serve", "--port", "0", "--data", serve.data)
    taken_port = run("serve", "--port", str(serve.port), "--data", tmp_path / "other")
    for result, words in (
        (in_the_way, "cannot write to the data folder"),
        (not_utf8, "SQLite opens only paths that are UTF-8"),
        (taken_folder, "in use by another deltapad"),
        (taken_port, f"cannot listen at 127.0.0.1:{serve.port} (address already in use); "),
    ):
        assert result.returncode == 1
        assert result.stderr.startswith("Error: ") and words in result.stderr
        assert "Traceback" not in result.stderr


def test_what_it_prints(start_server):
    """Where the pads are and where to go; an IPv6 address in brackets."""
    server = start_server()
    assert f"deltapad keeps its pads in {server.data}, SQLite 3." in server.log
    assert f"Serving at http://127.0.0.1:{server.port}  (stop with Ctrl C)" in server.log
    server.stop()
    assert "stopping" in server.log


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(tmp_path):
    """Also there the printed address is one that can be opened."""
    command = [DELTAPAD, "serve", "--host", "::1", "--port", "0", "--data", tmp_path / "data"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert line.startswith("Serving at http://[::1]:")
    assert process.returncode == 0


async def type_until_told(wire: Wire) -> tuple[int, dict[str, object] | None, int | None]:
    """Type one letter after the other until the server goes: the highest acknowledged seq, and its
    last words.
    """
    seq = 0
    while True:
        await wire.op(wire.revision, seq + 1, ["x"])
        mine: list[int] = []
        while seq + 1 not in mine:
            frame = await wire.receive("ops", "error")
            if frame["type"] == "error":
                return seq, frame, (await wire.end())[1]
            mine = [number for session, number, _ in frame["ops"] if session == wire.session]
            wire.revision = frame["from"] + len(frame["ops"])
        seq += 1


@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT], ids=["out", "both"])
def test_graceful_end_when_nobody_reads_the_output(tmp_path, errors):
    """As when what collects the log has died: the exit code is 0 all the same."""
    command = [DELTAPAD, "serve", "--port", "0", "--data", tmp_path / "data"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as server:
        assert server.stdout is not None
        while b"Serving at" not in (line := server.stdout.readline()):
            assert line
        server.stdout.close()
        server.terminate()
        assert server.wait(15) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_graceful_end(serve, number):
    """Everybody is told, what was acknowledged is there after the restart, the exit code is 0."""
    await create_pad(serve.url, "pad")
    async with (
        connect(serve.url, "pad", "ada") as ada,
        connect(serve.url, "pad", "bob") as bob,
        # Somebody who neither types nor reads.
        connect(serve.url, "pad", "idle"),
    ):
        typing = [asyncio.create_task(type_until_told(wire)) for wire in (ada, bob)]
        await asyncio.sleep(0.3)
        start = time.monotonic()
        exit_code = await asyncio.to_thread(serve._end, number)
        seconds = time.monotonic() - start
        ends = await asyncio.gather(*typing)

    assert exit_code == 0
    assert seconds < 10
    for _, error, close_code in ends:
        assert error is not None
        assert (error["code"], error["action"]) == ("shutting_down", "reconnect")
        assert close_code == 1012
    serve.start()
    entries = stored(serve.data, "pad")
    for wire, (seq, *_) in zip((ada, bob), ends, strict=True):
        assert seq > 0
        # The one that was in flight may be there too: a resend finds out.
        assert entries.count((wire.session, seq)) == 1
        assert len([entry for entry in entries if entry[0] == wire.session]) in (seq, seq + 1)
    async with connect(serve.url, "pad") as fresh:
        assert (await fresh.enter("fresh"))["text"] == "x" * len(entries)
