"""every revision of a text, in any order"""

from __future__ import annotations

import pytest
from hypothesis import given

from ot.errors import OperationError
from ot.history import History
from ot.operation import apply
from ot.strategies import chains
from tests.editing_traces import own_trace, patch_operation


@given(chains(least=0, most=8))
def test_every_revision(chain):
    text, ops = chain
    history = History(text, ops)
    texts = [text]
    for op in ops:
        texts.append(apply(texts[-1], op))

    assert history.head == len(ops)
    assert [history.text(revision) for revision in range(len(texts))] == texts


def test_a_long_history():
    """Also where texts are kept in between, on both sides of them."""
    trace = own_trace(1, 5_000)
    ops = [patch_operation(patch) for patches in trace.transactions for patch in patches]
    history = History(trace.start, ops)
    text = trace.start
    for revision, op in enumerate(ops, 1):
        text = apply(text, op)
        if revision % 97 == 0 or revision % 1_024 < 2:
            assert history.text(revision) == text

    assert history.text(5_000) == trace.end


def test_an_operation_that_does_not_fit_is_not_taken():
    history = History("ab", [[2, "c"]])

    with pytest.raises(OperationError):
        history.append([4, "x"])

    assert history.head == 1
    assert history.text(1) == "abc"
