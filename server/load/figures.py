"""latencies in histograms, and counts, which add up over processes and seconds"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct, field

__all__ = ["Figures", "Histogram", "Latency"]

# Buckets for each time that a latency is e times as long: each is 1 % wide either side.
_STEPS: Final = 50
# Up to 16 minutes, in microseconds.
_BUCKETS: Final = int(_STEPS * math.log(1e9)) + 1


class Latency(Struct, frozen=True):
    """What is told of a histogram, in milliseconds; None for each if nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Histogram:
    """Latencies, to 1 %; the longest exactly."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float, weight: int = 1) -> None:
        """`weight` things took so long."""
        bucket = int(math.log(seconds * 1e6) * _STEPS) if seconds > 1e-6 else 0
        self._counts[bucket if bucket < _BUCKETS else -1] += weight
        self.count += weight
        if seconds > self.longest:
            self.longest = seconds

    def merge(self, other: Histogram) -> None:
        """All of another one, too."""
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        self.count += other.count
        self.longest = max(self.longest, other.longest)

    def quantile_ms(self, part: float) -> float | None:
        """The time that this part of all did not take longer than; None if there are none."""
        wanted = part * self.count
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                middle = math.exp((bucket + 0.5) / _STEPS) / 1e3
                return min(middle, self.longest * 1e3)
        return None

    def latency(self) -> Latency:
        """What is told of it."""
        return Latency(
            p50=self.quantile_ms(0.5),
            p95=self.quantile_ms(0.95),
            p99=self.quantile_ms(0.99),
            max=self.longest * 1e3 if self.count else None,
        )


class Figures(Struct):
    """What happened to some clients in some time."""

    # Until other clients had an edit; until its writer had the acknowledgement; from the start of a
    # connection to the welcome; by how much a key was late, on the writer's own clock.
    seen: Histogram = field(default_factory=Histogram)
    acknowledged: Histogram = field(default_factory=Histogram)
    joined: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    # Operations acknowledged; others' operations received, and those among them whose time of
    # typing is not known; caret moves sent; frames of any kind; bytes of their payload.
    acked: int = 0
    deliveries: int = 0
    untimed: int = 0
    moves: int = 0
    frames_in: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def merge(self, other: Figures) -> None:
        """All of others, too."""
        self.merge_latencies(other)
        self.acked += other.acked
        self.deliveries += other.deliveries
        self.moves += other.moves
        self.frames_in += other.frames_in
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out

    def merge_latencies(self, other: Figures) -> None:
        """Only what others have measured of time."""
        self.seen.merge(other.seen)
        self.acknowledged.merge(other.acknowledged)
        self.joined.merge(other.joined)
        self.late.merge(other.late)
        self.untimed += other.untimed
