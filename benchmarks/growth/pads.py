"""pads in a data folder, written by the store itself: a text of any size, a log of any length"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from ot.log import Entry
from ot.messages import OP_INSERTED_MAX, digest
from ot.operation import Operation
from server.session import public_id
from server.sqlite import SQLiteStore
from server.storage import Append

__all__ = ["AUTHORS", "history", "make_log", "make_pads", "make_text", "typed_and_taken", "words"]

AUTHORS: Final = 10
# Keys in a row by one author, before the next one has a turn.
_TURN: Final = 20
# Entries in one transaction.
_BATCH: Final = 5_000
# Keys after a text was pasted: more than a pad is loaded with, as in any pad that is in use.
_KEYS_AFTER: Final = 1_000
_WORDS: Final = "one two three four five six seven eight nine ten\n"
_TIME_MS: Final = 1_700_000_000_000

# Who makes it, by number, and what.
Edit = tuple[int, Operation]


def words(length: int) -> str:
    """A text of so many code points, in lines."""
    return (_WORDS * (length // len(_WORDS) + 1))[:length]


def make_pads(data: Path, count: int, *, length: int) -> None:
    """`count` pads, `pad-0` and on, each with a text of `length`."""

    async def make() -> None:
        store = SQLiteStore(data)
        for number in range(count):
            await _make(store, f"pad-{number}", [(0, [words(length)])], words(length))
        await store.close()

    asyncio.run(make())


def make_text(data: Path, name: str, length: int) -> None:
    """A pad whose text of `length` was pasted in pieces, with some keys after that."""
    _write(data, name, (*_pasted(length), *typed_and_taken(length)), words(length))


def make_log(data: Path, name: str, *, revisions: int, length: int) -> None:
    """A pad with so many revisions, at the end of which the text is that of every other number."""
    _write(data, name, history(revisions, length), words(length))


def _pasted(length: int) -> Iterator[Edit]:
    text = words(length)
    for start in range(0, length, OP_INSERTED_MAX):
        piece = text[start : start + OP_INSERTED_MAX]
        yield 0, [start, piece] if start else [piece]


def typed_and_taken(length: int) -> Iterator[Edit]:
    """Letters typed somewhere in the text, and taken back."""
    for number in range(_KEYS_AFTER // 2):
        position = 1 + number * 7919 % max(1, length - 1) if length > 1 else 1
        yield number % AUTHORS, [position, "x"]
        yield number % AUTHORS, [position, -1]


def history(revisions: int, length: int) -> Iterator[Edit]:
    """So many edits, by which ten authors write a text, each at the end of a tenth of it.

    There are as many pieces to insert as there are revisions, or characters. For more revisions,
    letters are typed and taken back in between.
    """
    text = words(length)
    pieces = min(revisions, length)
    pieces -= (revisions - pieces) % 2
    corrections = (revisions - pieces) // 2
    # Of each author: the next piece, the last one, and where the next one goes.
    nexts = [pieces * author // AUTHORS for author in range(AUTHORS + 1)]
    ends = nexts[1:]
    written = [0] * AUTHORS
    done = 0
    while done < pieces:
        for author in range(AUTHORS):
            for piece in range(nexts[author], min(nexts[author] + _TURN, ends[author])):
                start, end = length * piece // pieces, length * (piece + 1) // pieces
                yield author, _at(sum(written[: author + 1]), text[start:end])
                written[author] += end - start
                nexts[author] = piece + 1
                position = sum(written[: author + 1])
                first, last = corrections * done // pieces, corrections * (done + 1) // pieces
                for _ in range(first, last):
                    yield author, _at(position, "x")
                    yield author, _at(position, -1)
                done += 1


def _at(position: int, part: str | int) -> Operation:
    return [position, part] if position else [part]


def _write(data: Path, name: str, edits: Iterable[Edit], text: str) -> None:
    async def make() -> None:
        store = SQLiteStore(data)
        await _make(store, name, edits, text)
        await store.close()

    asyncio.run(make())


async def _make(store: SQLiteStore, name: str, edits: Iterable[Edit], text: str) -> None:
    await store.create(name, title=name, epoch="epoch", view_key=f"view-{name}", time_ms=_TIME_MS)
    record = await store.find(name)
    assert record is not None
    entries = _entries(edits)
    revision = 0
    while batch := list(islice(entries, _BATCH)):
        await store.append([Append(record.key, revision, batch)])
        revision += len(batch)
    await store.save_snapshot(record.key, revision=revision, text=text)


def _entries(edits: Iterable[Edit]) -> Iterator[Entry]:
    sessions = [public_id("session", f"author {author}") for author in range(AUTHORS)]
    people = [public_id("person", f"author {author}") for author in range(AUTHORS)]
    seqs = [0] * AUTHORS
    for revision, (author, op) in enumerate(edits):
        seqs[author] += 1
        yield Entry(
            op=op,
            session=sessions[author],
            person=people[author],
            seq=seqs[author],
            time_ms=_TIME_MS + revision,
            digest=digest(revision, op),
        )
