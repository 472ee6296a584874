"""one run as plain data: who types when, what breaks when; drawn from a seed, kept as JSON

A scenario is all that a run depends on. Every action and fault carries its own number (`pick`) for
the choices that it makes when its time comes, so that the rest of a run stays alike when some of
them are left out. Swarm testing: each seed has a subset of faults, settings and ways to type of its
own, because everything at once hides what only some of it would show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from server.settings import Settings
from server.simulation.chance import Chance

__all__ = [
    "CLONES_MAX",
    "FAULTS",
    "READERS_MAX",
    "Action",
    "Fault",
    "FaultKind",
    "Scenario",
    "Sizes",
    "TabPlan",
    "draw",
    "load",
    "save",
]

# Changes when a file of before would mean something else.
_VERSION = 1
# After this part of the time nothing breaks any more, and everybody has to come to rest.
_HEALED = 0.8
# Clones beyond these would only make a run longer.
CLONES_MAX = 4
# So would further readers by view-only links.
READERS_MAX = 6
# A seed with this remainder of 20 keeps its pads in the real SQLite store under the simulated disk;
# of those with a restore, which is code of the real store, each with that remainder of 4.
_SQLITE_REMAINDER = 19
_SQLITE_RESTORE_REMAINDER = 3


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What can break: one tab's line or life, or something of the server's; and for how long."""

    scope: str
    shortest_ms: float
    longest_ms: float
    meaning: str
    # How often in a run, at most.
    most: int = 12


FAULTS: dict[str, FaultKind] = {
    # The line of one tab.
    "cut": FaultKind("tab", 1, 1, "the connection dies, both ways, after some more frames"),
    "stall": FaultKind("tab", 100, 60_000, "nothing passes for a while, then all of it"),
    "half_open": FaultKind("tab", 1, 1, "frames vanish both ways, and nobody is told"),
    "one_way": FaultKind("tab", 1, 1, "frames of one direction vanish, and nobody is told"),
    "slow_reader": FaultKind("tab", 500, 30_000, "the tab takes one frame now and then"),
    "repeat": FaultKind("tab", 1, 1, "frames of the log come a second time"),
    "late_frames": FaultKind("tab", 200, 20_000, "a new connection overtakes the old one's frames"),
    "offline": FaultKind("tab", 500, 600_000, "no connection, and none can be made"),
    # The life of one tab.
    "close_tab": FaultKind("tab", 500, 3 * 86_400_000, "closed, and opened later from its copy"),
    "stale_copy": FaultKind("tab", 500, 600_000, "closed, and opened from an earlier copy"),
    "lose_copy": FaultKind("tab", 500, 600_000, "closed, and its copy is gone"),
    "clone_tab": FaultKind("tab", 1, 1, "a second tab, under a session of its own"),
    "clone_profile": FaultKind("tab", 1, 1, "another machine goes on from the same copy"),
    "hostile": FaultKind("tab", 1, 1, "a stranger says what no client may say"),
    # The server's disk.
    "disk_full": FaultKind("disk", 200, 120_000, "nothing can be written"),
    "disk_slow": FaultKind("disk", 500, 120_000, "everything takes a hundred times as long"),
    "lost_reply": FaultKind("disk", 1, 1, "it is durable, but says that it is not"),
    "sync_fails": FaultKind("disk", 1, 1, "a sync fails: the server ends, and is started again"),
    "read_fails": FaultKind("disk", 1, 1, "the next read fails"),
    # The server.
    "kill": FaultKind("process", 50, 30_000, "it dies at once"),
    "kill_at_sync": FaultKind("process", 50, 30_000, "it dies just before or after a disk sync"),
    "restart": FaultKind("process", 50, 10_000, "it is asked to stop, and started again"),
    "pause": FaultKind("process", 100, 60_000, "it stands still"),
    # Last, so that the others are drawn as they were before there was this one.
    "write_fails": FaultKind("disk", 1, 1, "some writes fail, and nothing of them is there"),
    "server_clock": FaultKind("process", 1, 1, "its time of day is set, by up to ten years"),
    "tab_clock": FaultKind("tab", 1, 1, "the time of day is set, by up to ten years"),
    "restore": FaultKind("process", 50, 30_000, "it is stopped, and a backup restored", most=3),
    "new_link": FaultKind("tab", 50, 30_000, "the view-only link is replaced while it is read"),
}


class Action(Struct, frozen=True):
    """Somebody does something to the text."""

    at_ms: int
    tab: int
    kind: str
    pick: int


class Fault(Struct, frozen=True):
    """Something breaks."""

    at_ms: int
    kind: str
    tab: int
    lasts_ms: int
    pick: int


class TabPlan(Struct, frozen=True):
    """A person's tab."""

    number: int
    pad: str
    opens_ms: int


