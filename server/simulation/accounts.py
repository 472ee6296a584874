"""the intention oracle: who typed each character, who deleted it, and what became of it

Every typed character is a code point of its own. So the oracle needs no operation and no transform:
it looks at the text that a person saw, at what the person did to it, and at the texts that the log
gives, and holds one against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ot.operation import Operation, apply

__all__ = ["Account", "PadAccounts", "changes"]

# Screens kept of each pad, to be compared with its last text: enough to meet every order.
_SCREENS_MAX = 200


@dataclass(slots=True)
class Account:
    """What one tab has typed and deleted that is not in the log yet."""

    typed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    # Typed and deleted again before it was in the log: perhaps it never travels.
    withdrawn: set[str] = field(default_factory=set)
    # Typed and deleted by it, and not acknowledged to it: the log may have it already.
    unheard: set[str] = field(default_factory=set)
    unheard_deleted: set[str] = field(default_factory=set)
    # Which of the pad's logs its text is of.
    log: int = 0

    def copy(self) -> Account:
        """As it is now."""
        return Account(
            typed=set(self.typed),
            deleted=set(self.deleted),
            withdrawn=set(self.withdrawn),
            unheard=set(self.unheard),
            unheard_deleted=set(self.unheard_deleted),
            log=self.log,
        )

    @property
    def settled(self) -> bool:
        """Whether all of it is in the log."""
        return not self.typed and not self.deleted


class PadAccounts:
    """All characters of one pad."""

    def __init__(self) -> None:
        # The text at every durable revision, of each log: a restore begins another one.
        self.logs = [[""]]
        self.tabs: dict[int, Account] = {}
        # How often each character has been inserted by the log, and those that it has deleted.
        self.inserted: Counter[str] = Counter()
        self.gone: set[str] = set()
        # Who typed it (a family of tabs), and which characters a family has deleted as it saw them.
        self.author: dict[str, int] = {}
        self.deleted_by: dict[int, set[str]] = {}
        # Pending in two copies of one profile: they may be sent by both.
        self.forked: set[str] = set()
        self._runs: list[str] = []
        self._screens: list[str] = []

    @property
    def texts(self) -> list[str]:
        """The text at every revision of the log that there is."""
        return self.logs[-1]

    def replaced(self, log: int, ops: Sequence[Operation]) -> None:
        """A restore: from now on there are these operations, which `log` began with."""
        texts = self.logs[log][: len(ops) + 1]
        self.logs.append(texts)
        self.inserted, self.gone = Counter(), set()
        for text, op in zip(texts, ops, strict=False):
            for inserted, deleted in changes(text, op):
                self.inserted.update(inserted)
                self.gone.update(deleted)

    def account(self, tab: int) -> Account:
        """Of one tab."""
        return self.tabs.setdefault(tab, Account())

    def edited(self, tab: int, family: int, before: str, op: Operation) -> None:
        """Somebody has typed and deleted on the text `before`."""
        account = self.account(tab)
        for inserted, deleted in changes(before, op):
            for character in deleted:
                self.deleted_by.setdefault(family, set()).add(character)
                if character in account.unheard:
                    account.unheard.discard(character)
                else:
                    account.unheard_deleted.add(character)
                if character in account.typed:
                    account.typed.discard(character)
                    account.withdrawn.add(character)
                elif character not in self.gone and character not in self.forked:
                    # A fork's may be in the log by its other copy, and never sent by this one.
                    account.deleted.add(character)
            for character in inserted:
                self.author[character] = family
                account.typed.add(character)
                account.unheard.add(character)
            if len(inserted) > 1:
                self._runs.append(inserted)

    def restored(self, tab: int, account: Account) -> None:
        """A tab goes on from a copy, or from nothing; what it had typed since is not promised."""
        account = account.copy()
        account.typed = {one for one in account.typed if not self.inserted[one]}
        account.deleted -= self.gone
        self.tabs[tab] = account

    def durable(self, family: int, op: Operation) -> Iterator[str]:
        """The newest operation of the log; yields what is wrong with it."""
        text = self.texts[-1]
        for inserted, deleted in changes(text, op):
            for character in inserted:
                self.inserted[character] += 1
                if self.author.get(character) != family:
                    yield f"{character!a} was inserted by somebody who has not typed it"
                if self.inserted[character] > 1 and character not in self.forked:
                    yield f"{character!a} is in the log twice"
                for account in self.tabs.values():
                    account.typed.discard(character)
            for character in deleted:
                self.gone.add(character)
                if character not in self.deleted_by.get(family, ()):
                    yield f"{character!a} was deleted by somebody who has not deleted it"
                for account in self.tabs.values():
                    account.deleted.discard(character)
        self.texts.append(apply(text, op))

    def seen(self, screen: str) -> None:
        """Somebody has seen this text."""
        if len(self._screens) < _SCREENS_MAX:
            self._screens.append(screen)

    def verdict(self) -> Iterator[str]:
        """What is wrong with the last text, now that all is quiet."""
        text = self.texts[-1]
        position = {character: at for at, character in enumerate(text)}
        for account in self.tabs.values():
            left = sorted((account.withdrawn & position.keys()) - self.forked)
            if left:
                yield f"{left[0]!a} is in the text although it was deleted"
        for kept in (*self._runs, *self._screens):
            at = [position[one] for one in kept if one in position and one not in self.forked]
            if any(later < earlier for earlier, later in pairwise(at)):
                yield f"the order of {kept[:40]!a} has changed"


def changes(text: str, op: Operation) -> Iterator[tuple[str, str]]:
    """What `op` inserts into and deletes from `text`: pairs of which one is empty."""
    position = 0
    for component in op:
        if isinstance(component, str):
            yield component, ""
        elif component > 0:
            position += component
        else:
            yield "", text[position : position - component]
            position -= component
