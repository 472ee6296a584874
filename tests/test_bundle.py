"""a replay bundle says where the page and the log part"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ot.checksum import text_crc32
from ot.client import Client
from ot.steps import Step, run_step
from server.bundle import BUNDLE_START, Bundle, LogPart, Shown, explain, read_bundle

START = {"revision": 2, "last_seq": 4, "in_flight": None, "buffer": None}
# On "ab" of revision 2 Ben puts "c" behind it, Ada "x" before it.
LOG = LogPart(start=2, text="ab", entries=[("ben", 9, [2, "c"]), ("ada", 5, ["x"])])
END = "xabc"
STEPS: list[dict[str, Any]] = [
    {"do": "edit", "op": ["x"], "gives": None},
    {"do": "send", "gives": {"base": 2, "seq": 5, "op": ["x"]}},
    {
        "do": "receive",
        "message": {"type": "ops", "from": 2, "ops": [["ben", 9, [2, "c"]], ["me", 5, ["x"]]]},
        "gives": {"op": [3, "c"], "acknowledged": 5},
    },
]


def shown(text: str, *, sent: bool = True) -> Shown:
    return Shown(len(text), text_crc32(text), text if sent else None)


def bundle(text: str = "xab?", **fields: Any) -> Bundle:
    """One of a page that shows `text`; fields that differ are given."""
    steps = msgspec.Raw(msgspec.json.encode(fields.pop("steps", STEPS)))
    start = msgspec.Raw(msgspec.json.encode(fields.pop("start", START)))
    of_log = shown(END, sent=False)
    values: dict[str, Any] = {"bundle": 1, "package": "0.1.0", "protocol": "1.2", "time_ms": 0}
    values |= {"pad": 7, "role": "write", "session": "ada", "revision": 4, "log": LOG}
    values |= {"client": shown(text), "server": of_log, "start": start, "steps": steps}
    return Bundle(**(values | fields))


def changed(number: int, **fields: Any) -> list[dict[str, Any]]:
    """The steps, of which one is another one."""
    return [step | fields if at == number else step for at, step in enumerate(STEPS, 1)]


def test_there_and_back():
    """As it is written it is read, and it begins as bundles do."""
    content = msgspec.json.encode(bundle())

    assert content.startswith(BUNDLE_START)
    assert read_bundle(content) == bundle()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"bundle":1}', b"[" * 100_000, b"\xff"])
def test_what_is_no_bundle(content):
    with pytest.raises(ValueError, match="cannot be read"):
        read_bundle(content)


def test_the_editor_differed():
    """When each step is right, the text on screen was not what the machine had made of it."""
    finding = explain(bundle())

    assert finding.verdict == (
        "The machine agrees with the log, so the editor's text differed: "
        "from code point 3 on it was '?', not 'c'."
    )
    assert finding.details[-1] == "log: revisions 2 to 4; trace: 3 steps from revision 2"


def test_the_text_was_too_long_to_be_sent():
    finding = explain(bundle(client=shown("xab?", sent=False)))

    assert finding.verdict.endswith("so the editor's text differed. It was too long to be sent.")


def test_the_checksum_was_wrong():
    """The text is that of the log: then nobody but the checksum can be wrong."""
    finding = explain(bundle(END, client=Shown(4, 0, END)))

    assert "the checksum was wrong" in finding.verdict


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        (
            changed(2, gives={"base": 2, "seq": 6, "op": ["x"]}),
            "Step 2 of 3 (send): the page's machine gave {'base': 2, 'seq': 6, 'op': ['x']}, "
            "this one {'base': 2, 'seq': 5, 'op': ['x']}.",
        ),
        (
            changed(3, gives={"op": [2, "c"], "acknowledged": 5}),
            "Step 3 of 3 (receive): the page's machine gave",
        ),
        (
            changed(
                3,
                message={"type": "ops", "from": 2, "ops": [["ben", 9, [1, "c"]]]},
                gives={"op": [2, "c"], "acknowledged": None},
            ),
            "Step 3 of 3 (receive): revision 3 came as [1, 'c']; the log has [2, 'c'].",
        ),
        (
            changed(
                3,
                message={"type": "delta", "from": 2, "to": 3, "op": [2, "d"]},
                gives={"op": [3, "d"], "acknowledged": None},
            ),
            "Step 3 of 3 (receive): came [2, 'd']; the log has [2, 'c'].",
        ),
        (
            changed(3, message={"type": "ops", "from": 3, "ops": []}, gives="desync"),
            "Step 3 of 3 (receive): what came cannot follow what was there.",
        ),
        (changed(2, do="fly"), "Step 2 of 3 (fly): this cannot be replayed: ValueError("),
        (changed(1, op=[-9]), "Step 1 of 3 (edit): this cannot be replayed: OperationError("),
        (changed(1, op=7), "Step 1 of 3 (edit): this cannot be replayed: TypeError("),
        ([{}], "Step 1 of 1 (None): this cannot be replayed: KeyError("),
    ],
)
def test_the_step_that_is_wrong(steps, verdict):
    """Each is named with its number, and with what is wrong with it."""
    assert explain(bundle(steps=steps)).verdict.startswith(verdict)


def test_a_delta_stands_for_its_entries():
    """It is compared by what it makes of the text."""
    delta = {"type": "delta", "from": 2, "to": 4, "op": ["x", 2, "c"]}
    steps = [{"do": "receive", "message": delta}]

    assert "was '?', not 'c'" in explain(bundle(steps=steps)).verdict


def test_a_machine_that_is_wrong_here_too(monkeypatch):
    """What it makes of the text is compared with the log, whatever the page's machine gave."""

    def wrong(machine: Client, step: Step) -> Any:
        gives = run_step(machine, step)
        return gives | {"op": [3, "d"]} if step["do"] == "receive" else gives

    monkeypatch.setattr("server.bundle.run_step", wrong)
    steps = [{name: step[name] for name in step if name != "gives"} for step in STEPS]

    assert explain(bundle(steps=steps)).verdict == (
        "Step 3 of 3 (receive): the machine's text is not that of the log with what is pending."
    )


