"""PURE: how fast one connection is listened to: a bucket of tokens

Nobody is sent away for being fast. Whoever has used up the tokens is not read from until there are
more: what they send waits on their own side of the line, and TCP tells them so.
"""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """At most `per_second` tokens a second in the long run, and `burst` at once; 0 for no limit."""

    __slots__ = ("_burst", "_left", "_per_second", "_since")

    def __init__(self, per_second: float, burst: float, *, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._since = now

    def take(self, tokens: float, *, now: float) -> float:
        """Take so many; the seconds until they are there, for which the taker has to wait."""
        if self._per_second <= 0:
            return 0.0
        filled = self._left + (now - self._since) * self._per_second
        self._left = min(self._burst, filled) - tokens
        self._since = now
        return max(0.0, -self._left / self._per_second)
