"""a client that does what no client may do: nothing of it may have an effect"""

from __future__ import annotations

from typing import Any

import msgspec

from ot.messages import FRAME_BYTES_MAX, OP_INSERTED_MAX, Role, Welcome, decode_server
from server.simulation.network import Connection

__all__ = ["Stranger"]

_encode = msgspec.json.Encoder().encode
_FAR = 2**40


class Stranger:
    """One connection, one offence; `number` says which, `foreign` is somebody's public id."""

    def __init__(self, number: int, foreign: str) -> None:
        self._number = number
        # Some come by the view-only link, where even what is right is an offence.
        self.role: Role = "read" if number % 4 == 0 else "write"
        # A public id has the form of a key, and is none.
        self._key = foreign if number % 3 == 0 else f"stranger-{number}".ljust(22, "-")
        self._foreign = foreign

    def opened(self, connection: Connection) -> None:
        """Say hello, or not even that."""
        if self._number % 11 == 0:
            connection.send(_encode({"type": "op", "base": 0, "seq": 1, "op": ["unasked"]}))
            return
        keys = {"session": self._key, "person": "stranger".ljust(22, "-")}
        connection.send(_encode({"type": "hello", **keys, "name": "\u202eStranger", "color": 0}))

    def received(self, connection: Connection, frame: bytes) -> None:
        """Answer the welcome with an offence."""
        message = decode_server(frame)
        if isinstance(message, Welcome):
            offences = self._offences(message.revision, len(message.text or ""))
            connection.send(offences[self._number // 4 % len(offences)])

    def closed(self, connection: Connection, code: int) -> None:
        """As expected."""

    def _offences(self, revision: int, length: int) -> list[bytes]:
        def op(*components: object, base: int = revision, seq: int = 1) -> bytes:
            return _encode({"type": "op", "base": base, "seq": seq, "op": list(components)})

        if self.role == "read":
            return [
                op("unasked"),
                op(-1) if length else op("unasked"),
                b'{"type": "properties", "title": "Mine"}',
                b'{"type": "properties", "view_history": true, "language": "c++"}',
                b'{"type": "properties", "new_view_link": true}',
            ]
        presence: dict[str, Any] = {"type": "presence", "revision": _FAR, "name": "", "color": 0}
        return [
            b"{",
            b'{"type": "op", "base": NaN, "seq": 1, "op": ["x"]}',
            b'{"type": "op", "base": 0, "seq": 1, "op": ["\\ud800"]}',
            b'{"type": "presence"}',
            b'{"type": "destroy"}',
            b'{"type": "properties", "title": "\\u200b"}',
            b'{"type": "hello", "session": "again"}',
            _encode({**presence, "selections": []}),
            op(length + 1, "past the end"),
            op(-length - 1),
            op(0),
            op(),
            op("two ", "neighbours"),
            op(1.5),
            op(True),
            op("from the future", base=_FAR),
            op("too early", seq=2),
            op("x" * (OP_INSERTED_MAX + 1)),
            op("x" * FRAME_BYTES_MAX),
        ]
