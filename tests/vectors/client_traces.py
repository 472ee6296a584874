"""the cases of `client.json`: what one client is told, what it gives, and its state after it"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ot.client import Client
from ot.steps import OWN_SESSION as ME
from ot.steps import Step, client_state, run_step

__all__ = ["client_vectors"]


def edit(*op: Any) -> Step:
    """Something is typed."""
    return {"do": "edit", "op": list(op)}


def ops(start: int, *entries: tuple[str, int, list[Any]]) -> Step:
    """A frame of entries comes."""
    message = {"type": "ops", "from": start, "ops": [list(entry) for entry in entries]}
    return {"do": "receive", "message": message}


def delta(start: int, end: int, *op: Any) -> Step:
    """A composed frame comes."""
    return {"do": "receive", "message": {"type": "delta", "from": start, "to": end, "op": list(op)}}


SEND: Step = {"do": "send"}
RESEND: Step = {"do": "resend"}
SMALL: Step = {"do": "send", "limits": {"op_inserted": 2, "op_components": 3}}


def client_vectors() -> dict[str, list[Step]]:
    """Traces of one client: what it is told, what it gives, and its state after each step."""
    traces: list[tuple[str, Sequence[Step]]] = [
        ("type, send, acknowledged", [edit("a"), SEND, ops(0, (ME, 1, ["a"]))]),
        (
            "typing goes on while one is in flight",
            [edit("a"), SEND, edit(1, "b"), SEND, ops(0, (ME, 1, ["a"])), SEND],
        ),
        (
            "somebody types at the same place: theirs is in the log first and goes left",
            [edit("me"), SEND, ops(0, ("ada", 1, ["ada "])), ops(1, (ME, 1, [4, "me"]))],
        ),
        (
            "the acknowledgement is lost: resent to the letter, and found in what was missed",
            [
                edit("a"),
                SEND,
                ops(0, ("ada", 1, ["x"])),
                edit(2, "b"),
                RESEND,
                ops(1, (ME, 1, [1, "a"]), ("ada", 2, [2, "y"])),
                SEND,
            ],
        ),
        (
            "a week behind: a delta up to the own entry, then the entry, then a delta",
            [
                edit(3, "mine"),
                SEND,
                delta(0, 900, -2, "we wrote "),
                ops(900, (ME, 1, [10, "mine"])),
                delta(901, 2_000, "and more: "),
            ],
        ),
        (
            "a frame with the own entry in its middle is one operation for the screen",
            [
                edit("M"),
                SEND,
                edit(1, "N"),
                ops(0, ("ada", 1, ["1"]), (ME, 1, [1, "M"]), ("lin", 1, [2, "2"])),
            ],
        ),
        (
            "what I delete was deleted meanwhile",
            [edit(-2), SEND, edit("x"), ops(0, ("ada", 1, [-3])), ops(1, (ME, 1, []))],
        ),
        (
            "the counter-example of the catch-up law, by one delta",
            [edit("ee", -1), SEND, delta(0, 2, -1, "z"), ops(2, (ME, 1, ["ee"]))],
        ),
        (
            "the counter-example of the catch-up law, one by one",
            [
                edit("ee", -1),
                SEND,
                ops(0, ("ada", 1, [1, "z"])),
                ops(1, ("ada", 2, [-1])),
                ops(2, (ME, 1, ["ee"])),
            ],
        ),
        (
            "a large edit goes out in parts, between code points",
            [
                edit("😀🚀😀"),
                SMALL,
                ops(0, ("ada", 1, ["x"])),
                ops(1, (ME, 1, [1, "😀🚀"])),
                SMALL,
                ops(2, (ME, 2, [3, "😀"])),
            ],
        ),
        ("typed and taken back is nothing to send", [edit("ab"), edit(-2), SEND, RESEND]),
        (
            "a new session key: all that is pending is its first edit",
            [edit("ab"), SEND, edit(2, "c"), {"do": "restart"}, SEND],
        ),
        (
            "positions of others go through what is pending",
            [
                edit(1, "ab"),
                SEND,
                edit(-1),
                *({"do": "to_local", "position": position} for position in (0, 1, 2)),
            ],
        ),
        (
            "what is known already is skipped",
            [
                ops(0, ("ada", 1, ["a"]), ("ada", 2, [1, "b"])),
                ops(1, ("ada", 2, [1, "b"]), ("ada", 3, [2, "c"])),
                delta(0, 3, "abc"),
            ],
        ),
        ("revisions are missing", [ops(1, ("ada", 2, ["x"]))]),
        ("a delta overlaps", [ops(0, ("ada", 1, ["x"])), delta(0, 5, "xyz")]),
        ("own entry with other content", [edit("a"), SEND, ops(0, (ME, 1, ["b"]))]),
        ("own entry that is not in flight", [ops(0, (ME, 1, ["a"]))]),
        ("own entry with another seq", [edit("a"), SEND, ops(0, (ME, 2, ["a"]))]),
    ]
    cases: list[Step] = []
    for name, steps in traces:
        client = Client()
        done: list[Step] = []
        for step in steps:
            gives = run_step(client, step)
            done.append(step | {"gives": gives})
            if gives == "desync":
                break  # the state of a client that is out of step means nothing
            done[-1]["state"] = client_state(client)
        cases.append({"name": name, "steps": done})
    return {"cases": cases}
