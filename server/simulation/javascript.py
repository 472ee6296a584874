"""the browser's client machine on the same steps: state by state, it has to agree"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["NodeMissingError", "compare", "find_node"]

# Of a checkout: an installed package has the built bundle only.
_SCRIPT = Path(__file__).resolve().parents[2] / "client_js/test/differential.mjs"


class NodeMissingError(Exception):
    """There is nothing here that could run the JavaScript client."""


def find_node() -> str:
    """Node, as it was installed beside Python or on the path. Raises NodeMissingError."""
    if not _SCRIPT.exists():
        raise NodeMissingError(
            f"comparing with the JavaScript client needs a checkout of deltapad: no {_SCRIPT}"
        )
    beside = Path(sys.executable).with_name("node")
    node = str(beside) if beside.exists() else shutil.which("node")
    if node is None:
        raise NodeMissingError("Node is missing: `make setup` installs it beside Python")
    return node


def compare(node: str, steps: Sequence[bytes]) -> str | None:
    """Do all steps in JavaScript; what differs first, None if nothing does."""
    run = subprocess.run(
        [node, str(_SCRIPT)], input=b"\n".join(steps) + b"\n", capture_output=True, check=False
    )
    if run.returncode == 0:
        return None
    first = (run.stdout or run.stderr).decode(errors="replace").partition("\n")[0]
    return f"the JavaScript client differs: {first[:2_000]}"
