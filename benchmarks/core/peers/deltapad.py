"""deltapad itself: the package `ot`, pure or compiled, as the path and the argument say"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from typing import Any

import msgspec

import ot.operation
from benchmarks.core.peers.protocol import (
    Input,
    Opening,
    Saving,
    Tasks,
    Work,
    same,
    saved_bytes,
    serve,
)
from ot.client import Client
from ot.concurrent import Merge
from ot.document import Document, Submission
from ot.history import History
from ot.log import Entry
from ot.messages import DeltaMessage, Limits, OpMessage, OpsMessage
from ot.operation import Component, apply, transform
from ot.runs import compose_all
from ot.text import Text
from ot.traces import patch_operation, read_trace
from server.hub import TAIL_REVISIONS
from server.rows import checksum, decode_entry

__all__ = ["TASKS"]

# Far above what is measured here.
_LARGE = 2**40
_LIMITS = Limits(frame_bytes=_LARGE, op_components=_LARGE, op_inserted=_LARGE, pad_length=_LARGE)


def _operations(edits: list[tuple[int, int, str]]) -> list[list[Component]]:
    return [patch_operation((position, deleted, text)) for position, deleted, text in edits]


def _entries(ops: list[list[Component]]) -> list[Entry]:
    """Operations as the store gives them back: committed entries of one session."""
    return [
        Entry(op, "s" * 22, "p" * 22, seq, 1_700_000_000_000 + seq, seq.to_bytes(16, "big"))
        for seq, op in enumerate(ops, 1)
    ]


def _replay(value: Input) -> Work:
    ops = _operations(value["edits"])

    def run(_: None) -> Text:
        text = Text(value["start"])
        for op in ops:
            text.apply(op)
        return text

    return Work(run, lambda text: same(str(text), value["end"]))


def _compose(value: Input) -> Work:
    ops = _operations(value["edits"])
    return Work(
        lambda _: compose_all(ops), lambda op: same(apply(value["start"], op), value["end"])
    )


def _transform(value: Input) -> Work:
    text, pairs = value["text"], value["pairs"]

    def check(results: list[tuple[list[Component], list[Component]]]) -> None:
        for (a, b), (a2, b2) in zip(pairs, results, strict=True):
            same(apply(apply(text, a), b2), apply(apply(text, b), a2))

    return Work(lambda _: [transform(a, b) for a, b in pairs], check)


class _CatchUp:
    """A client with much pending, and a server that has gone on without it."""

    def __init__(self, value: Input) -> None:
        self.value = value
        self.missed = _operations(value["missed"])
        self.document = self._document()
        self.document.log.composed(0, len(self.missed))  # from here on the log has its blocks

    def _document(self) -> Document:
        return Document(
            text=self.value["base"], start=0, entries=_entries(self.missed), length_max=_LARGE
        )

    def client(self) -> tuple[Document, Client, Text]:
        """The client and its text on screen, as they were when the connection came back."""
        client = Client()
        text = Text(self.value["base"])
        for op in _operations(self.value["pending"]):
            client.edit(op)
            client.send(_LIMITS)
            text.apply(op)
        return self.document, client, text

    def client_and_new_document(self) -> tuple[Document, Client, Text]:
        """The same, but nobody has asked the log for anything yet."""
        _, client, text = self.client()
        return self._document(), client, text

    def run(self, state: tuple[Document, Client, Text]) -> tuple[Document, Client, Text]:
        """One composed operation from the log, one transform across all that is pending."""
        document, client, text = state
        head = document.committed
        delta = DeltaMessage(client.revision, head, document.log.composed(client.revision, head))
        received = client.receive(delta, "own")
        if received.op:
            text.apply(received.op)
        return document, client, text

    def check(self, state: tuple[Document, Client, Text]) -> None:
        """Send what is pending, as a client would: everybody ends with the text on its screen."""
        server = self._document()
        _, client, text = state
        message = client.resend()
        while message is not None:
            entry = server.submit(_submission(message))
            assert entry is not None
            end = server.log.head
            server.hand_over()
            server.commit(end)
            client.receive(OpsMessage(end - 1, [("own", entry.seq, entry.op)]), "own")
            message = client.send(_LIMITS)
        same(str(text), server.text())
        same("".join(sorted(str(text))), self.value["characters"])


def _submission(message: OpMessage) -> Submission:
    return Submission(
        session="own",
        person="person",
        seq=message.seq,
        base=message.base,
        op=list(message.op),
        digest=b"",
        time_ms=0,
    )


def _catch_up(value: Input) -> Work:
    case = _CatchUp(value)
    return Work(case.run, case.check, case.client)


def _catch_up_new_log(value: Input) -> Work:
    case = _CatchUp(value)
    return Work(case.run, case.check, case.client_and_new_document)


def _live(value: Input) -> Work:
    trace = read_trace(json.dumps(value))

    def run(merge: Merge) -> list[str]:
        for _ in merge.run():
            pass
        return [merge.document.text(), *merge.texts()]

    def check(texts: list[str]) -> None:
        for text in texts:
            same(text, value["endContent"])

    # What each author had seen when is found out beforehand, for the other peers too.
    return Work(run, check, lambda: Merge(trace))


def _save_memory(value: Input) -> Saving:
    return Saving(lambda: value["end"].encode())


def _memory(value: Input) -> Opening:
    """A document as it is when all its entries have been forgotten: they are in the store."""
    return Opening(
        lambda: Document(
            text=saved_bytes(value).decode(), revision=len(value["edits"]), length_max=_LARGE
        ),
        lambda document: same(document.text(), value["end"]),
    )


def _save_memory_history(value: Input) -> Saving:
    """The pad as the store has it: a snapshot, and the newest entries, which the server loads."""
    ops = _operations(value["edits"][-TAIL_REVISIONS:])
    covered = [
        (1, revision, e.session, e.person, e.seq, e.time_ms, e.digest, msgspec.json.encode(e.op))
        for revision, e in enumerate(_entries(ops))
    ]
    rows = [(*row, checksum(*row)) for row in covered]
    return Saving(lambda: msgspec.msgpack.encode((value["end"], rows)))


def _memory_history(value: Input) -> Opening:
    decoder = msgspec.msgpack.Decoder(tuple[str, list[list[Any]]])
    head = len(value["edits"])

    def opened() -> Document:
        text, rows = decoder.decode(saved_bytes(value))
        entries = [decode_entry(row) for row in rows]
        start = head - len(entries)
        return Document(text=text, revision=head, start=start, entries=entries, length_max=_LARGE)

    return Opening(opened, lambda document: same(document.text(), value["end"]))


def _seek(value: Input) -> Work:
    history = History(value["start"], _operations(value["edits"]))
    seeks = itertools.cycle(value["seeks"])

    def check(result: tuple[str, str]) -> None:
        text, digest = result
        same(hashlib.sha256(text.encode()).hexdigest(), digest)

    def run(seek: tuple[int, str]) -> tuple[str, str]:
        revision, digest = seek
        return history.text(revision), digest

    return Work(run, check, lambda: next(seeks))


TASKS: Tasks = {
    "replay": _replay,
    "compose": _compose,
    "transform": _transform,
    "catch_up": _catch_up,
    "catch_up_new_log": _catch_up_new_log,
    "live": _live,
    "save_memory": _save_memory,
    "memory": _memory,
    "save_memory_history": _save_memory_history,
    "memory_history": _memory_history,
    "seek": _seek,
}

if __name__ == "__main__":
    compiled = not str(ot.operation.__file__).endswith(".py")
    assert compiled == (sys.argv[1] == "compiled"), ot.operation.__file__
    serve(TASKS)
