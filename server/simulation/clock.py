"""the time of day on one machine, as its clock has it: a person or a time server may set it

Entries are labelled with the server's. Nothing else of deltapad may look at one; the loop's clock,
by which everybody waits, is another, and nobody can set it.
"""

from __future__ import annotations

import asyncio

__all__ = ["WallClock"]

# Every run begins at one moment, in the autumn of 2025: ten years less is still a date.
_START_MS = 1_760_000_000_000


class WallClock:
    """One machine's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # By how much it is wrong.
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970, as far as this machine knows."""
        return _START_MS + int(1_000 * self._loop.time()) + self._ahead_ms

    def set(self, *, ahead_ms: int) -> None:
        """From now on it is so much ahead of the right time, or behind if negative."""
        self._ahead_ms = ahead_ms
