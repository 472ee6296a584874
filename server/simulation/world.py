"""one world: a server on its disk, tabs on their lines, and the time between them

A run goes: open the tabs, let people type and things break, heal everything when four fifths of the
time are over, wait until all is quiet, and check what is left. The first invariant that does not
hold ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from ot.traces import LogHeader, write_log
from server.pad import Pad
from server.settings import Settings
from server.simulation.backups import Backups
from server.simulation.chance import Chance
from server.simulation.checks import Checks
from server.simulation.clock import WallClock
from server.simulation.disk import AtOnce, Disk
from server.simulation.loop import Deadlock, Livelock, VirtualLoop
from server.simulation.nemesis import Nemesis
from server.simulation.network import Connection, Network
from server.simulation.observer import Copy
from server.simulation.process import Process, bugs_reported, own_tasks
from server.simulation.record import Record
from server.simulation.scenario import CLONES_MAX, Action, Scenario
from server.simulation.tab import Tab
from server.simulation.typist import Alphabet, edit
from server.sqlite import SQLiteStore

__all__ = ["Outcome", "Violation", "World"]

# Seconds after the last news of the log by which all has to be quiet.
_QUIET_SECONDS = 60.0
_LOOK_SECONDS = 0.25
# After these, somebody starts a server again that has ended itself.
_SUPERVISOR_SECONDS = 1.0


class Violation(Struct, frozen=True):
    """An invariant that did not hold."""

    invariant: str
    message: str
    at_ms: int


class Outcome(Struct, frozen=True):
    """What came of a run."""

    seed: int
    violation: Violation | None
    # Equal for any two runs of one scenario.
    trace: str
    hits: dict[str, dict[str, int]]
    counts: dict[str, int]
    simulated_ms: int


class World:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, *, steps: bool = False) -> None:
        """With `steps`, `record.steps()` has what was done to every client machine."""
        self.scenario = scenario
        self.loop = VirtualLoop()
        self.loop.set_task_factory(own_tasks)  # type: ignore[arg-type] # its stub asks for less
        self.loop.set_exception_handler(self._on_exception)
        self.record = Record(steps=steps)
        self.violation: Violation | None = None
        self.tabs: dict[int, Tab] = {}
        self.network = Network(self.loop, scenario.seed, scenario.delay_ms)
        self.checks = Checks(self._fail, self.record, lambda: self.loop.now_ns)
        self.disk: Disk
        self.backups: Backups
        # The time of day on the server's machine, which outlives its processes.
        self.clock = WallClock(self.loop)
        self.settings = Settings(**scenario.settings)  # type: ignore[arg-type] # numbers all
        self._process: Process
        self._started = asyncio.Event()
        self._nemesis = Nemesis(self)
        self._alphabet = Alphabet()
        # What each tab typed last, which undo takes back.
        self._typed: dict[int, str] = {}
        self._failed: asyncio.Future[None] = self.loop.create_future()

    def run(self) -> Outcome:
        """Run it to its end."""
        with bugs_reported(self._on_log), contextlib.ExitStack() as stack:
            beneath = folder = None
            if self.scenario.sqlite:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                beneath = SQLiteStore(folder, worker=AtOnce)
            self.disk = Disk(
                self.loop, self.scenario.seed, self.scenario.disk_ms, self.checks, beneath
            )
            self.backups = Backups(self.disk, self.checks, folder)
            try:
                self.loop.run_until_complete(self._first_of_both())
            except (Deadlock, Livelock) as error:
                self._fail("Q6", str(error))
            finally:
                self._clear()
                if self.disk.beneath is not None:
                    self.loop.run_until_complete(self.disk.beneath.close())
                self.loop.close()
        hits: dict[str, dict[str, int]] = {}
        for (fault, state), count in sorted(self.record.hits.items()):
            hits.setdefault(fault, {})[state] = count
        return Outcome(
            seed=self.scenario.seed,
            violation=self.violation,
            trace=self.record.trace,
            hits=hits,
            counts=dict(sorted(self.record.counts.items())),
            simulated_ms=self.loop.now_ns // 1_000_000,
        )

    def logs(self) -> dict[str, list[bytes]]:
        """The durable log of each pad as the lines of a log export."""
        return {
            pad.record.name: list(
                write_log(LogHeader(pad.record.name, pad.record.title, 0), pad.entries())
            )
            for pad in self.disk.pads.values()
        }

    # --- What the nemesis does -----------------------------------------------------------------

    def kill(self, seconds: float) -> bool:
        """The server dies; it is started again after a while."""
        if not self._process.alive:
            return False
        self._process.kill()
        self._started.clear()
        self.loop.call_later(seconds, self._start_process)
        return True

    def restart(
        self,
        seconds: float,
        *,
        dies: bool = False,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """The server is asked to stop, or `dies`; it is started again after a while, in which
        `meanwhile` is done.
        """
        process = self._process
        if not process.alive or process.stopping:
            return False
        self._started.clear()
        if dies:
            process.kill()

        async def stop() -> None:
            if dies or await process.stop():
                if meanwhile is not None:
                    await meanwhile()
                self.loop.call_later(seconds, self._start_process)

        # Not a task of the process, which is cancelled at its end.
        self.loop.create_task(stop())
        return True

    def pause(self, seconds: float) -> None:
        """The server stands still: nothing reaches it, and nothing that it says gets out."""
        self.network.server_held_until = self.disk.held_until = self.loop.time() + seconds

    def add_tab(
        self, pad: str, *, family: int | None = None, copy: Copy | None = None
    ) -> Tab | None:
        """One more tab, open at once; None if there are too many already."""
        number = len(self.tabs)
        if number >= len(self.scenario.tabs) + CLONES_MAX:
            return None
        # Numbers of the plan are taken, also of tabs that are left out.
        number += 1 + max(plan.number for plan in self.scenario.tabs)
        tab = self._tab(number, pad, family)
        if copy is not None:
            tab.copies = [copy]
        tab.open(copy)
        return tab

    def open_later(self, tab: Tab, seconds: float, *, copies_back: int) -> None:
        """Open a closed tab from one of its newest copies."""
        copy = tab.copies[-copies_back] if copies_back <= len(tab.copies) else None
        if copy is not None:
            tab.copies = [copy]
        self.loop.call_later(seconds, lambda: None if tab.is_open else tab.open(copy))

    # --- The run -------------------------------------------------------------------------------

    async def _first_of_both(self) -> None:
        """The run, or the first violation in it."""
        live = self.loop.create_task(self._live())
        await asyncio.wait([live, self._failed], return_when=asyncio.FIRST_COMPLETED)
        if live.done():
            live.result()
        else:
            live.cancel()

    async def _live(self) -> None:
        for name in dict.fromkeys(plan.pad for plan in self.scenario.tabs):
            self.checks.pad(await self.disk.create(name, epoch=f"epoch-of-{name}"))
        self.network.accept = lambda connection: self._process.accept(connection)
        self._start_process()
        for plan in self.scenario.tabs:
            tab = self._tab(plan.number, plan.pad, None)
            self.loop.call_later(plan.opens_ms / 1000, tab.open, None)
        for action in self.scenario.actions:
            self.loop.call_at(action.at_ms / 1000, self._act, action)
        for fault in self.scenario.faults:
            self._nemesis.expect(fault)
        await asyncio.sleep(self.scenario.healed_ms / 1000)
        await self._heal()
        await self._come_to_rest()
        await self._take_back()
        await self._process.stop()
        await self._look_from_the_disk()

    async def _heal(self) -> None:
        """All is whole again; a moment for what is on its way back."""
        self.disk.next_append.clear()
        self.disk.next_read.clear()
        self.disk.at_sync = None
        for connection in self.network.current.values():
            connection.up.frames_left = connection.down.frames_left = None
        await asyncio.sleep(_LOOK_SECONDS)
        # A restart may still be under way.
        await self._started.wait()

    async def _come_to_rest(self) -> None:
        """One tab of each family after the other comes back, and sends what it has."""
        families: dict[int, list[Tab]] = {}
        for tab in self.tabs.values():
            families.setdefault(tab.family, []).append(tab)
        for turn in range(max(len(family) for family in families.values())):
            for family in families.values():
                for tab in family if turn < len(family) else []:
                    if tab is not family[turn]:
                        tab.close()
                    elif not tab.is_open:
                        tab.open(tab.copies[-1] if tab.copies else None)
            await self._quiet()
        self.checks.at_rest(list(self.tabs.values()))
        self.checks.links.at_rest(list(self.tabs.values()), self._nemesis.readers)

    async def _quiet(self) -> None:
        """Wait until nothing is pending anywhere, and everybody has all of the log."""
        since, before = self.loop.time(), -1
        while True:
            for tab in self.tabs.values():
                if tab.is_open and tab.replaced:
                    # The person goes on here; the other one of the family is closed.
                    tab.open(tab.copies[-1] if tab.copies else None)
            heads = {name: len(pad.texts) - 1 for name, pad in self.checks.pads.items()}
            if all(
                tab.online
                and not tab.machine.pending
                and tab.machine.revision == heads[tab.pad]
                and self.checks.epochs.is_newest(tab)
                for tab in self.tabs.values()
                if tab.is_open
            ) and self.checks.links.told_all(self._nemesis.readers):
                return
            if sum(heads.values()) != before:
                since, before = self.loop.time(), sum(heads.values())
            elif self.loop.time() - since > _QUIET_SECONDS:
                states = {tab.number: tab.state for tab in self.tabs.values() if tab.is_open}
                self._fail("Q6", f"nothing has moved for {_QUIET_SECONDS:.0f} s: {states}")
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take_back(self) -> None:
        """One person undoes all that they have ever typed."""
        for tab in self.tabs.values():
            author = self.checks.pads[tab.pad].author
            own = {character for character in tab.screen if author[character] == tab.family}
            if tab.is_open and own:
                before = tab.screen
                undo = edit("undo", before, 0, Chance(0), self._alphabet, own)
                assert undo is not None
                tab.edit(undo[0])
                await self._quiet()
                self.checks.undone(tab.pad, tab.family, before)
                return

    async def _look_from_the_disk(self) -> None:
        """A new server reads what the old one has left."""
        process = self._new_process()
        for name, pad in self.checks.pads.items():
            async with process.hub.open(name) as live:
                if live is None or live.document.text() != pad.texts[-1]:
                    self._fail("Q1", f"pad {name} is read back as another text")
        process.kill()

    # --- Parts ---------------------------------------------------------------------------------

    def _tab(self, number: int, pad: str, family: int | None) -> Tab:
        limits = (self.scenario.op_inserted, self.scenario.op_components)
        self.tabs[number] = Tab(
            number,
            pad,
            network=self.network,
            observer=self.checks,
            limits=limits,
            chance=Chance(self.scenario.seed, "tab", number),
            family=family,
        )
        return self.tabs[number]

    def _start_process(self) -> None:
        self._process = self._new_process()
        self._started.set()

    def _new_process(self) -> Process:
        return Process(
            self.loop,
            self.disk,
            self.settings,
            self.clock,
            on_send=self._on_send,
            on_stop=self._on_stop,
        )

    def _act(self, action: Action) -> None:
        """A person does something, if they can."""
        tab = self.tabs.get(action.tab)
        if tab is None or not tab.is_open or tab.epoch is None or tab.replaced:
            return
        chance = Chance(action.pick)
        if action.kind == "look":
            # At the end more often than not, and past it, where others may delete.
            at = max(0, len(tab.screen) - chance.below(4))
            tab.look([(at, chance.below(len(tab.screen) + 3))])
            return
        own = self._typed.get(tab.number, "")
        made = edit(action.kind, tab.screen, tab.caret, chance, self._alphabet, own)
        if made is None:
            return
        op, tab.caret = made
        inserted = "".join(component for component in op if isinstance(component, str))
        self._typed[tab.number] = inserted or own
        tab.edit(op)

    # --- What is noticed -----------------------------------------------------------------------

    def _on_send(self, connection: Connection, frame: bytes, pad: Pad | None) -> None:
        self.checks.server_sends(connection, frame)
        if pad is not None:
            self.checks.bounds(pad, self.settings)

    def _on_stop(self, code: int) -> None:
        """The server ends itself."""
        if code == os.EX_IOERR:
            self.record.counts["stopped by the disk"] += 1
            self.kill(_SUPERVISOR_SECONDS)
        else:
            self._fail("I0", "the server has stopped itself: a bug in what must always run")

    def _on_log(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            error = record.exc_info[1]
            self._fail("I0", f"{record.getMessage()}: {type(error).__name__}: {error}")

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._fail("I0", f"{context['message']}: {type(error).__name__}: {error}")

    def _fail(self, invariant: str, message: str) -> None:
        if self.violation is None:
            self.violation = Violation(invariant, message, self.loop.now_ns // 1_000_000)
            if not self._failed.done():
                self._failed.set_result(None)

    def _clear(self) -> None:
        """Let go of everything, so that no task is left behind."""
        self.loop.set_exception_handler(lambda loop, context: None)
        tasks = list(asyncio.all_tasks(self.loop))
        for task in tasks:
            task.cancel()

        async def end() -> None:
            await asyncio.wait(tasks)

        if tasks:
            self.loop.run_until_complete(end())
