"""texts and operations by chance, so short and so alike that conflicts are the rule

One generator serves hypothesis and plain loops: it makes every choice by one byte of a `Choices`.
Hypothesis draws the bytes (and shrinks them: zeros are the simplest case), a loop takes them from a
seeded `random.Random`.
"""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from ot.operation import Component, apply

__all__ = [
    "Choices",
    "make_chain",
    "make_operation",
    "make_text",
    "st_chain",
    "st_choices",
    "st_concurrent",
    "st_late",
    "st_operation",
]

# Few letters, so that equal text stands side by side; one of them is two UTF-16 units and four
# bytes, another combines with what is before it.
ALPHABET = "ab😀\u0301"
# Short, so that two operations touch more often than not.
TEXT_LENGTH_MAX = 5
# One component for each place where the rules meet: before, inside and after a deleted run.
STEPS_MAX = 5

T = TypeVar("T")
Late = tuple[str, list[Component], list[list[Component]]]


class Choices:
    """A supply of small choices; at its end all choices are 0, the simplest."""

    def __init__(self, supply: bytes) -> None:
        self._supply = iter(supply)

    def __repr__(self) -> str:
        return f"Choices({bytes(self._supply)!r})"

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1; `bound` is at most 256."""
        return next(self._supply, 0) % bound

    def one_of(self, items: list[T]) -> T:
        return items[self.below(len(items))]


def make_text(choices: Choices, *, length_max: int = TEXT_LENGTH_MAX) -> str:
    return "".join(choices.one_of(list(ALPHABET)) for _ in range(choices.below(length_max + 1)))


def make_operation(choices: Choices, length: int) -> list[Component]:
    """An operation for a text of `length` code points, possibly `[]`.

    Inserts and deletes that touch come in both orders.
    """
    op: list[Component] = []
    position = 0
    previous = ""
    for _ in range(choices.below(STEPS_MAX + 1)):
        kind = choices.one_of(["insert", "delete", "retain"])
        if kind == previous or (kind != "insert" and position == length):
            continue
        previous = kind
        if kind == "insert":
            op.append(make_text(choices, length_max=1) + choices.one_of(list(ALPHABET)))
            continue
        size = 1 + choices.below(min(3, length - position))
        position += size
        op.append(size if kind == "retain" else -size)
    if previous == "retain":
        op.pop()
    return op


def make_chain(choices: Choices, text: str, count: int) -> list[list[Component]]:
    """Operations of which each is made on the text that the one before it leaves."""
    ops = []
    for _ in range(count):
        ops.append(make_operation(choices, len(text)))
        text = apply(text, ops[-1])
    return ops


def st_choices(count: int) -> st.SearchStrategy[Choices]:
    """A supply of `count` choices."""
    return st.binary(min_size=count, max_size=count).map(Choices)


@st.composite
def st_operation(draw: st.DrawFn) -> tuple[str, list[Component]]:
    """A text, and an operation on it."""
    choices = draw(st_choices(24))
    text = make_text(choices)
    return text, make_operation(choices, len(text))


@st.composite
def st_concurrent(draw: st.DrawFn) -> tuple[str, list[Component], list[Component]]:
    """A text, and two operations that were both made on it."""
    choices = draw(st_choices(40))
    text = make_text(choices)
    return text, make_operation(choices, len(text)), make_operation(choices, len(text))


@st.composite
def st_chain(
    draw: st.DrawFn, *, least: int = 1, most: int = 8
) -> tuple[str, list[list[Component]]]:
    """A text, and `least` to `most` operations, each on what the one before it leaves."""
    choices = draw(st_choices(8 + 16 * most))
    text = make_text(choices)
    return text, make_chain(choices, text, least + choices.below(most - least + 1))


@st.composite
def st_late(draw: st.DrawFn, *, least: int = 2, most: int = 2) -> Late:
    """A text, a late operation on it, and the chain of operations that came before that one."""
    choices = draw(st_choices(24 + 16 * most))
    text = make_text(choices)
    late = make_operation(choices, len(text))
    return text, late, make_chain(choices, text, least + choices.below(most - least + 1))
