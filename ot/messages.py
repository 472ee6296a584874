"""the wire protocol: typed messages, encode/decode, version, limits

The words of docs/reference/protocol.md as types. Frames from a client are decoded and validated in
one call, here and nowhere else: what leaves `decode` keeps every rule that can be checked without
knowing the text.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec
from msgspec import Meta, Struct

from ot.errors import CODES, DeltapadError, OperationError, ProtocolError
from ot.operation import Component, Operation, inserted_length, validate

__all__ = [
    "COLORS",
    "FRAME_BYTES_MAX",
    "HELLO_BYTES_MAX",
    "OP_COMPONENTS_MAX",
    "OP_INSERTED_MAX",
    "PROTOCOL_VERSION",
    "SELECTIONS_MAX",
    "SUBPROTOCOL",
    "Checksum",
    "ClientMessage",
    "DeltaMessage",
    "Diverged",
    "ErrorMessage",
    "Hello",
    "Limits",
    "OpMessage",
    "OpsMessage",
    "PeopleMessage",
    "Person",
    "Ping",
    "Pong",
    "PresenceMessage",
    "Properties",
    "Role",
    "ServerMessage",
    "SetProperties",
    "StorageMessage",
    "StorageState",
    "TraceMessage",
    "Welcome",
    "decode_client",
    "decode_server",
    "digest",
    "encode",
    "encode_value",
    "error_message",
]

PROTOCOL_VERSION: Final = "1.2"
SUBPROTOCOL: Final = "deltapad.1"

# The largest operation that keeps to the two limits below fits in a frame even if each of its code
# points is escaped as a surrogate pair (12 bytes): 65,536 x 12 + 10,000 x 20.
FRAME_BYTES_MAX: Final = 1_048_576
# The first frame: a hello takes 3 KB at most, and nobody knows yet who sends it.
HELLO_BYTES_MAX: Final = 16_384
# Transforming costs one step for each component; this many take a few milliseconds.
OP_COMPONENTS_MAX: Final = 10_000
# Code points. A larger paste travels as several operations, between which others get their turn.
OP_INSERTED_MAX: Final = 65_536
# An editor with many carets has a few; more would make presence heavier than the edits.
SELECTIONS_MAX: Final = 16
# The palette is named on the pages; the wire carries an index, so that each theme has its own
# shades.
COLORS: Final = 12
# Largest integer that JavaScript holds exactly.
_SAFE_INTEGER: Final = 2**53 - 1

Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22,64}\Z")]
Revision = Annotated[int, Meta(ge=0, le=_SAFE_INTEGER)]
Seq = Annotated[int, Meta(ge=1, le=_SAFE_INTEGER)]
Selection: TypeAlias = tuple[Revision, Revision]
Selections = Annotated[list[Selection], Meta(max_length=SELECTIONS_MAX)]
# Cut to 40 code points after cleaning; the wire allows for what the cleaning takes out.
Name = Annotated[str, Meta(max_length=200)]
Color = Annotated[int, Meta(ge=0, le=COLORS)]
PublicId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
# Cut to 80 code points after cleaning.
Title = Annotated[str, Meta(max_length=400)]
# The lower-case name of a language, such as `c++` or `objective-c`. Who does not know it shows
# plain text.
Language = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9+#. -]{0,31}\Z")]


class Hello(Struct, frozen=True, tag="hello"):
    """A client introduces itself, and says which copy of the text it has."""

    session: Key
    person: Key
    name: Name
    color: Color = 0
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    revision: Revision | None = None


class OpMessage(Struct, frozen=True, tag="op"):
    """An operation made on revision `base`, the session's `seq`-th."""

    base: Revision
    seq: Seq
    op: list[Component]


class PresenceMessage(Struct, frozen=True, tag="presence"):
    """A client's name, colour, and selections in the text at `revision`; whom they follow, by
    public session id, and the past revision that they look at.
    """

    revision: Revision
    name: Name
    color: Color
    selections: Selections
    following: PublicId | None = None
    history: Revision | None = None


