"""the wire: every message there and back, every hostile frame by its name, and nothing else out"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ot.errors import DeltapadError, OperationError, ProtocolError
from ot.messages import (
    COLORS,
    FRAME_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    SELECTIONS_MAX,
    Checksum,
    DeltaMessage,
    Diverged,
    ErrorMessage,
    Hello,
    Limits,
    OpMessage,
    OpsMessage,
    PeopleMessage,
    Person,
    Ping,
    Pong,
    PresenceMessage,
    Properties,
    SetProperties,
    TraceMessage,
    Welcome,
    decode_client,
    decode_server,
    digest,
    encode,
    error_message,
)
from ot.operation import Component, validate
from ot.strategies import edits

KEY = "0123456789abcdefABCD_-"
SAFE = 2**53 - 1
LIMITS = Limits(frame_bytes=1, op_components=2, op_inserted=3, pad_length=4)

FROM_CLIENT = [
    Hello(session=KEY, person=KEY, name="Ada"),
    Hello(session=KEY, person="x" * 64, name="", color=12, epoch="e", revision=0),
    OpMessage(base=0, seq=1, op=["😀"]),
    OpMessage(base=SAFE, seq=SAFE, op=[3, "a\x00\n", -1, 2, "b"]),
    PresenceMessage(revision=3, name="<b>", color=0, selections=[]),
    PresenceMessage(revision=3, name="Ada", color=3, selections=[(0, SAFE)] * SELECTIONS_MAX),
    PresenceMessage(3, "Ada", 3, [], following="s" * 22, history=2),
    SetProperties(title="T"),
    SetProperties(language="c++"),
    SetProperties(title="", language="objective-c", view_history=False),
    Ping(),
    Ping(n=41),
    Checksum(revision=3, length=SAFE, crc32=2**32 - 1),
    TraceMessage(revision=3),
    TraceMessage(
        revision=3,
        text="a\x00😀",
        start=msgspec.Raw(b'{"revision":1}'),
        steps=msgspec.Raw(b'[{"do":"edit","op":["x"]}]'),
    ),
]
WELCOME = Welcome(
    protocol="1.2",
    session="s",
    person="p",
    role="write",
    epoch="e",
    revision=4,
    committed=(0, 0),
    color=3,
    title="T",
    language="markdown",
    view_history=True,
    limits=LIMITS,
)
FROM_SERVER = [
    WELCOME,
    msgspec.structs.replace(WELCOME, text=""),
    OpsMessage(start=3, ops=[("s", 7, [6, "big "]), ("t", 1, [])]),
    DeltaMessage(start=3, end=9, op=["a", -1]),
    PeopleMessage(revision=2, people=[Person("s", "p", "Ada", 3, [(1, 2)])], left=["t"]),
    PeopleMessage(revision=2, people=[Person("s", "p", "Ada", 3, [], "read", "t", 1)]),
    Properties(title="T", language="c++", view_history=False),
    ErrorMessage(code="op_past_end", message="m", action="draft", seq=7),
    Diverged(revision=3),
    Pong(n=41),
]


def refused(frame: str | bytes) -> DeltapadError:
    with pytest.raises(DeltapadError) as caught:
        decode_client(frame)
    return caught.value


# --- There and back -------------------------------------------------------------------------------


@pytest.mark.parametrize("message", FROM_CLIENT)
def test_from_a_client(message):
    frame = encode(message)

    assert decode_client(frame) == decode_client(frame.decode()) == message
    assert json.loads(frame)["type"] in {
        *("hello", "op", "presence", "properties", "ping", "checksum", "trace")
    }


@pytest.mark.parametrize("message", FROM_SERVER)
def test_from_a_server(message):
    frame = encode(message)

    assert decode_server(frame) == decode_server(frame.decode()) == message


@given(edits(), st.integers(0, SAFE), st.integers(1, SAFE))
def test_operations_travel_unharmed(case, base, seq):
    _, op = case
    if op:
        message = OpMessage(base=base, seq=seq, op=op)
        assert decode_client(encode(message)) == message
        assert decode_client(json.dumps({"type": "op", "base": base, "seq": seq, "op": op})) == (
            message
        ), "escaped as pairs of surrogates"


def test_the_words_on_the_wire():
    """As in docs/reference/protocol.md: `from` and `to`, and a text only if there is one."""
    delta = {"type": "delta", "from": 3, "to": 9, "op": ["a", -1]}
    assert json.loads(encode(FROM_SERVER[3])) == delta
    assert json.loads(encode(FROM_SERVER[2]))["ops"][0] == ["s", 7, [6, "big "]]
    assert "text" not in json.loads(encode(WELCOME))
    assert json.loads(encode(FROM_SERVER[1]))["text"] == ""


def test_what_is_not_special_about_a_person_is_left_out():
    """Presence frames are many; most people write, follow nobody, and look at what is new."""
    usual = json.loads(encode(Person("s", "p", "Ada", 3, [])))
    assert list(usual) == ["session", "person", "name", "color", "selections"]
    reader = json.loads(encode(Person("s", "p", "Ada", 3, [], "read", "t", 0)))
    assert (reader["role"], reader["following"], reader["history"]) == ("read", "t", 0)


def test_fields_that_nobody_knows_are_ignored():
    """Within a major version fields are added."""
    assert decode_client(b'{"new":[1.5,null],"type":"ping","n":1}') == Ping(n=1)
    assert decode_server(b'{"new":{},"type":"pong","n":1}') == Pong(n=1)


def test_the_largest_operation_fits_in_a_frame():
    """However it is escaped."""
    inserted = OP_INSERTED_MAX - (OP_COMPONENTS_MAX // 2 - 1)
    op: list[Component] = [-(10**15), "😀"] * (OP_COMPONENTS_MAX // 2)
    op[1] = "😀" * inserted
    frame = json.dumps({"type": "op", "base": SAFE, "seq": SAFE, "op": op}).encode()

    assert len(frame) <= FRAME_BYTES_MAX
    assert decode_client(frame) == OpMessage(base=SAFE, seq=SAFE, op=op)


# --- Hostile frames -------------------------------------------------------------------------------


def op_frame(op: str, *, seq: str = "7", base: str = "0") -> str:
    return f'{{"type":"op","base":{base},"seq":{seq},"op":{op}}}'


HELLO = {"type": "hello", "session": KEY, "person": KEY, "name": "Ada"}
CHECKSUM = {"type": "checksum", "revision": 0, "length": 0, "crc32": 0}
PRESENCE = {"type": "presence", "revision": 0, "name": "", "color": 0, "selections": []}
DEEP = 100_000


@pytest.mark.parametrize(
    "frame",
    [
        *("", " ", "{", "{}x", "nonsense", '{"type":"ping",}', "{'type':'ping'}", "\ufeff{}x"),
        *(b"", b"\xff\xfe", b"\x00", b'{"type":"\xc3\x28"}', b'{"type":"ping\xed\xa0\x80"}'),
        *(op_frame("[NaN]"), op_frame("[Infinity]"), op_frame("[-Infinity]"), "NaN"),
        op_frame("[" * DEEP + "]" * DEEP),
        "[" * DEEP,
        '{"a":' * DEEP,
        op_frame("[" + "9" * 5_000 + "]"),
        op_frame('["a"]', seq="1" + "0" * 5_000),
        op_frame('["\n"]'),
        '{"type":"nope"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"type":"nope"}',
        b'{"type":"op","base":0,"seq":1,"op":["\xed\xa0\x80"]}',
        op_frame("[01]"),
        '{"type":"ping","n":1}{"type":"ping","n":1}',
    ],
    ids=lambda frame: repr(frame[:30]),
)
def test_bad_json(frame):
    error = refused(frame)

    assert (error.code, error.seq) == ("bad_json", None)
    with pytest.raises(ProtocolError):
        decode_server(frame)


@pytest.mark.parametrize(
    "frame",
    [
        *("[]", "{}", "7", "null", '"ping"', "true", '[{"type":"ping"}]', '{"type":7}'),
        *('{"type":null}', '{"type":["op"]}', '{"n":1}'),
        # From a server only.
        *('{"type":"welcome"}', '{"type":"pong","n":1}', '{"type":"ops","from":0,"ops":[]}'),
        # A number that is none, or not whole, or out of bounds.
        *(op_frame("[1e400]"), op_frame("[1.5]"), op_frame("[1.0]"), op_frame("[1e2]")),
        *(op_frame("[true]"), op_frame('["a"]', seq="true"), op_frame('["a"]', base="false")),
        *(op_frame('["a"]', seq="0"), op_frame('["a"]', seq="-1"), op_frame('["a"]', seq="1.0")),
        *(op_frame('["a"]', seq=str(SAFE + 1)), op_frame('["a"]', base=str(SAFE + 1))),
        *(op_frame('["a"]', base="-1"), op_frame('["a"]', base="1e400"), op_frame("[null]")),
        # Of another type.
        *(op_frame('[["a"]]'), op_frame("[{}]"), op_frame('"a"'), op_frame('{"0":"a"}')),
        *(op_frame('["a"]', seq='"7"'), op_frame('["a"]', seq="null"), op_frame("null")),
        # Missing.
        *('{"type":"op","base":0,"seq":1}', '{"type":"op","base":0,"op":["a"]}'),
        *('{"type":"hello"}', '{"type":"presence"}'),
        # Out of the bounds of its field.
        *(json.dumps({**HELLO, "session": key}) for key in ("x" * 21, "x" * 65, "é" * 22)),
        *(json.dumps({**HELLO, "person": key}) for key in ("", "x" * 21 + "\n", " " * 22, None)),
        json.dumps({**HELLO, "name": "x" * 201}),
        json.dumps({**HELLO, "color": COLORS + 1}),
        json.dumps({**HELLO, "color": -1}),
        json.dumps({**HELLO, "epoch": "x" * 65}),
        json.dumps({**HELLO, "revision": -1}),
        json.dumps({**PRESENCE, "selections": [[0, 0]] * (SELECTIONS_MAX + 1)}),
        *(json.dumps({**PRESENCE, "selections": [s]}) for s in ([0], [0, 0, 0], [-1, 0], 0)),
        *(json.dumps({**PRESENCE, "following": who}) for who in ("s" * 21, "+" * 22, 7)),
        *(json.dumps({**PRESENCE, "history": revision}) for revision in (-1, "1", 1.5)),
        *('{"type":"properties"}', '{"type":"properties","title":null}'),
        *(json.dumps({"type": "properties", "title": title}) for title in ("x" * 401, 7)),
        *(
            json.dumps({"type": "properties", "language": language})
            for language in ("", "C++", " c", "x" * 33, "a\n", "a\nb", "é", "../x", "<b>")
        ),
        *(json.dumps({"type": "properties", "view_history": flag}) for flag in (0, "true")),
        *(json.dumps({**CHECKSUM, "crc32": crc32}) for crc32 in (-1, 2**32, "0", None, 1.5)),
        *(json.dumps({**CHECKSUM, "length": length}) for length in (-1, SAFE + 1, None)),
        *('{"type":"trace"}', '{"type":"trace","revision":-1}', '{"type":"trace","text":7}'),
        *('{"type":"ping","n":-1}', '{"type":"ping","n":"1"}'),
    ],
)
def test_bad_message(frame):
    error = refused(frame)

    assert isinstance(error, ProtocolError)
    assert (error.code, error.seq) == ("bad_message", None)


@pytest.mark.parametrize("kind", ["", "nope", "HELLO", "x" * 100_000, "\\ud800", "<script>", "\\n"])
def test_unknown_message(kind):
    error = refused(f'{{"type":"{kind}"}}')

    assert error.code == "unknown_message"
    assert len(error.message) < 100
    error.message.encode()
    with pytest.raises(ProtocolError) as caught:
        decode_server(f'{{"type":"{kind}"}}')
    assert caught.value.code == "unknown_message"


@pytest.mark.parametrize(
    ("op", "code"),
    [
        ("[]", "bad_operation"),
        ("[0]", "bad_operation"),
        ('[""]', "bad_operation"),
        ("[1]", "bad_operation"),
        ('["a","b"]', "bad_operation"),
        ("[-1,-1]", "bad_operation"),
        ("[-0]", "bad_operation"),
        (r'["\ud83d"]', "lone_surrogate"),
        (r'[1,"a\ude00b"]', "lone_surrogate"),
        (r'["\ude00\ud83d"]', "lone_surrogate"),
        (r'[0,"\ud83d"]', "bad_operation"),  # the first that is wrong
        (json.dumps(["x" * (OP_INSERTED_MAX + 1)]), "op_too_large"),
        (json.dumps([1, -1] * (OP_COMPONENTS_MAX // 2) + ["a"]), "op_too_large"),
    ],
    ids=lambda value: value[:20],
)
def test_an_operation_that_is_refused_is_named(op, code):
    """By its code and its seq: the client knows which of its operations is meant."""
    error = refused(op_frame(op))

    assert isinstance(error, OperationError)
    assert (error.code, error.seq) == (code, 7)


@pytest.mark.parametrize("seq", ["0", "true", "7.0", '"7"', "null", str(SAFE + 1)])
def test_a_seq_that_is_none_is_not_repeated(seq):
    error = refused(op_frame(r'["\ud83d"]', seq=seq))

    assert (error.code, error.seq) == ("lone_surrogate", None)


def test_half_a_pair_elsewhere():
    """As text of the frame itself, and in a field that is not an operation."""
    assert refused(op_frame('["\ud83d"]')).code == "lone_surrogate"
    assert refused(json.dumps({**HELLO, "name": "\ud83d"})).code == "bad_message"


def test_keys_that_repeat():
    """The last one counts, as in most decoders; a repeated `type` is no way around a check."""
    assert decode_client('{"type":"ping","n":1,"n":2}') == Ping(n=2)
    assert refused('{"type":"op","seq":1,"base":0,"op":["a"],"op":[0]}').code == "bad_operation"
    frame = '{"type":"ping","type":"op","seq":1,"base":0,"op":[0]}'
    assert refused(frame).code in {"bad_message", "bad_operation", "bad_json"}


def test_numbers_past_64_bits_stay_whole():
    """Larger than any text: the document refuses it, nothing wraps around."""
    huge = 10**100

    assert decode_client(op_frame(f"[-{huge}]")) == OpMessage(base=0, seq=7, op=[-huge])


# --- Fuzz -----------------------------------------------------------------------------------------

SEEDS = [encode(message) for message in FROM_CLIENT + FROM_SERVER]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def only_named_errors(frame: bytes | str) -> None:
    """Whatever comes in: a message that keeps the rules, or an error of ours that can be sent."""
    result = outcome(decode_client, frame)
    if isinstance(result, DeltapadError):
        answer = decode_server(encode(error_message(result)))
        assert isinstance(answer, ErrorMessage)
        assert (answer.code, answer.action, answer.seq) == (result.code, result.action, result.seq)
    elif isinstance(result, OpMessage):
        assert validate(result.op) == result.op != []
    outcome(decode_server, frame)


def outcome(decode: Callable[[bytes | str], object], frame: bytes | str) -> object:
    try:
        return decode(frame)
    except DeltapadError as error:
        return error


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.text(max_size=40))
@example(b"\xef\xbb\xbf{}")
@example('{"type":"ping"}'.encode("utf-16"))
def test_any_bytes(frame):
    only_named_errors(frame)


@settings(max_examples=500)
@given(st.sampled_from(SEEDS), st.integers(0, 200), st.integers(0, 6), st.binary(max_size=6))
def test_frames_with_some_bytes_changed(seed, at, cut, put):
    at %= len(seed)
    only_named_errors(seed[:at] + put + seed[at + cut :])


@settings(max_examples=500)
@given(st.data())
def test_messages_with_a_field_changed(data):
    value = json.loads(data.draw(st.sampled_from(SEEDS)))
    key = data.draw(st.sampled_from([*value, "new"]))
    if key in value and data.draw(st.booleans()):
        del value[key]
    else:
        value[key] = data.draw(JSON)
    only_named_errors(json.dumps(value).encode())


@given(st.lists(JSON, max_size=5))
def test_operations_of_anything(op):
    only_named_errors(json.dumps({"type": "op", "base": 0, "seq": 1, "op": op}).encode())


# --- Errors and digests ---------------------------------------------------------------------------


def test_error_message():
    error = OperationError("op_past_end", "too far", seq=7)

    assert error_message(error) == ErrorMessage(
        code="op_past_end", message="too far", action="draft", seq=7
    )


def test_digest():
    """Of base and operation; the same for ever, since it is stored."""
    same = digest(3, [1, "é"])

    assert len(same) == 16
    assert same == blake2b('[3,[1,"é"]]'.encode(), digest_size=16).digest()
    others = [digest(4, [1, "é"]), digest(3, [1, "e"]), digest(31, ["é"]), digest(3, ["1", -1])]
    assert len({same, *others}) == 5
