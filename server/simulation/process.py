"""one server process: the real hub and conversations, which can be killed at any moment

What belongs to a process is found by its context: every task that it starts, and every task that
those start. To kill it, its disk and its lines become void first, and then its tasks are cancelled:
whatever their `finally` still does reaches nobody.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from server.conversation import Conversations
from server.hub import Hub
from server.pad import Pad
from server.settings import Settings
from server.simulation.disk import Disk, DiskStore
from server.simulation.loop import VirtualLoop
from server.simulation.network import LOST, OPENED, Connection, Goodbye, ServerWire
from server.storage import StorageError

__all__ = ["Process", "own_tasks"]

_process: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


class Process:
    """A server, from its start to its end."""

    def __init__(
        self,
        loop: VirtualLoop,
        disk: Disk,
        settings: Settings,
        *,
        on_send: Callable[[Connection, bytes, Pad], None],
        on_bug: Callable[[], None],
    ) -> None:
        self.alive = True
        self.stopping = False
        self.hub = Hub(DiskStore(disk), settings, stop_process=on_bug, clock=loop.time)
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._loop = loop
        self._settings = settings
        self._on_send = on_send
        self._conversations = Conversations(
            self.hub, settings, now_ms=lambda: loop.now_ns // 1_000_000
        )
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
            async with self.hub.open(connection.pad) as pad:
                assert pad is not None
                if connection.endpoint is not None:
                    await self._converse(connection, pad)
        except StorageError:
            # The upgrade is answered 503.
            pass
        finally:
            connection.down.send(Goodbye(LOST))

    async def _converse(self, connection: Connection, pad: Pad) -> None:
        wire = ServerWire(
            connection,
            silence_seconds=2 * self._settings.heartbeat_seconds,
            on_send=lambda connection, frame: self._on_send(connection, frame, pad),
        )
        self._wires[wire] = None
        try:
            connection.down.send(OPENED)
            await self._conversations.talk(wire, pad)
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
