"""the hostile operations and frames of `hostile.json`: what nobody may send, and what it is called

A case has the JSON as it stands on the wire, since much of what is hostile in it is lost once it is
read. `~` in it stands for `times` times `many`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ot.document import Document, Submission
from ot.errors import DeltapadError
from ot.messages import OpMessage, decode_client, digest
from tests.vectors.hostile_frames import frames

__all__ = ["LENGTH_MAX", "TEXT", "accepted", "expanded", "hostile_vectors", "outcome"]

Case = dict[str, Any]
# Every operation is made on this text, 14 code points of which two are pairs of UTF-16 units, in a
# pad of this size.
TEXT = "hello 😀 world🎉"
LENGTH_MAX = 80_000

WRONG_COMPONENTS = {
    "null": "null",
    "true": "true",
    "false": "false",
    "a fraction": "1.5",
    "a negative fraction": "-1.5",
    "a tiny fraction": "1e-9",
    "a whole float": "1.0",
    "a negative whole float": "-2.0",
    "an exponent": "1e1",
    "a number past all floats": "1e400",
    "a negative number past all floats": "-1e400",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "an object": "{}",
    "an object with a length": '{"length":1}',
    "an empty array": "[]",
    "an operation within": '["x"]',
    "a leading zero": "01",
    "a plus sign": "+1",
    "hexadecimal": "0x10",
    "an octal": "0o7",
    "a number with a point and nothing": "1.",
    "a point and a number": ".5",
    "a bare word": "undefined",
    "a string in single quotes": "'x'",
    "a comment": "/* x */",
}
ZEROS = {"zero": "0", "minus zero": "-0", "an empty insert": '""'}
PLACES = {
    "alone": "[{}]",
    "at the start": '[{},"x",-1]',
    "behind a retain": '[1,{},"x"]',
    "behind an insert": '["x",{}]',
    "at the end": '[1,-1,"x",{}]',
}
# Half of a pair, as JSON may write it.
HALVES = ["d800", "d83d", "dbff", "dc00", "de00", "dfff"]
HALF_PLACES = {
    "alone": '["\\u{}"]',
    "first": '["\\u{}abc"]',
    "last": '[3,"abc\\u{}"]',
    "between": '["a\\u{}b"]',
    "beside a whole one": '["\\ud83d\\ude00\\u{}"]',
    "in the second insert": '["fine",1,"\\u{}"]',
    "behind a delete": '[-1,"\\u{}"]',
}
# Further than any text: what overflows somewhere, or is no longer exact.
FAR = {
    "one code point": 15,
    "UTF-16 units": 16,
    "bytes of UTF-8": 20,
    "two to the 31st less one": 2**31 - 1,
    "two to the 31st": 2**31,
    "two to the 32nd": 2**32,
    "the largest exact integer": 2**53 - 1,
    "two to the 53rd": 2**53,
    "past exact integers": 2**53 + 1,
    "two to the 63rd less one": 2**63 - 1,
    "two to the 63rd": 2**63,
    "two to the 64th": 2**64,
    "a hundred digits": 10**100,
    "four hundred digits": 10**400,
}
FAR_PLACES = {
    "retain": '[{},"x"]',
    "delete": "[-{}]",
    "delete behind text": '["x",-{}]',
    "retain behind a delete": '[-1,{},"x"]',
}
NEIGHBOURS = {
    "retains": ("1", "2"),
    "deletes": ("-1", "-2"),
    "inserts": ('"a"', '"b"'),
}
NEIGHBOUR_PLACES = {
    "alone": "[{0},{1}]",
    "at the start": '[{0},{1},-1,"z"]',
    "at the end": '[2,"z",-1,{0},{1}]',
    "three of them": "[{0},{1},{0}]",
    "and more that is right": '[{0},{1},1,"z",1,-1]',
}
SHAPES = {
    "null": "null",
    "an object": "{}",
    "an object like an array": '{"0":"x","length":1}',
    "a string": '"x"',
    "a number": "7",
    "true": "true",
    "an operation in an array": '[["x"]]',
    "two operations": '[["x"],[1,"y"]]',
    "nothing": "",
    "a trailing comma": '["x",]',
    "a missing comma": '["x" 1]',
    "only a comma": "[,]",
    "not closed": '["x"',
    "closed twice": '["x"]]',
    "closed by another bracket": '["x"}',
}
TRAILING = {
    "a retain alone": "[1]",
    "a retain of all": "[14]",
    "a retain past the end": "[15]",
    "behind an insert": '["x",1]',
    "behind a delete": "[-1,1]",
    "behind a replacement": '[-1,"x",13]',
    "behind much": '["a",1,"b",1,-1,3]',
}
LARGE = {
    "10,001 components that change nothing much": ('[~"a"]', "1,-1,", 5_000, "op_too_large"),
    "10,001 components of inserts": ("[~-1]", '1,"a",', 5_000, "op_too_large"),
    "a hundred thousand components": ("[~-1]", '1,"a",', 50_000, "op_too_large"),
    "a hundred thousand that are no operation": ("[~1]", "1,", 100_000, "bad_operation"),
    "65,537 code points": ('["~"]', "x", 65_537, "op_too_large"),
    "65,537 emoji": ('["~"]', "😀", 65_537, "op_too_large"),
    "65,537 emoji as escapes": ('["~"]', "\\ud83d\\ude00", 65_537, "op_too_large"),
    "65,537 code points in two inserts": ('["~",1,"y"]', "x", 65_536, "op_too_large"),
    "65,537 of NUL": ('["~"]', "\\u0000", 65_537, "op_too_large"),
    "arrays in arrays": ("~", "[", 100_000, "bad_json"),
    "arrays in arrays, closed": ("~1" + "]" * 1_000, "[", 1_000, "bad_json"),
    "objects in objects": ("~", '{"a":', 50_000, "bad_json"),
    "a number of five thousand digits": ("[~]", "9", 5_000, "bad_json"),
    "a negative number of five thousand digits": ("[-~]", "9", 5_000, "bad_json"),
    "blanks without an end": ('["x"~', " ", 100_000, "bad_json"),
    "a string without an end": ('["~', "x", 10_000, "bad_json"),
    "commas": ("[~]", ",", 10_000, "bad_json"),
}
# What looks hostile, and is a text like any other: the result is what it leaves.
ACCEPTED = {
    "NUL": '["\\u0000"]',
    "NUL in the middle": '[5,"a\\u0000b"]',
    "a byte order mark": '["\\ufeff"]',
    "bidirectional override": '["\\u202egnp.exe"]',
    "isolates that are not closed": '["\\u2066\\u2067"]',
    "line and paragraph separator": '["\\u2028\\u2029"]',
    "carriage return": '["a\\r\\nb\\rc"]',
    "vertical tab and form feed": '["\\u000b\\u000c"]',
    "escape sequences of a terminal": '["\\u001b[31mred\\u001b[0m"]',
    "delete and C1 controls": '["\\u007f\\u0085\\u009b"]',
    "noncharacters": '["\\ufffe\\uffff\\ufdd0"]',
    "the largest code point": '["\\udbff\\udfff"]',
    "a pair as escapes": '["\\ud83d\\ude00"]',
    "a pair in capitals": '["\\uD83D\\uDE00"]',
    "an emoji is deleted whole": "[6,-1]",
    "both emoji are deleted": "[6,-1,6,-1]",
    "between the emoji and its neighbour": '[7,"x"]',
    "a family, cut at its joiner": '["👩\\u200d👧",-1,"x"]',
    "a flag, half of it": '["\\ud83c\\udde9"]',
    "a hundred combining marks": '["e~"]',
    "an accent alone": '["\\u0301"]',
    "what would be markup": '["<script>alert(1)</script>"]',
    "what would be SQL": '["\'); DROP TABLE log;--"]',
    "what would be JSON": '["\\"],[\\"op\\":"]',
    "what would be a log line": '["\\n2026-01-01 CRITICAL gone"]',
    "what would be a property of JavaScript": '["__proto__"]',
    "delete all": "[-14]",
    "replace all": '[-14,"x"]',
    "insert before the delete": '["x",-14]',
    "blanks between": ' [ 1 , "x" ] ',
}
MANY = {"a hundred combining marks": ("\\u0301", 100)}


def cases() -> Iterator[Case]:
    """Every operation: group, name, JSON."""
    for group, wrong, places in [
        ("a component of another kind", WRONG_COMPONENTS, PLACES),
        ("a component that says nothing", ZEROS, PLACES),
    ]:
        for name, value in wrong.items():
            for place, pattern in places.items():
                yield case(group, f"{name}, {place}", pattern.format(value))
    for name, (a, b) in NEIGHBOURS.items():
        for place, pattern in NEIGHBOUR_PLACES.items():
            yield case("neighbours of one kind", f"{name}, {place}", pattern.format(a, b))
    for half in HALVES:
        for place, pattern in HALF_PLACES.items():
            yield case("half of a surrogate pair", f"{half}, {place}", pattern.format(half))
    yield case("half of a surrogate pair", "halves the other way", '["\\ude00\\ud83d"]')
    yield case("half of a surrogate pair", "a pair over two inserts", '["\\ud83d",1,"\\ude00"]')
    for name, number in FAR.items():
        for place, pattern in FAR_PLACES.items():
            yield case("past the end", f"{name}, {place}", pattern.format(number))
    many = ",".join(f'{2**53 - 1},"x"' for _ in range(4))
    yield case("past the end", "a sum that is no longer exact", f"[{many}]")
    yield case("past the end", "a delete after all is deleted", '[-14,"x",-1]')
    for group, shapes in [("no operation", SHAPES), ("a retain at the end", TRAILING)]:
        for name, value in shapes.items():
            yield case(group, name, value)
    yield case("no operation", "the empty operation", "[]")
    for name, (value, part, times, _) in LARGE.items():
        yield case("too large", name, value, many=part, times=times)
    yield case("too large", "past the limit of the pad", '["~"]', many="x", times=65_500)


def case(group: str, name: str, value: str, **more: Any) -> Case:
    return {"group": group, "name": name, "json": value, **more}


def expanded(case: Case) -> str:
    """The JSON of a case, in full."""
    text: str = case["json"]
    return text.replace("~", case["many"] * case["times"]) if "many" in case else text


def outcome(document: Document, case: Case) -> str | None:
    """The code by which the operation is refused, None if it is taken."""
    frame = f'{{"type":"op","base":0,"seq":1,"op":{expanded(case)}}}'
    try:
        message = decode_client(frame.encode())
        assert isinstance(message, OpMessage)
        document.submit(
            Submission(
                session="s",
                person="p",
                seq=1,
                base=0,
                op=message.op,
                digest=digest(0, message.op),
                time_ms=0,
            )
        )
    except DeltapadError as error:
        return error.code
    return None


def accepted() -> Iterator[Case]:
    """Operations that are taken."""
    for name, value in ACCEPTED.items():
        part, times = MANY.get(name, ("", 0))
        more = {"many": part, "times": times} if times else {}
        yield case("a text like any other", name, value, **more)


def hostile_vectors() -> dict[str, list[Case]]:
    """The sections of the file."""
    refused = []
    for hostile in cases():
        size = 20_000 if hostile["name"] == "past the limit of the pad" else 0
        text = TEXT + "." * size
        code = outcome(Document(text=text, length_max=LENGTH_MAX), hostile)
        assert code is not None, f"{hostile['name']} is taken"
        refused.append({**hostile, "code": code})
    taken = []
    for harmless in accepted():
        document = Document(text=TEXT, length_max=LENGTH_MAX)
        assert outcome(document, harmless) is None, harmless["name"]
        document.hand_over()
        document.commit(1)
        taken.append({**harmless, "result": document.text()})
    return {
        "text": [{"text": TEXT, "pad_length": LENGTH_MAX}],
        "operations": refused,
        "accepted": taken,
        "frames": [{**frame, "code": code_of(frame)} for frame in frames()],
    }


def code_of(frame: Case) -> str:
    """The code of a frame that may not be; JSON keeps the names of cases apart from their data."""
    try:
        decode_client(expanded(frame).encode("utf-8", "surrogatepass"))
    except DeltapadError as error:
        return error.code
    raise AssertionError(f"{frame['name']}: is not refused")
