"""deleting a pad by HTTP, for whoever runs the server

It is answered when it is durable, and everybody in the pad has been told then. From that moment on
each address of the pad says 410, in every form in which it is asked.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, TypedDict

from aiohttp import web

from ot.errors import DeltapadError, GoneError
from server.admin import ADMIN
from server.data import refusal
from server.divergence import forget_bundles
from server.doors import open_door
from server.hub import Hub
from server.storage import StorageError

__all__ = ["Removal", "Removed"]

# 200,000 revisions take some 1.2 seconds. After this, whoever asked is told that it is not known.
DELETE_SECONDS_MAX: Final = 60.0


class Removed(TypedDict):
    """What a pad had in it when it was deleted."""

    revision: int
    length: int
    people: int


class Removal:
    """`DELETE /p/{pad}`."""

    def __init__(self, hub: Hub, bundles: Path) -> None:
        """`bundles` is the folder of the replay bundles, which hold texts too."""
        self._hub = hub
        self._bundles = bundles
        self._tasks: set[asyncio.Task[Removed]] = set()

    def add_routes(self, app: web.Application) -> None:
        """Put it into an application."""
        app.router.add_delete("/p/{pad}", self.delete)

    async def delete(self, request: web.Request) -> web.Response:
        """`DELETE /p/{pad}`: all of it but a tombstone."""
        if not request.app[ADMIN].authorized(request):
            message = "deleting takes the admin token of this server"
            answer = refusal(401, "not_authorized", message, "stop")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        try:
            door = await open_door(self._hub, request)
            if door is None:
                return refusal(404, "no_such_pad", "there is no such pad", "stop")
            # It goes on when whoever asked has gone: what is begun is not left half told.
            task = asyncio.create_task(self._delete(door.record.name))
            self._tasks.add(task)
            task.add_done_callback(self._done)
            async with asyncio.timeout(DELETE_SECONDS_MAX):
                removed = await asyncio.shield(task)
        except GoneError as error:
            return refusal(410, error.code, error.message, error.action)
        except (StorageError, DeltapadError):
            return refusal(503, "storage_failed", "the disk does not take it now", "reconnect")
        except TimeoutError:
            message = "the disk does not answer; the pad may be deleted later, so ask again"
            return refusal(503, "storage_failed", message, "reconnect")
        return web.json_response(removed)

    async def _delete(self, name: str) -> Removed:
        self._hub.health.refuse_unless_ok()
        async with self._hub.open(name) as pad:
            assert pad is not None, "or it is GoneError"
            people = len(pad.presence.everybody())
            # First: should the process die after the deletion, nobody would look for them.
            await asyncio.to_thread(forget_bundles, self._bundles, pad.record.key)
            await self._hub.delete(pad)
            # The document has what was typed and refused as well; what was durable was the pad.
            revision = pad.document.committed
            length = len(await pad.text_at(revision))
        # And what was written meanwhile.
        await asyncio.to_thread(forget_bundles, self._bundles, pad.record.key)
        return Removed(revision=revision, length=length, people=people)

    def _done(self, task: asyncio.Task[Removed]) -> None:
        self._tasks.discard(task)
        # Whoever asked has heard of it, or has gone.
        if not task.cancelled():
            task.exception()
