"""what can be seen of a tab from outside, and what it has on its own disk"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ot.client import InFlight
from ot.messages import ErrorMessage, OpMessage
from ot.operation import Operation
from server.simulation.accounts import Account

if TYPE_CHECKING:
    from server.simulation.tab import Tab

__all__ = ["Copy", "Observer"]


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
    def sent(self, tab: Tab, message: OpMessage) -> None: ...
    def followed(self, tab: Tab, acknowledged: int | None) -> None: ...
    def shown(self, tab: Tab) -> None: ...
    def told(self, tab: Tab, message: ErrorMessage) -> None: ...
    def started_over(self, tab: Tab, reason: str) -> None: ...
    def stepped(self, tab: Tab, step: dict[str, Any], gives: object) -> None: ...
