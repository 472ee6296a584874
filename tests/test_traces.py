"""log exports and editing traces: written, read, and refused where they are damaged"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot.errors import OperationError
from ot.log import Entry
from ot.operation import apply
from ot.traces import (
    CHECK_REVISIONS,
    LogHeader,
    LogReader,
    Trace,
    TraceError,
    patch_operation,
    read_trace,
    text_hash,
    transaction_operation,
    write_log,
)
from tests.conftest import REPO
from tests.editing_traces import encode_trace, own_trace

HEADER = LogHeader("notes", "Notes – 😀", 1_700_000_000_000)
ODD_TEXT = '\0 NUL, 😀 emoji, e\u0301 combining, \u2028 line, \r\n, \\ " \U0010ffff'


def entry(seq: int, op: list[int | str], *, session: str = "ada", person: str = "Ada") -> Entry:
    return Entry(op, session, person, seq, 1_700_000_000_000 + seq, b"digest %d" % seq)


ENTRIES = [
    entry(1, ["Hello"]),
    entry(1, [5, " world"], session="ben", person="Ben"),
    entry(2, [-1, "h"]),
    entry(3, []),
    entry(2, [ODD_TEXT], session="ben", person="Ben"),
]
LINES = list(write_log(HEADER, ENTRIES))


def long_log(revisions: int) -> list[Entry]:
    """A log with check lines."""
    ops = [patch_operation(patches[0]) for patches in own_trace(1, revisions).transactions]
    return [entry(seq, op) for seq, op in enumerate(ops, 1)]


def damage(lines: list[bytes]) -> tuple[list[Entry], TraceError, LogReader | None]:
    """What is read of a damaged log, and what is said of it."""
    read: list[Entry] = []
    reader: LogReader | None = None
    try:
        reader = LogReader(lines)
        read.extend(reader)
    except TraceError as error:
        return read, error, reader
    pytest.fail("the damage was not found")


def rehashed(contents: list[bytes]) -> list[bytes]:
    """Lines with other contents, but right hashes."""
    lines, before = [], b""
    for content in contents:
        body = content.rstrip()[:-1]
        digest = blake2b(before + body, digest_size=8).hexdigest()
        before = b',"h":"' + digest.encode() + b'"}\n'
        lines.append(body + before)
    return lines


def contents(lines: list[bytes]) -> list[bytes]:
    """Lines without their hashes."""
    return [line[:-25] + b"}\n" for line in lines]


def fenced(language: str) -> str:
    """The block of that language in the specification."""
    page = (REPO / "docs/reference/log-format.md").read_text()
    return page.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_log_of_the_specification():
    """Is read here, and written with the very bytes of the page."""
    lines = fenced("json").encode().splitlines(keepends=True)
    reader = LogReader(lines)
    entries = list(reader)
    assert str(reader.text) == "Hi, Ben!"
    assert list(write_log(reader.header, entries)) == lines


def test_the_reader_of_the_specification(tmp_path):
    """A program written from the page alone reads what we write, and finds damage."""
    (tmp_path / "read_log.py").write_text(fenced("python"))
    for name, lines in (("good", LINES), ("bad", [*LINES[:2], LINES[2][:-30] + LINES[2][-29:]])):
        (tmp_path / name).write_bytes(b"".join(lines))
    run = [sys.executable, "read_log.py"]
    good = subprocess.run([*run, "good"], cwd=tmp_path, capture_output=True, check=True)
    assert good.stdout.decode() == ODD_TEXT + "hello world"
    bad = subprocess.run([*run, "bad"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stderr) == (1, "line 3: damaged\n")


def test_round_trip():
    """What is written comes back, and is written again with the same bytes."""
    reader = LogReader(LINES)
    assert list(reader) == ENTRIES
    assert (reader.header, reader.revision, reader.line) == (HEADER, 5, len(LINES))
    assert str(reader.text) == ODD_TEXT + "hello world"
    assert list(write_log(reader.header, ENTRIES)) == LINES


def test_an_empty_log():
    """A pad in which nobody has typed."""
    lines = list(write_log(HEADER, []))
    assert len(lines) == 2
    assert list(LogReader(lines)) == []


def test_check_lines():
    """One after every 1,000 revisions, also if the log ends there."""
    entries = long_log(2 * CHECK_REVISIONS)
    lines = list(write_log(HEADER, entries))
    assert len(lines) == 1 + len(entries) + 2 + 1
    check = json.loads(lines[CHECK_REVISIONS + 1])
    text = ""
    for item in entries[:CHECK_REVISIONS]:
        text = apply(text, item.op)
    assert (check["check"], check["length"], check["text"]) == (
        CHECK_REVISIONS,
        len(text),
        text_hash(text),
    )
    assert list(LogReader(lines)) == entries


def test_what_does_not_fit_is_not_written():
    """A log that is wrong in the store does not become a file that looks right."""
    with pytest.raises(OperationError, match="covers 9 code points"):
        list(write_log(HEADER, [entry(1, ["a"]), entry(2, [8, -1])]))


@pytest.mark.parametrize("index", range(len(LINES)))
def test_damage_at_every_line(index):
    """A changed, missing, doubled or shortened line is found; what is before it is kept."""
    line = LINES[index]
    changed = (
        line.replace(b'"n":1', b'"n":2').replace(b"Notes", b"notes").replace(b'"n":3', b'"n":4')
    )
    changed = changed.replace(b'"end"', b'"emd"') if changed == line else changed
    changed = changed.replace(b'"t":1', b'"t":2') if changed == line else changed
    variants = {
        "changed": [*LINES[:index], changed, *LINES[index + 1 :]],
        "missing": [*LINES[:index], *LINES[index + 1 :]],
        "doubled": [*LINES[: index + 1], line, *LINES[index + 1 :]],
        "shortened": [*LINES[:index], line[: len(line) // 2] + b"\n", *LINES[index + 1 :]],
        "cut off": [*LINES[:index], line[:-1]],
        "at its end": LINES[:index],
    }
    for what, lines in variants.items():
        read, error, reader = damage(lines)
        assert error.line == index + 1 + (what == "doubled"), what
        whole = index - 1 + (what == "doubled")
        assert read == ENTRIES[: max(0, whole)], what
        if reader is not None:
            assert reader.revision == len(read)
        assert str(error) == f"line {error.line}: {error.reason}"


@pytest.mark.parametrize(
    ("number", "content", "reason"),
    [
        (1, b'{"deltapad":"trace","version":1}', "not a log export"),
        (1, b'{"deltapad":"log","version":2,"new":0}', "version 2; this deltapad reads 1"),
        (1, b'{"deltapad":"log","version":1}', "missing required field `pad`"),
        (1, b'{"deltapad":"log","version":1,"pad":"a b","title":"","created_ms":0}', "pad"),
        (1, b"[]", "Expected `object`"),
        (1, b'{"deltapad":"\xff","version":1}', "utf-8|UTF-8|encoding"),
        (2, b'{"r":1}', "missing required field"),
        (2, b'{"r":1,"s":"s","p":"p","n":1,"t":1,"d":"ZA==","op":["a"],"x":1}', "unknown field"),
        (2, b'{"r":1,"s":"s","p":"p","n":1,"t":1,"d":"","op":["a"]}', "length >= 1"),
        (2, b'{"r":1,"s":"s","p":"p","n":1,"t":1,"d":"ZA==","op":[0]}', "component 0 is 0"),
        (
            2,
            b'{"r":1,"s":"s","p":"p","n":1,"t":1,"d":"ZA==","op":["\\ud800"]}',
            "truncated|surrogate",
        ),
        (2, b'{"r":1,"s":"s","p":"p","n":1,"t":1,"d":"ZA==","op":[-1]}', "covers 1 code points"),
        (2, b'{"r":2,"s":"s","p":"p","n":1,"t":1,"d":"ZA==","op":["a"]}', "comes after revision 0"),
        (2, b'{"r":1,"s":"s","p":"p","n":2,"t":1,"d":"ZA==","op":["a"]}', "comes after its seq 0"),
        (3, b'{"r":2,"s":"ada","p":"X","n":2,"t":1,"d":"ZA==","op":["a"]}', "another person"),
        (2, b'{"check":0,"length":0,"text":""}', "neither an entry"),
        (7, b'{"end":4,"length":5,"text":"%s"}' % (b"0" * 32), "revision 4, but revision 5"),
        (7, b'{"end":5,"length":5,"text":"%s"}' % (b"0" * 32), "it should be 5"),
        (7, b'{"end":5,"length":-5,"text":""}', ">= 0"),
    ],
)
def test_lines_that_are_wrong_with_right_hashes(number, content, reason):
    """A reader does not trust who wrote the log."""
    lines = rehashed([*contents(LINES)[: number - 1], content, *contents(LINES)[number:]])
    _, error, _ = damage(lines)
    assert error.line == number
    assert re.search(reason, error.reason)


def test_check_lines_that_are_wrong():
    """The text is compared every 1,000 revisions; the entries before that are out already."""
    lines = contents(list(write_log(HEADER, long_log(CHECK_REVISIONS + 5))))
    at = CHECK_REVISIONS + 1
    other = json.loads(lines[at]) | {"text": "0" * 32}
    read, error, _ = damage(rehashed([*lines[:at], json.dumps(other).encode(), *lines[at + 1 :]]))
    assert (len(read), error.line) == (CHECK_REVISIONS, at + 1)
    assert "is another one" in error.reason
    _, error, _ = damage(rehashed([*lines[:at], *lines[at + 1 :]]))
    assert error.line == at + 1


def test_nothing_at_all():
    """No line, or an empty one."""
    assert damage([])[1].reason == "the log is cut off here, after revision 0"
    assert damage([b"\n"])[1].line == 1


@given(st.integers(0, len(b"".join(LINES)) - 1), st.integers(0, 255))
def test_any_byte_changed(place, value):
    """Is found, and never an exception of another kind."""
    whole = bytearray(b"".join(LINES))
    same = whole[place] == value
    whole[place] = value
    if same:
        assert list(LogReader(bytes(whole).splitlines(keepends=True))) == ENTRIES
    else:
        damage([line + b"\n" for line in bytes(whole).split(b"\n")[:-1]])


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_as_a_log(lines):
    """Are refused with a TraceError."""
    damage([b'{"deltapad":' + line + b"\n" for line in lines])


def decoded(**fields: object) -> Trace:
    return read_trace(json.dumps(fields))


def test_sequential_traces():
    """All that may be missing is missing in one, and there in the other."""
    bare = decoded(txns=[{"patches": [[0, 0, "a"], [1, 0, "b"]]}])
    assert bare == Trace("", None, [[(0, 0, "a"), (1, 0, "b")]], [0], [None], None)
    full = decoded(
        kind="sequential",
        startContent="x",
        endContent="",
        using="something else",
        txns=[{"time": "1970-01-01T00:00:01Z", "patches": [[0, 1, "", "a time", 5]]}],
    )
    assert full == Trace("x", "", [[(0, 1, "")]], [0], [1_000], None)


def test_concurrent_traces():
    """Who, on what, and when; with the time under either name."""
    trace = decoded(
        kind="concurrent",
        endContent="ab",
        numAgents=2,
        txns=[
            {"parents": [], "agent": 1, "numChildren": 1, "time": 5, "patches": [[0, 0, "a"]]},
            {"parents": [0], "agent": 0, "timestamp": "1970-01-01T00:00:02+00:00", "patches": []},
            {"patches": [[1, 0, "b"]]},
        ],
    )
    assert trace.authors == [1, 0, 0]
    assert trace.parents == [[], [0], []]
    assert trace.times_ms == [5, 2_000, None]


@pytest.mark.parametrize("trace", [own_trace(1, 50)])
def test_a_trace_comes_back(trace):
    """As it was written, but for the times."""
    again = read_trace(encode_trace(trace))
    assert (again.start, again.end) == (trace.start, trace.end)
    assert again.transactions == trace.transactions


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"txns":[{"patches":[[0,0,"\\ud800"]]}]}', "not JSON"),
        (b"[" * 100_000, "not JSON|not an editing trace"),
        (b"[]", "not an editing trace: Expected `object`"),
        (b"{}", "missing required field `txns`"),
        (b'{"txns":[{"patches":[[-1,0,"a"]]}]}', r"txns\[0\].patches\[0\]"),
        (b'{"txns":[{"patches":[[0,0]]}]}', r"txns\[0\].patches\[0\]"),
        (b'{"txns":[{"patches":[[0,true,"a"]]}]}', "Expected `int`"),
        (b'{"txns":[{"patches":[],"agent":"ada"}]}', "Expected `int`"),
        (b'{"txns":[],"kind":"strange"}', "kind 'strange' is not known"),
        (
            b'{"kind":"concurrent","txns":[{"patches":[],"parents":[0]}]}',
            "transaction 0 has a parent",
        ),
        (b'{"kind":"concurrent","txns":[{"patches":[],"parents":[-1]}]}', ">= 0"),
    ],
)
def test_what_is_not_a_trace(data, reason):
    """A TraceError that says why, without a line."""
    with pytest.raises(TraceError, match=reason) as caught:
        read_trace(data)
    assert caught.value.line is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["txns", "patches", "kind", "parents", "agent", "time", "startContent"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_any_json_as_a_trace(value):
    """Is a trace, or a TraceError."""
    try:
        trace = read_trace(json.dumps(value))
    except TraceError:
        return
    assert len(trace.transactions) == len(trace.times_ms) == len(trace.authors)


@given(st.binary(max_size=100))
def test_any_bytes_as_a_trace(data):
    """Hardly ever make one, and never another exception."""
    with pytest.raises(TraceError):
        read_trace(data)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60, 23 * 60),
)
def test_times(naive, minutes):
    """As the standard library reads them."""
    time = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = decoded(txns=[{"time": time.isoformat(), "patches": []}]).times_ms[0]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert read == (time - epoch) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "time", ["", "yesterday", "2024-01-01", "2024-01-01T00:00:00", 1e300, None]
)
def test_times_that_are_none(time):
    """Are not known; a trace is good without."""
    assert decoded(txns=[{"time": time, "patches": []}]).times_ms == [None]


def test_patches_as_operations():
    """First what is removed, then what is inserted; a patch that does nothing is nothing."""
    assert patch_operation((2, 1, "x")) == [2, -1, "x"]
    assert patch_operation((0, 0, "x")) == ["x"]
    assert patch_operation((0, 2, "")) == [-2]
    assert patch_operation((5, 0, "")) == []
    assert transaction_operation([(0, 0, "abc"), (1, 1, ""), (9, 0, "")]) == ["ac"]
    assert transaction_operation([]) == []


def test_hashes_of_texts():
    """BLAKE2b-128 of UTF-8: the one of the empty text is known."""
    assert text_hash("") == "cae66941d9efbd404e4d88758ea67670"
    assert msgspec.json.decode(LINES[-1])["text"] == text_hash(ODD_TEXT + "hello world")
