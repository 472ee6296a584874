"""the rows: what is measured, on which input, in which unit of time"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.core.inputs import PAIRS

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """One row of the summary, and one table.

    `task` is its name in the peers' programs. A process does `runs` runs: the first is the cold
    one, the median of the others the warm one. A run's time is divided by `per`. `by` is the figure
    that ratios are of; `worst` is told where a single slow run matters.
    """

    name: str
    title: str
    task: str
    input: str
    unit: Literal["ms", "µs", "MiB"] = "ms"
    runs: int = 2
    per: int = 1
    by: Literal["wall", "cpu"] = "wall"
    worst: bool = False


WORKLOADS: Final = (
    Workload("replay", "Replay a paper, edit by edit", "replay", "paper", runs=3),
    Workload("compose", "Compose all its edits into one operation", "compose", "paper", runs=5),
    Workload(
        "transform-1",
        "Transform a pair of single edits",
        "transform",
        "pairs-1",
        unit="µs",
        runs=50,
        per=PAIRS[1],
    ),
    Workload(
        "transform-50",
        "Transform a pair of 50 components each",
        "transform",
        "pairs-50",
        unit="µs",
        runs=50,
        per=PAIRS[50],
    ),
    Workload(
        "transform-5000",
        "Transform a pair of 5,000 components each",
        "transform",
        "pairs-5000",
        unit="µs",
        runs=10,
        per=PAIRS[5_000],
    ),
    Workload(
        "catch-up",
        "Catch up: 1,000 edits pending, 10,000 missed",
        "catch_up",
        "catch-up",
        runs=10,
    ),
    Workload(
        "live",
        "Two people at once through one server",
        "live",
        "live",
        runs=3,
        by="cpu",
    ),
    Workload("memory", "Memory of an open pad: its text", "memory", "paper", unit="MiB"),
    Workload(
        "memory-history",
        "Memory of an open pad: with its history",
        "memory_history",
        "paper",
        unit="MiB",
    ),
    Workload(
        "seek", "Seek to a random revision of the paper", "seek", "seek", runs=1_000, worst=True
    ),
)
