"""one server at a time on core 0, its load on core 1: what came out, and what it cost the server"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.server.peers import Server
from benchmarks.server.workloads import Workload

__all__ = ["Cell", "Effort", "Failure", "measure"]

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
# Seconds. A server that listens later than this does not start; one that has not ended by then is
# ended the hard way.
START_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 5.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Why there is no figure."""


@dataclass(frozen=True)
class Effort:
    """How long is measured, after how long a warm-up. A load that needs longer than
    `load_seconds_max` has failed; a server that is killed gets `kill_seconds` before.
    """

    warmup_seconds: float = 3.0
    seconds: float = 10.0
    kill_seconds: float = 3.0
    load_seconds_max: float = 180.0


@dataclass(frozen=True)
class Cell:
    """What one load gave with one server: `figures` as the table of its workload has them, or why
    nothing.
    """

    figures: dict[str, float]
    failure: str = ""


def measure(server: Server, workload: Workload, effort: Effort) -> Cell:
    """Measure one server under one load, in a data folder of its own."""
    absent = server.absent()
    if absent:
        return Cell({}, absent)
    with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
        try:
            if workload.task == "kill":
                return Cell(_killed(server, workload, effort, Path(folder)))
            with _serving(server, Path(folder)) as (process, port):
                return Cell(_loaded(server, workload, effort, process, port))
        except Failure as error:
            return Cell({}, str(error))


def _loaded(
    server: Server, workload: Workload, effort: Effort, process: subprocess.Popen[bytes], port: int
) -> dict[str, float]:
    """One load, with the server's CPU time between its begin and its end."""
    marks: dict[str, float] = {}
    result: dict[str, Any] = {}
    with _load(server, {**workload.request(), **_times(effort)}, port, effort) as lines:
        for line in lines:
            if "at" in line:
                marks[line["at"]] = _cpu_seconds(process.pid)
            else:
                result = line
    if process.poll() is not None:
        raise Failure(f"the server ended by itself: {process.returncode}")
    figures = _result(result)
    return {**figures, "server_cpu": marks["end"] - marks["begin"], "rss": _rss(process.pid)}


def _killed(server: Server, workload: Workload, effort: Effort, folder: Path) -> dict[str, float]:
    """Kill the server under load, start it again, and count what it had acknowledged and lost."""
    request = {**workload.request(), "warmup": effort.kill_seconds}
    acknowledged: dict[str, int] = {}
    with (
        _serving(server, folder) as (process, port),
        _load(server, request, port, effort) as lines,
    ):
        for line in lines:
            if "at" in line:
                process.send_signal(signal.SIGKILL)
            else:
                acknowledged = _result(line)["acknowledged"]
    with (
        _serving(server, folder) as (_, port),
        _load(server, {"task": "read"}, port, effort) as lines,
    ):
        present = _result(list(lines)[-1])["present"]
    lost = sum(max(0, count - present.get(key, 0)) for key, count in acknowledged.items())
    return {"acknowledged": sum(acknowledged.values()), "lost": lost}


def _times(effort: Effort) -> dict[str, float]:
    return {"warmup": effort.warmup_seconds, "seconds": effort.seconds}


def _result(line: dict[str, Any]) -> dict[str, Any]:
    if "result" not in line:
        raise Failure(str(line.get("error", "the load gave no answer")))
    result: dict[str, Any] = line["result"]
    return result


@contextlib.contextmanager
def _serving(server: Server, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that listens; it is ended behind the block, and its log is told if it fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    data.mkdir(exist_ok=True)
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_pinned(SERVER_CORE), *server.command(port, data)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=server.environment(),
            cwd=folder,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    lines = log.read_text(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it does not start"
    raise Failure(next((line for line in reversed(lines) if "rror" in line), last))


@contextlib.contextmanager
def _load(
    server: Server, request: dict[str, Any], port: int, effort: Effort
) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines that the load's program answers to a request, as they come."""
    process = subprocess.Popen(
        [*_pinned(LOAD_CORE), "timeout", str(effort.load_seconds_max), *server.client_command()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        json.dump({**request, "port": port, "loses": server.loses}, process.stdin)
        process.stdin.close()
        yield _answers(process.stdout, effort)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _answers(output: IO[str], effort: Effort) -> Iterator[dict[str, Any]]:
    for line in output:
        answer: dict[str, Any] = json.loads(line)
        yield answer
        if "at" not in answer:
            return
    raise Failure(f"the load broke off, or needed more than {effort.load_seconds_max:g} s")


def _pinned(core: int) -> list[str]:
    """In front of a command, so that it runs on this core alone; nothing where that cannot be."""
    usable = shutil.which("taskset") and (os.cpu_count() or 1) > core
    return ["taskset", "-c", str(core)] if usable else []


def _cpu_seconds(pid: int) -> float:
    """Of all threads, in the kernel too. Fields 14 and 15, behind the name in brackets."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss(pid: int) -> float:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
