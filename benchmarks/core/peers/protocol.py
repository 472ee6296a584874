"""what a Python peer does with a request: prepare, time the work alone, check, answer

A request and its answer are one JSON object each, on standard input and output:

    {"workload": "replay", "input": "/path.json", "saved": "/path.bin",
     "runs": 10, "seconds": 10}
    {"runs": [[wall_ns, cpu_ns], ...]}    or {"bytes": 123}, {"saved": 123}, {"error": "why"}

protocol.mjs is the same for Node.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

__all__ = [
    "Answer",
    "Input",
    "Opening",
    "Request",
    "Saving",
    "Tasks",
    "Work",
    "answer",
    "same",
    "saved_bytes",
    "serve",
]

Request: TypeAlias = dict[str, Any]
Input: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]

# So many pads are opened beside a first one: what a process needs once is in the first, and the
# size of a page (4 KiB) in the noise.
PADS = 20


@dataclass(frozen=True)
class Work:
    """Timed work: `run` is timed; `prepare`, which makes its argument anew, and `check` are not."""

    run: Callable[[Any], Any]
    check: Callable[[Any], None]
    prepare: Callable[[], Any] = lambda: None


@dataclass(frozen=True)
class Opening:
    """Memory: `open` loads one pad from bytes, as after a start of the server, and reads its text
    once (some load no more than they are asked for).
    """

    open: Callable[[], Any]
    check: Callable[[Any], None]


@dataclass(frozen=True)
class Saving:
    """Writes the file that a later process opens."""

    save: Callable[[], bytes]


Task: TypeAlias = Work | Opening | Saving
Tasks: TypeAlias = Mapping[str, Callable[[Input], Task]]


def same(got: object, expected: object) -> None:
    """Raise if the work came out wrong: a fast wrong answer is no figure."""
    if got != expected:
        raise ValueError(f"wrong result: {str(got)[:60]!r} is not {str(expected)[:60]!r}")


def serve(tasks: Tasks) -> None:
    """Answer the request on standard input."""
    json.dump(answer(tasks, json.load(sys.stdin)), sys.stdout)


def answer(tasks: Tasks, request: Request) -> Answer:
    """Do what a request asks for."""
    value = json.loads(Path(request["input"]).read_text(encoding="utf-8"))
    value["saved"] = request.get("saved")
    try:
        task = tasks[request["workload"]](value)
        if isinstance(task, Saving):
            return {"saved": Path(request["saved"]).write_bytes(task.save())}
        if isinstance(task, Opening):
            return {"bytes": _memory(task)}
        return {"runs": _timed_runs(task, request)}
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a peer is its cell's text
        return {"error": f"{type(error).__name__}: {error}"}


def _timed_runs(work: Work, request: Request) -> list[tuple[int, int]]:
    """All runs that were asked for, but after `seconds` not more than two."""
    began = time.monotonic()
    runs: list[tuple[int, int]] = []
    while len(runs) < request["runs"]:
        if len(runs) >= 2 and time.monotonic() - began > request["seconds"]:
            break
        runs.append(_timed(work))
    return runs


def _timed(work: Work) -> tuple[int, int]:
    state = work.prepare()
    # The input is not the peer's: its collector is spared from walking it.
    gc.collect()
    gc.freeze()
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    result = work.run(state)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    work.check(result)
    return wall, cpu


def _memory(opening: Opening) -> int:
    first = opening.open()
    gc.collect()
    before = _resident_bytes()
    pads = [opening.open() for _ in range(PADS)]
    gc.collect()
    used = (_resident_bytes() - before) // len(pads)
    for pad in [first, *pads]:
        opening.check(pad)
    return used


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def saved_bytes(value: Input) -> bytes:
    """What `Saving` wrote, in an earlier process."""
    return Path(value["saved"]).read_bytes()
