"""Hypothesis strategies: texts, operations, late chains, submissions, traces of a client

For property tests of your own client, server or editor binding; needs `deltapad[testing]`. What
comes is short and alike, so that conflicts are the rule: few letters, inserts and deletes that
touch in both orders, ties, late operations. docs/reference/conformance.md shows tests that use it.

One generator serves Hypothesis and plain loops: the `make_...` functions take every choice from a
`Choices`, which is a string of bytes. Hypothesis draws the bytes, and shrinks them (zeros are the
simplest case); a loop may take them from a seeded `random.Random`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ot.client import Client
from ot.operation import Component, Operation, apply, transform
from ot.runs import compose_all
from ot.steps import OWN_SESSION, Step, client_state, run_step

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError("ot.strategies needs Hypothesis: install deltapad[testing]") from error

__all__ = [
    "ALPHABET",
    "Attempt",
    "Chain",
    "Choices",
    "Concurrent",
    "Edit",
    "Late",
    "chains",
    "choices",
    "concurrent",
    "edits",
    "late",
    "make_chain",
    "make_operation",
    "make_submissions",
    "make_text",
    "make_trace",
    "operations",
    "submissions",
    "texts",
    "traces",
]

# Few letters, so that equal text stands side by side; one of them is two UTF-16 units and four
# bytes, another combines with what is before it.
ALPHABET = "ab😀\u0301"
# Short, so that two operations touch more often than not.
TEXT_LENGTH_MAX = 5
# One component for each place where the rules meet: before, inside and after a deleted run.
STEPS_MAX = 5

T = TypeVar("T")
Edit: TypeAlias = tuple[str, list[Component]]
Concurrent: TypeAlias = tuple[str, list[Component], list[Component]]
Chain: TypeAlias = tuple[str, list[list[Component]]]
Late: TypeAlias = tuple[str, list[Component], list[list[Component]]]


class Choices:
    """A supply of small choices; at its end all choices are 0, the simplest."""

    def __init__(self, supply: bytes) -> None:
        self._supply = supply
        self._used = 0

    def __repr__(self) -> str:
        return f"Choices({self._supply!r})"

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1; `bound` is at most 256."""
        if self._used == len(self._supply):
            return 0
        self._used += 1
        return self._supply[self._used - 1] % bound

    def one_of(self, items: Sequence[T]) -> T:
        """One of `items`; the first is the simplest."""
        return items[self.below(len(items))]


# --- Texts and operations -------------------------------------------------------------------------


def make_text(
    choices: Choices, *, length_max: int = TEXT_LENGTH_MAX, alphabet: Sequence[str] = ALPHABET
) -> str:
    """A text of up to `length_max` letters, possibly empty."""
    return "".join(choices.one_of(alphabet) for _ in range(choices.below(length_max + 1)))


def make_operation(
    choices: Choices, length: int, *, alphabet: Sequence[str] = ALPHABET
) -> list[Component]:
    """An operation for a text of `length` code points, possibly `[]`.

    Inserts and deletes that touch come in both orders.
    """
    op: list[Component] = []
    position = 0
    previous = ""
    for _ in range(choices.below(STEPS_MAX + 1)):
        kind = choices.one_of(["insert", "delete", "retain"])
        if kind == previous or (kind != "insert" and position == length):
            continue
        previous = kind
        if kind == "insert":
            head = make_text(choices, length_max=1, alphabet=alphabet)
            op.append(head + choices.one_of(alphabet))
            continue
        size = 1 + choices.below(min(3, length - position))
        position += size
        op.append(size if kind == "retain" else -size)
    if previous == "retain":
        op.pop()
    return op


def make_chain(choices: Choices, text: str, count: int) -> list[list[Component]]:
    """Operations of which each is made on the text that the one before it leaves."""
    ops = []
    for _ in range(count):
        ops.append(make_operation(choices, len(text)))
        text = apply(text, ops[-1])
    return ops


def choices(count: int) -> st.SearchStrategy[Choices]:
    """A supply of `count` choices, for generators of your own."""
    return st.binary(min_size=count, max_size=count).map(Choices)


def texts(
    *, length_max: int = TEXT_LENGTH_MAX, alphabet: Sequence[str] = ALPHABET
) -> st.SearchStrategy[str]:
    """Texts of up to `length_max` letters (255 at most)."""
    return choices(1 + length_max).map(
        lambda supply: make_text(supply, length_max=length_max, alphabet=alphabet)
    )


