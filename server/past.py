"""PURE: texts of a pad at past revisions that somebody was shown, from which later ones are made

Who sends a form back, or moves along the history, asks for the same revisions again, or for some
soon after them. Without these, each would be made from the whole log.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TEXTS_MAX", "PastTexts"]

# To find the nearest one all are looked at; so many people have a page open that sends a form.
TEXTS_MAX: Final = 64


class PastTexts:
    """What is kept of one pad."""

    def __init__(self, *, length_max: int) -> None:
        """`length_max` bounds all texts together, in code points; the newest is always kept."""
        self._length_max = length_max
        self._length = 0
        # Revision -> text, the longest unused first.
        self._texts: dict[int, str] = {}

    def keep(self, revision: int, text: str) -> None:
        """Keep a text, and let go of those that were not used for longest."""
        self._forget(revision)
        self._texts[revision] = text
        self._length += len(text)
        while len(self._texts) > 1 and (
            self._length > self._length_max or len(self._texts) > TEXTS_MAX
        ):
            self._forget(next(iter(self._texts)))

    def nearest(self, revision: int) -> tuple[int, str]:
        """The newest text that is not past `revision`, with its own revision; at worst the empty
        one of revision 0.
        """
        nearest = max((kept for kept in self._texts if kept <= revision), default=0)
        return nearest, self._texts.get(nearest, "")

    def _forget(self, revision: int) -> None:
        self._length -= len(self._texts.pop(revision, ""))
