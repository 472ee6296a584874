"""deltapad replay: logs and traces, verified, stopped, damaged, drawn"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner, Result

from ot.log import Entry
from ot.traces import LogHeader, LogReader, Trace, text_hash, write_log
from server.__main__ import main
from server.plot import Curve, PlotError
from server.replay import Recording, Step
from tests.conftest import DELTAPAD
from tests.editing_traces import (
    FOLDER,
    concurrent_trace,
    encode_trace,
    own_trace,
    patch_operation,
    public_trace,
)

SEQUENTIAL = own_trace(3, 500)
CONCURRENT = concurrent_trace(3, authors=3, edits=200, deletes=False)


def run(*arguments: str | Path) -> Result:
    """`deltapad replay`, without a terminal."""
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


@pytest.fixture
def sequential(tmp_path: Path) -> Path:
    path = tmp_path / "own.json"
    path.write_bytes(encode_trace(SEQUENTIAL))
    return path


@pytest.fixture
def concurrent(tmp_path: Path) -> Path:
    path = tmp_path / "three.json.gz"
    path.write_bytes(gzip.compress(encode_trace(CONCURRENT)))
    return path


def log_lines(revisions: int = 300) -> list[bytes]:
    """A log of two people who take turns."""
    entries, seqs = [], [0, 0]
    for index, patches in enumerate(own_trace(4, revisions).transactions):
        who = index // 20 % 2
        seqs[who] += 1
        op = patch_operation(patches[0])
        entries.append(Entry(op, f"s{who}", f"p{who}", seqs[who], 1_000 * index, b"digest"))
    return list(write_log(LogHeader("notes", "Our notes", 0), entries))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "notes.jsonl.zst"
    path.write_bytes(zstandard.compress(b"".join(log_lines())))
    return path


def test_the_table(sequential, concurrent, log):
    """A row for each file: what it is, revisions, edits, length, hash, and that it is right."""
    result = run(sequential, concurrent, log, "--verify")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [re.split(r"  +", line.strip()) for line in result.stdout.splitlines()]
    assert rows[0] == [
        *(
            "file",
            "kind",
            "authors",
            "revisions",
            "edits",
            "length",
            "hash",
            "read",
            "replay",
            "edits/s",
        )
    ]
    assert len(rows) == 4
    for row, path, kind, authors, revisions, text in (
        (rows[1], sequential, "sequential trace", "1", "500", SEQUENTIAL.end),
        (rows[2], concurrent, "concurrent trace", "3", "200", CONCURRENT.end),
        (rows[3], log, "log", "2", "300", own_trace(4, 300).end),
    ):
        assert text is not None
        expected = [str(path), kind, authors, revisions, revisions, str(len(text)), text_hash(text)]
        assert row[:7] == expected
        assert row[-1] == "verified"


def test_text_alone_on_standard_output(log):
    """So that it can be piped; the table is on standard error."""
    result = run(log, "--text")
    assert result.stdout == own_trace(4, 300).end
    assert "notes.jsonl.zst" in result.stderr


@pytest.mark.slow
def test_standard_input():
    """`-` is what is piped in, whatever it is compressed with."""
    packed = gzip.compress(b"".join(log_lines()))
    done = subprocess.run(
        [DELTAPAD, "replay", "-", "--text"], input=packed, capture_output=True, check=True
    )
    assert done.stdout.decode() == own_trace(4, 300).end


@pytest.mark.parametrize("revision", [0, 1, 250, 500])
def test_until(sequential, revision):
    """The text as it was after that revision."""
    result = run(sequential, "--until", str(revision), "--text")
    assert result.exit_code == 0
    assert result.stdout == own_trace(3, revision).end
    assert f"at revision {revision}" in result.stderr


def test_until_a_revision_that_is_not_there(sequential):
    """Exit code 1, with how far it goes."""
    result = run(sequential, "--until", "501")
    assert result.exit_code == 1
    assert "there is no revision 501: it has 500" in result.stderr


def test_another_end_than_the_trace_says(tmp_path):
    """Exit code 1, and where the difference is."""
    path = tmp_path / "wrong.json"
    assert SEQUENTIAL.end is not None
    path.write_bytes(encode_trace(replace(SEQUENTIAL, end=SEQUENTIAL.end[:9] + "?")))
    result = run(path, "--verify")
    assert result.exit_code == 1
    assert "differs" in result.stdout
    assert f"the text ends with {len(SEQUENTIAL.end)} code points, the trace says 10" in (
        result.stderr
    )
    assert "from code point 9 on" in result.stderr
    assert run(path).exit_code == 0, "nobody asked"
    path.write_bytes(encode_trace(replace(SEQUENTIAL, end=None)))
    assert "does not say what its end text is" in run(path, "--verify").stderr


def test_where_the_other_order_is_the_right_one(tmp_path):
    """Two insert at one place: the trace's end tells who went first."""
    trace = Trace("", "BA", [[(0, 0, "A")], [(0, 0, "B")]], [0, 1], [None] * 2, [[], []])
    path = tmp_path / "tie.json"
    for end, code in (("AB", 0), ("BA", 0), ("XY", 1)):
        path.write_bytes(encode_trace(replace(trace, end=end)))
        assert run(path, "--verify").exit_code == code


def test_a_graph_that_no_server_has_made(tmp_path):
    """Is said, and what the rule makes of it is shown."""
    parents: list[list[int]] = [[], [], [0], [1]]
    patches = [[(0, 0, letter)] for letter in "abcd"]
    path = tmp_path / "odd.json"
    path.write_bytes(encode_trace(Trace("", "", patches, [0, 1, 2, 3], [None] * 4, parents)))
    result = run(path)
    assert result.exit_code == 0
    assert "its graph is not that of one log" in result.stdout


