"""the server benchmarks run: deltapad's own server and client for a second, without any peer"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

import benchmarks.server.__main__ as command_line
from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.server.measure import Cell, Effort, measure
from benchmarks.server.peers import SERVERS, Server
from benchmarks.server.processes import Running
from benchmarks.server.tables import BEGIN, END, Run, grids, save, write_page
from benchmarks.server.workloads import WORKLOADS, Workload
from benchmarks.tables import print_grids

PURE = next(server for server in SERVERS if server.name == "deltapad (pure)")
QUICK = Effort(
    warmup_seconds=0.2,
    seconds=0.5,
    repeats=2,
    kill_seconds=0.5,
    fill_seconds_max=30,
    load_seconds_max=60,
)
needs_client = pytest.mark.skipif(
    bool(PURE.absent()), reason=f"the load's packages: {PURE.absent()}"
)


def row(name: str) -> Workload:
    return next(workload for workload in WORKLOADS if workload.name == name)


@needs_client
@pytest.mark.slow
@pytest.mark.parametrize(
    "workload",
    [
        dataclasses.replace(row("flat-10"), writers=3),
        dataclasses.replace(row("flat-200x2"), pads=3),
        dataclasses.replace(row("keys-10"), writers=3, rate=20),
        dataclasses.replace(row("back"), own=20, missed=50),
        dataclasses.replace(row("idle-1000"), pads=3, writers=3, joining=2),
    ],
    ids=lambda workload: workload.name,
)
def test_ours_under_every_load(workload):
    """The load types, its texts are equal in the end with every key in them, and it says so."""
    cell = measure(PURE, workload, QUICK)

    assert cell.failure == ""
    [figures] = cell.runs
    assert figures.get("lost", 0) == 0 and figures["server_cpu"] >= 0
    assert figures.get("ops", 1) > 0 and figures.get("connections", 9) == 9


@needs_client
@pytest.mark.slow
def test_ours_after_a_restart():
    """The pad is filled once, and the text of all its edits is there after each restart."""
    workload = dataclasses.replace(row("restart"), edits=250, writers=3)

    cell = measure(PURE, workload, QUICK)

    assert cell.failure == "" and len(cell.runs) == QUICK.repeats
    assert all(one["length"] == 2250 and one["down"] > 2250 for one in cell.runs)
    assert all(one["disk"] > 0 and one["ms"] > 0 for one in cell.runs)


@needs_client
@pytest.mark.slow
def test_who_would_be_too_slow_is_not_waited_for():
    """A pad that cannot be filled in time has no figure, but how fast it went."""
    workload = dataclasses.replace(row("restart"), edits=1_000_000, writers=2)

    cell = measure(PURE, workload, dataclasses.replace(QUICK, fill_seconds_max=0.5))

    assert cell.runs == () and "too slow to set up" in cell.failure


@needs_client
@pytest.mark.slow
def test_ours_loses_nothing_when_killed():
    """What the server had acknowledged before it was killed is there when it is back."""
    cell = measure(PURE, dataclasses.replace(row("kill"), writers=3), QUICK)

    assert cell.failure == ""
    assert cell.runs[0]["lost"] == 0 and cell.runs[0]["acknowledged"] > 2000


def test_what_is_not_there_is_told():
    """A server whose package is missing gets its reason into the cell, and no process."""
    server = dataclasses.replace(PURE, kind="node", packages=("no-such-package",))

    assert measure(server, row("flat-10"), QUICK) == Cell(failure="not installed: no-such-package")


@needs_client
def test_a_server_that_does_not_start_is_told():
    """Its last error is in the cell."""
    server = dataclasses.replace(PURE, program="no_such_program")

    cell = measure(server, row("flat-10"), QUICK)

    assert "no_such_program" in cell.failure


@needs_client
def test_a_load_that_fails_is_told(tmp_path):
    """A client that throws ends the measurement with what it threw."""
    client = REPO / "benchmarks/server/clients/workload.mjs"
    program = tmp_path / "client.mjs"
    program.write_text(
        f'import {{ serve }} from "{client}";\nawait serve(() => {{ throw new Error("no pad"); }});'
    )

    class Broken(Server):
        def client_command(self) -> list[str]:
            return [super().client_command()[0], str(program)]

    values = {field.name: getattr(PURE, field.name) for field in dataclasses.fields(PURE)}

    cell = measure(Broken(**values), row("flat-10"), QUICK)

    assert "no pad" in cell.failure and cell.runs == ()


def test_servers_take_turns(monkeypatch):
    """Each repetition is of all servers, so that a disturbance does not hit one of them alone; who
    fails once is not tried again, and what is not to be repeated is not.
    """
    servers = [dataclasses.replace(PURE, name=name) for name in ("one", "two", "broken")]
    asked = []

    def fake(server, workload, effort):
        asked.append(server.name)
        return Cell(failure="no") if server.name == "broken" else Cell(({"n": len(asked)},))

    monkeypatch.setattr(command_line, "measure", fake)
    rows = [row("flat-10"), row("kill")]

    cells = command_line.measure_all(Console(quiet=True), rows, servers, QUICK)

    assert asked == ["one", "two", "broken", "one", "two", "one", "two", "broken"]
    assert cells["flat-10"]["one"] == Cell(({"n": 1}, {"n": 4}))
    assert cells["flat-10"]["broken"] == Cell(failure="no") == cells["kill"]["broken"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are seen in /proc")
def test_a_server_is_all_that_it_has_started():
    """Time and memory count its children too, and none of them outlives it."""
    program = ["sh", "-c", "sleep 60 & echo $!; while :; do :; done"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.stdout.close()
    running = Running(process, 0)

    memory = running.rss()
    running.rest(1)
    used = running.cpu_seconds()
    running.stop()

    assert memory > 0 and used > 0
    assert process.returncode is not None
    assert not _runs(child)


def _runs(pid: int) -> bool:
    """A process that has ended, but that nobody has collected, does not run."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_tables_in_the_terminal_and_on_the_page(tmp_path):
    """Each load has its table: medians, the span of the main figure, and how it compares with
    ours; a failure says why; the page changes only between its markers.
    """
    flat = {"seconds": 10.0, "generator_cpu": 9.0, "ops": 20_000.0, "typed": 25_000.0, "lost": 0.0}
    ours = {**flat, "server_cpu": 5.0, "rss": 2.0**26}
    run = Run(
        "2026-01-01 00:00",
        this_machine(),
        Effort(),
        {
            "flat-10": {
                "deltapad (pure)": Cell(
                    (ours, {**ours, "ops": 30_000.0}, {**ours, "ops": 10_000.0})
                ),
                "y-websocket": Cell(({**ours, "ops": 5_000.0, "lost": 5_000.0},)),
                "ShareDB": Cell(failure="not installed: sharedb"),
            },
            "kill": {"deltapad (pure)": Cell(({"acknowledged": 9000.0, "lost": 0.0},))},
        },
    )
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_page(run, page)
    saved = save(run, tmp_path)
    console = Console(width=140, record=True, quiet=True)
    print_grids(console, grids(run))

    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "\nold\n" not in text
    assert "| deltapad (pure) | 2,000 (1,000-3,000) | 1.00 | 0.250 | 50% | 90% | 64 | 0% |" in text
    assert "| y-websocket | 500 | 0.25 | 1.000 | 50% | 90% | 64 | 20% |" in text
    assert "- (not installed: sharedb)" in text and "| deltapad (pure) | 0 | - | 9,000 |" in text
    assert json.loads(saved.read_text())["cells"]["kill"]["deltapad (pure)"]["failure"] == ""
    assert [len(grid.rows) for grid in grids(run)] == [3, 3, 1]


