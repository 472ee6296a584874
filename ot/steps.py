"""what is done to a client, step by step, as JSON: to run a step, and to tell the state

The words of `tests/vectors/client.json`, in which vectors, generated traces and clients in other
languages are compared: a step says what happens (`do`), `run_step` returns what the client gives,
and `client_state` is all that there is to a client then. docs/reference/conformance.md lists them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from ot.client import Client, Desync, InFlight
from ot.messages import (
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    DeltaMessage,
    Limits,
    OpMessage,
    OpsMessage,
)

__all__ = ["OWN_SESSION", "Step", "client_state", "restore", "run_step"]

Step: TypeAlias = dict[str, Any]

# Whose client it is: entries of this session are acknowledgements.
OWN_SESSION = "me"
_LIMITS = {"op_inserted": OP_INSERTED_MAX, "op_components": OP_COMPONENTS_MAX}


def client_state(client: Client) -> Step:
    """The whole state of a client."""
    flight = client.in_flight
    return {
        "revision": client.revision,
        "last_seq": client.last_seq,
        "in_flight": flight
        and {"seq": flight.seq, "base": flight.base, "sent": flight.sent, "op": flight.op},
        "buffer": client.buffer,
    }


def restore(state: Step) -> Client:
    """The client that `client_state` described."""
    return Client(
        revision=state["revision"],
        last_seq=state["last_seq"],
        in_flight=state["in_flight"] and InFlight(**state["in_flight"]),
        buffer=state["buffer"],
    )


def run_step(client: Client, step: Step) -> Any:
    """Do one step, and return what the client gives."""
    match step["do"]:
        case "edit":
            client.edit(step["op"])
        case "send":
            limits = Limits(frame_bytes=0, pad_length=0, **step.get("limits", _LIMITS))
            return _sent(client.send(limits))
        case "resend":
            return _sent(client.resend())
        case "restart":
            client.restart()
        case "to_local":
            position = step["position"]
            return [client.to_local(position), client.to_local(position, sticky="right")]
        case "receive":
            try:
                received = client.receive(_frame(step["message"]), OWN_SESSION)
            except Desync:
                return "desync"
            return {"op": received.op, "acknowledged": received.acknowledged}
        case other:
            raise ValueError(f"no step is called {other}")
    return None


def _sent(message: OpMessage | None) -> Step | None:
    if message is None:
        return None
    return {"base": message.base, "seq": message.seq, "op": message.op}


def _frame(message: Step) -> OpsMessage | DeltaMessage:
    if message["type"] == "delta":
        return DeltaMessage(start=message["from"], end=message["to"], op=message["op"])
    return OpsMessage(start=message["from"], ops=[(s, n, op) for s, n, op in message["ops"]])
