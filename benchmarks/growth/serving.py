"""a server on core 0, with a data folder that outlives it; what it has used, until it is ended"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers import PEERS, REPO, Peer
from benchmarks.server.processes import LOAD_CORE, Failure, last_line, serving
from server.load.process import Usage, usage

__all__ = [
    "BUILDS",
    "Build",
    "Server",
    "bare_text",
    "deltapad",
    "stay_on_the_loads_core",
]

_PYTHON: Final = REPO / ".venv/bin/python"
# Longer than the longest text here; the default is a book's two million.
_LENGTH_MAX: Final = 20_000_000

# "pure" or "compiled".
Build = str


def _peers() -> dict[Build, Peer]:
    ours = {peer.kind: peer for peer in reversed(PEERS) if peer.program == "deltapad"}
    return {"pure": ours["pure"], "compiled": ours["compiled"]}


BUILDS: Final = _peers()


@dataclass(frozen=True)
class Server:
    """One that listens."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"http://127.0.0.1:{self.port}"

    def used(self) -> Usage:
        """Processor time until now, and memory. Raises Failure if it has ended."""
        now = usage(self.pid)
        if now is None:
            raise Failure("the server has ended by itself")
        return now


def deltapad(build: Build, data: Path) -> contextlib.AbstractContextManager[Server]:
    """deltapad's server on a data folder."""

    def command(port: int) -> list[str]:
        flags = ["--port", str(port), "--data", str(data), "--pad-length-max", str(_LENGTH_MAX)]
        return [str(_PYTHON), "-P", "-m", "server", "serve", *flags]

    return _serving(command, BUILDS[build].environment(), data.with_suffix(".log"))


def bare_text(data: Path, pad: str) -> contextlib.AbstractContextManager[Server]:
    """What only reads the text of a pad and sends it."""

    def command(port: int) -> list[str]:
        program = [str(_PYTHON), "-P", "-m", "benchmarks.growth.bare_text"]
        return [*program, str(port), str(data), pad]

    return _serving(command, BUILDS["pure"].environment(), data.with_suffix(".log"))


def stay_on_the_loads_core() -> None:
    """Keep this process, and the load that it starts, off the server's core; and let them, and the
    server, have as many open files as they may: a connection is one.
    """
    if (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {LOAD_CORE})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _serving(
    command: Callable[[int], Sequence[str]], environment: dict[str, str], log: Path
) -> Iterator[Server]:
    """Run it, for as long as the block takes; it ends as a server ends, with all written."""
    with serving(command, environment, log) as running:
        yield Server(running.process.pid, running.port)
        if running.process.poll() is not None:
            raise Failure(f"the server has ended by itself: {last_line(log)}")
