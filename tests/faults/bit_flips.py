"""a database file with single bits turned: whether `verify` finds it, or nothing that is read has
changed
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import apsw

from ot.text import Text
from server.database import DATABASE
from server.folder import DataFolder, Finding
from server.sqlite import SQLiteStore
from server.storage import Append, StorageError
from tests.test_logs import entries

__all__ = ["LOG", "TEXTS", "everything", "filled", "flip", "found", "tally"]

LOG = entries(400)
TEXTS = [""]
for entry in LOG:
    text = Text(TEXTS[-1])
    text.apply(entry.op)
    TEXTS.append(str(text))

# All that anybody can read of a file: every column that means something to us, of every row that
# belongs to something.
_ALL = (
    "SELECT id, name, title, epoch, created_ms, view_key, language, view_history FROM pads",
    "SELECT log.pad, revision, op, session, person, seq, time_ms, digest FROM log"
    " JOIN authors ON authors.id = author ORDER BY 1, 2",
    "SELECT pad, session, person, name, color FROM authors ORDER BY 1, 2",
    "SELECT pad, revision, text FROM snapshots ORDER BY 1",
    "SELECT pad, revision, name, person, time_ms FROM versions ORDER BY 1, 2",
    "SELECT id, name, view_key, time_ms FROM deleted",
)


def filled(folder: Path) -> bytes:
    """A database with two pads that have some of everything, made in an empty folder."""
    asyncio.run(_fill(folder))
    return (folder / DATABASE).read_bytes()


async def _fill(folder: Path) -> None:
    store = SQLiteStore(folder)
    for name in ("notes", "other"):
        await store.create(
            name, title=f"The {name}", epoch="epoch", view_key=f"view of {name}", time_ms=77
        )
        record = await store.find(name)
        assert record is not None
        profiles = {"s0": ("Ada", 3), "s1": ("Ben", 4)}
        await store.append([Append(record.key, 0, LOG, profiles)])
        await store.save_snapshot(record.key, revision=350, text=TEXTS[350])
        await store.name_version(record.key, 7, "Seven", "p0", 70)
    await store.create("gone", title="Gone", epoch="epoch", view_key="view of gone", time_ms=78)
    record = await store.find("gone")
    assert record is not None
    await store.delete(record.key, time_ms=79)
    await store.close()


def everything(path: Path) -> list[object]:
    """What can be read of a file."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [connection.execute(sql).fetchall() for sql in _ALL]
    finally:
        connection.close()


def flip(content: bytes, bit: int) -> bytes:
    """The same with one bit turned."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def found(folder: Path) -> bool:
    """Whether something is found wrong, as `deltapad verify` does it."""
    try:
        with DataFolder(folder) as data:
            return data.damage() is not None or any(
                isinstance(finding, Finding) and finding.wrong is not None
                for name in data.names()
                for finding in data.verify(name)
            )
    except StorageError:
        return True


def tally(content: bytes, folder: Path, *, count: int, seed: int) -> Counter[str]:
    """Turn `count` bits of a file, each in the whole file: how many were found, how many change
    nothing that can be read, and how many are neither.
    """
    rng = random.Random(seed)
    path = folder / DATABASE
    path.write_bytes(content)
    whole = everything(path)
    results: Counter[str] = Counter()
    for _ in range(count):
        path.write_bytes(flip(content, rng.randrange(len(content) * 8)))
        if found(folder):
            results["found"] += 1
        elif everything(path) == whole:
            results["harmless"] += 1
        else:
            results["missed"] += 1
    path.unlink()
    return results
