"""pages whose Python is one program: it runs; and the proof of the catch-up law holds"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from ot.operation import Component, Operation, apply, compose, transform
from tests.conftest import REPO

TEXT = "ABCDEFGH"


def python_of(page: Path) -> str:
    """All Python code of a page, as one program; the line numbers are those of the page."""
    lines = page.read_text().split("\n")
    inside = False
    for number, line in enumerate(lines):
        fence = re.fullmatch(r"```(\w*)", line)
        lines[number] = line if inside and not fence else ""
        if fence:
            inside = not inside and fence[1] == "python"
    return "\n".join(lines)


@pytest.mark.parametrize(
    "page", ["explanation/operational-transformation.md", "reference/conformance.md"]
)
def test_the_examples_of_the_page(page):
    """All of it runs, and then each test function that it shows."""
    path = REPO / "docs" / page
    scope: dict[str, object] = {}
    exec(compile(python_of(path), path, "exec"), scope)

    for name, function in scope.items():
        if name.startswith("test_"):
            assert callable(function)
            function()


# --- The proof ------------------------------------------------------------------------------------

Gaps = tuple[tuple[str, ...], tuple[bool, ...]]  # written into each gap; kept, by code point


@cache
def all_operations(length: int, letter: str) -> list[Operation]:
    """Every operation on so many code points that writes at most one letter into each gap."""
    found = []
    for written in product(("", letter), repeat=length + 1):
        for kept in product((True, False), repeat=length):
            found.append(operation((written, kept)))
    return found


def operation(gaps: Gaps) -> Operation:
    """The operation that writes and keeps this."""
    written, kept = gaps
    op: list[Component] = [1]  # so that there always is a last one
    for text, keep in zip(written, [*kept, None], strict=True):
        if text:
            op.append(text)
        last = op[-1]
        if keep is None:
            continue
        if isinstance(last, int) and (last > 0) == keep:
            op[-1] = last + (1 if keep else -1)
        else:
            op.append(1 if keep else -1)
    first, *rest = op
    assert isinstance(first, int)
    op = [first - 1, *rest] if first > 1 else rest
    return op[:-1] if op and isinstance(op[-1], int) and op[-1] > 0 else op


def gaps_of(op: Operation, length: int) -> Gaps:
    """What an operation writes into each gap, and which code points it keeps."""
    written, kept = [""] * (length + 1), [True] * length
    gap = 0
    for component in op:
        if isinstance(component, str):
            written[gap] = component
        else:
            size = abs(component)
            kept[gap : gap + size] = [component > 0] * size
            gap += size
    return tuple(written), tuple(kept)


def places(op: Operation, length: int) -> list[int]:
    """The place of each code point of the result."""
    written, kept = gaps_of(op, length)
    found = [0] * len(written[0])
    for gap in range(1, length + 1):
        found += [gap] * (kept[gap - 1] + len(written[gap]))
    return found


def transformed(log_op: Operation, op: Operation, length: int) -> Operation:
    """op' by R of the page."""
    result = places(log_op, length)
    (written, kept), (_, log_kept) = gaps_of(op, length), gaps_of(log_op, length)
    new_written, new_kept = [""] * (len(result) + 1), [True] * len(result)
    for gap in range(length + 1):
        landing = sum(place <= gap for place in result)
        new_written[landing] += written[gap]
        if gap and log_kept[gap - 1] and not kept[gap - 1]:
            new_kept[result.index(gap)] = False
    return operation((tuple(new_written), tuple(new_kept)))


def composed(b: Operation, c: Operation, length: int) -> Operation:
    """b then c by P of the page."""
    result = places(b, length)
    (_, b_kept), (written, kept) = gaps_of(b, length), gaps_of(c, len(result))
    new_written, new_kept = [""] * (length + 1), list(b_kept)
    text = apply(TEXT[:length], b)
    new_written[0] = written[0]
    seen = {0}  # the first of a place that is not 0 is the kept code point, if it is kept
    for number, place in enumerate(result, 1):
        is_kept_one = place not in seen and place > 0 and b_kept[place - 1]
        seen.add(place)
        if is_kept_one:
            new_kept[place - 1] = kept[number - 1]
        elif kept[number - 1]:
            new_written[place] += text[number - 1]
        new_written[place] += written[number]
    return operation((tuple(new_written), tuple(new_kept)))


def chains(length: int) -> Iterator[tuple[Operation, Operation]]:
    """Every b, and every c on what b leaves."""
    for b in all_operations(length, "b"):
        for c in all_operations(len(apply(TEXT[:length], b)), "c"):
            yield b, c


def law_holds(length: int) -> int:
    """Hold the catch-up law against every triple; return how many there are."""
    count = 0
    for b, c in chains(length):
        both = compose(b, c)
        for a in all_operations(length, "a"):
            count += 1
            one_by_one = transform(c, transform(b, a)[1])[1]
            assert transform(both, a)[1] == one_by_one, (a, b, c)
    return count


@pytest.mark.parametrize("length", [0, 1, 2])
def test_transform_and_compose_are_what_the_proof_says(length):
    """R and P, read off the page, give the operations of `ot`."""
    for b, c in chains(length):
        assert composed(b, c, length) == compose(b, c), (b, c)
    for log_op, op in product(all_operations(length, "l"), all_operations(length, "a")):
        assert transformed(log_op, op, length) == transform(log_op, op)[1], (log_op, op)


def test_the_law_on_every_small_triple():
    """On all triples over the empty text and one code point."""
    assert law_holds(0) + law_holds(1) == 2_020


@pytest.mark.slow
def test_the_law_on_every_triple_of_the_page():
    """On all triples over two code points: as many as the page says, with the small ones."""
    assert law_holds(2) + 2_020 == 202_020
    page = REPO / "docs/explanation/operational-transformation.md"
    assert "202,020 triples" in page.read_text()
