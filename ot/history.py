"""every revision of a text, to be asked for in any order

The text at a revision is the nearest earlier text that is kept, and the operations since. How far
apart they are kept follows the length of the text, so that they weigh no more than the operations
do and any revision is some milliseconds away: for a time slider, a history page, a replay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from ot.operation import Operation
from ot.text import Text

__all__ = ["History"]

# Operations between two kept texts, at least: applying them takes a quarter of a millisecond.
_STEP_MIN: Final = 1_024
# A text is kept for every length / 16 operations: 16 code points for each of them in the long run.
_KEPT_PER_OPERATION: Final = 16


class History:
    """A text at revision 0 and all operations since."""

    def __init__(self, text: str = "", ops: Iterable[Operation] = ()) -> None:
        """Raises as `append` does."""
        self._ops: list[Operation] = []
        # The newest text; and kept texts with their revisions, the oldest first.
        self._newest = Text(text)
        self._texts = [text]
        self._revisions = [0]
        for op in ops:
            self.append(op)

    @property
    def head(self) -> int:
        """The newest revision."""
        return len(self._ops)

    def append(self, op: Operation) -> None:
        """Add the operation that makes revision `head + 1`.

        Raises OperationError `op_past_end`; nothing has changed then.
        """
        self._newest.apply(op)
        self._ops.append(op)
        since = len(self._ops) - self._revisions[-1]
        if since >= _STEP_MIN and since >= len(self._newest) // _KEPT_PER_OPERATION:
            self._revisions.append(len(self._ops))
            self._texts.append(str(self._newest))

    def text(self, revision: int) -> str:
        """The text at `revision`, from 0 to `head`."""
        assert 0 <= revision <= self.head, (revision, self.head)
        nearest = bisect_right(self._revisions, revision) - 1
        text = Text(self._texts[nearest])
        for op in self._ops[self._revisions[nearest] : revision]:
            text.apply(op)
        return str(text)
