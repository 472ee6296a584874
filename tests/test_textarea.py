"""what a form makes of a text, and what is touched of the text when it comes back"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ot.diff import diff
from ot.operation import apply, validate
from server.textarea import carried_over, shown

TEXTS = st.lists(st.sampled_from(["a", "b", "\n", "\r\n", "\0", "é"]), max_size=30).map("".join)


@given(
    # A CR alone that gets an LF behind it would be a CRLF.
    TEXTS,
    st.text(alphabet="ab\né", max_size=30),
)
def test_what_a_form_says_of_any_text(old: str, new: str) -> None:
    """The operation fits on the exact text, and makes of it what the form says."""
    op = carried_over(diff(shown(old), new), old)

    assert shown(apply(old, op)) == new
    assert validate(op) == op


@given(TEXTS)
def test_untouched_parts_stay(old: str) -> None:
    """What is added at both ends leaves all of the text between as it was."""
    op = carried_over(["<", len(shown(old)), ">"] if old else ["<>"], old)

    assert apply(old, op) == f"<{old}>"


def test_line_ends() -> None:
    """Of CRLF both go or both stay; CR alone and NUL count as they are."""
    text = "a\r\nb\rc\0\r\nd"
    assert shown(text) == "a\nb\nc\ufffd\nd"
    assert carried_over([1, -1, 4, -1], text) == [1, -2, 4, -2]
    assert carried_over([2, "x"], text) == [3, "x"]
    assert carried_over([1, "x"], text) == [1, "x"]
