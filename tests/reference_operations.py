"""the rules of docs/reference/protocol.md once more, one code point at a time, and ways to get them
wrong

Slow and plain on purpose: an operation is taken apart into units (keep one, drop one, put one
character), the rules are read off the page, and the units are joined again. `Rules` makes one
mistake on request; each is one that a reader of other systems could make.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Literal, get_args

from ot.operation import Component, Operation

__all__ = ["MISTAKES", "Mistake", "Rules"]

Unit = tuple[Literal["keep", "drop", "put"], str]
KEEP: Unit = ("keep", "")
DROP: Unit = ("drop", "")

Mistake = Literal[
    "compose puts inserts before the deletes that they touch",
    "compose puts deletes before the inserts that they touch",
    "compose puts b's insert behind a's delete",
    "transform puts the log's insert right at a tie",
    "transform puts the log's insert left only behind one of its deletes",
    "transform puts the insert with the smaller text left at a tie",
    "transform puts inserts before the deletes that they touch",
]
MISTAKES: tuple[Mistake, ...] = get_args(Mistake)


class Rules:
    """`compose` and `transform` by the page, or with one mistake."""

    def __init__(self, mistake: Mistake | None = None) -> None:
        self._mistake = mistake

    def compose(self, a: Operation, b: Operation) -> list[Component]:
        out: list[Unit] = []
        first, second = _units(a), _units(b)
        late = self._mistake == "compose puts b's insert behind a's delete"
        while first or second:
            if late and first and first[0] == DROP:
                out.append(first.pop(0))
            elif second and second[0][0] == "put":
                out.append(second.pop(0))
            elif first and first[0] == DROP:
                out.append(first.pop(0))
            else:
                mine = first.pop(0) if first else KEEP
                theirs = second.pop(0) if second else KEEP
                if theirs == KEEP:
                    out.append(mine)
                elif mine == KEEP:
                    out.append(DROP)
        if self._mistake == "compose puts inserts before the deletes that they touch":
            out = _sorted(out, first="put")
        elif self._mistake == "compose puts deletes before the inserts that they touch":
            out = _sorted(out, first="drop")
        return _joined(out)

    def transform(
        self, log_op: Operation, op: Operation
    ) -> tuple[list[Component], list[Component]]:
        log_out: list[Unit] = []
        op_out: list[Unit] = []
        log, mine = _units(log_op), _units(op)
        taken = KEEP  # what was taken from the log's operation last
        while log or mine:
            log_puts, op_puts = bool(log) and log[0][0] == "put", bool(mine) and mine[0][0] == "put"
            if log_puts and not (op_puts and self._op_goes_left(log, mine, taken)):
                taken = log.pop(0)
                log_out.append(taken)
                op_out.append(KEEP)
            elif op_puts:
                op_out.append(mine.pop(0))
                log_out.append(KEEP)
            else:
                taken = log.pop(0) if log else KEEP
                other = mine.pop(0) if mine else KEEP
                if other == KEEP:
                    log_out.append(taken)
                if taken == KEEP:
                    op_out.append(other)
        if self._mistake == "transform puts inserts before the deletes that they touch":
            op_out = _sorted(op_out, first="put")
        return _joined(log_out), _joined(op_out)

    def _op_goes_left(self, log: list[Unit], mine: list[Unit], taken: Unit) -> bool:
        if self._mistake == "transform puts the log's insert right at a tie":
            return True
        if self._mistake == "transform puts the log's insert left only behind one of its deletes":
            return taken != DROP
        if self._mistake == "transform puts the insert with the smaller text left at a tie":
            return mine[0] < log[0]
        return False


def _units(op: Operation) -> list[Unit]:
    out: list[Unit] = []
    for component in op:
        if isinstance(component, str):
            out += [("put", character) for character in component]
        else:
            out += [KEEP if component > 0 else DROP] * abs(component)
    return out


def _sorted(units: Iterable[Unit], *, first: str) -> list[Unit]:
    """Reorder each run of inserts and deletes that touch."""
    out: list[Unit] = []
    for _, run in groupby(units, key=lambda unit: unit == KEEP):
        out += sorted(run, key=lambda unit: unit[0] != first)
    return out


def _joined(units: Iterable[Unit]) -> list[Component]:
    out: list[Component] = []
    for kind, group in groupby(units, key=lambda unit: unit[0]):
        run = list(group)
        if kind == "put":
            out.append("".join(character for _, character in run))
        else:
            out.append(len(run) if kind == "keep" else -len(run))
    return out[:-1] if out and isinstance(out[-1], int) and out[-1] > 0 else out
