"""pycrdt: Yjs's CRDT in Rust (yrs) for Python; each edit is a transaction, positions in UTF-8"""

from __future__ import annotations

from typing import Any

import pycrdt

from benchmarks.core.peers.protocol import Input, Opening, Saving, Work, same, saved_bytes, serve


def _edit(text: Any, edit: tuple[int, int, str]) -> None:
    position, deleted, inserted = edit
    if deleted:
        del text[position : position + deleted]
    if inserted:
        text.insert(position, inserted)


def _written(start: str, edits: list[tuple[int, int, str]]) -> Any:
    doc = pycrdt.Doc()
    doc["text"] = text = pycrdt.Text(start)
    for edit in edits:
        _edit(text, edit)
    return doc


def _loaded(update: bytes) -> Any:
    doc = pycrdt.Doc()
    doc.apply_update(update)
    return doc


def _text(doc: Any) -> str:
    return str(doc.get("text", type=pycrdt.Text))


def _replay(value: Input) -> Work:
    return Work(
        lambda _: _written(value["start"], value["edits"]),
        lambda doc: same(_text(doc), value["end"]),
    )


def _catch_up(value: Input) -> Work:
    start = _written(value["base"], []).get_update()

    def prepare() -> tuple[Any, Any, bytes]:
        client, server = _loaded(start), _loaded(start)
        for doc, edits in ((client, value["pending"]), (server, value["missed"])):
            text = doc.get("text", type=pycrdt.Text)
            for edit in edits:
                _edit(text, edit)
        return client, server, server.get_update(client.get_state())

    def run(state: tuple[Any, Any, bytes]) -> tuple[Any, Any, bytes]:
        client, _, update = state
        client.apply_update(update)
        return state

    def check(state: tuple[Any, Any, bytes]) -> None:
        client, server, _ = state
        server.apply_update(client.get_update(server.get_state()))
        same(_text(client), _text(server))
        same("".join(sorted(_text(client))), value["characters"])

    return Work(run, check, prepare)


def _save(value: Input) -> Saving:
    return Saving(lambda: bytes(_written(value["start"], value["edits"]).get_update()))


def _memory(value: Input) -> Opening:
    def opened() -> Any:
        doc = _loaded(saved_bytes(value))
        _text(doc)
        return doc

    return Opening(opened, lambda doc: same(_text(doc), value["end"]))


if __name__ == "__main__":
    serve(
        {
            "replay": _replay,
            "catch_up": _catch_up,
            "save_memory_history": _save,
            "memory_history": _memory,
        }
    )
