"""one connection's state machine: what may be said when, and what it is sent next"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot.document import NOTHING, Commit, Submission
from ot.errors import DeltapadError
from ot.messages import (
    Checksum,
    Hello,
    OpMessage,
    Ping,
    PresenceMessage,
    SetProperties,
    TraceMessage,
    digest,
    encode,
)
from server.session import Session, Slice, public_id

KEY = "session-key-of-22-char"
HELLO = Hello(session=KEY, person="person-key--of-22-char", name="Ada", revision=7)
OTHERS = [
    OpMessage(base=1, seq=1, op=["a"]),
    PresenceMessage(revision=1, name="Ada", color=3, selections=[(0, 1)]),
    SetProperties(title="T", language="c++", view_history=False),
    Ping(n=4),
    Checksum(revision=1, length=1, crc32=7),
    TraceMessage(revision=1, text="a"),
]


def live() -> Session:
    session = Session()
    session.receive(encode(HELLO), time_ms=0)
    return session


# --- Receiving ------------------------------------------------------------------------------------


def test_hello_says_who_it_is():
    session = Session()
    assert not session.live

    assert session.receive(encode(HELLO), time_ms=0) == HELLO
    assert session.live
    assert session.session == public_id("session", HELLO.session)
    assert session.person == public_id("person", HELLO.person)


def test_public_ids():
    """22 characters of which kind and key cannot be seen, and the same for ever."""
    ids = {public_id("session", KEY), public_id("person", KEY), public_id("session", KEY + "x")}

    assert len(ids) == 3
    assert all(len(one) == 22 and KEY not in one for one in ids)
    # As the protocol describes it; the log of every pad holds ids made like this.
    assert public_id("session", "a" * 22) == "cn0mrf30X_rGE5cE8tbclI"


@pytest.mark.parametrize("message", OTHERS)
def test_nothing_before_hello(message):
    session = Session()

    with pytest.raises(DeltapadError) as caught:
        session.receive(encode(message), time_ms=0)

    assert caught.value.code == "hello_expected"
    assert not session.live


def test_one_hello_only():
    session = live()
    before = session.session

    with pytest.raises(DeltapadError) as caught:
        session.receive(encode(Hello(session="x" * 22, person="y" * 22, name="")), time_ms=0)

    assert caught.value.code == "hello_repeated"
    assert session.session == before


def test_an_operation_becomes_a_submission_of_this_session():
    session = live()

    assert session.receive(encode(OpMessage(base=3, seq=2, op=[1, "a"])), time_ms=99) == Submission(
        session=session.session,
        person=session.person,
        seq=2,
        base=3,
        op=[1, "a"],
        digest=digest(3, [1, "a"]),
        time_ms=99,
    )


@pytest.mark.parametrize("message", OTHERS[1:])
def test_the_rest_is_passed_on(message):
    assert live().receive(encode(message), time_ms=0) == message


def test_a_title_is_cleaned():
    message = SetProperties(title=" Autumn \n release ", language="rust")
    cleaned = SetProperties(title="Autumn release", language="rust")
    assert live().receive(encode(message), time_ms=0) == cleaned
    assert live().receive(encode(SetProperties(title="x" * 100)), time_ms=0) == SetProperties(
        title="x" * 80
    )


@pytest.mark.parametrize("title", ["", " \n", "\u200b\u202e"])
def test_a_title_of_which_nothing_is_left(title):
    with pytest.raises(DeltapadError) as caught:
        live().receive(encode(SetProperties(title=title, language="rust")), time_ms=0)

    assert caught.value.code == "bad_message"


@pytest.mark.parametrize("message", OTHERS)
def test_what_a_reader_may_say(message):
    """Where they are, and pings; an operation is refused by its seq, before anything else of it."""
    session = Session("read")
    session.receive(encode(HELLO), time_ms=0)
    if not isinstance(message, OpMessage | SetProperties):
        assert session.receive(encode(message), time_ms=0) == message
        return
    with pytest.raises(DeltapadError) as caught:
        session.receive(encode(message), time_ms=0)

    assert caught.value.code == "read_only"
    assert caught.value.seq == (message.seq if isinstance(message, OpMessage) else None)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "bad_json"),
        (b"\xff", "bad_json"),
        (b'{"type":"nope"}', "unknown_message"),
        (b'{"type":"op","base":0,"seq":1,"op":[0]}', "bad_operation"),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_a_bad_frame_has_its_error_at_any_time(frame, code, new):
    session = Session() if new else live()

    with pytest.raises(DeltapadError) as caught:
        session.receive(frame, time_ms=0)

    assert caught.value.code == code
    assert session.live is not new


# --- What to send next ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cursor", "committed", "own", "part"),
    [
        (9, 9, 0, None),
        (9, 8, 0, None),  # told of the future in its hello: it waits
        (5, 8, 0, Slice(5, 8, composed=False)),
        (5, 8, 7, Slice(5, 8, composed=False)),
        (5, 9, 0, Slice(5, 9, composed=True)),
        (5, 9, 5, Slice(5, 9, composed=True)),
        (5, 9, 8, Slice(5, 7, composed=True)),
        (5, 9, 9, Slice(5, 8, composed=True)),
        (5, 9, 6, Slice(5, 6, composed=False)),
        (5, 9, 10, Slice(5, 9, composed=True)),  # accepted, not durable yet: not shown
    ],
)
def test_next_slice(cursor, committed, own, part):
    session = Session()
    session.cursor = cursor

    assert session.next_slice(committed, Commit(1, own, b""), ops_max=3) == part


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 45), st.integers(1, 6))
def test_slices_lead_to_the_newest_without_a_gap(cursor, committed, own, ops_max):
    session = Session()
    session.cursor = min(cursor, committed)
    slices = []

    while (part := session.next_slice(committed, Commit(1, own, b""), ops_max=ops_max)) is not None:
        assert part.start == session.cursor < part.end <= committed
        if part.composed:
            assert not part.start < own <= part.end, "an acknowledgement is never in a delta"
        else:
            assert part.end - part.start <= ops_max
        session.cursor = part.end
        slices.append(part)

    assert session.cursor == committed
    assert len(slices) <= 3
    assert session.next_slice(committed, NOTHING, ops_max=ops_max) is None


def test_up_to_a_revision_only_what_has_become_of_it_is_told():
    """For readers who may not see the history; what comes after it is told as it comes."""
    session = Session("read")
    session.cursor, session.composed_until = 3, 6

    assert session.next_slice(8, NOTHING, ops_max=256) == Slice(3, 8, composed=True)
    session.cursor = 8
    assert session.next_slice(9, NOTHING, ops_max=256) == Slice(8, 9, composed=False)
    session.cursor = 6
    assert session.next_slice(9, NOTHING, ops_max=256) == Slice(6, 9, composed=False)
