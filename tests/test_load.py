"""deltapad load: what it measures adds up, and it notices when texts do not end equal"""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner
from rich.console import Console

from ot.messages import DeltaMessage, OpsMessage, encode
from ot.operation import apply, validate
from server.__main__ import main
from server.app import create_app
from server.load.board import Board
from server.load.figures import Figures, Histogram, Latency
from server.load.plan import CLIENTS_MAX, MODELS, Plan
from server.load.plot import draw
from server.load.process import listening, usage
from server.load.replica import LogFrame, Replica
from server.load.report import Report, Second, ServerUse, knee
from server.load.run import differences
from server.load.tables import Seconds, print_ramp, print_report
from server.load.typist import Typist
from server.load.worker import Ended
from server.pad import Pad
from server.session import Session
from server.settings import Settings
from tests.conftest import DELTAPAD, ServerProcess

NONE = Latency(None, None, None, None)


def load(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, to its end."""
    return subprocess.run(
        [DELTAPAD, "load", *arguments], capture_output=True, text=True, timeout=100, check=False
    )


def report(**fields: Any) -> Report:
    """A report of nothing, but for these fields."""
    rates = ("acked", "deliveries", "frames_in", "bytes_in", "bytes_out")
    values: dict[str, Any] = {
        "plan": Plan(server="http://127.0.0.1", name="load"),
        "seconds": 1.0,
        "connected": 10,
        **dict.fromkeys(("seen", "acknowledged", "joined", "late"), NONE),
        "acked_ops": 0,
        "untimed": 0,
        "moves": 0.0,
        **dict.fromkeys(rates, 0.0),
        "server": None,
        "generator_cpu": [0.1],
        "generator_cores": 2,
        "errors": {},
        "differences": [],
        "timeline": [],
    }
    return Report(**{**values, **fields})


# --- The parts ----------------------------------------------------------------


def test_quantiles():
    """Are right to about one percent, whatever is added where; the longest is exact."""
    one, other = Histogram(), Histogram()
    for ms in range(1, 1_001):
        (one if ms % 3 else other).add(ms / 1e3)
    one.merge(other)
    latency = one.latency()
    assert latency.p50 == pytest.approx(500, rel=0.02)
    assert latency.p95 == pytest.approx(950, rel=0.02)
    assert latency.p99 == pytest.approx(990, rel=0.02)
    assert latency.max == 1_000
    assert Histogram().latency() == NONE


def test_weights_and_the_ends():
    """A weight is as many; too short and too long land in the first and last bucket."""
    histogram = Histogram()
    histogram.add(0.0, 3)
    histogram.add(1e9)
    assert histogram.count == 4
    assert histogram.quantile_ms(0.5) == pytest.approx(0.001, rel=0.02)
    assert histogram.longest == 1e9


def test_figures_add_up():
    """Counts and latencies of two are those of both."""
    one, other = Figures(acked=1, bytes_in=5), Figures(acked=2, deliveries=7, untimed=1)
    other.seen.add(0.5)
    one.merge(other)
    assert (one.acked, one.deliveries, one.untimed, one.bytes_in) == (3, 7, 1, 5)
    assert one.seen.count == 1


def test_the_board():
    """Gives times back, and nothing for what is not known or has been overwritten."""
    board = Board(writers=3, pads=2)
    board.edited(1, 5, 12.5)
    board.committed(1, 9, 13.5)
    assert board.edit_time(1, 5) == 12.5
    assert board.edit_time(2, 5) is None and board.edit_time(1, 6) is None
    assert board.revision_time(1, 9) == 13.5
    assert board.revision_time(0, 9) is None
    board.edited(1, 5 + 2**16, 14.5)
    assert board.edit_time(1, 5) is None


def test_the_plan():
    """Every seat is in one process, pads stay together, keys are all different."""
    plan = Plan(server="", name="x", pads=5, writers=2, readers=1, processes=4)
    seats = plan.seats()
    assert [seat for process in range(4) for seat in plan.seats_of(process)] == seats
    assert len(seats) == plan.clients == 15
    assert [seat.writer for seat in seats if seat.writer is not None] == list(range(10))
    assert len({plan.session_key(seat) for seat in seats}) == 15
    assert [phase for _, phase in plan.ticks()] == ["joining", "warm-up"] + ["measured"] * 10


@pytest.mark.parametrize("model", MODELS)
def test_typing(model):
    """Every edit is an operation that fits; the text comes to its length and stays about there."""
    typist = Typist(model, rate=10.0, length=3_000, rng=random.Random(7))
    text, pauses = "", 0.0
    for _ in range(12_000):
        op = typist.edit(len(text))
        text = apply(text, validate(op))
        pauses += typist.pause()
    assert 2_000 < len(text) < 4_500
    assert pauses == pytest.approx(1_200, rel=0.05)
    assert Typist(model, rate=0.0, length=1, rng=random.Random(1)).pause() == 0.0


def test_the_caret_keeps_its_place():
    """Who types a word goes on behind it, also when others type before it."""
    typist = Typist("steady", rate=1.0, length=10**6, rng=random.Random(3))
    (first, _) = typist.edit(1_000)
    assert isinstance(first, int)
    typist.receive(["twelve chars"])
    (then, *_) = typist.edit(1_013)
    assert then in (first + 13, first + 12)


def replica() -> tuple[Replica, Board]:
    board = Board(writers=2, pads=1)
    return Replica(0, {"ann": 0, "ben": 1}, board), board


def read(pad: Replica, message: OpsMessage | DeltaMessage) -> LogFrame:
    frame = pad.read(encode(message))
    assert isinstance(frame, LogFrame)
    return frame


def test_one_text_for_all_who_are_there():
    """Whoever has the same text at a revision shares it, on whichever way."""
    pad, board = replica()
    board.edited(0, 1, 1.5)
    state = pad.enter(0, "abc")
    two = read(pad, OpsMessage(start=0, ops=[("ann", 1, ["x"]), ("eve", 1, [1, "y"])]))
    assert two is pad.read(encode(two.message))
    assert two.times == [1.5, None] and two.oldest == 1.5
    end = pad.follow(state, two)
    assert end.text == "xyabc" and end.revision == 2
    assert pad.follow(state, two) is end
    one = read(pad, OpsMessage(start=0, ops=[("ann", 1, ["x"])]))
    rest = read(pad, DeltaMessage(start=1, end=2, op=[1, "y"]))
    assert pad.follow(pad.follow(state, one), rest) is end
    assert rest.times == [None]
    assert board.revision_time(0, 1) == 1.5
    assert pad.divergence is None


def test_different_texts_at_one_revision():
    """Are noticed, and each client goes on with its own."""
    pad, _ = replica()
    state = pad.enter(0, "abc")
    pad.follow(state, read(pad, OpsMessage(start=0, ops=[("ann", 1, ["x"])])))
    other = pad.follow(state, read(pad, OpsMessage(start=0, ops=[("ann", 1, ["y"])])))
    assert pad.divergence == 1
    assert other.text == "yabc"


def ended(process: int, texts: dict[int, dict[tuple[int, int, str], int]], **fields: Any) -> Ended:
    nothing = {"pending": 0, "lost": 0, "diverged": {}, "errors": {}}
    return Ended(process=process, figures=Figures(), texts=texts, **{**nothing, **fields})


def test_what_keeps_texts_from_being_equal():
    """Another text, revision or length, no text, what is pending, who gave up: all is told."""
    plan = Plan(server="", name="load", writers=2, readers=1)
    abc = (4, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    right = ended(0, {0: {abc: 2}})
    fresh = {0: (4, "abc")}
    assert differences(plan, [right, ended(1, {0: {abc: 1}})], fresh) == []
    (missing,) = differences(plan, [right], fresh)
    assert missing == "load-0: 1 client without a text"
    (behind,) = differences(plan, [right, ended(1, {0: {(3, 2, "77"): 1}})], fresh)
    assert behind.startswith("load-0: 1 client at revision 3 with 2 code points")
    whole = ended(0, {0: {abc: 3}}, pending=1, lost=2, diverged={0: 2})
    assert len(differences(plan, [whole], fresh)) == 3
    several = differences(plan, [whole, whole], fresh)
    assert len(several) == 5 and several[-1] == "and 3 more"


def test_the_servers_process(serve: ServerProcess, tmp_path):
    """Is found by its port, and looked at; what is not there is None."""
    assert listening(serve.port) == serve.pid
    used = usage(serve.pid)
    assert used is not None and used.rss_bytes > 2**20 and used.cpu_seconds > 0
    assert usage(serve.pid, tmp_path) is None
    assert listening(serve.port, tmp_path) is None


def test_the_knee():
    """The last step within the bound, before the first that is not; unmeasured is not within."""

    def step(writers: int, p95: float | None) -> Report:
        plan = Plan(server="", name="", writers=writers)
        return report(plan=plan, seen=Latency(1.0, p95, 9.0, 9.0))

    steps = [step(10, 2.0), step(15, 4.0), step(22, 30.0), step(33, 4.0)]
    assert knee(steps, bound_ms=5.0) is steps[1]
    assert knee(steps, bound_ms=1.0) is None
    assert knee([step(1, None)], bound_ms=1.0) is None


@pytest.mark.slow
def test_what_is_shown(tmp_path):
    """In a terminal there is a table while it runs; what is not known is a dash; limits are told;
    a ramp says whether it found its knee; and all of it can be drawn.
    """
    console = Console(force_terminal=True, width=150, record=True, file=io.StringIO())
    second = Second(1.0, "measured", 10, 5.0, 0.0, Latency(1.0, 2.0, 3.0, 400.0), None, None, 0.99)
    with Seconds(console) as seconds:
        seconds.show(second)
    use = ServerUse(7, 0.5, None, 40.0, 50.0, 60.0)
    bad = report(
        seen=Latency(1.0, 2.0, 3.0, 400.0),
        untimed=3,
        connected=9,
        server=use,
        generator_cpu=[0.99],
        errors={"server: busy": 2},
        differences=["load-0: [others]"],
        timeline=[second],
    )
    print_report(console, report(late=Latency(1.0, 30.0, 50.0, 60.0)))
    print_report(console, bad)
    print_ramp(console, [bad], bad, 50.0)
    print_ramp(console, [bad, bad], None, 50.0)
    print_ramp(console, [report(), bad], report(), 50.0)
    shown = console.export_text()
    for words in (
        *(
            "CPU -, RSS -",
            "at its limit",
            "too late to be timed",
            "Only 9 of 10",
            "something else was using",
            "2 times server: busy",
        ),
        *("load-0: [others]", "- per 1,000 ops", "No knee found", "Not even the first step"),
        *("have equal texts", "Knee: 10 writers", "400 ms"),
    ):
        assert words in shown, words
    for bound, name in ((None, "run.svg"), (50.0, "ramp.png")):
        draw(tmp_path / name, [bad, bad], bound_ms=bound)
        assert (tmp_path / name).stat().st_size > 5_000


# --- The command --------------------------------------------------------------


def test_wrong_arguments(tmp_path):
    """Exit code 2, before anything is connected, and what is wrong."""
    near = "http://127.0.0.1:9"
    for arguments, words in (
        (["http://192.0.2.1:8080"], "is not on this machine"),
        (["http://pads.example.org"], "--remote"),
        (["ftp://127.0.0.1"], "not the address of a server"),
        ([near, "--writers", "0"], "nobody is there"),
        ([near, "--writers", "9999", "--pads", "9"], f"at most {CLIENTS_MAX:,}"),
        ([near, "--processes", "99"], "--processes"),
        ([near, "--seconds", "1e9"], "--seconds"),
        ([near, "--rate", "-1"], "--rate"),
        ([near, "--model", "monkeys"], "monkeys"),
        ([near, "--ramp", "5", "--writers", "0", "--readers", "1"], "--ramp needs --writers"),
        ([near, "--plot", str(tmp_path / "a.pdf")], ".svg and .png"),
        ([near, "--plot", str(tmp_path / "none/a.svg")], "there is no folder"),
        ([near, "--json", str(tmp_path / "none/a.json")], "there is no folder"),
        ([near, "--pid", "99999999"], "no process 99999999"),
    ):
        result = CliRunner().invoke(main, ["load", *arguments])
        assert result.exit_code == 2, arguments
        assert words in " ".join(result.output.split()), arguments


def test_no_server():
    """One line that says so, exit code 1."""
    done = load("http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr == "Error: http://127.0.0.1:9 cannot be reached: Connection refused\n"


@pytest.mark.slow
def test_a_run(serve: ServerProcess, tmp_path):
    """Two pads in two processes, readers, joins: figures that fit together, as text, JSON, and
    image.
    """
    done = load(
        *(serve.url, "--pads", "2", "--writers", "2", "--readers", "2", "--rate", "30"),
        *(
            "--moves",
            "10",
            "--joins",
            "5",
            "--seconds",
            "1",
            "--processes",
            "2",
            "--seed",
            "7",
            "--length",
            "500",
        ),
        *("--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.svg")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 8 clients and a newcomer have equal texts." in done.stdout
    assert f"server {serve.pid}: CPU" in done.stdout
    written = json.loads((tmp_path / "a.json").read_bytes())
    (one,) = written["runs"]
    assert written["converged"] and one["errors"] == {} and one["differences"] == []
    assert one["plan"]["seed"] == 7 and one["connected"] == 8
    assert one["acked_ops"] > 0
    assert one["moves"] == pytest.approx(80, rel=0.5)
    assert 0 < one["seen"]["p50"] <= one["seen"]["p95"] <= one["seen"]["p99"] <= one["seen"]["max"]
    assert one["acknowledged"]["p50"] > 0 and one["joined"]["max"] > 0
    assert one["server"]["pid"] == serve.pid and one["server"]["rss_mib"] > 1
    assert [second["phase"] for second in one["timeline"]] == ["warm-up", "measured"]
    # Each acknowledged edit goes to three others, but for those who are away.
    assert one["deliveries"] == pytest.approx(3 * one["acked"], rel=0.5)
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_flat_out(serve: ServerProcess, model):
    """Every model types without a pause, and all texts end equal."""
    done = load(
        *(serve.url, "--writers", "4", "--readers", "1", "--rate", "0", "--model", model),
        *("--seconds", "0.5", "--pid", str(serve.pid)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{model}, flat out" in done.stdout


@pytest.mark.slow
def test_a_ramp(serve: ServerProcess, tmp_path):
    """Stops at the first step above the bound; the knee is the one before."""
    path = tmp_path / "ramp.json"
    arguments = ("--writers", "1", "--rate", "50", "--seconds", "0.5", "--json", str(path))
    # Whether a step keeps to a bound is the machine's business: to this none does.
    done = load(serve.url, *arguments, "--ramp", "0.000001", "--plot", str(tmp_path / "ramp.png"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not even the first step" in done.stdout
    written = json.loads(path.read_bytes())
    assert len(written["runs"]) == 1 and written["knee_writers"] is None


@pytest.mark.slow
def test_a_server_that_is_killed(serve: ServerProcess):
    """Everybody comes again and goes on; the errors are counted; nothing that was acknowledged is
    lost.
    """

    def kill() -> None:
        time.sleep(2.5)
        serve.kill()
        serve.start()

    again = threading.Thread(target=kill, daemon=True)
    again.start()
    done = load(serve.url, "--writers", "4", "--rate", "30", "--seconds", "6")
    again.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "times connection" in done.stdout
    assert "lost by the server" not in done.stdout


# --- A server that is wrong ---------------------------------------------------


@pytest.fixture
async def lying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of a server that tells readers another letter than was typed."""
    honest = Pad.next_frame

    def next_frame(self: Pad, session: Session) -> bytes | None:
        frame = honest(self, session)
        reads = self.presence._here[session.session].person.name.startswith("Reader")
        return re.sub(rb'"[a-z ]"]', b'"E"]', frame) if frame and reads else frame

    monkeypatch.setattr(Pad, "next_frame", next_frame)
    runner = web.AppRunner(create_app(Settings(data=tmp_path / "data")), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
async def test_texts_that_do_not_end_equal(lying, processes):
    """Are noticed within a process and over processes: exit code 1, and where."""
    done = await asyncio.to_thread(
        load,
        *(lying, "--writers", "1", "--readers", "1", "--rate", "40", "--seconds", "1.5"),
        *("--processes", str(processes)),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 client at revision" in done.stdout
    assert ("two clients had different texts" in done.stdout) == (processes == 1)
    assert "equal texts" not in done.stdout
