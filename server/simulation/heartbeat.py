"""a tab's pings and waits: the Python client's own rules, on the timers of the simulated loop

What `client_py/heartbeat.py` and the connecting part of `client_py/client.py` do with
`client_py/patience.py`. The clock is the loop's, which nobody sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from client_py.patience import Backoff, Patience
from server.simulation.chance import Chance
from server.simulation.clock import WallClock

__all__ = ["Heartbeat"]

# Seconds that the upgrade may take, as in `client_py/client.py`.
_UPGRADE_SECONDS = 10.0


class Heartbeat:
    """The times of one tab, over all its connections."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        chance: Chance,
        wall: WallClock,
        *,
        ping: Callable[[int], object],
        give_up: Callable[[], object],
    ) -> None:
        """`ping(number)` sends one, `give_up()` ends the connection. `wall` is the time of day on
        the tab's machine, which is here so that a mistaken rule could look at it.
        """
        self.wall = wall
        self._loop = loop
        self._random = Random(chance.below(2**53))
        self._ping = ping
        self._give_up = give_up
        self._backoff = Backoff(self._random)
        self._patience = Patience()
        self._timers: list[asyncio.TimerHandle] = []

    def reset(self) -> None:
        """The program is started anew."""
        self._backoff, self._patience = Backoff(self._random), Patience()

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""
        return self._loop.time()

    def wait(self, *, online_since: float | None, close_code: int | None) -> float:
        """Seconds until the next try, after a connection that was welcome at `online_since`."""
        online = 0.0 if online_since is None else self.now() - online_since
        return self._backoff.wait(online=online, close_code=close_code)

    def call(self) -> None:
        """The server is called."""
        self.stop()
        self._timers = [self._loop.call_later(_UPGRADE_SECONDS, self._give_up)]

    def begin(self) -> None:
        """It has answered."""
        self.stop()
        self._patience.begin(self.now())
        self._timers = [self._ping_later(), self._look_later()]

    def heard(self) -> None:
        """Something has come."""
        self._patience.heard(self.now())

    def answered(self, number: int) -> None:
        """A pong has come."""
        self._patience.answered(number, self.now())

    def stop(self) -> None:
        """The connection is gone."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _ping_later(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._patience.until_ping(self.now()), self._beat)

    def _look_later(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._patience.left(self.now()), self._look)

    def _beat(self) -> None:
        number = self._patience.ask(self.now())
        self._timers[0] = self._ping_later()
        self._ping(number)

    def _look(self) -> None:
        if self._patience.left(self.now()) > 0:
            self._timers[1] = self._look_later()
        else:
            self._patience.give_up()
            self._give_up()
