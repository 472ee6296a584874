"""which pad an address leads to, and what may be done there: by the edit link, by the view-only one

/p/{pad}        whoever has this link reads and writes
/v/{view_key}   whoever has this one reads; nothing there names the pad
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web

from ot.messages import Role
from server.hub import Hub
from server.storage import PadRecord

__all__ = ["PAD_ID", "PAD_ID_RULE", "Door", "from_our_pages", "open_door"]

PAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
PAD_ID_RULE = "it has 1 to 64 letters of a to z and A to Z, digits, - and _"


@dataclass(frozen=True, slots=True)
class Door:
    """A pad as somebody comes to it."""

    record: PadRecord
    role: Role

    @property
    def key(self) -> str:
        """What the link of this door ends with."""
        return self.record.name if self.role == "write" else self.record.view_key

    @property
    def address(self) -> str:
        """The path of the pad's page."""
        return f"/{'p' if self.role == 'write' else 'v'}/{self.key}"

    @property
    def title(self) -> str:
        return self.record.title if self.role == "write" else self.record.title_for_readers

    @property
    def sees_history(self) -> bool:
        return self.role == "write" or self.record.view_history


async def open_door(hub: Hub, request: web.Request) -> Door | None:
    """The pad that a request's address names; None if there is none. Raises StorageError."""
    view_key = request.match_info.get("view_key")
    name = request.match_info.get("pad", "") if view_key is None else view_key
    if not PAD_ID.fullmatch(name):
        return None
    record = await (hub.find(name) if view_key is None else hub.find_view(name))
    return None if record is None else Door(record, "write" if view_key is None else "read")


def from_our_pages(request: web.Request) -> bool:
    """Whether a request comes from a page of ours or from a program, as far as the browser says:
    no other page may write in a visitor's name.
    """
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
