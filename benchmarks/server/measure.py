"""one server at a time on core 0, its load on core 1: what came out, and what it cost the server"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.server.peers import Server
from benchmarks.server.processes import LOAD_CORE, Failure, Running, pinned, serving
from benchmarks.server.workloads import Workload

__all__ = ["Cell", "Effort", "Failure", "measure"]

# Seconds for a server to come to rest, before it is stopped.
_REST_SECONDS_MAX: Final = 60.0

_Figures = dict[str, float]


@dataclass(frozen=True)
class Effort:
    """How long is measured, after how long a warm-up, and how often, each time with a new server.
    A server that is killed gets `kill_seconds` before, one that is filled `fill_seconds_max`; a
    load that needs longer than `load_seconds_max` besides has failed.
    """

    warmup_seconds: float = 2.0
    seconds: float = 3.0
    repeats: int = 3
    kill_seconds: float = 3.0
    fill_seconds_max: float = 180.0
    load_seconds_max: float = 120.0


@dataclass(frozen=True)
class Cell:
    """What one load gave with one server, each time: figures as the table of its workload has
    them; and why there are not more.
    """

    runs: tuple[Mapping[str, float], ...] = ()
    failure: str = ""

    def and_then(self, later: Cell) -> Cell:
        """Both, as one."""
        return Cell(self.runs + later.runs, self.failure or later.failure)


def measure(server: Server, workload: Workload, effort: Effort) -> Cell:
    """Measure one server under one load, in a data folder of its own."""
    absent = server.absent()
    if absent:
        return Cell(failure=absent)
    with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
        try:
            if workload.task == "kill":
                return Cell((_killed(server, workload, effort, Path(folder)),))
            if workload.task == "restart":
                return Cell(_restarted(server, workload, effort, Path(folder)))
            with _serving(server, Path(folder)) as running:
                return Cell((_loaded(server, workload, effort, running),))
        except Failure as error:
            return Cell(failure=str(error))


def _serving(server: Server, folder: Path) -> contextlib.AbstractContextManager[Running]:
    """A server on the data that is in the folder, if there is any."""
    data = folder / "data"
    data.mkdir(exist_ok=True)

    def command(port: int) -> list[str]:
        return server.command(port, data)

    return serving(command, server.environment(), folder / "log")


def _loaded(server: Server, workload: Workload, effort: Effort, running: Running) -> _Figures:
    """One load, with the server's CPU time and memory at its begin and its end."""
    cpu, rss = {}, {}
    result: dict[str, Any] = {}
    with _load(server, {**workload.request(), **_times(effort)}, running, effort) as lines:
        for line in lines:
            if "at" in line:
                cpu[line["at"]], rss[line["at"]] = running.cpu_seconds(), running.rss()
            else:
                result = line
    if running.process.poll() is not None:
        raise Failure(f"the server ended by itself: {running.process.returncode}")
    figures = _result(result)
    return {
        **figures,
        "server_cpu": cpu["end"] - cpu["begin"],
        "rss": rss["end"],
        "rss_more": rss["end"] - rss["begin"],
    }


def _killed(server: Server, workload: Workload, effort: Effort, folder: Path) -> _Figures:
    """Kill the server under load, start it again, and count what it had acknowledged and lost."""
    request = {**workload.request(), "warmup": effort.kill_seconds}
    acknowledged: dict[str, int] = {}
    with (
        _serving(server, folder) as running,
        _load(server, request, running, effort) as lines,
    ):
        for line in lines:
            if "at" in line:
                running.kill()
            else:
                acknowledged = _result(line)["acknowledged"]
    with _serving(server, folder) as running:
        present = _answer(server, {"task": "read"}, running, effort)["present"]
    lost = sum(max(0, count - present.get(key, 0)) for key, count in acknowledged.items())
    return {"acknowledged": sum(acknowledged.values()), "lost": lost}


def _restarted(
    server: Server, workload: Workload, effort: Effort, folder: Path
) -> tuple[_Figures, ...]:
    """Fill a pad once, and open it after each of several restarts of the server."""
    request = {**workload.request(), "task": "fill", "limit": effort.fill_seconds_max}
    with _serving(server, folder) as running:
        length = _answer(server, request, running, effort)["length"]
        running.rest(_REST_SECONDS_MAX)
    data, kept = folder / "data", folder / "kept"
    data.rename(kept)
    disk = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    runs = []
    for _ in range(effort.repeats):
        # Some tidy up when they load a pad: each time it is as the first server has left it.
        subprocess.run(["cp", "-a", str(kept), str(data)], check=True)
        with _serving(server, folder) as running:
            opened = _answer(server, {"task": "reopen", "length": length}, running, effort)
        shutil.rmtree(data)
        runs.append({**opened, "disk": disk, "length": length})
    return tuple(runs)


def _answer(
    server: Server, request: dict[str, Any], running: Running, effort: Effort
) -> dict[str, Any]:
    """What one load that is not watched comes to."""
    with _load(server, request, running, effort) as lines:
        return _result(list(lines)[-1])


def _times(effort: Effort) -> dict[str, float]:
    return {"warmup": effort.warmup_seconds, "seconds": effort.seconds}


def _result(line: dict[str, Any]) -> dict[str, Any]:
    if "result" not in line:
        raise Failure(str(line.get("error", "the load gave no answer")))
    result: dict[str, Any] = line["result"]
    return result


@contextlib.contextmanager
def _load(
    server: Server, request: dict[str, Any], running: Running, effort: Effort
) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines that the load's program answers to a request, as they come."""
    seconds_max = effort.load_seconds_max + request.get("limit", 0)
    process = subprocess.Popen(
        [*pinned(LOAD_CORE), "timeout", str(seconds_max), *server.client_command()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        json.dump({**request, "port": running.port, "loses": server.loses}, process.stdin)
        process.stdin.close()
        yield _answers(process.stdout, seconds_max)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _answers(output: IO[str], seconds_max: float) -> Iterator[dict[str, Any]]:
    for line in output:
        answer: dict[str, Any] = json.loads(line)
        yield answer
        if "at" not in answer:
            return
    raise Failure(f"the load broke off, or needed more than {seconds_max:g} s")
