"""a server under load that is killed, stopped and halted, with a ledger outside"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Final

from tests.conftest import ServerProcess
from tests.faults.ledger import Broken, Ledger, Looked
from tests.wire import create_pad

__all__ = ["Figures", "halt", "kill", "stop"]

PADS: Final = ["one", "two", "three"]
WRITERS: Final = 8
# What a server that is told to end may take, in seconds: the promise of the deployment guide.
STOP_SECONDS_MAX: Final = 10.0
# A start takes half a second or so: anywhere in it.
_START_SECONDS: Final = 0.6


@dataclass(slots=True)
class Figures:
    """What has been done, and seen."""

    strikes: int = 0
    entries: int = 0
    acknowledged: int = 0
    shown: int = 0
    # Operations that were under way at a strike: in the log, but nobody had been told; and not.
    untold: int = 0
    unwritten: int = 0
    stop_seconds_max: float = 0.0
    # Codes of what the server has told clients when it sent them away.
    errors: set[str] = field(default_factory=set)

    def add(self, looked: Looked) -> None:
        """After a strike."""
        self.strikes += 1
        self.untold += looked.untold
        self.unwritten += looked.unwritten

    def add_round(self, other: Figures) -> None:
        """All that another server has been through."""
        self.strikes += other.strikes
        self.entries += other.entries
        self.acknowledged += other.acknowledged
        self.shown += other.shown
        self.untold += other.untold
        self.unwritten += other.unwritten
        self.stop_seconds_max = max(self.stop_seconds_max, other.stop_seconds_max)
        self.errors |= other.errors

    def end(self, looked: Looked, ledger: Ledger) -> None:
        """After the last one."""
        self.entries = looked.entries
        self.acknowledged, self.shown = ledger.acknowledged, ledger.shown
        self.errors = ledger.errors


async def kill(server: ServerProcess, seed: int, times: int) -> Figures:
    """SIGKILL it so many times, at any moment: under load, as soon as it is ready, and while it
    starts. Raises Broken.
    """
    figures, ledger, chance = Figures(), Ledger(seed), random.Random(seed)
    await _make_pads(server)
    async with ledger.writing(server.url, PADS, writers=WRITERS):
        while figures.strikes < times:
            if chance.random() < 0.7:
                await ledger.more_acknowledged(WRITERS)
                await asyncio.sleep(chance.uniform(0, 0.15))
            await asyncio.to_thread(server.kill)
            figures.add(ledger.look(server.data))
            if figures.strikes < times and chance.random() < 0.2:
                server.launch()
                await asyncio.sleep(chance.uniform(0, _START_SECONDS))
                await asyncio.to_thread(server.kill)
                figures.add(ledger.look(server.data))
            await asyncio.to_thread(server.start)
    figures.end(ledger.finish(server.data), ledger)
    return figures


async def stop(server: ServerProcess, seed: int, times: int) -> Figures:
    """SIGTERM it so many times under load: it ends in time, with 0. Raises Broken."""
    figures, ledger, chance = Figures(), Ledger(seed), random.Random(seed)
    await _make_pads(server)
    async with ledger.writing(server.url, PADS, writers=WRITERS):
        while figures.strikes < times:
            await ledger.more_acknowledged(WRITERS)
            await asyncio.sleep(chance.uniform(0, 0.15))
            begun = time.monotonic()
            code = await asyncio.to_thread(server.stop)
            seconds = time.monotonic() - begun
            if code != 0 or seconds > STOP_SECONDS_MAX:
                raise Broken(f"it ended with {code} after {seconds:.1f} s")
            figures.stop_seconds_max = max(figures.stop_seconds_max, seconds)
            figures.add(ledger.look(server.data))
            await asyncio.to_thread(server.start)
    figures.end(ledger.finish(server.data), ledger)
    return figures


async def halt(server: ServerProcess, seed: int, seconds: list[float]) -> Figures:
    """SIGSTOP it under load for so long each, then let it go on: nobody is there twice afterwards.
    Raises Broken.
    """
    figures, ledger = Figures(), Ledger(seed)
    await _make_pads(server)
    async with ledger.writing(server.url, PADS, writers=WRITERS):
        for pause in seconds:
            await ledger.more_acknowledged(WRITERS)
            os.kill(server.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(pause)
            finally:
                os.kill(server.pid, signal.SIGCONT)
            figures.strikes += 1
            await ledger.more_acknowledged(WRITERS)
        await _nobody_twice(ledger)
    figures.end(ledger.finish(server.data), ledger)
    return figures


async def _nobody_twice(ledger: Ledger) -> None:
    """Everybody sees everybody, once: the connections that were given up are gone."""
    async with asyncio.timeout(60):
        for name, client in ledger.clients:
            here = {other.session for of, other in ledger.clients if of == name}
            while set(client.people) != here:
                await asyncio.sleep(0.02)


async def _make_pads(server: ServerProcess) -> None:
    for pad in PADS:
        await create_pad(server.url, pad)
