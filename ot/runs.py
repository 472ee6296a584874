"""many operations as one: runs of typing joined, then composed in pairs of like size

Composing is associative, so the grouping is free. People type at one place for a while: such a run
of edits is one operation, `[start, -before, text, -after]`, and the next edit that touches it only
changes its parts. Joining runs costs less than one small compose for each edit, and leaves some 2 %
of the operations. These are composed in pairs of about the same weight, which costs
O(size x log count) where a chain costs O(size x count).
"""

from __future__ import annotations

from collections.abc import Sequence

from ot.operation import Operation, compose, inserted_length

__all__ = ["compose_all"]


def compose_all(ops: Sequence[Operation]) -> Operation:
    """The one operation that does all `ops` in order."""
    if len(ops) == 1:
        return ops[0][:]
    # Whoever is less than twice as heavy as its right neighbour is composed with it. So a heavy one
    # is not touched for each light one, and what is left at the end shrinks by halves.
    stack: list[Operation] = []
    weights: list[int] = []
    for op in _join_runs(ops):
        composed = op
        weight = _weight(composed)
        while stack and weights[-1] < 2 * weight:
            weights.pop()
            composed = compose(stack.pop(), composed)
            weight = _weight(composed)
        stack.append(composed)
        weights.append(weight)
    while len(stack) > 1:
        composed = stack.pop()
        stack.append(compose(stack.pop(), composed))
    return stack[0][:] if stack else []


def _weight(op: Operation) -> int:
    """What it costs to go through `op`: copying this much text takes as long as a component."""
    return len(op) + inserted_length(op) // 256


def _join_runs(ops: Sequence[Operation]) -> list[Operation]:
    """The same in fewer operations: neighbours that are one run of typing are composed.

    A run without text has all that it deletes in `after`: what is inserted there comes first, as in
    `compose`.
    """
    joined: list[Operation] = []
    start = before = after = 0
    text = ""
    # Where the run's text ends.
    caret = 0
    for op in ops:
        if len(op) == 2:
            position, component = op
            if isinstance(component, str):
                if position == caret:
                    text += component
                    caret += len(component)
                    continue
            elif not isinstance(position, str):
                if position == caret:
                    after -= component
                    continue
                if position - component == caret:
                    caret = position
                    if position > start:
                        text = text[:component]
                        continue
                    text = ""
                    after += before + start - position
                    before = 0
                    start = position
                    continue
        if text or after:
            joined.append(_run(start, before, text, after))
        start, before, text, after, length = _parts(op)
        if length < len(op):
            # Edits at several places are no run.
            joined.append(op)
            start = before = after = 0
            text = ""
        caret = start + len(text)
    if text or after:
        joined.append(_run(start, before, text, after))
    return joined


def _run(start: int, before: int, text: str, after: int) -> Operation:
    op: Operation = []
    if start:
        op.append(start)
    if before:
        op.append(-before)
    if text:
        op.append(text)
    if after:
        op.append(-after)
    return op


def _parts(op: Operation) -> tuple[int, int, str, int, int]:
    """`op` as start, before, text and after, as far as it is a run, and how many components that
    takes.
    """
    start = before = after = count = 0
    text = ""
    for component in op:
        if isinstance(component, str):
            if text:
                break
            text = component
        elif component > 0:
            if count:
                break
            start = component
        elif text:
            after = -component
        else:
            before = -component
        count += 1
    if not text:
        after = before
        before = 0
    return start, before, text, after, count
