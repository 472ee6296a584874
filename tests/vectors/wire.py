"""plays the scripts of `wire.json`: real clients' machines and a real document, in one process

A script is a list of steps that somebody writes by hand with the methods of `Script` (see
`tests/vectors/wire_conversations.py`). What is said and told between them is made here, by `ot` and
`server.session`, and recorded.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from ot.client import Client, Desync
from ot.document import NOTHING, Document, Submission
from ot.errors import CODES, DeltapadError, ProtocolError
from ot.messages import (
    FRAME_BYTES_MAX,
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    PROTOCOL_VERSION,
    DeltaMessage,
    ErrorMessage,
    Hello,
    Limits,
    OpMessage,
    OpsMessage,
    Ping,
    Pong,
    PresenceMessage,
    Properties,
    Role,
    ServerMessage,
    SetProperties,
    Welcome,
    decode_server,
    encode,
    error_message,
)
from ot.operation import apply
from server.session import Session, public_id

__all__ = [
    "EPOCH",
    "LIMITS",
    "OPS_PER_FRAME_MAX",
    "PAD_LENGTH_MAX",
    "Peer",
    "Script",
    "Server",
    "key",
]

Step = dict[str, Any]

EPOCH = "epoch-of-the-pad"
# So small that a script can reach them.
PAD_LENGTH_MAX = 40
OPS_PER_FRAME_MAX = 3
LIMITS = Limits(
    frame_bytes=FRAME_BYTES_MAX,
    op_components=OP_COMPONENTS_MAX,
    op_inserted=OP_INSERTED_MAX,
    pad_length=PAD_LENGTH_MAX,
)
# What a newer server may send, and a client passes over.
UNKNOWN_TYPES = ("weather",)


def key(kind: str, who: str, number: int = 1) -> str:
    """A secret that is easy to read; a real one is made by chance."""
    return f"{kind}-key-{number}-of-{who}".ljust(22, "-")


class Server:
    """One pad: what the hub and its conversations do, at once and without a store."""

    def __init__(self) -> None:
        self.document = Document(length_max=PAD_LENGTH_MAX)
        self.properties = Properties(title="A pad", language="markdown", view_history=True)
        self.properties_version = 0

    def receive(self, session: Session, frame: bytes) -> ServerMessage | None:
        """Take in a frame, and return what is answered at once, if anything is.

        Raises DeltapadError.
        """
        message = session.receive(frame, time_ms=0)
        if isinstance(message, Hello):
            return self._welcome(session, message)
        if isinstance(message, Ping):
            return Pong(n=message.n)
        if isinstance(message, PresenceMessage):
            if max(message.revision, message.history or 0) > self.document.committed:
                raise ProtocolError("base_in_future", "a revision past the newest")
        elif isinstance(message, Submission):
            self.document.submit(message)
            self.document.hand_over()
            self.document.commit(self.document.handed)
        elif isinstance(message, SetProperties):
            changes = {
                name: value for name, value in structs.asdict(message).items() if value is not None
            }
            # Here are no links.
            changes.pop("new_view_link", None)
            self.properties = structs.replace(self.properties, **changes)
            self.properties_version += 1
        return None

    def next_frame(self, session: Session) -> ServerMessage | None:
        """What the session has not been sent yet."""
        document = self.document
        own = document.sessions.get(session.session, NOTHING)
        part = session.next_slice(document.committed, own, ops_max=OPS_PER_FRAME_MAX)
        if part is None:
            if session.properties_version == self.properties_version:
                return None
            session.properties_version = self.properties_version
            return self.properties
        session.cursor = part.end
        if part.composed:
            op = document.log.composed(part.start, part.end)
            return DeltaMessage(start=part.start, end=part.end, op=op)
        entries = document.log.entries(part.start, part.end)
        return OpsMessage(start=part.start, ops=[(e.session, e.seq, e.op) for e in entries])

    def _welcome(self, session: Session, hello: Hello) -> Welcome:
        document = self.document
        own = document.sessions.get(session.session, NOTHING)
        known = hello.epoch == EPOCH and (hello.revision or 0) <= document.committed
        revision = hello.revision if known else None
        session.cursor = document.committed if revision is None else revision
        session.properties_version = self.properties_version
        if session.role == "read" and not self.properties.view_history:
            session.composed_until = document.committed
        return Welcome(
            protocol=PROTOCOL_VERSION,
            session=session.session,
            person=session.person,
            role=session.role,
            epoch=EPOCH,
            revision=session.cursor,
            committed=(own.seq, own.revision),
            color=1,
            title=self.properties.title,
            language=self.properties.language,
            view_history=self.properties.view_history,
            limits=LIMITS,
            text=document.text() if revision is None else None,
        )


class Peer:
    """A client as section 7 of the protocol tells it, around the machine of `ot`."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.number = 1  # of the session key
        self.machine = Client()
        self.screen = ""
        self.epoch: str | None = None
        self.drafts: list[str] = []
        self._limits: Limits | None = None  # from welcome to the end of the connection
        self._resend: OpMessage | None = None
        self._session = ""

    def hello(self) -> Hello:
        revision = None if self.epoch is None else self.machine.revision
        return Hello(
            session=key("session", self.who, self.number),
            person=key("person", self.who),
            name=self.who,
            epoch=self.epoch,
            revision=revision,
        )

    def edit(self, op: list[Any]) -> None:
        self.screen = apply(self.screen, op)
        self.machine.edit(op)

    def lost(self) -> None:
        """The connection is gone."""
        self._limits = self._resend = None

    def outgoing(self) -> OpMessage | None:
        """What it sends now: what was in flight, exactly as it was, then whatever there is."""
        if self._limits is None:
            return None
        message, self._resend = self._resend, None
        return message or self.machine.send(self._limits)

    def receive(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            self._welcomed(message)
        elif isinstance(message, OpsMessage | DeltaMessage):
            try:
                op = self.machine.receive(message, self._session).op
            except Desync:
                self._start_over()
            else:
                self.screen = apply(self.screen, op or [])
        elif isinstance(message, ErrorMessage):
            if message.action == "draft":
                self._start_over()
            elif message.action == "resession":
                self.number += 1
                self.machine.restart()
            self.lost()

    def _welcomed(self, message: Welcome) -> None:
        if message.text is not None:
            if self.machine.pending:
                self._start_over()
                return
            self.machine = Client(revision=message.revision, last_seq=message.committed[0])
            self.screen = message.text
        self.epoch = message.epoch
        self._session = message.session
        self._limits = message.limits
        self._resend = self.machine.resend()

    def _start_over(self) -> None:
        """Keep what is on screen as a draft, if any of it is not saved; begin without a copy."""
        if self.machine.pending:
            self.drafts.append(self.screen)
        self.number += 1
        self.machine = Client()
        self.epoch = None
        self.lost()


class Script:
    """Records a conversation step by step.

    Without a server it is a script for clients, in which all that is told stands by hand.
    """

    def __init__(self, server: Server | None = None) -> None:
        self._server = server
        self.steps: list[Step] = []
        self._peers: dict[str, Peer] = {}
        # The server's side of each open connection.
        self._sessions: dict[str, Session] = {}

    @property
    def server(self) -> Server:
        assert self._server is not None, "this script has no server"
        return self._server

    def open(self, *everybody: str, role: Role = "write") -> None:
        """They connect, say hello and are welcomed, and send what they have; with the role "read",
        by the view-only link.
        """
        for who in everybody:
            self.say(who, self.connect(who, role).hello())

    def edit(self, who: str, *op: Any, lost: bool = False) -> None:
        """Somebody types; if it can be sent at once, it is. `lost`: it does not arrive."""
        peer = self._peers[who]
        peer.edit(list(op))
        self._record("edit", who, op=list(op), screen=peer.screen)
        self._send(peer, lost=lost)

    def tell(self, *everybody: str, lost: bool = False) -> None:
        """The server sends them all that they have not been sent. `lost`: it does not arrive."""
        for who in everybody:
            while who in self._sessions:
                message = self.server.next_frame(self._sessions[who])
                if message is None:
                    break
                self.told(who, message, lost=lost)

    def cut(self, *everybody: str) -> None:
        """Their connections end without a word."""
        for who in everybody:
            self._sessions.pop(who, None)
            self._peers[who].lost()
            self._record("cut", who)

    def pad(self) -> None:
        """What the server has now."""
        document = self.server.document
        self.steps.append({"do": "pad", "revision": document.committed, "text": document.text()})

    # What the scripts for one side only use besides

    def connect(self, who: str, role: Role = "write") -> Peer:
        """A connection is opened, and nothing is said yet."""
        peer = self._peers.setdefault(who, Peer(who))
        hello = peer.hello()
        ids = {"id": public_id("session", hello.session)}
        if role == "read":
            ids["role"] = role
        self._record("open", who, session=hello.session, person=hello.person, **ids)
        self._sessions[who] = Session(role)
        return peer

    def session(self, who: str) -> Session:
        """The server's side of a connection."""
        return self._sessions[who]

    def say(self, who: str, message: Any, *, lost: bool = False) -> None:
        """The client sends a frame, of whatever kind."""
        frame = json.loads(encode(message))
        self._record("say", who, frame=frame, **_flag(lost))
        if lost or self._server is None:
            return
        try:
            answer = self.server.receive(self._sessions[who], json.dumps(frame).encode())
        except DeltapadError as error:
            self.told(who, error_message(error))
            self.closed(who, CODES[error.code].close_code)
        else:
            if answer is not None:
                self.told(who, answer)

    def told(self, who: str, message: Any, *, lost: bool = False) -> None:
        """The server sends a frame, of whatever kind; the client reads what it understands."""
        peer = self._peers[who]
        frame = json.loads(encode(message))
        self._record("tell", who, frame=frame, **_flag(lost))
        if lost:
            return
        drafts = len(peer.drafts)
        if frame["type"] not in UNKNOWN_TYPES:
            peer.receive(decode_server(encode(message)))
        if len(peer.drafts) > drafts:
            self.steps[-1]["draft"] = peer.drafts[-1]
        self.steps[-1]["screen"] = peer.screen
        self.steps[-1]["pending"] = peer.machine.pending
        self._send(peer)

    def closed(self, who: str, code: int) -> None:
        """The server closes the connection."""
        self._sessions.pop(who, None)
        self._peers[who].lost()
        self._record("closed", who, code=code)

    def _send(self, peer: Peer, *, lost: bool = False) -> None:
        message = peer.outgoing()
        if message is not None:
            self.say(peer.who, message, lost=lost)

    def _record(self, do: str, who: str, **members: Any) -> None:
        self.steps.append({"do": do, "who": who, **members})


def _flag(lost: bool) -> Step:
    return {"lost": True} if lost else {}
