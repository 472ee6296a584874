"""PURE: one connection's state machine

What a connection may say when, who it speaks for, and what it is to be sent next. Frames come in as
bytes and go out as values; the driver (`server/conversation.py`) does what they say.

    new --hello--> live --op, presence, properties, ping--> live      anything else raises
    ProtocolError, and that is the end; who came by a view-only link sends no op nor properties

A connection is a cursor into the log: `cursor` is the revision that it has been sent. It has no
queue. `next_slice` says what to send from there, and the longer a client lets itself be waited for,
the more that one slice takes.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Literal, NamedTuple

from msgspec import structs

from ot.document import Commit, Submission
from ot.errors import ProtocolError
from ot.messages import (
    Checksum,
    Hello,
    OpMessage,
    Ping,
    PresenceMessage,
    Role,
    SetProperties,
    StorageState,
    TraceMessage,
    decode_client,
    digest,
)
from server.presence import TITLE_MAX, clean_name

__all__ = ["Received", "Session", "Slice", "public_id"]

Received = Hello | Submission | PresenceMessage | SetProperties | Ping | Checksum | TraceMessage


def public_id(kind: Literal["session", "person"], key: str) -> str:
    """The id that others see of a secret key: 22 characters, from which the key cannot be found."""
    hashed = sha256(f"deltapad {kind}:{key}".encode()).digest()
    return urlsafe_b64encode(hashed).decode()[:22]


def _with_clean_title(message: SetProperties, title: str) -> SetProperties:
    cleaned = clean_name(title, length_max=TITLE_MAX, otherwise="")
    if not cleaned:
        raise ProtocolError("bad_message", "nothing is left of this title")
    return structs.replace(message, title=cleaned)


class Slice(NamedTuple):
    """The entries from revision `start` to `end`, one by one or `composed`."""

    start: int
    end: int
    composed: bool


class Session:
    """One connection, from its first frame to its last."""

    __slots__ = (
        "checksum_due",
        "composed_until",
        "cursor",
        "diverged",
        "person",
        "presence_version",
        "properties_version",
        "role",
        "session",
        "storage",
    )

    def __init__(self, role: Role = "write") -> None:
        self.role = role
        # Public ids; empty until hello.
        self.session = ""
        self.person = ""
        # The revision, and the versions of presence and of the pad's properties, that the client
        # has been sent.
        self.cursor = 0
        self.presence_version = 0
        self.properties_version = 0
        # Nothing is said of a store that is well.
        self.storage: StorageState = "ok"
        # Up to this revision it is told what has become of the text, and not how.
        self.composed_until = 0
        # When a checksum of it is looked at again, in seconds of the event loop; and the one that
        # it was told to be wrong, until its trace has come.
        self.checksum_due = 0.0
        self.diverged: Checksum | None = None

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
        if self.role == "read" and isinstance(message, OpMessage | SetProperties):
            seq = message.seq if isinstance(message, OpMessage) else None
            raise ProtocolError("read_only", "this link is view-only", seq=seq)
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
        if isinstance(message, SetProperties) and message.title is not None:
            return _with_clean_title(message, message.title)
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
        if behind <= ops_max and self.cursor >= self.composed_until:
            return Slice(self.cursor, committed, composed=False)
        if own.revision - 1 == self.cursor:
            return Slice(self.cursor, own.revision, composed=False)
        if self.cursor < own.revision <= committed:
            return Slice(self.cursor, own.revision - 1, composed=True)
        return Slice(self.cursor, committed, composed=True)
