"""what the operations page remembers: bounded by kind, and merged so that a flood is one line"""

from __future__ import annotations

import pytest

from server.ops_events import EVENTS_PER_KIND_MAX, MERGED_SECONDS, Events


def told(events: Events) -> list[tuple[float, str, int | None]]:
    return [(event.at, event.name, event.count) for event in events.all()]


@pytest.mark.parametrize("extra", [0, 1])
def test_so_many_of_a_kind_are_remembered(extra):
    """As many as may be, all of them; one more, and the oldest is gone."""
    events = Events()
    for at in range(EVENTS_PER_KIND_MAX + extra):
        events.note(at, "slow", goal=50)

    assert [at for at, _, _ in told(events)] == list(range(extra, EVENTS_PER_KIND_MAX + extra))


def test_a_flood_of_one_kind_pushes_no_other_out():
    """A thousand hours of refused connections, and when the server started is still there."""
    events = Events()
    events.note(1, "started")
    for number in range(1, 1_001):
        events.counted(3_600 * number, "turnedAway", 500 * number)
        events.note(3_600 * number, "slow")

    names = [name for _, name, _ in told(events)]
    assert names[0] == "started"
    assert len(names) == 1 + 2 * EVENTS_PER_KIND_MAX


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (MERGED_SECONDS - 0.1, [(100, 12)]),
        (MERGED_SECONDS, [(100, 5), (100 + MERGED_SECONDS, 7)]),
        # A clock that was put back.
        (-1, [(99, 7), (100, 5)]),
    ],
)
def test_what_is_counted_within_a_minute_is_one_event(later, expected):
    """It has the time at which it began, so that what goes on is an event each minute."""
    events = Events()
    events.counted(100, "refused", 5)
    events.counted(100 + later, "refused", 12)

    assert [(at, count) for at, _, count in told(events)] == expected


def test_nothing_new_is_no_event():
    """Neither a total of nothing nor one that has been told."""
    events = Events()
    for at, total in [(1, 0), (2, 3), (200, 3)]:
        events.counted(at, "deleted", total)

    assert told(events) == [(2, "deleted", 3)]


def test_what_comes_and_goes_is_not_merged():
    """A disk that is full, well and full again within a minute: the last word is the last event."""
    events = Events()
    for at, name in enumerate(["diskIll", "diskWell", "diskIll"]):
        events.note(at, name)

    assert [name for _, name, _ in told(events)] == ["diskIll", "diskWell", "diskIll"]
