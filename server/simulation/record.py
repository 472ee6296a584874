"""what a run leaves behind: a hash of all that happened, counts, and the steps of each machine

Two runs of one scenario give the same hash, or something in the code depends on more than its
input.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec

from ot.client import Client
from ot.messages import DeltaMessage, OpsMessage
from ot.steps import OWN_SESSION, client_state

__all__ = ["Record"]

_encode = msgspec.json.Encoder().encode


class Record:
    """The record of one run."""

    def __init__(self, *, steps: bool) -> None:
        """With `steps`, all that is done to a client machine is kept, with its state after it."""
        self._trace = blake2b(digest_size=16)
        # (fault, state of the tab that it hit) -> how often.
        self.hits: Counter[tuple[str, str]] = Counter()
        self.counts: Counter[str] = Counter()
        self._keeps_steps = steps
        # Of each tab, the steps of the machine that it has now; then those of all before.
        self._lives: dict[int, list[bytes]] = {}
        self._ended: list[bytes] = []

    @property
    def trace(self) -> str:
        """The hash of all that has happened so far."""
        return self._trace.hexdigest()

    def event(self, now_ns: int, kind: str, about: int | str, content: bytes = b"") -> None:
        """Something has happened."""
        self._trace.update(f"{now_ns} {kind} {about} {len(content)} ".encode() + content)
        self.counts[kind] += 1

    def machine(self, tab: int, machine: Client) -> None:
        """A tab has another machine from now on."""
        if self._keeps_steps:
            self._ended += self._lives.pop(tab, [])
            self._lives[tab] = [_encode(["start", client_state(machine)])]

    def step(
        self, tab: int, session: str, machine: Client, step: dict[str, Any], gives: object
    ) -> None:
        """Something was done to a tab's machine."""
        if not self._keeps_steps:
            return
        message = step.get("message")
        if isinstance(message, OpsMessage | DeltaMessage):
            step = {**step, "message": _in_own_words(message, session)}
        self._lives[tab].append(_encode(["step", step, [gives, client_state(machine)]]))

    def steps(self) -> list[bytes]:
        """All machines, one after the other, as `client_js/test/differential.mjs` reads them."""
        return [*self._ended, *(line for life in self._lives.values() for line in life)]


def _in_own_words(message: OpsMessage | DeltaMessage, session: str) -> object:
    """The message with the machine's own session called as in the vectors."""
    if isinstance(message, DeltaMessage):
        return message
    ops = [
        (OWN_SESSION if author == session else author, seq, op) for author, seq, op in message.ops
    ]
    return OpsMessage(start=message.start, ops=ops)
