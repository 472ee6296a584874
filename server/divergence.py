"""compares the texts that clients show with the log, and keeps what does not agree

A client that is at rest sends the checksum of its text. If it is not that of the log, somebody has
made a mistake that no other check has found: the client is told, keeps its text as a draft and
takes the log's, and sends how it came to it. That is kept, with the part of the log that it had
been sent, as a replay bundle in the data folder, for `deltapad replay`.

Pads at rest cost nothing: a checksum is made when a client asks, once for all that ask at a
revision, and of a long text in slices, between which others are served.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from ot.checksum import SLICE_LENGTH, text_crc32
from ot.log import Entry
from ot.messages import PROTOCOL_VERSION, Checksum, TraceMessage
from ot.operation import inserted_length
from server.bundle import Bundle, LogPart, Shown
from server.counters import Counters
from server.pad import Pad
from server.session import Session
from server.storage import StorageError
from server.stored_log import PIECE_REVISIONS

__all__ = ["BUNDLES_MAX", "CHECKSUM_SECONDS", "Divergence", "forget_bundles"]

_log = logging.getLogger("deltapad.divergence")

# Of one connection: honest clients send one when they have been at rest for ten.
CHECKSUM_SECONDS: Final = 5.0
# Between two bundles of one pad: a mistake that shows in every tab is explained by one of them.
BUNDLE_SECONDS: Final = 60.0
# Bundles that are kept, the newest; some megabytes each at most.
BUNDLES_MAX: Final = 20
# What a bundle has of the log at most: entries, and components and code points in them.
ENTRIES_MAX: Final = 10_000
ENTRIES_SIZE_MAX: Final = 4_000_000
# A text from further back is not made for a bundle: that is some seconds of work. The log has it.
TEXT_REVISIONS_MAX: Final = 100_000


class Divergence:
    """The alarm of one server."""

    def __init__(self, counters: Counters, folder: Path | None, *, package: str) -> None:
        """`folder` is made with the first bundle; None keeps none. `package` is our version."""
        self._counters = counters
        self._folder = folder
        self._package = package
        # Of each pad, the checksum of the revision that was asked for last.
        self._checksums: WeakKeyDictionary[Pad, tuple[int, asyncio.Task[Checksum]]] = (
            WeakKeyDictionary()
        )
        # When the newest bundle of a pad was begun; of the last minute only.
        self._kept_at: dict[int, float] = {}
        # One after the other, or many pads at once would need much memory.
        self._keeping = False

    async def agrees(self, pad: Pad, session: Session, message: Checksum) -> bool:
        """Whether a client shows the text of the log; also if that cannot be told, because there is
        a newer revision by now, or it has asked a moment ago.
        """
        now = asyncio.get_running_loop().time()
        newest = pad.dropped is None and message.revision == pad.document.committed
        if not newest or now < session.checksum_due:
            return True
        session.checksum_due = now + CHECKSUM_SECONDS
        server = await self._checksum(pad)
        if server == message:
            return True
        self._counters.divergences += 1
        session.diverged = message
        _log.error(
            "pad %d: a client shows another text at revision %d: %d code points, CRC-32 %08x;"
            " the log gives %d, %08x",
            *(pad.record.key, message.revision, message.length, message.crc32),
            *(server.length, server.crc32),
        )
        return False

    async def keep(
        self, pad: Pad, session: Session, trace: TraceMessage, *, time_ms: int
    ) -> Path | None:
        """Write a bundle for a client that has been told that it has diverged; None if there is
        none to be written now.
        """
        client, session.diverged = session.diverged, None
        if client is None or self._folder is None or not self._may_keep(pad):
            return None
        self._keeping = True
        try:
            bundle = await self._bundle(pad, session, client, trace, time_ms)
            name = f"{pad.record.key}-{client.revision}-{_stamp(time_ms)}.json"
            path = self._folder / name
            await asyncio.to_thread(_write, path, bundle)
            if pad.dropped is not None:
                # It may have been deleted, and its bundles been looked for before this was one.
                await asyncio.to_thread(path.unlink, missing_ok=True)
                return None
        except (StorageError, OSError) as error:
            _log.error("pad %d: no replay bundle: %s", pad.record.key, error)
            return None
        finally:
            self._keeping = False
        _log.error("pad %d: replay bundle %s", pad.record.key, path)
        return path

    def _may_keep(self, pad: Pad) -> bool:
        now = asyncio.get_running_loop().time()
        recent = {key: at for key, at in self._kept_at.items() if now - at < BUNDLE_SECONDS}
        self._kept_at = recent
        if self._keeping or pad.record.key in recent:
            return False
        recent[pad.record.key] = now
        return True

    async def _checksum(self, pad: Pad) -> Checksum:
        """Of the newest text; worked out once for all who ask."""
        revision = pad.document.committed
        known = self._checksums.get(pad)
        if known is None or known[0] != revision:
            work = asyncio.create_task(_checksum(revision, pad.document.text()))
            known = self._checksums[pad] = (revision, work)
        # Whoever asks may go away meanwhile; others wait for the same.
        return await asyncio.shield(known[1])

    async def _bundle(
        self,
        pad: Pad,
        session: Session,
        client: Checksum,
        trace: TraceMessage,
        time_ms: int,
    ) -> Callable[[], bytes]:
        """What encodes the bundle, which is to be done elsewhere."""
        committed = pad.document.committed
        end = min(max(client.revision, trace.revision), committed)
        start = _start_revision(trace, client.revision)
        server = await self._checksum_at(pad, client.revision)
        entries = _newest(await _entries(pad, max(start, end - ENTRIES_MAX), end))
        start = end - len(entries)
        bundle = Bundle(
            bundle=1,
            package=self._package,
            protocol=PROTOCOL_VERSION,
            time_ms=time_ms,
            pad=pad.record.key,
            role=session.role,
            session=session.session,
            revision=client.revision,
            client=Shown(client.length, client.crc32, trace.text),
            server=Shown(server.length, server.crc32),
            log=LogPart(
                start=start,
                text=await pad.text_at(start) if start <= TEXT_REVISIONS_MAX else None,
                entries=[(entry.session, entry.seq, entry.op) for entry in entries],
            ),
            start=trace.start,
            steps=trace.steps,
        )
        return lambda: msgspec.json.encode(bundle)

    async def _checksum_at(self, pad: Pad, revision: int) -> Checksum:
        """The one that a client was told to differ from; of another revision if that is past."""
        known = self._checksums.get(pad)
        if known is not None and known[0] == revision:
            return await asyncio.shield(known[1])
        return await _checksum(revision, await pad.text_at(revision))


async def _checksum(revision: int, text: str) -> Checksum:
    crc32 = 0
    for start in range(0, len(text), SLICE_LENGTH):
        if start:
            await asyncio.sleep(0)
        crc32 = text_crc32(text[start : start + SLICE_LENGTH], crc32)
    return Checksum(revision, len(text), crc32)


def _start_revision(trace: TraceMessage, revision: int) -> int:
    """Where a trace begins, if it says so; a bundle without steps needs nothing of the log."""
    try:
        start = msgspec.json.decode(trace.start)["revision"]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError, TypeError):
        return revision
    return start if type(start) is int and 0 <= start <= revision else revision


async def _entries(pad: Pad, start: int, end: int) -> list[Entry]:
    """The newest entries of a range, read from behind: a bundle may not hold all that they are."""
    pieces: list[list[Entry]] = []
    size = 0
    while start < end and size <= ENTRIES_SIZE_MAX:
        begin = max(start, end - PIECE_REVISIONS)
        pieces.append(await pad.entries(begin, end))
        size += sum(len(entry.op) for entry in pieces[-1])
        await asyncio.sleep(0)
        end = begin
    return [entry for piece in reversed(pieces) for entry in piece]


def _newest(entries: list[Entry]) -> list[Entry]:
    """As many of the last ones as a bundle may hold."""
    size = 0
    for count, entry in enumerate(reversed(entries)):
        size += len(entry.op) + inserted_length(entry.op)
        if size > ENTRIES_SIZE_MAX:
            return entries[len(entries) - count :]
    return entries


def _stamp(time_ms: int) -> str:
    """A time as it stands in a file's name, in UTC; later ones sort after earlier ones."""
    moment = datetime.fromtimestamp(time_ms / 1_000, UTC)
    return f"{moment:%Y%m%dT%H%M%S}{time_ms % 1_000:03d}Z"


def forget_bundles(folder: Path, key: int) -> None:
    """Remove what was kept of a pad, which is deleted."""
    for path in folder.glob(f"{key}-*-*.json"):
        path.unlink(missing_ok=True)


def _write(path: Path, encode: Callable[[], bytes]) -> None:
    """Write a file that only its owner can read, whole or not at all, and let the oldest go."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    bundles = sorted(folder.glob("*-*-*.json"), key=lambda one: one.stem.rpartition("-")[2])
    for oldest in bundles[:-BUNDLES_MAX]:
        oldest.unlink(missing_ok=True)
