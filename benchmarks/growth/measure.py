"""what is measured at each step of each table: the pads, the load, and the figures that come out"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import uvloop

from benchmarks.growth.idle import sit
from benchmarks.growth.load import loaded
from benchmarks.growth.pads import make_log, make_pads, make_text
from benchmarks.growth.serving import Build, bare_text, deltapad
from benchmarks.growth.typists import type_into
from benchmarks.growth.wire import open_pad
from benchmarks.server.processes import Failure

__all__ = [
    "BEHIND",
    "LOG_LENGTH",
    "MEASURES",
    "PAD_CONNECTIONS",
    "Cell",
    "Effort",
    "Made",
    "measure",
]

Figures = dict[str, float]

# Edits per second in all, however many clients there are.
_EDITS_PER_SECOND: Final = 100
# Of the rows with ten writers: keys per second of each.
_WRITERS, _RATE = 10, 5
# Code points of the text whose log is long.
LOG_LENGTH: Final = 100_000
# Revisions that somebody has missed who comes back.
BEHIND: Final = 1_000
# In the rows with idle connections: connections on each pad, and code points of its text.
PAD_CONNECTIONS: Final = 10
_IDLE_LENGTH: Final = 2_000


@dataclass(frozen=True)
class Effort:
    """How long each step is under load, but for the crowd, and the slow reader, who has to be sent
    more than systems hold; how often a server is started again to open a pad: the median counts.
    """

    seconds: float = 10.0
    crowd_seconds: float = 30.0
    slow_seconds: float = 20.0
    restarts: int = 5


@dataclass(frozen=True)
class Cell:
    """What one step gave with one build: `figures` as its table has them, or why nothing."""

    figures: Figures
    failure: str = ""


class Made:
    """Data folders, each made once, and copied for each measurement."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._copies = 0

    def copy(self, name: str, make: Callable[[Path], None]) -> Path:
        """A copy of the folder of that name, which `make` fills when it is first asked for."""
        original = self._folder / name
        if not original.exists():
            make(original)
        self._copies += 1
        return shutil.copytree(original, self._folder / f"{name}-{self._copies}")

    def new(self) -> Path:
        """An empty one."""
        return Path(tempfile.mkdtemp(dir=self._folder))


def measure(table: str, step: int, build: Build, effort: Effort, made: Made) -> Cell:
    """Measure one step of a table with one build."""
    try:
        return Cell(MEASURES[table](step, build, effort, made))
    except Failure as error:
        return Cell({}, str(error))


