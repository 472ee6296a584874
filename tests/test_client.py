"""the client machine: examples, then three clients and a document under every kind of bad luck"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from ot.client import Client, Desync, InFlight, Received
from ot.document import NOTHING, Commit, Document, Submission
from ot.log import Entry
from ot.messages import (
    DeltaMessage,
    Hello,
    Limits,
    OpMessage,
    OpsMessage,
    decode_server,
    encode,
)
from ot.operation import Component, Operation, apply, compose, compose_all, transform
from server.session import Session, public_id
from tests.strategies import Choices, make_operation, make_text, st_choices, st_concurrent

# As small as they can be, so that an edit often travels in pieces.
LIMITS = Limits(frame_bytes=0, op_components=3, op_inserted=2, pad_length=0)
LARGE = Limits(frame_bytes=0, op_components=1_000, op_inserted=1_000, pad_length=0)
STEPS = 400


def ops(start: int, *entries: tuple[str, int, list[Component]]) -> OpsMessage:
    return OpsMessage(start=start, ops=list(entries))


# --- Examples -------------------------------------------------------------------------------------


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

    assert client.send(LIMITS) == OpMessage(base=0, seq=1, op=["ab"])
    client.receive(ops(0, ("me", 1, ["ab"])), "me")
    assert client.send(LIMITS) == OpMessage(base=1, seq=2, op=[2, "cd"])
    client.receive(ops(1, ("me", 2, [2, "cd"])), "me")
    assert client.send(LIMITS) == OpMessage(base=2, seq=3, op=[4, "e"])
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


@given(st_concurrent(), st_choices(24))
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


# --- Three clients, a server, a network -----------------------------------------------------------


class Peer:
    """A client with its text on screen, and its end of a connection that may be down."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.client = Client()
        self.restarts = 0
        # The server's side of the connection; None while there is none.
        self.session: Session | None = None
        # Frames under way; lost with the connection.
        self.up: list[bytes] = []
        self.down: list[bytes] = []
        # What was sent, as bytes: (session, seq) -> frame.
        self.sent: dict[tuple[str, int], bytes] = {}

    @property
    def key(self) -> str:
        return f"{self.name}{self.restarts}".ljust(22, "-")

    @property
    def id(self) -> str:
        return public_id("session", self.key)

    def cut(self) -> None:
        self.session = None
        self.up, self.down = [], []

    def transmit(self, message: OpMessage | None) -> None:
        if message is not None:
            frame = encode(message)
            key = (self.id, message.seq)
            assert self.sent.setdefault(key, frame) == frame, "a resend is the same to the letter"
            self.up.append(frame)


