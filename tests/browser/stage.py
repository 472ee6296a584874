"""a server, the people in its pads, and the browser pages that look at them: what scenes need"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import aiohttp
from playwright.async_api import Page, expect

from client_py import PadClient
from server.folder import DataFolder
from tests.browser.conftest import Problems
from tests.browser.written_log import DAY, MINUTE, WrittenLog
from tests.conftest import ServerProcess

__all__ = ["CODE", "LOOKS", "PEOPLE", "RELEASE", "Look", "Stage", "delete_beside"]

HOUR = 60 * MINUTE

OpenPage = Callable[..., Awaitable[Page]]
# Everybody in the pictures: name and colour.
SAM = {"name": "Sam", "color": 10}
PEOPLE = [("Ada", 1), ("Lin", 2), ("Noor", 3), ("Guest 4821", 5)]

RELEASE = """# Autumn release

We ship on **Thursday 9 October**. This pad is the one list of what is left: if it is not \
here, it is not happening.

## What readers will notice

- Pages open in under a second, even on a slow phone
- Search forgives spelling mistakes and finds headings first
- The dark theme follows the system, with no flash on load

## Before we ship

- [x] Freeze the strings and send them to the translators
- [x] Rehearse the rollback, twice
- [ ] Load test with 500 writers in one pad
- [ ] Write the release note

> If the rollback takes longer than ten minutes, we stop. Nobody ships tired.

## Release note, first draft

Version 2.4 is about **speed you can feel**. We measured every page on the phones our readers \
own, and then removed what they were waiting for. `deltapad export` now writes Markdown as \
well as plain text.
""" + "".join(f"\nNote {n}: to be read once more before we ship.\n" for n in range(1, 21))

# What the log of that text looks like: revisions, over three days, and who wrote which part.
REVISIONS = 1284
PARTS = [
    ("# Autumn release", "Lin"),
    ("## What readers", "Ada"),
    ("- The dark theme", "Noor"),
    ("## Before we ship", "Lin"),
    ("- [x] Rehearse", "Guest 4821"),
    ("- [ ] Write the", "Ada"),
    ("## Release note", "Lin"),
    ("Note 1:", "Noor"),
]

CODE = '''from dataclasses import dataclass
from itertools import pairwise

# An operation is a run of retains, inserts and deletes over
# the whole text; two of them made at the same revision must meet.

@dataclass(slots=True)
class Op:
    base: int
    parts: list[int | str]

    def span(self) -> int:
        """Characters of the old text this operation reads."""
        return sum(abs(p) for p in self.parts if isinstance(p, int))


def transform(a: Op, b: Op, first: str = "a") -> tuple[Op, Op]:
    """Return (a2, b2) so that a then b2 equals b then a2."""
    if a.base != b.base:
        raise ValueError(f"bases differ: {a.base} and {b.base}")
    left, right = Cursor(a.parts), Cursor(b.parts)
    out_a, out_b = Builder(), Builder()
    while left or right:
        if left.inserts and (first == "a" or not right.inserts):
            text = left.take()
            out_a.insert(text)
            out_b.retain(len(text))
            continue
        if right.inserts:
            text = right.take()
            out_b.insert(text)
            out_a.retain(len(text))
            continue
        # Both sides now keep or remove the same stretch of old text.
        step = min(left.size, right.size)
'''


@dataclass(frozen=True)
class Look:
    """A screen: its size, its theme, whether it is a phone's."""

    name: str
    width: int
    height: int
    scheme: str
    phone: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """For a browser profile."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": self.scheme,
            "has_touch": self.phone,
            "is_mobile": self.phone,
            "device_scale_factor": 2 if self.phone else 1,
            "locale": "en-GB",
            "timezone_id": "Europe/Lisbon",
            "reduced_motion": "reduce",
        }


LOOKS = [
    Look("light", 1440, 900, "light"),
    Look("dark", 1440, 900, "dark"),
    Look("phone", 390, 844, "light", phone=True),
    Look("phone-dark", 390, 844, "dark", phone=True),
]


class Visitor:
    """Somebody who is only looked at: a name, a colour, a caret."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str, color: int) -> None:
        self._socket = socket
        self._name = name
        self._color = color
        self.text = ""
        self._revision = 0

    async def enter(self) -> None:
        await self._socket.send_json(
            {
                "type": "hello",
                "session": secrets.token_urlsafe(22),
                "person": secrets.token_urlsafe(22),
                "name": self._name,
                "color": self._color,
                "epoch": None,
                "revision": None,
            }
        )
        welcome = json.loads((await self._socket.receive()).data)
        self.text, self._revision = welcome["text"], welcome["revision"]

    async def point(self, after: str, *, select: str = "") -> None:
        """Put the caret behind `after`, or select `select` there."""
        head = self.text.index(after) + len(after)
        await self._socket.send_json(
            {
                "type": "presence",
                "revision": self._revision,
                "name": self._name,
                "color": self._color,
                "selections": [[head, head + len(select)]],
            }
        )


