"""the chunked buffer: the same text as plain strings give, whatever the edits"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot.errors import OperationError
from ot.operation import Operation, apply
from ot.strategies import chains
from ot.text import Text


@settings(max_examples=300)
@given(chains(least=1, most=20))
def test_it_is_the_string_after_each_operation(chain):
    text, ops = chain
    buffer = Text(text)

    for op in ops:
        buffer.apply(op)
        text = apply(text, op)
        assert len(buffer) == len(text)
    assert str(buffer) == text


def edit(rng: random.Random, length: int, caret: int) -> Operation:
    """An edit in a long text: mostly at the caret, sometimes far away, sometimes over a lot."""
    if rng.random() < 0.2:
        caret = rng.randint(0, length)
    size = rng.choice([1, 1, 1, 2, 30, 3_000, 10_000])
    text = rng.choice(["a", "é", "😀", "xyz", "paste" * 1_000])
    ways: list[Operation] = [
        [text],
        [-min(size, length - caret)],
        [-min(size, length - caret), text],
        [text, -min(size, length - caret)],
    ]
    if rng.random() < 0.4:
        size = min(size, caret)
        caret -= size
        ways = [[-size]]
    op = [component for component in [caret, *rng.choice(ways)] if component]
    return op if op != [caret] else []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(22))
def test_long_texts(seed):
    """Over the borders of chunks, through several, and until nothing is left; the last ones are so
    long that their chunks are longer too.
    """
    rng = random.Random(seed)
    length = rng.choice([0, 5_000, 50_000]) if seed < 20 else 4_000_000
    text = ("".join(map(chr, range(ord("a"), ord("z") + 1))) * (length // 26 + 1))[:length]
    buffer = Text(text)
    caret = 0

    for _ in range(300):
        op = edit(rng, len(text), caret)
        buffer.apply(op)
        text = apply(text, op)
        position = op[0] if op else 0
        caret = min(len(text), position if isinstance(position, int) and position > 0 else 0)
        if rng.random() < 0.2:
            assert str(buffer) == text
    assert str(buffer) == text
    if text:
        buffer.apply([-len(text)])
    assert (str(buffer), len(buffer)) == ("", 0)
    buffer.apply(["again"])
    assert str(buffer) == "again"


@pytest.mark.parametrize("op", [[6, "a"], [5, -1], [-6], [2, -4], [1, "a", -5], [3, -1, 2, "x"]])
def test_an_operation_past_the_end_changes_nothing(op):
    buffer = Text("hello")

    with pytest.raises(OperationError, match="of a text that has 5"):
        buffer.apply(op)

    assert str(buffer) == "hello"
    buffer.apply([5, "!"])
    assert str(buffer) == "hello!"


@given(st.text(max_size=20))
def test_an_untouched_text_is_itself(text):
    assert str(Text(text)) == text
    assert len(Text(text)) == len(text)
