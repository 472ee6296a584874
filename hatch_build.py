"""the compiled build of the core: the same typed source, made into C extensions by mypyc

A wheel is pure Python unless the environment says DELTAPAD_COMPILE=1 while it is built; that needs
a C compiler and Python's headers. Run as a program, this puts a compiled copy of `ot` into a
folder, for tests and benchmarks: `python hatch_build.py build/compiled`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
# All of `ot` that runs for each operation. `messages` is msgspec's work already, and the others
# are for tests and for files.
MODULES = [
    "errors",
    "operation",
    "runs",
    "text",
    "history",
    "log",
    "document",
    "client",
    "concurrent",
]


def compile_core(folder: Path) -> list[Path]:
    """Put `ot` with its compiled modules into `folder`; returns what the compiler made."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "ot", folder / "ot", ignore=shutil.ignore_patterns("__pycache__"))
    sources = [f"ot/{name}.py" for name in MODULES]
    subprocess.run([sys.executable, "-m", "mypyc", "--strict", *sources], cwd=folder, check=True)
    shutil.rmtree(folder / "build")
    shutil.rmtree(folder / ".mypy_cache", ignore_errors=True)
    return [path for path in folder.rglob("*") if path.suffix in (".so", ".pyd")]


class CustomBuildHook(BuildHookInterface[Any]):
    """Compiles for the wheel, if asked to."""

    def dependencies(self) -> list[str]:
        """What a build needs on top of hatchling."""
        return ["mypy[mypyc]>=2.0", "msgspec>=0.22"] if _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to a wheel that is about to be built."""
        if version != "standard" or not _wanted():
            return
        folder = ROOT / "build" / "wheel"
        for path in compile_core(folder):
            build_data["force_include"][str(path)] = str(path.relative_to(folder))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _wanted() -> bool:
    return os.environ.get("DELTAPAD_COMPILE", "") not in ("", "0")


if __name__ == "__main__":
    compile_core(Path(sys.argv[1]))
