"""the scripts of `wire.json` in which the server says what ours does not, or not to order"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ot.errors import CODES, DeltapadError, ProtocolError, UnavailableError
from ot.messages import (
    PROTOCOL_VERSION,
    DeltaMessage,
    OpsMessage,
    PeopleMessage,
    Person,
    Properties,
    Role,
    StorageMessage,
    Welcome,
    error_message,
)
from server.session import public_id
from tests.vectors.wire import EPOCH, LIMITS, Script, key

__all__ = ["FOR_CLIENTS"]

Case = dict[str, Any]
Play = Callable[[Script], None]

ADA, BEN = (public_id("session", key("session", who)) for who in ("ada", "ben"))
ADA_AGAIN = public_id("session", key("session", "ada", 2))


def welcome(**members: Any) -> Welcome:
    """As if the pad had a past."""
    base: Case = {
        "protocol": PROTOCOL_VERSION,
        "session": ADA,
        "person": public_id("person", "x"),
        "color": 1,
    }
    base |= {"role": "write", "epoch": EPOCH, "revision": 7, "committed": (0, 0), "limits": LIMITS}
    base |= {"title": "A pad", "language": "markdown", "view_history": True}
    return Welcome(**{**base, **members})


def greet(s: Script, *, role: Role = "write", **members: Any) -> None:
    s.say("ada", s.connect("ada", role).hello())
    s.told("ada", welcome(role=role, **members))


def error(code: str) -> Any:
    kind: Callable[..., DeltapadError] = (
        UnavailableError if code in UnavailableError.codes else ProtocolError
    )
    return error_message(kind(code, "for people"))


def ops(start: int, *entries: tuple[str, int, list[Any]]) -> OpsMessage:
    return OpsMessage(start=start, ops=list(entries))


def overlap(s: Script) -> None:
    greet(s, text="abc")
    s.told("ada", ops(7, (BEN, 1, ["1"]), (BEN, 2, ["2"])))
    s.told("ada", ops(7, (BEN, 1, ["1"]), (BEN, 2, ["2"]), (BEN, 3, ["3"])))
    s.told("ada", DeltaMessage(start=7, end=9, op=["21"]))


def unknown(s: Script) -> None:
    greet(s, text="abc")
    s.told("ada", {"type": "weather", "sunny": True})
    s.told("ada", {"type": "ops", "from": 7, "ops": [[BEN, 1, ["x"]]], "mood": "good"})


def gap(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.told("ada", ops(8, (BEN, 2, ["x"])))
    s.cut("ada")
    greet(s, text="xyabc", revision=9, session=ADA_AGAIN)
    s.edit("ada", "z")


def other_acknowledgement(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.told("ada", ops(7, (ADA, 1, [2, "d"])))
    s.cut("ada")


def storage_failed(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.told("ada", error("storage_failed"))
    s.closed("ada", CODES["storage_failed"].close_code)
    greet(s)
    s.told("ada", ops(7, (BEN, 1, ["x"]), (ADA, 1, [4, "d"])))


def disk_is_full(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.told("ada", StorageMessage(state="full"))
    s.edit("ada", 4, "e")
    s.told("ada", StorageMessage(state="ok"))
    s.told("ada", ops(7, (BEN, 1, ["x"]), (ADA, 1, [4, "d"])))


def closed_without_a_word(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.closed("ada", CODES["shutting_down"].close_code)
    greet(s, committed=(1, 8))
    s.told("ada", ops(7, (ADA, 1, [3, "d"])))


def seq_reused(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.told("ada", ops(7, (BEN, 1, ["x"])))
    s.edit("ada", 5, "e")
    s.told("ada", error("seq_reused"))
    s.closed("ada", CODES["seq_reused"].close_code)
    greet(s, session=ADA_AGAIN, revision=8)
    s.told("ada", ops(8, (ADA_AGAIN, 1, [4, "de"])))


def in_parts(s: Script) -> None:
    small = replace(LIMITS, op_components=3, op_inserted=2)
    greet(s, text="abc", limits=small)
    s.edit("ada", "😀🚀😀")
    s.told("ada", ops(7, (BEN, 1, [3, "!"]), (ADA, 1, ["😀🚀"])))
    s.told("ada", ops(9, (ADA, 2, [2, "😀"])))


def another_epoch(s: Script) -> None:
    greet(s, text="abc")
    s.cut("ada")
    greet(s, text="abcd", revision=3, epoch="another-epoch")
    s.edit("ada", 4, "e")


def another_epoch_while_pending(s: Script) -> None:
    greet(s, text="abc")
    s.edit("ada", 3, "d")
    s.cut("ada")
    greet(s, text="x", revision=3, epoch="another-epoch")
    s.cut("ada")
    greet(s, text="x", revision=3, epoch="another-epoch", session=ADA_AGAIN)
    s.edit("ada", 1, "y")


def view_only(s: Script) -> None:
    """By a view-only link: it follows, and sends nothing."""
    greet(s, role="read", text="abc")
    people = [Person(ADA, "p", "ada", 1, [], "read"), Person(BEN, "q", "ben", 2, [(1, 1)])]
    s.told("ada", PeopleMessage(revision=7, people=people, everybody=True))
    s.told("ada", ops(7, (BEN, 1, [3, "d"])))
    s.cut("ada")
    greet(s, role="read", revision=8, view_history=False)
    s.told("ada", DeltaMessage(start=8, end=12, op=["x"]))


def other_properties(s: Script) -> None:
    greet(s, text="abc", language="rust")
    s.told("ada", Properties(title="Another", language="c++", view_history=False))
    s.edit("ada", 3, "d")
    s.told("ada", ops(7, (ADA, 1, [3, "d"])))


def replaced(s: Script) -> None:
    greet(s, text="abc")
    s.told("ada", error("replaced"))
    s.closed("ada", CODES["replaced"].close_code)


FOR_CLIENTS: dict[str, Play] = {
    "a frame repeats what is known": overlap,
    "fields and types of a newer server are ignored": unknown,
    "a gap is a fault: a draft, and again without a copy": gap,
    "an acknowledgement that differs is a fault": other_acknowledgement,
    "the store has failed: the same again, exactly": storage_failed,
    "the disk is full: nothing is sent again, and all goes on when it is not": disk_is_full,
    "closed without an error: the same again, exactly": closed_without_a_word,
    "the seq is in the log with other content: a new session has it all as its first edit": (
        seq_reused
    ),
    "larger than the limits of the welcome: in parts": in_parts,
    "the pad was restored: nothing pending, on from its text": another_epoch,
    "the pad was restored: what is pending becomes a draft": another_epoch_while_pending,
    "by a view-only link: it reads along": view_only,
    "the properties of the pad change": other_properties,
    "replaced by a newer connection: it does not come again": replaced,
}
