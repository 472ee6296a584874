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

from ot.errors import OperationError
from ot.operation import (
    apply,
    caret_after,
    compose,
    invert,
    split,
    transform,
    transform_position,
    validate,
)
from ot.strategies import Choices, make_operation, make_text, make_trace
from tests.conftest import REPO

SEED = 20_261_122
LETTERS = ("a", "b", "ß", "中", "😀", "👩‍🚀", "\n")

Case = list[Any]


def node() -> str:
    """Node as it was installed beside Python, or the one on the path."""
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    assert found, "Node is missing: run `make setup`"
    return found


@pytest.mark.slow
def test_the_modules_own_tests():
    """`node --test`, over all of client_js/test."""
    run = subprocess.run(
        [node(), "--import", "./client_js/test/english.js", "--test", "client_js/test/*.test.js"],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


# --- random cases ---------------------------------------------------------------------------------


class Cases:
    """Random cases from a seed, by the generators of `ot.strategies`."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _choices(self, count: int) -> Choices:
        return Choices(self._random.randbytes(count))

    def operations(self, count: int) -> Iterator[Case]:
        """All functions of the algebra on random operations."""
        for _ in range(count):
            choices = self._choices(80)
            text = make_text(choices, length_max=6, alphabet=LETTERS)
            a, b = self._operation(choices, text), self._operation(choices, text)
            result = apply(text, a)
            following = self._operation(choices, result)
            position = choices.below(len(text) + 1)
            limits = {"inserted_max": 1 + choices.below(4), "components_max": 3 + choices.below(3)}
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

    @staticmethod
    def _operation(choices: Choices, text: str) -> list[Any]:
        return make_operation(choices, len(text), alphabet=LETTERS) or ["y"]

    def validations(self, count: int) -> Iterator[Case]:
        """Arrays of which most break a rule of form."""
        parts = ("a", "😀", "", "\ud83d", "x\ude00", 1, 2, -1, -3, 0, 1.5, True, None, [1], 10**9)
        for _ in range(count):
            choices = self._choices(5)
            value = [choices.one_of(parts) for _ in range(choices.below(4))]
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
            trace = make_trace(self._choices(1_500), min(left, 30), alphabet=LETTERS)
            for step in trace:
                gives, state = step.pop("gives"), step.pop("state", None)
                yield ["step", step, [gives, state]]
            left -= len(trace)


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


@pytest.mark.slow
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
