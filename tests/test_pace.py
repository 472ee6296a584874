"""how fast a connection is listened to: a bucket of tokens"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.pace import Pace


def test_a_burst_and_then_one_after_the_other():
    """All of the burst at once; the next waits for as long as a token takes."""
    pace = Pace(10, 5, now=0)
    assert [pace.take(1, now=0) for _ in range(5)] == [0] * 5
    assert pace.take(1, now=0) == 0.1
    assert pace.take(1, now=0.1) == 0.1


def test_a_rest_fills_it_up_to_the_burst():
    """However long."""
    pace = Pace(10, 5, now=0)
    for _ in range(5):
        pace.take(1, now=0)
    assert [pace.take(1, now=1e9) for _ in range(5)] == [0] * 5
    assert pace.take(1, now=1e9) > 0


def test_what_costs_more():
    """Is taken at once and paid for afterwards."""
    pace = Pace(10, 5, now=0)
    assert pace.take(20, now=0) == 1.5


def test_no_limit():
    """A rate of 0."""
    pace = Pace(0, 0, now=0)
    assert [pace.take(1_000, now=0) for _ in range(100)] == [0] * 100


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 2)), max_size=50))
def test_never_more_than_burst_and_rate(steps):
    """Whoever waits as told never gets more than the burst and what has flowed in since."""
    now, taken = 0.0, 0
    pace = Pace(10, 30, now=0)
    for tokens, pause in steps:
        now += pause
        now += pace.take(tokens, now=now)
        taken += tokens
        assert taken <= 30 + 10 * now + 1e-6
