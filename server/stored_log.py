"""the log of a pad in memory and, further back, in the store: entries, ranges, past texts

Long ranges are composed in chunks, between which the event loop serves others, and what is much
even in one chunk is composed in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from ot.document import Document, Submission
from ot.log import EFFORT_MAX, Entry, effort
from ot.operation import Operation
from ot.runs import compose_all
from ot.text import Text
from server.past import PastTexts
from server.storage import StorageError, Store

__all__ = ["CHUNK_REVISIONS", "PIECE_REVISIONS", "StoredLog"]

# Entries are composed this many at a time, some 5 ms, between which the event loop serves others;
# a power of 16, so that they are whole blocks of the log.
CHUNK_REVISIONS: Final = 4_096
# Entries that are read from the store at once: most are of some 300 bytes, the largest 256 KB.
PIECE_REVISIONS: Final = 256
# What the log of a pad may take in memory however few its entries: 25 MB, and more for few pads
# than for one that somebody fills with the largest operations.
_LOG_EFFORT_MAX: Final = 5 * EFFORT_MAX


class StoredLog:
    """A document, and the store that has all of its log."""

    def __init__(self, key: int, document: Document, store: Store, *, length_max: int) -> None:
        """`key` is the pad's in the store; `length_max` is of its text."""
        self.document = document
        # Up to where the text is in the store.
        self.snapshot_revision = document.committed
        self._key = key
        self._store = store
        # All together they weigh no more than the longest text that the pad may have.
        self._past = PastTexts(length_max=length_max)
        # One at a time composes in a thread what is much.
        self._heavy = asyncio.Lock()

    def is_far(self, base: int) -> bool:
        """Whether catching up from there takes the store, or longer than others should wait in one
        piece.
        """
        log, committed = self.document.log, self.document.committed
        return (
            base < log.start
            or committed - base > CHUNK_REVISIONS
            or (base < committed and log.effort(base, committed) > EFFORT_MAX)
        )

    async def caught_up(self, submission: Submission) -> Submission:
        """A submission that is not far from the newest revision; the same if it was not, or if it
        is in the log already. Raises as `Document.catch_up` does, and StorageError.
        """
        document = self.document
        older: Operation = []
        start = submission.base
        while self.is_far(submission.base) and not document.is_duplicate(submission):
            revision = document.committed
            newer = await self.composed(start, revision)
            older = await self._compose([older, newer]) if older else newer
            start = revision
            # Unless the log has let go of so much meanwhile that it is far again: then what has
            # come since is added, or under load it would begin anew for ever.
            if revision >= document.log.start:
                submission = document.catch_up(submission, older, revision=revision)
                older = []
        return submission

    def is_snapshot_due(self, revisions: int) -> bool:
        """Whether so much has come since the last one, which is gone through when somebody joins,
        and when the pad is loaded.
        """
        start, end = self.snapshot_revision, self.document.committed
        return end - start >= revisions or self.document.log.effort(start, end) > EFFORT_MAX

    def let_go_of_old(self, entries_max: int) -> None:
        """Keep so many entries in memory at most, and no more than they may weigh."""
        oldest = self.document.committed - entries_max
        self.document.forget(max(oldest, self.document.log.within(_LOG_EFFORT_MAX)))

    async def composed(self, start: int, end: int) -> Operation:
        """The one operation that leads from revision `start` to `end`, from the store where need
        be.
        """
        parts: list[Operation] = []
        while start < end:
            log = self.document.log
            # Aligned, so that in memory they are whole blocks, which the log keeps.
            stop = min(end, start - start % CHUNK_REVISIONS + CHUNK_REVISIONS)
            if start < log.start:
                stop = min(stop, log.start, start + PIECE_REVISIONS)
                parts.append(await self._composed_entries(start, stop))
            elif log.effort(start, stop) > EFFORT_MAX:
                parts.append(await self._composed_entries(start, stop))
            else:
                parts.append(log.composed(start, stop))
                await asyncio.sleep(0)
            start = stop
        return await self._compose(parts)

    async def _composed_entries(self, start: int, end: int) -> Operation:
        return await self._compose([entry.op for entry in await self.entries(start, end)])

    async def _compose(self, ops: Sequence[Operation]) -> Operation:
        """In a thread if it is much, so that others have their turn meanwhile."""
        # The first sum, which costs next to nothing, is the larger part of the second.
        if sum(map(len, ops)) <= EFFORT_MAX and sum(map(effort, ops)) <= EFFORT_MAX:
            return compose_all(ops)
        await self._heavy.acquire()
        work = asyncio.get_running_loop().run_in_executor(None, compose_all, ops)
        # Not when whoever waits goes away: the thread goes on.
        work.add_done_callback(lambda _: self._heavy.release())
        return await asyncio.shield(work)

    def shown_text(self) -> str:
        """The newest text, for somebody who may come back to it."""
        text = self.document.text()
        self._past.keep(self.document.committed, text)
        return text

    async def text_at(self, revision: int) -> str:
        """The text at a committed revision, made from the nearest shown. Raises StorageError."""
        if revision == self.document.committed:
            return self.shown_text()
        start, nearest = self._past.nearest(revision)
        text = Text(nearest)
        async for entries in self.pieces(start, revision):
            for entry in entries:
                text.apply(entry.op)
        made = str(text)
        self._past.keep(revision, made)
        return made

    async def pieces(self, start: int, end: int) -> AsyncIterator[list[Entry]]:
        """The same as `entries`, a few at a time, between which others have their turn.

        Raises StorageError.
        """
        while start < end:
            stop = min(start + PIECE_REVISIONS, end)
            piece: list[Entry] = []
            much = 0
            for entry in await self.entries(start, stop):
                piece.append(entry)
                much += effort(entry.op)
                if much > EFFORT_MAX:
                    yield piece
                    await asyncio.sleep(0)
                    piece, much = [], 0
            if piece:
                yield piece
            await asyncio.sleep(0)
            start = stop

    async def entries(self, start: int, end: int) -> list[Entry]:
        """The entries from revision `start` to `end`, by the store if need be, or StorageError."""
        entries: list[Entry] = []
        while start < self.document.log.start and start < end:
            stop = min(self.document.log.start, end)
            older = await self._store.read(self._key, start, stop)
            if len(older) < stop - start:
                raise StorageError(f"the log of pad {self._key} is not there: it may be deleted")
            entries += older
            start = stop
        if start < end:
            entries += self.document.log.entries(start, end)
        return entries
