"""the texts that are written beside the logs, so that loading a pad reads little of its log

Nothing depends on them: without one, loading reads more. So they are what is left out first when
the disk is slow or fails, and when the server ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from server.counters import Counters
from server.health import Health
from server.pad import Pad
from server.storage import StorageError, Store

__all__ = ["Snapshots"]

_log = logging.getLogger("deltapad.hub")


class Snapshots:
    """Writes the texts of a hub's pads."""

    def __init__(self, store: Store, health: Health, counters: Counters) -> None:
        self._store = store
        self._health = health
        self._counters = counters
        self._tasks: set[asyncio.Task[None]] = set()
        # One at a time, so that no edit waits for more than one of them.
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many were asked for and are not written. Each holds a pad in memory."""
        return len(self._tasks)

    def stop(self) -> None:
        """Leave those that wait."""
        for task in self._tasks:
            task.cancel()

    def soon(self, pad: Pad) -> None:
        """Write the text of a pad, unless that was done or asked for, and do not wait for it."""
        if pad.snapshot_revision != pad.document.committed:
            pad.snapshot_revision = pad.document.committed
            task = asyncio.create_task(self._write(pad))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def write(self, pads: Iterable[Pad], *, seconds: float = float("inf")) -> None:
        """Write the texts of pads that changed since that was done, for so many seconds."""
        end = asyncio.get_running_loop().time() + seconds
        for pad in pads:
            if asyncio.get_running_loop().time() > end:
                break
            if pad.snapshot_revision != pad.document.committed:
                await self._write(pad)

    async def _write(self, pad: Pad) -> None:
        async with self._turn:
            if pad.dropped is not None or self._health.state != "ok":
                return
            revision = pad.snapshot_revision = pad.document.committed
            try:
                text = pad.document.text()
                writing = self._store.save_snapshot(pad.record.key, revision=revision, text=text)
                await self._health.write(writing)
                self._counters.snapshot_written()
            except StorageError as error:
                _log.warning("snapshot of pad %s failed: %s", pad.record.key, error)
            except Exception:  # noqa: BLE001 - one bad pad must not reach the others
                _log.exception("a bug, by which pad %s has no snapshot", pad.record.key)
