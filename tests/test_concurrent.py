"""concurrent traces: the log that is found, and that all replicas end equal"""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ot.concurrent import AUTHORS_MAX, Merge, plan
from ot.traces import Trace, TraceError
from tests.editing_traces import concurrent_trace, public_trace, read_trace

Row = tuple[int, list[int], list[tuple[int, int, str]]]


def trace(*rows: Row, start: str = "") -> Trace:
    """A trace of (author, parents, patches)."""
    return Trace(
        start=start,
        end=None,
        transactions=[patches for *_, patches in rows],
        authors=[author for author, *_ in rows],
        times_ms=[None for _ in rows],
        parents=[parents for _, parents, _ in rows],
    )


def merged(of: Trace, *, descending: bool = False) -> str:
    """The text that all replicas and the document end with."""
    merge = Merge(of, descending=descending)
    *_, done = merge.run()
    texts = {merge.document.text(), *merge.texts()}
    assert done == len(of.transactions)
    assert len(texts) == 1
    return texts.pop()


ADA, BEN, CID = 0, 1, 2
# The example of the module: Ben types without Ada's, then sees it, and Ada sees a part of Ben's.
EXAMPLE = trace(
    (ADA, [], [(0, 0, "a")]),
    (BEN, [], [(0, 0, "x")]),
    (ADA, [0], [(1, 0, "b")]),
    (BEN, [1], [(1, 0, "y")]),
    (BEN, [2, 3], [(4, 0, "z")]),
    (ADA, [1, 2], [(2, 0, "c")]),
)


def test_the_order_of_the_log():
    """What somebody has seen comes before what it has not; else the smaller number goes first."""
    ascending = plan(EXAMPLE)
    assert (ascending.log, ascending.linear) == ([0, 2, 1, 5, 3, 4], True)
    assert ascending.views == {4: 2, 5: 3}
    assert plan(EXAMPLE, descending=True).log == [1, 3, 0, 2, 4, 5]


def test_authors_see_what_they_had_seen():
    """Positions count in the text that the author had, not in the server's."""
    assert merged(EXAMPLE) == "abcxyz"
    assert merged(EXAMPLE, descending=True) == "xyacbz"


def test_a_start_text_is_everybodys():
    """It is there before the first transaction."""
    both = trace((ADA, [], [(0, 1, "H")]), (BEN, [], [(5, 0, "!")]), start="hello")
    assert merged(both) == "Hello!"


def test_patches_of_one_transaction_follow_each_other():
    """Each counts in the text after the one before; one without patches only merges."""
    rows = trace((ADA, [], [(0, 0, "abc"), (1, 1, ""), (2, 0, "d")]), (BEN, [0], []))
    assert merged(rows) == "acd"
    merge = Merge(rows)
    list(merge.run())
    assert merge.transactions == [0]


def test_what_is_deleted_twice_is_no_revision():
    """Ben's delete has nothing left to do when its turn comes."""
    rows = trace((ADA, [], [(0, 1, "")]), (BEN, [], [(0, 1, "")]), (BEN, [0, 1], [(0, 0, "x")]))
    start = replace(rows, start="a")
    assert merged(start) == "x"
    merge = Merge(start)
    list(merge.run())
    assert merge.transactions == [0, 2]


def test_three_authors_who_see_different_parts_of_a_log():
    """Who sees Ben's and not Cid's puts Ben first, and the other way round."""
    ben: Row = (BEN, [], [(0, 0, "b")])
    cid: Row = (CID, [], [(0, 0, "c")])
    assert plan(trace(ben, cid, (ADA, [1], [(1, 0, "a")]), (3, [0, 1], []))).log == [1, 0, 2, 3]
    assert plan(trace(ben, cid, (ADA, [0], [(1, 0, "a")]), (3, [0, 1], []))).log == [0, 1, 2, 3]


def test_a_client_that_is_ahead_of_its_author():
    """Cid goes on typing without Ada's and Ben's, which stand between its own in the log."""
    rows = trace(
        (CID, [], [(0, 0, "1")]),
        (ADA, [0], [(1, 0, "A")]),
        (CID, [0], [(1, 0, "2")]),
        (CID, [2], [(2, 0, "3")]),
        (BEN, [1], [(2, 0, "B")]),
        (ADA, [3, 4], [(0, 0, "a")]),
        (CID, [3], [(3, 0, "4")]),
        (CID, [4, 6], [(0, 0, "c")]),
    )
    assert plan(rows).linear
    assert sorted(merged(rows)) == sorted("1A23Ba4c")