class World:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.text = make_text(choices)
        self.peers = [Peer(name, self.text) for name in "abc"]
        self.store: list[Entry] = []
        self.texts = [self.text]
        # Handed over, and not yet on the disk.
        self.batch: list[Entry] = []
        self.crash()

    def step(self) -> None:
        peer = self.choices.one_of(self.peers)
        kinds = [
            *[self.edit, self.send, self.deliver, self.push, self.receive] * 8,
            *[self.connect, self.store_batch, self.answer] * 8,
            *[self.cut, self.repeat, self.reload, self.resession],
        ]
        kind = self.choices.below(len(kinds) + 2)
        if kind < len(kinds):
            kinds[kind](peer)
        elif kind == len(kinds):
            self.document.forget(self.choices.below(self.document.committed + 1))
        elif self.choices.below(3) == 0:
            self.crash()

    def edit(self, peer: Peer) -> None:
        op = make_operation(self.choices, len(peer.text))
        peer.text = apply(peer.text, op)
        peer.client.edit(op)

    def send(self, peer: Peer) -> None:
        if peer.session:
            peer.transmit(peer.client.send(LIMITS))

    def deliver(self, peer: Peer) -> None:
        """The server reads a frame."""
        if peer.session and peer.up:
            submission = peer.session.receive(peer.up.pop(0), time_ms=0)
            assert isinstance(submission, Submission)
            start = self.document.log.start
            if submission.base < start and not self.document.is_duplicate(submission):
                older = compose_all([entry.op for entry in self.store[submission.base : start]])
                submission = self.document.catch_up(submission, older)
            self.document.submit(submission)

    def store_batch(self, _: Peer) -> None:
        """The store makes durable what it was given; the server does not know yet."""
        self.batch += self.document.hand_over()
        keep = self.choices.below(len(self.batch) + 1)
        for entry in self.batch[:keep]:
            self.store.append(entry)
            self.texts.append(apply(self.texts[-1], entry.op))
        del self.batch[:keep]

    def answer(self, _: Peer) -> None:
        self.document.commit(len(self.store))

    def push(self, peer: Peer) -> None:
        """The server sends what lies between the cursor and the newest that may be shown."""
        if peer.session:
            own = self.document.sessions.get(peer.id, NOTHING)
            part = peer.session.next_slice(
                self.document.committed, own, ops_max=1 + self.choices.below(3)
            )
            if part is not None:
                self.transmit(peer, part.start, part.end, composed=part.composed)
                peer.session.cursor = part.end

    def repeat(self, peer: Peer) -> None:
        """Entries that were sent before, and with luck a new one."""
        if peer.session:
            start = self.choices.below(peer.session.cursor + 1)
            end = max(peer.session.cursor, min(self.document.committed, start + 2))
            self.transmit(peer, start, end, composed=False)
            peer.session.cursor = end

    def transmit(self, peer: Peer, start: int, end: int, *, composed: bool) -> None:
        entries = self.store[start:end]
        if composed:
            op = compose_all([entry.op for entry in entries])
            peer.down.append(encode(DeltaMessage(start=start, end=end, op=op)))
        else:
            listed = [(entry.session, entry.seq, entry.op) for entry in entries]
            peer.down.append(encode(OpsMessage(start=start, ops=listed)))

    def receive(self, peer: Peer) -> None:
        if peer.down:
            message = decode_server(peer.down.pop(0))
            assert isinstance(message, OpsMessage | DeltaMessage)
            op = peer.client.receive(message, peer.id).op
            if op is not None:
                peer.text = apply(peer.text, op)
            self.check(peer)

    def check(self, peer: Peer) -> None:
        """The screen is the text at the client's revision, with all that is pending."""
        text = self.texts[peer.client.revision]
        if peer.client.in_flight is not None:
            text = apply(text, peer.client.in_flight.op)
        assert apply(text, peer.client.buffer or []) == peer.text

    def connect(self, peer: Peer) -> None:
        if peer.session is None:
            peer.session = Session()
            hello = Hello(session=peer.key, person="p" * 22, name="", revision=0)
            assert peer.session.receive(encode(hello), time_ms=0) == hello
            peer.session.cursor = peer.client.revision
            peer.transmit(peer.client.resend())

    def cut(self, peer: Peer) -> None:
        peer.cut()

    def reload(self, peer: Peer) -> None:
        """The tab is closed and opened again, from what it kept."""
        peer.cut()
        old = peer.client
        peer.client = Client(
            revision=old.revision,
            last_seq=old.last_seq,
            in_flight=old.in_flight,
            buffer=old.buffer,
        )

    def resession(self, peer: Peer) -> None:
        """Go on under a new key, if what is in flight has not arrived (or it would be twice)."""
        peer.cut()
        flight = peer.client.in_flight
        if flight is not None:
            if self.document.sessions.get(peer.id, NOTHING).seq == flight.seq:
                return
            del peer.sent[peer.id, flight.seq]
        peer.client.restart()
        peer.restarts += 1
        self.check(peer)

    def crash(self) -> None:
        """The server dies and starts again with what the store has, answered or not."""
        for peer in self.peers:
            peer.cut()
        self.batch = []
        self.document = Document(text=self.text, entries=self.store, length_max=10_000)
        # The document's own first revision is 0 here: its snapshot is the text before all entries.
        for revision, entry in enumerate(self.store, 1):
            self.document.sessions[entry.session] = Commit(entry.seq, revision, entry.digest)

    def settle(self) -> None:
        """Let everything arrive."""
        for _ in range(10_000):
            for peer in self.peers:
                self.connect(peer)
                self.send(peer)
                self.deliver(peer)
                self.push(peer)
                self.receive(peer)
            self.store_batch(self.peers[0])
            self.answer(self.peers[0])
            head = self.document.log.head
            if head == self.document.committed and all(
                peer.client.revision == head and not peer.client.pending and not peer.up
                for peer in self.peers
            ):
                return
        pytest.fail("it does not come to rest")


@settings(max_examples=200)
@given(st_choices(STEPS * 6))
def test_all_come_to_the_same_text_and_nothing_is_lost_or_twice(choices):
    world = World(choices)
    for _ in range(STEPS):
        world.step()
    world.settle()

    assert [peer.text for peer in world.peers] == [world.texts[-1]] * 3
    assert world.document.text() == world.texts[-1]
    stored = Counter((entry.session, entry.seq) for entry in world.store)
    assert stored == Counter(key for peer in world.peers for key in peer.sent)


def test_a_buffer_may_settle_elsewhere_in_a_delta_and_nobody_is_harmed():
    """Only what is in flight must come out the same, whether in one delta or one by one."""
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


def test_operations_are_plain_data():
    """Tuples and lists are the same operation, as from any decoder."""
    client = Client()
    op: Operation = ("a",)
    client.edit(op)

    assert client.send(LARGE) == OpMessage(base=0, seq=1, op=["a"])
