"""pads without opening them: made, found by either link, their authors and named versions"""

from __future__ import annotations

import secrets
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from ot.errors import UnavailableError
from server.health import Health
from server.presence import TITLE_MAX, clean_name
from server.settings import Settings
from server.storage import Author, PadRecord, Store, Version, new_view_key

__all__ = ["READS_WAITING_MAX", "Records", "now_ms"]

_T = TypeVar("_T")

# Requests that wait for the store to find or load a pad, some 11 KB each with their tasks: while
# the disk does not answer, that is also whoever has come and gone. On one that is well a thousand
# are through in a second.
READS_WAITING_MAX: Final = 5_000


class Records:
    """What the store knows of pads, whether or not they are in memory."""

    def __init__(self, store: Store, health: Health, settings: Settings) -> None:
        self.health = health
        self._store = store
        self._settings = settings
        self._reads_waiting = 0

    async def create(self, name: str, title: str) -> bool:
        """Make a pad; False if there is one of that name, or was one. Raises StorageError."""
        epoch, view_key = secrets.token_urlsafe(9), new_view_key()
        return await self.health.write(
            self._store.create(name, title=title, epoch=epoch, view_key=view_key, time_ms=now_ms())
        )

    async def is_full(self) -> bool:
        """Whether there may be no further pad. Raises StorageError."""
        return 0 < self._settings.pads_max <= await self._store.count()

    async def find(self, name: str) -> PadRecord | None:
        """What is known of a pad without opening it. Raises GoneError, UnavailableError,
        StorageError.
        """
        return await self._wait_for(self._store.find(name))

    async def find_view(self, view_key: str) -> PadRecord | None:
        """The same of the pad with that view-only link. Raises GoneError, StorageError."""
        return await self._wait_for(self._store.find_view(view_key))

    async def newest(self, record: PadRecord) -> tuple[int, int]:
        """The newest revision, and when it was made, in milliseconds. Raises StorageError."""
        return await self._store.newest(record.key)

    async def created_ms(self, record: PadRecord) -> int:
        """When a pad was made. Raises StorageError."""
        return await self._store.created_ms(record.key)

    async def authors(self, record: PadRecord) -> dict[str, Author]:
        """All who have typed in a pad, by session. Raises StorageError."""
        return await self._store.authors(record.key)

    async def versions(self, record: PadRecord) -> list[Version]:
        """The revisions of a pad that have names, oldest first. Raises StorageError."""
        return await self._store.versions(record.key)

    async def name_version(self, record: PadRecord, revision: int, name: str, person: str) -> None:
        """Give a revision a name, in place of an older one; one of which nothing is left when it is
        cleaned takes it away. `person` is a public id. Raises StorageError.
        """
        cleaned = clean_name(name, length_max=TITLE_MAX, otherwise="")
        writing = self._store.name_version(record.key, revision, cleaned, person, now_ms())
        await self.health.write(writing)

    async def _wait_for(self, reading: Coroutine[Any, Any, _T]) -> _T:
        """What a request begins with. Raises UnavailableError if too many others wait already, and
        what `reading` raises.
        """
        if self._reads_waiting >= READS_WAITING_MAX:
            reading.close()
            raise UnavailableError("storage_failed", "too many wait for the disk; try again")
        self._reads_waiting += 1
        try:
            return await reading
        finally:
            self._reads_waiting -= 1


def now_ms() -> int:
    """The time of day, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
