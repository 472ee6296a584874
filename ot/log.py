"""RevisionLog: entries, composed ranges (the catch-up law), authorship

Revision r is the text after r operations; the entry at revision r is the operation that made it. By
the catch-up law any range of the log may stand in for its entries as one composed operation. To
have any range in O(log n) composes, the log keeps composed blocks of aligned power-of-two ranges:
block (level, index) is revisions index * 2**level to (index + 1) * 2**level. They are built when
first asked for, and the longest unused are dropped when they grow too heavy; they can always be
built again.

The log may hold only its newest entries; the older ones are in a store, which is not this file's
business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ot.operation import Component, Operation, compose, compose_all, inserted_length

__all__ = ["BLOCK_WEIGHT_MAX", "Entry", "RevisionLog"]

# Components plus inserted code points of all cached blocks of one log, and one for each block: what
# was typed and taken back composes to nothing. A component costs some 40 bytes, so that this is
# a few MB at most for a pad, and in practice a tenth of it: typing composes into few components.
BLOCK_WEIGHT_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed operation, or one that waits to be: what is in the log and on the disk.

    `session` and `person` are public ids; `digest` is the hash of base and operation as they were
    sent; `time_ms` is the server's clock, for people to read and never for ordering.
    """

    op: list[Component]
    session: str
    person: str
    seq: int
    time_ms: int
    digest: bytes


class RevisionLog:
    """The entries after revision `start`, up to revision `head`."""

    def __init__(
        self,
        start: int = 0,
        entries: Sequence[Entry] = (),
        *,
        block_weight_max: int = BLOCK_WEIGHT_MAX,
    ) -> None:
        self.start = start
        self._entries = list(entries)
        # (level, index) -> composed operation, the longest unused first.
        self._blocks: dict[tuple[int, int], list[Component]] = {}
        self._block_weight = 0
        self._block_weight_max = block_weight_max

    @property
    def head(self) -> int:
        """The newest revision."""
        return self.start + len(self._entries)

    def append(self, entry: Entry) -> None:
        """Add the entry that makes revision `head + 1`."""
        self._entries.append(entry)

    def entries(self, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        return self._entries[start - self.start : end - self.start]

    def composed(self, start: int, end: int) -> list[Component]:
        """The one operation that leads from revision `start` to revision `end`."""
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        parts: list[Operation] = []
        position = start
        while position < end:
            level = (end - position).bit_length() - 1
            if position:
                level = min(level, (position & -position).bit_length() - 1)
            parts.append(self._block(level, position >> level))
            position += 1 << level
        return compose_all(parts)

    def forget(self, before: int) -> None:
        """Let go of the entries up to revision `before`; the store has them."""
        count = min(before, self.head) - self.start
        if count > 0:
            del self._entries[:count]
            self.start += count

    def _block(self, level: int, index: int) -> list[Component]:
        if level == 0:
            return self._entries[index - self.start].op
        key = (level, index)
        block = self._blocks.pop(key, None)
        if block is None:
            block = compose(
                self._block(level - 1, 2 * index), self._block(level - 1, 2 * index + 1)
            )
            self._block_weight += _weight(block)
        # Put back as the newest in use.
        self._blocks[key] = block
        while self._block_weight > self._block_weight_max and len(self._blocks) > 1:
            oldest = next(iter(self._blocks))
            self._block_weight -= _weight(self._blocks.pop(oldest))
        return block


def _weight(op: Operation) -> int:
    return 1 + len(op) + inserted_length(op)
