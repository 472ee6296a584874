"""the simulated world: whole runs, the same each time; its loop, disk and network; its command"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from ot import COMPILED
from ot.log import Entry
from ot.operation import apply
from ot.traces import LogReader
from server.__main__ import main
from server.commands.converge import converge
from server.simulation.accounts import PadAccounts
from server.simulation.campaign import Totals, run_scenario, run_seeds, write_failure
from server.simulation.chance import Chance
from server.simulation.checks import __doc__ as CHECKS_DOCSTRING
from server.simulation.javascript import compare, find_node
from server.simulation.loop import Deadlock, Livelock, VirtualLoop
from server.simulation.scenario import FAULTS, Fault, Sizes, draw, load, save
from server.simulation.shrink import shrink
from server.simulation.typist import Alphabet, edit
from server.simulation.world import World
from tests.conftest import REPO
from tests.planted_bugs import BUGS
from tests.test_planted_bugs import SIZES

planted = pytest.mark.skipif(COMPILED, reason="the names in compiled modules cannot be replaced")

# A seed of which the real SQLite is under the disk.
SQLITE_SEED = 19


# --- Whole runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2, SQLITE_SEED])
def test_a_few_seeds(seed):
    """Every invariant holds."""
    outcome = run_scenario(draw(seed, SIZES))

    assert outcome.violation is None
    assert outcome.counts["revision"] > 5 and outcome.counts["fault"] > 0


@pytest.mark.slow
def test_many_seeds_and_all_that_breaks():
    """Every invariant holds, and every fault has hit a conversation in every state it can."""
    totals = Totals()
    for outcome in run_seeds(range(60), Sizes(ops=200, hours=0.5), jobs=2):
        totals.add(outcome)

    assert totals.failed == []
    assert totals.hits.keys() == FAULTS.keys()
    assert totals.counts["stopped by the disk"] > 10
    for fault, states in totals.hits.items():
        assert states["synchronised"] and states["awaiting with buffer"], fault
    for state in ("awaiting", "connecting", "offline"):
        assert sum(states[state] for states in totals.hits.values()) > 30, state


@planted
def test_a_screen_that_changes_by_itself_is_noticed_by_the_server(monkeypatch):
    """In a pad with one tab nobody else looks: its checksum at rest tells."""
    alone = Sizes(clients=1, ops=60, hours=0.1, faults=())
    sound = run_scenario(draw(1, alone))
    assert sound.violation is None and sound.counts["checksum"] > 1

    BUGS["screen_changed_behind_the_machine"](monkeypatch)
    # Only what a tab types next would show it otherwise.
    monkeypatch.setattr("server.simulation.checks.Checks._check_screen", lambda self, tab: None)
    violation = run_scenario(draw(1, alone)).violation

    assert violation is not None and violation.invariant == "I13"


def test_clocks_that_jump_change_nothing():
    """While clocks are set back and forth, all goes on as with those that are right: the same
    waits, the same frames, the same log but for its labels.
    """
    calm = draw(4, Sizes(clients=3, ops=200, hours=0.2, faults=("cut", "half_open", "kill")))
    every = range(0, calm.healed_ms, calm.healed_ms // 50)
    kinds = ("server_clock", "tab_clock")
    jumps = [Fault(at, kinds[n % 2], n % 3, 1, n) for n, at in enumerate(every)]
    jumping = msgspec.structs.replace(calm, faults=[*calm.faults, *jumps])
    worlds = [World(calm), World(jumping)]
    right, wrong = (world.run() for world in worlds)
    before, after = (
        [entry for pad in world.disk.pads.values() for entry in pad.entries()] for world in worlds
    )
    labels, times = ([entry.time_ms for entry in entries] for entries in (before, after))

    assert right.violation is None and wrong.violation is None
    assert calm.faults and wrong.hits.keys() >= set(kinds)
    assert times != sorted(times) and labels == sorted(labels)
    assert [_said(entry) for entry in before] == [_said(entry) for entry in after]
    assert right.simulated_ms == wrong.simulated_ms
    assert all(
        right.counts[event] == wrong.counts[event] for event in right.counts.keys() - {"fault"}
    )


def _said(entry: Entry) -> tuple[object, ...]:
    return entry.session, entry.seq, entry.op


def test_two_runs_of_a_seed_are_the_same():
    """Down to the last byte of the last frame."""
    first, second = (run_scenario(draw(5, SIZES)) for _ in range(2))

    assert first == second
    assert first.trace != run_scenario(draw(6, SIZES)).trace


@pytest.mark.slow
def test_hash_seeds_change_nothing():
    """Nothing goes by the order of a set or the address of an object."""
    program = (
        "from server.simulation.campaign import run_scenario\n"
        "from server.simulation.scenario import Sizes, draw\n"
        "sizes = Sizes(clients=4, ops=150, hours=0.3)\n"
        f"print([run_scenario(draw(seed, sizes)).trace for seed in (1, 2, 3, {SQLITE_SEED})])\n"
    )
    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=REPO,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert traces[0] == traces[1] and len(traces[0]) > 100


def test_nothing_breaks_when_nothing_may():
    """Without faults nobody is refused anything but at the end, and nobody has a draft."""
    outcome = run_scenario(draw(3, Sizes(clients=3, ops=100, hours=0.2, faults=())))

    assert outcome.violation is None
    assert outcome.hits == {} and outcome.counts.get("drafts", 0) == 0
    assert {code for code in outcome.counts if code.startswith("told")} <= {"told shutting_down"}


def test_javascript_agrees_step_by_step():
    """The browser's machine does all that the tabs did, and is in the same state after each."""
    world = World(draw(0, SIZES), steps=True)
    assert world.run().violation is None
    steps = world.record.steps()

    assert len(steps) > 500
    assert compare(find_node(), steps) is None


