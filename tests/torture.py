"""what may break, by the thousand: python -m tests.torture [power N] [kill N] [crash N] ...

What `make test` does for a minute, at length. The first loss ends it with exit code 1, and says how
to see it again. Power failures come from a seed alone; when a real server is killed, its clients
and the system take part in the chance, so its data and log are kept as well.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

import click
import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.conftest import ServerProcess
from tests.faults import bit_flips, crashing_tab, power_loss, siege
from tests.faults.decoding import decode_many
from tests.faults.frame_fuzzer import Fuzzer
from tests.faults.hot_pad import hot_pad, starved
from tests.faults.ledger import Broken

# What `make torture` does: images, kills, stops, bits of a database, frames, crashes of a tab, and
# writers in one pad.
_ALL: Final = {
    "power": 100_000,
    "kill": 1_000,
    "term": 200,
    "flips": 10_000,
    "frames": 1_000_000,
    "crash": 200,
    "writers": 400,
}
# Images of a round: its three lives have some 400 moments around a sync, each with its ways.
_IMAGES: Final = 1_000
# Kills, or stops, of one server with its data: later ones would read a longer log each time.
_STRIKES: Final = 25
# Bits turned in one file, each from the whole one.
_FLIPS: Final = 500
# Fuzzed frames of a round.
_FRAMES: Final = 50_000
# For so many seconds the writers of a hot pad write, flat out.
_HOT_SECONDS: Final = 20.0

Rows = list[tuple[str, str]]


class _Lost(Exception):
    """Something was lost: what, and how to see it again."""


@click.command()
@click.argument("what", nargs=-1)
@click.option("--seed", default=1, show_default=True, help="Of the first round.")
def main(what: tuple[str, ...], seed: int) -> None:
    """Let power fail N times, kill a server N times, tell it to end N times, turn N bits of a
    database one at a time, decode N frames, crash a tab N times, have N write into one pad:
    `power 1000 kill 20`.

    Without arguments all of it, for more than an hour.
    """
    console = Console()
    rows: Rows = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console) as progress:
            for name, count in _wanted(what).items():
                task = progress.add_task(name, total=count)
                begun = time.monotonic()

                def advance(done: int, task=task) -> None:
                    progress.advance(task, done)

                rows += _WORK[name](seed, count, advance)
                rows.append((f"{name}: seconds", f"{time.monotonic() - begun:,.0f}"))
    except _Lost as lost:
        console.print(str(lost), style="red", markup=False)
        raise SystemExit(1) from None
    table = Table("what", "", title="Nothing was lost.")
    table.columns[1].justify = "right"
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _wanted(what: tuple[str, ...]) -> dict[str, int]:
    """`power 1000 kill 20` as numbers by name."""
    if not what:
        return _ALL
    if len(what) % 2:
        raise click.UsageError("say what and how often, such as: power 1000 kill 20")
    wanted = {}
    for name, number in zip(what[::2], what[1::2], strict=True):
        if name not in _ALL or not number.isdigit() or not int(number):
            raise click.UsageError(f"{name} {number}: say {', '.join(_ALL)}, and how often")
        wanted[name] = int(number)
    return wanted


def _rounds(seed: int, count: int, size: int) -> Iterator[tuple[int, int]]:
    """Seeds, and how much is done in the round of each."""
    for number in range(-(-count // size)):
        yield seed + number, min(size, count - number * size)


# --- Power ----------------------------------------------------------------------------------------


def _power(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    """Rounds on all cores."""
    figures = power_loss.Figures()
    with ProcessPoolExecutor() as pool:
        rounds = {pool.submit(_power_round, *each): each for each in _rounds(seed, count, _IMAGES)}
        for done in as_completed(rounds):
            its_seed, images = rounds[done]
            its = done.result()
            if its.losses:
                pool.shutdown(cancel_futures=True)
                again = f"python -m tests.torture power {images} --seed {its_seed}"
                raise _Lost(f"{its.losses[0]}\n{len(its.losses)} in this round; again: {again}")
            figures.add(its)
            advance(images)
    return [
        ("power: images", f"{figures.images:,}"),
        ("power: of them different", f"{figures.distinct:,}"),
        ("power: syncs recorded", f"{figures.syncs:,}"),
        ("power: checkpoints", f"{figures.checkpoints:,}"),
        ("power: WALs begun anew", f"{figures.wal_restarts:,}"),
        ("power: what was under way was there", f"{figures.kept:,}"),
        ("power: what was under way was not there", f"{figures.dropped:,}"),
    ]


def _power_round(seed: int, images: int) -> power_loss.Figures:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        return asyncio.run(power_loss.run_round(seed, images, Path(scratch)))


# --- A real server --------------------------------------------------------------------------------


def _kill(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    return _strikes("kill", siege.kill, seed, count, advance)


def _term(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    return _strikes("term", siege.stop, seed, count, advance)


def _strikes(
    name: str,
    strike: Callable[[ServerProcess, int, int], Coroutine[None, None, siege.Figures]],
    seed: int,
    count: int,
    advance: Callable[[int], None],
) -> Rows:
    """Rounds, each with a server and data of its own."""
    total = siege.Figures()
    for its_seed, times in _rounds(seed, count, _STRIKES):
        folder = Path(tempfile.mkdtemp(prefix=f"deltapad-{name}-{its_seed}-"))
        server = ServerProcess(folder / "data")
        again = f"python -m tests.torture {name} {times} --seed {its_seed}"
        try:
            server.start()
            total.add_round(asyncio.run(strike(server, its_seed, times)))
            server.close()
        except (Broken, TimeoutError, pytest.fail.Exception) as error:
            server.errors_expected = True
            server.close()
            raise _Lost(f"{error!r}\nData and log are in {folder}; again: {again}") from None
        shutil.rmtree(folder)
        advance(times)
    rows = [
        (f"{name}: times", f"{total.strikes:,}"),
        (f"{name}: operations acknowledged", f"{total.acknowledged:,}"),
        (f"{name}: revisions shown to somebody", f"{total.shown:,}"),
        (f"{name}: under way, in the log, nobody told yet", f"{total.untold:,}"),
        (f"{name}: under way, not in the log, sent again", f"{total.unwritten:,}"),
    ]
    if name == "term":
        rows.append(("term: seconds to end, at most", f"{total.stop_seconds_max:.2f}"))
    return rows


# --- A disk that forgets --------------------------------------------------------------------------


def _flips(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    """Rounds on all cores."""
    total: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        rounds = {pool.submit(_flips_round, *each): each for each in _rounds(seed, count, _FLIPS)}
        for done in as_completed(rounds):
            its_seed, bits = rounds[done]
            its = done.result()
            if its["missed"]:
                pool.shutdown(cancel_futures=True)
                again = f"python -m tests.torture flips {bits} --seed {its_seed}"
                raise _Lost(f"{its['missed']} changes in this round were missed; again: {again}")
            total += its
            advance(bits)
    return [
        ("flips: bits turned, one at a time", f"{total.total():,}"),
        ("flips: found by verify", f"{total['found']:,}"),
        ("flips: of no effect on what can be read", f"{total['harmless']:,}"),
    ]


def _flips_round(seed: int, bits: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as scratch:
        content = bit_flips.filled(Path(made))
        return bit_flips.tally(content, Path(scratch), count=bits, seed=seed)


# --- A browser, and what comes in -----------------------------------------------------------------


def _frames(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    """Rounds on all cores."""
    total: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        rounds = {pool.submit(_frames_round, *each): each for each in _rounds(seed, count, _FRAMES)}
        for done in as_completed(rounds):
            its_seed, frames = rounds[done]
            try:
                total += done.result()
            except AssertionError as error:
                pool.shutdown(cancel_futures=True)
                again = f"python -m tests.torture frames {frames} --seed {its_seed}"
                raise _Lost(f"{error}: {error.__cause__!r}\nAgain: {again}") from None
            advance(frames)
    messages = sum(number for name, number in total.items() if name[0].isupper())
    return [
        ("frames: hostile ones decoded", f"{total.total():,}"),
        ("frames: of them messages that keep all rules", f"{messages:,}"),
        ("frames: of them refused by a named error", f"{total.total() - messages:,}"),
    ]


def _frames_round(seed: int, frames: int) -> Counter[str]:
    return decode_many(Fuzzer(seed), frames)


def _crash(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    """Rounds, each with a server, a browser and data of its own."""
    total = crashing_tab.Figures()
    for its_seed, times in _rounds(seed, count, _STRIKES):
        folder = Path(tempfile.mkdtemp(prefix=f"deltapad-crash-{its_seed}-"))
        server = ServerProcess(folder / "data")
        again = f"python -m tests.torture crash {times} --seed {its_seed}"
        try:
            server.start()
            total.add(asyncio.run(crashing_tab.run_round(server, its_seed, times)))
            server.close()
        except (AssertionError, TimeoutError, pytest.fail.Exception) as error:
            server.errors_expected = True
            server.close()
            raise _Lost(f"{error!r}\nData and log are in {folder}; again: {again}") from None
        shutil.rmtree(folder)
        advance(times)
    return [
        ("crash: times, in the middle of a word", f"{total.crashes:,}"),
        ("crash: characters that were on the disk and arrived", f"{total.characters:,}"),
        ("crash: operations, each in the log once", f"{total.revisions:,}"),
    ]


def _writers(seed: int, count: int, advance: Callable[[int], None]) -> Rows:
    """Chance has no part in it, but for the system's; `seed` is for the others."""
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data")
        server.start()
        try:
            hot, quiet = hot_pad(server, writers=count, seconds=_HOT_SECONDS)
        finally:
            server.close()
    if unfair := starved(hot, quiet):
        raise _Lost(unfair)
    advance(count)
    waits = {
        "the hot pad": [wait for turns in hot for wait in turns.waits],
        "a quiet pad": [wait for turns in quiet for wait in turns.waits],
    }
    return [
        *(
            (f"writers: seconds until saved in {where}: median, longest", f"{mid:.3f}, {most:.3f}")
            for where, of in waits.items()
            for mid, most in [(statistics.median(of), max(of))]
        ),
        ("writers: edits of one in the hot pad, at least", f"{min(t.edits for t in hot):,}"),
        ("writers: edits of one in a quiet pad, at least", f"{min(t.edits for t in quiet):,}"),
    ]


_WORK: Final = {
    "power": _power,
    "kill": _kill,
    "term": _term,
    "flips": _flips,
    "frames": _frames,
    "crash": _crash,
    "writers": _writers,
}

if __name__ == "__main__":
    main()
