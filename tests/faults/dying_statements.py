"""a process that is gone in place of the n-th statement of a job on a database"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.conftest import REPO

__all__ = ["DIED", "die_at"]

# The exit code of a process that got so far.
DIED: Final = 9

_JOB: Final = """
import os, sys, pathlib, apsw
left = int(sys.argv[1])
def trace(cursor, sql, bindings):
    global left
    left -= 1
    if left == 0:
        os._exit({died})
    return True
def hook(connection):
    connection.exec_trace = trace
path = pathlib.Path(sys.argv[2])
{prepare}
"""


def die_at(statement: int, folder: Path, prepare: str) -> int:
    """Run a job, Python that sets `hook` on a connection and knows `path`, a folder; return its
    exit code: `DIED`, or 0 if it has fewer statements.
    """
    job = _JOB.format(died=DIED, prepare=prepare)
    return subprocess.run(
        [sys.executable, "-c", job, str(statement), str(folder)],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        timeout=60,
        check=False,
    ).returncode
