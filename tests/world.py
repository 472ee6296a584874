"""three clients, a document and a network in one process, where everything may go wrong at any step

No clock and no chance of its own: a `Choices` says what happens next.
"""

from __future__ import annotations

import pytest

from ot.client import Client
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
from ot.operation import apply, compose_all
from server.session import Session, public_id
from tests.strategies import Choices, make_operation, make_text

__all__ = ["LIMITS", "Peer", "World"]

# As small as they can be, so that an edit often travels in pieces.
LIMITS = Limits(frame_bytes=0, op_components=3, op_inserted=2, pad_length=0)


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
    """The server, its store, and three peers."""

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
                submission = self.document.catch_up(
                    submission, older, revision=self.document.log.start
                )
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
