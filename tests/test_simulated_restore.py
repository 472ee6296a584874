"""restores in the simulated world: what is gone, what stays, and who has a draft"""

from __future__ import annotations

import msgspec
import pytest

from server.simulation.campaign import Totals, run_scenario
from server.simulation.nemesis import backup_ms
from server.simulation.scenario import Action, Fault, Scenario, Sizes, draw
from server.simulation.world import World

# A restore and what brings tabs to it late, with something unsent.
SIZES = Sizes(
    clients=4, ops=150, hours=0.2, faults=("cut", "offline", "close_tab", "kill", "restore")
)


def with_restores(seed: int, times: int = 2) -> Scenario:
    """A scenario of which so many restores are a part, in the middle of what people type."""
    scenario = draw(seed, SIZES)
    others = [fault for fault in scenario.faults if fault.kind != "restore"]
    at = [action.at_ms for action in scenario.actions]
    restores = [
        Fault(at[len(at) * (n + 1) // (times + 1)] + 200, "restore", 0, 500, 7 * seed + n)
        for n in range(times)
    ]
    faults = sorted([*others, *restores], key=lambda one: one.at_ms)
    return msgspec.structs.replace(scenario, faults=faults)


@pytest.mark.slow
def test_restores_under_way():
    """Every invariant holds; revisions are gone, and who had something unsent has a draft."""
    totals = Totals()
    for seed in range(12):
        totals.add(run_scenario(with_restores(seed)))

    assert totals.failed == []
    assert totals.counts["restore"] >= 12 and totals.counts["revisions taken back"] > 50
    assert totals.counts["drafts"] > 10
    assert totals.hits["restore"].keys() >= {"synchronised", "awaiting with buffer", "offline"}


def test_two_runs_with_restores_are_the_same():
    """Also with the real SQLite under the disk, whose epochs are random."""
    for sqlite in (False, True):
        scenario = msgspec.structs.replace(with_restores(1), sqlite=sqlite)
        first, second = (run_scenario(scenario) for _ in range(2))

        assert first == second and first.violation is None
        assert first.counts["restore"] >= 2


@pytest.mark.parametrize("sqlite", [False, True])
def test_what_is_older_than_the_backup_stays_and_what_is_newer_goes(sqlite):
    """Nobody has anything unsent: all take the restored text, and nobody has a draft."""
    calm = draw(3, Sizes(clients=3, ops=100, hours=0.2, faults=()))
    last = calm.actions[-1].at_ms
    restores = (Fault(last + 60_000, "restore", 0, 500, pick) for pick in range(1_000))
    # The backup is made while people type, with much to come.
    restore = next(one for one in restores if last / 3 < backup_ms(one) < last / 2)
    late = [Action(last + 120_000, tab.number, "type", tab.number) for tab in calm.tabs]
    scenario = msgspec.structs.replace(
        calm, faults=[restore], actions=[*calm.actions, *late], sqlite=sqlite
    )
    scenario = msgspec.structs.replace(scenario, healed_ms=last + 180_000)
    world = World(scenario)

    outcome = world.run()

    assert outcome.violation is None
    (pad,) = world.disk.pads.values()
    first, second = world.checks.pads[pad.record.name].logs
    shared = len(first) - 1 - outcome.counts["revisions taken back"]
    assert 0 < shared < len(first) - 1
    assert second[: shared + 1] == first[: shared + 1] and second[-1] != first[-1]
    assert len(second) > shared + 1, "people go on in the restored log"
    assert outcome.counts.get("drafts", 0) == 0
