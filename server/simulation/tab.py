"""a person's tab: the real client machine, and around it what the browser's session does

What `client_js/session.js`, `outbox.js`, `local_copy.js` and `connection.js` do, with their times
and orders: nothing is sent before it is in the local copy; a resend is the same to the letter; what
cannot be merged becomes a draft. Pings and waits are those of `server/simulation/heartbeat.py`.
"""

from __future__ import annotations

from typing import Any

from ot.client import Client, Desync
from ot.messages import (
    DeltaMessage,
    Diverged,
    ErrorMessage,
    Hello,
    Limits,
    OpMessage,
    OpsMessage,
    Ping,
    Pong,
    PresenceMessage,
    Properties,
    Welcome,
    decode_server,
    encode,
)
from ot.operation import Operation, apply, transform_position
from server.session import public_id
from server.simulation.chance import Chance
from server.simulation.clock import WallClock
from server.simulation.comparison import Comparison
from server.simulation.heartbeat import Heartbeat
from server.simulation.network import Connection, Network
from server.simulation.observer import Copy, Observer

__all__ = ["Tab"]

# Seconds after a write of the copy in which one without anything pending waits, as in the browser.
_QUIET = 2.0
# Mean time of a write to the local copy.
_COPY_SECONDS = 0.005


class Tab:
    """One tab, from its opening to its closing, and open again."""

    def __init__(
        self,
        number: int,
        pad: str,
        *,
        network: Network,
        observer: Observer,
        limits: tuple[int, int],
        chance: Chance,
        family: int | None = None,
    ) -> None:
        """`limits` are the most inserted code points and components of one operation."""
        self.number = number
        self.name = f"Tab {number}"
        self.pad = pad
        # The tab whose profile this one shares: they may use one session key.
        self.family = number if family is None else family
        self.machine = Client()
        self.screen = ""
        self.caret = 0
        self.key = self._fresh_key(chance)
        # Of the text on screen; None while there is none.
        self.epoch: str | None = None
        self.is_open = False
        # A newer connection of the same session has taken over.
        self.replaced = False
        self.online = False
        self.copies: list[Copy] = []
        self.connection: Connection | None = None
        # The time of day on this person's machine: nothing here goes by it.
        self.clock = WallClock(network.loop)
        self._network = network
        self._loop = network.loop
        self._observer = observer
        self._limits = limits
        self._chance = chance
        self._person = f"person-{self.family}".ljust(22, "-")
        self._agreed: Limits | None = None
        # Of the view-only link, as the share dialog has it.
        self.view_key: str | None = None
        self._sent_seq = 0
        self._writing = self._write_again = False
        # Counts openings and renewals: what an earlier one has set going is void.
        self._life = 0
        # Of this connection's welcome; None before it.
        self._online_since: float | None = None
        self._heartbeat = Heartbeat(
            self._loop, chance, self.clock, ping=self._beat, give_up=self._lost
        )
        self._saved_at = 0.0
        self._pending_on_disk = False
        self._comparison = Comparison()

    # --- What others ask -----------------------------------------------------------------------

    @property
    def session(self) -> str:
        """The public id."""
        return public_id("session", self.key)

    @property
    def saved(self) -> bool:
        """What the indicator says: everything that was typed is on the server's disk."""
        return not self.machine.pending

    @property
    def state(self) -> str:
        """Where the conversation is, for the table of faults."""
        if not self.is_open:
            return "closed"
        if not self.online:
            return "offline" if self.connection is None else "connecting"
        if self.machine.in_flight is None:
            return "synchronised"
        return "awaiting" if self.machine.buffer is None else "awaiting with buffer"

    # --- The tab's life ------------------------------------------------------------------------

    def open(self, copy: Copy | None) -> None:
        """Open the tab, from its copy if it has one."""
        self.is_open, self.replaced = True, False
        self._life += 1
        self._writing = self._write_again = False
        self._heartbeat.reset()
        if copy is None:
            self.key = self._fresh_key(self._chance)
            self._restart_machine()
        else:
            self.key, self.epoch, self.screen = copy.key, copy.epoch, copy.screen
            self.machine = Client(
                revision=copy.revision,
                last_seq=copy.last_seq,
                in_flight=copy.in_flight,
                buffer=copy.buffer,
            )
            self._pending_on_disk = self.machine.pending
            self._observer.restored(self, copy.account)
        self.caret = len(self.screen)
        self._connect()

    def close(self) -> None:
        """Close the tab, at any moment: what is not in its copy is gone."""
        self.is_open = False
        self._life += 1
        self._drop()

    def reconnect(self) -> None:
        """The page is looked at: give up this connection, and make another at once."""
        if self.is_open and not self.replaced:
            self._drop()
            self._connect()

    # --- Typing --------------------------------------------------------------------------------

    def edit(self, op: Operation) -> None:
        """Something was typed."""
        before = self.screen
        self.screen = apply(before, op)
        self._observer.edited(self, before, op)
        self.machine.edit(op)
        self._observer.stepped(self, {"do": "edit", "op": op}, None)
        self._observer.shown(self)
        self._pump()

    def look(self, selections: list[tuple[int, int]]) -> None:
        """Tell others where the caret is, as far as it can be told now."""
        if self.online and not self.machine.pending and self.connection is not None:
            message = PresenceMessage(self.machine.revision, f"Tab {self.number}", 0, selections)
            self.connection.send(encode(message))

    # --- The local copy, and then the server ---------------------------------------------------

    def _pump(self) -> None:
        """Bring the machine's state to the local disk, then what it wants to send out."""
        if self._writing:
            self._write_again = True
            return
        self._take_off()
        pending = self.machine.pending
        quiet = self._loop.time() - self._saved_at < _QUIET
        if self.epoch is None or (not pending and not self._pending_on_disk and quiet):
            self._written(None)
            return
        self._writing = True
        life, copy = self._life, self._copy(self.epoch)
        delay = self._chance.exponential(_COPY_SECONDS)
        self._loop.call_later(delay, lambda: self._written(copy) if life == self._life else None)

    def _take_off(self) -> None:
        if not self.online or self._agreed is None:
            return
        message = self.machine.send(self._agreed)
        limits = {"op_inserted": self._agreed.op_inserted}
        limits["op_components"] = self._agreed.op_components
        step = {"do": "send", "limits": limits}
        self._observer.stepped(self, step, _without_type(message))

    def _copy(self, epoch: str) -> Copy:
        machine = self.machine
        return Copy(
            key=self.key,
            epoch=epoch,
            revision=machine.revision,
            last_seq=machine.last_seq,
            in_flight=machine.in_flight,
            buffer=None if machine.buffer is None else list(machine.buffer),
            screen=self.screen,
            account=self._observer.accounts(self),
        )

    def _written(self, copy: Copy | None) -> None:
        if copy is not None:
            self._saved_at = self._loop.time()
            self._pending_on_disk = copy.in_flight is not None or copy.buffer is not None
            self.copies = [*self.copies[-4:], copy]
        self._writing = False
        # What is in flight now was in flight before the disk was asked, or is no more.
        message = self.machine.resend()
        if message is not None and message.seq != self._sent_seq and self.online:
            self._observer.stepped(self, {"do": "resend"}, _without_type(message))
            self._observer.sent(self, message)
            assert self.connection is not None
            self.connection.send(encode(message))
            self._sent_seq = message.seq
        if self._write_again:
            self._write_again = False
            self._pump()

    # --- The connection ------------------------------------------------------------------------

    def _connect(self) -> None:
        self.connection = self._network.connect(self.number, self.pad, self)
        self._heartbeat.call()

    def _drop(self) -> None:
        connection, self.connection = self.connection, None
        self.online = False
        self._heartbeat.stop()
        if connection is not None and connection.endpoint is not None:
            connection.abandon()

    def opened(self, connection: Connection) -> None:
        """The server has taken the connection: introduce ourselves."""
        if connection is not self.connection:
            return
        self._heartbeat.begin()
        hello = Hello(
            session=self.key,
            person=self._person,
            name=self.name,
            epoch=self.epoch,
            revision=None if self.epoch is None else self.machine.revision,
        )
        self._observer.introduced(self)
        connection.send(encode(hello))

    def closed(self, connection: Connection, code: int) -> None:
        """The connection is gone."""
        if connection is self.connection:
            self._lost(code)

    def _lost(self, code: int | None = None) -> None:
        self._drop()
        since, self._online_since = self._online_since, None
        if not self.is_open or self.replaced:
            return
        wait = self._heartbeat.wait(online_since=since, close_code=code)
        life = self._life
        self._loop.call_later(wait, lambda: self._retry(life))

    def _retry(self, life: int) -> None:
        if life == self._life and self.connection is None:
            self._connect()

    def _beat(self, number: int) -> None:
        """A ping is due."""
        assert self.connection is not None
        self.connection.send(encode(Ping(n=number)))
        if (checksum := self._comparison.beat(self)) is not None:
            self.connection.send(encode(checksum))
            self._observer.compared(self)

    # --- What the server says ------------------------------------------------------------------

    def received(self, connection: Connection, frame: bytes) -> None:
        """A frame has come."""
        if connection is not self.connection:
            return
        self._heartbeat.heard()
        message = decode_server(frame)
        if isinstance(message, Welcome):
            self._welcome(message)
        elif isinstance(message, OpsMessage | DeltaMessage):
            self._entries(message)
        elif isinstance(message, Properties):
            self.view_key = message.view_key
        elif isinstance(message, Pong):
            self._heartbeat.answered(message.n)
        elif isinstance(message, Diverged):
            self._observer.diverged(self, message.revision)
        elif isinstance(message, ErrorMessage):
            self._error(message)

    def _welcome(self, message: Welcome) -> None:
        outdated = message.text is None and message.committed[0] > self.machine.last_seq
        unfit = message.text is not None and self.machine.pending
        if outdated or unfit:
            self._start_over("the copy is outdated" if outdated else "the copy does not fit")
            return
        if message.text is not None:
            self.machine = Client(revision=message.revision, last_seq=message.committed[0])
            self.screen, self.epoch = message.text, message.epoch
            self.caret = len(self.screen)
            self._observer.restored(self, None)
        self.view_key = message.view_key
        limits = message.limits
        inserted, components = self._limits
        self._agreed = Limits(
            frame_bytes=limits.frame_bytes,
            op_components=min(components, limits.op_components),
            op_inserted=min(inserted, limits.op_inserted),
            pad_length=limits.pad_length,
        )
        self._sent_seq = 0
        self.online = True
        self._online_since = self._heartbeat.now()
        self._pump()

    def _entries(self, message: OpsMessage | DeltaMessage) -> None:
        try:
            received = self.machine.receive(message, self.session)
        except Desync as error:
            # What is pending cannot be told any more.
            self._start_over(str(error), keep=True)
            return
        if received.op is not None:
            self.screen = apply(self.screen, received.op)
            self.caret = transform_position(self.caret, received.op)
        gives = {"op": received.op, "acknowledged": received.acknowledged}
        self._observer.stepped(self, {"do": "receive", "message": message}, gives)
        self._observer.followed(self, received.acknowledged)
        self._observer.shown(self)
        self._pump()

    def _error(self, message: ErrorMessage) -> None:
        self._observer.told(self, message)
        if message.action == "draft":
            self._start_over(message.code)
        elif message.action == "resession":
            self.machine.restart()
            self._observer.stepped(self, {"do": "restart"}, None)
            self._new_session()
        elif message.action == "stop":
            self.replaced = True
            self._drop()

    def _start_over(self, reason: str, *, keep: bool = False) -> None:
        """Begin again without a copy; what is on screen is a draft now if any of it is pending."""
        draft = self.screen if keep or self.machine.pending else None
        self._observer.started_over(self, reason, draft)
        self._restart_machine()
        self._new_session()

    def _restart_machine(self) -> None:
        self.machine = Client()
        self.epoch, self.screen, self.caret = None, "", 0
        self._pending_on_disk = False
        self.copies = []
        self._observer.restored(self, None)

    def _new_session(self) -> None:
        """Go on under a new key, which the local disk has to have first."""
        self._drop()
        self._life += 1
        self._writing = self._write_again = False
        self.key = self._fresh_key(self._chance)
        if self.epoch is not None:
            self.copies = [self._copy(self.epoch)]
        life = self._life
        delay = self._chance.exponential(_COPY_SECONDS)
        self._loop.call_later(delay, lambda: self._retry(life))

    @staticmethod
    def _fresh_key(chance: Chance) -> str:
        return f"key-{chance.below(2**53):022d}"


def _without_type(message: OpMessage | None) -> dict[str, Any] | None:
    """A message as the JavaScript machine gives it."""
    if message is None:
        return None
    return {"base": message.base, "seq": message.seq, "op": message.op}