@pytest.mark.parametrize(
    "rows",
    [
        # Ada has seen Ben's and not Cid's, the fourth Cid's and not Ben's.
        [(BEN, [], "b"), (CID, [], "c"), (ADA, [0], "a"), (3, [1], "d"), (ADA, [2, 3], "x")],
        # Ada does not see her own.
        [(ADA, [], "a"), (ADA, [], "b"), (BEN, [0], "c")],
        # Ada sees less than before.
        [(BEN, [], "b"), (ADA, [0], "a"), (ADA, [], "x")],
    ],
)
def test_graphs_that_no_server_has_made(rows):
    """The log is in the trace's order, patches are cut at the end of the text; all end equal."""
    of = trace(*((author, parents, [(9, 5, text)]) for author, parents, text in rows))
    assert not plan(of).linear
    assert plan(of).log == list(range(len(rows)))
    assert sorted(merged(of)) == sorted(text for *_, text in rows)


def test_a_patch_past_the_end():
    """Is told with its transaction, and what came before is in the document."""
    rows = trace((ADA, [], [(0, 0, "ab")]), (ADA, [0], [(0, 0, "c"), (2, 2, "")]))
    with pytest.raises(TraceError, match="transaction 1 reaches to 4 in a text of 3 code points"):
        merged(rows)


def test_authors_are_bounded():
    """Each costs its share at every merge."""
    rows: list[Row] = [(author, [], [(0, 0, "x")]) for author in range(AUTHORS_MAX + 1)]
    assert plan(trace(*rows[:-1])).linear
    with pytest.raises(TraceError, match="257 authors; at most 256"):
        Merge(trace(*rows))


@given(st.integers(0, 2**32), st.integers(1, 5), st.booleans())
def test_any_trace_of_one_server(seed, authors, descending):
    """It is found to be one, and ends with the right text, worked out without operations."""
    of = concurrent_trace(seed, authors=authors, edits=60, deletes=False)
    assert plan(of, descending=descending).linear
    assert merged(of, descending=descending) == of.end


@given(st.integers(0, 2**32), st.integers(1, 5), st.booleans())
@example(50996, 4, False)  # whose ties were the other way: a patch reaches past the end
def test_any_trace_of_one_server_with_deletes(seed, authors, descending):
    """All replicas end equal. What two inserted at one place may stand the other way round than in
    the trace; then a later patch hits another letter, and rarely one that is not there.
    """
    of = concurrent_trace(seed, authors=authors, edits=60, deletes=True)
    assert plan(of, descending=descending).linear
    with contextlib.suppress(TraceError):
        merged(of, descending=descending)


def test_patches_nearly_always_fit():
    """Whatever the ties: of 300 traces at most three are cut short by one."""
    short = 0
    for seed in range(300):
        try:
            merged(concurrent_trace(seed, authors=4, edits=40, deletes=True))
        except TraceError:
            short += 1
    assert short <= 3


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_any_graph_at_all(seed, authors):
    """Whatever the parents are, all replicas end equal."""
    rng = random.Random(seed)
    rows = []
    for index in range(30):
        parents = rng.sample(range(index), min(index, rng.randint(0, 3)))
        patch = (rng.randint(0, 3), rng.randint(0, 2), rng.choice(["", "a", "bc"]))
        rows.append((rng.randrange(authors), parents, [patch]))
    # A patch past the end is told, if the graph is that of one log.
    with contextlib.suppress(TraceError):
        merged(trace(*rows))


def test_a_long_one_shows_signs_of_life():
    """Every now and then it says how far it is."""
    numbers = count()
    rows = [(ADA, [index - 1] if index else [], [(0, 0, "x")]) for index in range(1_001)]
    seen = [(next(numbers), done) for done in Merge(trace(*rows)).run()]
    assert seen == [(0, 0), (1, 500), (2, 1_000), (3, 1_001)]


@pytest.mark.slow
def test_the_public_trace():
    """26,078 transactions of two people with 2,258 merges end with the text that it names."""
    of = read_trace(public_trace("conc/friendsforever"))
    merge = Merge(of)
    list(merge.run())
    assert [text == of.end for text in (merge.document.text(), *merge.texts())] == [True] * 3
    assert merge.document.log.head == len(of.transactions)
