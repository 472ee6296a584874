"""the strategies for users: all that comes fits, conflicts are likely, and it shrinks well"""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from ot.client import Client
from ot.document import Document, Submission
from ot.errors import DeltapadError
from ot.operation import Component, apply, compose, transform, validate
from ot.runs import compose_all
from ot.steps import client_state, run_step
from ot.strategies import (
    ALPHABET,
    Attempt,
    Choices,
    chains,
    concurrent,
    edits,
    late,
    make_submissions,
    make_trace,
    operations,
    submissions,
    texts,
    traces,
)

SEED = 20_261_122


# --- Choices and Hypothesis -----------------------------------------------------------------------


def test_choices_end_in_the_simplest():
    """A supply that is used up gives zeros; printed, it can be made again whatever was used."""
    choices = Choices(b"\x07\x02")

    assert [choices.below(5), choices.one_of("abc"), choices.below(5), choices.one_of("abc")] == [
        *[2, "c", 0, "a"]
    ]
    assert repr(choices) == r"Choices(b'\x07\x02')"


def test_the_alphabet_has_what_it_takes():
    """It holds a character outside the basic plane, and one that combines."""
    assert max(ALPHABET) > "\uffff" and "\u0301" in ALPHABET


def test_hypothesis_is_optional():
    """`import ot`, and a server, do without it."""
    code = "import sys, ot, ot.steps, server.app; sys.exit('hypothesis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_who_has_no_hypothesis_is_told_what_to_install(monkeypatch):
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "ot.strategies")

    with pytest.raises(ImportError, match=r"install deltapad\[testing\]"):
        importlib.import_module("ot.strategies")


# --- Texts and operations -------------------------------------------------------------------------


@given(texts(length_max=3, alphabet=["x", "👩‍🚀"]))
def test_texts(text):
    """Letters of the given alphabet, which may be of several code points."""
    letters = text.replace("👩‍🚀", "x")

    assert len(letters) <= 3 and set(letters) <= {"x"}


@given(st.data(), texts())
def test_operations_fit_the_text(data, text):
    """Form and length are right, and only letters of the alphabet come in."""
    op = data.draw(operations(text, alphabet="q"))

    assert validate(op) == op
    assert set(apply(text, op)) <= {*text, "q"}


@given(edits(), concurrent(), chains(least=2, most=4), late(least=1, most=3))
def test_all_that_comes_fits(edit, pair, chain, case):
    """Every operation is well formed, and fits on its text."""
    apply(edit[0], validate(edit[1]))
    apply(pair[0], validate(pair[1]))
    apply(pair[0], validate(pair[2]))
    for text, ops in (chain, (case[0], case[2])):
        for op in ops:
            text = apply(text, validate(op))
    apply(case[0], validate(case[1]))
    assert 2 <= len(chain[1]) <= 4 and 1 <= len(case[2]) <= 3


def test_what_is_found_is_small():
    """The smallest tie is one letter against one, on next to nothing."""
    text, log_op, op = find(
        concurrent(),
        lambda case: transform(case[1], case[2])[1] != case[2],
        settings=settings(database=None, derandomize=True, max_examples=2_000),
    )

    assert (log_op, op) == (["a"], ["a"]) and len(text) <= 1


def test_conflicts_are_the_rule():
    """Of 500 pairs many change each other when they are transformed, and the order of touching
    inserts and deletes matters in some.
    """
    counts: Counter[str] = Counter()

    @settings(max_examples=500, database=None, derandomize=True, phases=[Phase.generate])
    @given(concurrent())
    def look(case):
        _, log_op, op = case
        counts["changed"] += transform(log_op, op)[1] != op
        kinds = ["insert" if isinstance(part, str) else "other" for part in op]
        negative = [isinstance(part, int) and part < 0 for part in op]
        counts["insert first"] += any(
            kind == "insert" and after for kind, after in zip(kinds, negative[1:], strict=False)
        )
        counts["delete first"] += any(
            before and kind == "insert" for before, kind in zip(negative, kinds[1:], strict=False)
        )

    look()

    assert counts["changed"] > 150
    assert counts["insert first"] > 25 and counts["delete first"] > 25


