"""many seeds on all cores, their totals, and what is left of those that failed"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from server.simulation.javascript import compare
from server.simulation.scenario import Scenario, Sizes, draw, save
from server.simulation.shrink import RUNS_MAX, shrink
from server.simulation.world import Outcome, Violation, World

__all__ = ["Failure", "Totals", "run_scenario", "run_seeds", "write_failure"]


@dataclass(slots=True)
class Totals:
    """What all runs together have seen."""

    seeds: int = 0
    simulated_ms: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    # fault -> state of the tab that it hit -> how often.
    hits: dict[str, Counter[str]] = field(default_factory=dict)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more run."""
        self.seeds += 1
        self.simulated_ms += outcome.simulated_ms
        self.counts.update(outcome.counts)
        for fault, states in outcome.hits.items():
            self.hits.setdefault(fault, Counter()).update(states)
        if outcome.violation is not None:
            self.failed.append(outcome)


@dataclass(frozen=True, slots=True)
class Failure:
    """The files of a failed run: its scenario, shrunk, and the server's log of each pad."""

    scenario: Scenario
    scenario_file: Path
    log_files: list[Path]


def run_scenario(scenario: Scenario, node: str | None = None) -> Outcome:
    """One run; with `node` its machines' steps are done in JavaScript too."""
    world = World(scenario, steps=node is not None)
    outcome = world.run()
    if node is None or outcome.violation is not None:
        return outcome
    difference = compare(node, world.record.steps())
    if difference is None:
        return outcome
    return replace(outcome, violation=Violation("JS", difference, outcome.simulated_ms))


def run_seeds(
    seeds: Sequence[int], sizes: Sizes, *, jobs: int, node: str | None = None
) -> Iterator[Outcome]:
    """Run them all, in `jobs` processes, and yield what came of them, in order."""
    if jobs == 1 or len(seeds) == 1:
        for seed in seeds:
            yield _run_seed(seed, sizes, node)
        return
    # Spawned and not forked: the same on every system, and nothing of this process in them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(seeds)), mp_context=context) as pool:
        count = len(seeds)
        yield from pool.map(_run_seed, seeds, [sizes] * count, [node] * count, chunksize=2)


def _run_seed(seed: int, sizes: Sizes, node: str | None) -> Outcome:
    return run_scenario(draw(seed, sizes), node)


def write_failure(
    scenario: Scenario, violation: Violation, folder: Path, *, runs_max: int = RUNS_MAX
) -> Failure:
    """Shrink a failed scenario, and write what is needed to look at it. Raises OSError."""
    # Shrinking looks at Python only: what differs in JavaScript stays as it is.
    if violation.invariant != "JS":
        scenario = shrink(scenario, violation, runs_max=runs_max)
    folder.mkdir(parents=True, exist_ok=True)
    scenario_file = folder / f"seed-{scenario.seed}.json"
    save(scenario, scenario_file)
    world = World(scenario)
    world.run()
    files = []
    for pad, lines in world.logs().items():
        files.append(folder / f"seed-{scenario.seed}-{pad}.jsonl")
        files[-1].write_bytes(b"".join(lines))
    return Failure(scenario, scenario_file, files)
