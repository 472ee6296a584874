"""when each edit was made: memory that all processes of a run share"""

from __future__ import annotations

from multiprocessing.sharedctypes import RawArray
from typing import Final

__all__ = ["Board"]

# Edits and revisions that are remembered, over all writers and over all pads: 16 MiB each.
_KEPT: Final = 2**20
# Of one writer, or one pad: who is further behind than this is not a question of latency.
_KEPT_EACH_MAX: Final = 2**16


class Board:
    """Times of edits, on the clock that all processes of a machine share (`time.monotonic`).

    Each writer has a ring, written by its own process alone. So has each pad, in which a process
    notes the time of the edit that became a revision: those far behind are sent one operation for
    many revisions, which names no authors. A slot tells whose time it holds, so that what has been
    overwritten is missing, not wrong.
    """

    def __init__(self, *, writers: int, pads: int) -> None:
        # Also where nobody writes: an array of nothing has no address.
        writers = max(1, writers)
        self._edits_each = min(_KEPT_EACH_MAX, max(16, _KEPT // writers))
        self._edits = RawArray("Q", writers * self._edits_each)
        self._edit_times = RawArray("d", writers * self._edits_each)
        self._revisions_each = min(_KEPT_EACH_MAX, max(16, _KEPT // pads))
        self._revisions = RawArray("Q", pads * self._revisions_each)
        self._revision_times = RawArray("d", pads * self._revisions_each)

    def edited(self, writer: int, seq: int, time: float) -> None:
        """A writer's edit number `seq` was made."""
        slot = writer * self._edits_each + seq % self._edits_each
        self._edit_times[slot] = time
        self._edits[slot] = seq

    def edit_time(self, writer: int, seq: int) -> float | None:
        """When that was; None if it is not known any more."""
        slot = writer * self._edits_each + seq % self._edits_each
        return float(self._edit_times[slot]) if self._edits[slot] == seq else None

    def committed(self, pad: int, revision: int, time: float) -> None:
        """The edit that became this revision was made at `time`."""
        slot = pad * self._revisions_each + revision % self._revisions_each
        self._revision_times[slot] = time
        self._revisions[slot] = revision

    def revision_time(self, pad: int, revision: int) -> float | None:
        """When that was; None if it is not known (yet, or any more)."""
        slot = pad * self._revisions_each + revision % self._revisions_each
        return float(self._revision_times[slot]) if self._revisions[slot] == revision else None
