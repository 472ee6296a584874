"""python-ottype: ot-text-unicode in Python, its Cython build; a delete carries the deleted text"""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeAlias

import ottype
from ottype import apply, compose, transform

from benchmarks.core.peers.protocol import Input, Work, same, serve

Operation: TypeAlias = list[Any]


def _from_components(components: list[int | str], text: str) -> Operation:
    op: Operation = []
    position = 0
    for component in components:
        if isinstance(component, str) or component > 0:
            op.append(component)
        else:
            op.append({"d": text[position : position - component]})
        position += abs(component) if isinstance(component, int) else 0
    return op


def _operations(start: str, edits: list[tuple[int, int, str]]) -> list[Operation]:
    ops = []
    text = start
    for position, deleted, inserted in edits:
        op: Operation = [position] if position else []
        if deleted:
            op.append({"d": text[position : position + deleted]})
        if inserted:
            op.append(inserted)
        ops.append(op)
        text = text[:position] + inserted + text[position + deleted :]
    return ops


def _compose_all(ops: list[Operation]) -> Operation:
    level = ops
    while len(level) > 1:
        paired = [compose(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]


def _both(left: Operation, right: Operation) -> tuple[Operation, Operation]:
    return transform(left, right, "left"), transform(right, left, "right")


def _replay(value: Input) -> Work:
    ops = _operations(value["start"], value["edits"])
    return Work(lambda _: reduce(apply, ops, value["start"]), lambda text: same(text, value["end"]))


def _compose(value: Input) -> Work:
    ops = _operations(value["start"], value["edits"])
    return Work(
        lambda _: _compose_all(ops), lambda op: same(apply(value["start"], op), value["end"])
    )


def _transform(value: Input) -> Work:
    text = value["text"]
    pairs = [(_from_components(a, text), _from_components(b, text)) for a, b in value["pairs"]]

    def check(results: list[tuple[Operation, Operation]]) -> None:
        for (a, b), (a2, b2) in zip(pairs, results, strict=True):
            same(apply(apply(text, a), b2), apply(apply(text, b), a2))

    return Work(lambda _: [_both(a, b) for a, b in pairs], check)


def _catch_up(value: Input) -> Work:
    base = value["base"]
    missed = _operations(base, value["missed"])
    pending = _compose_all(_operations(base, value["pending"]))

    def run(_: None) -> tuple[list[Operation], Operation]:
        moved, screen = pending, []
        for op in missed:
            carried, moved = _both(op, moved)
            screen.append(carried)
        return screen, moved

    def check(result: tuple[list[Operation], Operation]) -> None:
        screen, moved = result
        text = reduce(apply, screen, apply(base, pending))
        same(text, apply(reduce(apply, missed, base), moved))
        same("".join(sorted(text)), value["characters"])

    return Work(run, check)


if __name__ == "__main__":
    assert not ottype.NO_EXTENSIONS and ottype.apply is not ottype.core.apply, (
        "not the Cython build"
    )
    serve(
        {
            "replay": _replay,
            "compose": _compose,
            "transform": _transform,
            "catch_up": _catch_up,
        }
    )
