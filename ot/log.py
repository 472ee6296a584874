"""RevisionLog: entries, composed ranges (the catch-up law), authorship

Revision r is the text after r operations; the entry at revision r is the operation that made it. By
the catch-up law any range of the log may stand in for its entries as one composed operation. So
that a long range costs few composes, the log keeps composed blocks of aligned ranges: block
(level, index) is revisions index * 16**level to (index + 1) * 16**level. Sixteen, because runs of
typing are joined many at a time (`ot/runs.py`) and fewer levels touch each entry less often. Blocks
are built when first asked for, and the longest unused are dropped when they grow too heavy; they
can always be built again.

The log may hold only its newest entries; the older ones are in a store, which is not this file's
business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ot.operation import Operation, compose, inserted_length
from ot.runs import compose_all

__all__ = ["BLOCK_WEIGHT_MAX", "Entry", "RevisionLog"]

# Components plus inserted code points of all cached blocks of one log, and one for each block: what
# was typed and taken back composes to nothing. A component costs some 40 bytes, so that this is
# a few MB at most for a pad, and in practice a tenth of it: typing composes into few components.
BLOCK_WEIGHT_MAX: Final = 50_000
# A block has 2**_BITS of the level below.
_BITS: Final = 4
# While many type at once, each edit is some revisions late, and those of one round trip have few
# bases among them. So of the ranges up to this long (revisions), the last ones asked for are kept
# (this many, and each at most its share of the weight above), and grow with the log.
_RECENT_REVISIONS_MAX: Final = 256
_RECENT_MAX: Final = 16


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
        # (level, index) -> composed operation, the longest unused first.
        self._blocks: dict[tuple[int, int], Operation] = {}
        self._block_weight = 0
        self._block_weight_max = block_weight_max
        # Start -> end and composed operation of a short range, the longest unused first.
        self._recent: dict[int, tuple[int, Operation]] = {}

    def append(self, entry: Entry) -> None:
        """Add the entry that makes revision `head + 1`."""
        self._entries.append(entry)
        self.head += 1

    def entries(self, start: int, end: int) -> list[Entry]:
        """The entries that lead from revision `start` to revision `end`."""
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        return self._entries[start - self.start : end - self.start]

    def composed(self, start: int, end: int) -> Operation:
        """The one operation that leads from revision `start` to revision `end`; not to be changed,
        others may hold it too.
        """
        assert self.start <= start <= end <= self.head, (self.start, start, end, self.head)
        if end - start == 1:
            return self._entries[start - self.start].op
        if end - start <= _RECENT_REVISIONS_MAX:
            return self._grown(start, end)
        parts: list[Operation] = []
        position = start
        while position < end:
            level = 0
            size = 1
            while not position & (size << _BITS) - 1 and position + (size << _BITS) <= end:
                level += 1
                size <<= _BITS
            parts.append(self._block(level, position >> level * _BITS))
            position += size
        return compose_all(parts)

    def _grown(self, start: int, end: int) -> Operation:
        """A short range: what was asked for from there before, and what has come since."""
        known, op = self._recent.pop(start, (start, []))
        if known > end:
            known, op = start, []
        later = compose_all([entry.op for entry in self.entries(known, end)])
        op = compose(op, later)
        if _weight(op) <= self._block_weight_max // _RECENT_MAX:
            self._recent[start] = (end, op)
            if len(self._recent) > _RECENT_MAX:
                del self._recent[next(iter(self._recent))]
        return op

    def forget(self, before: int) -> None:
        """Let go of the entries up to revision `before`; the store has them."""
        count = min(before, self.head) - self.start
        if count > 0:
            del self._entries[:count]
            self.start += count

    def _block(self, level: int, index: int) -> Operation:
        if level == 0:
            return self._entries[index - self.start].op
        key = (level, index)
        block = self._blocks.pop(key, None)
        if block is None:
            first = index << _BITS
            parts = [self._block(level - 1, first + part) for part in range(1 << _BITS)]
            block = compose_all(parts)
            self._block_weight += _weight(block)
        # Put back as the newest in use.
        self._blocks[key] = block
        while self._block_weight > self._block_weight_max and len(self._blocks) > 1:
            oldest = next(iter(self._blocks))
            self._block_weight -= _weight(self._blocks.pop(oldest))
        return block


def _weight(op: Operation) -> int:
    return 1 + len(op) + inserted_length(op)
