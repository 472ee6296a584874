"""the pages of a pad: made by a form, read and written with or without a script"""

from __future__ import annotations

import asyncio
import re
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from ot.errors import GoneError, OperationError, ProtocolError, UnavailableError
from server.doors import PAD_ID, Door, from_our_pages, open_door
from server.forms import Sent, merge, sent_once
from server.html import Html, Message, deleted
from server.hub import Hub
from server.pad import Pad
from server.presence import TITLE_MAX, clean_name
from server.settings import Settings
from server.storage import StorageError
from server.textarea import shown

__all__ = ["PadPages"]

# Code points: as much text as a page carries for its first paint. A longer one comes by WebSocket,
# or by `?plain`.
PAGE_TEXT_MAX: Final = 200_000
# Addresses that are remembered for how many pads they have made lately, some 100 bytes each.
_MAKERS_MAX: Final = 10_000
# Long enough that a pad's address cannot be guessed: 8 characters of 62 (47 bits) behind a name of
# one's own choosing, 22 (131 bits) when there is no name.
_SUFFIX_LENGTH, _RANDOM_LENGTH = 8, 22
_ALPHABET = string.ascii_letters + string.digits

Form = Mapping[str, Any]


class PadPages:
    """What a browser asks for of a pad, and the forms that make one and write in one."""

    def __init__(
        self,
        hub: Hub,
        html: Html,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells when a pad was made, in seconds."""
        self._hub = hub
        self._html = html
        self._settings = settings
        self._clock = clock
        # Address -> pads that it may make at once, and as of when; the latest last.
        self._makers: OrderedDict[str, tuple[float, float]] = OrderedDict()
        # Held while it is looked whether there is room for a pad, and that pad is made.
        self._making = asyncio.Lock()

    def add_routes(self, app: web.Application) -> None:
        """Put the pages into an application."""
        app.add_routes(
            [
                web.post("/p", self.create),
                web.get("/p/{pad}", self.show),
                web.post("/p/{pad}", self.write),
                web.get("/v/{view_key}", self.show),
                web.post("/v/{view_key}", self.refuse),
            ]
        )

    async def create(self, request: web.Request) -> web.Response:
        """`POST /p`: make a pad and go to it. `id` asks for one exact address, `name` for a
        readable one; `text` is what it begins with, or that of the pad whose id or view-only key is
        `copy`.
        """
        form = await _form(request)
        wanted, title = str(form.get("id", "")), _title(str(form.get("name", "")))
        if wanted and not PAD_ID.fullmatch(wanted):
            raise Message(400, "badId")
        text, file_title = _first_text(form)
        title = title or file_title
        if "copy" in form:
            title, text = await self._copied(str(form["copy"]), request)
        if len(text) > self._settings.pad_length_max:
            raise Message(413, "tooLarge")
        self._count_pad(request, form)
        # Whoever tries again goes on with this very pad.
        name = wanted or _address(title)
        again = {"id": name, "name": title, "text": text, "author": str(form.get("author", ""))}
        try:
            # One after the other: each of many at once would find that there is room for it.
            async with self._making:
                if await self._hub.is_full() and not (wanted and await self._hub.find(wanted)):
                    raise Message(507, "noMorePads")
                if wanted:
                    # Who is late finds the pad made, which is as good; or deleted, which is told.
                    if not await self._hub.create(wanted, title or wanted):
                        await self._hub.find(wanted)
                else:
                    untitled = str(self._html.language(request).text("pad.untitled"))
                    while not await self._hub.create(name, title or untitled):
                        name = again["id"] = _address(title)
            if text:
                await self._begin(name, text, again["author"])
        except (StorageError, UnavailableError):
            raise Message(503, "disk", form=again) from None
        raise web.HTTPSeeOther(f"/p/{name}")

    async def show(self, request: web.Request) -> web.Response:
        """`GET /p/{pad}` and `GET /v/{view_key}`: with the text, unless it is very long; with
        `plain`, always.
        """
        door = await self._door(request)
        async with self._hub.open(door.record.name) as pad:
            assert pad is not None, "or it is GoneError"
            long = pad.document.length > PAGE_TEXT_MAX and "plain" not in request.query
            text = None if long else pad.shown_text()
            return self._html.page(
                request,
                "pad.html",
                pad={
                    "id": door.key,
                    "address": door.address,
                    "title": door.title,
                    "role": door.role,
                    "language": door.record.language,
                    "view_key": door.record.view_key,
                    "view_history": door.record.view_history,
                    "epoch": door.record.epoch,
                    "revision": pad.document.committed,
                    "text": text,
                    # Whether a script may take the text of the form for that of the pad.
                    "exact": text is not None and shown(text) == text,
                },
                session=secrets.token_urlsafe(22),
                person=secrets.token_urlsafe(22),
                plain="plain" in request.query,
            )

    async def write(self, request: web.Request) -> web.Response:
        """`POST /p/{pad}`: a whole text comes back, and what differs is merged."""
        form = await _form(request)
        text = str(form.get("text", ""))
        try:
            door = await self._door(request, kept=text)
            async with self._hub.open(door.record.name) as pad:
                assert pad is not None, "or it is GoneError"
                await self._merge(pad, form, text)
        except GoneError as error:
            raise deleted(error.time_ms, kept=text) from None
        except StorageError:
            raise Message(503, "disk", kept=text) from None
        plain = "?plain" if "plain" in request.query else ""
        raise web.HTTPSeeOther(f"{door.address}{plain}")

    async def refuse(self, request: web.Request) -> web.Response:
        """`POST /v/{view_key}`: whoever came by the view-only link cannot write."""
        door = await self._door(request)
        raise Message(403, "viewOnly", view_key=door.key)

    async def _merge(self, pad: Pad, form: Form, text: str) -> None:
        """Raises Message with the text in it, if it cannot be merged: nothing that was typed is
        lost.
        """
        base = str(form.get("base", ""))
        keys = [str(form.get(name, "")) for name in ("session", "person")]
        number = base.isascii() and base.isdigit() and len(base) < 16
        if (
            not number
            or str(form.get("epoch", "")) != pad.record.epoch
            or not all(re.fullmatch(r"[A-Za-z0-9_-]{22,64}", key) for key in keys)
            or int(base) > pad.document.committed
        ):
            raise Message(409, "noBase", kept=text)
        author = str(form.get("author", ""))
        sent = Sent(session=keys[0], person=keys[1], name=author, base=int(base), text=text)
        try:
            await merge(self._hub, pad, sent)
        except OperationError:
            raise Message(413, "full", kept=text) from None
        except ProtocolError:
            # The same form, filled in once more: what it says of the base is not so any more.
            raise Message(409, "sentBefore", kept=text) from None
        except UnavailableError:
            raise Message(503, "disk", kept=text) from None

    async def _begin(self, name: str, text: str, author: str) -> None:
        """Put the first text into a pad that has none."""
        async with self._hub.open(name) as pad:
            assert pad is not None, "it has just been made"
            if pad.document.committed == 0:
                await merge(self._hub, pad, sent_once(author, text, pad=pad), exact=True)

    async def _copied(self, key: str, request: web.Request) -> tuple[str, str]:
        """Title and text for a copy of a pad, found by either of its links."""
        record = await self._hub.find(key) or await self._hub.find_view(key)
        if record is None:
            raise Message(404, "noPage")
        async with self._hub.open(record.name) as pad:
            assert pad is not None, "or it is GoneError"
            t = self._html.language(request).text
            title = str(t("pad.copyOf", title=record.title_for_readers))
            return title, pad.document.text()

    async def _door(self, request: web.Request, *, kept: str | None = None) -> Door:
        """Raises Message if there is no such pad, with the text that was to be put into it: a
        backup from before the pad may have been restored.
        """
        door = await open_door(self._hub, request)
        if door is None:
            pad_id = request.match_info.get("pad", "")
            if PAD_ID.fullmatch(pad_id):
                raise Message(404, "noPad", pad_id=pad_id, kept=kept)
            raise Message(404, "noPage", kept=kept)
        return door

    def _count_pad(self, request: web.Request, form: Form) -> None:
        """Refuse whoever makes too many pads: a bucket that fills up by and by."""
        address, now = request.remote or "", self._clock()
        limit = self._settings.new_pads_per_minute
        if limit <= 0:
            return
        left, since = self._makers.pop(address, (float(limit), now))
        left = min(limit, left + (now - since) * limit / 60)
        if left < 1:
            self._makers[address] = left, now
            seconds = int((1 - left) * 60 / limit) + 1
            again = {name: value for name, value in form.items() if isinstance(value, str)}
            raise Message(429, "tooMany", retry_seconds=seconds, form=again)
        self._makers[address] = left - 1, now
        if len(self._makers) > _MAKERS_MAX:
            self._makers.popitem(last=False)


async def _form(request: web.Request) -> Form:
    """The fields of a form of ours."""
    if not from_our_pages(request):
        raise Message(403, "foreign")
    try:
        form = await request.post()
        for value in form.values():
            if isinstance(value, str):
                value.encode()
        return form
    except (ValueError, LookupError):
        # Not the encoding that it says, no such encoding, no parts where it says parts, or an
        # encoding that can say half of a surrogate pair.
        raise Message(400, "badRequest") from None


def _first_text(form: Form) -> tuple[str, str]:
    """What a new pad begins with, from a field or from a file, and a title from the file's name."""
    value, title = form.get("text", ""), ""
    if isinstance(value, web.FileField):
        try:
            text = value.file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Message(400, "notText") from None
        if "\0" in text:
            raise Message(400, "notText")
        title = _title(value.filename.rpartition(".")[0] or value.filename)
    else:
        text = str(value)
    return text.replace("\r\n", "\n"), title


def _title(name: str) -> str:
    return clean_name(name, length_max=TITLE_MAX, otherwise="")


def _address(title: str) -> str:
    """A readable, unguessable address: the link is the key."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    length = _SUFFIX_LENGTH if words else _RANDOM_LENGTH
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(length))
    return f"{words}-{suffix}" if words else suffix