def test_a_damaged_log(tmp_path):
    """File, line and reason, exit code 1; what came before is there."""
    lines = log_lines()
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b"".join([*lines[:101], lines[101].replace(b'"r"', b'"R"'), *lines[102:]]))
    result = run(path, "--text")
    assert result.exit_code == 1
    assert result.stdout == own_trace(4, 100).end
    assert f"{path}: line 102: its hash is wrong" in result.stderr
    assert "What comes before is kept: 100 revisions" in result.stderr


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_compressed_file_that_was_cut_off(tmp_path, kind):
    """What can be unpacked of it is kept."""
    # Bytes that do not pack well, so that the cut is somewhere among the lines.
    whole = b"".join(log_lines(6_000))
    packed = gzip.compress(whole) if kind == "gzip" else zstandard.compress(whole)
    path = tmp_path / "cut"
    path.write_bytes(packed[: len(packed) // 2])
    result = run(path)
    assert result.exit_code == 1
    assert re.search(r"line \d+: .*cut off", result.stderr)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"no json", "not JSON"),
        (b"\x1f\x8b and no gzip", "damaged or cut off"),
        (b"\x28\xb5\x2f\xfd and no zstd", "damaged or cut off"),
        (b'{"deltapad":"log"', "line 1: the log is cut off here"),
        (b'{"txns":[{"patches":[[1,0,"a"]]}]}', "transaction 0: the operation covers 1"),
        (b'{"kind":"concurrent","txns":[{"patches":[[1,0,"a"]]}]}', "transaction 0 reaches to 1"),
    ],
)
def test_what_cannot_be_read(tmp_path, content, reason):
    """One line that says why, exit code 1, no traceback."""
    path = tmp_path / "file"
    path.write_bytes(content)
    result = run(path)
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert reason in result.stderr
    assert "damaged" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nowhere.json",),
        ("FILE", "--until", "-1"),
        ("FILE", "--until", "1", "--verify"),
        ("FILE", "FILE", "--text"),
        ("FILE", "--pad", "x"),
        ("FILE", "--speed", "fast"),
        ("FILE", "--speed", "0x"),
        ("FILE", "--plot", "x.pdf"),
    ],
)
def test_wrong_arguments(sequential, arguments):
    """Exit code 2."""
    assert run(*(sequential if part == "FILE" else part for part in arguments)).exit_code == 2


def test_edits_of_a_log():
    """Are the places at which its operations change something."""
    entries = [Entry(["abc"], "s", "p", 1, 0, b"d"), Entry([-1, "x", 1, "y"], "s", "p", 2, 0, b"d")]
    lines = write_log(LogHeader("pad", "", 0), entries)
    recording = Recording(LogReader(lines))
    steps = list(recording.steps())
    assert [step.edits for step in steps if step] == [1, 2]
    assert (recording.edits, recording.authors, recording.title) == (3, ["p"], "pad")


@pytest.mark.slow
def test_plots(tmp_path, log):
    """A picture of each kind; the same log gives the same SVG."""
    pictures = [tmp_path / name for name in ("a.svg", "b.svg", "c.png")]
    for picture in pictures:
        assert run(log, "--plot", picture).exit_code == 0
    first, second, third = (picture.read_bytes() for picture in pictures)
    assert first == second
    assert b"<svg" in first and b"Our notes" not in first.partition(b"<defs>")[0]
    assert third.startswith(b"\x89PNG")


@pytest.mark.slow
def test_plots_of_many_authors(tmp_path):
    """The busiest have colours, all others share a grey."""
    curve = Curve()
    for index in range(2_000):
        curve.add(Step(["x"], str(index % 12), 1, None), index)
    path = tmp_path / "many.svg"
    curve.save(path, title="Many", names=[f"Author {number}" for number in range(12)])
    assert path.stat().st_size > 1_000


def test_plots_that_cannot_be(tmp_path, monkeypatch):
    """Nothing to draw, another kind of file, or no matplotlib: each is said."""
    curve = Curve()
    with pytest.raises(PlotError, match="no revisions"):
        curve.save(tmp_path / "x.svg", title="", names=[])
    curve.add(Step(["x"], "a", 1, None), 1)
    with pytest.raises(PlotError, match=r"neither .svg nor .png"):
        curve.save(tmp_path / "x.pdf", title="", names=["a"])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install 'deltapad\[plot\]'"):
        curve.save(tmp_path / "x.svg", title="", names=["a"])


@pytest.mark.slow
def test_the_progress_bar_is_for_terminals(sequential):
    """Nothing of it in files and pipes; in a terminal it does no harm."""
    script = "import pty, sys\nsys.exit(pty.spawn(sys.argv[1:]) >> 8)\n"
    done = subprocess.run(
        [sys.executable, "-c", script, DELTAPAD, "replay", sequential, "--verify"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "verified" in done.stdout and text_hash(SEQUENTIAL.end or "") in done.stdout


NAMED = ("seq/sveltecomponent", "seq/rustcode", "seq/automerge-paper", "conc/friendsforever")
FOUND = (str(path.relative_to(FOLDER))[: -len(".json.gz")] for path in FOLDER.rglob("*.json.gz"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*NAMED, *FOUND}))
def test_public_traces(name):
    """All that are in the folder end as they say."""
    result = run(public_trace(name), "--verify")
    assert result.exit_code == 0, result.stderr
    assert "verified" in result.stdout


def test_the_json_of_a_trace_has_no_surprises(sequential):
    """The traces that are written for these tests are of the public format."""
    value = json.loads(sequential.read_bytes())
    assert set(value) == {"startContent", "endContent", "txns"}
