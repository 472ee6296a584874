"""the log: any range composed, also after entries were forgotten, in bounded memory"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot.log import BLOCK_WEIGHT_MAX, Entry, RevisionLog
from ot.operation import Component, Operation, apply, compose, inserted_length
from ot.runs import compose_all
from ot.strategies import Choices, choices, make_chain, make_text

LENGTH = 36  # revisions: two levels of blocks, and no power of two


def entry(op: Operation, seq: int = 1) -> Entry:
    return Entry(op=list(op), session="s", person="p", seq=seq, time_ms=0, digest=b"")


def weight(op: Operation) -> int:
    """What a cached block counts: itself, its components and its text."""
    return 1 + len(op) + inserted_length(op)


def chain(choices: Choices) -> tuple[str, list[Entry]]:
    text = make_text(choices)
    return text, [entry(op, n) for n, op in enumerate(make_chain(choices, text, LENGTH), 1)]


def folds(entries: list[Entry], start: int) -> dict[tuple[int, int], list[Component]]:
    """Every range, composed one after the other: what the log must agree with."""
    result = {}
    for first in range(len(entries) + 1):
        folded: list[Component] = []
        result[start + first, start + first] = folded
        for last in range(first, len(entries)):
            folded = compose(folded, entries[last].op)
            result[start + first, start + last + 1] = folded
    return result


def check_memory(log: RevisionLog, bound: int) -> None:
    """No more is cached than the bound allows, or else one block; and the account is right."""
    blocks = list(log._blocks.values())
    cached = sum(map(weight, blocks))

    assert log._block_weight == cached
    assert cached <= bound or len(blocks) == 1


@settings(max_examples=15)
@given(
    choices(8 + 16 * LENGTH),
    st.integers(0, 70),
    st.sampled_from([0, 1, 30, 200, BLOCK_WEIGHT_MAX]),
    st.randoms(use_true_random=False),
)
def test_every_range_is_the_fold_of_its_entries(choices, start, bound, rng):
    """In any order of asking, with any memory, from any first revision, as it grows and forgets."""
    _, entries = chain(choices)
    log = RevisionLog(start, entries[: LENGTH // 2], block_weight_max=bound)
    expected = folds(entries, start)

    for new in entries[LENGTH // 2 :]:
        log.composed(start, log.head)
        log.append(new)
    ranges = list(expected)
    rng.shuffle(ranges)
    for first, last in ranges[:300]:
        assert log.composed(first, last) == expected[first, last]
        check_memory(log, bound)

    log.forget(start + 11)
    assert (log.start, log.head) == (start + 11, start + LENGTH)
    for first, last in ranges[300:]:
        if first >= log.start:
            assert log.composed(first, last) == expected[first, last]
            check_memory(log, bound)


@given(choices(8 + 16 * LENGTH))
def test_a_composed_range_leads_from_text_to_text(choices):
    text, entries = chain(choices)
    log = RevisionLog(0, entries)
    texts = [text]
    for one in entries:
        texts.append(apply(texts[-1], one.op))

    assert [apply(text, log.composed(0, revision)) for revision in range(LENGTH + 1)] == texts


def test_entries_and_head():
    entries = [entry(["a"], n) for n in range(1, 5)]
    log = RevisionLog(10, entries)

    assert (log.start, log.head) == (10, 14)
    assert log.entries(11, 13) == entries[1:3]
    assert log.entries(14, 14) == [] == log.composed(14, 14)
    log.append(entry(["b"], 5))
    assert log.head == 15
    assert log.composed(14, 15) == ["b"]
    assert (RevisionLog().start, RevisionLog().head) == (0, 0)


def test_the_log_takes_no_part_in_its_callers_lists():
    entries = [entry(["a"])]
    log = RevisionLog(0, entries)

    log.entries(0, 1).clear()
    entries.clear()

    assert log.composed(0, 1) == ["a"]


def test_forget():
    log = RevisionLog(3, [entry(["a"], n) for n in range(1, 5)])

    log.forget(2)
    assert log.start == 3, "gone already"
    log.forget(5)
    assert (log.start, log.head) == (5, 7)
    log.forget(99)
    assert (log.start, log.head) == (7, 7), "no further than the head"
    log.append(entry(["b"]))
    assert log.composed(7, 8) == ["b"]


@pytest.mark.parametrize(("start", "end"), [(2, 4), (3, 6), (5, 4), (0, 0), (6, 6)])
def test_only_ranges_that_are_there(start, end):
    log = RevisionLog(3, [entry(["a"]), entry(["b"])])

    for ask in (log.entries, log.composed):
        with pytest.raises(AssertionError):
            ask(start, end)


def test_a_range_costs_few_operations_once_it_was_asked_for(monkeypatch):
    """10,000 revisions: each is composed once per level, and the next question takes a handful, as
    does a like one once it was asked.
    """
    counted = 0

    def counting(ops: Sequence[Operation]) -> Operation:
        nonlocal counted
        counted += len(ops)
        return compose_all(ops)

    monkeypatch.setattr("ot.log.compose_all", counting)
    log = RevisionLog(0, [entry([-1, "a"], n) for n in range(10_000)])

    log.composed(0, 10_000)
    assert counted <= 10_000 * 16 / 15
    counted = 0
    log.composed(0, 10_000)
    assert counted <= 4 * 2 * 15
    log.composed(1, 9_999)
    counted = 0
    log.composed(2, 9_998)
    assert counted <= 4 * 2 * 15


def test_blocks_of_nothing_weigh_something_too():
    """Text that is typed and taken back composes to nothing; a log of that stays small as well."""
    entries = [entry(["a"] if n % 2 else [-1], n) for n in range(1, 2_001)]
    log = RevisionLog(0, entries, block_weight_max=100)

    assert log.composed(0, 2_000) == []
    check_memory(log, 100)
    assert len(log._blocks) <= 100


def test_parts_of_blocks_grow_with_the_log(monkeypatch):
    """Many edits on few bases: each new entry is composed with what there is of its block, and
    once more when the block is complete, however many bases there are.
    """
    counted = 0

    def counting(a: Operation, b: Operation) -> Operation:
        nonlocal counted
        counted += 1
        return compose(a, b)

    monkeypatch.setattr("ot.log.compose", counting)
    entries = [entry([n, "a"] if n else ["a"], n) for n in range(200)]
    log = RevisionLog(0, entries[:2])

    for one in entries[2:]:
        log.append(one)
        for base in range(10):
            parts = log.parts(min(base, log.head), log.head)
            assert compose_all(parts) == compose_all(
                [one.op for one in log.entries(min(base, log.head), log.head)]
            )

    assert counted <= len(entries) + 10 * 16
    assert len(log._partial) <= 16


def test_ranges_that_are_kept_are_light():
    """A pasted book is composed again rather than kept twice; few bases are kept at all."""
    log = RevisionLog(0, [entry(["x" * 10_000], n) for n in range(40)], block_weight_max=1_600)

    assert len(log.composed(0, 2)[0]) == 20_000  # type: ignore[arg-type] # a text it is
    assert not log._partial

    light = RevisionLog(0, [entry([-1, "a"], n) for n in range(40)])
    for start in range(30):
        light.composed(start, 40)
    assert len(light._partial) == 16


def test_long_ranges():
    """Through blocks of blocks, where typing jumps about."""
    rng = random.Random(1)
    ops: list[Operation] = [["." * 500]]
    ways: list[Operation] = [["a"], [-1], [-2, "b"], ["c", -1, 3, "d"]]
    ops += [[rng.randint(1, 400), *rng.choice(ways)] for _ in range(1_500)]
    log = RevisionLog(0, [entry(op, n) for n, op in enumerate(ops, 1)])

    for _ in range(60):
        start, end = sorted(rng.sample(range(len(ops) + 1), 2))
        assert log.composed(start, end) == compose_all(ops[start:end])
