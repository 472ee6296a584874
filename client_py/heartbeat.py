"""keeps a connection alive with pings, and gives it up when it is dead"""

from __future__ import annotations

import asyncio

import aiohttp

from client_py.patience import Patience
from ot.messages import Ping, encode

__all__ = ["abort", "beat", "cut_if_failed", "end", "watch"]


async def beat(socket: aiohttp.ClientWebSocketResponse, patience: Patience) -> None:
    """Send a ping whenever one is due, also while a welcome is on its way that takes long."""
    now = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(patience.until_ping(now()))
        await socket.send_str(encode(Ping(n=patience.ask(now()))).decode())


async def watch(socket: aiohttp.ClientWebSocketResponse, patience: Patience) -> None:
    """Cut the connection when it is dead, whatever else waits for it: `beat` may wait for a peer
    that reads nothing any more.
    """
    now = asyncio.get_running_loop().time
    left = patience.left(now())
    while left > 0:
        await asyncio.sleep(left)
        left = patience.left(now())
    patience.give_up()
    abort(socket)


def abort(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Cut it, without a goodbye."""
    connection = socket._response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def cut_if_failed(socket: aiohttp.ClientWebSocketResponse, task: asyncio.Task[None]) -> None:
    """Without this task the connection is of no use: end it, so that somebody hears why."""
    if not task.cancelled() and task.exception() is not None:
        abort(socket)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel them, and wait for their end. Should we be cancelled meanwhile, that is not taken for
    their cancellation.
    """
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ConnectionError):
            raise error
