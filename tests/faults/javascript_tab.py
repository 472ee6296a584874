"""the browser's own session, without a browser: in Node, on real sockets"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ot.operation import Operation
from server.simulation.javascript import find_node
from tests.conftest import REPO

__all__ = ["JavaScriptTab", "javascript_tab"]


class JavaScriptTab:
    """What `client_js/test/tab.mjs` has told last, and how to tell it something."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        # Phase, revision, unsent, draft, desyncs, roundTripMs, sockets, text.
        self.state: dict[str, Any] = {}
        self._process = process
        self._changed = asyncio.Condition()

    def edit(self, op: Operation) -> None:
        """Somebody types."""
        self._tell({"do": "edit", "op": op})

    def wake(self) -> None:
        """The page is looked at, or the system is online again."""
        self._tell({"do": "wake"})

    async def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 20) -> None:
        """Wait until its state is so."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: bool(self.state) and condition(self.state))

    async def follow(self) -> None:
        """Take in what it says, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            async with self._changed:
                self.state = json.loads(line)
                self._changed.notify_all()

    def _tell(self, step: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(step).encode() + b"\n")


@asynccontextmanager
async def javascript_tab(url: str, pad: str) -> AsyncIterator[JavaScriptTab]:
    """Open a tab; `url` is the server's, or that of a proxy in front of it."""
    process = await asyncio.create_subprocess_exec(
        *(find_node(), str(REPO / "client_js/test/tab.mjs")),
        f"{url.replace('http', 'ws', 1)}/ws/{pad}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=4_000_000,
    )
    tab = JavaScriptTab(process)
    following = asyncio.create_task(tab.follow())
    try:
        yield tab
    finally:
        # It ends when there is nobody to tell it anything.
        assert process.stdin is not None
        process.stdin.close()
        await following
        await process.wait()
