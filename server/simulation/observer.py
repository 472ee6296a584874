"""what can be seen of a tab from outside, and what it has on its own disk"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ot.client import Client, InFlight
from ot.errors import OperationError
from ot.messages import ErrorMessage, OpMessage
from ot.operation import Operation, apply
from server.simulation.accounts import Account

if TYPE_CHECKING:
    from server.simulation.tab import Tab

__all__ = ["Copy", "Observer", "screen_of"]


@dataclass(frozen=True, slots=True)
class Copy:
    """What a tab has on its own disk; `account` is what the oracle knew when it was written."""

    key: str
    epoch: str
    revision: int
    last_seq: int
    in_flight: InFlight | None
    buffer: Operation | None
    screen: str
    account: Account


class Observer(Protocol):
    """Who looks at what a tab does; see `server.simulation.checks`."""

    def restored(self, tab: Tab, account: Account | None) -> None: ...
    def accounts(self, tab: Tab) -> Account: ...
    def edited(self, tab: Tab, before: str, op: Operation) -> None: ...
    def introduced(self, tab: Tab) -> None: ...
    def sent(self, tab: Tab, message: OpMessage) -> None: ...
    def followed(self, tab: Tab, acknowledged: int | None) -> None: ...
    def shown(self, tab: Tab) -> None: ...
    def compared(self, tab: Tab) -> None: ...
    def diverged(self, tab: Tab, revision: int) -> None: ...
    def told(self, tab: Tab, message: ErrorMessage) -> None: ...
    def started_over(self, tab: Tab, reason: str, draft: str | None) -> None: ...
    def stepped(self, tab: Tab, step: dict[str, Any], gives: object) -> None: ...


def screen_of(text: str, machine: Client) -> str | None:
    """What has to be on screen when `text` is confirmed; None if what is pending does not fit."""
    try:
        if machine.in_flight is not None:
            text = apply(text, machine.in_flight.op)
        return apply(text, machine.buffer or [])
    except OperationError:
        return None