class Stage:
    """One server, the people in its pads, and the browser pages that look at them."""

    def __init__(self, serve: ServerProcess, open_page: OpenPage, problems: Problems) -> None:
        self.serve = serve
        self.problems = problems
        self._open_page = open_page
        self._stack = AsyncExitStack()
        self.look = LOOKS[0]

    async def __aenter__(self) -> Stage:
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def at_the_end(self, work: Callable[[], object]) -> None:
        """Do this before everybody leaves."""
        self._stack.callback(work)

    async def pad(self, title: str, text: str) -> str:
        """Make a pad with that text; return its id."""
        async with self._http.post(
            f"{self.serve.url}/p", data={"name": title}, allow_redirects=False
        ) as answer:
            name = answer.headers["Location"].rpartition("/")[2]
        if text:
            async with PadClient(self.serve.url, name, name="Ada") as client:
                client.insert(0, text)
                await client.synchronised()
        return name

    async def visitor(self, pad: str, name: str, color: int) -> Visitor:
        """Somebody comes into a pad, and stays until the scene is over."""
        socket = await self._stack.enter_async_context(
            self._http.ws_connect(
                f"{self.serve.url}/ws/{pad}", protocols=["deltapad.1"], max_msg_size=0
            )
        )
        visitor = Visitor(socket, name, color)
        await visitor.enter()
        return visitor

    async def open(self, path: str, *, wait: str | None = "Saved") -> Page:
        """Open a page as Sam, and wait until the pad says `wait`."""
        page = await self._open_page("about:blank", **self.look.options)
        await page.add_init_script(
            f"localStorage.setItem('deltapad.name', {json.dumps(SAM['name'])});"
            f"localStorage.setItem('deltapad.color', {json.dumps(str(SAM['color']))});"
        )
        self.problems.allow_origin(self.serve.url)
        await page.goto(self.serve.url + path)
        if wait is not None:
            await expect(page.locator("#state")).to_contain_text(wait)
        return page

    async def grown(self) -> str:
        """The pad "Autumn release" with a log of its own: 1284 revisions by four people."""
        log = _release_log()
        pad = "autumn-release-k7Qm2x"
        self.serve.stop()
        log.put_into(self.serve.data, pad, "Autumn release")
        self.serve.start()
        assert log.revision == REVISIONS
        return pad

    async def released(self, *, wait: str = "Saved", path: str = "") -> Page:
        """The pad of most pictures: five people in "Autumn release"."""
        pad = await self.grown()
        ada, lin, noor, guest = [await self.visitor(pad, *who) for who in PEOPLE]
        page = await self.open(path or f"/p/{pad}", wait=wait)
        await expect(page.locator("#avatars .avatar").nth(1)).to_be_visible()
        if not self.look.phone and not path:
            await page.locator(".cm-line", has_text="Load test with").click()
            await page.keyboard.press("End")
        await guest.point("follows the system")
        await noor.point("Note 18")
        await lin.point("is about **", select="speed you can feel")
        await ada.point("a slow phone")
        await asyncio.sleep(0.3)  # carets are drawn in the next frames
        return page

    async def view_key(self, pad: str) -> str:
        """The key of a pad's view-only link."""
        async with self._http.get(f"{self.serve.url}/p/{pad}") as answer:
            page = await answer.text()
        return page.partition('data-view-key="')[2].partition('"')[0]


async def delete_beside(server: ServerProcess, pad: str) -> None:
    """Delete a pad of a server, which is stopped for that if it runs."""

    def work() -> None:
        if server.running:
            server.stop()
        with DataFolder(server.data, write=True) as folder:
            assert folder.delete(pad, time_ms=time.time_ns() // 1_000_000) is not None
        server.start()

    await asyncio.to_thread(work)


def _release_log() -> WrittenLog:
    """The release typed in order, part by part, on three days; one word comes and goes."""
    now = time.time_ns() // 1_000_000
    colors = dict(PEOPLE)
    parts = [(RELEASE.index(start), name) for start, name in PARTS]
    log = WrittenLog(now)
    cuts = [n * len(RELEASE) // (REVISIONS - 2) for n in range(REVISIONS - 1)]
    for at, end in pairwise(cuts):
        name = [who for start, who in parts if start <= at][-1]
        # Two days ago, yesterday in two sittings, and an hour ago.
        sitting = sum(log.revision >= start for start in (460, 816, 1100))
        ago = [2 * DAY, DAY + 5 * HOUR, DAY, HOUR][sitting]
        log.now_ms = now - ago + log.revision * 2_000
        if log.revision == 840:
            log.edit("Ada", [at, "usually "], color=colors["Ada"])
            log.edit("Ada", [at, -8], color=colors["Ada"])
        text = RELEASE[at:end]
        log.edit(name, [at, text] if at else [text], color=colors[name])
    return log
