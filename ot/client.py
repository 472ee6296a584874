"""synchronised / awaiting / awaiting with buffer; presence positions

One session's side of the conversation, without a network, a clock, or the text. Its text on screen
is always

    text at `revision`  .  in_flight.op  .  buffer

and a remote operation c crosses both on its way to the screen:

              in_flight.op          buffer
    (revision) -------------> o -------------> (screen)
        |                     |                   |
      c |                  c' |               c'' |
        v                     v                   v
    (revision+1) -----------> o -------------> (screen)
              in_flight.op'         buffer'

What was sent under a sequence number never changes: `InFlight.sent` and `base` stay as they were
for a resend, and `op` beside them is the copy that moves with the text. By the catch-up law the
server arrives at the same `op`, so the acknowledgement can be compared with it, exactly. After
ot.js's client, with the resend and the exact acknowledgement added.
"""

from __future__ import annotations

from msgspec import Struct

from ot.messages import DeltaMessage, Limits, OpMessage, OpsMessage
from ot.operation import (
    Operation,
    Sticky,
    compose,
    split,
    transform,
    transform_position,
)
from ot.runs import compose_all

__all__ = ["Client", "Desync", "InFlight", "Received"]


class Desync(Exception):
    """What arrived cannot follow what is here: keep a copy of the text, and start again without
    one.
    """


class InFlight(Struct, frozen=True, gc=False):
    """The operation that waits for its acknowledgement: as sent on `base`, and as it is at the
    client's revision.
    """

    seq: int
    base: int
    sent: Operation
    op: Operation


class Received(Struct, frozen=True, gc=False):
    """What a frame did: one operation for the screen (or None), and the seq that it acknowledged
    (or None).
    """

    op: Operation | None
    acknowledged: int | None


class Client:
    """The state machine of one session."""

    def __init__(
        self,
        *,
        revision: int = 0,
        last_seq: int = 0,
        in_flight: InFlight | None = None,
        buffer: Operation | None = None,
    ) -> None:
        self.revision = revision
        self.last_seq = last_seq
        self.in_flight = in_flight
        self.buffer = buffer

    @property
    def pending(self) -> bool:
        """Whether anything typed here is not acknowledged yet."""
        return self.in_flight is not None or self.buffer is not None

    def edit(self, op: Operation) -> None:
        """Something was typed: `op` was made on the text on screen."""
        self.buffer = compose(self.buffer or [], op) or None

    def send(self, limits: Limits) -> OpMessage | None:
        """Put the buffer in flight, as much as the limits allow; None if there is nothing to send
        now.
        """
        if self.in_flight is not None or self.buffer is None:
            return None
        op, rest = split(
            self.buffer, inserted_max=limits.op_inserted, components_max=limits.op_components
        )
        self.last_seq += 1
        self.in_flight = InFlight(seq=self.last_seq, base=self.revision, sent=op, op=op)
        self.buffer = rest or None
        return self.resend()

    def resend(self) -> OpMessage | None:
        """What is in flight, exactly as it was sent."""
        if self.in_flight is None:
            return None
        flight = self.in_flight
        return OpMessage(base=flight.base, seq=flight.seq, op=flight.sent)

    def receive(self, message: OpsMessage | DeltaMessage, own_session: str) -> Received:
        """Take in entries or a delta. Raises Desync if they cannot follow."""
        if message.start > self.revision:
            raise Desync(f"revisions {self.revision} to {message.start} are missing")
        if isinstance(message, DeltaMessage):
            if message.end <= self.revision:
                return Received(None, None)
            if message.start < self.revision:
                raise Desync(f"a delta from {message.start} overlaps revision {self.revision}")
            screen = self._foreign(message.op)
            self.revision = message.end
            return Received(screen or None, None)
        acknowledged = None
        screens: list[Operation] = []
        run: list[Operation] = []
        for session, seq, op in message.ops[self.revision - message.start :]:
            if session == own_session:
                # All that came before it, and only that, crosses what is in flight.
                if run:
                    screens.append(self._foreign(compose_all(run)))
                    run = []
                self._acknowledge(seq, op)
                acknowledged = seq
            else:
                run.append(op)
            self.revision += 1
        if run:
            screens.append(self._foreign(compose_all(run)))
        return Received(compose_all(screens) or None if screens else None, acknowledged)

    def to_local(self, position: int, *, sticky: Sticky = "left") -> int:
        """Carry a position in the text at `revision` to the text on screen (code points)."""
        if self.in_flight is not None:
            position = transform_position(position, self.in_flight.op, sticky=sticky)
        if self.buffer is not None:
            position = transform_position(position, self.buffer, sticky=sticky)
        return position

    def restart(self) -> None:
        """Go on under a new session key: all that is pending becomes its first edit."""
        if self.in_flight is not None:
            self.buffer = compose(self.in_flight.op, self.buffer or []) or None
        self.in_flight = None
        self.last_seq = 0

    def _foreign(self, op: Operation) -> Operation:
        """Carry a remote operation across what is pending, to the screen."""
        if op and self.in_flight is not None:
            flight = self.in_flight
            op, moved = transform(op, flight.op)
            self.in_flight = InFlight(flight.seq, flight.base, flight.sent, moved)
        if op and self.buffer is not None:
            op, buffer = transform(op, self.buffer)
            self.buffer = buffer or None
        return op

    def _acknowledge(self, seq: int, op: Operation) -> None:
        flight = self.in_flight
        if flight is None or flight.seq != seq:
            raise Desync(f"seq {seq} of this session is in the log, but not in flight here")
        if op != flight.op:
            raise Desync(f"seq {seq} is in the log as another operation than here")
        self.in_flight = None
