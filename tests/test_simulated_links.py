"""view-only links in the simulated world: replaced while they are read, and while things break"""

from __future__ import annotations

import msgspec
import pytest

from server.simulation.campaign import Totals, run_scenario
from server.simulation.nemesis import backup_ms
from server.simulation.scenario import Fault, Sizes, draw
from server.simulation.world import World

# What may lose a new link between the editor, the disk and the readers.
FAULTS = ("new_link", "kill", "kill_at_sync", "lost_reply", "write_fails", "sync_fails", "cut")
SIZES = Sizes(clients=4, ops=120, hours=0.1, faults=FAULTS)


@pytest.mark.slow
def test_links_replaced_while_things_break():
    """Every invariant holds, and readers are told in many runs."""
    totals = Totals()
    for seed in range(24):
        totals.add(run_scenario(draw(seed, SIZES)))

    assert totals.failed == []
    assert totals.counts["new link"] > 5
    assert totals.counts["reader told link_replaced"] > 5
    assert totals.counts["new link"] <= totals.counts["links asked for"]


def test_a_link_replaced_in_peace():
    """Each is told once: who came by the first link, and who came by the second."""
    calm = draw(1, Sizes(clients=2, ops=60, hours=0.1, faults=()))
    faults = [Fault(calm.healed_ms // 2 + n * 60_000, "new_link", n, 500, n) for n in range(2)]
    world = World(msgspec.structs.replace(calm, faults=faults))

    outcome = world.run()

    assert outcome.violation is None
    assert outcome.counts["new link"] == outcome.counts["links asked for"] == 2
    assert outcome.counts["reader told link_replaced"] == 2
    (pad,) = world.disk.pads.values()
    assert {tab.view_key for tab in world.tabs.values()} == {pad.record.view_key}


def test_a_restore_brings_the_link_of_the_backup_back():
    """The one that came after it leads nowhere, and who reads by it is told so."""
    calm = draw(1, Sizes(clients=2, ops=60, hours=0.1, faults=()))
    half = calm.healed_ms // 2
    restores = (Fault(half + 30_000, "restore", 0, 500, pick) for pick in range(1_000))
    faults = [
        Fault(half, "new_link", 0, 500, 1),
        # Another reader; whoever would replace the link again is not there to do it.
        Fault(half + 20_000, "new_link", 1, 600_000, 2),
        Fault(half + 60_000, "offline", 1, 600_000, 3),
        next(one for one in restores if half / 2 < backup_ms(one) < half),
    ]
    world = World(msgspec.structs.replace(calm, faults=faults))

    outcome = world.run()

    assert outcome.violation is None
    assert outcome.counts["restore"] == outcome.counts["new link"] == 1
    assert outcome.counts["reader told link_replaced"] == 2
    (pad,) = world.disk.pads.values()
    assert pad.record.view_key == "view-of-notes"
