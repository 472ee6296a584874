"""loro: a CRDT in Rust for Python, positions in code points; its transaction is left to itself"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import loro

from benchmarks.core.peers.protocol import Input, Opening, Saving, Work, same, saved_bytes, serve


def _write(doc: Any, edits: list[tuple[int, int, str]]) -> Any:
    text = doc.get_text("text")
    for position, deleted, inserted in edits:
        if deleted:
            text.delete(position, deleted)
        if inserted:
            text.insert(position, inserted)
    doc.commit()
    return doc


def _written(start: str, edits: list[tuple[int, int, str]]) -> Any:
    doc = loro.LoroDoc()
    doc.peer_id = 1
    return _write(doc, [(0, 0, start), *edits])


def _loaded(snapshot: bytes) -> Any:
    doc = loro.LoroDoc()
    doc.import_(snapshot)
    return doc


def _snapshot(doc: Any) -> bytes:
    return bytes(doc.export(loro.ExportMode.Snapshot()))


def _text(doc: Any) -> str:
    return str(doc.get_text("text").to_string())


def _replay(value: Input) -> Work:
    return Work(
        lambda _: _written(value["start"], value["edits"]),
        lambda doc: same(_text(doc), value["end"]),
    )


def _catch_up(value: Input) -> Work:
    start = _snapshot(_written(value["base"], []))

    def prepare() -> tuple[Any, Any, bytes]:
        client, server = _loaded(start), _loaded(start)
        known = client.oplog_vv
        _write(client, value["pending"])
        _write(server, value["missed"])
        return client, server, server.export(loro.ExportMode.Updates(known))

    def run(state: tuple[Any, Any, bytes]) -> tuple[Any, Any, bytes]:
        client, _, update = state
        client.import_(update)
        return state

    def check(state: tuple[Any, Any, bytes]) -> None:
        client, server, _ = state
        server.import_(client.export(loro.ExportMode.Updates(server.oplog_vv)))
        same(_text(client), _text(server))
        same("".join(sorted(_text(client))), value["characters"])

    return Work(run, check, prepare)


def _save(value: Input) -> Saving:
    return Saving(lambda: _snapshot(_written(value["start"], value["edits"])))


def _memory(value: Input) -> Opening:
    def opened() -> Any:
        doc = _loaded(saved_bytes(value))
        _text(doc)
        return doc

    return Opening(opened, lambda doc: same(_text(doc), value["end"]))


def _seek(value: Input) -> Work:
    doc = _written(value["start"], value["edits"])
    # Loro counts operations in code points, so a revision of ours is one of its counters.
    sizes = (deleted + len(inserted) for _, deleted, inserted in value["edits"])
    counters = list(itertools.accumulate(sizes, initial=len(value["start"])))
    seeks = itertools.cycle(value["seeks"])

    def run(seek: tuple[int, str]) -> tuple[str, str]:
        revision, digest = seek
        counter = counters[revision] - 1
        ids = [loro.ID(1, counter)] if counter >= 0 else []
        doc.checkout(loro.Frontiers.from_ids(ids))
        return _text(doc), digest

    def check(result: tuple[str, str]) -> None:
        text, digest = result
        same(hashlib.sha256(text.encode()).hexdigest(), digest)

    return Work(run, check, lambda: next(seeks))


if __name__ == "__main__":
    serve(
        {
            "replay": _replay,
            "catch_up": _catch_up,
            "save_memory_history": _save,
            "memory_history": _memory,
            "seek": _seek,
        }
    )
