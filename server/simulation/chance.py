"""chance that anybody can repeat: every stream of numbers has a name

Built on `random.random()` alone, whose numbers do not change between versions of Python. Each part
of a run draws from its own stream, so that leaving one part out does not change the others.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Chance"]

_T = TypeVar("_T")


class Chance:
    """One stream of numbers."""

    def __init__(self, *name: int | str) -> None:
        self._random = random.Random("/".join(map(str, name))).random

    def below(self, limit: int) -> int:
        """From 0 up to, not including, `limit`."""
        return int(self._random() * limit)

    def happens(self, probability: float) -> bool:
        """True as often as `probability` says."""
        return self._random() < probability

    def one_of(self, options: Sequence[_T]) -> _T:
        """Any of them, equally likely."""
        return options[self.below(len(options))]

    def between(self, low: float, high: float) -> float:
        """Anything in between, equally likely."""
        return low + (high - low) * self._random()

    def magnitude(self, low: float, high: float) -> float:
        """Anything in between, each order of magnitude equally likely (log-uniform)."""
        return low * math.exp(math.log(high / low) * self._random())

    def exponential(self, mean: float) -> float:
        """A wait of this mean, as between events that know nothing of each other."""
        return -mean * math.log(1.0 - self._random())
