"""the table of errors: complete, and every code in exactly one class"""

from __future__ import annotations

from typing import get_args

import pytest

from ot.errors import (
    CODES,
    Action,
    DeltapadError,
    GoneError,
    OperationError,
    ProtocolError,
    UnavailableError,
)

CLASSES: list[type[DeltapadError]] = [ProtocolError, OperationError, UnavailableError, GoneError]


def test_every_code_belongs_to_one_class():
    assert sorted(code for kind in CLASSES for code in kind.codes) == sorted(CODES)
    assert [kind for kind in DeltapadError.__subclasses__() if kind not in CLASSES] == []


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.code)
def test_every_row_says_what_the_client_does(row):
    assert row.action in get_args(Action)
    assert row.meaning
    # The codes that a WebSocket may be closed with on purpose.
    assert row.close_code in {1008, 1009, 1012, 1013} or 4000 <= row.close_code <= 4999


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        (ProtocolError, {"stop", "resession"}),
        (OperationError, {"draft"}),
        (UnavailableError, {"reconnect"}),
        (GoneError, {"stop"}),
    ],
)
def test_what_the_client_does_follows_from_whose_fault_it_is(kind, actions):
    assert {CODES[code].action for code in kind.codes} == actions


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_carries_its_code_and_seq(kind):
    for code in kind.codes:
        more = {"time_ms": 7} if kind is GoneError else {}
        error = kind(code, "says why", seq=4, **more)
        assert (error.code, error.message, str(error), error.seq) == (
            *(code, "says why", "says why"),
            4,
        )
        assert error.action == CODES[code].action
        assert kind(code, "says why", **more).seq is None


def test_a_code_of_another_class_is_a_bug():
    with pytest.raises(AssertionError, match="op_past_end"):
        ProtocolError("op_past_end", "")
    with pytest.raises(AssertionError, match="nonsense"):
        OperationError("nonsense", "")
