"""PURE: who is here, where; versioned

The newest state of each person only, nothing is queued. Every change has a number; a connection
remembers up to which it has been told, and gets what changed since: the cursor of the log again,
for what is not in the log. Positions are kept with the revision that they were given at and carried
forward when somebody is told of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from ot.messages import COLORS, PeopleMessage, Person, PresenceMessage, Role, Selection
from ot.operation import Operation, caret_after, transform_position

__all__ = ["NAME_MAX", "TITLE_MAX", "Presence", "clean_name"]

# Code points: long enough for a full name, short enough for a flag beside a caret.
NAME_MAX = 40
# The same of a pad's title, which is alone in the top bar, and of a version's name.
TITLE_MAX = 80
# So many times as long may a name be before it is cleaned; the rest of it is not looked at.
_UNCLEAN_TIMES = 5
# Those that left, kept so that connections that lag behind hear of it; a longer lag is told
# everything.
_DEPARTED_MAX = 1_000
# Marks and overrides that turn or hide the text around a name.
_DIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and a symbol by category, but blank: the Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def clean_name(name: str, *, length_max: int = NAME_MAX, otherwise: str = "Guest") -> str:
    """A name for display: no control or direction-changing characters, at most `length_max` code
    points; `otherwise` if nothing is left.
    """
    kept = "".join(
        character
        for character in name[: _UNCLEAN_TIMES * length_max]
        if character not in _DIRECTIONAL and unicodedata.category(character) not in _INVISIBLE
    )
    kept = " ".join(kept.split())[:length_max].strip()
    # A name of joiners and variation selectors alone would be invisible.
    seen = any(
        unicodedata.category(character)[0] in "LNSP" and character not in _BLANK
        for character in kept
    )
    return kept if seen else otherwise


@dataclass(slots=True)
class _Here:
    person: Person
    revision: int
    version: int
    # What made `revision`, if they did: then that is where their caret is.
    typed: Operation | None = None


class Presence:
    """The people in one pad."""

    def __init__(self) -> None:
        # Counts up with every change that others are to be told of.
        self.version = 0
        self._here: dict[str, _Here] = {}
        # session -> version at which it left, oldest first.
        self._departed: dict[str, int] = {}
        # Up to which departures have been forgotten.
        self._departed_from = 0

    def __len__(self) -> int:
        return len(self._here)

    def everybody(self) -> list[Person]:
        """All who are here, in the order in which they changed; their positions are old ones."""
        return [here.person for here in self._here.values()]

    def join(
        self,
        *,
        session: str,
        person: str,
        name: str,
        color: int,
        revision: int,
        role: Role = "write",
    ) -> Person:
        """Somebody comes, or comes again; return how they are shown."""
        self._departed.pop(session, None)
        color = color or self.free_color()
        joined = Person(session, person, clean_name(name), color, [], role)
        self._put(joined, revision)
        return joined

    def leave(self, session: str) -> None:
        """Somebody goes."""
        if self._here.pop(session, None) is None:
            return
        self.version += 1
        self._departed[session] = self.version
        if len(self._departed) > _DEPARTED_MAX:
            oldest = next(iter(self._departed))
            self._departed_from = self._departed.pop(oldest)

    def update(self, session: str, message: PresenceMessage) -> Person:
        """Somebody says who and where they are now; the same again changes nothing. Return how they
        are shown.
        """
        here = self._here[session]
        _settle(here)
        role = here.person.role
        person = Person(
            session=session,
            person=here.person.person,
            name=clean_name(message.name),
            color=message.color or here.person.color,
            # Who only reads has no caret.
            selections=message.selections if role == "write" else [],
            role=role,
            following=message.following,
            history=message.history,
        )
        if (person, message.revision) != (here.person, here.revision):
            self._put(person, message.revision)
        return person

    def typed(self, session: str, op: Operation, revision: int) -> None:
        """An operation of theirs made `revision`: their caret is behind it.

        No news: everybody moves it like this by themselves when they receive the operation.
        """
        here = self._here.get(session)
        if here is not None and op:
            here.revision = revision
            here.typed = op

    def changes(
        self,
        since: int,
        *,
        revision: int,
        length: int,
        composed: Callable[[int], Operation | None],
    ) -> PeopleMessage:
        """What has changed after version `since`, with positions in the text at `revision`.

        `composed(start)` is the operation from revision `start` to `revision`, or None if it is no
        longer at hand: then the caret is not shown. `length` is that of the text, in code points:
        no position is past it.
        """
        everybody = since == 0 or since < self._departed_from
        people = [
            self._carried(here, revision, length, composed)
            for here in self._here.values()
            if everybody or here.version > since
        ]
        left = [session for session, version in self._departed.items() if version > since]
        return PeopleMessage(
            revision=revision,
            people=people,
            left=[] if everybody else left,
            everybody=everybody,
        )

    def _put(self, person: Person, revision: int) -> None:
        self.version += 1
        self._here[person.session] = _Here(person, revision, self.version)

    def _carried(
        self,
        here: _Here,
        revision: int,
        length: int,
        composed: Callable[[int], Operation | None],
    ) -> Person:
        _settle(here)
        if here.revision < revision and here.person.selections:
            op = composed(here.revision)
            moved: list[Selection] = []
            if op is not None:
                moved = [
                    (transform_position(anchor, op), transform_position(head, op))
                    for anchor, head in here.person.selections
                ]
            here.person = _at(here.person, moved)
        here.revision = max(here.revision, revision)
        return _at(
            here.person,
            [(min(anchor, length), min(head, length)) for anchor, head in here.person.selections],
        )

    def free_color(self) -> int:
        """The lowest colour that nobody has, or else the one that fewest have."""
        taken = [here.person.color for here in self._here.values()]
        return min(range(1, COLORS + 1), key=taken.count)


def _settle(here: _Here) -> None:
    """Put the caret behind what they typed last: when somebody asks, not for each letter."""
    if here.typed is not None:
        caret = caret_after(here.typed)
        assert caret is not None
        here.person = _at(here.person, [(caret, caret)])
        here.typed = None


def _at(person: Person, selections: list[Selection]) -> Person:
    return structs.replace(person, selections=selections)
