"""the hostile frames of `hostile.json`: messages with a wrong field, and what is no JSON"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["frames"]

Case = dict[str, Any]
KEY = "0123456789abcdefABCD_-"
# A message of each kind, as JSON of each field.
GOOD = {
    "hello": {
        "session": f'"{KEY}"',
        "person": f'"{KEY}"',
        "name": '"Ada"',
        "color": "0",
        "epoch": "null",
        "revision": "null",
    },
    "op": {"base": "0", "seq": "1", "op": '["x"]'},
    "presence": {"revision": "0", "name": '"Ada"', "color": "1", "selections": "[[0,0]]"},
    "properties": {"title": '"T"', "language": '"markdown"', "view_history": "true"},
    "ping": {"n": "1"},
}
NUMBERS = {
    "negative": "-1",
    "a fraction": "1.5",
    "past exact integers": "9007199254740992",
    "past 64 bits": "18446744073709551616",
    "past all floats": "1e400",
    "true": "true",
    "text": '"1"',
    "an array": "[1]",
    "an object": "{}",
}
STRINGS = {"a number": "7", "true": "true", "an array": '["x"]', "an object": "{}"}
KEYS = {
    "too short": '"' + "x" * 21 + '"',
    "too long": '"' + "x" * 65 + '"',
    "empty": '""',
    "with a blank": '"' + "x" * 21 + ' "',
    "with a line's end": '"' + "x" * 22 + '\\n"',
    "with a slash": '"../../../../../etc/passwd"',
    "with a letter of another alphabet": '"' + "é" * 22 + '"',
    "null": "null",
    **STRINGS,
}
WRONG: dict[tuple[str, str], dict[str, str]] = {
    ("hello", "session"): KEYS,
    ("hello", "person"): KEYS,
    ("hello", "name"): {"null": "null", "too long": '"' + "x" * 201 + '"', **STRINGS},
    ("hello", "color"): {"13": "13", "null": "null", **NUMBERS},
    ("hello", "epoch"): {"too long": '"' + "x" * 65 + '"', **STRINGS},
    ("hello", "revision"): NUMBERS,
    ("op", "base"): {"null": "null", **NUMBERS},
    ("op", "seq"): {"zero": "0", "null": "null", **NUMBERS},
    ("presence", "revision"): {"null": "null", **NUMBERS},
    ("presence", "name"): {"null": "null", "too long": '"' + "x" * 201 + '"', **STRINGS},
    ("presence", "color"): {"13": "13", "null": "null", **NUMBERS},
    ("presence", "selections"): {
        "null": "null",
        "an object": "{}",
        "a pair alone": "[0,0]",
        "one end": "[[0]]",
        "three ends": "[[0,0,0]]",
        "a negative end": "[[0,-1]]",
        "a fraction": "[[0,0.5]]",
        "an end past exact integers": "[[0,9007199254740992]]",
        "an end that is text": '[["0",0]]',
        "seventeen": "[" + ",".join(["[0,0]"] * 17) + "]",
    },
    ("properties", "title"): {"too long": '"' + "x" * 401 + '"', **STRINGS},
    ("properties", "language"): {
        "empty": '""',
        "in capitals": '"C++"',
        "a path": '"../x"',
        "markup": '"<b>"',
        "too long": '"' + "x" * 33 + '"',
        "with a line's end": '"a\\n"',
        **STRINGS,
    },
    ("properties", "view_history"): {"0": "0", "1": "1", "text": '"true"', "an array": "[]"},
    ("ping", "n"): {"null": "null", **NUMBERS},
}
NO_JSON = {
    "nothing": "",
    "a blank": " ",
    "a word": "hello",
    "a bracket": "{",
    "a message and a letter": '{"type":"ping","n":1}x',
    "two messages": '{"type":"ping","n":1}{"type":"ping","n":1}',
    "two messages with a line between": '{"type":"ping","n":1}\n{"type":"ping","n":1}',
    "a trailing comma": '{"type":"ping","n":1,}',
    "single quotes": "{'type':'ping'}",
    "a key without quotes": '{type:"ping"}',
    "a byte order mark": '\ufeff{"type":"ping"}',
    "a comment": '{"type":"ping"/*x*/}',
    "NaN alone": "NaN",
    "a line's end in a string": '{"type":"pi\nng"}',
    "NUL in a string": '{"type":"pi\x00ng"}',
    "NUL behind it": '{"type":"ping","n":1}\x00',
    "an escape that is none": '{"type":"\\x70ing"}',
    "half an escape": '{"type":"\\u00"}',
    "half of a pair as it is": '{"type":"ping\ud83d"}',
}
NO_MESSAGE = {
    "an array": "[]",
    "a number": "7",
    "null": "null",
    "a string": '"ping"',
    "a message in an array": '[{"type":"ping","n":1}]',
    "an object without a type": "{}",
    "a type that is a number": '{"type":7}',
    "a type that is null": '{"type":null}',
    "a type that is an array": '{"type":["op"]}',
    "a type in capitals": '{"type":"PING"}',
    "a type with a blank": '{"type":" ping"}',
    "a type of a later version": '{"type":"undo","n":1}',
    "a type of JavaScript's": '{"type":"__proto__"}',
    "a type that is markup": '{"type":"<script>"}',
    "a type that is half a pair": '{"type":"\\ud83d"}',
    "what only the server says: welcome": '{"type":"welcome"}',
    "what only the server says: ops": '{"type":"ops","from":0,"ops":[]}',
    "what only the server says: delta": '{"type":"delta","from":0,"to":1,"op":[]}',
    "what only the server says: error": '{"type":"error","code":"x","message":"","action":"stop"}',
    "what only the server says: pong": '{"type":"pong","n":1}',
    "properties that change nothing": '{"type":"properties"}',
    "properties that are all null": '{"type":"properties","title":null,"language":null}',
}


def frames() -> Iterator[Case]:
    """Every frame: group, name, JSON."""
    for (kind, field), wrong in WRONG.items():
        for name, value in wrong.items():
            yield frame(f"{field} of {kind}", name, message(kind, {field: value}))
    for kind in ("hello", "op", "presence"):
        for field in GOOD[kind]:
            if field not in ("color", "epoch", "revision") or kind == "presence":
                yield frame(f"{kind} that is not whole", f"no {field}", message(kind, {field: ""}))
    for group, texts in [("no JSON", NO_JSON), ("no message", NO_MESSAGE)]:
        for name, text in texts.items():
            yield frame(group, name, text)
    bomb = '{"type":"ping","n":~'
    yield frame("no JSON", "arrays in arrays", bomb, many="[", times=100_000)
    yield frame("no JSON", "a number of a million digits", bomb + "}", many="9", times=1_000_000)
    yield frame("no message", "a type of a megabyte", '{"type":"~"}', many="x", times=1_000_000)


def message(kind: str, change: dict[str, str]) -> str:
    """A good message with some fields of it changed, or, if they are empty, left out."""
    fields = GOOD[kind] | change
    return (
        "{"
        + ",".join(
            f"{json.dumps(name)}:{value}"
            for name, value in [("type", json.dumps(kind)), *fields.items()]
            if value
        )
        + "}"
    )


def frame(group: str, name: str, text: str, **more: Any) -> Case:
    return {"group": group, "name": name, "json": text, **more}
