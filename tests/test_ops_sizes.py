"""the size of logs: true to what is stored, asked for in pieces, and only what is new"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.ops_sizes import LogSizes
from server.sqlite import SQLiteStore
from server.storage import Append, StorageError, encode_op
from tests.test_logs import entries

PIECE, ROUND = 4, 10
LOG = entries(ROUND + 6)


class Watched(SQLiteStore):
    """The real store, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[tuple[int, int, int]] = []
        # Which question gets no answer.
        self.fails_at = -1

    async def log_bytes(self, key: int, start: int, end: int) -> int:
        self.asked.append((key, start, end))
        if len(self.asked) == self.fails_at:
            raise StorageError("the disk did not answer")
        return await super().log_bytes(key, start, end)


@asynccontextmanager
async def stored(folder: Path, *, pads: int = 1, revisions: int = ROUND) -> AsyncIterator[Watched]:
    store = Watched(folder)
    for key in range(1, pads + 1):
        await store.create(f"pad {key}", title="", epoch="", view_key=f"view {key}", time_ms=1)
        await store.append([Append(key, 0, LOG[:revisions])])
    yield store
    await store.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ops_sizes._PIECE_REVISIONS", PIECE)
    monkeypatch.setattr("server.ops_sizes._ROUND_REVISIONS", ROUND)


def size(revisions: int) -> int:
    """Of the first of these entries, by hand."""
    return sum(len(encode_op(entry.op)) + len(entry.digest) for entry in LOG[:revisions])


async def test_a_log_as_long_as_a_round_is_known_after_it(tmp_path):
    """Asked for in pieces; then only what has come since, and nothing if nothing has."""
    async with stored(tmp_path) as store:
        sizes = LogSizes(store)
        assert sizes.of(1) is None
        await sizes.measure({1: ROUND})
        assert sizes.of(1) == size(ROUND)
        assert store.asked == [(1, 0, 4), (1, 4, 8), (1, 8, 10)]
        await sizes.measure({1: ROUND})
        await store.append([Append(1, ROUND, LOG[ROUND:])])
        await sizes.measure({1: ROUND + 3})
        assert sizes.of(1) == size(ROUND + 3)
        assert store.asked[3:] == [(1, ROUND, ROUND + 3)]


async def test_one_revision_more_takes_another_round(tmp_path):
    """No figure that is too small is shown meanwhile."""
    async with stored(tmp_path, revisions=ROUND + 1) as store:
        sizes = LogSizes(store)
        await sizes.measure({1: ROUND + 1})
        assert sizes.of(1) is None
        await sizes.measure({1: ROUND + 1})
        assert sizes.of(1) == size(ROUND + 1)


async def test_what_is_known_is_shown_while_it_is_brought_up_to_date(tmp_path):
    """A pad that was far behind once does not flicker; the first of many pads goes first."""
    async with stored(tmp_path, pads=2) as store:
        sizes = LogSizes(store)
        await sizes.measure({1: ROUND - 1, 2: ROUND})
        assert (sizes.of(1), sizes.of(2)) == (size(ROUND - 1), None)
        await sizes.measure({2: ROUND, 1: ROUND})
        assert (sizes.of(1), sizes.of(2)) == (size(ROUND), size(ROUND))


async def test_other_pads_are_forgotten(tmp_path):
    """What is kept is bounded by the pads that are shown."""
    async with stored(tmp_path, pads=2) as store:
        sizes = LogSizes(store)
        await sizes.measure({1: 5})
        await sizes.measure({2: 5})
        assert (sizes.of(1), sizes.of(2)) == (None, size(5))


async def test_a_disk_that_does_not_answer_costs_only_that_round(tmp_path):
    """What was added up is kept, and none of it counted twice."""
    async with stored(tmp_path) as store:
        sizes = LogSizes(store)
        store.fails_at = 2
        with pytest.raises(StorageError):
            await sizes.measure({1: ROUND})
        await sizes.measure({1: ROUND})
        assert sizes.of(1) == size(ROUND)
