"""the client machine, by examples; tests/test_simulation.py has it under every kind of bad luck"""

from __future__ import annotations

import pytest
from hypothesis import given

from ot.client import Client, Desync, InFlight, Received
from ot.messages import DeltaMessage, Limits, OpMessage, OpsMessage
from ot.operation import Component, apply, compose, transform
from ot.strategies import choices, concurrent, make_operation

LARGE = Limits(frame_bytes=0, op_components=1_000, op_inserted=1_000, pad_length=0)
# As small as they can be, so that an edit often travels in pieces.
SMALL = Limits(frame_bytes=0, op_components=3, op_inserted=2, pad_length=0)


def ops(start: int, *entries: tuple[str, int, list[Component]]) -> OpsMessage:
    return OpsMessage(start=start, ops=list(entries))


def test_synchronised_awaiting_awaiting_with_buffer():
    client = Client(revision=5, last_seq=2)
    assert not client.pending
    assert client.send(LARGE) is None and client.resend() is None

    client.edit(["a"])
    assert client.pending
    assert client.send(LARGE) == OpMessage(base=5, seq=3, op=["a"])
    client.edit([1, "b"])
    assert client.send(LARGE) is None, "one at a time"
    client.edit([2, "c"])
    assert client.buffer == [1, "bc"]

    assert client.receive(ops(5, ("me", 3, ["a"])), "me") == Received(None, 3)
    assert (client.revision, client.in_flight, client.pending) == (6, None, True)
    assert client.send(LARGE) == OpMessage(base=6, seq=4, op=[1, "bc"])
    assert client.receive(ops(6, ("me", 4, [1, "bc"])), "me").acknowledged == 4
    assert not client.pending


def test_a_resend_is_what_was_sent_whatever_came_since():
    client = Client(revision=5)
    client.edit([1, "a"])
    sent = client.send(LARGE)

    client.receive(ops(5, ("b", 1, ["x"]), ("c", 1, [-1])), "me")
    client.receive(DeltaMessage(start=7, end=9, op=["yz"]), "me")

    assert client.resend() == sent == OpMessage(base=5, seq=1, op=[1, "a"])
    assert client.in_flight == InFlight(seq=1, base=5, sent=[1, "a"], op=[3, "a"])
    assert client.receive(ops(9, ("me", 1, [3, "a"])), "me").acknowledged == 1


def test_an_edit_over_the_limits_travels_in_pieces():
    client = Client()
    client.edit(["abcde"])

    assert client.send(SMALL) == OpMessage(base=0, seq=1, op=["ab"])
    client.receive(ops(0, ("me", 1, ["ab"])), "me")
    assert client.send(SMALL) == OpMessage(base=1, seq=2, op=[2, "cd"])
    client.receive(ops(1, ("me", 2, [2, "cd"])), "me")
    assert client.send(SMALL) == OpMessage(base=2, seq=3, op=[4, "e"])
    assert client.buffer is None


def test_what_is_taken_back_before_it_is_sent_never_travels():
    client = Client()
    client.edit(["a"])
    client.edit([-1])

    assert not client.pending and client.send(LARGE) is None


def test_entries_around_its_own_become_one_operation_for_the_screen():
    client = Client()
    client.edit(["me"])
    client.send(LARGE)
    client.edit([2, "!"])
    frame = ops(0, ("b", 1, ["x"]), ("me", 1, [1, "me"]), ("b", 2, [3, "y"]))

    assert client.receive(frame, "me") == Received(["x", 2, "y"], 1)
    assert apply("me!", ["x", 2, "y"]) == "xmey!"
    assert (client.revision, client.buffer) == (3, [4, "!"])


def test_what_others_have_deleted_as_well_stays_in_flight_as_nothing():
    """Its acknowledgement comes all the same, and says the same."""
    client = Client()
    client.edit([-1])
    client.send(LARGE)
    client.edit([-1])

    assert client.receive(ops(0, ("b", 1, [-2])), "me") == Received(None, None)
    assert client.in_flight is not None and client.in_flight.op == []
    assert client.buffer is None
    assert client.receive(ops(1, ("me", 1, [])), "me") == Received(None, 1)


def test_frames_that_repeat_are_skipped():
    client = Client(revision=5)

    assert client.receive(ops(3, ("b", 1, ["x"]), ("b", 2, ["y"])), "me") == Received(None, None)
    assert client.receive(DeltaMessage(start=2, end=5, op=["x"]), "me") == Received(None, None)
    assert client.receive(ops(5), "me") == Received(None, None)
    assert client.revision == 5
    assert client.receive(ops(4, ("b", 2, ["y"]), ("b", 3, ["z"])), "me") == Received(["z"], None)
    assert client.revision == 6


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (ops(6, ("b", 1, ["x"])), "revisions 5 to 6 are missing"),
        (DeltaMessage(start=7, end=9, op=["x"]), "revisions 5 to 7 are missing"),
        (DeltaMessage(start=4, end=6, op=["x"]), "overlaps revision 5"),
        (ops(5, ("me", 2, ["x"])), "not in flight here"),
        (ops(5, ("me", 1, ["b"])), "another operation"),
        (ops(5, ("b", 1, ["x"]), ("me", 1, ["a"])), "another operation"),
        (ops(5, ("me", 1, ["a"]), ("me", 1, ["a"])), "not in flight here"),
    ],
)
def test_desync(message, says):
    client = Client(revision=5)
    client.edit(["a"])
    client.send(LARGE)

    with pytest.raises(Desync, match=says):
        client.receive(message, "me")


def test_restart():
    """Under a new session key all that is pending is one edit, and is counted from 1 again."""
    client = Client(revision=5, last_seq=7)
    client.edit(["ab"])
    client.send(LARGE)
    client.edit([1, "c"])

    client.restart()

    assert client.send(LARGE) == OpMessage(base=5, seq=1, op=["acb"])
    client.edit([-3])
    client.restart()
    assert not client.pending, "typed and taken back"
    client.restart()
    assert client.last_seq == 0


@given(concurrent(), choices(24))
def test_to_local_is_where_an_insert_there_would_come_out(case, choices):
    text, sent, _ = case
    client = Client(revision=3)
    assert client.to_local(len(text)) == len(text)
    client.edit(sent)
    client.send(LARGE)
    client.edit(make_operation(choices, len(apply(text, sent))))
    position = choices.below(len(text) + 1)
    marker: list[Component] = [position, "|"] if position else ["|"]
    pending = [client.in_flight.op if client.in_flight else [], client.buffer or []]

    right = marker
    screen = text
    for op in pending:
        right = transform(op, right)[1]
        screen = apply(screen, op)

    assert client.to_local(position, sticky="right") == apply(screen, right).index("|")
    local = client.to_local(position)
    shown = client.receive(ops(3, ("b", 1, marker)), "me").op
    assert shown is not None and apply(screen, shown).index("|") == local


def test_what_is_in_flight_is_the_same_after_a_delta_and_after_its_entries():
    """A buffer may settle elsewhere, since nobody has seen it; the operation in flight may not."""
    b: list[Component] = [-2]
    c: list[Component] = ["z"]
    ends = []
    for frames in ([DeltaMessage(0, 2, compose(b, c))], [ops(0, ("b", 1, b), ("b", 2, c))]):
        client = Client()
        client.edit([1, "me"])
        client.send(LARGE)
        for frame in frames:
            client.receive(frame, "me")
        flight = client.in_flight
        ends.append(flight.op if flight else None)

    assert ends == [[1, "me"]] * 2
