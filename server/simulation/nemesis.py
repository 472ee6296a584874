"""breaks things, each in its own way, when the scenario says so

Every fault says whether it has hit anything; what it hit is counted by the state that the tab's
conversation was in, because a cut while nothing is in flight proves little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ot.messages import SetProperties, encode
from server.simulation.chance import Chance
from server.simulation.network import Connection, Link
from server.simulation.reader import Reader
from server.simulation.scenario import FAULTS, READERS_MAX, Fault
from server.simulation.stranger import Stranger
from server.simulation.tab import Tab

if TYPE_CHECKING:
    from server.simulation.world import World

__all__ = ["Nemesis", "backup_ms"]

# The newest backup that is ever restored: people have typed a word or two since.
_BACKUP_MS_MIN = 100.0
_WRONG_MS_MAX = 10 * 365 * 86_400_000


class Nemesis:
    """All that can go wrong in a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._strangers = 0
        # Who reads by view-only links.
        self.readers: list[Reader] = []

    def expect(self, fault: Fault) -> None:
        """Let a fault happen when its time comes, and what has to be there before."""
        world = self._world
        if fault.kind == "restore":
            world.loop.call_at(backup_ms(fault) / 1000, world.backups.take)
        world.loop.call_at(fault.at_ms / 1000, self.strike, fault)

    def strike(self, fault: Fault) -> None:
        """Let a fault happen."""
        world = self._world
        # Everything is whole again when the scenario says so, and stays so.
        left = world.scenario.healed_ms / 1000 - world.loop.time()
        if left <= 0:
            return
        seconds = min(fault.lasts_ms / 1000, left)
        world.record.event(world.loop.now_ns, "fault", fault.kind)
        chance = Chance(fault.pick)
        scope = FAULTS[fault.kind].scope
        if scope == "tab":
            tab = world.tabs.get(fault.tab)
            if tab is None or not tab.is_open:
                return
            state = tab.state
            if getattr(self, "_" + fault.kind)(tab, seconds, chance):
                world.record.hits[fault.kind, state] += 1
            return
        states = [tab.state for tab in world.tabs.values() if tab.is_open]
        if getattr(self, "_" + fault.kind)(seconds, chance):
            world.record.hits.update((fault.kind, state) for state in states)

    # --- Lines ---------------------------------------------------------------------------------

    @staticmethod
    def _link(tab: Tab, chance: Chance) -> tuple[Connection | None, Link | None]:
        connection = tab.connection
        if connection is None:
            return None, None
        return connection, connection.up if chance.happens(0.5) else connection.down

    def _cut(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        connection, link = self._link(tab, chance)
        if connection is None or link is None:
            return False
        frames = chance.below(6)
        if frames:
            link.frames_left = frames
        else:
            connection.cut()
        return True

    def _stall(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        connection, link = self._link(tab, chance)
        if connection is None or link is None:
            return False
        until = self._world.loop.time() + seconds
        links = [connection.up, connection.down] if chance.happens(0.5) else [link]
        for one in links:
            one.held_until = until
        return True

    def _half_open(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        connection = tab.connection
        if connection is None:
            return False
        connection.up.lost = connection.down.lost = True
        return True

    def _one_way(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        _, link = self._link(tab, chance)
        if link is None:
            return False
        link.lost = True
        return True

    def _slow_reader(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        if tab.connection is None:
            return False
        tab.connection.down.slow_until = self._world.loop.time() + seconds
        return True

    def _repeat(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        if tab.connection is None:
            return False
        tab.connection.down.repeats = 1 + chance.below(4)
        return True

    def _late_frames(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        if tab.connection is None or tab.replaced:
            return False
        tab.connection.up.held_until = self._world.loop.time() + seconds
        tab.reconnect()
        return True

    def _offline(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        network = self._world.network
        network.offline_until[tab.number] = network.loop.time() + seconds
        if tab.connection is not None:
            tab.connection.cut()
        return True

    # --- Tabs ----------------------------------------------------------------------------------

    def _close_tab(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        tab.close()
        self._world.open_later(tab, seconds, copies_back=1)
        return True

    def _stale_copy(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        if not tab.copies:
            return False
        back = 1 + chance.below(len(tab.copies))
        self._world.checks.fork(tab, tab.copies[-back].account)
        tab.close()
        self._world.open_later(tab, seconds, copies_back=back)
        return True

    def _lose_copy(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        tab.close()
        tab.copies = []
        self._world.open_later(tab, seconds, copies_back=1)
        return True

    def _clone_tab(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        return self._world.add_tab(tab.pad) is not None

    def _clone_profile(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        if not tab.copies:
            return False
        copy = tab.copies[-1]
        self._world.checks.fork(tab, copy.account)
        clone = self._world.add_tab(tab.pad, family=tab.family, copy=copy)
        return clone is not None

    def _hostile(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        stranger = Stranger(chance.below(2**16), tab.session)
        self._world.network.connect(self._nobodys_number(), tab.pad, stranger, stranger.role)
        return True

    def _nobodys_number(self) -> int:
        """For a connection of somebody who is no tab."""
        self._strangers += 1
        return -self._strangers

    def _new_link(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        world = self._world
        if not tab.online or tab.view_key is None or len(self.readers) >= READERS_MAX:
            return False
        number, stream = self._nobodys_number(), Chance(chance.below(2**32))
        reader = Reader(number, tab.pad, tab.view_key, network=world.network, chance=stream)
        self.readers.append(reader)
        reader.come()
        world.loop.call_later(seconds, self._replace_link, tab, reader, chance.happens(0.3))
        return True

    def _replace_link(self, tab: Tab, reader: Reader, reader_leaves: bool) -> None:
        if reader_leaves:
            reader.leave()
        if tab.online and tab.connection is not None:
            self._world.checks.links.asked(tab.pad)
            tab.connection.send(encode(SetProperties(new_view_link=True)))
            self._world.record.counts["links asked for"] += 1

    def _tab_clock(self, tab: Tab, seconds: float, chance: Chance) -> bool:
        tab.clock.set(ahead_ms=_wrong_by_ms(chance))
        return True

    # --- The disk ------------------------------------------------------------------------------

    def _disk_full(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.full_until = self._world.loop.time() + seconds
        return True

    def _disk_slow(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.slow_until = self._world.loop.time() + seconds
        return True

    def _lost_reply(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.next_append.append("lost_reply")
        return True

    def _write_fails(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.next_append += ["write_fails"] * (1 + chance.below(5))
        return True

    def _sync_fails(self, seconds: float, chance: Chance) -> bool:
        # It may have reached the disk for all that.
        late = chance.happens(0.5)
        self._world.disk.next_append.append("sync_fails_late" if late else "sync_fails")
        return True

    def _read_fails(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.next_read.append("disk I/O error")
        return True

    # --- The server ----------------------------------------------------------------------------

    def _kill(self, seconds: float, chance: Chance) -> bool:
        return self._world.kill(seconds)

    def _kill_at_sync(self, seconds: float, chance: Chance) -> bool:
        self._world.disk.before_sync = chance.happens(0.5)
        self._world.disk.at_sync = lambda: self._world.kill(seconds)
        return True

    def _restart(self, seconds: float, chance: Chance) -> bool:
        return self._world.restart(seconds)

    def _restore(self, seconds: float, chance: Chance) -> bool:
        backups = self._world.backups
        if not backups.kept:
            return False
        backup = chance.one_of(backups.kept)
        # It may have died before; that may be why.
        return self._world.restart(
            seconds, dies=chance.happens(0.3), meanwhile=lambda: backups.put_back(backup)
        )

    def _pause(self, seconds: float, chance: Chance) -> bool:
        self._world.pause(seconds)
        return True

    def _server_clock(self, seconds: float, chance: Chance) -> bool:
        self._world.clock.set(ahead_ms=_wrong_by_ms(chance))
        return True


def backup_ms(fault: Fault) -> float:
    """When the backup is made for a restore: a moment before it, or at the beginning, each order of
    magnitude of the time between them equally likely.
    """
    chance = Chance(fault.pick, "backup")
    return max(0.0, fault.at_ms - chance.magnitude(_BACKUP_MS_MIN, fault.at_ms + _BACKUP_MS_MIN))


def _wrong_by_ms(chance: Chance) -> int:
    """By how much a clock is wrong: what a time server corrects, or a dead battery leaves."""
    sign = 1 if chance.happens(0.5) else -1
    return sign * round(chance.magnitude(100, _WRONG_MS_MAX))
