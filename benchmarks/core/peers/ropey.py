"""ropey-py: a rope in Rust for Python; a text that changes in place, and nothing else"""

from __future__ import annotations

from typing import Any

from ropey_py import Rope

from benchmarks.core.peers.protocol import Input, Work, same, serve


def _replay(value: Input) -> Work:
    edits = [tuple(edit) for edit in value["edits"]]

    def run(_: None) -> Any:
        rope = Rope(value["start"])
        for position, deleted, inserted in edits:
            if deleted:
                rope.remove(position, position + deleted)
            if inserted:
                rope.insert(position, inserted)
        return rope

    return Work(run, lambda rope: same(rope.as_str(), value["end"]))


if __name__ == "__main__":
    serve({"replay": _replay})