class Scenario(Struct, frozen=True):
    """Everything that a run depends on."""

    version: int
    seed: int
    run_ms: int
    healed_ms: int
    # Of a frame, one way: least, and mean of what comes on top.
    delay_ms: tuple[float, float]
    # Mean of a write, and of a sync.
    disk_ms: float
    sqlite: bool
    # The largest operation that a tab sends.
    op_inserted: int
    op_components: int
    settings: dict[str, int | float]
    tabs: list[TabPlan]
    actions: list[Action]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a run is, and what may break in it."""

    clients: int = 5
    ops: int = 300
    hours: float = 1.0
    faults: Sequence[str] = tuple(FAULTS)


def draw(seed: int, sizes: Sizes) -> Scenario:
    """The scenario of a seed."""
    chance = Chance(seed, "scenario")
    run_ms = round(sizes.hours * 3_600_000)
    healed_ms = round(run_ms * _HEALED)
    pads = ["notes", "other"][: 1 + (sizes.clients > 2 and chance.happens(0.25))]
    tabs = [
        TabPlan(
            number=number,
            pad=pads[number % len(pads)],
            # Most are there from the start, some come when there is a text already.
            opens_ms=chance.below(2_000) if chance.happens(0.7) else chance.below(healed_ms),
        )
        for number in range(sizes.clients)
    ]
    actions = _draw_actions(Chance(seed, "actions"), sizes.ops, tabs, healed_ms)
    faults = _draw_faults(Chance(seed, "faults"), sizes, actions, healed_ms)
    kinds = Counter(fault.kind for fault in faults)
    readers = min(kinds["new_link"], READERS_MAX)
    return Scenario(
        version=_VERSION,
        seed=seed,
        run_ms=run_ms,
        healed_ms=healed_ms,
        delay_ms=(chance.magnitude(0.2, 100), chance.magnitude(0.2, 400)),
        disk_ms=chance.magnitude(0.5, 500),
        sqlite=seed % 20 == _SQLITE_REMAINDER
        or (kinds["restore"] > 0 and seed % 4 == _SQLITE_RESTORE_REMAINDER),
        op_inserted=chance.one_of([1, 3, 65_536, 65_536]),
        op_components=chance.one_of([3, 4, 10_000, 10_000]),
        settings=_draw_settings(chance, sizes.clients + readers),
        tabs=tabs,
        actions=actions,
        faults=faults,
    )


def _draw_settings(chance: Chance, people: int) -> dict[str, int | float]:
    """The server's settings: now as they are by default, now so small that rare ways are taken."""
    drawn: dict[str, int | float] = {
        "ops_per_frame_max": chance.one_of([1, 2, 5, 256]),
        "snapshot_revisions": chance.one_of([1, 3, 20, 1_000]),
        "log_entries_max": chance.one_of([1, 4, 50, 10_000]),
        "idle_seconds": chance.one_of([3.0, 60.0]),
        "presence_seconds": chance.one_of([0.05, 1.0]),
        "pad_length_max": chance.one_of([300, 2_000_000, 2_000_000, 2_000_000]),
        # All tabs and readers fit in; strangers, and connections that nobody knows to be dead, come
        # on top.
        "pad_connections_max": chance.one_of([people + CLONES_MAX, 2_000]),
        "pads_in_memory_max": chance.one_of([1, 2_000]),
    }
    assert drawn.keys() <= set(Settings.__slots__)
    return drawn


def _draw_actions(
    chance: Chance, count: int, tabs: Sequence[TabPlan], healed_ms: int
) -> list[Action]:
    """Scenes of a few seconds in which some people type, and quiet between them."""
    kinds = [
        *["type"] * 12,
        *(kind for kind in ("backspace", "delete_word", "paste", "undo") for _ in range(2)),
        *["look"] * 3,
        *(kind for kind in ("replace_all", "select_and_type") if chance.happens(0.7)),
    ]
    actions: list[Action] = []
    while len(actions) < count:
        start = chance.below(healed_ms)
        for _ in range(1 + chance.below(len(tabs))):
            tab = chance.one_of(tabs).number
            at = float(start)
            for _ in range(1 + chance.below(24)):
                at += chance.exponential(150)
                kind = chance.one_of(kinds)
                actions.append(Action(round(at), tab, kind, chance.below(2**32)))
    del actions[count:]
    return sorted(
        (action for action in actions if action.at_ms < healed_ms), key=lambda one: one.at_ms
    )


def _draw_faults(
    chance: Chance, sizes: Sizes, actions: Sequence[Action], healed_ms: int
) -> list[Fault]:
    """A subset of what can break, each kind as often as chance says; mostly when somebody types."""
    faults: list[Fault] = []
    for kind in sizes.faults:
        # Drawn for every kind, so that leaving one out changes nothing else.
        stream = Chance(chance.below(2**32), kind)
        if not stream.happens(0.4):
            continue
        about = FAULTS[kind]
        for _ in range(round(stream.magnitude(1, about.most))):
            at_ms = stream.below(healed_ms)
            tab = stream.below(sizes.clients)
            if actions and stream.happens(0.8):
                action = stream.one_of(actions)
                at_ms, tab = action.at_ms + stream.below(1_500), action.tab
            lasts_ms = round(stream.magnitude(about.shortest_ms, about.longest_ms))
            faults.append(Fault(at_ms, kind, tab, lasts_ms, stream.below(2**32)))
    return sorted(faults, key=lambda one: one.at_ms)


def save(scenario: Scenario, path: Path) -> None:
    """Write a scenario as JSON that people can read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(scenario), indent=1) + b"\n")


def load(path: Path) -> Scenario:
    """Read a scenario. Raises ValueError, which says what is wrong with the file."""
    scenario = msgspec.json.decode(path.read_bytes(), type=Scenario)
    if scenario.version != _VERSION:
        raise ValueError(f"scenario version {scenario.version}; this deltapad reads {_VERSION}")
    return scenario