def test_javascript_that_differs_is_noticed():
    """A state that is not the recorded one is told with its step."""
    world = World(draw(0, SIZES), steps=True)
    world.run()
    steps = world.record.steps()
    at = next(number for number, line in enumerate(steps) if b'"edit"' in line)
    step = msgspec.json.decode(steps[at])
    step[2][1]["revision"] += 1
    steps[at] = msgspec.json.encode(step)

    difference = compare(find_node(), steps)

    assert difference is not None and '"do":"edit"' in difference


# --- Failures -------------------------------------------------------------------------------------


@pytest.mark.slow
@planted
def test_a_failure_shrinks_and_its_files_can_be_used(tmp_path, monkeypatch):
    """What is left is small, fails alike from its file, and has a log that `replay` reads."""
    BUGS["delta_across_the_own_entry"](monkeypatch)
    scenario, violation = next(
        (scenario, violation)
        for scenario in (draw(seed, SIZES) for seed in range(40))
        if (violation := World(scenario).run().violation) is not None
    )

    failure = write_failure(scenario, violation, tmp_path, runs_max=120)

    small = failure.scenario
    assert len(small.actions) < len(scenario.actions) / 4
    assert len(small.faults) <= len(scenario.faults) and len(small.tabs) <= len(scenario.tabs)
    assert load(failure.scenario_file) == small
    again = run_scenario(load(failure.scenario_file)).violation
    assert again is not None and again.invariant == violation.invariant
    text = ""
    for entry in LogReader(failure.log_files[0].read_bytes().splitlines(keepends=True)):
        text = apply(text, entry.op)
    run = CliRunner().invoke(main, ["replay", "--verify", str(failure.log_files[0])])
    assert run.exit_code == 0, run.output


@planted
def test_shrinking_is_bounded(monkeypatch):
    """It stops after so many runs, with what it has."""
    BUGS["author_is_not_woken"](monkeypatch)
    scenario = draw(0, SIZES)
    violation = World(scenario).run().violation
    assert violation is not None

    assert shrink(scenario, violation, runs_max=0) == scenario


def test_a_bug_in_the_server_is_a_violation(monkeypatch):
    """What the server would only log ends the run; so does what would end the server."""

    def broken(*args: object, **keywords: object) -> None:
        raise ZeroDivisionError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("server.session.Session.next_slice", broken)
        logged = World(draw(0, SIZES)).run().violation
    with monkeypatch.context() as patch:
        patch.setattr("server.presence.Presence.typed", broken)
        stopped = World(draw(0, SIZES)).run().violation

    assert logged is not None and "ZeroDivisionError: planted" in logged.message
    assert stopped is not None and "ZeroDivisionError: planted" in stopped.message
    assert (logged.invariant, stopped.invariant) == ("I0", "I0")


# --- The command ----------------------------------------------------------------------------------


