"""one run as plain data: pads, who sits at them, how they type; and the limits of a run"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal, get_args

__all__ = [
    "CLIENTS_MAX",
    "LENGTH_MAX",
    "MODELS",
    "PROCESSES_MAX",
    "RATE_MAX",
    "SECONDS_MAX",
    "Model",
    "Phase",
    "Plan",
    "Seat",
]

# A load test is bounded, so that a slip of the finger does not take a machine down.
# Connections in all; each is a file descriptor here and one at the server.
CLIENTS_MAX: Final = 20_000
PROCESSES_MAX: Final = 16
SECONDS_MAX: Final = 3_600.0
# Edits per second and writer, if not flat out; a fast typist makes 15.
RATE_MAX: Final = 1_000.0
# Code points of a pad; as many as the server's own default takes, with room to type in.
LENGTH_MAX: Final = 1_900_000
# Seconds of typing before anything counts: connections, caches and the disk have settled.
_WARM_UP_SECONDS: Final = 1.0

# Seconds between two reports of a process.
_TICK_SECONDS: Final = 1.0

Phase = Literal["joining", "warm-up", "measured"]
Model = Literal["steady", "bursts", "paste", "same-line", "everywhere"]
MODELS: Final[tuple[Model, ...]] = get_args(Model)


@dataclass(frozen=True, slots=True)
class Seat:
    """One client's place: its number in the run, its pad, and which of the run's writers it is."""

    number: int
    pad: int
    writer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. `writers` and `readers` are for each pad; `rate` is edits per second and writer,
    0 for flat out; `moves` are caret moves per second and client, readers too; `joins` leave and
    come again each second, of all clients; `length` is about how
    many code points each text has; pads are called `name` and a number.
    """

    server: str
    name: str
    pads: int = 1
    writers: int = 10
    readers: int = 0
    rate: float = 5.0
    model: Model = "steady"
    moves: float = 0.0
    joins: float = 0.0
    seconds: float = 10.0
    processes: int = 1
    seed: int = 1
    length: int = 2_000

    @property
    def clients(self) -> int:
        """How many there are in all."""
        return self.pads * (self.writers + self.readers)

    @property
    def warm_up_seconds(self) -> float:
        """How long they type before anything counts."""
        return min(_WARM_UP_SECONDS, self.seconds / 4)

    def ticks(self) -> list[tuple[float, Phase]]:
        """When the processes report, in seconds from the start of the typing, and on what."""
        warm = self.warm_up_seconds
        whole = max(1, round(self.seconds / _TICK_SECONDS))
        measured = [warm + self.seconds * tick / whole for tick in range(1, whole + 1)]
        return [(0.0, "joining"), (warm, "warm-up"), *((at, "measured") for at in measured)]

    def pad(self, number: int) -> str:
        """The name of a pad."""
        return f"{self.name}-{number}"

    def session_key(self, seat: Seat) -> str:
        """A secret for a client's session: the same in each process, so that all know who is who.

        Nobody can do harm with it who does not know the run's name.
        """
        hashed = blake2b(f"{self.name} {seat.number}".encode(), digest_size=18).digest()
        return urlsafe_b64encode(hashed).decode()

    def seats(self) -> list[Seat]:
        """All clients, pad by pad, writers first."""
        each = self.writers + self.readers
        return [
            Seat(
                number=pad * each + place,
                pad=pad,
                writer=pad * self.writers + place if place < self.writers else None,
            )
            for pad in range(self.pads)
            for place in range(each)
        ]

    def seats_of(self, process: int) -> list[Seat]:
        """The clients of one process: neighbours, so that a pad is in as few as possible."""
        seats = self.seats()
        first = len(seats) * process // self.processes
        return seats[first : len(seats) * (process + 1) // self.processes]
