"""steps of a client as JSON: each kind, and a state that outlives the client"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ot.client import Client
from ot.steps import OWN_SESSION, client_state, restore, run_step


def ops(start: int, *entries: list[Any]) -> dict[str, Any]:
    return {"do": "receive", "message": {"type": "ops", "from": start, "ops": list(entries)}}


def test_a_client_step_by_step():
    """What each step gives."""
    client = Client()

    assert run_step(client, {"do": "send"}) is None
    assert run_step(client, {"do": "resend"}) is None
    assert run_step(client, {"do": "edit", "op": ["abc"]}) is None
    small = {"do": "send", "limits": {"op_inserted": 2, "op_components": 3}}
    assert run_step(client, small) == {"base": 0, "seq": 1, "op": ["ab"]}
    assert run_step(client, ops(0, ["ada", 1, ["x"]])) == {"op": ["x"], "acknowledged": None}
    assert run_step(client, {"do": "resend"}) == {"base": 0, "seq": 1, "op": ["ab"]}
    assert run_step(client, {"do": "to_local", "position": 1}) == [1, 4]
    assert run_step(client, ops(1, [OWN_SESSION, 1, [1, "ab"]])) == {"op": None, "acknowledged": 1}
    assert run_step(client, {"do": "send"}) == {"base": 2, "seq": 2, "op": [3, "c"]}
    assert run_step(client, {"do": "restart"}) is None
    assert client_state(client) == {
        "revision": 2,
        "last_seq": 0,
        "in_flight": None,
        "buffer": [3, "c"],
    }
    delta = {"type": "delta", "from": 2, "to": 9, "op": [-1]}
    assert run_step(client, {"do": "receive", "message": delta})["op"] == [-1]
    assert run_step(client, ops(10)) == "desync"


def test_a_state_outlives_its_client():
    """Told, written as JSON and restored, with and without something in flight."""
    client = Client(revision=5, last_seq=2)
    for step in ({"do": "edit", "op": ["a"]}, {"do": "send"}, {"do": "edit", "op": [1, "b"]}):
        state = client_state(client)
        client = restore(json.loads(json.dumps(state)))
        assert client_state(client) == state
        run_step(client, step)

    assert client_state(client) == {
        "revision": 5,
        "last_seq": 3,
        "buffer": [1, "b"],
        "in_flight": {"seq": 3, "base": 5, "sent": ["a"], "op": ["a"]},
    }
    assert client_state(restore(client_state(client))) == client_state(client)


def test_an_unknown_step():
    """A misspelt step is an error, not a step that does nothing."""
    with pytest.raises(ValueError, match="no step is called type"):
        run_step(Client(), {"do": "type"})
