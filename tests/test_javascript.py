"""the JavaScript client: its own tests, and a differential run of its core against `ot`"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ot.client import Client
from ot.errors import OperationError
from ot.operation import (
    apply,
    caret_after,
    compose,
    compose_all,
    invert,
    split,
    transform,
    transform_position,
    validate,
)
from tests.conftest import REPO
from tests.vectors.make import ME, client_state, run_step

SEED = 20_261_122
LETTERS = ("a", "b", "ß", "中", "😀", "👩‍🚀", "\n")

Case = list[Any]


def node() -> str:
    """Node as it was installed beside Python, or the one on the path."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    assert found, "Node is missing: run `make setup`"
    return found


def test_the_modules_own_tests():
    """`node --test`, over all of client_js/test."""
    run = subprocess.run(
        [node(), "--test", "client_js/test/*.test.js"],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


# --- random cases ---------------------------------------------------------------------------------


class Cases:
    """Random cases from a seed, made so that conflicts are likely: short texts, many ties, inserts
    and deletes that touch in both orders, emoji.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        """From 0 up to, not including, `limit`."""
        return int(self._random.random() * limit)

    def text(self, length_max: int) -> str:
        """Up to so many letters, of one or more code points."""
        return "".join([LETTERS[self.below(7)] for _ in range(self.below(length_max + 1))])

    def operation(self, length: int) -> list[Any]:
        """An operation, never empty, that fits on a text of `length` code points."""
        op: list[Any] = []
        last = -1
        for _ in range(1 + self.below(5)):
            kind = self.below(3)
            if kind == last:
                continue
            if kind == 0:
                op.append(self.text(2) or "x")
            elif length:
                size = 1 + self.below(min(length, 3))
                length -= size
                op.append(size if kind == 1 else -size)
            else:
                continue
            last = kind
        if last == 1:
            op.pop()
        return op or ["y"]

    def operations(self, count: int) -> Iterator[Case]:
        """All functions of the algebra on random operations."""
        for _ in range(count):
            text = self.text(6)
            a, b = self.operation(len(text)), self.operation(len(text))
            result = apply(text, a)
            following = self.operation(len(result))
            position = self.below(len(text) + 1)
            limits = {"inserted_max": 1 + self.below(4), "components_max": 3 + self.below(3)}
            yield [
                "operations",
                {"text": text, "a": a, "b": b, "next": following, "position": position, **limits},
                [
                    result,
                    invert(a, text),
                    compose(a, following),
                    transform(a, b),
                    transform_position(position, a),
                    transform_position(position, a, sticky="right"),
                    caret_after(a),
                    split(a, **limits),
                ],
            ]

    def validations(self, count: int) -> Iterator[Case]:
        """Arrays of which most break a rule of form."""
        parts = ("a", "😀", "", "\ud83d", "x\ude00", 1, 2, -1, -3, 0, 1.5, True, None, [1], 10**9)
        for _ in range(count):
            value = [parts[self.below(len(parts))] for _ in range(self.below(4))]
            code = None
            try:
                validate(value)
            except OperationError as error:
                code = error.code
            yield ["validate", value, code]

    def steps(self, count: int) -> Iterator[Case]:
        """One client after another, each typing, sending, and receiving until it is confused."""
        left = count
        while left > 0:
            yield ["start"]
            world = World(self)
            for _ in range(min(left, 2 + self.below(30))):
                step = world.step()
                gives = run_step(world.client, step)
                yield ["step", step, [gives, client_state(world.client)]]
                left -= 1
                if gives == "desync":
                    break
                world.follow(step, gives)


class World:
    """A client, its text on screen, and a log that it hears of in frames."""

    def __init__(self, cases: Cases) -> None:
        self.client = Client()
        self._cases = cases
        self._screen = ""
        # The log, and the text after all of it.
        self._entries: list[tuple[str, int, list[Any]]] = []
        self._text = ""

    def step(self) -> dict[str, Any]:
        """What happens next."""
        cases = self._cases
        match cases.below(12):
            case 0 | 1 | 2 | 3:
                return {"do": "edit", "op": cases.operation(len(self._screen))}
            case 4 | 5:
                limits = {"op_inserted": 1 + cases.below(4), "op_components": 3 + cases.below(3)}
                return {"do": "send", "limits": limits}
            case 6:
                return {"do": "resend"}
            case 7 if cases.below(4) == 0:
                return {"do": "restart"}
            case 7:
                return {"do": "to_local", "position": cases.below(len(self._text) + 1)}
            case 8 if cases.below(20) == 0:
                return {"do": "receive", "message": self._wrong_frame()}
            case _:
                return {"do": "receive", "message": self._frame()}

    def follow(self, step: dict[str, Any], gives: Any) -> None:
        """Keep the text on screen."""
        if step["do"] == "edit":
            self._screen = apply(self._screen, step["op"])
        elif step["do"] == "receive" and gives["op"]:
            self._screen = apply(self._screen, gives["op"])

    def _frame(self) -> dict[str, Any]:
        """A few new entries or a delta, sometimes with old ones before them."""
        start = len(self._entries)
        flight = self.client.in_flight
        for _ in range(self._cases.below(4)):
            self._append("ada", len(self._entries) + 1, self._cases.operation(len(self._text)))
        own = flight is not None and self._cases.below(2) == 0
        if flight is not None and own:
            later = compose_all([op for _, _, op in self._entries[flight.base :]])
            self._append(ME, flight.seq, transform(later, flight.sent)[1])
            if self._cases.below(2):
                self._append("ada", len(self._entries) + 1, self._cases.operation(len(self._text)))
        elif self._cases.below(3) == 0:
            op = compose_all([op for _, _, op in self._entries[start:]])
            return {"type": "delta", "from": start, "to": len(self._entries), "op": op}
        start -= min(start, self._cases.below(3))
        return {"type": "ops", "from": start, "ops": [list(e) for e in self._entries[start:]]}

    def _append(self, session: str, seq: int, op: list[Any]) -> None:
        self._entries.append((session, seq, op))
        self._text = apply(self._text, op)

    def _wrong_frame(self) -> dict[str, Any]:
        """What cannot follow."""
        revision = self.client.revision
        entry = [ME, self.client.last_seq + self._cases.below(2), ["wrong"]]
        wrong: list[dict[str, Any]] = [
            {"type": "ops", "from": revision + 1, "ops": [["ada", 1, ["x"]]]},
            {"type": "ops", "from": revision, "ops": [entry]},
            {"type": "delta", "from": revision + 1, "to": revision + 2, "op": ["x"]},
            {"type": "delta", "from": revision - 1, "to": revision + 2, "op": ["x"]},
        ]
        return wrong[self._cases.below(4)]


# --- the run --------------------------------------------------------------------------------------


def differences(cases: Iterator[Case]) -> tuple[dict[str, int], list[dict[str, Any]], int]:
    """Let Node compute the cases, too: its summary, the first cases that differ, its exit code."""
    with subprocess.Popen(
        [node(), "client_js/test/differential.mjs"],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for case in cases:
            # Escaped as ASCII, because some strings are half a surrogate pair.
            process.stdin.write(json.dumps(case).encode() + b"\n")
        process.stdin.close()
        *different, summary = map(json.loads, process.stdout.read().splitlines())
    return summary, different, process.returncode


def test_python_and_javascript_agree():
    """On 120,000 random cases: the algebra, the rules of form, the client's steps."""

    def all_cases() -> Iterator[Case]:
        cases = Cases(SEED)
        yield from cases.operations(75_000)
        yield from cases.validations(5_000)
        yield from cases.steps(40_000)

    summary, different, code = differences(all_cases())

    assert different == [], f"seed {SEED}"
    assert summary == {"cases": 120_000, "different": 0} and code == 0


@pytest.mark.parametrize("kind", ["operations", "validate", "step"])
def test_a_difference_is_found(kind):
    """A wrong expectation among many right ones is reported, and nothing else."""

    def one_wrong() -> Iterator[Case]:
        cases = Cases(SEED)
        every = [*cases.operations(100), *cases.validations(100), *cases.steps(100)]
        wrong = [case for case in every if case[0] == kind][57]
        match kind:
            case "operations":
                wrong[2][5] += 1  # the position, sticking to the right
            case "validate":
                wrong[2] = "op_past_end"
            case "step":
                wrong[2][1]["revision"] += 1
        yield from every

    summary, different, code = differences(one_wrong())

    assert summary == {"cases": 300, "different": 1} and code == 1
    assert [case["kind"] for case in different] == [kind]