def test_the_page_has_its_markers():
    """`make bench-server` finds where the figures go."""
    text = (REPO / "docs/explanation/performance.md").read_text()

    assert text.index(BEGIN) < text.index(END)


def test_every_server_names_what_there_is():
    """Its program and its client are there, and its packages are in the list that is installed."""
    npm = json.loads((REPO / "benchmarks/package.json").read_text())["dependencies"]
    python = (REPO / "benchmarks/requirements.txt").read_text()
    folder = REPO / "benchmarks/server"
    for server in SERVERS:
        assert (folder / f"clients/{server.client}.mjs").is_file()
        program = Path(server.command(1, Path("data"))[-3 - len(server.arguments)])
        assert server.program == "deltapad" or program.is_file()
        assert all(package in npm for package in server.client_packages)
        if server.kind == "node":
            assert all(package in npm for package in server.packages)
        of_python = server.packages if server.kind == "python" else server.also
        assert all(f"{package}==" in python for package in of_python)


@pytest.mark.slow
def test_programs_are_javascript():
    """Node accepts the syntax of every program, installed packages or not."""
    programs = sorted((REPO / "benchmarks/server").glob("*/*.mjs"))

    done = [subprocess.run(["node", "--check", program], check=False) for program in programs]

    assert len(programs) > 10 and all(one.returncode == 0 for one in done)
