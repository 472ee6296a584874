"""PURE: the figures of the last 24 hours, in rings of a bounded size: fine steps, and coarser ones

A sample is what a server counts and measures at one moment. A step is what lies between two
moments: it has the edits, and of what goes up and down the most. Each range has its own steps,
which are all made of the same samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from server.counters import LATENCY_MS

__all__ = ["RANGES", "Figures", "Sample", "Step", "percentile"]

# Seconds of a step, and steps of a range: as many points as a chart can show, 246 steps of some
# 600 bytes in all.
RANGES: Final[dict[str, tuple[int, int]]] = {
    "15m": (10, 90),
    "1h": (60, 60),
    "24h": (900, 96),
}
# Without a sample for so long, as when the machine slept, what was counted belongs to no step.
GAP_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment. What is counted is since the start; what is measured is as of now."""

    at: float
    pads: int
    people: int
    edits: int
    latency: Sequence[int]
    resyncs: int
    rejections: int
    log_bytes: int
    memory_bytes: int


@dataclass(slots=True)
class Step:
    """What has happened in the seconds from `at` on: counts, and the most of what is measured."""

    at: float
    pads: int = 0
    people: int = 0
    edits: int = 0
    seconds: float = 0.0
    resyncs: int = 0
    rejections: int = 0
    log_growth: int = 0
    memory_bytes: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_MS) + 1))

    def add(self, old: Sample, new: Sample) -> None:
        """Count what lies between two samples."""
        self.pads = max(self.pads, new.pads)
        self.people = max(self.people, new.people)
        self.memory_bytes = max(self.memory_bytes, new.memory_bytes)
        self.seconds += new.at - old.at
        self.edits += new.edits - old.edits
        self.resyncs += new.resyncs - old.resyncs
        self.rejections += new.rejections - old.rejections
        # A checkpoint makes files shorter.
        self.log_growth += max(0, new.log_bytes - old.log_bytes)
        for at, (before, after) in enumerate(zip(old.latency, new.latency, strict=True)):
            self.latency[at] += after - before

    @property
    def edits_per_second(self) -> float:
        """Over the time of the step that there are samples of."""
        return self.edits / self.seconds if self.seconds else 0.0

    @property
    def growth_per_hour(self) -> float:
        """Bytes that the files would grow by in an hour of this."""
        return 3_600 * self.log_growth / self.seconds if self.seconds else 0.0


class Figures:
    """The steps of every range, fed with samples."""

    def __init__(self) -> None:
        self.newest: Sample | None = None
        self._rings: dict[str, deque[Step]] = {
            name: deque(maxlen=steps) for name, (_, steps) in RANGES.items()
        }

    def add(self, sample: Sample) -> None:
        """A further sample, which has to be newer than the last one."""
        old, self.newest = self.newest, sample
        if old is None or not 0 < sample.at - old.at <= GAP_SECONDS_MAX:
            return
        for name, (seconds, _) in RANGES.items():
            ring, start = self._rings[name], sample.at - sample.at % seconds
            # The clock was set back: or all that is new would count for one step, until it is there
            # again, and that one is not shown.
            while ring and ring[-1].at > start:
                ring.pop()
            if not ring or ring[-1].at < start:
                ring.append(Step(start))
            ring[-1].add(old, sample)

    def steps(self, name: str) -> list[Step]:
        """The steps of a range, oldest first, as far back as the newest sample's range goes."""
        if self.newest is None:
            return []
        seconds, count = RANGES[name]
        oldest = self.newest.at - seconds * count
        return [step for step in self._rings[name] if step.at >= oldest]


def percentile(counts: Sequence[int], share: float, bounds: Sequence[float]) -> float | None:
    """The upper bound of the class that holds so large a share of what was counted in classes;
    None if nothing was. What is past all bounds is told as the last of them.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    for bound, count in zip(bounds, counts, strict=False):
        wanted -= count
        # Shares are not exact in binary.
        if wanted <= 1e-9:
            return bound
    return bounds[-1]
