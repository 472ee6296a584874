"""the frames of `wire.json` that a server refuses, each with its error"""

from __future__ import annotations

import json
from typing import Any

from ot.errors import CODES, DeltapadError
from ot.messages import error_message
from server.session import Session
from tests.vectors.wire import PAD_LENGTH_MAX, Script, Server

__all__ = ["REFUSED", "REFUSED_FIRST", "before_refusals", "refusal"]

Case = dict[str, Any]


def op(base: Any, seq: Any, *components: Any) -> str:
    return json.dumps({"type": "op", "base": base, "seq": seq, "op": components})


def presence(**members: Any) -> str:
    message = {"type": "presence", "revision": 2, "name": "ada", "color": 1, "selections": []}
    return json.dumps(message | members)


def properties(**members: Any) -> str:
    return json.dumps({"type": "properties", **members})


def checksum(**members: Any) -> str:
    return json.dumps({"type": "checksum", "revision": 2, "length": 6, "crc32": 0} | members)


def before_refusals(s: Script) -> None:
    """Two entries of ada's: revision 2 is `hello!`."""
    s.open("ada")
    s.edit("ada", "hello")
    s.tell("ada")
    s.edit("ada", 5, "!")
    s.tell("ada")


# `~` in a frame stands for so many letters x.
MANY = {"too much text in one operation": 65_537}
REFUSED: dict[str, str] = {
    "no JSON": "hello?",
    "NaN is no JSON": op(2, 3, 1, "x").replace("2", "NaN", 1),
    "two messages in one frame": '{"type": "ping", "n": 1} {"type": "ping", "n": 2}',
    "no object": "[]",
    "no type": '{"n": 1}',
    "a type that nobody knows": '{"type": "drop_table"}',
    "a field is missing": '{"type": "op", "base": 2, "seq": 3}',
    "a number as text": op("2", 3, "x"),
    "seq 0": op(2, 0, "x"),
    "a negative base": op(-1, 3, "x"),
    "a fraction in an operation": op(2, 3, 1.5, "x"),
    "a second hello": json.dumps(
        {"type": "hello", "session": "s" * 22, "person": "p" * 22, "name": "", "color": 0}
    ),
    "base in the future": op(3, 3, "x"),
    "base before the own last entry": op(1, 3, "x"),
    "seq left out": op(2, 4, "x"),
    "seq of the newest entry with other content": op(1, 2, 5, "?"),
    "seq of the newest entry on another base": op(2, 2, 5, "!"),
    "an operation that changes nothing": op(2, 3),
    "a zero": op(2, 3, 0, "x"),
    "an empty insert": op(2, 3, 1, ""),
    "neighbours of one kind": op(2, 3, -1, -1),
    "a trailing retain": op(2, 3, "x", 1),
    "the first half of an emoji": op(2, 3, "\ud83d"),
    "the second half of an emoji": op(2, 3, 1, "ok \ude00"),
    "the halves of an emoji in two orders": op(2, 3, "\ude00\ud83d"),
    "a delete past the end": op(2, 3, 5, -2),
    "a retain past the end": op(2, 3, 7, "x"),
    "too much text in one operation": op(2, 3, "~"),
    "larger than the pad may be": op(2, 3, "x" * PAD_LENGTH_MAX),
    "presence at a revision in the future": presence(revision=3),
    "presence that looks at a revision in the future": presence(history=3),
    "presence that follows what is no public id": presence(following="ben"),
    "a checksum of more than 32 bits": checksum(crc32=2**32),
    "a checksum without a length": checksum(length=None),
    "a trace whose text is none": json.dumps({"type": "trace", "revision": 2, "text": 7}),
    "properties that say nothing": properties(),
    "properties of other types": properties(view_history=1),
    "a new view-only link of another type": properties(new_view_link="x"),
    "a title of which nothing is left": properties(title=" \u200b\u202e "),
    "a title of 401 code points": properties(title="x" * 401),
    "a language with other characters": properties(language="C++"),
    "a language of 33 code points": properties(language="x" * 33),
    "presence with 17 selections": presence(selections=[[0, 0]] * 17),
}
REFUSED_FIRST: dict[str, str] = {
    "an operation before hello": op(0, 1, "x"),
    "a ping before hello": '{"type": "ping", "n": 1}',
    "a session key that is too short": json.dumps(
        {"type": "hello", "session": "s" * 21, "person": "p" * 22, "name": "", "color": 0}
    ),
    "a person key with other characters": json.dumps(
        {"type": "hello", "session": "s" * 22, "person": "+" * 22, "name": "", "color": 0}
    ),
}


def refusal(name: str, frame: str, server: Server, session: Session) -> Case:
    """The frame, and the error that it gets."""
    case: Case = {"name": name, "frame": frame}
    many = MANY.get(name)
    if many is not None:
        case["many"] = many
        frame = frame.replace("~", "x" * many)
    if name == "larger than the pad may be":
        case["needs"] = {"pad_length": PAD_LENGTH_MAX}
    try:
        server.receive(session, frame.encode())
    except DeltapadError as error:
        told = error_message(error)
        case |= {"code": told.code, "action": told.action, "seq": told.seq}
        return case | {"close": CODES[error.code].close_code}
    raise AssertionError(f"{name}: is not refused")
