"""a failing scenario made small: fewer tabs, fewer faults, fewer edits, and the same failure

Parts are left out as long as the same invariant still fails. What is left is seldom the smallest,
but small enough to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from server.simulation.scenario import Scenario
from server.simulation.world import Violation, World

__all__ = ["RUNS_MAX", "shrink"]

# Runs of smaller and smaller scenarios: a minute at most, seldom more than a few seconds.
RUNS_MAX = 250

_T = TypeVar("_T")


class _Shrinking:
    """The smallest scenario so far, and how many more may be tried."""

    def __init__(self, scenario: Scenario, invariant: str, runs_max: int) -> None:
        self.scenario = scenario
        self._invariant = invariant
        self._runs_left = runs_max

    def accept(self, smaller: Scenario) -> bool:
        """Go on from this one if it fails alike."""
        if self._runs_left == 0:
            return False
        self._runs_left -= 1
        violation = World(smaller).run().violation
        if violation is None or violation.invariant != self._invariant:
            return False
        self.scenario = smaller
        return True

    def thin_out(self, parts: list[_T], without: Callable[[list[_T]], Scenario]) -> None:
        """Leave out as many parts as can be, half of them at a time, then ever fewer."""
        size = max(1, len(parts) // 2)
        while True:
            at = 0
            while at < len(parts):
                kept = [*parts[:at], *parts[at + size :]]
                if self.accept(without(kept)):
                    parts = kept
                else:
                    at += size
            if size == 1:
                return
            size //= 2


def shrink(scenario: Scenario, violation: Violation, *, runs_max: int = RUNS_MAX) -> Scenario:
    """The smallest scenario found in `runs_max` runs that violates the same invariant."""
    work = _Shrinking(scenario, violation.invariant, runs_max)
    # Nothing that comes after it can have caused it.
    end_ms = violation.at_ms + 1
    actions = [action for action in scenario.actions if action.at_ms < end_ms]
    faults = [fault for fault in scenario.faults if fault.at_ms < end_ms]
    work.accept(replace(scenario, actions=actions, faults=faults))
    work.accept(replace(work.scenario, healed_ms=min(end_ms, scenario.healed_ms)))
    work.accept(replace(work.scenario, sqlite=False))
    for tab in work.scenario.tabs:
        tabs = [other for other in work.scenario.tabs if other is not tab]
        if tabs:
            work.accept(_of_tabs(work.scenario, [other.number for other in tabs]))
    for kind in dict.fromkeys(fault.kind for fault in work.scenario.faults):
        others = [fault for fault in work.scenario.faults if fault.kind != kind]
        work.accept(replace(work.scenario, faults=others))
    work.thin_out(work.scenario.faults, lambda kept: replace(work.scenario, faults=kept))
    work.thin_out(work.scenario.actions, lambda kept: replace(work.scenario, actions=kept))
    return work.scenario


def _of_tabs(scenario: Scenario, numbers: Sequence[int]) -> Scenario:
    """The scenario with these tabs only."""
    return replace(
        scenario,
        tabs=[tab for tab in scenario.tabs if tab.number in numbers],
        actions=[action for action in scenario.actions if action.tab in numbers],
        faults=[fault for fault in scenario.faults if fault.tab in numbers],
    )
