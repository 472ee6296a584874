"""the inputs of all workloads, written as JSON once, so that every peer reads the same

Positions are converted here, outside of any timing, to the unit that a peer counts in.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ot.operation import Component, apply, invert, transform
from ot.runs import compose_all
from ot.text import Text
from ot.traces import Patch, patch_operation, read_trace
from tests.editing_traces import FOLDER, own_trace

__all__ = ["PAIRS", "Inputs", "Unit"]

Unit: TypeAlias = Literal["code_points", "utf16", "utf8"]

# What the table of sizes is: components of an operation -> pairs of them.
PAIRS: Final = {1: 1_000, 50: 200, 5_000: 10}

_PAPER = "seq/automerge-paper.json.gz"
_LIVE = "conc/friendsforever.json.gz"
_SEED: Final = 1
# As many as the paper and the conversation have.
_OWN_EDITS: Final = 259_778
_OWN_TRANSACTIONS: Final = 26_078
_MISSED, _PENDING, _SEEKS = 10_000, 1_000, 1_000
# Where in the paper: its 10,000 missed edits compose to 600 components, the 1,000 to 80.
_MISSED_FROM, _PENDING_FROM = 0.84, 0.97


@dataclass(frozen=True)
class Inputs:
    """Writes inputs into `folder`, each when first asked for.

    `edits_max` shortens the made-up traces for a check; None is the real size.
    """

    folder: Path
    traces: Path = FOLDER
    edits_max: int | None = None

    @property
    def made_up(self) -> bool:
        """Whether the public traces are not there, or not wanted."""
        return self.edits_max is not None or not (self.traces / _PAPER).is_file()

    def path(self, name: str, unit: Unit) -> Path:
        """The file of an input."""
        kind = f"own{self.edits_max or ''}" if self.made_up else "public"
        path = self.folder / f"{name}.{unit}.{kind}.json"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write = json.dumps(self._make(name, unit), ensure_ascii=False)
            partly = path.with_suffix(".partly")
            partly.write_text(write, encoding="utf-8")
            partly.rename(path)
        return path

    def _make(self, name: str, unit: Unit) -> dict[str, Any]:
        if name.startswith("pairs-"):
            return _pairs(int(name.removeprefix("pairs-")))
        makers: dict[str, Callable[[Unit], dict[str, Any]]] = {
            "paper": self._paper,
            "seek": self._seek,
            "catch-up": self._catch_up,
            "live": self._live,
        }
        return makers[name](unit)

    def _edits(self) -> tuple[str, str, list[Patch]]:
        if self.made_up:
            trace: Any = own_trace(seed=_SEED, edits=self.edits_max or _OWN_EDITS)
        else:
            trace = read_trace(gzip.decompress((self.traces / _PAPER).read_bytes()))
        edits = [patch for transaction in trace.transactions for patch in transaction]
        return trace.start, trace.end, edits

    def _paper(self, unit: Unit) -> dict[str, Any]:
        start, end, edits = self._edits()
        return {"start": start, "end": end, "edits": convert(start, edits, unit)}

    def _seek(self, unit: Unit) -> dict[str, Any]:
        """The paper, and what it should be at random revisions."""
        start, end, edits = self._edits()
        rng = random.Random(_SEED)
        revisions = [rng.randint(0, len(edits)) for _ in range(_SEEKS)]
        wanted = set(revisions)
        digests = {}
        text = Text(start)
        for revision in range(len(edits) + 1):
            if revision in wanted:
                digests[revision] = hashlib.sha256(str(text).encode()).hexdigest()
            if revision < len(edits):
                text.apply(patch_operation(edits[revision]))
        seeks = [(revision, digests[revision]) for revision in revisions]
        return {
            "start": start,
            "end": end,
            "edits": convert(start, edits, unit),
            "seeks": seeks,
        }

    def _catch_up(self, unit: Unit) -> dict[str, Any]:
        """Edits of a part of the paper with much revising are missed. The pending ones come later
        in it: they are carried back, as if they had been typed at the same time.
        """
        start, _, edits = self._edits()
        since, until = int(len(edits) * _MISSED_FROM), int(len(edits) * _PENDING_FROM)
        base = apply(start, compose_all(_operations(edits[:since])))
        missed = edits[since : since + min(_MISSED, len(edits) // 20)]
        back = invert(compose_all(_operations(edits[since:until])), base)
        pending: list[Patch] = []
        for edit in edits[until:]:
            if len(pending) >= _PENDING:
                break
            back, op = transform(back, patch_operation(edit))
            pending += _patches(op)
        del pending[_PENDING:]
        composed = compose_all(_operations(missed))
        _, own = transform(composed, compose_all(_operations(pending)))
        merged = apply(apply(base, composed), own)
        return {
            "base": base,
            "missed": convert(base, missed, unit),
            "pending": convert(base, pending, unit),
            "characters": "".join(sorted(merged)),
        }

    def _live(self, unit: Unit) -> dict[str, Any]:
        """A concurrent trace as it is, and for each transaction how much of each agent its author
        had seen.
        """
        if self.made_up:
            value = _own_conversation(_SEED, self.edits_max or _OWN_TRANSACTIONS)
        else:
            value = json.loads(gzip.decompress((self.traces / _LIVE).read_bytes()))
        typed = "".join(patch[2] for txn in value["txns"] for patch in txn["patches"])
        if unit != "code_points" and not typed.isascii():
            raise ValueError(f"the concurrent trace is not ASCII, and not converted to {unit}")
        for txn, sees in zip(value["txns"], _seen(value["txns"], value["numAgents"]), strict=True):
            txn["sees"] = sees
        return dict(value)


def _operations(edits: Sequence[Patch]) -> list[list[Component]]:
    return [patch_operation(edit) for edit in edits]


def _patches(op: list[Component]) -> list[Patch]:
    """An operation as patches, one after the other."""
    patches: list[Patch] = []
    position = 0
    for component in op:
        if isinstance(component, str):
            patches.append((position, 0, component))
            position += len(component)
        elif component > 0:
            position += component
        else:
            patches.append((position, -component, ""))
    return patches


def convert(start: str, edits: Sequence[Patch], unit: Unit) -> list[Patch]:
    """Positions and lengths of edits, made one after the other, in another unit."""
    if unit == "code_points" or (start.isascii() and all(text.isascii() for *_, text in edits)):
        return list(edits)
    width = _utf16_width if unit == "utf16" else _utf8_width
    text = list(start)
    converted: list[Patch] = []
    # Edits cluster, so that counting goes on from the last one.
    last = last_converted = 0
    for position, deleted, inserted in edits:
        if position >= last:
            last_converted += width("".join(text[last:position]))
        else:
            last_converted -= width("".join(text[position:last]))
        last = position
        removed = text[position : position + deleted]
        converted.append((last_converted, width("".join(removed)), inserted))
        text[position : position + deleted] = inserted
    return converted


def _utf16_width(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _utf8_width(text: str) -> int:
    return len(text.encode())


def _pairs(size: int) -> dict[str, Any]:
    """Pairs of random operations of so many components, on one text."""
    rng = random.Random(f"{_SEED}/{size}")
    text = "".join(rng.choices("etaoin shrdlu\n", k=1_000 + 10 * size))
    pairs = [
        (_random_operation(rng, size), _random_operation(rng, size)) for _ in range(PAIRS[size])
    ]
    return {"text": text, "pairs": pairs}


def _random_operation(rng: random.Random, size: int) -> list[Component]:
    """Retains, deletes and inserts in turn; of size 1: somewhere, one of a keystroke."""

    def insert() -> str:
        return "".join(rng.choices("etaoin shrdlu\né😀", k=rng.randint(1, 8)))

    if size == 1:
        keystroke: Component = "x" if rng.random() < 0.5 else -1
        return [rng.randint(1, 1_000), keystroke]
    op: list[Component] = []
    previous = ""
    while len(op) < size:
        kinds = {"retain", "delete", "insert"} - {previous}
        if len(op) == size - 1:
            kinds -= {"retain"}  # which would say nothing there
        previous = rng.choice(sorted(kinds))
        if previous == "retain":
            op.append(rng.randint(1, 20))
        else:
            op.append(insert() if previous == "insert" else -rng.randint(1, 5))
    return op


def _seen(txns: list[dict[str, Any]], agents: int) -> list[list[int]]:
    """For each transaction: of each agent, how many transactions are in its past."""
    past: list[list[int]] = []  # with the transaction itself
    sees: list[list[int]] = []
    for txn in txns:
        seen = [0] * agents
        for parent in txn["parents"]:
            seen = list(map(max, seen, past[parent]))
        sees.append(seen)
        own = list(seen)
        own[txn["agent"]] += 1
        past.append(own)
    return sees


def _own_conversation(seed: int, transactions: int) -> dict[str, Any]:
    """Two people at once in one text, made up: one types before its only `|`, one behind it."""
    rng = random.Random(seed)
    txns: list[dict[str, Any]] = [{"parents": [], "agent": 0, "patches": [[0, 0, "|"]]}]
    halves = ["", ""]
    newest = [0, 0]
    # How long the other one's half is, as each of them sees it, and up to which transaction.
    seen_length = [0, 0]
    seen = [0, 0]
    while len(txns) < transactions:
        agent = rng.randint(0, 1)
        other = 1 - agent
        if rng.random() < 0.1:
            seen_length[agent], seen[agent] = len(halves[other]), newest[other]
        half = halves[agent]
        place = rng.randint(max(0, len(half) - 50), len(half))
        offset = seen_length[agent] + 1 if agent else 0
        deleted = min(place, rng.randint(1, 3)) if rng.random() < 0.15 else 0
        inserted = "" if deleted else rng.choice("etaoin shrdlu\n")
        place -= deleted
        halves[agent] = half[:place] + inserted + half[place + deleted :]
        txns.append(
            {
                "parents": sorted({newest[agent], seen[agent]}),
                "agent": agent,
                "patches": [[offset + place, deleted, inserted]],
            }
        )
        newest[agent] = len(txns) - 1
    return {"kind": "concurrent", "numAgents": 2, "endContent": "|".join(halves), "txns": txns}