def test_a_trace_that_goes_on_past_the_log():
    """Of what is not there nothing is said."""
    frame = {"type": "ops", "from": 4, "ops": [["ben", 10, [4, "!"]]]}
    steps = [*STEPS, {"do": "receive", "message": frame}]

    assert explain(bundle(steps=steps)).verdict.endswith("as far as the log was kept.")


def test_the_text_in_the_server_was_wrong():
    """Then it is none of the page's faults."""
    finding = explain(bundle(server=shown("xabd", sent=False)))

    assert finding.verdict == "The text in the server's memory was not that of its log."


def test_pending_edits_are_on_the_screen():
    """Also those that the trace begins with."""
    flight = {"seq": 4, "base": 1, "sent": [2, "f"], "op": [2, "f"]}
    start = START | {"in_flight": flight, "buffer": [3, "b"]}
    log = LogPart(start=2, text="ab", entries=[])
    of_log = shown("ab", sent=False)
    fields: dict[str, Any] = {"start": start, "steps": [], "log": log, "server": of_log}

    assert "the checksum was wrong" in explain(bundle("abfb", revision=2, **fields)).verdict
    assert "'fb'" in explain(bundle("ab", revision=2, **fields)).verdict


def test_without_a_trace_the_texts_are_compared():
    finding = explain(bundle(start=None, steps=[]))

    assert "from code point 3 on it was '?', not 'c'" in finding.verdict


def test_without_the_text_at_its_start_the_machine_alone_is_replayed():
    finding = explain(bundle(log=LogPart(start=2, text=None, entries=LOG.entries)))

    assert finding.verdict == "The machine agrees with the log, as far as the log was kept."
    assert "only its machine was run" in finding.details[-1]


def test_a_log_that_begins_behind_the_trace():
    """Where they meet, the text is known again."""
    finding = explain(bundle(log=LogPart(start=4, text=END, entries=[])))

    assert "from code point 3 on it was '?', not 'c'" in finding.verdict


@pytest.mark.parametrize(
    "fields",
    [{"steps": 7}, {"start": 7}, {"start": {}}, {"log": LogPart(2, "ab", [("b", 1, [9, "x"])])}],
)
def test_a_bundle_that_makes_no_sense(fields):
    """A client may have sent anything."""
    assert explain(bundle(**fields)).verdict.startswith("This bundle cannot be replayed: ")
