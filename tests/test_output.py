"""commands whose output cannot be written: one line that says so, and exit code 1"""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from tests.conftest import DELTAPAD
from tests.test_backup import fill
from tests.test_logs import process, run

FULL = Path("/dev/full")
COMMANDS = [
    ("--help",),
    ("verify", "--help"),
    ("verify", "--data", "data"),
    ("replay", "log"),
    ("replay", "log", "--text"),
    ("export", "notes", "--data", "data"),
    ("backup", "another", "--data", "data"),
    ("restore", "backup", "--data", "new"),
    ("import", "log", "--data", "new"),
    ("delete", "notes", "--data", "data", "--yes"),
    ("converge", "--seed", "1", "--ops", "10", "--hours", "0.1"),
    ("load", "URL", "--writers", "1", "--seconds", "0.5"),
    ("serve", "--port", "0", "--data", "new"),
]


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
async def test_a_full_output(tmp_path, request, command):
    """The last line says what cannot be written, and there is no traceback."""
    await fill(tmp_path / "data")
    run("export", "notes", "-o", tmp_path / "log", data=tmp_path / "data")
    run("backup", tmp_path / "backup", data=tmp_path / "data")
    if "URL" in command:
        url = request.getfixturevalue("serve").url
        command = tuple(url if part == "URL" else part for part in command)
    with FULL.open("w") as full:
        done = subprocess.run(
            [DELTAPAD, *command],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == "Error: cannot write to standard output: No space left on device"


@pytest.mark.slow
async def test_a_file_for_which_there_is_no_room(tmp_path):
    """Is named itself; nothing is left of it."""
    await fill(tmp_path / "data")
    whole = process("export", "notes", data=tmp_path / "data").stdout
    done = subprocess.run(
        [DELTAPAD, "export", "notes", "-o", "log", "--data", "data"],
        # SQLite needs files of 32 KiB beside its own to read it.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, 33_000)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert len(whole) > 33_000
    assert (done.returncode, done.stderr) == (1, "Error: log: File too large\n")
    assert sorted(os.listdir(tmp_path)) == ["data"]
