"""where the public editing traces are, and a trace of our own for who has none

The setting EDITING_TRACES names their folder; by default it is looked for beside the repository.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ot.traces import Patch, Trace, patch_operation
from ot.traces import read_trace as decode_trace

__all__ = [
    "FOLDER",
    "Trace",
    "concurrent_trace",
    "encode_trace",
    "own_trace",
    "patch_operation",
    "public_trace",
    "read_trace",
]

FOLDER = Path(
    os.environ.get("EDITING_TRACES")
    or Path(__file__).resolve().parent.parent.parent / "shared" / "traces"
)


def public_trace(name: str) -> Path:
    """A file of the public traces, such as `seq/rustcode`; skips the test if it is not there."""
    path = FOLDER / f"{name}.json.gz"
    if not path.exists():
        pytest.skip(f"no public traces in {FOLDER}: set EDITING_TRACES to their folder")
    return path


def read_trace(path: Path) -> Trace:
    """Read a public trace."""
    return decode_trace(gzip.decompress(path.read_bytes()))


def encode_trace(trace: Trace) -> bytes:
    """A trace as the public ones are written."""
    txns = [
        {
            "time": "2024-02-29T12:00:00Z",
            "patches": patches,
            **({} if trace.parents is None else {"agent": author, "parents": parents}),
        }
        for patches, author, parents in zip(
            trace.transactions,
            trace.authors or [0] * len(trace.transactions),
            trace.parents or [[]] * len(trace.transactions),
            strict=True,
        )
    ]
    value: dict[str, object] = {"startContent": trace.start, "endContent": trace.end, "txns": txns}
    if trace.parents is not None:
        value["kind"] = "concurrent"
        value["numAgents"] = len(set(trace.authors))
    return json.dumps(value).encode()


def own_trace(seed: int, edits: int) -> Trace:
    """Typing as people do it, made up: words, corrections, jumps, some emoji."""
    rng = random.Random(seed)
    text = ""
    caret = 0
    transactions: list[list[Patch]] = []
    while len(transactions) < edits:
        if rng.random() < 0.05:
            caret = rng.randint(0, len(text))
        if caret and rng.random() < 0.15:
            deleted = rng.randint(1, min(4, caret))
            patch = (caret - deleted, deleted, "")
        else:
            patch = (caret, 0, rng.choice("etaoin shrdlu\n😀é"))
        position, deleted, inserted = patch
        text = text[:position] + inserted + text[position + deleted :]
        caret = position + len(inserted)
        transactions.append([patch])
    return Trace("", text, transactions, [0] * edits, [None] * edits)


@dataclass(eq=False)
class _Character:
    """One that was typed: by which transaction, and which ones deleted it."""

    letter: str
    typed: int
    deleted: set[int] = field(default_factory=set)


def concurrent_trace(seed: int, *, authors: int, edits: int, deletes: bool) -> Trace:
    """People who type at once through one server, each somewhere behind its log.

    It is worked out without any operations: every character that was ever typed stands in one list.
    With `deletes` two may come to insert at one place, and the end is not told, since it depends on
    the order; without, nobody inserts where there is something that it has not seen.
    """
    rng = random.Random(seed)
    start = "It was a dark and stormy night" * 2
    characters = [_Character(letter, -1) for letter in start]
    own: list[list[int]] = [[] for _ in range(authors)]
    # Of each author: how many of its transactions the server has, and how much of the log it knows.
    sent, known = [0] * authors, [0] * authors
    log: list[tuple[int, int]] = []
    trace = Trace(start, None, [], [], [], [])
    assert trace.parents is not None
    for index in range(edits):
        who = rng.randrange(authors)
        for other in rng.sample(range(authors), authors):
            count = rng.randint(0, len(own[other]) - sent[other])
            log += [(other, txn) for txn in own[other][sent[other] :][:count]]
            sent[other] += count
        known[who] = rng.randint(known[who], len(log))
        view = {-1, *own[who], *(txn for _, txn in log[: known[who]])}
        shown = [c for c in characters if c.typed in view and not c.deleted & view]
        position = rng.randint(0, len(shown))
        deleted = min(rng.choice([0, 0, 1, 3]), len(shown) - position) if deletes else 0
        while not deletes and not _side_by_side(characters, shown, position):
            position = rng.randint(0, len(shown))
        inserted = "" if deleted else rng.choice(["x", "yz", "😀"])
        place = characters.index(shown[position - 1]) + 1 if position else 0
        for character in shown[position : position + deleted]:
            character.deleted.add(index)
        characters[place:place] = [_Character(letter, index) for letter in inserted]
        newest = dict(log[: known[who]])
        newest.update({who: own[who][-1]} if own[who] else {})
        trace.transactions.append([(position, deleted, inserted)])
        trace.parents.append(sorted(newest.values()))
        trace.authors.append(who)
        trace.times_ms.append(None)
        own[who].append(index)
    end = None if deletes else "".join(character.letter for character in characters)
    return dataclasses.replace(trace, end=end)


def _side_by_side(characters: list[_Character], shown: list[_Character], position: int) -> bool:
    """Whether nothing hidden stands where an author inserts."""
    left = characters.index(shown[position - 1]) if position else -1
    right = characters.index(shown[position]) if position < len(shown) else len(characters)
    return left + 1 == right
