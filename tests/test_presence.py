"""who is here, where: names that do no harm, colours, versions, and carets that keep their place"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot.messages import COLORS, PeopleMessage, Person, PresenceMessage
from ot.operation import Operation, transform_position
from server.presence import NAME_MAX, Presence, clean_name


def nothing_since(start: int) -> Operation:
    return []


def changes(presence: Presence, since: int = 0, *, revision: int = 0) -> PeopleMessage:
    return presence.changes(since, revision=revision, length=1_000, composed=nothing_since)


def join(presence: Presence, *sessions: str, color: int = 0) -> list[int]:
    return [
        presence.join(session=s, person=f"{s}'s person", name=s, color=color, revision=0).color
        for s in sessions
    ]


def at(*selections: tuple[int, int], revision: int = 0, name: str = "a") -> PresenceMessage:
    return PresenceMessage(revision=revision, name=name, color=0, selections=list(selections))


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Ada", "Ada"),
        ("  Ada \t\n  Lovelace ", "Ada Lovelace"),
        ("Zoë 😀 محمد 李", "Zoë 😀 محمد 李"),
        ("", "Guest"),
        (" \t\n\u00a0\u3000", "Guest"),
        ("\u200b\u200d\ufeff\u2060", "Guest"),  # of no width
        ("\ufe0f\u200d\u0301", "Guest"),  # selectors, joiners, and an accent on nothing
        ("\u3164\u2800 \u115f", "Guest"),  # letters and a symbol, but blank
        ("\u202eadA\u202c", "adA"),  # right-to-left override
        ("\u2066a\u2069\u200e\u200f\u061c", "a"),
        ("A\x00d\x1b[31ma\x7f\x9f", "Ad[31ma"),
        ("a\u2028b\u2029c", "abc"),
        ("\ud83dhalf", "half"),
        ("\ue000\uffff", "Guest"),  # private use and no character at all
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),  # text, shown as text
        ("x" * 200, "x" * 40),
        ("x" * 39 + "  y", "x" * 39),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_clean_name(name, cleaned):
    assert clean_name(name) == cleaned


@settings(max_examples=300)
@given(st.text(st.characters() | st.sampled_from("\u202e\u2066\u200f\u200b \t\ud800"), max_size=60))
def test_a_clean_name_is_short_visible_and_clean_already(name):
    cleaned = clean_name(name)

    assert 1 <= len(cleaned) <= NAME_MAX
    assert cleaned == cleaned.strip() == clean_name(cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\n\r\x00")
    cleaned.encode()


# --- Coming, going, colours -----------------------------------------------------------------------


def test_join_and_leave():
    presence = Presence()
    join(presence, "a", "b")
    assert len(presence) == 2

    first = changes(presence, revision=4)
    assert first == PeopleMessage(
        revision=4,
        people=[Person("a", "a's person", "a", 1, []), Person("b", "b's person", "b", 2, [])],
        everybody=True,
    )
    since = presence.version
    assert changes(presence, since) == PeopleMessage(0, [], [])
    presence.leave("a")
    assert changes(presence, since) == PeopleMessage(0, [], ["a"])
    assert len(presence) == 1
    since = presence.version
    presence.leave("a")
    presence.leave("nobody")
    assert presence.version == since, "gone already"


def test_who_comes_again_has_not_left():
    presence = Presence()
    join(presence, "a")
    presence.leave("a")
    join(presence, "a")

    assert changes(presence).left == []
    assert [person.session for person in changes(presence).people] == ["a"]


def test_colours():
    """The lowest that nobody has; then, the one that fewest have; or the one that was asked for."""
    presence = Presence()
    assert join(presence, "a", "b") == [1, 2]
    assert join(presence, "c", color=2) == [2]
    presence.leave("a")
    assert join(presence, "d") == [1]
    assert join(presence, *(f"x{n}" for n in range(COLORS - 2))) == list(range(3, COLORS + 1))
    assert join(presence, "y", "z") == [1, 3], "two have 2 already"


def test_update():
    presence = Presence()
    join(presence, "a", color=5)
    since = presence.version

    presence.update("a", at((3, 7), name=" \u202eAda "))
    assert changes(presence, since).people == [Person("a", "a's person", "Ada", 5, [(3, 7)])]
    since = presence.version
    presence.update("a", at((3, 7), name="Ada"))
    assert presence.version == since, "the same again is no news"
    presence.update("a", at((3, 7), name="Ada", revision=1))
    assert presence.version == since + 1
    presence.update("a", PresenceMessage(revision=1, name="", color=9, selections=[]))
    assert changes(presence, since).people == [Person("a", "a's person", "Guest", 9, [])]


def test_who_only_reads():
    """Has no caret, whatever they say; whom they follow and what they look at is news."""
    presence = Presence()
    presence.join(session="a", person="p", name="Ada", color=5, revision=0, role="read")
    since = presence.version
    told = PresenceMessage(2, "Ada", 5, [(1, 2)], following="s" * 22, history=1)

    person = Person("a", "p", "Ada", 5, [], "read", "s" * 22, 1)
    assert presence.update("a", told) == person
    assert changes(presence, since, revision=2).people == [person]
    since = presence.version
    presence.update("a", PresenceMessage(2, "Ada", 5, []))
    assert changes(presence, since).people == [Person("a", "p", "Ada", 5, [], "read")]


def test_a_lag_longer_than_the_memory_of_departures_is_told_everybody(monkeypatch):
    monkeypatch.setattr("server.presence._DEPARTED_MAX", 3)
    presence = Presence()
    join(presence, "old")
    since = presence.version
    join(presence, *"abcde")
    for session in "abc":
        presence.leave(session)
    assert [person.session for person in changes(presence, since).people] == ["d", "e"]
    assert changes(presence, since).left == ["a", "b", "c"]

    presence.leave("d")

    told = changes(presence, since)
    assert told.everybody
    assert [person.session for person in told.people] == ["old", "e"]
    assert told.left == []
    assert changes(presence, presence.version - 1).people == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["join", "leave", "update", "tell"]), st.sampled_from("abc")),
        max_size=20,
    )
)
def test_who_is_told_of_changes_knows_everybody(steps):
    presence = Presence()
    known: dict[str, Person] = {}
    since = 0
    here: set[str] = set()
    for count, (kind, session) in enumerate([*steps, ("tell", "a")]):
        if kind == "join":
            join(presence, session)
            here.add(session)
        elif kind == "leave":
            presence.leave(session)
            here.discard(session)
        elif kind == "update" and session in here:
            presence.update(session, at((count, count), name=session))
        elif kind == "tell":
            told = changes(presence, since)
            since = presence.version
            known.update((person.session, person) for person in told.people)
            for gone in told.left:
                known.pop(gone, None)

    assert known == {person.session: person for person in changes(presence).people}
    assert set(known) == here and len(presence) == len(here)


# --- Carets ---------------------------------------------------------------------------------------


def test_positions_are_carried_to_the_revision_that_they_are_told_at():
    op: Operation = [1, "xx", 2, -1]
    asked = []

    def composed(start: int) -> Operation:
        asked.append(start)
        return op

    presence = Presence()
    join(presence, "a")
    presence.update("a", at((1, 3), (4, 5), revision=7))

    told = presence.changes(0, revision=9, length=1_000, composed=composed)
    assert told.revision == 9
    assert told.people[0].selections == [
        (transform_position(1, op), transform_position(3, op)),
        (transform_position(4, op), transform_position(5, op)),
    ]
    again = presence.changes(0, revision=9, length=1_000, composed=composed)
    assert again == told and asked == [7], "carried once"


def test_a_caret_from_too_long_ago_is_not_shown():
    presence = Presence()
    join(presence, "a")
    presence.update("a", at((1, 3), revision=7))

    for _ in range(2):
        told = presence.changes(0, revision=9, length=1_000, composed=lambda start: None)
        assert told.people[0].selections == []


def test_no_position_is_past_the_end():
    presence = Presence()
    join(presence, "a")
    presence.update("a", at((2, 500), revision=2**53 - 1))

    told = presence.changes(0, revision=9, length=4, composed=nothing_since)
    assert told.people[0].selections == [(2, 4)]
    later = presence.changes(0, revision=10, length=600, composed=nothing_since)
    assert later.people[0].selections == [(2, 500)], "kept as it was said"


def test_who_types_has_the_caret_behind_it_and_that_is_no_news():
    presence = Presence()
    join(presence, "a")
    presence.update("a", at((0, 9), revision=1))
    since = presence.version

    presence.typed("a", [3, "ab"], 2)
    assert presence.version == since
    assert changes(presence, revision=2).people[0].selections == [(5, 5)]
    presence.typed("a", [], 3)
    assert changes(presence, revision=3).people[0].selections == [(5, 5)]
    presence.typed("nobody", ["x"], 4)
    assert len(presence) == 1


def test_everybody():
    """All who are here, by name, and nobody who has left."""
    presence = Presence()
    join(presence, "a", "b", "c")
    presence.leave("b")

    assert [person.name for person in presence.everybody()] == ["a", "c"]
