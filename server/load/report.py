"""what a run has found, as data: figures a second, latencies, the server's part, the texts"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from server.load.figures import Latency
from server.load.plan import Plan

__all__ = ["Report", "Second", "ServerUse", "knee"]

# From this part of a core on, what is measured is the generator as well as the server.
_CPU_BUSY: Final = 0.85
# Milliseconds. Keys that come later than this, without the generator being busy, have waited for
# a processor that something else was using.
_LATE_MS: Final = 10.0


class Second(Struct, frozen=True):
    """One second of a run, or what the last one was long."""

    at: float
    phase: str
    clients: int
    acked: float
    deliveries: float
    seen: Latency
    server_cpu: float | None
    server_rss_mib: float | None
    generator_cpu: float


class ServerUse(Struct, frozen=True):
    """What the server used. Processor time over the measured seconds; memory before the clients
    came, at the end of the measured seconds, and the most seen.
    """

    pid: int
    cpu: float
    cpu_seconds_per_1000_ops: float | None
    rss_mib_before: float
    rss_mib: float
    rss_mib_max: float


class Report(Struct, frozen=True):
    """One run. Rates are for each second of the measured ones, latencies in milliseconds; edits
    that were typed in the measured seconds and seen later count among the latencies.
    """

    plan: Plan
    seconds: float
    connected: int
    seen: Latency
    acknowledged: Latency
    joined: Latency
    late: Latency
    acked_ops: int
    acked: float
    deliveries: float
    untimed: int
    moves: float
    frames_in: float
    bytes_in: float
    bytes_out: float
    server: ServerUse | None
    # Of a core, each process; and how many cores they may use.
    generator_cpu: list[float]
    generator_cores: int
    errors: dict[str, int]
    # What is wrong with the texts at the end; nothing if all are equal.
    differences: list[str]
    timeline: list[Second]

    @property
    def converged(self) -> bool:
        """Whether all texts ended equal."""
        return not self.differences

    @property
    def generator_busy(self) -> bool:
        """Whether the generator was at its limit, so that its own waiting is in the latencies."""
        return (
            max(self.generator_cpu) > _CPU_BUSY
            or sum(self.generator_cpu) > _CPU_BUSY * self.generator_cores
        )

    @property
    def generator_late(self) -> bool:
        """Whether it often had to wait for a processor, although it needs little of it."""
        late = self.late.p95 is not None and self.late.p95 > _LATE_MS
        return late and not self.generator_busy


def knee(reports: list[Report], *, bound_ms: float) -> Report | None:
    """The last run that kept p95 to the bound, before the first that did not; None if the first
    one did not.
    """
    kept = None
    for report in reports:
        if report.seen.p95 is None or report.seen.p95 > bound_ms:
            break
        kept = report
    return kept
