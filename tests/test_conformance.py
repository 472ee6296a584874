"""the wire vectors, played against a real server, and the command that does it for any server"""

from __future__ import annotations

import asyncio
import copy
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import REPO, ServerProcess
from tests.vectors.run import Differs, LeftOut, cases, play
from tests.vectors.wire import OPS_PER_FRAME_MAX, PAD_LENGTH_MAX

CASES = {case["name"]: case for case in cases()}
SMALL = (
    *("--pad-length-max", str(PAD_LENGTH_MAX)),
    *("--ops-per-frame-max", str(OPS_PER_FRAME_MAX)),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the limits that the scripts need; each case has a pad of its own."""
    server = ServerProcess(tmp_path_factory.mktemp("conformance") / "data", args=SMALL)
    server.start()
    yield server
    server.close()


@pytest.mark.parametrize("name", CASES)
async def test_the_server_does_as_the_script_says(server, name):
    """Every frame of every connection, the close codes, and the text that is left."""
    await play(server.url, CASES[name])


async def test_a_server_that_differs_is_found(server):
    """The script is changed rather than the server: an entry, an acknowledgement, a welcome, the
    text at the end, a close code.
    """
    for name, change in {
        "two write at one place: who is in the log first goes left": ("tell", "ops"),
        "hello, welcome, and the own entry as acknowledgement": ("tell", "welcome"),
        "far behind: one delta": ("tell", "delta"),
        "refused: a draft, a new session, and on": ("closed", "code"),
        "emoji": ("pad", "text"),
    }.items():
        case = copy.deepcopy(CASES[name])
        do, what = change
        step = [
            step
            for step in case["steps"]
            if step["do"] == do and (do != "tell" or step["frame"]["type"] == what)
        ][-1]
        match what:
            case "ops":
                step["frame"]["ops"][-1][2].append(-1)
            case "delta":
                step["frame"]["op"].append(-1)
            case "welcome":
                step["frame"]["committed"] = [1, 1]
            case "code":
                step["code"] += 1
            case "text":
                step["text"] += "!"

        with pytest.raises(Differs):
            await play(server.url, case)


async def test_a_case_that_needs_other_limits_is_left_out(serve):
    """A server with its default settings passes, except for what it cannot be asked."""
    left_out = []
    for case in cases():
        if "needs" in case:
            with pytest.raises(LeftOut):
                await play(serve.url, case)
            left_out.append(case["name"])

    command = (sys.executable, "-m", "tests.vectors.run", serve.url)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=REPO, stdout=asyncio.subprocess.PIPE
    )
    output = (await process.communicate())[0].decode()

    assert process.returncode == 0, output
    assert output.count(": passed\n") == len(CASES) - len(left_out)
    assert [line for line in left_out if f"{line}: left out" not in output] == []
    assert output.endswith(f"0 of {len(CASES)} failed\n")
