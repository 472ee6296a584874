"""texts at past revisions: the nearest one is found, and what is kept is bounded"""

from __future__ import annotations

from server.past import TEXTS_MAX, PastTexts


def test_nearest():
    """The newest that is not past the one asked for, or the empty text of a new pad."""
    past = PastTexts(length_max=100)
    assert past.nearest(7) == (0, "")
    past.keep(3, "three")
    past.keep(5, "five")
    assert [past.nearest(revision) for revision in (2, 3, 4, 5, 9)] == [
        (0, ""),
        (3, "three"),
        (3, "three"),
        (5, "five"),
        (5, "five"),
    ]


def test_bounds():
    """Few texts, and not too long together; what was used lately stays."""
    past = PastTexts(length_max=10)
    past.keep(1, "aaaaa")
    past.keep(2, "bbbbb")
    past.keep(1, "aaaaa")
    past.keep(3, "c")
    assert past.nearest(2) == (1, "aaaaa")
    past.keep(4, "longer than all of it")
    assert past.nearest(4) == (4, "longer than all of it")
    assert past.nearest(3) == (0, "")

    many = PastTexts(length_max=1_000)
    for revision in range(1, TEXTS_MAX + 2):
        many.keep(revision, "")
    assert many.nearest(1) == (0, "")
    assert many.nearest(2) == (2, "")
