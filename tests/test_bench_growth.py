"""the growth benchmarks run: each table for a moment, at steps that are small"""

from __future__ import annotations

import dataclasses
import json

import pytest
from rich.console import Console

from benchmarks.growth.load import loaded
from benchmarks.growth.measure import MEASURES, Cell, Effort, Made, measure
from benchmarks.growth.pads import AUTHORS, history, make_text, typed_and_taken, words
from benchmarks.growth.serving import deltapad
from benchmarks.growth.tables import (
    BEGIN,
    END,
    TABLES,
    Run,
    exponent,
    grids,
    save,
    write_page,
)
from benchmarks.growth.wire import Frames, masked, open_pad
from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.server.processes import Failure
from benchmarks.tables import print_grids
from ot.text import Text
from server.folder import DataFolder

QUICK = Effort(seconds=0.5, crowd_seconds=0.5, slow_seconds=0.5, restarts=1)
STEPS = {
    "clients": 3,
    "size": 1_000,
    "log": 1_000,
    "idle": 20,
    "crowd": 5,
    "slow": 100,
    "durable": 200,
}


@pytest.fixture
def made(tmp_path):
    """Where data folders are made."""
    return Made(tmp_path / "made")


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_figure_is_measured(table, made):
    """Each table's measurement gives every figure that the table shows, and no failure."""
    cell = measure(table.name, STEPS[table.name], "pure", QUICK, made)

    assert cell.failure == ""
    assert {column.figure for column in table.columns} <= set(cell.figures)


def test_every_table_can_be_measured():
    """No table without its measurement, and none that no table shows."""
    assert [table.name for table in TABLES] == list(MEASURES)


@pytest.mark.parametrize("revisions", [1, 2, 999, 1_000, 5_000, 7_001])
def test_a_log_of_any_length_leads_to_the_same_text(revisions):
    """So many revisions, by all authors if there are enough; the text does not depend on it."""
    text, edits = Text(), list(history(revisions, 3_000))
    for _, op in edits:
        text.apply(op)

    assert len(edits) == revisions
    assert str(text) == words(3_000)
    assert len({author for author, _ in edits}) == min(revisions, AUTHORS)


def test_keys_after_a_text_change_nothing():
    """What is typed into a pasted text is taken back, in texts of any size."""
    for length in (1, 2, 1_000):
        text = Text(words(length))
        for _, op in typed_and_taken(length):
            text.apply(op)
        assert str(text) == words(length)


def test_made_pads_verify(made):
    """What is written for a benchmark is a pad like any other, and a copy of it is, too."""
    for _ in range(2):
        data = made.copy("size", lambda folder: make_text(folder, "pad", 70_000))

    with DataFolder(data) as folder:
        (finding,) = [found for found in folder.verify("pad") if not isinstance(found, int)]
    assert finding.wrong is None and finding.length == 70_000


def test_frames_come_in_any_pieces():
    """An answer to the upgrade and frames of every size of header, cut anywhere."""
    payloads = [b"", b"x" * 125, b"y" * 126, b"z" * 70_000]
    # As a server sends them: without a mask.
    heads = [masked(payload)[: -4 - len(payload) or None] for payload in payloads]
    frames = [
        bytes([head[0], head[1] & 0x7F]) + head[2:] + payload
        for head, payload in zip(heads, payloads, strict=True)
    ]
    sent = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"".join(frames)
    for size in (1, 7, 1_000, len(sent)):
        received = Frames()
        got = [
            payload
            for start in range(0, len(sent), size)
            for _, payload in received.feed(sent[start : start + size])
        ]
        assert got == payloads


def test_no_upgrade_is_a_failure():
    """A pad that is not there is told by its status line."""
    with pytest.raises(Failure, match="404 Not Found"):
        Frames().feed(b"HTTP/1.1 404 Not Found\r\n\r\n")


@pytest.mark.slow
def test_failures_are_told(made, tmp_path):
    """A server that does not start, one without the pad, and a load that refuses its options."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Failure, match="does not start"), deltapad("pure", tmp_path / "file"):
        pass
    with deltapad("pure", tmp_path / "data") as server:
        with pytest.raises(Failure, match="404"):
            open_pad(server.port, "nowhere")
        with pytest.raises(Failure, match="deltapad load: Error"):
            loaded(server, tmp_path, seconds=1, rate=-1)


def test_exponent():
    """The power of what grows by one; nothing of too few steps, or of what is not measured."""
    steps = (1, 10, 1_000)
    assert exponent({step: 3.0 * step**2 for step in steps}) == pytest.approx(2)
    assert exponent(dict.fromkeys(steps, 5.0)) == pytest.approx(0)
    assert exponent({1: 1.0, 10: 10.0}) is None
    assert exponent({1: 0.0, 10: 10.0, 100: 20.0}) is None


def test_tables_in_the_terminal_and_on_the_page(tmp_path):
    """A row for each step and build, their exponents, a failure with its reason, what was to be
    reached; the page changes only between its markers.
    """
    cells = {
        step: Cell({"cpu": 1e-3 * step, "p95": 2.0, "first": 1.0, "ratio": 1.25})
        for step in (1_000, 10_000, 100_000)
    }
    failed = {1_000: Cell({}, "the texts differ")}
    run = Run(
        "2026-01-01 00:00",
        this_machine(),
        dataclasses.replace(QUICK, seconds=10),
        {"size": {"pure": cells, "compiled": failed}, "durable": {"pure": {1_000: Cell({})}}},
    )
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_page(run, page)
    saved = save(run, tmp_path)
    console = Console(width=180, record=True, quiet=True)
    print_grids(console, grids(run))

    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "\nold\n" not in text
    assert "| 10 KB, pure | 10.000 | 2.00 | 1.00 | - | - | 1.25 | - |  |" in text
    assert "| exponent, pure | 1.00 | 0.00 | 0.00 |  | - |  | - |  |" in text
    assert "- (the texts differ)" in text and "p50 at most 10 ms, p99 at most 50 ms" in text
    assert json.loads(saved.read_text())["cells"]["size"]["pure"]["1000"]["figures"]["cpu"] == 1.0
    assert [len(grid.rows) for grid in grids(run)] == [5, 1]


def test_the_page_has_its_markers():
    """`make bench-growth` finds where the figures go."""
    text = (REPO / "docs/explanation/performance.md").read_text()

    assert text.index(BEGIN) < text.index(END)
