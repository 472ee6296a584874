"""the compiled core: a wheel built with DELTAPAD_COMPILE=1 passes the tests of the pure one"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from hatch_build import MODULES
from tests.conftest import REPO

COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
# That it is the compiled modules that the other tests see.
PROOF = f"""
import importlib
import pytest

@pytest.mark.parametrize("name", {MODULES})
def test_compiled(name):
    assert not importlib.import_module("ot." + name).__file__.endswith(".py")
"""
HEADER = Path(sysconfig.get_paths()["include"]) / "Python.h"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        shutil.which(COMPILER) is None or not HEADER.exists(),
        reason="no C compiler, or no Python headers, on this machine: the core stays pure Python",
    ),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is in the compiled wheel."""
    folder = tmp_path_factory.mktemp("compiled")
    result = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPO],
        cwd=folder,
        env=os.environ | {"DELTAPAD_COMPILE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = folder.glob("*.whl")
    assert "none-any" not in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def test_the_same_tests_pass(compiled):
    """The tests of each compiled module, and what stands on them, with the compiled modules."""
    files = [f"tests/test_{name}.py" for name in [*MODULES, "vectors", "session", "presence"]]
    proof = compiled / "test_proof.py"
    proof.write_text(PROOF)

    tests = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--no-cov", "-q", "-p", "no:cacheprovider"),
            *("-o", f"pythonpath={compiled} ."),
            *(proof, *files),
        ],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tests.returncode == 0, tests.stdout[-5_000:]
    assert " passed" in tests.stdout
