"""what commands print as rows: in a table, and where the terminal is too narrow for it"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from server.commands.rows import print_rows
from tests.conftest import DELTAPAD
from tests.test_backup import fill
from tests.test_logs import run

HASH = "4133e4a97682e0fd95deca400ffccbe5"
ROWS = [
    {"pad": name, "revisions": "1,234", "hash": HASH, "": state}
    for name, state in (("notes", "right"), ("n" * 64, "wrong"))
]
# Runs a command in a terminal of so many columns, and prints what it has printed.
IN_TERMINAL = """
import fcntl, os, pty, struct, sys, termios
columns, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(columns), 0, 0))
    os.execv(command[0], command)
try:
    while shown := os.read(terminal, 10_000):
        sys.stdout.buffer.write(shown)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def printed(width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    print_rows(console, ROWS, left=("pad", "hash", ""))
    assert isinstance(console.file, io.StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def in_terminal(columns: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """The real command in a terminal so wide, whatever the one is in which the tests run."""
    here = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return subprocess.run(
        [sys.executable, "-c", IN_TERMINAL, str(columns), DELTAPAD, *command],
        env={**here, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_table_where_there_is_room():
    """A line for each row, and nothing cut."""
    lines = printed(200)
    assert [line.split() for line in lines] == [
        ["pad", "revisions", "hash"],
        ["notes", "1,234", HASH, "right"],
        ["n" * 64, "1,234", HASH, "wrong"],
    ]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_block_for_each_row_where_there_is_none(width):
    """Headings at the left; what is longer than a line goes on in the next, in long pieces."""
    lines = printed(width)
    assert [line.split()[0] for line in lines if line.startswith(("pad", "revisions", "hash"))] == [
        *("pad", "revisions", "hash") * 2
    ]
    assert "right" in lines and "wrong" in lines
    whole = "".join(lines)
    assert "hash" + HASH in whole.replace(" ", "") and "n" * 64 in whole.replace(" ", "")
    assert len(lines) < 40


@pytest.mark.slow
async def test_verify_and_replay_in_a_narrow_terminal(tmp_path):
    """The hash of a pad can be read: it stands beside its heading, in long pieces."""
    await fill(tmp_path)
    log = tmp_path / "log"
    assert run("export", "notes", "-o", log, data=tmp_path).returncode == 0
    for command in (("verify", "--data", tmp_path), ("replay", log)):
        done = in_terminal(40, *command)
        assert done.returncode == 0, done.stdout
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout)
        assert re.search(r"hash +[0-9a-f]{20}", plain), plain
