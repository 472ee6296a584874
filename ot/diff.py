"""the operation that leads from one text to another, when nobody saw how it was typed

What both begin and end with is kept, so an edit at one place costs nothing else. In between, the
lines that stand once in each hold the texts together (patience diff), and what lies between two of
these is compared word by word (Myers, "An O(ND) Difference Algorithm"), so that what others have
changed in the same line meanwhile is not taken away with it. The work is bounded: when it is used
up, or where two parts have less than half in common, the one replaces the other as a whole, which
is as right, only larger.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from ot.operation import Operation

__all__ = ["WORK_MAX", "diff", "shared_start"]

# Steps of comparing words in one call, some 50 ms; what people change in an hour takes fewer.
WORK_MAX: Final = 200_000

# Where no blanks part words, from the CJK radicals on, each character is one.
_WORD: Final = re.compile(r"[^\W\u2e80-\U0010ffff]+|\s+|.", re.DOTALL)

# From where to where of the old text goes, and from where to where of the new one comes instead.
_Edit = tuple[int, int, int, int]


def diff(old: str, new: str, *, work_max: int = WORK_MAX) -> Operation:
    """The operation that makes `new` of `old`: `apply(old, diff(old, new)) == new`."""
    op: Operation = []
    position = 0
    work = work_max
    for gap in _gaps(old, new, _trimmed(old, new, (0, len(old), 0, len(new)))):
        edits, work = _by_words(old, new, _trimmed(old, new, gap), work)
        for old_start, old_end, new_start, new_end in edits:
            if old_start > position:
                op.append(old_start - position)
            if old_end > old_start:
                op.append(old_start - old_end)
            if new_end > new_start:
                op.append(new[new_start:new_end])
            position = old_end
    return op


def shared_start(a: str, b: str) -> int:
    """How many code points both begin with."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _shared_end(a: str, b: str) -> int:
    """How many code points both end with."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _trimmed(old: str, new: str, edit: _Edit) -> _Edit:
    """An edit without what it would take away and put back at its ends."""
    a, b = old[edit[0] : edit[1]], new[edit[2] : edit[3]]
    start = shared_start(a, b)
    end = _shared_end(a[start:], b[start:])
    return edit[0] + start, edit[1] - end, edit[2] + start, edit[3] - end


def _gaps(old: str, new: str, edit: _Edit) -> list[_Edit]:
    """What lies between the lines that hold the two together."""
    old_lines = old[edit[0] : edit[1]].splitlines(keepends=True)
    new_lines = new[edit[2] : edit[3]].splitlines(keepends=True)
    gaps: list[_Edit] = []
    old_at = new_at = 0
    for i, j in [*_anchors(old_lines, new_lines), (len(old_lines), len(new_lines))]:
        gaps.append((old_at, i, new_at, j))
        old_at, new_at = i + 1, j + 1
    return _placed(gaps, old_lines, new_lines, edit)


def _placed(
    edits: list[_Edit], old_parts: Sequence[str], new_parts: Sequence[str], whole: _Edit
) -> list[_Edit]:
    """Edits that count parts of `whole`, such as lines, as edits that count code points."""
    old_starts = list(accumulate(map(len, old_parts), initial=whole[0]))
    new_starts = list(accumulate(map(len, new_parts), initial=whole[2]))
    return [(old_starts[a], old_starts[b], new_starts[c], new_starts[d]) for a, b, c, d in edits]


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The most lines, by their numbers in both, that stand once in each and in the same order."""
    old_counts, new_counts = Counter(old), Counter(new)
    in_new = {line: j for j, line in enumerate(new) if new_counts[line] == 1}
    # The longest increasing run of numbers in the new text: `ends` are the least last numbers of
    # the runs of each length, and `before` leads back from each line to the one before it.
    ends: list[int] = []
    last: list[tuple[int, int]] = []
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for i, line in enumerate(old):
        if old_counts[line] > 1 or line not in in_new:
            continue
        j = in_new[line]
        length = bisect_left(ends, j)
        before[i, j] = last[length - 1] if length else None
        if length == len(ends):
            ends.append(j)
            last.append((i, j))
        else:
            ends[length], last[length] = j, (i, j)
    run: list[tuple[int, int]] = []
    at = last[-1] if last else None
    while at is not None:
        run.append(at)
        at = before[at]
    return run[::-1]


def _by_words(old: str, new: str, gap: _Edit, work: int) -> tuple[list[_Edit], int]:
    """A gap as the edits in it, and the work that is left."""
    if gap[0] == gap[1] or gap[2] == gap[3]:
        # Only one of the two has anything there, or neither.
        return [gap] if gap[0] < gap[1] or gap[2] < gap[3] else [], work
    a, b = _WORD.findall(old, gap[0], gap[1]), _WORD.findall(new, gap[2], gap[3])
    edits, work = _fewest(a, b, work)
    return [_trimmed(old, new, edit) for edit in _placed(edits, a, b, gap)], work


def _fewest(a: Sequence[str], b: Sequence[str], work: int) -> tuple[list[_Edit], int]:
    """The fewest edits from `a` to `b`, and the work that is left; all at once if they have less
    than half in common, or if there is no work left.
    """
    # By diagonal: how far in `a` one gets with so many parts deleted or inserted. `trace` has it as
    # it was before each further one, to find the way back.
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for changes in range((len(a) + len(b)) // 2 + 1):
        if work <= 0:
            break
        trace.append(reach.copy())
        for diagonal in range(-changes, changes + 1, 2):
            origin = _origin(reach, diagonal, changes)
            x = start = reach[origin] + (origin < diagonal)
            y = x - diagonal
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x += 1
                y += 1
            reach[diagonal] = x
            work -= 2 + x - start
            if x >= len(a) and y >= len(b):
                return _way_back(trace, len(a), len(b)), work
    return [(0, len(a), 0, len(b))], work


def _origin(reach: dict[int, int], diagonal: int, changes: int) -> int:
    """The diagonal from which the next change leads furthest on this one: by an insert from the one
    above, or by a delete from the one below.
    """
    if diagonal == -changes or (diagonal != changes and reach[diagonal - 1] < reach[diagonal + 1]):
        return diagonal + 1
    return diagonal - 1


def _way_back(trace: list[dict[int, int]], x: int, y: int) -> list[_Edit]:
    """The edits on the way that `trace` has found to (x, y)."""
    edits: list[_Edit] = []
    for changes in range(len(trace) - 1, 0, -1):
        reach, diagonal = trace[changes], x - y
        origin = _origin(reach, diagonal, changes)
        x = reach[origin]
        y = x - origin
        # Behind the one change, before what both have in common.
        old_end = x + (origin < diagonal)
        new_end = y + (origin > diagonal)
        if edits and (edits[-1][0], edits[-1][2]) == (old_end, new_end):
            edits[-1] = (x, edits[-1][1], y, edits[-1][3])
        else:
            edits.append((x, old_end, y, new_end))
    return edits[::-1]
