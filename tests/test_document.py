"""the authority: what goes in comes out once, in order, durable before shown, and errors change
nothing
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from ot.document import Commit, Document, Submission
from ot.errors import DeltapadError, OperationError, ProtocolError
from ot.log import Entry
from ot.operation import Component, compose, length_change, transform
from ot.runs import compose_all
from ot.strategies import choices
from tests.accounted_pad import AccountedPad, state, submission

STEPS = 80


def durable(document: Document, *submissions: Submission) -> Document:
    """Submit, hand over and commit."""
    for one in submissions:
        document.submit(one)
        document.hand_over()
        document.commit(document.handed)
    return document


# --- Properties -----------------------------------------------------------------------------------


@settings(max_examples=250)
@given(choices(STEPS * 20))
def test_a_document_in_use(choices):
    """Several sessions, late and in time, resends, batches in stages, crashes and mistakes."""
    pad = AccountedPad(choices)
    for _ in range(STEPS):
        pad.step()
    pad.hand_over()
    pad.document.commit(pad.handed)

    assert pad.document.text() == pad.texts[-1]
    assert [entry.op for entry in pad.store] == pad.ops
    keys = [(entry.session, entry.seq) for entry in pad.store]
    assert len(set(keys)) == len(keys)
    for session in {session for session, _ in keys}:
        seqs = [seq for name, seq in keys if name == session]
        assert seqs == list(range(1, len(seqs) + 1)), "in the order of typing, without a gap"


# --- Examples -------------------------------------------------------------------------------------


def test_nothing_is_shown_before_it_is_durable():
    document = Document(text="ab", length_max=100)

    document.submit(submission(["x"]))
    assert (document.text(), document.length, document.head_length) == ("ab", 2, 3)
    assert [entry.op for entry in document.hand_over()] == [["x"]]
    assert document.text() == "ab"
    document.submit(submission([-1], session="t"))
    document.commit(1)
    assert (document.text(), document.length, document.head_length) == ("xab", 3, 2)
    assert [entry.op for entry in document.hand_over()] == [[1, -1]]
    assert document.hand_over() == []
    document.commit(2)
    assert (document.text(), document.length) == ("xb", 2)


@pytest.mark.parametrize(("first", "second"), [(1, 0), (0, 2)])
def test_the_marks_only_move_forward_and_in_order(first, second):
    document = Document(length_max=100)
    document.submit(submission(["x"]))
    document.hand_over()
    document.submit(submission(["y"], session="t"))
    document.commit(first)

    with pytest.raises(AssertionError):
        document.commit(second)


WRONG = [
    ("seq_gap", submission(["x"], seq=4, base=2)),
    ("seq_reused", submission(["other"], seq=2, base=1)),
    ("seq_reused", submission(["a"], seq=1, base=0)),
    ("base_in_future", submission(["x"], seq=3, base=3)),
    ("base_in_future", submission(["x"], base=3, session="new")),
    ("base_too_old", submission(["x"], seq=3, base=1)),
    ("op_past_end", submission([3, "x"], seq=3, base=2)),
    ("op_past_end", submission([-2], base=1, session="new")),
    ("op_past_end", submission([-(2**60)], base=2, session="new")),
    ("pad_full", submission(["xyz"], seq=3, base=2)),
    ("pad_full", submission([-1, "wxyz"], base=0, session="new")),
]


@pytest.mark.parametrize(("code", "wrong"), WRONG)
def test_errors_have_names_and_change_nothing(code, wrong):
    text = "." if wrong.op[0] == -1 else ""
    document = Document(text=text, length_max=4)
    durable(document, submission(["a"]), submission(["b"], seq=2, base=1))
    before = state(document)

    with pytest.raises(DeltapadError) as caught:
        document.submit(wrong)

    assert (caught.value.code, caught.value.seq) == (code, wrong.seq)
    assert state(document) == before
    assert document.hand_over() == []


def test_a_pad_over_its_limit_may_shrink_and_stay_as_long():
    """A pad whose limit was lowered later: only growing is refused."""
    document = Document(text="abcdef", length_max=3)

    with pytest.raises(OperationError, match="7 code points; this pad holds 3"):
        document.submit(submission(["x"]))
    assert document.submit(submission([-1, "x"]))
    assert document.submit(submission([-2], session="t"))
    assert document.head_length == 5


def test_an_operation_that_others_made_needless_is_in_the_log_all_the_same():
    """Two delete the same character: the second entry does nothing, and still acknowledges."""
    document = Document(text="a", length_max=10)
    durable(document, submission([-1]))

    entry = document.submit(submission([-1], session="t"))

    assert entry is not None and entry.op == []
    assert document.log.head == 2
    assert document.is_duplicate(submission([-1], session="t"))


def test_check_resend():
    """An older seq than the newest is compared with what the store says of it."""
    one = submission(["x"], seq=3)

    Document.check_resend(one, Commit(3, 17, one.digest))
    for commit in (Commit(3, 17, b"?"), Commit(2, 17, one.digest), Commit(0, 0, b"")):
        with pytest.raises(ProtocolError) as caught:
            Document.check_resend(one, commit)
        assert (caught.value.code, caught.value.seq) == ("seq_reused", 3)


# --- Catching up with what the log has forgotten --------------------------------------------------


def forgetful() -> tuple[Document, list[Component]]:
    """Revisions 1 to 3 are in the store only; the operation that leads over them."""
    document = Document(text="ab", length_max=20)
    ops: list[list[Component]] = [[1, "x"], [-1], [1, "y", -1], ["z"]]
    for base, op in enumerate(ops):
        durable(document, submission(op, session=f"s{base}", base=base))
    document.forget(3)
    assert document.text() == "zxy" and document.log.start == 3
    older: list[Component] = []
    for op in ops[:3]:
        older = compose(older, op)
    return document, older


def test_catch_up():
    document, older = forgetful()
    late = submission([1, "L", -1], base=0, session="late")

    caught_up = document.catch_up(late, older, revision=document.log.start)
    assert caught_up == replace(late, base=3, op=transform(older, late.op)[1])
    assert document.submit(caught_up)
    assert document.is_duplicate(late), "the digest is that of what was sent"


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("op_past_end", submission([-3], base=0, session="late")),
        ("base_too_old", submission(["x"], seq=2, base=0, session="s1")),
        ("base_in_future", submission(["x"], base=9, session="late")),
    ],
)
def test_catch_up_checks_against_the_text_of_long_ago(code, wrong):
    document, older = forgetful()
    before = state(document)

    with pytest.raises(DeltapadError) as caught:
        document.catch_up(wrong, older, revision=document.log.start)

    assert (caught.value.code, caught.value.seq) == (code, wrong.seq)
    assert state(document) == before


def test_forget_keeps_what_is_not_durable():
    document = Document(text="", length_max=100)
    durable(document, submission(["a"]))
    document.submit(submission(["b"], session="t"))

    document.forget(2)

    assert (document.log.start, document.log.head, document.text()) == (1, 2, "a")


def test_a_document_from_a_snapshot_and_entries_around_it():
    ops: list[list[Component]] = [["a"], ["b"], [1, "c"]]
    entries = [Entry(op, "s", "p", n, time_ms=0, digest=b"") for n, op in enumerate(ops, 11)]

    document = Document(text="ba", revision=12, start=10, entries=entries, length_max=100)

    assert (document.committed, document.handed, document.length) == (13, 13, 3)
    assert document.text() == "bca"
    assert document.log.composed(10, 13) == compose_all(ops)
    assert document.head_length == 2 + length_change([1, "c"])