class SetProperties(Struct, frozen=True, tag="properties", omit_defaults=True):
    """A client changes what is said of the pad; None leaves it as it is. With `new_view_link` the
    server makes a view-only link that takes the place of the one before.
    """

    title: Title | None = None
    language: Language | None = None
    view_history: bool | None = None
    new_view_link: bool | None = None

    def __post_init__(self) -> None:
        said = (self.title, self.language, self.view_history)
        if said == (None, None, None) and not self.new_view_link:
            raise ValueError("nothing to change: title, language, view_history, or new_view_link")


class Ping(Struct, frozen=True, tag="ping"):
    """Is anybody there?"""

    n: Revision = 0


class Checksum(Struct, frozen=True, tag="checksum"):
    """What a client shows at a revision, with nothing pending: its length in code points, and the
    CRC-32 of its UTF-8.
    """

    revision: Revision
    length: Revision
    crc32: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class TraceMessage(Struct, frozen=True, tag="trace"):
    """How a client came to the text that has diverged at `revision`: the text, unless it is too
    long; the state that the trace begins at, and what was done to the client since. Both are kept
    as they are, in the words of `ot.steps`, for people to look at; no server acts on them.
    """

    revision: Revision
    text: str | None = None
    start: msgspec.Raw = msgspec.Raw(b"null")
    steps: msgspec.Raw = msgspec.Raw(b"[]")


ClientMessage: TypeAlias = (
    Hello | OpMessage | PresenceMessage | SetProperties | Ping | Checksum | TraceMessage
)
# Who came by the pad's own link may write; who came by its view-only link may not.
Role = Literal["write", "read"]
# Whether what is typed gets to the server's disk, and if not, why.
StorageState = Literal["ok", "full", "read_only", "failing"]


class Limits(Struct, frozen=True):
    """What the server accepts: bytes, components, and code points."""

    frame_bytes: int
    op_components: int
    op_inserted: int
    pad_length: int


class Welcome(Struct, frozen=True, tag="welcome", omit_defaults=True):
    """The answer to `hello`: ids, where the stream starts, and the text for who has no copy; with
    role `write`, the key of the view-only link.
    """

    protocol: str
    session: str
    person: str
    role: str
    epoch: str
    revision: int
    committed: tuple[int, int]
    color: int
    title: str
    language: str
    view_history: bool
    limits: Limits
    view_key: str | None = None
    text: str | None = None


class OpsMessage(Struct, frozen=True, tag="ops"):
    """Entries `from + 1` and on: (session, seq, operation)."""

    start: int = msgspec.field(name="from")
    ops: list[tuple[str, int, list[Component]]]


class DeltaMessage(Struct, frozen=True, tag="delta"):
    """The composition of the entries from one revision to another."""

    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    op: list[Component]


class Person(Struct, frozen=True, omit_defaults=True):
    """Who is here, and where."""

    session: str
    person: str
    name: str
    color: int
    selections: list[Selection]
    role: str = "write"
    following: str | None = None
    history: int | None = None


class PeopleMessage(Struct, frozen=True, tag="presence", omit_defaults=True):
    """What has changed among the people here, positions in the text at `revision`.

    With `everybody`, `people` are all that are here, whatever was told before.
    """

    revision: int
    people: list[Person]
    left: list[str] = []
    everybody: bool = False


class Properties(Struct, frozen=True, tag="properties", omit_defaults=True):
    """What is said of the pad has changed, and is this now; the key of the view-only link is for
    who has role `write`.
    """

    title: str
    language: str
    view_history: bool
    view_key: str | None = None


class StorageMessage(Struct, frozen=True, tag="storage"):
    """Whether the server's disk takes what is typed has changed, and is this now."""

    state: StorageState


