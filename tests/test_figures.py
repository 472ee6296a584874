"""the figures of the last 24 hours: steps, percentiles, bounds, with a given clock"""

from __future__ import annotations

import pytest

from ot.log import Entry
from server.counters import LATENCY_MS, Counters, class_of_latency
from server.figures import RANGES, Figures, Sample, percentile


def sample(at: float, *, edits: int = 0, people: int = 0, log_bytes: int = 0, ms: int = 5):
    latency = [0] * (len(LATENCY_MS) + 1)
    latency[class_of_latency(ms)] = edits
    return Sample(
        at=at,
        pads=1,
        people=people,
        edits=edits,
        latency=latency,
        resyncs=0,
        rejections=0,
        log_bytes=log_bytes,
        memory_bytes=1,
    )


def test_a_step_has_what_was_counted_within_it():
    """Counts are differences; what goes up and down is the most of the step."""
    figures = Figures()
    for second, (edits, people) in enumerate([(100, 1), (104, 3), (110, 2)]):
        figures.add(sample(1_000 + 2 * second, edits=edits, people=people))

    [step] = figures.steps("15m")

    assert (step.at, step.edits, step.people, step.seconds) == (1_000, 10, 3, 4)
    assert step.edits_per_second == 2.5
    assert percentile(step.latency, 0.99, LATENCY_MS) == 5


def test_the_rings_are_bounded():
    """After two days there is no more than a range holds, and it is the newest."""
    figures = Figures()
    for at in range(0, 2 * 86_400, 30):
        figures.add(sample(at))

    for name, (seconds, count) in RANGES.items():
        steps = figures.steps(name)
        assert len(steps) <= count
        assert steps[-1].at >= 2 * 86_400 - 30 - seconds
    assert len(figures.steps("24h")) == 96


def test_what_is_old_is_not_shown_as_new():
    """Of a machine that slept for an hour the last 15 minutes are empty, and nothing is a rate."""
    figures = Figures()
    figures.add(sample(1_000))
    figures.add(sample(1_002, edits=4))
    figures.add(sample(5_000, edits=1_000_000))

    assert figures.steps("15m") == []
    assert [step.edits for step in figures.steps("24h")] == [4]


def test_a_file_that_gets_shorter_has_not_grown():
    """A checkpoint is no negative growth."""
    figures = Figures()
    for at, size in [(1_000, 500), (1_002, 900), (1_004, 100)]:
        figures.add(sample(at, log_bytes=size))

    assert figures.steps("15m")[0].log_growth == 400


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 1), (0.9, 1), (0.91, 2), (0.98, 2), (0.99, 4), (1.0, 4)]
)
def test_percentiles_are_bounds_of_classes(share, expected):
    """Of 100: 90 up to 1, 8 up to 2, two past all."""
    assert percentile([90, 8, 0, 2], share, (1, 2, 4)) == expected


def test_nothing_counted_has_no_percentile():
    """No figure is better than a zero that looks fast."""
    assert percentile([0, 0], 0.99, (1,)) is None


def test_every_latency_has_the_class_that_bounds_it():
    """Those that are looked up, and those that are searched for, agree with the bounds."""
    for ms in [*range(1_100), 9_999, 10_000, 10_001, 10**9]:
        at = class_of_latency(ms)
        assert at == len(LATENCY_MS) or LATENCY_MS[at] >= ms
        assert at == 0 or LATENCY_MS[at - 1] < ms


def test_a_clock_that_was_put_back_counts_as_nothing():
    """A negative latency is the least."""
    assert class_of_latency(-5_000) == 0


def test_counting_fills_both(monkeypatch):
    """What everybody has been told is counted for the server and for its pad."""
    monkeypatch.setattr("time.time_ns", lambda: 1_007_000_000)
    counters, of_pad = Counters(), [0] * (len(LATENCY_MS) + 1)

    entry = Entry(op=[1], session="s", person="p", seq=1, time_ms=1_000, digest=b"")
    counters.told([entry, entry], of_pad)

    assert of_pad == counters.latency_classes
    assert of_pad[class_of_latency(7)] == 2


def test_a_clock_that_was_set_back():
    """By a day, once: what is counted from then on is shown step by step, and nothing of a time
    that is still to come.
    """
    figures = Figures()
    for second in range(0, 60, 2):
        figures.add(sample(100_000 + second, edits=second))
    for second in range(0, 60, 2):
        figures.add(sample(10_000 + second, edits=60 + second))

    assert [(step.at, step.edits) for step in figures.steps("15m")] == [
        (10_000, 8),
        *((10_000 + at, 10) for at in range(10, 60, 10)),
    ]
