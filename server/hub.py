"""live documents: stage, append, then tell; load and evict

The hub holds the pads that somebody looks at. An operation is accepted by its document at once,
waits for the store together with all that comes meanwhile, and is shown to everybody, its author
too, only when the store has made it durable. A batch that the store could not write is kept and
tried again (`server/health.py`). If nobody knows whether it was written, every pad of the batch is
thrown out of memory and its connections are told to come again: they resend what is not
acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ot.document import NOTHING, Document, Submission
from ot.errors import DeltapadError, ProtocolError, UnavailableError
from ot.messages import SetProperties
from ot.operation import inserted_length
from server.counters import Counters
from server.health import Health
from server.pad import Pad
from server.records import Records, now_ms
from server.settings import Settings
from server.snapshots import Snapshots
from server.storage import (
    Append,
    NotWrittenError,
    StorageError,
    Store,
    UntrustedDiskError,
    encode_op,
    new_view_key,
)
from server.tombstones import gone

__all__ = ["TAIL_REVISIONS", "Hub"]

_log = logging.getLogger("deltapad.hub")

# Entries before the snapshot that a pad is loaded with. Who comes back after a restart is behind by
# a few; for who is behind by more, the store is read.
TAIL_REVISIONS: Final = 128
# Code points that may wait for the store, while it takes nothing: some 100 MB. A session has one
# operation in flight, but who wants to fill our memory has many sessions.
WAITING_LENGTH_MAX: Final = 32_000_000
# For so long, in seconds, is gathered at most: ten times what it takes to tell 2,000 in one pad.
# When the process, or the machine, stands still just then, nobody waits for as long once more.
GATHER_SECONDS_MAX: Final = 0.5


class Hub(Records):
    """All live pads of a server, and the one that commits for them."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        stop_process: Callable[[int], object] = os._exit,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`stop_process` ends the process at once, with an exit code: EX_SOFTWARE when a bug has
        stopped what must always run, EX_IOERR when the disk is not to be trusted. `clock` tells how
        long work takes, in seconds.
        """
        health = Health(store, on_change=self._tell_storage, stop_process=stop_process)
        super().__init__(store, health, settings)
        self._stop_process = stop_process
        self._clock = clock
        self._pads: dict[str, asyncio.Task[Pad | None]] = {}
        # How many wait for a pad that they are going to hold: it must not leave before they do.
        self._opening: dict[str, int] = {}
        # With more pads than this it is looked which may leave.
        self._pads_max = settings.pads_in_memory_max
        # Pads with entries that the store has not been given yet, in order.
        self._waiting: dict[Pad, None] = {}
        # How long it is what they insert; an entry counts as one more.
        self._waiting_length = 0
        self._bell = asyncio.Event()
        # Held while the store has a batch: a pad is deleted before one or after it.
        self._committing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self.counters = Counters()
        self._snapshots = Snapshots(store, health, self.counters)

    def start(self) -> None:
        """Begin to commit and to tidy up; needs a running event loop."""
        for_ever = (self._commit_for_ever(), self._evict_for_ever())
        self._tasks = [asyncio.create_task(work) for work in for_ever]
        for task in self._tasks:
            task.add_done_callback(self._stop_if_failed)

    def loaded_pads(self) -> list[Pad]:
        """The pads in memory."""
        return [pad for pad in map(_loaded, self._pads.values()) if pad is not None]

    def at_hand(self, name: str) -> Pad | None:
        """The pad, if it is in memory."""
        task = self._pads.get(name)
        return None if task is None else _loaded(task)

    async def set_properties(self, pad: Pad, change: SetProperties) -> None:
        """Change what is said of a pad, and tell everybody in it when it is durable; or, if it
        cannot be written, that it is what it was. Raises StorageError, GoneError.
        """
        writing = self._store.set_properties(
            pad.record.key,
            title=change.title,
            language=change.language,
            view_history=change.view_history,
            view_key=new_view_key() if change.new_view_link else None,
        )
        try:
            record = await self.health.write(writing)
        except NotWrittenError:
            record = pad.record
        except StorageError:
            # Nobody knows which link leads here now: everybody asks, also those in whose memory it
            # is again, or will be in a moment, as it was before.
            async with self._committing:
                newer = self.at_hand(pad.record.name)
                self._pads.pop(pad.record.name, None)
                for each in (pad, newer):
                    if each is not None:
                        self._drop(each)
            raise
        pad.take_record(record)
        if pad.dropped is not None:
            # Others may have it in memory again, as it was before.
            newer = await self._opened(record.name)
            if newer is not None:
                newer.take_record(record)

    async def delete(self, pad: Pad) -> None:
        """Delete a pad that is held, and tell everybody in it when that is durable. What waits for
        the store is refused. Raises what `pad` was dropped for, StorageError.
        """
        async with self._committing:
            if pad.dropped is not None:
                raise pad.dropped
            time_ms = now_ms()
            try:
                await self.health.write(self._store.delete(pad.record.key, time_ms=time_ms))
            except NotWrittenError:
                raise
            except StorageError:
                # Nobody knows whether it is still there: everybody asks.
                self._drop(pad)
                raise
            self._drop(pad, gone(time_ms))
            self.counters.deletions += 1

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Pad | None]:
        """Hold a pad in memory; None if there is no pad of that name. Raises GoneError,
        UnavailableError, StorageError.
        """
        self._opening[name] = self._opening.get(name, 0) + 1
        try:
            pad = self.at_hand(name) or await self._wait_for(self._opened(name))
        finally:
            self._opening[name] -= 1
            if not self._opening[name]:
                del self._opening[name]
        if pad is None:
            yield None
            return
        pad.hold()
        if len(self._pads) > self._pads_max:
            self._make_room()
        try:
            yield pad
        finally:
            pad.release()

    async def _opened(self, name: str) -> Pad | None:
        older = self._pads.get(name)
        while True:
            task = self._pads.get(name)
            if task is None:
                task = self._pads[name] = asyncio.create_task(self._load(name))
                # Also when whoever asked for it does not wait any more.
                task.add_done_callback(lambda done: self._forget_unless_loaded(name, done))
            pad = await asyncio.shield(task)
            if pad is None:
                if task is not older:
                    return None
                # Who looked before we came: the pad may have been made since.
                self._forget_unless_loaded(name, task)
            # It may have left memory again before we could hold it; of a pad there is only one.
            elif self._pads.get(name) is task:
                return pad

    async def submit(self, pad: Pad, submission: Submission) -> None:
        """Accept an operation; it is acknowledged by the stream when it is durable.

        Raises ProtocolError and OperationError as `Document.submit` does, UnavailableError,
        StorageError.
        """
        document = pad.document
        length = 1 + inserted_length(submission.op)
        # What cannot be written is refused here, and not together with all of its batch.
        encode_op(submission.op)
        if submission.seq < document.sessions.get(submission.session, NOTHING).seq:
            sent = await self._store.committed(pad.record.key, submission.session, submission.seq)
            document.check_resend(submission, sent or NOTHING)
            return
        attached = submission.session in document.sessions
        submission = await pad.caught_up(submission)
        if pad.dropped is not None:
            raise pad.dropped
        if attached and submission.session not in document.sessions:
            # A newer connection of this session has come and gone meanwhile. What it has committed
            # is forgotten here, so that nobody could tell whether this is in the log already.
            raise ProtocolError("replaced", "this session was connected from elsewhere")
        if self._waiting_length + length > WAITING_LENGTH_MAX:
            raise UnavailableError("storage_failed", "too much waits for the disk; try again")
        if document.submit(submission) is not None:
            self._waiting[pad] = None
            self._waiting_length += length
            self._bell.set()

    @property
    def waiting(self) -> int:
        """Entries that are accepted and not durable yet."""
        return sum(pad.document.log.head - pad.document.committed for pad in self.loaded_pads())

    async def close(self) -> None:
        """Send everybody away, commit what is waiting, keep the texts, and close the store."""
        self._closing = True
        self.health.close()
        pads = self.loaded_pads()
        for pad in pads:
            for connection in pad.connections.values():
                connection.end(UnavailableError("shutting_down", "the server is being restarted"))
        self._bell.set()
        commit, evict = self._tasks
        evict.cancel()
        self._snapshots.stop()
        seconds = self._settings.shutdown_seconds
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(commit)
                await self._snapshots.write(pads, seconds=seconds / 2)
                await self._store.close()
        except TimeoutError:
            _log.critical("the disk does not answer: ending without it, nothing is acknowledged")
            self._stop_process(os.EX_IOERR)
        except UntrustedDiskError as error:
            self.health.stopped(error)

    async def _load(self, name: str) -> Pad | None:
        record = await self.health.read(self._store.find(name))
        if record is None:
            return None
        before = min(TAIL_REVISIONS, self._settings.log_entries_max)
        loaded = await self.health.read(self._store.load(record.key, before=before))
        document = Document(
            text=loaded.text,
            revision=loaded.revision,
            start=loaded.start,
            entries=loaded.entries,
            length_max=self._settings.pad_length_max,
            revisions_max=self._settings.pad_revisions_max,
        )
        pad = Pad(record, document, self._store, self._settings, sessions=loaded.sessions)
        pad.snapshot_revision = loaded.revision
        pad.storage = self.health.state
        pad.idle_since = asyncio.get_running_loop().time()
        return pad

    def _forget_unless_loaded(self, name: str, task: asyncio.Task[Pad | None]) -> None:
        """Whoever comes next tries again."""
        if _loaded(task) is None and self._pads.get(name) is task:
            del self._pads[name]

    async def _commit_for_ever(self) -> None:
        """At rest at once. Under load what comes is gathered for as long as it took to tell
        everybody of the last batch: the dearer a frame, the more it carries.
        """
        due = 0.0
        while (self._waiting or not self._closing) and not self.health.over:
            await self._bell.wait()
            self._bell.clear()
            if not self._waiting:
                continue
            if due > self._clock():
                await asyncio.sleep(due - self._clock())
            async with self._committing:
                await self._commit()
            told = self._clock()
            # The senders that were woken have their turn before us.
            await asyncio.sleep(0)
            due = self._clock() + min(self._clock() - told, GATHER_SECONDS_MAX)

    async def _commit(self) -> None:
        """Hand all that waits to the store as one batch, and tell when it is durable."""
        pads = list(self._waiting)
        self._waiting.clear()
        self._waiting_length = 0
        batch = []
        for pad in pads:
            revision = pad.document.handed
            entries = pad.document.hand_over()
            profiles = pad.new_profiles(entries)
            batch.append(Append(pad.record.key, revision, entries, profiles))
        began = self._clock()
        try:
            await self.health.append(batch)
        except UntrustedDiskError:
            return
        except StorageError as error:
            _log.error("commit of %d pads failed: %s", len(pads), error)
            # At the end of the process there is no other batch.
            given_up = [*self._waiting] if isinstance(error, NotWrittenError) else []
            for pad in pads + given_up:
                self._drop(pad)
            return
        operations = sum(len(part.entries) for part in batch)
        self.counters.committed(operations, self._clock() - began)
        for pad, part in zip(pads, batch, strict=True):
            try:
                pad.committed(part.revision, part.entries)
                self.counters.told(part.entries, pad.latency_classes)
                self._tidy(pad)
            except Exception:  # noqa: BLE001 - one bad pad must not reach the others
                # It is durable, and the others need not suffer: this pad is loaded anew.
                _log.exception("a bug, by which everybody in one pad has to come again")
                self._drop(pad)
        if self._waiting:
            self._bell.set()

    def _tell_storage(self) -> None:
        for pad in self.loaded_pads():
            pad.storage = self.health.state
            pad.wake()

    def _drop(self, pad: Pad, error: DeltapadError | None = None) -> None:
        self._waiting.pop(pad, None)
        if not self._waiting:
            self._waiting_length = 0
        task = self._pads.get(pad.record.name)
        if task is not None and _loaded(task) is pad:
            del self._pads[pad.record.name]
        failed = UnavailableError("storage_failed", "the disk did not take it; try again")
        pad.drop(error or failed)

    def _tidy(self, pad: Pad) -> None:
        """Now and then, write the text and let go of old entries."""
        if pad.is_snapshot_due(self._settings.snapshot_revisions):
            self._snapshots.soon(pad)
            pad.let_go_of_old(self._settings.log_entries_max)

    async def _evict_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.idle_seconds / 4)
            self._pads_max = self._settings.pads_in_memory_max
            horizon = asyncio.get_running_loop().time() - self._settings.idle_seconds
            for name, task in list(self._pads.items()):
                # While the one before was written, it may have left, and another be in its place.
                pad = _loaded(task) if self._pads.get(name) is task else None
                if pad is not None and pad.unused and pad.idle_since <= horizon:
                    # Out of the hub first: whoever comes now loads it from the log.
                    del self._pads[name]
                    await self._snapshots.write([pad])

    def _make_room(self) -> None:
        """Too many pads are in memory: a tenth of them goes, the longest unused. As many may wait
        for the disk to take their text; when it is slow, others go without.
        """
        most = self._settings.pads_in_memory_max // 10 + 1
        loaded = [pad for task in self._pads.values() if (pad := _loaded(task))]
        pads = [pad for pad in loaded if pad.unused and pad.record.name not in self._opening]
        pads.sort(key=lambda pad: pad.idle_since)
        for pad in pads[:most]:
            del self._pads[pad.record.name]
            if self._snapshots.waiting < most:
                self._snapshots.soon(pad)
        # While nearly all are in use, each that comes would look through all of them for nothing.
        self._pads_max = max(self._settings.pads_in_memory_max, len(self._pads) + most // 2)

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        """A bug in what must always run: end the process, which loses nothing; be restarted."""
        if not task.cancelled() and task.exception() is not None:
            _log.critical("cannot go on", exc_info=task.exception())
            self._stop_process(os.EX_SOFTWARE)


def _loaded(task: asyncio.Task[Pad | None]) -> Pad | None:
    """The pad that a task has loaded, if it has."""
    is_loaded = task.done() and not task.cancelled() and task.exception() is None
    return task.result() if is_loaded else None