def _clients(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    return _load(build, made, writers=step, rate=_EDITS_PER_SECOND / step, seconds=effort.seconds)


def _crowd(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    writers = step * 2 // 5
    rate = _EDITS_PER_SECOND / writers
    seconds = effort.crowd_seconds
    return _load(build, made, writers=writers, readers=step - writers, rate=rate, seconds=seconds)


def _durable(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    pads, writers = 20, 5
    rate = step / pads / writers
    return _load(build, made, pads=pads, writers=writers, rate=rate, seconds=effort.seconds)


def _slow(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    """`step` is edits a second; the same twice, the second time with the slow reader."""
    options: dict[str, Any] = {"readers": 100, "writers": _WRITERS}
    options["seconds"] = effort.slow_seconds
    options["rate"] = step / _WRITERS
    if step > _WRITERS * _RATE:
        options["model"] = "paste"
    without = _load(build, made, **options)
    with_one = _load(build, made, **options, slow=True)
    return {
        "without_p95": without["p95"],
        "p95": with_one["p95"],
        "ratio": with_one["p95"] / without["p95"],
        "more": with_one["rss"] - without["rss"],
        "rss": with_one["rss"],
        "slow_bytes": with_one["slow_bytes"],
        "sent": with_one["sent"],
    }


def _load(build: Build, made: Made, **options: Any) -> Figures:
    """One run of `deltapad load` on a new server."""
    data = made.new() / "data"
    with deltapad(build, data) as server:
        run = loaded(server, data.parent, **options)
    used = run["server"]
    seconds, clients = run["seconds"], run["connected"]
    cpu = used["cpu"] * seconds
    if run["seen"]["p50"] is None or not run["acked"]:
        raise Failure("nobody has seen anything")
    return {
        **{quantile: run["seen"][quantile] for quantile in ("p50", "p95", "p99")},
        **{f"ack_{quantile}": run["acknowledged"][quantile] for quantile in ("p50", "p99")},
        "edits": run["acked"],
        "cpu": cpu / (run["acked"] * seconds) * 1_000,
        "delivery_cpu": cpu / (run["deliveries"] * seconds) * 1_000 if clients > 1 else 0.0,
        "server_core": used["cpu"],
        "load_core": sum(run["generator_cpu"]),
        "rss": used["rss_mib"] * 2**20,
        "slow_bytes": run["slow_bytes"],
        # To each client, as the load has seen it.
        "sent": run["bytes_in"] * seconds / clients,
    }


def _size(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    data = made.copy(f"size-{step}", lambda folder: make_text(folder, "pad", step))
    return {**_opened(data, build, effort), **_typed(data, build, effort)}


def _log(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    data = made.copy(
        f"log-{step}",
        lambda folder: make_log(folder, "pad", revisions=step, length=LOG_LENGTH),
    )
    database = sum(file.stat().st_size for file in data.iterdir())
    figures = _opened(data, build, effort, behind=BEHIND if step >= BEHIND else 0)
    return {**figures, "database": database, **_typed(data, build, effort)}


def _opened(data: Path, build: Build, effort: Effort, *, behind: int = 0) -> Figures:
    """A pad after restarts: its first text, what came since for who was behind, and the text once
    more; beside reading and sending it with nothing around, in turn with it.
    """
    bare, first, again, delta = [], [], [], []
    empty = down = rss = 0.0
    for _ in range(effort.restarts):
        with bare_text(data, "pad") as server:
            bare.append(open_pad(server.port, "pad", awaited="").milliseconds)
        with deltapad(build, data) as server:
            empty = server.used().rss_bytes
            opened = open_pad(server.port, "pad")
            first.append(opened.milliseconds)
            down, rss = opened.bytes_down, server.used().rss_bytes
            welcome = opened.welcome()
            if behind:
                since = open_pad(
                    server.port,
                    "pad",
                    awaited="delta",
                    epoch=welcome.epoch,
                    revision=welcome.revision - behind,
                )
                delta.append(since.milliseconds)
            again.append(open_pad(server.port, "pad").milliseconds)
    figures = {
        "first": median(first),
        "again": median(again),
        "bare": median(bare),
        "ratio": median(first) / median(bare),
        "down": down,
        "rss": rss,
        "pad_rss": rss - empty,
    }
    return {**figures, "behind": median(delta)} if delta else figures


def _typed(data: Path, build: Build, effort: Effort) -> Figures:
    """Ten writers on a pad that is there, whose text is at hand."""
    with deltapad(build, data) as server:
        return uvloop.run(
            type_into(server, "pad", writers=_WRITERS, rate=_RATE, seconds=effort.seconds)
        )


def _idle(step: int, build: Build, effort: Effort, made: Made) -> Figures:
    pads = step // PAD_CONNECTIONS
    data = made.copy(f"idle-{step}", lambda folder: make_pads(folder, pads, length=_IDLE_LENGTH))
    with deltapad(build, data) as server:
        return uvloop.run(sit(server, pads=pads, connections=step))


MEASURES: Final[Mapping[str, Callable[[int, Build, Effort, Made], Figures]]] = {
    "clients": _clients,
    "size": _size,
    "log": _log,
    "idle": _idle,
    "crowd": _crowd,
    "slow": _slow,
    "durable": _durable,
}