class Diverged(Struct, frozen=True, tag="diverged"):
    """The text of which the client has sent the checksum is not the one of the log."""

    revision: int


class ErrorMessage(Struct, frozen=True, tag="error"):
    """Something was refused; `action` is what the client does next."""

    code: str
    message: str
    action: str
    seq: int | None = None


class Pong(Struct, frozen=True, tag="pong"):
    """Somebody is."""

    n: int = 0


ServerMessage: TypeAlias = (
    Welcome
    | OpsMessage
    | DeltaMessage
    | PeopleMessage
    | Properties
    | StorageMessage
    | Diverged
    | ErrorMessage
    | Pong
)

_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
# Of what is a part of a message: the same, but that it may be any value of JSON.
encode_value = _encoder.encode


def decode_client(frame: str | bytes) -> ClientMessage:
    """Read a frame from a client.

    Raises ProtocolError `bad_json`, `bad_message`, `unknown_message`; OperationError
    `bad_operation`, `lone_surrogate`, `op_too_large`.
    """
    try:
        message = _client_decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        _explain(frame, error)
    if isinstance(message, OpMessage):
        check_operation(message.op, seq=message.seq)
    return message


def decode_server(frame: str | bytes) -> ServerMessage:
    """Read a frame from a server. Raises ProtocolError as `decode_client` does."""
    try:
        return _server_decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        _explain(frame, error)


def check_operation(op: object, *, seq: int | None) -> None:
    """Check form and limits. Raises OperationError `bad_operation`, `lone_surrogate`,
    `op_too_large`.
    """
    try:
        components = validate(op)
    except OperationError as error:
        error.seq = seq
        raise
    if not components:
        raise OperationError("bad_operation", "an operation that changes nothing", seq=seq)
    inserted = inserted_length(components)
    if len(components) > OP_COMPONENTS_MAX or inserted > OP_INSERTED_MAX:
        raise OperationError(
            "op_too_large",
            f"{len(components)} components and {inserted} inserted code points; at most "
            f"{OP_COMPONENTS_MAX} and {OP_INSERTED_MAX}: send it as several operations",
            seq=seq,
        )


def _explain(frame: str | bytes, error: Exception) -> NoReturn:
    """Find the right name for a frame that could not be decoded: the slow way, for bad frames
    only.
    """
    try:
        # Decoded here: `json` would take bytes in other encodings too, and halves of pairs.
        text = frame if isinstance(frame, str) else str(frame, "utf-8")
        value: Any = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as reason:
        raise ProtocolError("bad_json", f"not strict JSON: {reason}") from None
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind not in _TYPES:
        raise ProtocolError("unknown_message", f"no message of type {kind[:40]!a}")
    if kind == "op":
        seq = value.get("seq")
        seq = seq if type(seq) is int and 0 < seq <= _SAFE_INTEGER else None
        if _has_surrogate(value.get("op")):
            check_operation(value["op"], seq=seq)
    raise ProtocolError("bad_message", str(error))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _has_surrogate(op: object) -> bool:
    return isinstance(op, list) and any(
        isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part)
        for part in op
    )


_TYPES = frozenset(
    str(struct.__struct_config__.tag)
    for struct in (
        Hello,
        OpMessage,
        PresenceMessage,
        SetProperties,
        Ping,
        Checksum,
        TraceMessage,
        Welcome,
        OpsMessage,
        DeltaMessage,
        StorageMessage,
        Diverged,
        ErrorMessage,
        Pong,
    )
)


def digest(base: int, op: Operation) -> bytes:
    """16 bytes that stand for an operation as it was sent."""
    return blake2b(_encoder.encode((base, op)), digest_size=16).digest()


def error_message(error: DeltapadError) -> ErrorMessage:
    """The frame that tells a client of `error`."""
    return ErrorMessage(
        code=error.code, message=error.message, action=CODES[error.code].action, seq=error.seq
    )
