"""what a server counts of its own work: plain numbers, read by who wants to know

Counting is in the way of every commit, so it is an addition and nothing else; `server/metrics.py`
makes something of the numbers when it is asked.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from ot.log import Entry

__all__ = ["COMMIT_SECONDS", "LATENCY_MS", "Counters", "class_of_latency"]

# Upper bounds of the classes in which commits are counted: from a fast disk to one that people
# notice. What takes longer is in a last class without a bound.
COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Upper bounds of the classes of an edit's latency: whole milliseconds, as entries are labelled with
# them; then each a quarter more than the last at most, so that a percentile is no further off.
LATENCY_MS: Final = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 60, 75, 90, 110, 135, 165),
    *(200, 250, 310, 385, 480, 600, 750, 935, 1_165, 1_450, 1_800, 2_250, 2_800, 3_500, 4_350),
    *(5_400, 6_750, 8_400, 10_000),
)
# The class of each latency up to here is looked up and not searched for.
_LOOKED_UP_MS: Final = 1_000
_CLASSES: Final = bytes(bisect_left(LATENCY_MS, ms) for ms in range(_LOOKED_UP_MS))


def class_of_latency(ms: int) -> int:
    """The index of the class that a latency is counted in; a clock that was put back is 0."""
    if 0 <= ms < _LOOKED_UP_MS:
        return _CLASSES[ms]
    return bisect_left(LATENCY_MS, ms)


class Counters:
    """Since this server was started."""

    __slots__ = (
        "_snapshot_at",
        "commit_classes",
        "commit_seconds",
        "deletions",
        "divergences",
        "latency_classes",
        "operations",
        "rejections",
        "resyncs",
        "snapshots",
        "turned_away",
    )

    def __init__(self) -> None:
        # How often a client had another text than the log.
        self.divergences = 0
        # Operations that were made durable; how many batches of them took how long, and all of
        # these together.
        self.operations = 0
        self.commit_classes = [0] * (len(COMMIT_SECONDS) + 1)
        self.commit_seconds = 0.0
        # Edits by how long it took from their receipt until all that read had been sent them.
        self.latency_classes = [0] * (len(LATENCY_MS) + 1)
        # Operations that were refused; clients that came again, and had to be sent a whole text.
        self.rejections = 0
        self.resyncs = 0
        # Connections that were one too many; pads that were deleted; texts that were written beside
        # their logs.
        self.turned_away = 0
        self.deletions = 0
        self.snapshots = 0
        self._snapshot_at: float | None = None

    def committed(self, operations: int, seconds: float) -> None:
        """A batch of operations is durable; the store took so long."""
        self.operations += operations
        self.commit_classes[bisect_left(COMMIT_SECONDS, seconds)] += 1
        self.commit_seconds += seconds

    def snapshot_written(self) -> None:
        """A text of a pad was written beside its log."""
        self.snapshots += 1
        self._snapshot_at = time.monotonic()

    def snapshot_age(self) -> float | None:
        """Seconds since that was done last, None for never."""
        return None if self._snapshot_at is None else time.monotonic() - self._snapshot_at

    def told(self, entries: Sequence[Entry], classes: list[int]) -> None:
        """All who read have been sent these entries: count them here, and in those of their pad."""
        now_ms = time.time_ns() // 1_000_000
        everywhere = self.latency_classes
        for entry in entries:
            at = class_of_latency(now_ms - entry.time_ms)
            everywhere[at] += 1
            classes[at] += 1