def test_command_on_one_seed():
    """A table, a summary, the hash, and exit code 0."""
    run = CliRunner().invoke(main, ["converge", "--seed", "2", *SMALL])

    assert run.exit_code == 0, run.output
    assert "1 seed: every invariant held" in run.output and "Trace hash" in run.output
    assert "Faults, by the state of the tabs that they hit" in run.output


SMALL = ["--clients", "4", "--ops", "150", "--hours", "0.3", "--jobs", "1"]


@planted
def test_command_on_a_failure(tmp_path, monkeypatch):
    """Exit code 1, how to repeat it, and a scenario that the command runs again."""
    BUGS["acknowledged_before_the_sync"](monkeypatch)
    folder = tmp_path / "failures"

    run = CliRunner().invoke(
        main, ["converge", "--seed", "0", "--seeds", "2", "--output", str(folder), *SMALL]
    )
    again = CliRunner().invoke(main, ["converge", "--scenario", str(folder / "seed-0.json")])

    assert run.exit_code == 1, run.output
    assert "Seed 0: I" in run.output
    assert "deltapad converge --seed 0 --clients 4 --ops 150 --hours 0.3" in run.output
    assert (folder / "seed-0-notes.jsonl").exists()
    assert again.exit_code == 1 and "Seed 0: I" in again.output


def test_command_on_a_scenario_that_holds(tmp_path):
    """A file whose bug has been repaired says so."""
    save(draw(1, SIZES), tmp_path / "one.json")

    run = CliRunner().invoke(main, ["converge", "--scenario", str(tmp_path / "one.json")])

    assert run.exit_code == 0 and "Every invariant held" in run.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--faults", "gremlins"], "no fault is called 'gremlins'"),
        (["--seeds", "0"], "x>=1"),
        (["--scenario", "nowhere.json"], "does not exist"),
    ],
)
def test_command_used_wrongly(arguments, says):
    """Exit code 2, and what is wrong."""
    run = CliRunner().invoke(main, ["converge", *arguments])

    assert run.exit_code == 2 and says in run.output


@pytest.mark.parametrize("content", ["", "{}", '{"version": 99}'])
def test_scenario_that_cannot_be_read(content, tmp_path):
    """Exit code 1, and the file that is meant."""
    file = tmp_path / "bad.json"
    file.write_text(content)

    run = CliRunner().invoke(main, ["converge", "--scenario", str(file)])

    assert run.exit_code == 1 and "bad.json" in run.output


def test_command_compares_with_javascript():
    """With --js the browser's machine takes part."""
    run = CliRunner().invoke(main, ["converge", "--js", "--seed", "4", *SMALL])

    assert run.exit_code == 0, run.output


def test_the_page_is_complete():
    """It names every fault and invariant, and the commands on it are ones that there are."""
    page = (REPO / "docs/how-to/converge.md").read_text()
    for name, about in FAULTS.items():
        assert f"| `{name}` | {about.meaning} |" in page
    for line in (CHECKS_DOCSTRING or "").splitlines():
        for name in re.findall(r"^    ([IQ]\d+) ", line):
            assert re.search(rf"^\| .*\b{name}\b.* \| ", page, re.MULTILINE), name
    commands = re.findall(r"^    deltapad converge(.*)$", page, re.MULTILINE)
    assert len(commands) > 5
    for command in commands:
        words = command.partition("   ")[0].split()
        if "--scenario" not in words:
            converge.make_context("converge", words)


def test_javascript_needs_a_checkout(monkeypatch):
    """An installed package says so at once."""
    monkeypatch.setattr("server.simulation.javascript._SCRIPT", Path("/nowhere/differential.mjs"))

    run = CliRunner().invoke(main, ["converge", "--js", "--seed", "1"])

    assert run.exit_code == 1 and "needs a checkout" in run.output


# --- Parts ----------------------------------------------------------------------------------------


def run_in_virtual_time(work):
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work), loop.now_ns
    finally:
        loop.close()


def test_waiting_takes_no_time():
    """Days go by at once, to the nanosecond."""

    async def wait() -> float:
        await asyncio.sleep(86_400 * 3)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(wait()) == (259_200.0, 259_200_000_000_000)


