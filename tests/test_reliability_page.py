"""the page of promises: every test that it names is there"""

from __future__ import annotations

import re

from tests.conftest import REPO

PAGE = (REPO / "docs/explanation/reliability.md").read_text()


def test_every_test_that_it_names_is_there():
    """In the file that it says; and every promise names at least one."""
    named = re.findall(r"`((?:browser/)?test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 80
    missing = [
        (file, test)
        for file, test in named
        if f"def {test}(" not in (REPO / "tests" / file).read_text()
    ]
    assert missing == []
    promises = [line for line in PAGE.splitlines() if re.match(r"\| [1-7] \|", line)]
    assert len(promises) == 7
    assert all("::test_" in line for line in promises)


def test_every_row_says_what_shows_it():
    """No case of the tables goes without a test."""
    tables = PAGE.partition("## What goes wrong")[2].partition("## Figures")[0]
    rows = [line for line in tables.splitlines() if re.match(r"\| [^|\s]", line)]
    assert len(rows) > 50
    assert [row for row in rows if "test_" not in row and "| --- |" not in row] == []
