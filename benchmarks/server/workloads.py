"""the loads: how many pads, how many writers, how fast, and what is told of it"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["WORKLOADS", "Workload"]

Task = Literal["flat", "paced", "back", "idle", "restart", "kill"]


@dataclass(frozen=True)
class Workload:
    """One table. `task` is what the client's program does, `rate` keys a second of each writer;
    in a closed loop (`flat`, `restart`, `kill`) the next key comes when the last one is
    acknowledged. What is not `repeated` repeats itself, or is no matter of chance.
    """

    name: str
    title: str
    task: Task
    pads: int = 1
    writers: int = 10
    rate: float = 5.0
    own: int = 0
    missed: int = 0
    joining: int = 0
    edits: int = 0
    repeated: bool = True

    def request(self) -> dict[str, Any]:
        """Its part of the request."""
        return {
            "task": self.task,
            "pads": self.pads,
            "writers": self.writers,
            "rate": self.rate,
            "own": self.own,
            "missed": self.missed,
            "joining": self.joining,
            "edits": self.edits,
        }


WORKLOADS: Final = (
    Workload("flat-10", "One pad, 10 writers flat out", "flat"),
    Workload("flat-50", "One pad, 50 writers flat out", "flat", writers=50),
    Workload("flat-200x2", "200 pads, 2 writers each, flat out", "flat", pads=200, writers=2),
    Workload("keys-10", "One pad, 10 writers, 5 keys a second each", "paced"),
    Workload("keys-50", "One pad, 50 writers, 5 keys a second each", "paced", writers=50),
    Workload(
        "back",
        "Back with 500 offline edits against 5,000 missed",
        "back",
        writers=2,
        own=500,
        missed=5000,
    ),
    Workload(
        "idle-1000",
        "1,000 connections on 100 pads that only stay, 50 joining at a time",
        "idle",
        pads=100,
        joining=50,
        repeated=False,
    ),
    Workload(
        "restart",
        "The first text after a restart: a pad of 100,000 edits by 10 authors",
        "restart",
        edits=100_000,
        repeated=False,
    ),
    Workload("kill", "The server killed under 10 writers flat out", "kill", repeated=False),
)
