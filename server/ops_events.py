"""PURE: what the operations page remembers of the server: events, so many of each kind"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["EVENTS_PER_KIND_MAX", "MERGED_SECONDS", "Event", "Events"]

# Of each kind by itself, so that a flood of one pushes nothing else out. With ten kinds that is a
# list of 80 at most, some 200 bytes each.
EVENTS_PER_KIND_MAX: Final = 8
# What is counted within so long is one event with its number: what one looks at as one happening.
MERGED_SECONDS: Final = 60.0


@dataclass(slots=True)
class Event:
    """Something to remember since `at`: text `ops.{name}` with its values, and with `count` if it
    is something that is counted.
    """

    at: float
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    count: int | None = None


class Events:
    """The last events of every kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, deque[Event]] = {}
        # How much had been counted of each kind when that was last looked at.
        self._totals: dict[str, int] = {}

    def note(self, at: float, name: str, **values: Any) -> None:
        """Something has happened."""
        self._of(name).append(Event(at, name, values))

    def counted(self, at: float, name: str, total: int) -> None:
        """So much has been counted of a kind in all; what is new since the last time is an event,
        or some more of one that has just begun.
        """
        more = total - self._totals.get(name, 0)
        self._totals[name] = total
        if more <= 0:
            return
        kind = self._of(name)
        newest = kind[-1] if kind else None
        if newest is not None and newest.count and 0 <= at - newest.at < MERGED_SECONDS:
            newest.count += more
        else:
            kind.append(Event(at, name, count=more))

    def all(self) -> list[Event]:
        """All that are remembered, oldest first."""
        return sorted((e for kind in self._kinds.values() for e in kind), key=lambda e: e.at)

    def _of(self, name: str) -> deque[Event]:
        return self._kinds.setdefault(name, deque(maxlen=EVENTS_PER_KIND_MAX))