def operations(
    text: str, *, alphabet: Sequence[str] = ALPHABET
) -> st.SearchStrategy[list[Component]]:
    """Operations on a given text, near its start, so that they meet each other; `[]` is one."""
    return choices(24).map(lambda supply: make_operation(supply, len(text), alphabet=alphabet))


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """A text, and an operation on it."""
    supply = draw(choices(24))
    text = make_text(supply)
    return text, make_operation(supply, len(text))


@st.composite
def concurrent(draw: st.DrawFn) -> Concurrent:
    """A text, and two operations that were both made on it."""
    supply = draw(choices(40))
    text = make_text(supply)
    return text, make_operation(supply, len(text)), make_operation(supply, len(text))


@st.composite
def chains(draw: st.DrawFn, *, least: int = 1, most: int = 8) -> Chain:
    """A text, and `least` to `most` operations, each on what the one before it leaves."""
    supply = draw(choices(8 + 16 * most))
    text = make_text(supply)
    return text, make_chain(supply, text, least + supply.below(most - least + 1))


@st.composite
def late(draw: st.DrawFn, *, least: int = 2, most: int = 2) -> Late:
    """A text, a late operation on it, and the chain of operations that came before that one."""
    supply = draw(choices(24 + 16 * most))
    text = make_text(supply)
    op = make_operation(supply, len(text))
    return text, op, make_chain(supply, text, least + supply.below(most - least + 1))


# --- What a server is sent ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operation as a session sends it, and what a server has to make of it.

    It is in the log at `revision` as `entry`, or it is refused with the code `error`. An attempt
    that comes again is a resend, and changes nothing.
    """

    session: str
    seq: int
    base: int
    op: list[Component]
    revision: int = 0
    entry: list[Component] | None = None
    error: str | None = None


class _Sessions:
    """Three sessions that write into one pad, late and in time."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._newest: dict[str, Attempt] = {}
        self._log: list[list[Component]] = []
        self._texts = [""]

    def attempt(self) -> Attempt:
        session = self._choices.one_of("abc")
        last = self._newest.get(session, Attempt(session, 0, 0, []))
        kind = self._choices.below(8)
        if kind == 7:
            return self._mistake(last)
        if kind == 6 and last.seq:
            return last
        base = last.revision + self._choices.below(len(self._log) - last.revision + 1)
        made = make_operation(self._choices, len(self._texts[base]))
        # The log may hold `[]`, but nobody sends it.
        op: list[Component] = made or ["ab"]
        _, entry = transform(compose_all(self._log[base:]), op)
        self._log.append(entry)
        self._texts.append(apply(self._texts[-1], entry))
        new = Attempt(session, last.seq + 1, base, op, len(self._log), entry)
        self._newest[session] = new
        return new

    def _mistake(self, last: Attempt) -> Attempt:
        """What a client with a bug sends: one thing is wrong, and its name is known."""
        head, session = len(self._log), last.session
        past: list[Component] = [len(self._texts[head]) + 1, "x"]
        mistakes = [
            Attempt(session, last.seq + 2, head, ["x"], error="seq_gap"),
            Attempt(session, last.seq + 1, head + 1, ["x"], error="base_in_future"),
            Attempt(session, last.seq + 1, head, past, error="op_past_end"),
        ]
        if last.seq:
            # `x` and `y` are in no alphabet of ours: it is another operation.
            mistakes += [
                Attempt(session, last.seq, last.base, ["y"], error="seq_reused"),
                Attempt(session, last.seq + 1, last.revision - 1, ["x"], error="base_too_old"),
            ]
        return self._choices.one_of(mistakes)


def make_submissions(choices: Choices, count: int) -> list[Attempt]:
    """`count` attempts of three sessions on one pad, which is empty at first."""
    sessions = _Sessions(choices)
    return [sessions.attempt() for _ in range(count)]


def submissions(*, most: int = 12) -> st.SearchStrategy[list[Attempt]]:
    """Up to `most` attempts, one after the other: new operations (late ones too), exact resends,
    mistakes. They begin on a new pad.
    """
    return choices(1 + 20 * most).map(
        lambda supply: make_submissions(supply, supply.below(most + 1))
    )


# --- What a client goes through -------------------------------------------------------------------


