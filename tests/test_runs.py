"""many operations as one: the same as composing them one after the other"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ot.operation import (
    Operation,
    apply,
    base_length,
    compose,
    inserted_length,
    length_change,
)
from ot.runs import compose_all
from ot.strategies import Choices, chains, choices

# Each a chain that is one run of typing, or nearly, and what it comes to.
RUNS: list[tuple[list[Operation], Operation]] = [
    ([], []),
    ([[]], []),
    ([[], [1, "a"]], [1, "a"]),
    ([["a"], [1, "b"], [2, "c"]], ["abc"]),
    ([[3, "a"], [4, "b"], [4, -1], [4, "c"]], [3, "ac"]),
    # Back over what was typed and over what stood before it, and on.
    ([[3, "a"], [3, -1], [2, -1], [2, "b"]], [2, "b", -1]),
    ([[3, "ab"], [2, -3], [1, -1]], [1, -2]),
    ([[3, "a"], [3, -1]], []),
    # Deletes forwards, and an insert where text has collapsed.
    ([[3, -1], [3, -2], [3, "x"], [4, -1]], [3, "x", -4]),
    ([[3, -2, "x"], [4, "y"], [5, -1]], [3, -2, "xy", -1]),
    # A run that starts with a replacement keeps its order until nothing is left of the text.
    ([[3, -2, "x"], [3, -1], [3, "y"]], [3, "y", -2]),
    ([[3, -2, "x"], [2, -2]], [2, -3]),
    ([["x", -1], [1, "y"]], ["xy", -1]),
    ([[-1, "x"], [1, "y"]], [-1, "xy"]),
    ([[-1], ["y"]], ["y", -1]),
    # Several places, elsewhere, and in the middle of what was typed: no run, and still right.
    ([[1, "a", 1, "b"], [1, -1, 1, -1]], []),
    ([[-1, "a", -1, "b"], [1, "c"]], [-1, "ac", -1, "b"]),
    ([["a", -1, "b", -1], [1, "c"]], ["ac", -1, "b", -1]),
    ([["a", 2, "b"], [1, "c"]], ["ac", 2, "b"]),
    ([[5, "a"], [2, "b"]], [2, "b", 3, "a"]),
    ([[5, "abc"], [6, "x"], [8, -1]], [5, "axb"]),
]


@pytest.mark.parametrize(("ops", "expected"), RUNS)
def test_runs(ops, expected):
    assert compose_all(ops) == expected
    assert fold(ops) == expected


def fold(ops: list[Operation]) -> Operation:
    folded: Operation = []
    for op in ops:
        folded = compose(folded, op)
    return folded


WAYS: list[Operation] = [["a"], ["😀"], ["bc"], [-1, "x"], ["x", -1], ["x", -1, "y"], [-2]]


def typing(choices: Choices, length: int, count: int) -> list[Operation]:
    """One edit after the other, nearly always where the last one was."""
    caret = choices.below(length + 1)
    ops: list[Operation] = []
    for _ in range(count):
        if choices.below(8) == 7:
            caret = choices.below(length + 1)
        edit = choices.one_of(WAYS)
        if choices.below(3) == 2 and caret:
            edit = [-1 - choices.below(min(3, caret))]
            caret += length_change(edit)
        elif base_length(edit) > length - caret:
            continue
        ops.append([caret, *edit] if caret else edit)
        caret += inserted_length(edit)
        length += length_change(edit)
    return ops


@settings(max_examples=400)
@given(choices(100), st.integers(0, 12))
def test_typing_is_a_fold(choices, length):
    ops = typing(choices, length, 20)

    assert compose_all(ops) == fold(ops)
    apply("." * length, fold(ops))


@settings(max_examples=400)
@given(chains(least=1, most=8))
@example(("A", [[-1], ["ab"], [1, "c"], [2, -1]]))
def test_compose_all_is_a_fold(chain):
    _, ops = chain

    assert compose_all(ops) == fold(ops)


def test_arguments_stay_as_they_are():
    """What comes back is always the caller's own."""
    ops: list[Operation] = [[1, "a", -1], [2, "b"]]

    assert compose_all(ops) == [1, "ab", -1]
    assert compose_all(ops[:1]) is not ops[0]
    several: list[Operation] = [[], [1, "a", 1, "b"]]
    assert compose_all(several) is not several[1]
    assert ops == [[1, "a", -1], [2, "b"]]
