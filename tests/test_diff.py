"""what leads from one text to another: always right, and small where it can be"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from ot.diff import diff, shared_start
from ot.operation import apply, inserted_length, validate

WORDS = st.lists(st.sampled_from(["a", "be", " ", "\n", "\r\n", "😀", "- ", "é"]), max_size=30)
TEXTS = WORDS.map("".join) | st.text(max_size=40)


@given(TEXTS, TEXTS)
@example("", "")
@example("aa", "aaa")
@example("a\nb\n", "b\na\n")
def test_it_leads_there(old: str, new: str) -> None:
    """Applied to the old text it gives the new one, and it is an operation of good form."""
    op = diff(old, new)

    assert apply(old, op) == new
    assert validate(op) == op
    assert (op == []) == (old == new)


def test_one_place() -> None:
    """An edit at one place says nothing of the rest."""
    assert diff("hello world", "hello big world") == [6, "big "]
    assert diff("hello big world", "hello world") == [6, -4]


def test_words_of_a_line() -> None:
    """In a line that differs, the words that are the same are kept."""
    old = "one\nthe red fox jumps\nthree\n"
    new = "ONE\nthe brown fox leaps\nthree\n"

    assert diff(old, new) == [-3, "ONE", 5, -3, "brown", 5, -3, "lea"]


def test_characters_without_blanks_between() -> None:
    """In scripts that have no blanks a character is a word, and code points are what counts."""
    assert diff("玉ねぎを四つ炒める", "玉ねぎを十二個炒める") == [4, -2, "十二個"]
    assert diff("\U0001f345 ripe\n", "\U0001f345\U0001f345 ripe\n") == [1, "\U0001f345"]


def test_little_in_common() -> None:
    """A few blanks that both have are no ground to keep them."""
    assert diff("a red fox ran", "some big cats sat") == [-13, "some big cats sat"]


def test_lines_that_stand_more_than_once() -> None:
    """Between lines that hold the texts together, they are kept all the same."""
    assert diff("A\nu\nr\nr\nv\nB\n", "C\nu\nr\nr\nv\nD\n") == [-1, "C", 9, -1, "D"]
    assert diff("A\nr\nr\nB\n", "C\nr\nx\nr\nD\n") == [-1, "C", 3, "x\n", 2, -1, "D"]


def test_many_changes_in_a_long_text() -> None:
    """A word in each of a thousand lines far apart, and the first and the last: each by itself."""
    old = [f"line {number} has a word in it" for number in range(20_000)]
    new = [
        line.replace("word", "number") if number % 20 in (0, 19) else line
        for number, line in enumerate(old)
    ]

    op = diff("\n".join(old), "\n".join(new))

    assert apply("\n".join(old), op) == "\n".join(new)
    assert inserted_length(op) == 2_000 * len("number")


def test_moved_lines() -> None:
    """The most lines that keep their order stay; the others go and come."""
    assert diff("1\n2\n3\n4\n5\n", "4\n1\n2\n3\n5\n") == ["4\n", 5, -2]
    old = "".join(f"{n}\n" for n in range(2_000))
    new = "x\n" + "".join(f"{n}\n" for n in range(1_999, 0, -1))

    assert len(diff(old, new)) <= 5
    assert apply(old, diff(old, new)) == new


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60), st.integers(0, 60))
def test_without_work_left(old: str, new: str, work_max: int) -> None:
    """The rest is replaced as a whole, and is right all the same."""
    op = diff(old, new, work_max=work_max)

    assert apply(old, op) == new
    assert validate(op) == op


@given(TEXTS, TEXTS)
def test_shared_start(a: str, b: str) -> None:
    """The longest one."""
    length = shared_start(a, b)

    assert a[:length] == b[:length]
    assert length == min(len(a), len(b)) or a[length] != b[length]
