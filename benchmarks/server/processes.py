"""a server's processes: started on a core, watched through /proc, and ended by their ids"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LOAD_CORE", "SERVER_CORE", "Failure", "Running", "last_line", "pinned", "serving"]

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
# Seconds. A server that listens later than this does not start; one that has not ended by then is
# ended the hard way.
START_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 20.0
KILL_SECONDS_MAX: Final = 5.0
# Seconds between two looks whether it listens.
LOOK_SECONDS: Final = 0.01
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


class Failure(Exception):
    """Why there is no figure."""


@dataclass(frozen=True)
class Running:
    """A server that listens on a port. All that it has started counts as the server, too: a
    database, that is.
    """

    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """Of all threads of all its processes, in the kernel too."""
        # Fields 14 and 15, behind the name in brackets; 16 and 17 are of children that are gone.
        fields = [_stat(pid)[11:15] for pid in self._pids()]
        return sum(int(ticks) for one in fields for ticks in one) / _TICKS

    def rss(self) -> float:
        """Bytes of memory; what its processes share counts once."""
        own, shared = [], [0]
        for pid in self._pids():
            with contextlib.suppress(OSError):
                lines = (_PROC / str(pid) / "status").read_text().splitlines()
                kib = {key: int(value.split()[0]) for key, value in map(_field, lines) if value}
                own.append(kib["RssAnon"])
                shared.append(kib["RssFile"] + kib["RssShmem"])
        return (sum(own) + max(shared)) * 1024.0

    def kill(self) -> None:
        """As if the machine's power had gone: `kill -9`, all at once."""
        _kill(self._pids())

    def stop(self) -> None:
        """Tell it to end, and see that it and all that it has started are gone."""
        pids = self._pids()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _kill(pids[1:])

    def rest(self, seconds_max: float) -> None:
        """Wait until it does nothing any more: some store behind their acknowledgements."""
        end = time.monotonic() + seconds_max
        used = self.cpu_seconds()
        while time.monotonic() < end:
            time.sleep(1)
            before, used = used, self.cpu_seconds()
            if used - before < 0.03:
                return

    def _pids(self) -> list[int]:
        """Its own, and those of all its descendants."""
        children: dict[int, list[int]] = {}
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found


def _kill(pids: Sequence[int]) -> None:
    """The hard way; behind it none of them runs, though some may not have been collected yet."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + KILL_SECONDS_MAX
    while time.monotonic() < end and any(_runs(pid) for pid in pids):
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """A process that has ended stays in sight until its parent has asked how."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def _field(line: str) -> tuple[str, str]:
    """A line of a process's status, if it is an amount of memory."""
    name, _, value = line.partition(":")
    return name, value if value.endswith("kB") else ""


def _stat(pid: int) -> Sequence[str]:
    """The fields of a process behind its name; none if it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return ()


def pinned(core: int) -> list[str]:
    """In front of a command, so that it runs on this core alone; nothing where that cannot be."""
    usable = shutil.which("taskset") and (os.cpu_count() or 1) > core
    return ["taskset", "-c", str(core)] if usable else []


@contextlib.contextmanager
def serving(
    command: Callable[[int], Sequence[str]], environment: dict[str, str], log: Path
) -> Iterator[Running]:
    """A server that listens, on the port that its command is made for; it is ended behind the
    block, and the last line of its log is told if it does not start. Raises Failure.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*pinned(SERVER_CORE), *command(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=log.parent,
        )
    running = Running(process, port)
    try:
        _wait_until_it_listens(running, log)
        yield running
    finally:
        running.stop()


def _wait_until_it_listens(running: Running, log: Path) -> None:
    address = ("127.0.0.1", running.port)
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and running.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(address, 1):
            return
        time.sleep(LOOK_SECONDS)
    raise Failure(f"the server does not start: {last_line(log)}")


def last_line(log: Path) -> str:
    """What a server has said last, of an error if there is one."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["it says nothing"]
    return next((line for line in reversed(lines) if "rror" in line), lines[-1])
