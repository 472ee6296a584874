"""a hub on the real store for wired clients: a server process, as far as the disk can tell"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from ot.operation import apply
from server.conversation import Conversations
from server.divergence import Divergence
from server.hub import Hub
from server.settings import Settings
from server.sqlite import SQLiteStore
from tests.faults.failing_disk import FailingDisk
from tests.faults.wired_client import WiredClient

__all__ = ["Server", "log_of", "until"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.0005)


@dataclass
class Server:
    """A process on a disk: hub and store, as long as it is not stopped."""

    folder: Path
    disk: FailingDisk | None = None
    exit_codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = SQLiteStore(self.folder, vfs=None if self.disk is None else self.disk.name)
        settings = Settings(snapshot_revisions=3)
        self.hub = Hub(self.store, settings, stop_process=self._stop)
        divergence = Divergence(self.hub.counters, None, package="test")
        self.conversations = Conversations(self.hub, settings, divergence, now_ms=lambda: 0)
        self.hub.start()
        self._visits: list[asyncio.Task[None]] = []

    def _stop(self, code: int) -> None:
        self.exit_codes.append(code)
        # From here on nobody hears anything: the process is gone.
        for visit in self._visits:
            visit.cancel()

    def admit(self, *clients: WiredClient) -> None:
        """They come to the pad, and come again."""
        self.admit_to("pad", *clients)

    def admit_to(self, pad: str, *clients: WiredClient) -> None:
        """The same, to another pad."""
        for client in clients:
            visit = client.stay(self.hub, self.conversations, pad)
            self._visits.append(asyncio.create_task(visit))

    async def end(self) -> None:
        """As by SIGTERM; after `stop_process` what is left is only cleared away."""
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self.hub.close()


def log_of(folder: Path) -> tuple[list[tuple[int, str, int]], str]:
    """What SQLite itself finds in the file: (revision, session, seq), and the text."""
    connection = apsw.Connection(str(folder / "deltapad.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    rows: list[Any] = connection.execute(
        "SELECT revision, session, seq, op FROM log JOIN authors ON authors.id = author"
        " ORDER BY revision"
    ).fetchall()
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    text = ""
    for *_, op in rows:
        text = apply(text, json.loads(op))
    return [(revision, session, seq) for revision, session, seq, _ in rows], text
