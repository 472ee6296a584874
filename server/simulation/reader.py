"""somebody who reads by a view-only link, and comes again by it until they are told that it is none

They say nothing after their hello, so the server gives them up after a while as it does with all
who are silent: now they are there when the link is replaced, and now they are away.
"""

from __future__ import annotations

import msgspec

from ot.messages import ErrorMessage, Welcome, decode_server
from server.simulation.chance import Chance
from server.simulation.network import Connection, Network

__all__ = ["Reader"]

_encode = msgspec.json.Encoder().encode
# Mean time after which they come again.
_AWAY_SECONDS = 5.0


class Reader:
    """One person; `number` is negative, as of all who are no tab."""

    def __init__(self, number: int, pad: str, view_key: str, *, network: Network, chance: Chance):
        self.view_key = view_key
        self.pad = pad
        # The welcomes that they have had, and what they were told in the end.
        self.welcomes = 0
        self.told: str | None = None
        self._number = number
        self._network = network
        self._chance = chance
        self._connection: Connection

    def come(self) -> None:
        """Open the link."""
        self._connection = self._network.connect(self._number, self.pad, self, "read")
        self._connection.view_key = self.view_key

    def leave(self) -> None:
        """The line is lost; they will come again."""
        self._connection.cut()

    def opened(self, connection: Connection) -> None:
        """Say hello."""
        key = f"reader-{-self._number}".ljust(22, "-")
        hello = {"type": "hello", "session": key, "person": key, "name": "Reader", "color": 0}
        connection.send(_encode(hello))

    def received(self, connection: Connection, frame: bytes) -> None:
        """Read; nobody who reads answers."""
        message = decode_server(frame)
        if isinstance(message, Welcome):
            self.welcomes += 1
        elif isinstance(message, ErrorMessage) and message.action == "stop":
            self.told = message.code

    def closed(self, connection: Connection, code: int) -> None:
        """Come again, if that is of use."""
        if self.told is None:
            self._network.loop.call_later(self._chance.exponential(_AWAY_SECONDS), self.come)