def test_timers_are_never_early():
    """Whoever looks at the clock when it rings finds that it is time."""

    async def ring() -> bool:
        loop = asyncio.get_running_loop()
        early = []
        for number in range(1, 2_000):
            due = loop.time() + number / 7_919
            rung = loop.create_future()
            loop.call_at(due, rung.set_result, None)
            await rung
            early.append(loop.time() < due)
        return any(early)

    assert run_in_virtual_time(ring())[0] is False


def test_deadlock_has_a_name():
    """Who waits for nothing is told."""

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    loop = VirtualLoop()
    task = loop.create_task(wait())
    with pytest.raises(Deadlock):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_livelock_has_a_name():
    """Who is busy for ever while no time goes by is told."""

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    loop = VirtualLoop()
    task = loop.create_task(spin())
    with pytest.raises(Livelock):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_executors_work_at_once():
    """What the store gives to a thread is done here; its errors arrive."""

    async def work() -> tuple[int, str]:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, int, "x")
        except ValueError as error:
            return await loop.run_in_executor(None, int, "7"), str(error)
        return 0, ""

    (number, error), _ = run_in_virtual_time(work())
    assert number == 7 and "invalid literal" in error


def test_scenarios_are_plain_data(tmp_path):
    """What is saved is what is loaded; a seed gives one scenario, and leaves no fault undrawn."""
    scenario = draw(7, Sizes())
    save(scenario, tmp_path / "seven.json")

    assert load(tmp_path / "seven.json") == scenario == draw(7, Sizes())
    drawn = {fault.kind for seed in range(30) for fault in draw(seed, Sizes()).faults}
    assert drawn == FAULTS.keys()


def test_chance_by_name():
    """A name is a stream; another one is another."""
    first, same, other = Chance(1, "a"), Chance(1, "a"), Chance(1, "b")
    numbers = [first.below(1_000) for _ in range(20)]

    assert numbers == [same.below(1_000) for _ in range(20)]
    assert numbers != [other.below(1_000) for _ in range(20)]
    assert all(1 <= first.magnitude(1, 100) <= 100 for _ in range(100))


def test_characters_are_given_out_once():
    """From all planes, none twice, and no surrogate among them."""
    letters = Alphabet().take(50_000)

    assert len(set(letters)) == 50_000
    letters.encode()
    assert {ord(letter) >> 16 for letter in letters} == set(range(17))


@pytest.mark.parametrize(
    "kind",
    ["type", "paste", "backspace", "delete_word", "select_and_type", "replace_all", "undo"],
)
def test_typing(kind):
    """Every action fits the text that it was made on."""
    alphabet = Alphabet()
    text = alphabet.take(30)
    for pick in range(200):
        made = edit(kind, text, pick % 31, Chance(pick), alphabet, text[3:9])
        if made is not None:
            op, caret = made
            assert 0 <= caret <= len(apply(text, op))


# --- The oracle -----------------------------------------------------------------------------------


def account(*entries: tuple[int, list[int | str]]) -> list[str]:
    """What the oracle says when 1 has typed "abc" and deleted "b", and this is in the log."""
    accounts = PadAccounts()
    accounts.edited(1, 1, "", ["abc"])
    accounts.edited(1, 1, "abc", [1, -1])
    return [wrong for family, op in entries for wrong in accounts.durable(family, op)] + list(
        accounts.verdict()
    )


def test_oracle():
    """Strangers' letters, doubles, deletes that nobody made, and orders that change are found."""
    assert account((1, ["abc"]), (1, [1, -1])) == []
    assert account((1, ["ac"])) == []
    assert account((2, ["a"])) == ["'a' was inserted by somebody who has not typed it"]
    assert account((1, ["x"])) == ["'x' was inserted by somebody who has not typed it"]
    assert account((1, ["a"]), (1, ["a"])) == ["'a' is in the log twice"]
    assert account((1, ["ac"]), (2, [-1])) == ["'a' was deleted by somebody who has not deleted it"]
    assert account((1, ["abc"])) == ["'b' is in the text although it was deleted"]
    assert account((1, ["ca"])) == ["the order of 'abc' has changed"]


def test_entries_on_the_disk_are_copies():
    """What becomes durable does not change with the objects in memory."""
    world = World(draw(0, Sizes(clients=1, ops=5, hours=0.05, faults=())))
    assert world.run().violation is None
    pad = world.disk.pads[1]
    before = pad.entries()
    for entry in pad.entries():
        assert isinstance(entry, Entry)
        entry.op.clear()

    assert pad.entries() == before