class _Life:
    """One client at work, its text on screen, and a log that it hears of in frames."""

    def __init__(self, choices: Choices, alphabet: Sequence[str]) -> None:
        self.client = Client()
        self._choices = choices
        self._alphabet = alphabet
        self._screen = ""
        # The log, and the text after all of it.
        self._entries: list[tuple[str, int, Operation]] = []
        self._text = ""

    def live(self) -> Step:
        """The next step, with what the client gives and its state after it."""
        step = self._next()
        gives = run_step(self.client, step)
        if gives == "desync":
            return {**step, "gives": gives}
        if step["do"] == "edit":
            self._screen = apply(self._screen, step["op"])
        elif step["do"] == "receive" and gives["op"]:
            self._screen = apply(self._screen, gives["op"])
        return {**step, "gives": gives, "state": client_state(self.client)}

    def _next(self) -> Step:
        choices = self._choices
        match choices.below(12):
            case 0 | 1 | 2 | 3:
                return {"do": "edit", "op": self._operation(self._screen)}
            case 4 | 5:
                # As small as they can be, so that an edit often travels in pieces.
                limits = {"op_inserted": 1 + choices.below(4)}
                return {"do": "send", "limits": {**limits, "op_components": 3 + choices.below(3)}}
            case 6:
                return {"do": "resend"}
            case 7 if choices.below(4) == 3:
                return {"do": "restart"}
            case 7:
                return {"do": "to_local", "position": choices.below(len(self._text) + 1)}
            case 8 if choices.below(20) == 19:
                return {"do": "receive", "message": self._wrong_frame()}
            case _:
                return {"do": "receive", "message": self._frame()}

    def _operation(self, text: str) -> list[Component]:
        return make_operation(self._choices, len(text), alphabet=self._alphabet) or ["y"]

    def _frame(self) -> dict[str, Any]:
        """A few new entries or a delta, sometimes with old ones before them."""
        choices = self._choices
        start = len(self._entries)
        flight = self.client.in_flight
        for _ in range(choices.below(4)):
            self._other()
        own = flight is not None and choices.below(2) == 1
        if flight is not None and own:
            later = compose_all([op for _, _, op in self._entries[flight.base :]])
            self._append(OWN_SESSION, flight.seq, transform(later, flight.sent)[1])
            if choices.below(2):
                self._other()
        elif choices.below(3) == 2:
            op = compose_all([op for _, _, op in self._entries[start:]])
            return {"type": "delta", "from": start, "to": len(self._entries), "op": op}
        start -= min(start, choices.below(3))
        return {"type": "ops", "from": start, "ops": [list(e) for e in self._entries[start:]]}

    def _other(self) -> None:
        self._append("ada", len(self._entries) + 1, self._operation(self._text))

    def _append(self, session: str, seq: int, op: Operation) -> None:
        self._entries.append((session, seq, op))
        self._text = apply(self._text, op)

    def _wrong_frame(self) -> dict[str, Any]:
        """What cannot follow."""
        revision = self.client.revision
        entry = [OWN_SESSION, self.client.last_seq + self._choices.below(2), ["wrong"]]
        return self._choices.one_of(
            [
                {"type": "ops", "from": revision + 1, "ops": [["ada", 1, ["x"]]]},
                {"type": "ops", "from": revision, "ops": [entry]},
                {"type": "delta", "from": revision + 1, "to": revision + 2, "op": ["x"]},
                {"type": "delta", "from": revision - 1, "to": revision + 2, "op": ["x"]},
            ]
        )


def make_trace(choices: Choices, count: int, *, alphabet: Sequence[str] = ALPHABET) -> list[Step]:
    """Up to `count` steps of one client's life; it ends at the first `desync`."""
    life = _Life(choices, alphabet)
    steps: list[Step] = []
    while len(steps) < count and (not steps or "state" in steps[-1]):
        steps.append(life.live())
    return steps


def traces(*, most: int = 20, alphabet: Sequence[str] = ALPHABET) -> st.SearchStrategy[list[Step]]:
    """A client's life in the words of `client.json`: edits, sends, resends, frames with and without
    its own entry, deltas, repeats, a new session key, frames that cannot follow; with what the
    client has to give at each step, and its state after it.
    """
    return choices(1 + 40 * most).map(
        lambda supply: make_trace(supply, supply.below(most + 1), alphabet=alphabet)
    )
