"""PURE: one connection's state machine

What a connection may say when, who it speaks for, and what it is to be sent next. Frames come in as
bytes and go out as values; the driver (`server/conversation.py`) does what they say.

    new --hello--> live --op, presence, ping--> live      anything else raises ProtocolError, and
    that is the end

A connection is a cursor into the log: `cursor` is the revision that it has been sent. It has no
queue. `next_slice` says what to send from there, and the longer a client lets itself be waited for,
the more that one slice takes.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Literal, NamedTuple

from ot.document import Commit, Submission
from ot.errors import ProtocolError
from ot.messages import Hello, OpMessage, Ping, PresenceMessage, decode_client, digest

__all__ = ["Received", "Session", "Slice", "public_id"]

Received = Hello | Submission | PresenceMessage | Ping


def public_id(kind: Literal["session", "person"], key: str) -> str:
    """The id that others see of a secret key: 22 characters, from which the key cannot be found."""
    hashed = sha256(f"deltapad {kind}:{key}".encode()).digest()
    return urlsafe_b64encode(hashed).decode()[:22]


class Slice(NamedTuple):
    """The entries from revision `start` to `end`, one by one or `composed`."""

    start: int
    end: int
    composed: bool


class Session:
    """One connection, from its first frame to its last."""

    __slots__ = ("cursor", "person", "presence_version", "session")

    def __init__(self) -> None:
        # Public ids; empty until hello.
        self.session = ""
        self.person = ""
        # The revision, and the version of presence, that the client has been sent.
        self.cursor = 0
        self.presence_version = 0

    @property
    def live(self) -> bool:
        """Whether it has introduced itself."""
        return bool(self.session)

    def receive(self, frame: bytes, *, time_ms: int) -> Received:
        """What a frame says, checked against where the conversation is.

        Raises ProtocolError or OperationError, as `decode_client` does, and `hello_expected`,
        `hello_repeated`.
        """
        message = decode_client(frame)
        if isinstance(message, Hello):
            if self.live:
                raise ProtocolError("hello_repeated", "this connection has said hello already")
            self.session = public_id("session", message.session)
            self.person = public_id("person", message.person)
            return message
        if not self.live:
            raise ProtocolError("hello_expected", "the first frame is hello")
        if isinstance(message, OpMessage):
            return Submission(
                session=self.session,
                person=self.person,
                seq=message.seq,
                base=message.base,
                op=message.op,
                digest=digest(message.base, message.op),
                time_ms=time_ms,
            )
        return message

    def next_slice(self, committed: int, own: Commit, *, ops_max: int) -> Slice | None:
        """What to send next, if `committed` is the newest revision that may be shown; None if
        nothing.

        `own` is the session's newest entry. A delta stops before it: the client finds its
        acknowledgement in an entry of its own. There is at most one, since a session has one
        operation in flight.
        """
        behind = committed - self.cursor
        if behind <= 0:
            return None
        if behind <= ops_max:
            return Slice(self.cursor, committed, composed=False)
        if own.revision - 1 == self.cursor:
            return Slice(self.cursor, own.revision, composed=False)
        if self.cursor < own.revision <= committed:
            return Slice(self.cursor, own.revision - 1, composed=True)
        return Slice(self.cursor, committed, composed=True)
