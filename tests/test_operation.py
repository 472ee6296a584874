"""the operation algebra: examples, the laws as properties, and mistakes that these must catch"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st

from ot.errors import OperationError
from ot.operation import (
    Component,
    Operation,
    apply,
    base_length,
    caret_after,
    compose,
    inserted_length,
    invert,
    length_change,
    split,
    transform,
    transform_position,
    validate,
)
from ot.runs import compose_all
from ot.strategies import (
    Choices,
    Late,
    chains,
    choices,
    concurrent,
    edits,
    late,
)
from tests.reference_operations import MISTAKES, Rules

EXAMPLES = 800

Compose = Callable[[Operation, Operation], list[Component]]
Transform = Callable[[Operation, Operation], tuple[list[Component], list[Component]]]


# --- Form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op", [[], ["a"], [-1], [3, "é😀", -2, 1, -1], ["z", -1], [-1, "z"], [10**30, -1], ("a", -1)]
)
def test_validate_returns_a_list(op):
    assert validate(op) == list(op)
    assert type(validate(op)) is list


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", "array"),
        (None, "array"),
        ({"0": 1}, "array"),
        (7, "array"),
        (iter(["a"]), "array"),
        ([0], "component 0 is 0"),
        (["a", -0, "b"], "component 1 is 0"),
        ([1, ""], "component 1 inserts nothing"),
        ([True, "a"], "component 0 is neither"),
        ([False], "component 0 is neither"),
        ([1.0, "a"], "component 0 is neither"),
        ([float("nan")], "component 0 is neither"),
        ([1, None], "component 1 is neither"),
        ([1, ["a"]], "component 1 is neither"),
        ([1, ("a",)], "component 1 is neither"),
        ([b"a"], "component 0 is neither"),
        ([1, 2, "a"], "components 0 and 1 both retain"),
        ([1, -2, -3], "components 1 and 2 both delete"),
        (["a", "b"], "components 0 and 1 both insert"),
        ([3], "last component retains"),
        (["a", 1], "last component retains"),
    ],
)
def test_validate_refuses_bad_form(value, message):
    with pytest.raises(OperationError, match=re.escape(message)) as caught:
        validate(value)

    assert caught.value.code == "bad_operation"


@pytest.mark.parametrize(
    "text", ["\ud83d", "a\ude00", "\ude00\ud83d", "😀\udfff", "\ud83d" + "\ude00"]
)
def test_validate_refuses_half_a_pair(text):
    """Two halves as two code points are no pair either: a pair in JSON is one code point here."""
    with pytest.raises(OperationError, match="component 1 ") as caught:
        validate([1, text])

    assert caught.value.code == "lone_surrogate"


@given(chains(least=2, most=2), concurrent())
def test_results_keep_the_rules_of_form(chain, concurrent):
    text, (a, b) = chain
    start, log_op, op = concurrent

    log_moved, moved = transform(log_op, op)
    for result in (a, b, compose(a, b), invert(a, text), log_moved, moved, invert(op, start)):
        assert validate(result) == result


# --- Text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "op", "after"),
    [
        ("hello old world", [6, "big ", -3, "new"], "hello big new world"),
        ("", [], ""),
        ("a😀b", [1, -1], "ab"),
        ("abc", [1, -2], "a"),
        ("abc", [3, "d"], "abcd"),
        ("abc", ["x"], "xabc"),
    ],
)
def test_apply(text, op, after):
    assert apply(text, op) == after


@pytest.mark.parametrize("function", [apply, lambda text, op: invert(op, text)])
@pytest.mark.parametrize("op", [[-4], [4, "a"], [2, "a", -2], [3, -1], [10**30, "a"], [-(10**30)]])
def test_past_the_end_is_an_error_and_never_clipped(function, op):
    with pytest.raises(OperationError, match="of a text that has 3") as caught:
        function("abc", op)

    assert caught.value.code == "op_past_end"


@given(edits())
def test_lengths(case):
    text, op = case

    assert len(apply(text, op)) == len(text) + length_change(op)
    assert inserted_length(op) == sum(len(part) for part in op if isinstance(part, str))
    assert base_length(op) <= len(text)
    apply(text[: base_length(op)], op)


@given(edits())
def test_invert_takes_an_operation_back(case):
    text, op = case
    back = invert(op, text)

    assert apply(apply(text, op), back) == text
    assert invert(back, apply(text, op)) == op


# --- compose and transform ------------------------------------------------------------------------


@given(chains(least=3, most=3), concurrent())
def test_the_rules_of_the_protocol(chain, concurrent):
    """What the page for writers of other clients says, read off it unit by unit."""
    _, (a, b, c) = chain
    _, log_op, op = concurrent
    rules = Rules()

    assert compose(compose(a, b), c) == rules.compose(rules.compose(a, b), c)
    assert transform(log_op, op) == rules.transform(log_op, op)


@settings(max_examples=EXAMPLES)
@given(chains(least=3, most=3))
def test_compose_is_one_after_the_other_and_associative(chain):
    text, (a, b, c) = chain

    assert apply(text, compose(a, b)) == apply(apply(text, a), b)
    assert compose(compose(a, b), c) == compose(a, compose(b, c))
    assert compose([], a) == a == compose(a, [])


@settings(max_examples=EXAMPLES)
@given(concurrent())
def test_tp1(concurrent):
    text, log_op, op = concurrent
    log_moved, moved = transform(log_op, op)

    assert apply(apply(text, log_op), moved) == apply(apply(text, op), log_moved)


def test_the_order_of_an_insert_and_a_delete_that_touch_has_meaning():
    assert apply("A", [-1, "z"]) == apply("A", ["z", -1])
    assert transform([1, "x"], [-1, "z"])[1] == [-1, 1, "z"]
    assert transform([1, "x"], ["z", -1])[1] == ["z", -1]
    assert compose([-1], ["z"]) == ["z", -1]
    assert transform(["log"], ["op"]) == (["log"], [3, "op"])


@pytest.mark.parametrize("function", [compose, transform])
def test_arguments_stay_as_they_are(function):
    first: list[Component] = [1, "a", -1]
    second: list[Component] = ["b", 1, -1]

    function(first, second)
    function([], second)
    function(first, [])

    assert first == [1, "a", -1] and second == ["b", 1, -1]
    assert compose(first, []) is not first and compose([], second) is not second


# --- The catch-up law -----------------------------------------------------------------------------


def catch_up_holds(compose: Compose, transform: Transform, case: Late) -> bool:
    """Whether transforming across two operations is transforming across their composition."""
    _, late, (b, c) = case
    return transform(compose(b, c), late)[1] == transform(c, transform(b, late)[1])[1]


@settings(max_examples=2 * EXAMPLES)
@given(late())
@example(("A", ["ee", -1], [[1, "z"], [-1]]))  # the smallest that sorted inserts get wrong
def test_catch_up(case):
    assert catch_up_holds(compose, transform, case)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_catch_up_catches(mistake):
    """The property above, with its number of examples, finds every planted mistake.

    `find` raises if it finds none.
    """
    rules = Rules(mistake)
    chosen = settings(
        max_examples=2 * EXAMPLES, derandomize=True, database=None, phases=[Phase.generate]
    )

    find(
        late(),
        lambda case: not catch_up_holds(rules.compose, rules.transform, case),
        settings=chosen,
    )


def test_the_smallest_case_is_what_sorting_inserts_gets_wrong():
    """Composed by the rules and not, over the text `A`: the insert falls on another side."""
    sorting = Rules("compose puts inserts before the deletes that they touch")
    late: list[Component] = ["ee", -1]
    b: list[Component] = [1, "z"]
    c: list[Component] = [-1]

    assert compose(b, c) == [-1, "z"] and sorting.compose(b, c) == ["z", -1]
    assert transform(compose(b, c), late)[1] == ["ee"]
    assert transform(sorting.compose(b, c), late)[1] == [1, "ee"]


@settings(max_examples=EXAMPLES)
@given(late(least=2, most=8), choices(32))
def test_catch_up_in_any_grouping(case, choices):
    """However a chain is composed in groups, an operation that is late comes out the same."""
    text, late, chain = case
    one_by_one = late
    for op in chain:
        one_by_one = transform(op, one_by_one)[1]

    grouped = late
    for op in group(chain, choices):
        grouped = transform(op, grouped)[1]

    assert grouped == one_by_one
    assert transform(compose_all(chain), late)[1] == one_by_one
    assert transform(one_tree(chain, choices), late)[1] == one_by_one
    apply(apply(text, compose_all(chain)), one_by_one)


def group(chain: list[list[Component]], choices: Choices) -> list[list[Component]]:
    """Neighbours composed in groups of 1 to 3."""
    groups, rest = [], list(chain)
    while rest:
        size = 1 + choices.below(3)
        groups.append(one_tree(rest[:size], choices))
        del rest[:size]
    return groups


def one_tree(chain: list[list[Component]], choices: Choices) -> list[Component]:
    """All composed into one, two neighbours at a time."""
    rest = list(chain)
    while len(rest) > 1:
        at = choices.below(len(rest) - 1)
        rest[at : at + 2] = [compose(rest[at], rest[at + 1])]
    return rest[0]


# --- Positions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "op", "left", "right"),
    [
        (0, [], 0, 0),
        (2, [5, "x"], 2, 2),
        (2, [1, "xy"], 4, 4),
        (2, [2, "xy"], 2, 4),
        (2, [1, -3, "x"], 1, 1),
        (2, [-2, "x"], 0, 1),
        (2, [2, -1], 2, 2),
        (3, ["a", -1, "b", 1, "c"], 5, 5),
        (2, [1, "x", -1], 2, 2),
        (1, ["a", -1, "b"], 1, 2),
        (7, [1, "x"], 8, 8),
    ],
)
def test_transform_position(position, op, left, right):
    assert transform_position(position, op) == left
    assert transform_position(position, op, sticky="right") == right


@given(edits(), choices(1))
def test_a_position_moves_as_a_marker_would(case, choices):
    """A marker inserted there by the log is left at a tie, one inserted by the late side is right.

    So positions agree with operations, and those that stick to the right keep the catch-up law.
    """
    text, op = case
    position = choices.below(len(text) + 1)
    marker: list[Component] = [position, "|"] if position else ["|"]

    after_left = apply(apply(text, op), transform(marker, op)[0])
    after_right = apply(apply(text, op), transform(op, marker)[1])

    assert transform_position(position, op, sticky="left") == after_left.index("|")
    assert transform_position(position, op, sticky="right") == after_right.index("|")


@pytest.mark.parametrize(
    ("op", "caret"),
    [([], None), (["ab"], 2), ([-3], 0), ([4, -1], 4), ([4, "😀", 2, -1], 7), ([1, -1, "xy"], 3)],
)
def test_caret_after(op, caret):
    assert caret_after(op) == caret


@given(edits())
def test_the_caret_is_at_the_end_of_the_last_change(case):
    text, op = case
    caret = caret_after(op)
    after = apply(text, op)

    if caret is None:
        assert op == []
    else:
        # All behind it is as it was.
        assert after[caret:] == text[base_length(op) :]


# --- split ----------------------------------------------------------------------------------------


@settings(max_examples=EXAMPLES)
@given(edits(), st.integers(1, 4), st.integers(3, 6))
def test_split(case, inserted_max, components_max):
    text, op = case

    first, rest = split(op, inserted_max=inserted_max, components_max=components_max)

    assert compose(first, rest) == op
    assert validate(first) == first and validate(rest) == rest
    assert inserted_length(first) <= inserted_max and len(first) <= components_max
    assert bool(first) == bool(op), "it gets on"
    assert (rest == []) == (inserted_length(op) <= inserted_max and len(op) <= components_max)
    assert apply(apply(text, first), rest) == apply(text, op)


@given(edits(), st.integers(1, 3))
def test_split_to_the_end(case, inserted_max):
    """Cut by cut, as a client sends a large paste: nothing is lost or moved."""
    _, op = case
    parts: list[Operation] = []
    rest = op
    while rest:
        first, rest = split(rest, inserted_max=inserted_max, components_max=3)
        parts.append(first)

    assert compose_all(parts) == op
