"""many clients in a process of their own, who type while there is no server and come back

    python -m tests.faults.crowd http://127.0.0.1:8080 NAME COUNT PADS

It says `ready`. At each line `type` every client types its name; when all of that is saved, after a
new connection, it says for each client when it has ever tried again, when it was welcomed, and when
its edit was saved. What it says is JSON; times are of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any

from client_py import PadClient

# Clients that connect at the same time when all begins, which is not what is measured.
_AT_ONCE = 50


class Watched(random.Random):
    """Chance, and a record of when a client is going to try again."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.tries: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        wait = super().uniform(a, b)
        self.tries.append(time.monotonic() + wait)
        return wait


class Member:
    """One client."""

    def __init__(self, url: str, name: str, number: int, pads: int) -> None:
        self.name = f"{name}-{number}"
        self._rng = Watched(self.name)
        self.client = PadClient(url, f"pad-{number % pads}", name=self.name, rng=self._rng)

    async def type(self) -> dict[str, Any]:
        """Type its name; when it tried, was welcomed, and was saved."""
        connections = self.client.connections
        self.client.insert(0, f"<{self.name}>")
        saved = asyncio.create_task(self.client.synchronised())
        async with self.client._changed:
            await self.client._changed.wait_for(lambda: self.client.connections > connections)
        welcomed = time.monotonic()
        await saved
        return {"tries": self._rng.tries, "welcomed": welcomed, "saved": time.monotonic()}


async def main(url: str, name: str, count: int, pads: int) -> None:
    """Connect all, then do as is said."""
    members = [Member(url, name, number, pads) for number in range(count)]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def enter(member: Member) -> None:
        async with gate:
            await member.client.__aenter__()

    await asyncio.gather(*map(enter, members))
    print(json.dumps("ready"), flush=True)  # noqa: T201
    while (await asyncio.to_thread(sys.stdin.readline)).strip() == "type":
        told = await asyncio.gather(*(member.type() for member in members))
        print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
