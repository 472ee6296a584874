"""what programs ask of a pad by HTTP: its text, log and history, named versions, who is there

The same for both links, `/p/{pad}/...` and `/v/{view_key}/...`. Answers that go wrong are JSON with
the fields of the protocol's `error`: code, message, action.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from ot.errors import DeltapadError
from ot.log import Entry
from ot.traces import LogHeader, write_log
from server.doors import Door, from_our_pages, open_door
from server.forms import merge, sent_once
from server.health import RETRY_AFTER_SECONDS
from server.html import packed
from server.hub import Hub
from server.pad import Pad
from server.session import public_id
from server.storage import StorageError
from server.stored_log import PIECE_REVISIONS

__all__ = ["Data", "attachment", "refusal"]

# Entries in one answer of `history`: some 500 KB before they are packed, and 20 ms of our time.
HISTORY_ENTRIES_MAX: Final = 10_000
# Revisions of a pad that may have names: each is listed whenever the history is opened.
VERSIONS_MAX: Final = 1_000
# Of those who are in a pad, so many are told by name: what a row of a list has room for.
STATUS_PEOPLE_MAX: Final = 5
# An answer ends with the entry that goes past this: an entry may be as long as a pad.
HISTORY_BYTES_MAX: Final = 4_000_000
# A revision, and the epoch of its pad: after a restore the same number is another text.
_ETAG = re.compile(r'(?:W/)?"r(\d{1,15})(?:-([\w-]{1,64}))?"', re.ASCII)
# What the core refuses, as a status; the rest is a request that makes no sense.
_STATUS: Final = {
    "base_in_future": 409,
    "pad_deleted": 410,
    "pad_full": 413,
    "storage_failed": 503,
    "shutting_down": 503,
}

_encode = msgspec.json.Encoder().encode

Handler = Callable[[web.Request, Door], Awaitable[web.StreamResponse]]


class _VersionName(msgspec.Struct):
    revision: int
    name: str
    # The key of the person, as in `hello`.
    person: str


class Data:
    """The answers for programs, and for the scripts of the pages."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._decode_version = msgspec.json.Decoder(_VersionName).decode
        # Held from the count of the versions until there is one more.
        self._naming = asyncio.Lock()

    def add_routes(self, app: web.Application) -> None:
        """Put them into an application, below both links."""
        for what, handler in [
            ("text", self.text),
            ("log", self.log),
            ("history", self.history),
            ("versions", self.versions),
            ("status", self.status),
        ]:
            for link in ("/p/{pad}", "/v/{view_key}"):
                app.router.add_get(f"{link}/{what}", self._behind_door(handler))
        app.router.add_post("/p/{pad}/versions", self._behind_door(self.name_version))
        app.router.add_put("/p/{pad}/text", self._behind_door(self.put_text))

    def _behind_door(self, handler: Handler) -> Callable[[web.Request], Awaitable[Any]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                door = await open_door(self._hub, request)
                if door is None:
                    return refusal(404, "no_such_pad", "there is no such pad", "stop")
                return await handler(request, door)
            except DeltapadError as error:
                status = _STATUS.get(error.code, 400)
                return refusal(status, error.code, error.message, error.action)
            except StorageError:
                return refusal(503, "storage_failed", "the disk did not answer", "reconnect")
            except web.HTTPRequestEntityTooLarge:
                return refusal(413, "too_large", "longer than any text of a pad", "draft")

        return handle

    async def text(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`GET .../text`: the text, newest or `at` a revision; with `download`, as a file."""
        async with self._hub.open(door.record.name) as pad:
            assert pad is not None, "or it is GoneError"
            head = pad.document.committed
            revision = _number(request, "at", head)
            if revision is None or revision > head:
                return _no_revision("at", head)
            if revision != head and not door.sees_history:
                return _no_history()
            headers = {"ETag": _etag(revision, pad.record.epoch), "Cache-Control": "no-cache"}
            known = _ETAG.fullmatch(request.headers.get("If-None-Match", ""))
            if known is not None and (int(known[1]), known[2]) == (revision, pad.record.epoch):
                return web.Response(status=304, headers=headers)
            text = await pad.text_at(revision)
        answer = web.Response(
            text=text, content_type="text/plain", charset="utf-8", headers=headers
        )
        if "download" in request.query:
            answer.headers["Content-Disposition"] = attachment(door.title, ".txt")
        return packed(answer)

    async def put_text(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`PUT /p/{pad}/text`: a text that was made of the revision in `If-Match`; what differs is
        merged. `name` in the query is what the history calls its author.
        """
        if not from_our_pages(request):
            return refusal(403, "foreign_page", "only our own pages write here", "stop")
        base = _ETAG.fullmatch(request.headers.get("If-Match", ""))
        if base is None:
            message = 'If-Match: "r1284" has to say which revision the text was made of'
            return refusal(428, "base_required", message, "stop")
        if base[2] not in (None, door.record.epoch):
            message = "the pad was restored from a backup: get its text, and merge yours into that"
            return refusal(409, "epoch_changed", message, "draft")
        try:
            text = (await request.read()).decode()
        except UnicodeDecodeError as error:
            return refusal(400, "bad_message", f"the text is not UTF-8: {error}", "stop")
        async with self._hub.open(door.record.name) as pad:
            assert pad is not None, "or it is GoneError"
            sent = sent_once(request.query.get("name", ""), text, pad=pad, base=int(base[1]))
            revision = await merge(self._hub, pad, sent, exact=True)
        answer = _json({"revision": revision})
        answer.headers["ETag"] = _etag(revision, door.record.epoch)
        return answer

    async def log(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`GET .../log`: the whole log as `deltapad export` writes it, as a file."""
        if not door.sees_history:
            return _no_history()
        async with self._hub.open(door.record.name) as pad:
            assert pad is not None, "or it is GoneError"
            answer = web.StreamResponse(
                headers={"Content-Disposition": attachment(door.title, ".jsonl")}
            )
            answer.content_type = "application/x-ndjson"
            answer.headers["Vary"] = "Accept-Encoding"
            answer.enable_compression()
            made = await self._hub.created_ms(door.record)
            await answer.prepare(request)
            if request.method == "HEAD":
                # A body would be taken for the next answer on this connection.
                return answer
            try:
                async for lines in _log_lines(pad, LogHeader(door.key, door.title, made)):
                    await answer.write(lines)
                await answer.write_eof()
            except StorageError:
                # Too late for another answer: a file that is cut off must not look whole.
                answer.force_close()
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionError:
                # Whoever asked has gone: no error of ours.
                pass
        return answer

    async def history(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`GET .../history?from=a&to=b`: the entries that lead from one revision to another."""
        if not door.sees_history:
            return _no_history()
        async with self._hub.open(door.record.name) as pad:
            assert pad is not None, "or it is GoneError"
            head = pad.document.committed
            start, end = _number(request, "from", 0), _number(request, "to", head)
            if start is None or end is None or not start <= end <= head:
                return _no_revision("from and to", head)
            entries, present = await _history(pad, start, end)
            end = start + len(entries)
            authors = await self._hub.authors(door.record)
            content = {
                "from": start,
                "to": end,
                "head": head,
                "epoch": door.record.epoch,
                "authors": {
                    session: {"person": author.person, "name": author.name, "color": author.color}
                    for session, author in authors.items()
                    if session in present
                },
                "entries": entries,
            }
        return packed(_json(content))

    async def versions(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`GET .../versions`: the revisions that have names."""
        if not door.sees_history:
            return _no_history()
        return packed(_json(await self._hub.versions(door.record)))

    async def name_version(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`POST /p/{pad}/versions`: give a revision a name; an empty one takes it away."""
        if not from_our_pages(request):
            return refusal(403, "foreign_page", "only our own pages name versions", "stop")
        try:
            wanted = self._decode_version(await request.read())
        except msgspec.DecodeError as error:
            return refusal(400, "bad_message", str(error), "stop")
        head, _ = await self._hub.newest(door.record)
        if not 1 <= wanted.revision <= head:
            return _no_revision("revision", head)
        async with self._naming:
            named = {version.revision for version in await self._hub.versions(door.record)}
            if len(named) >= VERSIONS_MAX and wanted.revision not in named:
                message = f"{VERSIONS_MAX} revisions of this pad have names; take one away first"
                return refusal(409, "too_many_versions", message, "stop")
            person = public_id("person", wanted.person)
            await self._hub.name_version(door.record, wanted.revision, wanted.name, person)
        return await self.versions(request, door)

    async def status(self, request: web.Request, door: Door) -> web.StreamResponse:
        """`GET .../status`: title, newest revision and its time, who is there. Opens no pad."""
        revision, changed_ms = await self._hub.newest(door.record)
        pad = self._hub.at_hand(door.record.name)
        people = [] if pad is None else pad.presence.everybody()
        return _json(
            {
                "title": door.title,
                "revision": revision,
                "changed_ms": changed_ms,
                "count": len(people),
                "people": [
                    {"name": person.name, "color": person.color}
                    for person in people[:STATUS_PEOPLE_MAX]
                ],
            }
        )


async def _history(pad: Pad, start: int, end: int) -> tuple[list[msgspec.Raw], set[str]]:
    """As many of the entries of a range as an answer holds, encoded, and whose they are."""
    entries: list[msgspec.Raw] = []
    sessions: set[str] = set()
    size = 0
    end = min(end, start + HISTORY_ENTRIES_MAX)
    while start < end:
        for entry in await pad.entries(start, min(end, start + PIECE_REVISIONS)):
            encoded = _encode((entry.session, entry.time_ms, entry.op))
            entries.append(msgspec.Raw(encoded))
            sessions.add(entry.session)
            start += 1
            size += len(encoded)
            if size > HISTORY_BYTES_MAX:
                return entries, sessions
        await asyncio.sleep(0)
    return entries, sessions


async def _log_lines(pad: Pad, header: LogHeader) -> AsyncIterator[bytes]:
    """The log in pieces, each made and sent before the next is read."""
    # write_log asks for one entry after the other; it is given those that have been read.
    ready: list[Entry] = []
    ended = False

    def entries() -> Any:
        while ready or not ended:
            yield ready.pop()

    head = pad.document.committed
    lines = write_log(header, entries())
    piece = [next(lines)]
    async for entries_read in pad.pieces(0, head):
        ready.extend(reversed(entries_read))
        while ready:
            piece.append(next(lines))
        yield b"".join(piece)
        piece.clear()
    ended = True
    piece.extend(lines)
    yield b"".join(piece)


def attachment(title: str, suffix: str) -> str:
    """A Content-Disposition that saves under the pad's title."""
    name = "".join(c for c in title if c.isalnum() or c in " ._-").strip() or "pad"
    plain = name.encode("ascii", "ignore").decode().strip() or "pad"
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(name + suffix)}"


def refusal(status: int, code: str, message: str, action: str) -> web.Response:
    """An answer that something cannot be had, and what to do."""
    answer = _json({"code": code, "message": message, "action": action}, status=status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _etag(revision: int, epoch: str) -> str:
    return f'"r{revision}-{epoch}"'


def _no_revision(what: str, head: int) -> web.Response:
    message = f"{what}: a revision from 0 to {head}, the newest"
    return refusal(400, "no_such_revision", message, "stop")


def _no_history() -> web.Response:
    return refusal(403, "no_history", "this link does not show the history", "stop")


def _number(request: web.Request, name: str, otherwise: int) -> int | None:
    """A revision in the query; None if it is no number."""
    text = request.query.get(name)
    if text is None:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _json(content: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=_encode(content),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
