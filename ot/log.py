"""RevisionLog: entries, composed ranges (the catch-up law), authorship

Revision r is the text after r operations; the entry at revision r is the operation that made it. By
the catch-up law any range of the log may stand in for its entries as one composed operation. So
that a long range costs few composes, the log keeps composed blocks of aligned ranges: block
(level, index) is revisions index * 16**level to (index + 1) * 16**level. Sixteen, because runs of
typing are joined many at a time (`ot/runs.py`) and fewer levels touch each entry less often. Blocks
are built when first asked for, of those below if there are any, and the longest unused are dropped
when they grow too heavy; they can always be built again.

The log may hold only its newest entries; the older ones are in a store, which is not this file's
business.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct

from ot.operation import Operation, compose, inserted_length
from ot.runs import compose_all

__all__ = ["BLOCK_WEIGHT_MAX", "EFFORT_MAX", "Entry", "RevisionLog", "effort"]

# As much as is composed, transformed against or applied while everybody waits, some 20 ms: ten
# operations of the largest kind, or 50,000 keystrokes.
EFFORT_MAX: Final = 100_000
# Code points that are copied in the time that a component takes.
_CODE_POINTS_PER_COMPONENT: Final = 64

# Components plus inserted code points of all cached blocks of one log, and one for each block: what
# was typed and taken back composes to nothing. A component costs some 40 bytes, so that this is
# a few MB at most for a pad, and in practice a tenth of it: typing composes into few components.
BLOCK_WEIGHT_MAX: Final = 50_000
# A block has 2**_BITS of the level below.
_BITS: Final = 4
# While many type at once, each edit is some revisions late. What lies before the first block of a
# range, and behind the last one, is shorter than a block; so many of these are kept, and grow with
# the log. Those of one round trip have few bases among them.
_PARTIAL_MAX: Final = 16
_NOTHING_KNOWN: Final[tuple[int, Operation, int]] = (-1, [], 0)


# A struct, because one is made for each operation: six times faster than a frozen dataclass.
class Entry(Struct, frozen=True, gc=False):
    """One committed operation, or one that waits to be: what is in the log and on the disk.

    `session` and `person` are public ids; `digest` is the hash of base and operation as they were
    sent; `time_ms` is the server's clock, for people to read and never for ordering.
    """

    op: Operation
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
        # The newest revision.
        self.head = start + len(entries)
        self._entries = list(entries)
        # Of all that was ever here, up to and with each entry; before the first one, `_let_go`.
        self._let_go = 0
        self._efforts: list[int] = list(accumulate(effort(entry.op) for entry in entries))
        # (level, index) -> composed operation, the longest unused first.
        self._blocks: dict[tuple[int, int], Operation] = {}
        self._block_weight = 0
        self._block_weight_max = block_weight_max
        # Start -> end, composed operation, and no less than its weight, of a part of a block; the
        # longest unused first.
        self._partial: dict[int, tuple[int, Operation, int]] = {}

    def append(self, entry: Entry) -> None:
        """Add the entry that makes revision `head + 1`."""
        self._entries.append(entry)
        self._efforts.append(self._effort_until(self.head) + effort(entry.op))
        self.head += 1

    def entries(self, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        return self._entries[start - self.start : end - self.start]

    def effort(self, start: int, end: int) -> int:
        """What it takes to go through the entries from revision `start` to `end`."""
        return self._effort_until(end) - self._effort_until(start)

    def within(self, effort_max: int) -> int:
        """The earliest revision from which the newest takes no more than `effort_max`."""
        floor = self._effort_until(self.head) - effort_max
        if floor <= self._let_go:
            return self.start
        return self.start + 1 + bisect_left(self._efforts, floor)

    def _effort_until(self, revision: int) -> int:
        at = revision - self.start
        return self._efforts[at - 1] if at > 0 else self._let_go

    def composed(self, start: int, end: int) -> Operation:
        """The one operation that leads from revision `start` to revision `end`; not to be changed,
        others may hold it too.
        """
        return compose_all(self.parts(start, end))

    def parts(self, start: int, end: int) -> list[Operation]:
        """The few operations that, one after the other, lead from revision `start` to `end`.

        By the catch-up law an operation may be transformed against one after the other as well as
        against their composition, and each of them is at hand. Not to be changed.
        """
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        parts: list[Operation] = []
        position = start
        while position < end:
            level = 0
            size = 1
            while not position & (size << _BITS) - 1 and position + (size << _BITS) <= end:
                level += 1
                size <<= _BITS
            if level:
                parts.append(self._block(level, position >> level * _BITS))
            else:
                # To where the next block begins.
                size = min(end, (position >> _BITS) + 1 << _BITS) - position
                parts.append(self._part_of_block(position, position + size))
            position += size
        return parts

    def _part_of_block(self, start: int, end: int) -> Operation:
        """What was asked for from there before, and what has come since."""
        if end - start == 1:
            return self._entries[start - self.start].op
        known, op, weight = self._partial.pop(start, _NOTHING_KNOWN)
        if not start <= known <= end:
            known, op, weight = start, [], 0
        for entry in self.entries(known, end):
            op = compose(op, entry.op)
            weight += _weight(entry.op)
        if weight <= self._block_weight_max // _PARTIAL_MAX:
            self._partial[start] = (end, op, weight)
            if len(self._partial) > _PARTIAL_MAX:
                del self._partial[next(iter(self._partial))]
        return op

    def forget(self, before: int) -> None:
        """Let go of the entries up to revision `before`; the store has them."""
        count = min(before, self.head) - self.start
        if count > 0:
            self._let_go = self._efforts[count - 1]
            del self._entries[:count]
            del self._efforts[:count]
            self.start += count

    def _block(self, level: int, index: int) -> Operation:
        key = (level, index)
        block = self._blocks.pop(key, None)
        if block is None:
            block = self._new_block(level, index)
            self._block_weight += _weight(block)
        # Put back as the newest in use.
        self._blocks[key] = block
        while self._block_weight > self._block_weight_max and len(self._blocks) > 1:
            oldest = next(iter(self._blocks))
            self._block_weight -= _weight(self._blocks.pop(oldest))
        return block

    def _new_block(self, level: int, index: int) -> Operation:
        start = index << level * _BITS
        end = index + 1 << level * _BITS
        if level == 1 and start in self._partial:
            block = self._part_of_block(start, end)
            self._partial.pop(start, None)
            return block
        first = index << _BITS
        below = [(level - 1, first + part) for part in range(1 << _BITS)]
        if any(key in self._blocks for key in below):
            return compose_all([self._block(*key) for key in below])
        # Straight from the entries: runs of typing are longer than the blocks below.
        return compose_all([entry.op for entry in self.entries(start, end)])


def effort(op: Operation) -> int:
    """What it takes to go through an operation: 1 for a component, some 0.2 us and 50 bytes."""
    return len(op) + inserted_length(op) // _CODE_POINTS_PER_COMPONENT


def _weight(op: Operation) -> int:
    return 1 + len(op) + inserted_length(op)
