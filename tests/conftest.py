"""fixtures that any test may use: the repository, and a real server in a process of its own"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest

REPO = Path(__file__).resolve().parent.parent
DELTAPAD = Path(sys.executable).with_name("deltapad")  # the command of this very environment
START_SECONDS_MAX = 20.0  # far more than it takes, for machines that do other things as well
STOP_SECONDS_MAX = 15.0

# A deadline for one example measures how busy the machine is; pytest-timeout catches what hangs.
hypothesis.settings.register_profile("deltapad", deadline=None, print_blob=True)
hypothesis.settings.load_profile("deltapad")


class ServerProcess:
    """A running `deltapad serve`, which can be killed and started again on its port and data.

    Starting and stopping block for up to a second. In a test whose own clients must go on
    meanwhile, say `await asyncio.to_thread(server.restart)`.
    """

    def __init__(
        self,
        data: Path,
        *,
        args: tuple[str, ...] = (),
        command: Path = DELTAPAD,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = 0  # 0 until the first start: then the system picks a free one, and it stays
        self.errors_expected = False  # set it in a test that makes the server log a traceback
        self._command = command
        self._args = args
        self._env = {**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"}
        for name in [name for name in self._env if name.startswith("DELTAPAD_")]:
            del self._env[name]  # the developer's own settings are not the test's
        self._log = data.with_name(f"{data.name}.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where the WebSockets are: add `/ws/{pad}`."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server has printed, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Returns when the server says that it is ready."""
        seen = len(self.log)
        self.launch()
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (ready := re.search(r"Serving at http://[^\s:]+:(\d+)", self.log[seen:])):
            exited = self._process.poll() is not None
            if exited or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"the server {'ended' if exited else 'is not ready'}:\n{self.log}")
            time.sleep(0.02)
        self.port = int(ready[1])

    def launch(self) -> None:
        """Starts it, and waits for nothing: to kill it while it starts."""
        assert self._process is None, "the server is already running"
        command = [str(self._command), "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data), *self._args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self.data.parent,  # not the repository: nothing may depend on where it starts
            )

    def kill(self) -> None:
        """As a power cut would: SIGKILL, no last word."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As an operator would: SIGTERM. Returns the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Until it has ended by itself. Returns the exit code."""
        process, self._process = self._process, None
        assert process is not None, "the server is not running"
        return process.wait(STOP_SECONDS_MAX)

    def restart(self) -> None:
        """Starts it again, on the same port and data; stops it first if it runs."""
        if self._process is not None:
            self.stop()
        self.start()

    def close(self) -> None:
        """Ends it for good, and fails the test if the server has logged an unexpected error."""
        if self._process is not None:
            self.kill()
        if "Traceback" in self.log and not self.errors_expected:
            pytest.fail(f"the server logged an error:\n{self.log}")

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None, "the server is not running"
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the server did not end within {STOP_SECONDS_MAX} s:\n{self.log}")


@pytest.fixture(scope="session")
def repo() -> Path:
    """The folder of the repository."""
    return REPO


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts a server with more flags: `start_server("--flag", "value")`. Each has its own data."""
    servers: list[ServerProcess] = []

    def start(*args: str) -> ServerProcess:
        servers.append(ServerProcess(tmp_path / f"data-{len(servers)}", args=args))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def serve(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A running server with its default settings."""
    return start_server()
