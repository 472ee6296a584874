"""typing models: what a writer does next, where, and after which pause"""

from __future__ import annotations

from random import Random
from typing import Final

from ot.operation import Component, Operation, caret_after, transform_position
from server.load.plan import Model

__all__ = ["Typist"]

_LETTERS: Final = "etaoinshrdlu etaoinshrdlu cmfwypvbgkjqxz"
# Keys that come without a pause between them in a burst, and how much faster they come.
_BURST_KEYS: Final = 10
_BURST_FACTOR: Final = 8.0
# Code points of what is pasted: a paragraph.
_PASTE: Final = 500
# Code points from the start of the text that everybody types into at once.
_LINE: Final = 80
# One key in so many is typed at another place.
_JUMP_KEYS: Final = 200


class Typist:
    """What one writer does, from a seed."""

    def __init__(self, model: Model, *, rate: float, length: int, rng: Random) -> None:
        """`rate` is edits per second, 0 for without a pause; the text stays about `length` long."""
        self._model = model
        self._rate = rate
        self._length = length
        self._rng = rng
        self._keys = 0
        # Where it types; None for anywhere.
        self._caret: int | None = None

    def pause(self) -> float:
        """Seconds until the next edit: `rate` on average, and never all in step."""
        if not self._rate:
            return 0.0
        pause = self._rng.uniform(0.5, 1.5) / self._rate
        if self._model != "bursts":
            return pause
        if self._keys % _BURST_KEYS:
            return pause / _BURST_FACTOR
        return pause * (_BURST_KEYS - (_BURST_KEYS - 1) / _BURST_FACTOR)

    def edit(self, length: int) -> Operation:
        """The next edit of a text of this length."""
        rng = self._rng
        position = self._place(length)
        size = _PASTE if self._model == "paste" else 1
        self._keys += 1
        # One key in ten takes something back; more of them where the text is as long as it should.
        shrink = length > self._length if size > 1 else rng.random() < 0.1
        shrink = shrink or (length > self._length and rng.random() < 0.5)
        if shrink and position >= size:
            op: list[Component] = [position - size] if position > size else []
            op.append(-size)
        else:
            op = [position] if position else []
            op.append("".join(rng.choices(_LETTERS, k=size)))
        self._caret = caret_after(op)
        return op

    def receive(self, op: Operation) -> None:
        """Others have changed the text: the caret keeps its place in it."""
        if self._caret is not None:
            self._caret = transform_position(self._caret, op)

    def _place(self, length: int) -> int:
        """Where the next edit is made."""
        if self._model == "same-line":
            return self._rng.randint(0, min(_LINE, length))
        anywhere = self._caret is None or self._keys % _JUMP_KEYS == 0
        if anywhere or self._model in ("everywhere", "paste"):
            return self._rng.randint(0, length)
        assert self._caret is not None
        return min(self._caret, length)