# --- What a server is sent ------------------------------------------------------------------------


def submit(document: Document, attempt: Attempt) -> str | list[Component] | None:
    """What our own server makes of an attempt: an entry, None for a resend, or a code."""
    try:
        entry = document.submit(
            Submission(
                session=attempt.session,
                person=attempt.session,
                seq=attempt.seq,
                base=attempt.base,
                op=attempt.op,
                digest=json.dumps([attempt.base, attempt.op]).encode(),
                time_ms=0,
            )
        )
    except DeltapadError as error:
        return error.code
    document.hand_over()
    document.commit(document.handed)
    return None if entry is None else entry.op


@settings(max_examples=150)
@given(submissions())
def test_submissions(attempts):
    """Our server makes of each attempt what the attempt says."""
    document = Document(length_max=10_000)
    log: list[list[Component]] = []
    for attempt in attempts:
        made = submit(document, attempt)
        if attempt.error is not None:
            assert made == attempt.error
        elif attempt.revision > len(log):
            assert made == attempt.entry
            log.append(attempt.entry)
        else:
            assert made is None and log[attempt.revision - 1] == attempt.entry
        assert document.committed == len(log)
        assert document.text() == apply("", compose_all(log))


def test_everything_happens_to_a_server():
    """New entries, late ones, resends and each mistake, in 200 scripts."""
    chance = random.Random(SEED)
    seen: Counter[str] = Counter()
    for _ in range(200):
        newest = 0
        for attempt in make_submissions(Choices(chance.randbytes(300)), 15):
            kind = attempt.error or ("resend" if attempt.revision <= newest else "new")
            seen[kind] += 1
            seen["late"] += kind == "new" and attempt.base < newest
            newest = max(newest, attempt.revision)

    mistakes = {"seq_gap", "base_in_future", "op_past_end", "seq_reused", "base_too_old"}
    assert set(seen) == {"new", "late", "resend"} | mistakes
    assert min(seen.values()) >= 20 and seen["late"] > 500


# --- What a client goes through -------------------------------------------------------------------


@settings(max_examples=150)
@given(traces())
def test_traces(steps):
    """Our client gives what the trace says, and its screen is the text with all that is pending."""
    client = Client()
    for step in steps:
        assert run_step(client, step) == step["gives"]
        assert step["gives"] == "desync" or client_state(client) == step["state"]
    json.dumps(steps)


def test_everything_happens_to_a_client():
    """All steps, deltas and acknowledgements across what is pending, parts, and faults, in 200
    traces.
    """
    chance = random.Random(SEED)
    seen: Counter[str] = Counter()
    for _ in range(200):
        flight, buffer = None, None
        for step in make_trace(Choices(chance.randbytes(1_500)), 30):
            seen[step["do"]] += 1
            gives = step["gives"]
            seen["desync"] += gives == "desync"
            if step["do"] == "receive" and gives != "desync":
                seen["acknowledged"] += gives["acknowledged"] is not None
                seen["delta while pending"] += step["message"]["type"] == "delta" and bool(flight)
                seen["moved"] += bool(flight) and bool(gives["op"])
            if step["do"] == "send" and gives and step["state"]["buffer"]:
                seen["in parts"] += 1
                assert compose(gives["op"], step["state"]["buffer"]) == buffer
            if "state" in step:
                flight, buffer = step["state"]["in_flight"], step["state"]["buffer"]

    assert set(seen) == {
        *("edit", "send", "resend", "restart", "to_local", "receive"),
        *("desync", "acknowledged", "delta while pending", "moved", "in parts"),
    }
    assert min(seen.values()) >= 20, seen
