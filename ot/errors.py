"""every error: code, whose fault, what the client should do

One base class, `DeltapadError`. Its subclasses are the whole list of things that can be refused;
`code` is stable and part of the protocol, the message is for people and may change. An exception of
any other type is a bug of ours.

    DeltapadError
      ProtocolError       the frame or its order is wrong
      OperationError      the operation is wrong in itself, or does not fit the text
      UnavailableError    nothing is wrong with the request; it cannot be served now
      GoneError           what it is about was deleted, and does not come back
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = [
    "CODES",
    "Action",
    "DeltapadError",
    "ErrorCode",
    "GoneError",
    "OperationError",
    "ProtocolError",
    "UnavailableError",
]

Action = Literal["draft", "resession", "reconnect", "stop"]


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of the table of errors: what it means, and what the client does next."""

    code: str
    action: Action
    close_code: int
    meaning: str


_TABLE = (
    # What the frame says cannot be read, or comes at the wrong time.
    ErrorCode(
        "bad_json", "stop", 1008, "not a text frame of strict JSON (NaN, too deep, huge number)"
    ),
    ErrorCode(
        "bad_message", "stop", 1008, "a field is missing, of a wrong type, or out of its bounds"
    ),
    ErrorCode("unknown_message", "stop", 1008, "no message has this `type`"),
    ErrorCode("hello_expected", "stop", 1008, "the first frame was not `hello`"),
    ErrorCode("hello_repeated", "stop", 1008, "a second `hello` on one connection"),
    ErrorCode(
        "frame_too_large",
        "stop",
        1009,
        "a frame of more than 1,048,576 bytes, or a first one of more than 16,384",
    ),
    ErrorCode(
        "base_in_future", "stop", 1008, "`base`, or `revision` of a presence, is past the newest"
    ),
    ErrorCode("base_too_old", "stop", 1008, "`base` is before this session's own last entry"),
    ErrorCode("seq_gap", "stop", 1008, "`seq` is not the session's next one"),
    ErrorCode("read_only", "stop", 1008, "`op` or `properties` from who came by a view-only link"),
    ErrorCode(
        "protocol_unsupported", "stop", 1008, "the server speaks another major version; update"
    ),
    ErrorCode("replaced", "stop", 4001, "a newer connection of this session has taken its place"),
    ErrorCode("link_replaced", "stop", 1008, "this view-only link was replaced by a new one"),
    ErrorCode("pad_deleted", "stop", 1008, "the pad was deleted, and does not come back"),
    # What the operation says cannot be done. Nothing has been stored.
    ErrorCode("bad_operation", "draft", 1008, "the operation breaks a rule of form"),
    ErrorCode("lone_surrogate", "draft", 1008, "inserted text holds half of a surrogate pair"),
    ErrorCode("op_past_end", "draft", 1008, "the operation reaches past the end of its text"),
    ErrorCode(
        "op_too_large", "draft", 1008, "more components or inserted text than the limits allow"
    ),
    ErrorCode(
        "pad_full", "draft", 1008, "the text, or its log, would grow past the limit of the pad"
    ),
    ErrorCode("op_failed", "draft", 1008, "a bug of the server, which the operation brings out"),
    ErrorCode("seq_reused", "resession", 1008, "this `seq` is in the log with other content"),
    # The request is fine, the server is not.
    ErrorCode(
        "storage_failed", "reconnect", 1013, "the store could not make it durable; try again"
    ),
    ErrorCode("shutting_down", "reconnect", 1012, "the server is being restarted"),
    ErrorCode("busy", "reconnect", 1013, "too many connections for this server or pad"),
    # Not a bug of the client: what it sends may be lost on the way, or slow.
    ErrorCode("hello_late", "reconnect", 1013, "no `hello` has come within 10 seconds"),
)

CODES: dict[str, ErrorCode] = {row.code: row for row in _TABLE}


class DeltapadError(Exception):
    """Base of all errors that we raise on purpose; `code` is one of `CODES`.

    `seq` is the sequence number of the operation that was refused, if one was.
    """

    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, code: str, message: str, *, seq: int | None = None) -> None:
        assert code in self.codes, code
        super().__init__(message)
        self.code = code
        self.message = message
        self.seq = seq

    @property
    def action(self) -> Action:
        """What the client does next."""
        return CODES[self.code].action


class ProtocolError(DeltapadError):
    """The frame, or its place in the conversation, is wrong: a bug of the client."""

    codes = (
        "bad_json",
        "bad_message",
        "unknown_message",
        "hello_expected",
        "hello_repeated",
        "frame_too_large",
        "base_in_future",
        "base_too_old",
        "seq_gap",
        "seq_reused",
        "read_only",
        "protocol_unsupported",
        "replaced",
        "link_replaced",
    )


class OperationError(DeltapadError):
    """The operation is refused; the text and the log are as they were."""

    codes = (
        "bad_operation",
        "lone_surrogate",
        "op_past_end",
        "op_too_large",
        "pad_full",
        "op_failed",
    )


class UnavailableError(DeltapadError):
    """The server cannot do it now; resending later is right."""

    codes = ("storage_failed", "shutting_down", "busy", "hello_late")


class GoneError(DeltapadError):
    """What the request is about was deleted at `time_ms`, and does not come back."""

    codes = ("pad_deleted",)

    def __init__(self, code: str, message: str, *, time_ms: int, seq: int | None = None) -> None:
        super().__init__(code, message, seq=seq)
        self.time_ms = time_ms
