"""what the tutorial and the README show is run, against a real server"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from client_py import PadClient
from tests.conftest import ServerProcess
from tests.wire import create_pad


@pytest.mark.slow
async def test_the_program_of_the_tutorial(serve: ServerProcess, repo: Path) -> None:
    """The program, saved and run as it stands but for the address, writes into the pad."""
    program = python_of(repo / "docs/tutorial.md").replace("http://127.0.0.1:8080", serve.url)
    await create_pad(serve.url, "the-last-part-of-its-address")

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert process.returncode == 0
    assert output.decode() == "1 of 5\n2 of 5\n3 of 5\n4 of 5\n5 of 5\n\n"


async def test_the_example_of_the_readme(serve: ServerProcess, repo: Path) -> None:
    """The few lines of the README, inside a function, put their greeting on the disk."""
    lines = python_of(repo / "README.md").replace("http://127.0.0.1:8080", serve.url)
    await create_pad(serve.url, "notes-k7Qm2xAb")
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    scope: dict[str, object] = {}
    exec(f"async def example():\n{body}", scope)
    await scope["example"]()  # type: ignore[operator]

    async with PadClient(serve.url, "notes-k7Qm2xAb") as client:
        assert client.text == "Hello from Python.\n"


def python_of(page: Path) -> str:
    """The Python code of a page."""
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    return str(code)
