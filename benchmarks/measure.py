"""one measurement after the other, each in a process of its own: medians of cold and warm runs"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.core.inputs import Inputs
from benchmarks.core.peers.protocol import Answer, Request
from benchmarks.core.workloads import Workload
from benchmarks.peers import Peer

__all__ = ["Cell", "Effort", "measure"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How much is measured: processes for each cell, and when to leave it at fewer.

    A slow peer should not make a run of minutes one of hours: a process starts no third run after
    `runs_seconds_max`, a cell no further process after `cell_seconds_max`, and a process that needs
    `process_seconds_max` has failed.
    """

    processes: int = 5
    runs_seconds_max: float = 10.0
    cell_seconds_max: float = 60.0
    process_seconds_max: float = 120.0


@dataclass(frozen=True)
class Cell:
    """What came out, in the workload's unit: medians over `processes` processes, or why nothing."""

    processes: int = 0
    cold_wall: float | None = None
    cold_cpu: float | None = None
    warm_wall: float | None = None
    warm_cpu: float | None = None
    worst: float | None = None
    memory: float | None = None
    failure: str = ""

    def figure(self, workload: Workload) -> float | None:
        """The one that is compared."""
        if workload.unit == "MiB":
            return self.memory
        return self.warm_cpu if workload.by == "cpu" else self.warm_wall


def measure(
    peer: Peer, workload: Workload, inputs: Inputs, effort: Effort, progress: Progress
) -> Cell:
    """Measure one peer at one workload."""
    absent = peer.absent()
    if absent:
        return Cell(failure=absent)
    path = inputs.path(workload.input, peer.unit)
    task = peer.tasks.get(workload.name, workload.task)
    request = {
        "workload": task,
        "input": str(path),
        "saved": str(path.with_name(f"{path.stem}.{peer.program}.{task}")),
        "runs": workload.runs,
        "seconds": effort.runs_seconds_max,
    }
    if workload.unit == "MiB":
        # What is opened is written by another process: its memory is not the pad's.
        progress("writing the pad")
        answer = _ask(peer, {**request, "workload": f"save_{task}"}, effort)
        if "error" in answer:
            return Cell(failure=str(answer["error"]))
    answers: list[Answer] = []
    began = time.monotonic()
    while len(answers) < effort.processes:
        progress(f"process {len(answers) + 1} of {effort.processes}")
        answer = _ask(peer, request, effort)
        if "error" in answer:
            return Cell(failure=str(answer["error"]))
        answers.append(answer)
        if time.monotonic() - began > effort.cell_seconds_max:
            break
    return _cell(workload, answers)


def _ask(peer: Peer, request: Request, effort: Effort) -> Answer:
    """Start the peer's program with one request."""
    try:
        done = subprocess.run(
            peer.command(),
            input=json.dumps(request),
            capture_output=True,
            text=True,
            env=peer.environment(),
            # Nothing is found by chance in the folder that the run was started from.
            cwd=Path(request["input"]).parent,
            timeout=effort.process_seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"more than {effort.process_seconds_max:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"error": next((line for line in reversed(lines) if "rror" in line), lines[-1])}
    answer: Answer = json.loads(done.stdout)
    return answer


def _cell(workload: Workload, answers: list[Answer]) -> Cell:
    if workload.unit == "MiB":
        used = [answer["bytes"] for answer in answers]
        return Cell(len(answers), memory=_median(used) / 2**20)
    scale = {"ms": 1e6, "µs": 1e3}[workload.unit] * workload.per
    runs: list[list[list[float]]] = [answer["runs"] for answer in answers]
    warm = [one[1:] or one for one in runs]
    return Cell(
        len(answers),
        cold_wall=_median([one[0][0] for one in runs]) / scale,
        cold_cpu=_median([one[0][1] for one in runs]) / scale,
        warm_wall=_median([_median([wall for wall, _ in one]) for one in warm]) / scale,
        warm_cpu=_median([_median([cpu for _, cpu in one]) for one in warm]) / scale,
        worst=max(wall for one in warm for wall, _ in one) / scale if workload.worst else None,
    )


def _median(values: list[float]) -> float:
    return float(median(values))
