"""`deltapad load` as a process of its own, and beside it, if wanted, somebody who reads slowly"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.growth.serving import BUILDS, Server
from benchmarks.growth.wire import hello, masked, upgrade
from benchmarks.peers import REPO
from benchmarks.server.processes import Failure
from ot.messages import Ping, encode

__all__ = ["SLOW_BYTES_PER_SECOND", "SlowReader", "loaded"]

_PYTHON: Final = REPO / ".venv/bin/python"
# Seconds that joining, draining and comparing may take beside the measured ones.
_PATIENCE: Final = 120.0
SLOW_BYTES_PER_SECOND: Final = 1_000
_SIPS_PER_SECOND: Final = 10
# Bytes that its system takes for it, about; what is more waits on the server's side.
_SLOW_BUFFER: Final = 4_096
# Seconds between two signs of life, as every client gives.
_PING_SECONDS: Final = 5.0


def loaded(
    server: Server, folder: Path, *, slow: bool = False, **options: float | str
) -> dict[str, Any]:
    """The report of one run with these options, as `deltapad load --json` writes it. Raises
    Failure, also if not all texts were equal.

    With `slow`, somebody reads slowly as long as it runs: `slow_bytes` says what they took.
    """
    report, log = folder / "load.json", folder / "load.log"
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [str(_PYTHON), "-P", "-m", "server", "load", server.url, *flags]
    # The generator is compiled for either build: it is not what is measured.
    build = "pure" if BUILDS["compiled"].absent() else "compiled"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--pid={server.pid}", f"--json={report}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**BUILDS[build].environment(), "PYTHONUNBUFFERED": "1"},
        )
        try:
            end = time.monotonic() + float(options["seconds"]) + _PATIENCE
            taken = _read_beside(process, server, log, end) if slow else 0
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failure("deltapad load does not come to its end") from None
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        lines = log.read_text().strip().splitlines() or [f"exit code {process.returncode}"]
        raise Failure(f"deltapad load: {lines[-1]}")
    (run,) = json.loads(report.read_bytes())["runs"]
    clients = run["plan"]["pads"] * (run["plan"]["writers"] + run["plan"]["readers"])
    if run["connected"] != clients or run["errors"]:
        raise Failure(f"{run['connected']} of {clients} connected; {run['errors']}")
    result: dict[str, Any] = {**run, "slow_bytes": taken}
    return result


def _read_beside(process: subprocess.Popen[bytes], server: Server, log: Path, end: float) -> int:
    """Read slowly from the run's first pad until it is over; the bytes that were taken."""
    reader: SlowReader | None = None
    while process.poll() is None and time.monotonic() < end:
        time.sleep(1 / _SIPS_PER_SECOND)
        if reader is not None:
            reader.sip()
            continue
        named = re.search(r"/p/(\S+)", log.read_text())
        if named:
            # It is named before it is there.
            with contextlib.suppress(Failure):
                reader = SlowReader(server.port, named[1])
    if reader is None:
        raise Failure("the slow reader did not get in")
    reader.close()
    return reader.taken


class SlowReader:
    """Somebody whose line is very slow."""

    def __init__(self, port: int, pad: str) -> None:
        """Raises Failure if there is no such pad."""
        self.taken = 0
        self._socket = socket.socket()
        # Before it connects: it decides what is offered to the other side.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BUFFER)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(upgrade(pad))
        answer = self._socket.recv(_SLOW_BUFFER)
        if not answer.startswith(b"HTTP/1.1 101"):
            self._socket.close()
            raise Failure(answer.partition(b"\r\n")[0].decode())
        self._socket.sendall(hello("Slow reader"))
        self._socket.setblocking(False)
        self._pinged = time.monotonic()

    def sip(self) -> None:
        """Take a little. Raises Failure if the server has gone."""
        with contextlib.suppress(BlockingIOError):
            data = self._socket.recv(SLOW_BYTES_PER_SECOND // _SIPS_PER_SECOND)
            if not data:
                raise Failure("the slow reader was sent away")
            self.taken += len(data)
        if time.monotonic() - self._pinged > _PING_SECONDS:
            self._pinged = time.monotonic()
            self._socket.sendall(masked(encode(Ping())))

    def close(self) -> None:
        """Cut the line."""
        self._socket.close()
