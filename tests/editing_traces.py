"""where the public editing traces are, and a trace of our own for who has none

The setting EDITING_TRACES names their folder; by default it is looked for beside the repository.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

from ot.operation import Component

__all__ = ["FOLDER", "Trace", "own_trace", "patch_operation", "read_trace"]

FOLDER = Path(
    os.environ.get("EDITING_TRACES")
    or Path(__file__).resolve().parent.parent.parent / "shared" / "traces"
)

Patch = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Trace:
    """Transactions of patches (position, deleted, inserted; code points), applied in order."""

    start: str
    end: str
    transactions: list[list[Patch]]


def read_trace(path: Path) -> Trace:
    """Read a sequential trace."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        value = json.load(file)
    transactions = [
        [(position, deleted, inserted) for position, deleted, inserted in txn["patches"]]
        for txn in value["txns"]
    ]
    return Trace(value["startContent"], value["endContent"], transactions)


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
    return Trace("", text, transactions)


def patch_operation(patch: Patch) -> list[Component]:
    """A patch as an operation: what it removes first, then what it inserts."""
    position, deleted, inserted = patch
    op: list[Component] = []
    if position:
        op.append(position)
    if deleted:
        op.append(-deleted)
    if inserted:
        op.append(inserted)
    return op if deleted or inserted else []
