"""a damaged pad beside others: what it costs them to try to open it is nothing"""

from __future__ import annotations

from pathlib import Path

import pytest

from server.sqlite import SQLiteStore
from server.storage import Append, DamagedError, StorageError
from tests.test_sqlite import entry, make_pad

# How a row of some table is damaged, and who reads it.
DAMAGES = {
    "an operation": ("UPDATE log SET op = x'00' WHERE revision = 2", "load"),
    "an operation of old": ("UPDATE log SET op = x'00' WHERE revision = 2", "read"),
    "a revision": ("DELETE FROM log WHERE revision = 2", "load"),
    "a name": ("UPDATE authors SET name = CAST(x'ff' AS TEXT) WHERE session = 'bob'", "authors"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_who_reads_on_reads_what_is_there_now(tmp_path: Path, damage: str) -> None:
    """A read that has failed is over, whoever keeps its error: otherwise the connection would show
    all pads as they were then, and what is written from there on would look lost.
    """
    sql, method = DAMAGES[damage]
    store = SQLiteStore(tmp_path)
    key, other = await make_pad(store), await make_pad(store, "other")
    await store.append([Append(key, 0, [entry(1), entry(1, session="bob"), entry(2)])])
    await store._write(lambda connection: connection.execute(sql).fetchall())
    kept: list[StorageError] = []
    try:
        if method == "load":
            await store.load(key, before=0)
        elif method == "read":
            await store.read(key, 0, 3)
        else:
            await store.authors(key)
    except DamagedError as error:
        kept.append(error)
    assert kept
    await store.append([Append(other, 0, [entry(1)])])
    assert len((await store.load(other, before=0)).entries) == 1
    # Nor does it keep the write-ahead log from being cut.
    await store.delete(key, time_ms=1)
    assert store.wal_bytes == 0
    await store.close()
