"""one server process: the real hub and conversations, which can be killed at any moment

What belongs to a process is found by its context: every task that it starts, and every task that
those start. To kill it, its disk and its lines become void first, and then its tasks are cancelled:
whatever their `finally` still does reaches nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from server.connection import close
from server.conversation import Conversations
from server.divergence import Divergence
from server.hub import Hub
from server.pad import Pad, link_replaced
from server.settings import Settings
from server.simulation.clock import WallClock
from server.simulation.disk import Disk, DiskStore
from server.simulation.loop import VirtualLoop
from server.simulation.network import LOST, OPENED, Connection, Goodbye, ServerWire
from server.storage import StorageError

__all__ = ["Process", "bugs_reported", "own_tasks"]

_process: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


class Process:
    """A server, from its start to its end."""

    def __init__(
        self,
        loop: VirtualLoop,
        disk: Disk,
        settings: Settings,
        clock: WallClock,
        *,
        on_send: Callable[[Connection, bytes, Pad | None], None],
        on_stop: Callable[[int], object],
    ) -> None:
        self.alive = True
        self.stopping = False
        self.hub = Hub(DiskStore(disk), settings, stop_process=on_stop, clock=loop.time)
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._loop = loop
        self._settings = settings
        self._on_send = on_send
        divergence = Divergence(self.hub.counters, None, package="simulated")
        self._conversations = Conversations(self.hub, settings, divergence, now_ms=clock.now_ms)
        self._wires: dict[ServerWire, None] = {}
        self._context = contextvars.copy_context()
        self._context.run(_process.set, self)
        self._context.run(self.hub.start)

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something in this process."""
        return self._loop.create_task(work, context=self._context)

    def accept(self, connection: Connection) -> bool:
        """Somebody calls; False if nobody is here to answer."""
        if not self.alive or self.stopping:
            return False
        self.run(self._serve(connection))
        return True

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if not self.alive:
            return
        self.alive = False
        self.hub._store.closed = True  # type: ignore[attr-defined] # it is a DiskStore
        for wire in self._wires:
            wire.end()
        for task in list(self.tasks):
            task.cancel()

    async def stop(self) -> bool:
        """Ask it to end, as SIGTERM does; False if it was killed before it could."""
        self.stopping = True
        await self.hub.close()
        ended = self.alive
        self.kill()
        return ended

    async def _serve(self, connection: Connection) -> None:
        """What `server.websocket` does around a conversation."""
        try:
            key = connection.view_key
            if key is not None and await self.hub.find_view(key) is None:
                await self._turn_away(connection)
                return
            async with self.hub.open(connection.pad) as pad:
                assert pad is not None
                if connection.endpoint is not None:
                    await self._converse(connection, pad)
        except StorageError:
            # The upgrade is answered 503.
            pass
        finally:
            connection.down.send(Goodbye(LOST))

    async def _turn_away(self, connection: Connection) -> None:
        """Their link leads nowhere: let them in for one frame, which says so."""
        wire = self._wire(connection, None)
        try:
            connection.down.send(OPENED)
            await close(wire, link_replaced())
        finally:
            wire.end()
            del self._wires[wire]

    def _wire(self, connection: Connection, pad: Pad | None) -> ServerWire:
        wire = ServerWire(
            connection,
            silence_seconds=2 * self._settings.heartbeat_seconds,
            on_send=lambda connection, frame: self._on_send(connection, frame, pad),
        )
        self._wires[wire] = None
        return wire

    async def _converse(self, connection: Connection, pad: Pad) -> None:
        wire = self._wire(connection, pad)
        try:
            connection.down.send(OPENED)
            view_key = connection.view_key
            if view_key is None and connection.role == "read":
                view_key = pad.record.view_key
            await self._conversations.talk(wire, pad, view_key=view_key)
        finally:
            wire.end()
            del self._wires[wire]


def own_tasks(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """A task factory by which each process knows its tasks, in the order in which they began."""
    task = asyncio.Task(work, loop=loop, **options)
    context = options.get("context")
    process = _process.get(None) if context is None else context.get(_process)
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
    return task


@contextlib.contextmanager
def bugs_reported(report: Any) -> Iterator[None]:
    """What the server logs goes to `report`, and nowhere else."""
    handler = logging.Handler()
    handler.emit = report  # type: ignore[method-assign]
    logger = logging.getLogger("deltapad")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
