"""who is measured: deltapad itself, pure and compiled, and the peers, in packages of their own"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from benchmarks.core.inputs import Unit

__all__ = ["PEERS", "REPO", "Peer"]

REPO: Final = Path(__file__).resolve().parent.parent
_PROGRAMS: Final = REPO / "benchmarks/core/peers"
_NODE_MODULES: Final = REPO / "benchmarks/node_modules"
_PEERS_PYTHON: Final = REPO / ".venv-bench/bin/python"
_OWN_PYTHON: Final = REPO / ".venv/bin/python"
_NODE: Final = REPO / ".venv/bin/node"
_COMPILED: Final = REPO / "build/compiled"

Kind = Literal["pure", "compiled", "python", "node"]


@dataclass(frozen=True)
class Peer:
    """One row of the tables. `workloads` are those that it does, by their names; `tasks` names the
    task in its program where that is not the workload's own. The unit is that of its positions.
    """

    name: str
    kind: Kind
    program: str
    packages: tuple[str, ...]
    workloads: frozenset[str]
    unit: Unit = "code_points"
    tasks: Mapping[str, str] = field(default_factory=dict)

    def command(self) -> list[str]:
        """What starts its program."""
        if self.kind == "node":
            return [str(_NODE), "--expose-gc", str(_PROGRAMS / f"{self.program}.mjs")]
        python = _PEERS_PYTHON if self.kind == "python" else _OWN_PYTHON
        program = [str(python), "-P", "-m", f"benchmarks.core.peers.{self.program}"]
        # It makes sure that this is what it is.
        return program + [self.kind] * (self.kind in ("pure", "compiled"))

    def environment(self) -> dict[str, str]:
        """Its process's environment: only where deltapad is found differs."""
        path = [str(_COMPILED), str(REPO)] if self.kind == "compiled" else [str(REPO)]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def absent(self) -> str:
        """Why it cannot be measured here; empty if it can."""
        if self.kind == "compiled":
            built = any((_COMPILED / "ot").glob("operation*.so"))
            return "" if built else "not built: `make compiled` does it"
        missing = [name for name in self.packages if self._manifest(name) is None]
        return f"not installed: {', '.join(missing)}" if missing else ""

    def version(self) -> str:
        """The versions of its packages that are installed; none of what is not."""
        versions = []
        for package in self.packages:
            manifest = self._manifest(package)
            if manifest is not None:
                match = re.search(
                    r'^[ \t]*"?version"?(?::| =) "?([\d.]+)', _read(manifest), re.M | re.I
                )
                versions.append(match[1] if match else "unknown")
        return " + ".join(versions)

    def _manifest(self, package: str) -> Path | None:
        """The file that says which version of a package is installed."""
        if self.kind == "node":
            path = _NODE_MODULES / package / "package.json"
            return path if path.is_file() else None
        if self.kind == "python":
            places = _PEERS_PYTHON.parent.parent.glob("lib/python*/site-packages")
            name = f"{package.replace('-', '_')}-*.dist-info/METADATA"
            return next((path for place in places for path in place.glob(name)), None)
        return REPO / "pyproject.toml"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


_TRANSFORMS = {"transform-1", "transform-50", "transform-5000"}
_OT = frozenset({"replay", "compose", "catch-up", *_TRANSFORMS})
_OURS = _OT | {"live", "memory", "memory-history", "seek"}
_CRDT = frozenset({"replay", "catch-up", "memory-history"})

_NEW_LOG = frozenset({"catch-up"})

PEERS: Final = (
    Peer("deltapad (compiled)", "compiled", "deltapad", ("deltapad",), _OURS),
    Peer("deltapad (pure)", "pure", "deltapad", ("deltapad",), _OURS),
    # The log of the two above has composed blocks; that of these two composes them first.
    Peer(
        "deltapad (compiled), new log",
        "compiled",
        "deltapad",
        ("deltapad",),
        _NEW_LOG,
        tasks={"catch-up": "catch_up_new_log"},
    ),
    Peer(
        "deltapad (pure), new log",
        "pure",
        "deltapad",
        ("deltapad",),
        _NEW_LOG,
        tasks={"catch-up": "catch_up_new_log"},
    ),
    Peer("ot.js", "node", "ot_js", ("ot",), _OT, unit="utf16"),
    Peer("ot-text-unicode", "node", "ot_text_unicode", ("ot-text-unicode",), _OT - {"replay"}),
    Peer(
        "ot-text-unicode + jumprope",
        "node",
        "ot_text_unicode",
        ("ot-text-unicode", "jumprope"),
        frozenset({"replay"}),
        unit="utf16",
    ),
    Peer(
        "CodeMirror",
        "node",
        "codemirror",
        ("@codemirror/state",),
        _OT | {"memory"},
        unit="utf16",
    ),
    Peer("Yjs", "node", "yjs", ("yjs",), _CRDT | {"live"}, unit="utf16"),
    Peer("diamond-types (wasm)", "node", "diamond_types", ("diamond-types-node",), _CRDT),
    Peer("pycrdt", "python", "pycrdt", ("pycrdt",), _CRDT, unit="utf8"),
    Peer("loro-py", "python", "loro", ("loro",), _CRDT | {"seek"}),
    Peer("python-ottype", "python", "ottype", ("python-ottype",), _OT),
    Peer("ropey-py", "python", "ropey", ("ropey-py",), frozenset({"replay"})),
)
