"""the books of restores: which log each text is of, and what each tab has that is not acknowledged

A restore begins another log. Its revisions have the numbers of the old one's, so that numbers tell
nothing; nor are epochs trusted here, which are what is under test. Logs are counted: 0 is the first
of a pad, and each restore makes the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.simulation.accounts import Account, PadAccounts
from server.simulation.disk import Stored
from server.simulation.tab import Tab

__all__ = ["Epochs"]


@dataclass(frozen=True, slots=True)
class _Log:
    """One log of a pad, and what it has in common with the one that its backup was made of."""

    stored: Stored
    parent: int | None = None
    shared: int = 0


class Epochs:
    """Of one run."""

    def __init__(self, fail: Callable[[str, str], None], pads: dict[str, PadAccounts]) -> None:
        self._fail = fail
        self._pads = pads
        self._logs: dict[str, list[_Log]] = {}
        # By connection: the log of the copy that the tab has named, and the log that it is shown.
        self._named: dict[int, int] = {}
        self._shown: dict[int, int] = {}
        # What tabs were told to be acknowledged: (pad, log, session, seq, revision).
        self._acknowledged: list[tuple[str, int, str, int, int]] = []

    # --- The disk ------------------------------------------------------------------------------

    def pad(self, stored: Stored) -> None:
        """There is a pad."""
        self._logs[stored.record.name] = [_Log(stored)]

    def replaced(self, pad: Stored, backup: Stored, source: Stored) -> int:
        """`pad` is on the disk from now on, for the `backup` that was made of `source`; returns how
        many revisions of the log until now are gone.
        """
        name = pad.record.name
        logs = self._logs[name]
        parent = next(number for number, log in enumerate(logs) if log.stored is source)
        shared = len(backup.rows)
        lost = len(logs[-1].stored.rows) - self._common(name, len(logs) - 1, parent, shared)
        logs.append(_Log(pad, parent, shared))
        self._pads[name].replaced(parent, [entry.op for entry in pad.entries()])
        return lost

    # --- What the server sends -----------------------------------------------------------------

    def introduced(self, tab: Tab) -> None:
        """A tab says which copy it has."""
        if tab.connection is not None and tab.epoch is not None:
            self._named[tab.connection.number] = self._account(tab).log

    def welcomed(self, connection: int, pad: str, *, with_text: bool) -> None:
        """The server lets somebody in: with the text, or to go on from the copy that they have."""
        self._shown[connection] = newest = len(self._logs[pad]) - 1
        named = self._named.get(connection)
        if not with_text and named is not None and named != newest:
            self._fail("I14", f"a copy of log {named} goes on in log {newest}")

    # --- The tabs ------------------------------------------------------------------------------

    def taken(self, tab: Tab) -> Account:
        """A tab begins with nothing, or has taken the text of a welcome: what there is of it."""
        # Only who has no copy that can be read lets go of something without a word.
        if tab.epoch is not None and (lost := self._pending(tab)):
            self._fail("I15", f"tab {tab.number} has taken another text, and {lost!a} is gone")
        newest = len(self._logs[tab.pad]) - 1
        log = newest if tab.connection is None else self._shown.get(tab.connection.number, newest)
        return Account(log=log)

    def sent(self, tab: Tab) -> None:
        """An operation goes out."""
        assert tab.connection is not None
        log, shown = self._account(tab).log, self._shown[tab.connection.number]
        if log != shown:
            self._fail("I14", f"tab {tab.number} sends what was made in log {log} to log {shown}")

    def followed(self, tab: Tab, acknowledged: int | None) -> None:
        """A tab has taken in a frame of the log."""
        assert tab.connection is not None
        account, shown = self._account(tab), self._shown[tab.connection.number]
        if account.log != shown:
            self._fail("I14", f"tab {tab.number}, of log {account.log}, follows log {shown}")
        elif acknowledged is not None:
            self._check_acknowledged(tab, account, acknowledged)
        if account.unheard_deleted:
            texts = self._pads[tab.pad].logs[account.log]
            account.unheard_deleted.intersection_update(texts[tab.machine.revision])

    def _check_acknowledged(self, tab: Tab, account: Account, seq: int) -> None:
        stored = self._logs[tab.pad][account.log].stored
        commit = stored.by_seq.get((tab.session, seq))
        if commit is None:
            self._fail("I1", f"seq {seq} is acknowledged, and not in the log")
            return
        at = (tab.pad, account.log, tab.session, seq, commit.revision)
        self._acknowledged.append(at)
        if account.unheard:
            for component in stored.rows[commit.revision - 1][0].op:
                if isinstance(component, str):
                    account.unheard.difference_update(component)

    def given_up(self, tab: Tab, draft: str | None) -> None:
        """A tab starts over; the person is offered `draft`."""
        account = self._account(tab)
        if draft is None:
            if lost := self._pending(tab):
                self._fail("I15", f"tab {tab.number} starts over without a draft of {lost!a}")
            return
        missing = sorted(account.unheard.difference(draft))
        again = sorted(account.unheard_deleted.intersection(draft))
        if missing or again:
            self._fail(
                "I15", f"tab {tab.number}'s draft is without {missing[:5]!a}, with {again[:5]!a}"
            )
        account.unheard, account.unheard_deleted = set(), set()

    def of_another_log(self, tab: Tab) -> bool:
        """Whether the text that a tab has, and the log that it is shown, are of two logs."""
        if tab.connection is None:
            return False
        return self._shown.get(tab.connection.number) != self._account(tab).log

    def is_newest(self, tab: Tab) -> bool:
        """Whether a tab has the text of the log that there is."""
        return self._account(tab).log == len(self._logs[tab.pad]) - 1

    def log(self, tab: Tab) -> int:
        """Which log a tab's text is of."""
        return self._account(tab).log

    # --- At the end ----------------------------------------------------------------------------

    def at_rest(self) -> None:
        """All is quiet: what was acknowledged is where it was, if no restore has taken it."""
        for pad, log, session, seq, revision in self._acknowledged:
            newest = len(self._logs[pad]) - 1
            if revision > self._common(pad, newest, log, revision):
                continue
            commit = self._logs[pad][newest].stored.by_seq.get((session, seq))
            if commit is None or commit.revision != revision:
                self._fail("Q2", f"seq {seq} was acknowledged, and is not in the log")

    def _common(self, pad: str, log: int, other: int, revision: int) -> int:
        """How many of the first `revision` revisions of `other` are those of `log` too."""
        # From each of the two down to the first log: what is left of it on the way.
        ways = []
        for number in (log, other):
            way: dict[int, int] = {}
            left = revision
            while True:
                way[number] = left
                one = self._logs[pad][number]
                if one.parent is None:
                    break
                number, left = one.parent, min(left, one.shared)
            ways.append(way)
        return max(min(left, ways[1][at]) for at, left in ways[0].items() if at in ways[1])

    def _account(self, tab: Tab) -> Account:
        return self._pads[tab.pad].account(tab.number)

    def _pending(self, tab: Tab) -> list[str]:
        """Some of what a tab has typed and deleted, and has not heard of."""
        account = self._account(tab)
        return sorted(account.unheard | account.unheard_deleted)[:5]
