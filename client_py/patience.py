"""when to come again, and when to give a connection up: the rules of time, without a clock

The same as in `client_js/connection.js`, and in section 7 of the protocol's page. Times are seconds
of any clock that only goes forward.
"""

from __future__ import annotations

import random
from typing import Final

__all__ = ["Backoff", "Patience"]

# The first try after a loss comes within half a second, later ones within 15.
_BACKOFF_FIRST: Final = 0.5
_BACKOFF_MAX: Final = 15.0
# A server that restarts or is busy has told everybody at once, and has no use for them at once.
_BACKOFF_TOLD: Final = 2.0
_TOLD: Final = (1012, 1013)
# A connection that ended sooner did not work: the next wait is longer, not short again.
_STEADY: Final = 5.0
_PING: Final = 5.0
_SILENCE: Final = 10.0
# A frame of a megabyte on a line of 20 kB/s takes nearly this long.
_PATIENCE_MAX: Final = 60.0


class Backoff:
    """Full jitter: a thousand clients do not come back in one moment."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._attempt = 0

    def wait(self, *, online: float, close_code: int | None) -> float:
        """Seconds until the next try, after a connection that was good for `online` seconds."""
        if online >= _STEADY:
            self._attempt = 0
        bound = min(_BACKOFF_MAX, _BACKOFF_FIRST * 2**self._attempt)
        # Where the bound has its maximum, counting on would only make the power larger.
        self._attempt = min(self._attempt + 1, 10)
        if close_code in _TOLD:
            bound = max(bound, _BACKOFF_TOLD)
        return self._rng.uniform(0, bound)


class Patience:
    """How long a connection may be silent, or leave a ping without an answer.

    On a slow line a large frame takes longer than ten seconds, and would begin anew with each
    connection, for ever: so patience doubles with each one that is given up, and is twice what an
    answer took as soon as there is one.
    """

    def __init__(self) -> None:
        self._seconds = _SILENCE
        self._heard_at = 0.0
        # When the ping that waits for its answer was first sent, and its number.
        self._asked_at: float | None = None
        self._count = 0
        self._ping_at = 0.0

    def begin(self, now: float) -> None:
        """There is a new connection."""
        self._heard_at = now
        self._asked_at = None
        self._ping_at = now + _PING

    def heard(self, now: float) -> None:
        """Something has come."""
        self._heard_at = now

    def answered(self, number: int, now: float) -> None:
        """A pong has come."""
        if self._asked_at is not None and number == self._count:
            self._seconds = min(_PATIENCE_MAX, max(_SILENCE, 2 * (now - self._asked_at)))
            self._asked_at = None

    def until_ping(self, now: float) -> float:
        """Seconds until a ping is due."""
        return max(0.0, self._ping_at - now)

    def ask(self, now: float) -> int:
        """Number of the ping that is sent now: that of the last one if it waits still."""
        if self._asked_at is None:
            self._count += 1
            self._asked_at = now
        self._ping_at = now + _PING
        return self._count

    def left(self, now: float) -> float:
        """Seconds until this connection is to be given up, as things stand; 0 for now."""
        silent = self._heard_at + self._seconds
        if self._asked_at is None:
            # A program that was suspended has heard nothing either: first it asks.
            return max(_PING, silent - now)
        # And gives the answer some time.
        silent = max(silent, self._asked_at + _PING)
        return max(0.0, min(silent, self._asked_at + 2 * self._seconds) - now)

    def give_up(self) -> None:
        """This connection is given up; the next one may be slower."""
        self._seconds = min(_PATIENCE_MAX, 2 * self._seconds)
