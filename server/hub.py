"""live documents: stage, append, then tell; load, evict, snapshot

The hub holds the pads that somebody looks at. An operation is accepted by its document at once,
waits for the store together with all that comes meanwhile, and is shown to everybody, its author
too, only when the store has made it durable. If the store cannot, every pad of the batch is thrown
out of memory and its connections are told to come again: they resend what is not acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ot.document import NOTHING, Document, Submission
from ot.errors import UnavailableError
from server.pad import CHUNK_REVISIONS, Pad
from server.settings import Settings
from server.storage import Append, PadRecord, StorageError, Store

__all__ = ["TAIL_REVISIONS", "Hub"]

_log = logging.getLogger("deltapad.hub")

# Entries before the snapshot that a pad is loaded with. Who comes back after a restart is behind by
# a few; for who is behind by more, the store is read.
TAIL_REVISIONS: Final = 128


class Hub:
    """All live pads of a server, and the one that commits for them."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        stop_process: Callable[[], object] = lambda: os._exit(70),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`stop_process` ends the process at once, when a bug has stopped what must always run;
        `clock` tells how long work takes, in seconds.
        """
        self._store = store
        self._settings = settings
        self._stop_process = stop_process
        self._clock = clock
        self._pads: dict[str, asyncio.Task[Pad | None]] = {}
        # Pads with entries that the store has not been given yet, in order.
        self._waiting: dict[Pad, None] = {}
        self._bell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._snapshots: set[asyncio.Task[None]] = set()
        self._closing = False

    def start(self) -> None:
        """Begin to commit and to tidy up; needs a running event loop."""
        self._tasks = [
            asyncio.create_task(self._commit_for_ever()),
            asyncio.create_task(self._evict_for_ever()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._stop_if_failed)

    async def create(self, name: str, title: str) -> bool:
        """Make a pad; False if there is one of that name. Raises StorageError."""
        return await self._store.create(
            name, title=title, epoch=secrets.token_urlsafe(9), time_ms=time.time_ns() // 1_000_000
        )

    async def find(self, name: str) -> PadRecord | None:
        """What is known of a pad without opening it. Raises StorageError."""
        return await self._store.find(name)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Pad | None]:
        """Hold a pad in memory; None if there is no pad of that name. Raises StorageError."""
        task = self._pads.get(name)
        if task is None:
            task = self._pads[name] = asyncio.create_task(self._load(name))
        try:
            pad = await asyncio.shield(task)
        except StorageError:
            self._forget(name, task)
            raise
        if pad is None:
            self._forget(name, task)
            yield None
            return
        pad.hold()
        try:
            yield pad
        finally:
            pad.release()

    async def submit(self, pad: Pad, submission: Submission) -> None:
        """Accept an operation; it is acknowledged by the stream when it is durable.

        Raises ProtocolError and OperationError as `Document.submit` does, UnavailableError,
        StorageError.
        """
        document = pad.document
        if submission.seq < document.sessions.get(submission.session, NOTHING).seq:
            sent = await self._store.committed(pad.record.key, submission.session, submission.seq)
            document.check_resend(submission, sent or NOTHING)
            return
        while self._is_late(document, submission) and not document.is_duplicate(submission):
            revision = document.committed
            older = await pad.composed(submission.base, revision)
            # Unless the log has let go of so much meanwhile that it is late again.
            if revision >= document.log.start:
                submission = document.catch_up(submission, older, revision=revision)
        if pad.dropped is not None:
            raise pad.dropped
        if document.submit(submission) is not None:
            self._waiting[pad] = None
            self._bell.set()

    async def close(self) -> None:
        """Send everybody away, commit what is waiting, keep the texts, and close the store."""
        self._closing = True
        pads = [pad for pad in map(_loaded, self._pads.values()) if pad is not None]
        for pad in pads:
            for connection in pad.connections.values():
                connection.end(UnavailableError("shutting_down", "the server is being restarted"))
        self._bell.set()
        commit, evict = self._tasks
        evict.cancel()
        await commit
        for pad in pads:
            await self._save_snapshot(pad)
        await self._store.close()

    async def _load(self, name: str) -> Pad | None:
        record = await self._store.find(name)
        if record is None:
            return None
        loaded = await self._store.load(
            record.key, before=min(TAIL_REVISIONS, self._settings.log_entries_max)
        )
        document = Document(
            text=loaded.text,
            revision=loaded.revision,
            start=loaded.start,
            entries=loaded.entries,
            length_max=self._settings.pad_length_max,
        )
        pad = Pad(record, document, self._store, self._settings, sessions=loaded.sessions)
        pad.snapshot_revision = loaded.revision
        pad.idle_since = asyncio.get_running_loop().time()
        return pad

    @staticmethod
    def _is_late(document: Document, submission: Submission) -> bool:
        """Whether catching up takes the store, or longer than others should wait in one piece."""
        return (
            submission.base < document.log.start
            or document.committed - submission.base > CHUNK_REVISIONS
        )

    def _forget(self, name: str, task: asyncio.Task[Pad | None]) -> None:
        if self._pads.get(name) is task:
            del self._pads[name]

    async def _commit_for_ever(self) -> None:
        """At rest at once. Under load what comes is gathered for as long as it took to tell
        everybody of the last batch: the dearer a frame, the more it carries.
        """
        due = 0.0
        while self._waiting or not self._closing:
            await self._bell.wait()
            self._bell.clear()
            if not self._waiting:
                continue
            if due > self._clock():
                await asyncio.sleep(due - self._clock())
            await self._commit()
            told = self._clock()
            # The senders that were woken have their turn before us.
            await asyncio.sleep(0)
            due = self._clock() + (self._clock() - told)

    async def _commit(self) -> None:
        """Hand all that waits to the store as one batch, and tell when it is durable."""
        pads = list(self._waiting)
        self._waiting.clear()
        batch = []
        for pad in pads:
            revision = pad.document.handed
            batch.append(Append(pad.record.key, revision, pad.document.hand_over()))
        try:
            await self._store.append(batch)
        except StorageError as error:
            _log.error("commit of %d pads failed: %s", len(pads), error)
            for pad in pads:
                self._drop(pad)
            return
        for pad, part in zip(pads, batch, strict=True):
            for revision, entry in enumerate(part.entries, part.revision + 1):
                pad.presence.typed(entry.session, entry.op, revision)
            pad.document.commit(part.revision + len(part.entries))
            pad.let_go()
            pad.wake()
            self._tidy(pad)
        if self._waiting:
            self._bell.set()

    def _drop(self, pad: Pad) -> None:
        self._waiting.pop(pad, None)
        task = self._pads.get(pad.record.name)
        if task is not None and _loaded(task) is pad:
            del self._pads[pad.record.name]
        pad.drop(UnavailableError("storage_failed", "the disk did not take it; try again"))

    def _tidy(self, pad: Pad) -> None:
        """Now and then, write the text and let go of old entries."""
        if pad.document.committed - pad.snapshot_revision >= self._settings.snapshot_revisions:
            pad.snapshot_revision = pad.document.committed
            task = asyncio.create_task(self._save_snapshot(pad, force=True))
            self._snapshots.add(task)
            task.add_done_callback(self._snapshots.discard)
            pad.document.forget(pad.document.committed - self._settings.log_entries_max)

    async def _save_snapshot(self, pad: Pad, *, force: bool = False) -> None:
        revision = pad.document.committed
        if pad.dropped is not None or (revision == pad.snapshot_revision and not force):
            return
        pad.snapshot_revision = revision
        try:
            await self._store.save_snapshot(
                pad.record.key, revision=revision, text=pad.document.text()
            )
        except StorageError as error:
            # Nothing is lost: the log has it all, and loading reads more of it.
            _log.warning("snapshot of pad %s failed: %s", pad.record.key, error)

    async def _evict_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.idle_seconds / 4)
            horizon = asyncio.get_running_loop().time() - self._settings.idle_seconds
            for name, task in list(self._pads.items()):
                pad = _loaded(task)
                if pad is None or pad.users or pad.idle_since > horizon:
                    continue
                if pad.document.committed == pad.document.log.head:
                    # Out of the hub first: whoever comes now loads it from the log.
                    del self._pads[name]
                    await self._save_snapshot(pad)

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        """A bug in what must always run: end the process at once, which loses nothing, and be
        restarted.
        """
        if not task.cancelled() and task.exception() is not None:
            _log.critical("cannot go on", exc_info=task.exception())
            self._stop_process()


def _loaded(task: asyncio.Task[Pad | None]) -> Pad | None:
    """The pad that a task has loaded, if it has."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()
