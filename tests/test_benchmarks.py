"""the benchmarks run: deltapad's own part, on tiny traces, without any peer"""

from __future__ import annotations

import dataclasses
import gc
import json
import subprocess

import pytest
from rich.console import Console

from benchmarks.core.inputs import Inputs, convert
from benchmarks.core.peers.deltapad import TASKS
from benchmarks.core.peers.protocol import answer
from benchmarks.core.workloads import WORKLOADS, Workload
from benchmarks.machine import this_machine
from benchmarks.measure import Cell, Effort, measure
from benchmarks.peers import PEERS, REPO
from benchmarks.tables import BEGIN, END, Run, grids, print_run, save, write_page

PURE = next(peer for peer in PEERS if peer.name == "deltapad (pure)")
NEW_LOG = next(peer for peer in PEERS if peer.name == "deltapad (pure), new log")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    """A made-up trace of 400 edits."""
    return Inputs(tmp_path_factory.mktemp("inputs"), edits_max=400)


@pytest.fixture(autouse=True)
def _collector():
    """A measurement hides what there is from the collector; here others come after it."""
    yield
    gc.unfreeze()


def a_run(cells: dict[str, dict[str, Cell]]) -> Run:
    return Run("2026-01-01 00:00", this_machine(), True, "median of 1 process", cells)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_ours_does_every_workload_right(workload, inputs, tmp_path):
    """deltapad's own tasks give no error, so each has passed its own check."""
    request = {
        "workload": workload.task,
        "input": str(inputs.path(workload.input, "code_points")),
        "saved": str(tmp_path / "saved"),
        "runs": 2,
        "seconds": 10,
    }
    if workload.unit == "MiB":
        assert "error" not in answer(TASKS, {**request, "workload": f"save_{workload.task}"})

    got = answer(TASKS, request)

    assert "bytes" in got or len(got["runs"]) == 2, got


def test_a_wrong_result_is_an_error(inputs, tmp_path):
    """A task whose result is not the expected one answers with an error, and with no time."""
    value = json.loads(inputs.path("paper", "code_points").read_text())
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({**value, "end": "something else"}))

    got = answer(TASKS, {"workload": "replay", "input": str(path), "runs": 1, "seconds": 10})

    assert list(got) == ["error"] and "something else" in got["error"]


def test_a_measurement_in_a_process_of_its_own(inputs):
    """The runner starts the program, and makes medians of what it answers."""
    cell = measure(NEW_LOG, row("catch-up"), inputs, Effort(processes=1), lambda step: None)

    assert cell.failure == "" and cell.processes == 1
    assert cell.warm_wall is not None and cell.cold_cpu is not None


def test_what_is_not_there_is_told(inputs):
    """A peer whose package is missing gets its reason into the cell, and no process."""
    peer = dataclasses.replace(PURE, kind="node", packages=("no-such-package",))

    cell = measure(peer, row("replay"), inputs, Effort(), lambda step: None)

    assert cell == Cell(failure="not installed: no-such-package")


def test_a_program_that_breaks_is_told(inputs):
    """The last error of a program that ends badly is in the cell."""
    peer = dataclasses.replace(PURE, program="no_such_program")

    cell = measure(peer, row("replay"), inputs, Effort(), lambda step: None)

    assert "no_such_program" in cell.failure


def test_positions_in_other_units():
    """Positions and lengths count UTF-16 units or UTF-8 bytes where a peer does."""
    edits = [(1, 0, "😀"), (2, 1, ""), (0, 2, "é"), (1, 0, "x")]

    assert convert("abc", edits, "utf16") == [(1, 0, "😀"), (3, 1, ""), (0, 3, "é"), (1, 0, "x")]
    assert convert("abc", edits, "utf8") == [(1, 0, "😀"), (5, 1, ""), (0, 5, "é"), (2, 0, "x")]


def test_tables_in_the_terminal_and_on_the_page(tmp_path):
    """Ratios are against the best peer, a failure says why, and the page changes only between its
    markers.
    """
    run = a_run(
        {
            "replay": {
                "deltapad (pure)": Cell(5, 3.0, 3.0, warm_wall=2.0, warm_cpu=2.0),
                "ropey-py": Cell(5, 3.0, 3.0, warm_wall=4.0, warm_cpu=4.0),
                "Yjs": Cell(failure="not installed: yjs"),
            },
            "memory": {"CodeMirror": Cell(5, memory=0.25)},
        }
    )
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_page(run, page)
    saved = save(run, tmp_path)
    console = Console(width=120, record=True, quiet=True)
    print_run(console, run)

    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "\nold\n" not in text
    assert "| ropey-py | 4.00 | - | - | 2.00 | 0.50 |" in text
    assert "- (not installed: yjs)" in text and "a made-up one stands in" in text
    assert json.loads(saved.read_text())["cells"]["memory"]["CodeMirror"]["memory"] == 0.25
    assert [len(grid.rows) for grid in grids(run)] == [2, 3, 1]


def test_the_page_has_its_markers():
    """`make bench` finds where the figures go."""
    text = (REPO / "docs/explanation/performance.md").read_text()

    assert text.index(BEGIN) < text.index(END)


def test_every_peer_names_what_there_is():
    """Workloads of peers exist, and so do their programs."""
    names = {workload.name for workload in WORKLOADS}
    for peer in PEERS:
        suffix = ".mjs" if peer.kind == "node" else ".py"
        assert peer.workloads <= names and set(peer.tasks) <= peer.workloads
        assert (REPO / "benchmarks/core/peers" / f"{peer.program}{suffix}").is_file()


def test_node_programs_are_javascript():
    """Node accepts the syntax of every program, installed packages or not."""
    programs = sorted((REPO / "benchmarks/core/peers").glob("*.mjs"))

    done = [subprocess.run(["node", "--check", program], check=False) for program in programs]

    assert programs and all(one.returncode == 0 for one in done)


def row(name: str) -> Workload:
    return next(workload for workload in WORKLOADS if workload.name == name)
