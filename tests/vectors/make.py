"""makes the vectors beside it: cases that every implementation of the protocol must pass

The inputs stand here, written by hand; the results come from `ot`. Run it with
`python -m tests.vectors.make` after adding a case, and read the difference before keeping it: a
changed result of an old case is a changed protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ot.checksum import text_crc32
from ot.errors import OperationError
from ot.messages import PROTOCOL_VERSION
from ot.operation import (
    apply,
    caret_after,
    compose,
    invert,
    split,
    transform,
    transform_position,
    validate,
)
from server.session import Session
from tests.vectors.client_traces import client_vectors
from tests.vectors.hostile import hostile_vectors
from tests.vectors.wire import Script, Server
from tests.vectors.wire_clients import FOR_CLIENTS
from tests.vectors.wire_conversations import CONVERSATIONS, FOR_SERVERS, NEEDS
from tests.vectors.wire_refused import REFUSED, REFUSED_FIRST, before_refusals, refusal

HERE = Path(__file__).resolve().parent
Case = dict[str, Any]


# --- operations -----------------------------------------------------------------------------------


def apply_vectors() -> dict[str, list[Case]]:
    """Texts and operations, well and badly formed."""
    inputs: list[tuple[str, str, Any]] = [
        ("the example of the protocol", "hello old world", [6, "big ", -3, "new"]),
        ("nothing", "abc", []),
        ("into the empty text", "", ["abc"]),
        ("everything deleted", "abc", [-3]),
        ("what is not mentioned is kept", "abcdef", [1, -1, "X"]),
        ("code points, not UTF-16 units", "a😀b😀c", [2, -1, "x", 1, -1]),
        ("an emoji of several code points can be cut", "👩‍🚀", [1, -1, "x"]),
        ("line breaks are code points as any", "a\r\nb\n", [1, -1, 1, "c"]),
        ("null and the largest code point", "\x00", [1, "\U0010ffff"]),
        ("a retain past the end", "abc", [4, "x"]),
        ("a delete past the end", "abc", [1, -3]),
        ("past the end in code points, not in units", "😀😀", [1, -2]),
        ("zero", "abc", [0]),
        ("empty insert", "abc", [1, ""]),
        ("two inserts", "abc", ["a", "b"]),
        ("two retains", "abc", [1, 1, "x"]),
        ("two deletes", "abc", [-1, -1]),
        ("trailing retain", "abc", ["x", 1]),
        ("a boolean", "abc", [True, "x"]),
        ("null", "abc", [None]),
        ("a fraction", "abc", [1.5, "x"]),
        ("an operation inside an operation", "abc", [["x"]]),
        ("no array", "abc", "x"),
        ("half a pair, the first", "abc", ["a\ud83d"]),
        ("half a pair, the second", "abc", [1, "\ude00b"]),
    ]
    cases: list[Case] = []
    for name, text, op in inputs:
        case: Case = {"name": name, "text": text, "op": op}
        try:
            cases.append(case | {"result": apply(text, validate(op))})
        except OperationError as error:
            cases.append(case | {"error": error.code})
    return {"cases": cases}


def transform_vectors() -> dict[str, list[Case]]:
    """Diamonds, and chains under the catch-up law."""
    diamonds: list[tuple[str, str, list[Any], list[Any]]] = [
        ("far apart", "abcdef", [1, "X"], [5, "Y"]),
        ("a tie: the log's insert goes left", "ab", [1, "X"], [1, "Y"]),
        ("a tie: also if the late text is the smaller one", "ab", [1, "Y"], [1, "X"]),
        ("a tie between own deletes", "AB", [1, "X"], [-1, "l", -1, "r"]),
        ("the log's insert before the delete", "ab", [1, "X"], [1, -1]),
        ("the log's insert behind the delete", "ab", [2, "X"], [1, -1]),
        ("the log's insert inside the delete", "abcd", [2, "X"], [1, -2]),
        ("an insert inside what the log deletes", "abcd", [1, -2], [2, "X"]),
        ("both delete the same", "abc", [1, -1], [1, -1]),
        ("deletes that overlap", "abcdef", [1, -3], [2, -3]),
        ("insert behind the own delete, at the log's insert", "A", ["x"], [-1, "z"]),
        ("insert before the own delete, at the log's insert", "A", ["x"], ["z", -1]),
        ("the log replaced what the other one replaces", "A", [-1, "x"], [-1, "y"]),
        ("emoji count once", "😀😀", [1, "🚀"], [2, "é"]),
        ("nothing against something", "abc", [], [1, -1]),
        ("something against nothing", "abc", [1, "X"], []),
        ("the log's is longer", "abcd", ["x", 3, -1], ["y"]),
    ]
    cases: list[Case] = []
    for name, text, log_op, op in diamonds:
        new_log_op, new_op = transform(log_op, op)
        result = apply(apply(text, log_op), new_op)
        cases.append(
            {"name": name, "text": text, "log_op": log_op, "op": op}
            | {"new_log_op": new_log_op, "new_op": new_op, "result": result}
        )
    chains: list[tuple[str, str, list[Any], list[Any], list[Any]]] = [
        ("breaks if inserts are sorted before deletes", "A", ["ee", -1], [1, "z"], [-1]),
        ("an insert into the place of a deleted run", "abc", [2, "X"], [-3], ["Y"]),
        ("a run deleted in two steps", "abcd", [2, "X"], [1, -1], [-3]),
        ("inserted and taken back", "ab", [1, "X"], [1, "yy"], [1, -2]),
        ("ties on both sides of a delete", "AB", [1, "X"], [1, "l", -1, "r"], ["L", 2, "R"]),
    ]
    laws: list[Case] = []
    for name, text, a, b, c in chains:
        new_a = transform(compose(b, c), a)[1]
        laws.append({"name": name, "text": text, "a": a, "b": b, "c": c, "new_a": new_a})
    return {"cases": cases, "catch_up": laws}


def compose_vectors() -> dict[str, list[Case]]:
    """Pairs that become one, and large ones cut in two."""
    pairs: list[tuple[str, str, list[Any], list[Any]]] = [
        ("two inserts side by side", "", ["a"], [1, "b"]),
        ("an insert into an insert", "", ["ac"], [1, "b"]),
        ("an insert taken back", "x", [1, "abc"], [1, -3]),
        ("an insert taken back in part", "", ["abc"], [1, -1]),
        ("b's insert comes before a's delete", "A", [-1], ["z"]),
        ("replace, then write on", "A", [-1, "z"], [1, "y"]),
        ("write before, then delete: the order stays", "A", ["z"], [1, -1]),
        ("write behind, then delete: the order stays", "A", [1, "z"], [-1]),
        ("deletes join across a's delete", "abcd", [1, -1], [-2]),
        ("b reaches further than a", "abcdef", ["x"], [5, -1, "y"]),
        ("a reaches further than b", "abcdef", [5, "x"], [-1]),
        ("nothing, then something", "ab", [], [1, "x"]),
        ("something, then nothing", "ab", [-1], []),
        ("an inserted pair of emoji is cut between them", "", ["😀🚀"], [1, -1, "é"]),
    ]
    cases: list[Case] = []
    for name, text, a, b in pairs:
        composed = compose(a, b)
        cases.append(
            {"name": name, "text": text, "a": a, "b": b, "composed": composed}
            | {"result": apply(text, composed)}
        )
    large: list[tuple[str, list[Any], int, int]] = [
        ("it fits", ["abc", -1], 3, 3),
        ("inside an insert", ["abc", -2], 2, 9),
        ("inside an insert of emoji", [1, "😀🚀😀"], 2, 9),
        ("right after an insert", ["ab", 1, "cd"], 2, 9),
        ("a delete and the insert behind it stay together", ["a", 1, -1, "b"], 9, 3),
        ("inside the insert of a replacement", [2, -1, "abc", 1, -1], 1, 9),
        ("too many components", ["a", 1, "b", 1, "c"], 9, 3),
    ]
    splits: list[Case] = []
    for name, op, inserted_max, components_max in large:
        first, rest = split(op, inserted_max=inserted_max, components_max=components_max)
        limits = {"inserted_max": inserted_max, "components_max": components_max}
        splits.append({"name": name, "op": op, **limits, "first": first, "rest": rest})
    return {"cases": cases, "split": splits}


def invert_vectors() -> dict[str, list[Case]]:
    """Operations and what takes them back."""
    inputs: list[tuple[str, str, list[Any]]] = [
        ("insert", "abc", [1, "xy"]),
        ("delete", "abc", [1, -1]),
        ("replace", "abc", [1, -1, "xy"]),
        ("several places", "abcdef", ["x", 2, -2, 1, "y"]),
        ("emoji", "a😀b", [1, -1, "🚀🚀"]),
        ("nothing", "abc", []),
    ]
    return {
        "cases": [
            {"name": name, "text": text, "op": op, "inverse": invert(op, text)}
            for name, text, op in inputs
        ]
    }


def position_vectors() -> dict[str, list[Case]]:
    """Where positions and carets go."""
    inputs: list[tuple[str, int, list[Any]]] = [
        ("before all", 1, [2, "xy"]),
        ("an insert before it", 3, [2, "xy"]),
        ("an insert exactly there", 2, [2, "xy"]),
        ("a delete before it", 3, [1, -1]),
        ("inside a delete", 2, [1, -3]),
        ("at the start of a delete", 1, [1, -3]),
        ("at the end of a delete", 4, [1, -3]),
        ("inside what is replaced", 2, [1, -3, "xy"]),
        ("at the end of what is replaced", 4, [1, -3, "xy"]),
        ("an insert, and a delete behind it", 1, [1, "xy", -1]),
        ("emoji count once", 1, ["😀"]),
        ("nothing happens", 5, []),
    ]
    carets: list[tuple[str, list[Any]]] = [
        ("after an insert", [2, "xy"]),
        ("after a delete", [2, -3]),
        ("after the last of several", ["a", 3, -1, 2, "😀b"]),
        ("a delete behind an insert", ["abc", -1]),
        ("nothing was done", []),
    ]
    return {
        "cases": [
            {"name": name, "position": position, "op": op}
            | {"left": transform_position(position, op)}
            | {"right": transform_position(position, op, sticky="right")}
            for name, position, op in inputs
        ],
        "caret_after": [{"name": name, "op": op, "caret": caret_after(op)} for name, op in carets],
    }


# --- UTF-16 ---------------------------------------------------------------------------------------


def utf16_offset(text: str, position: int) -> int:
    """The UTF-16 offset of a position in code points."""
    return len(text[:position].encode("utf-16-le")) // 2


def utf16_vectors() -> dict[str, list[Case]]:
    """Positions both ways, and the changes of an editor that counts UTF-16 units."""
    # The last one has the code points on both sides of the surrogates, and of the basic plane.
    edges = "\ud7ff\ue000\uffff\U00010000\U0010ffff"
    texts = ["", "abc", "a😀b", "😀🚀", "é\n中😀\n", "👩‍🚀x", "e\u0301😀\u0301", edges]
    # Changes as (from, to, insert), in code points of the old text, left to right.
    edits: list[tuple[str, str, list[tuple[int, int, str]]]] = [
        ("type behind an emoji", "a😀b", [(2, 2, "x")]),
        ("delete an emoji", "a😀b", [(1, 2, "")]),
        ("replace one emoji by another with the same first half", "😀", [(0, 1, "😁")]),
        ("replace one emoji by another with the same second half", "😀", [(0, 1, "🈀")]),
        ("an emoji before one with the same first half", "😀", [(0, 0, "😁")]),
        ("type between two emoji", "😀😀", [(1, 1, "x")]),
        ("an accent behind an emoji", "e😀", [(2, 2, "\u0301")]),
        ("delete one of a joined emoji's code points", "👩‍🚀", [(1, 2, "")]),
        ("several carets", "😀😀😀", [(0, 0, "x"), (1, 2, ""), (3, 3, "🚀")]),
        ("across a line break", "a😀\nb", [(1, 3, "")]),
    ]
    changes: list[Case] = []
    for name, text, edit in edits:
        op: list[Any] = []
        position = 0
        specs: list[Case] = []
        for start, end, insert in edit:
            op += [start - position] if start > position else []
            op += [start - end] if end > start else []
            op += [insert] if insert else []
            position = end
            offsets = {"from": utf16_offset(text, start), "to": utf16_offset(text, end)}
            specs.append(offsets | {"insert": insert})
        case = {"name": name, "text": text, "changes": specs, "op": validate(op)}
        changes.append(case | {"result": apply(text, op)})
    return {
        "cases": [
            {
                "text": text,
                "offsets": [utf16_offset(text, position) for position in range(len(text) + 1)],
            }
            for text in texts
        ],
        "changes": changes,
    }


# --- checksums ------------------------------------------------------------------------------------


def checksum_vectors() -> dict[str, list[Case]]:
    """Length and CRC-32 of texts; those that are too long for a file are a text many times."""
    inputs: list[tuple[str, str, int]] = [
        ("the empty text", "", 1),
        ("one letter", "a", 1),
        ("the check value of CRC-32", "123456789", 1),
        ("a NUL", "a\x00b", 1),
        ("only NULs", "\x00\x00\x00", 1),
        ("line breaks are not changed", "a\r\nb\rc\n\u2028", 1),
        ("two, three and four bytes", "é中😀", 1),
        ("an emoji of several code points", "👩‍🚀", 1),
        ("a mark at the beginning is a code point as any", "\ufeffx", 1),
        (
            "the edges of the planes",
            "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
            1,
        ),
        ("a million letters", "0123456789abcdef", 65_536),
        ("a million bytes of emoji, at odd places", "x😀中", 131_072),
    ]
    return {
        "cases": [
            {"name": name, "text": text, "times": times}
            | {"length": len(text) * times, "crc32": text_crc32(text * times)}
            for name, text, times in inputs
        ]
    }


# --- the wire -------------------------------------------------------------------------------------


def wire_vectors() -> dict[str, list[Case]]:
    """All sections of `wire.json`."""
    sections: dict[str, list[Case]] = {}
    plays = {"conversations": CONVERSATIONS, "clients": FOR_CLIENTS, "servers": FOR_SERVERS}
    for section, scripts in plays.items():
        sections[section] = []
        for name, play in scripts.items():
            script = Script(None if section == "clients" else Server())
            play(script)
            needs = {"needs": NEEDS[name]} if name in NEEDS else {}
            sections[section].append({"name": name, **needs, "steps": script.steps})
    script = Script(Server())
    before_refusals(script)
    sections["before_refused"] = [{"name": "before every frame", "steps": script.steps}]
    sections["refused"] = [
        refusal(name, frame, script.server, script.session("ada"))
        for name, frame in REFUSED.items()
    ]
    sections["refused_first"] = [
        refusal(name, frame, Server(), Session()) for name, frame in REFUSED_FIRST.items()
    ]
    return sections


# --- files ----------------------------------------------------------------------------------------

FILES: dict[str, Callable[[], dict[str, list[Case]]]] = {
    "apply.json": apply_vectors,
    "transform.json": transform_vectors,
    "compose.json": compose_vectors,
    "invert.json": invert_vectors,
    "positions.json": position_vectors,
    "utf16.json": utf16_vectors,
    "checksum.json": checksum_vectors,
    "client.json": client_vectors,
    "wire.json": wire_vectors,
    "hostile.json": hostile_vectors,
}


def render(vectors: dict[str, list[Case]]) -> str:
    """JSON with one case, or one step of a trace, on a line."""
    sections = [f'  "protocol": {json.dumps(PROTOCOL_VERSION)}']
    for section, cases in vectors.items():
        lines = ",\n".join("    " + _line(case) for case in cases)
        sections.append(f"  {json.dumps(section)}: [\n{lines}\n  ]")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _line(case: Case) -> str:
    if "steps" not in case:
        return _readable(case)
    steps = ",\n".join("      " + _readable(step) for step in case["steps"])
    head = _readable({name: value for name, value in case.items() if name != "steps"})
    return f'{head[:-1]}, "steps": [\n{steps}\n    ]}}'


def _readable(value: Any) -> str:
    # Letters as they are; halves of surrogate pairs, which no file can hold, as escapes.
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


if __name__ == "__main__":
    for name, make in FILES.items():
        (HERE / name).write_text(render(make()))
