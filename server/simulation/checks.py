"""the invariants, checked at every event from outside the code under test

`Checks` sees what becomes durable, every frame that the server sends, and all that is done in a
tab; it keeps books of its own and trusts nobody else's:

    I0   nothing unexpected: no bug is logged, nobody is refused or out of step without a cause
    I1   an acknowledgement is of a durable entry, and arrives as one
    I2   what others are shown is durable, and is what is on the disk
    I3   the log and each stream of it have no gap, and never change
    I4   a (session, seq) is in the log at most once; a resend is the same to the letter
    I5   a session's entries are in the order of their seq
    I6   a screen is the text at the client's revision, then what is pending
    I7   operations keep the rules of form and fit their text
    I8   positions of people are inside the text
    I9   nothing is queued or kept without bound
    I10  what no client may say has no effect; by the view-only link: nothing that changes anything
    I11  "saved" is shown only when everything typed is durable
    I12  of every author in the log it is known what they were called
    I13  no tab at rest shows another text than the server takes for the newest
    I14  no copy of a log that a restore has replaced goes on in the one that took its place
    I15  what a tab has to give up before it was acknowledged is in the draft that it offers
    I16  of view-only links: editors know only what is durable; one that was replaced shows nothing

and when all is quiet

    Q1   everybody, the log, and snapshot and tail give one text
    Q2   what was acknowledged is in the log, where it was acknowledged, if no restore took it
    Q3   everything typed in a tab that still exists is in the log
    Q4   each character is there once or was deleted by one who saw it; no order has changed
    Q5   taking back all of one's own leaves all of the others'
    Q6   after the last fault it becomes quiet (server/simulation/world.py)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ot.errors import OperationError
from ot.log import Entry
from ot.messages import (
    DeltaMessage,
    ErrorMessage,
    OpMessage,
    OpsMessage,
    PeopleMessage,
    Welcome,
    decode_server,
    digest,
)
from ot.operation import Operation, apply, base_length, length_change, validate
from server.pad import Pad
from server.settings import Settings
from server.simulation.accounts import Account, PadAccounts
from server.simulation.disk import Stored
from server.simulation.epochs import Epochs
from server.simulation.links import Links
from server.simulation.network import Connection
from server.simulation.observer import screen_of
from server.simulation.record import Record
from server.simulation.tab import Tab
from server.storage import Append, PadRecord

__all__ = ["Checks"]

# What an honest client may be told although nobody has a bug, and nothing was forked.
_EXPECTED = frozenset(
    {"storage_failed", "shutting_down", "busy", "hello_late", "replaced", "pad_full"}
)


class Checks:
    """The observer of one run."""

    def __init__(
        self, fail: Callable[[str, str], None], record: Record, now_ns: Callable[[], int]
    ) -> None:
        """`fail(invariant, message)` ends the run."""
        self.pads: dict[str, PadAccounts] = {}
        # What restores make of all this.
        self.epochs = Epochs(fail, self.pads)
        self.links = Links(fail)
        self._fail = fail
        self._record = record
        self._now_ns = now_ns
        self._stored: dict[str, Stored] = {}
        # (log, session, seq) -> hash of what was sent; session -> family of tabs.
        self._sent: dict[tuple[int, str, int], bytes] = {}
        self._families: dict[str, int] = {}
        # session -> what tabs that had it were called.
        self._names: dict[str, set[str]] = {}
        self._records: dict[str, PadRecord] = {}
        # Families of which there is more than one copy, or an old one: they may be told so.
        self._forked: dict[int, None] = {}
        # Up to which revision each connection has been sent the log.
        self._cursors: dict[int, int] = {}
        self._sessions: dict[int, str] = {}

    def pad(self, stored: Stored) -> None:
        """There is a pad."""
        self.pads[stored.record.name] = PadAccounts()
        self._stored[stored.record.name] = stored
        self._records[stored.record.name] = stored.record
        self.epochs.pad(stored)
        self.links.pad(stored)

    def fork(self, tab: Tab, account: Account) -> None:
        """From now on there are two copies of what this tab has, or an old one."""
        self._forked[tab.family] = None
        self.pads[tab.pad].forked |= account.typed | account.withdrawn | account.deleted

    # --- The disk ------------------------------------------------------------------------------

    def replaced(self, pad: Stored, backup: Stored, source: Stored, revision: int) -> None:
        """A restore: `pad` is on the disk from now on, up to `revision`, as `backup`, which was
        made of `source`.
        """
        name = pad.record.name
        if revision != len(backup.rows):
            self._fail("Q2", f"revision {revision} is restored, the backup had {len(backup.rows)}")
        lost = self.epochs.replaced(pad, backup, source)
        if pad.record != replace(backup.record, epoch=pad.record.epoch):
            self._fail("I10", f"the restore has changed {backup.record}")
        self._stored[name], self._records[name] = pad, pad.record
        self.links.pad(pad)
        self._record.event(self._now_ns(), "restore", name, str(len(pad.rows)).encode())
        self._record.counts["revisions taken back"] += lost

    def new_link(self, pad: Stored) -> None:
        """Another view-only link leads to a pad."""
        name = pad.record.name
        self._records[name] = replace(self._records[name], view_key=pad.record.view_key)
        self._record.event(self._now_ns(), "new link", name)
        self.links.durable(pad)

    def appending(self, pad: Stored, append: Append) -> None:
        """What the server hands to the store continues the log."""
        if append.revision != len(pad.rows):
            self._fail("I3", f"appended at {append.revision}, the log has {len(pad.rows)}")
        text = self.pads[pad.record.name].texts[-1]
        length = len(text)
        last = {session: commit.seq for session, commit in pad.last.items()}
        for entry in append.entries:
            length = self._check_entry(pad, entry, length)
            before = last.get(entry.session, 0)
            if entry.seq <= before:
                self._fail("I4", f"seq {entry.seq} is appended a second time")
            elif entry.seq != before + 1:
                self._fail("I5", f"seq {entry.seq} is appended after seq {before}")
            last[entry.session] = entry.seq

    def _check_entry(self, pad: Stored, entry: Entry, length: int) -> int:
        try:
            validate(entry.op)
        except OperationError as error:
            self._fail("I7", f"{error.code}: {error.message}")
        if base_length(entry.op) > length:
            self._fail("I7", f"{base_length(entry.op)} code points of {length} are covered")
        log = len(self.pads[pad.record.name].logs) - 1
        sent = self._sent.get((log, entry.session, entry.seq))
        if sent is None:
            self._fail("I10", f"nobody has sent seq {entry.seq} of session {entry.session}")
        elif sent != entry.digest and self._families[entry.session] not in self._forked:
            self._fail("I4", f"seq {entry.seq} is not what was sent")
        return length + length_change(entry.op)

    def durable(self, pad: Stored, entry: Entry) -> None:
        """The newest revision of a pad."""
        accounts = self.pads[pad.record.name]
        family = self._families.get(entry.session, -1)
        for wrong in accounts.durable(family, entry.op):
            self._fail("Q4", wrong)
        called = pad.profiles.get(entry.session, ("nobody", 0))[0]
        if called not in self._names.get(entry.session, ()):
            self._fail("I12", f"the author of revision {len(pad.rows)} is called {called!r}")
        self._record.event(self._now_ns(), "revision", len(pad.rows), pad.rows[-1][1])

    def snapshot(self, pad: Stored, revision: int, text: str) -> None:
        """A text was kept."""
        texts = self.pads[pad.record.name].texts
        if revision >= len(texts) or texts[revision] != text:
            self._fail("Q1", f"the snapshot at revision {revision} is not the text there")

    # --- What the server sends -----------------------------------------------------------------

    def server_sends(self, connection: Connection, frame: bytes) -> None:
        """A frame goes out."""
        self._record.event(self._now_ns(), "frame", connection.number, frame)
        message = decode_server(frame)
        stored = self._stored[connection.pad]
        self.links.server_sends(connection, message)
        if isinstance(message, Welcome):
            self._check_welcome(connection, stored, message)
        elif isinstance(message, OpsMessage):
            self._check_ops(connection, stored, message)
        elif isinstance(message, DeltaMessage):
            self._check_delta(connection, stored, message)
        elif isinstance(message, PeopleMessage):
            self._check_people(stored, message)
        elif isinstance(message, ErrorMessage) and connection.view_key is not None:
            self._record.counts[f"reader told {message.code}"] += 1

    def _check_welcome(self, connection: Connection, stored: Stored, message: Welcome) -> None:
        self.epochs.welcomed(connection.number, connection.pad, with_text=message.text is not None)
        texts = self.pads[connection.pad].texts
        if message.revision >= len(texts):
            self._fail("I2", f"welcome to revision {message.revision} of {len(texts) - 1}")
        elif message.text is not None and message.text != texts[message.revision]:
            self._fail("I2", f"the text of the welcome is not that at {message.revision}")
        last = stored.last.get(message.session)
        if last is not None and message.committed[0] < last.seq:
            self._fail("I4", f"the session's seq {last.seq} has been forgotten")
        self._cursors[connection.number] = message.revision
        self._sessions[connection.number] = message.session

    def _check_ops(self, connection: Connection, stored: Stored, message: OpsMessage) -> None:
        own = self._sessions[connection.number]
        self._check_cursor(connection, message.start, message.start + len(message.ops))
        for revision, (session, seq, op) in enumerate(message.ops, message.start + 1):
            kind = "I1" if session == own else "I2"
            if revision > len(stored.rows):
                self._fail(kind, f"revision {revision} is not durable yet")
                return
            row, _ = stored.rows[revision - 1]
            if (row.session, row.seq, row.op) != (session, seq, op):
                self._fail(kind, f"revision {revision} is another one on the disk")

    def _check_delta(self, connection: Connection, stored: Stored, message: DeltaMessage) -> None:
        texts = self.pads[connection.pad].texts
        self._check_cursor(connection, message.start, message.end)
        if message.end >= len(texts):
            self._fail("I2", f"revision {message.end} is not durable yet")
            return
        try:
            result = apply(texts[message.start], message.op)
        except OperationError:
            result = None
        if result != texts[message.end]:
            self._fail("I2", f"the delta {message.start}..{message.end} gives another text")
        own = self._sessions[connection.number]
        last = stored.last.get(own)
        if (
            last is not None
            and message.start < last.revision <= message.end
            # An old copy may wait for what is not the newest any more; the welcome has told it so.
            and self._families[own] not in self._forked
        ):
            self._fail("I1", f"the acknowledgement of seq {last.seq} is hidden in a delta")

    def _check_cursor(self, connection: Connection, start: int, end: int) -> None:
        cursor = self._cursors[connection.number]
        if start != cursor:
            self._fail("I3", f"the stream goes on from {start}, not from {cursor}")
        self._cursors[connection.number] = end

    def _check_people(self, stored: Stored, message: PeopleMessage) -> None:
        texts = self.pads[stored.record.name].texts
        if message.revision >= len(texts):
            self._fail("I2", f"presence at revision {message.revision} of {len(texts) - 1}")
            return
        length = len(texts[message.revision])
        for person in message.people:
            for selection in person.selections:
                if not all(0 <= position <= length for position in selection):
                    self._fail("I8", f"a caret at {selection} in a text of {length}")

    def bounds(self, pad: Pad, settings: Settings) -> None:
        """What a live pad keeps in memory."""
        document = pad.document
        if pad.dropped is not None:
            # Nobody looks at it any more; another one may have taken its place.
            return
        kept = document.log.head - document.log.start
        # Those loaded from before a snapshot, and those up to the next one, besides what is to be
        # kept; while snapshots fail, all since the last that did not.
        since = document.log.head - self._stored[pad.record.name].snapshot[0]
        bound = settings.log_entries_max + 2 * settings.snapshot_revisions + 2 * since
        if kept > bound:
            self._fail("I9", f"{kept} entries are kept in memory, {bound} are allowed")
        if len(pad.presence) > len(pad.connections):
            self._fail("I9", "somebody has left, and is shown all the same")
        for session, commit in document.sessions.items():
            if session not in pad.connections and commit.revision <= document.committed:
                self._fail("I9", f"session {session} has left, and is kept in memory")
                return

    # --- The tabs ------------------------------------------------------------------------------

    def restored(self, tab: Tab, account: Account | None) -> None:
        """A tab has another machine; `account` is what its copy holds, None without one."""
        self.pads[tab.pad].restored(tab.number, account or self.epochs.taken(tab))
        self._record.machine(tab.number, tab.machine)
        if account is not None:
            self._check_screen(tab)

    def accounts(self, tab: Tab) -> Account:
        """What a copy written now holds."""
        return self.pads[tab.pad].account(tab.number).copy()

    def edited(self, tab: Tab, before: str, op: Operation) -> None:
        """A person has changed the text on screen."""
        self.pads[tab.pad].edited(tab.number, tab.family, before, op)
        self._record.event(self._now_ns(), "edit", tab.number, repr(op).encode())

    def introduced(self, tab: Tab) -> None:
        """A tab says who it is: its name is the session's, also for what another copy has sent."""
        self._names.setdefault(tab.session, set()).add(tab.name)
        self.epochs.introduced(tab)

    def sent(self, tab: Tab, message: OpMessage) -> None:
        """An operation goes out."""
        self._families[tab.session] = tab.family
        self.epochs.sent(tab)
        hashed = digest(message.base, message.op)
        at = (self.epochs.log(tab), tab.session, message.seq)
        known = self._sent.setdefault(at, hashed)
        if known != hashed and tab.family not in self._forked:
            self._fail("I4", f"seq {message.seq} is sent again with other content")

    def followed(self, tab: Tab, acknowledged: int | None) -> None:
        """A tab has taken in a frame of the log."""
        self.epochs.followed(tab, acknowledged)
        self._check_screen(tab)
        self.pads[tab.pad].seen(tab.screen)

    def _check_screen(self, tab: Tab) -> None:
        texts = self.pads[tab.pad].logs[self.epochs.log(tab)]
        machine = tab.machine
        if machine.revision >= len(texts):
            self._fail("I2", f"tab {tab.number} is at revision {machine.revision}")
        elif screen_of(texts[machine.revision], machine) != tab.screen:
            self._fail(
                "I6",
                f"tab {tab.number} shows another text than revision "
                f"{machine.revision} and what is pending",
            )

    def shown(self, tab: Tab) -> None:
        """The person looks at the indicator."""
        if tab.saved and not self.pads[tab.pad].account(tab.number).settled:
            self._fail("I11", f"tab {tab.number} says saved, and not all of it is in the log")

    def compared(self, tab: Tab) -> None:
        """A tab has sent the checksum of its text."""
        self._record.event(self._now_ns(), "checksum", tab.number)

    def diverged(self, tab: Tab, revision: int) -> None:
        """The server says that this was not the checksum of its own."""
        self._fail("I13", f"tab {tab.number} shows another text at revision {revision}")

    def told(self, tab: Tab, message: ErrorMessage) -> None:
        """A tab was refused something."""
        self._record.counts[f"told {message.code}"] += 1
        if message.code not in _EXPECTED and tab.family not in self._forked:
            self._fail("I0", f"tab {tab.number} was told {message.code}: {message.message}")

    def started_over(self, tab: Tab, reason: str, draft: str | None) -> None:
        """A tab has given up its copy; what was pending is a draft."""
        self._record.counts["drafts"] += draft is not None
        replaced = self.epochs.of_another_log(tab)
        self.epochs.given_up(tab, draft)
        if reason != "pad_full" and not replaced and tab.family not in self._forked:
            self._fail("I0", f"tab {tab.number} has to start over: {reason}")

    def stepped(self, tab: Tab, step: dict[str, Any], gives: object) -> None:
        """Something was done to a tab's machine."""
        self._record.step(tab.number, tab.session, tab.machine, step, gives)

    # --- At the end ----------------------------------------------------------------------------

    def at_rest(self, tabs: list[Tab]) -> None:
        """All is quiet: nothing is missing, nothing is there twice, everybody sees the same."""
        for tab in tabs:
            texts = self.pads[tab.pad].texts
            if tab.is_open and (tab.screen, tab.machine.revision) != (texts[-1], len(texts) - 1):
                self._fail("Q1", f"tab {tab.number} shows another text than the log")
            account = self.pads[tab.pad].account(tab.number)
            if not account.settled:
                missing = sorted(account.typed | account.deleted)[:5]
                self._fail("Q3", f"of tab {tab.number}, {missing!a} never came into the log")
        self.epochs.at_rest()
        for name, record in self._records.items():
            if self._stored[name].record != record:
                self._fail("I10", f"nobody may have changed {self._stored[name].record}")
        for accounts in self.pads.values():
            for wrong in accounts.verdict():
                self._fail("Q4", wrong)

    def undone(self, pad: str, family: int, before: str) -> None:
        """One has taken back all of their own from the text `before`, and all is quiet again."""
        accounts = self.pads[pad]
        expected = "".join(one for one in before if accounts.author[one] != family)
        # What a tab that is no more had sent may have come in meanwhile.
        if "".join(one for one in accounts.texts[-1] if one in before) != expected:
            self._fail("Q5", f"family {family} has undone its own, and the text is another one")
