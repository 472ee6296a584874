"""whether the store takes what it is given: tried again by itself, told when it changes

The state is decided by what matters and by nothing else: by appends, and by probes, which write
something that changes nothing. Whoever meets a failure with anything else has a probe made.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from ot.errors import UnavailableError
from ot.messages import StorageState
from server.storage import Append, NotWrittenError, StorageError, Store, UntrustedDiskError

__all__ = ["CHECK_SECONDS_MAX", "RETRY_AFTER_SECONDS", "Health"]

_log = logging.getLogger("deltapad.store")
_T = TypeVar("_T")

# Seconds between two tries: a disk that was full for a moment delays nobody for longer than that,
# and one that stays so is asked twelve times a minute.
RETRY_SECONDS_MIN: Final = 0.25
RETRY_SECONDS_MAX: Final = 5.0
# A write that takes longer than this is not slow any more: people are told that they are not saved.
# Another program may hold the file for 5 seconds (`server/database.py`) before that is an error.
ANSWER_SECONDS_MAX: Final = 10.0
# Who asks how we are waits for a probe as long, and is told "failing" then.
CHECK_SECONDS_MAX: Final = 2.0
# Who asks more often than this is told what the last write has shown: asking is free for
# everybody, and must not keep the disk busy.
PROBE_EVERY_SECONDS: Final = 5.0
# What a program is told when it may come again.
RETRY_AFTER_SECONDS: Final = 10

_WHAT_TO_DO: Final[dict[StorageState, str]] = {
    "ok": "",
    "full": "the disk is full: make room",
    "read_only": "the disk or the file cannot be written: allow it",
    "failing": "the disk fails, or another program holds the database: see to it",
}


class Health:
    """The state of a store, and every write to it."""

    def __init__(
        self,
        store: Store,
        *,
        on_change: Callable[[], None],
        stop_process: Callable[[int], object],
    ) -> None:
        """`on_change` is called when `state` has changed; `stop_process` ends the process at once,
        with an exit code.
        """
        self.state: StorageState = "ok"
        # In the time of the event loop.
        self.since = 0.0
        # Whether this process may not write any more.
        self.over = False
        self._store = store
        self._on_change = on_change
        self._stop_process = stop_process
        self._written_at = float("-inf")
        # How often the store has answered who reads a pad.
        self.reads = 0
        self._closing = asyncio.Event()
        self._retrying = False
        self._probing: asyncio.Task[None] | None = None
        # A probe has come back.
        self._answered = asyncio.Event()

    @property
    def since_seconds(self) -> float:
        """How long it has not been well; 0 while nothing but a question has gone unanswered."""
        return 0.0 if self.state == "ok" else asyncio.get_running_loop().time() - self.since

    @property
    def wal_bytes(self) -> int:
        """How much the store has written that is not where it belongs yet."""
        return self._store.wal_bytes

    async def append(self, batch: Sequence[Append]) -> None:
        """Have the store make a batch durable, however long it takes.

        Raises NotWrittenError when it is closing and the last try has failed, StorageError if it
        is not known whether it was written, UntrustedDiskError when the process ends.
        """
        pause_seconds = RETRY_SECONDS_MIN
        self._retrying = True
        try:
            while True:
                alarm = asyncio.get_running_loop().call_later(
                    ANSWER_SECONDS_MAX, self._is, "failing", "it does not answer"
                )
                try:
                    await self.write(self._store.append(batch), probe=False)
                    self._is("ok")
                    return
                except NotWrittenError as error:
                    self._is(error.state, str(error))
                    if self._closing.is_set():
                        raise
                finally:
                    alarm.cancel()
                await self._pause(pause_seconds)
                pause_seconds = min(2 * pause_seconds, RETRY_SECONDS_MAX)
        finally:
            self._retrying = False
            if self.state != "ok":
                self._probe_until_ok()

    async def write(self, work: Awaitable[_T], *, probe: bool = True) -> _T:
        """Await a write of the store. Raises StorageError as it does."""
        try:
            result = await work
        except UntrustedDiskError as error:
            self._end(error)
            raise
        except NotWrittenError:
            if probe:
                self._probe_until_ok()
            raise
        self._written_at = asyncio.get_running_loop().time()
        return result

    async def read(self, work: Awaitable[_T]) -> _T:
        """Await a read of the store. Raises StorageError as it does."""
        result = await work
        self.reads += 1
        return result

    async def check(self) -> StorageState:
        """The state, tried out."""
        now = asyncio.get_running_loop().time()
        if self.state != "ok" or now - self._written_at < PROBE_EVERY_SECONDS:
            return self.state
        self._answered.clear()
        self._probe_until_ok()
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX):
                await self._answered.wait()
        except TimeoutError:
            return "failing"
        return self.state

    def refuse_unless_ok(self) -> None:
        """For what somebody waits for and may ask again. Raises UnavailableError."""
        if self.state != "ok":
            raise UnavailableError("storage_failed", "the disk does not take it now; try again")

    def close(self) -> None:
        """From now on what fails is tried once more, and then given up."""
        self._closing.set()

    def stopped(self, error: UntrustedDiskError) -> None:
        """The store has found out while closing."""
        self._end(error)

    def _probe_until_ok(self) -> None:
        """Have probes made until one is durable, or an append shows how it is."""
        if self._probing is None and not self._closing.is_set():
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        pause_seconds = RETRY_SECONDS_MIN
        try:
            while not await self._probe_once():
                await self._pause(pause_seconds)
                pause_seconds = min(2 * pause_seconds, RETRY_SECONDS_MAX)
        finally:
            self._probing = None

    async def _probe_once(self) -> bool:
        """Whether no further one is needed."""
        try:
            await self.write(self._store.probe(), probe=False)
        except UntrustedDiskError:
            return True
        except StorageError as error:
            self._is(error.state if isinstance(error, NotWrittenError) else "failing", str(error))
        else:
            # There may be room for a page, and not for the batch that waits.
            if not self._retrying:
                self._is("ok")
        finally:
            self._answered.set()
        return self._retrying or self.state == "ok" or self._closing.is_set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _is(self, state: StorageState, why: str = "") -> None:
        if state == self.state:
            return
        if state == "ok":
            _log.warning("the store is well again, after %.1f seconds", self.since_seconds)
        else:
            _log.error(
                "the store does not take what is typed, and is asked again and again; %s (%s)",
                _WHAT_TO_DO[state],
                why,
            )
        self.state, self.since = state, asyncio.get_running_loop().time()
        self._on_change()

    def _end(self, error: UntrustedDiskError) -> None:
        if self.over:
            return
        self.over = True
        _log.critical(
            "nobody knows what is on the disk any more (%s): this process acknowledges and writes"
            " nothing from here on, and ends. Nothing that was acknowledged before is lost."
            " Look at the disk and the kernel's log, then start deltapad again and run"
            " `deltapad verify`.",
            error,
        )
        self._stop_process(os.EX_IOERR)
