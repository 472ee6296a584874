"""the wheel, installed in an empty environment without Node, serves a pad"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import REPO, ServerProcess

HELLO = {
    "type": "hello",
    "session": "a-session-key-of-a-test",
    "person": "a-person-key-of-a-test-",
    "name": "Ada",
    "color": 0,
    "epoch": None,
    "revision": None,
}

# Installing needs the package registry, and waits for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly built wheel. `make setup` has built the browser bundle that goes into it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*build, "--outdir", folder, REPO, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment in which only the wheel and its dependencies are."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    install = (folder / "bin/pip", "install", "--disable-pip-version-check")
    run(*install, "-c", REPO / "constraints.txt", wheel, cwd=folder)
    return folder / "bin"


def test_content(wheel):
    """Our packages, all templates and the whole bundle are in it, and nothing else is."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("server/dist/manifest.json"))
    pages = [*(REPO / "templates").rglob("*.*"), *(REPO / "strings").glob("*.json")]
    templates = {f"server/{path.relative_to(REPO)}" for path in pages}
    bundle = {f"server/dist/{name}" for name in manifest.values()}
    top = {name.partition("/")[0] for name in names}

    assert templates
    assert {"pad.js", "home.js", "theme.js", "style.css"} <= manifest.keys()
    assert templates | bundle <= names
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "ot",
        "server",
        "client_py",
    }


async def test_it_serves_a_pad(installed, tmp_path):
    """The installed command makes a pad, shows its page with all it names, and says welcome."""
    environment = {"PATH": str(installed)}  # neither Node nor this repository
    server = ServerProcess(tmp_path / "data", command=installed / "deltapad", env=environment)
    server.start()
    try:
        async with aiohttp.ClientSession() as http:
            async with http.post(f"{server.url}/p", data={"name": "From a wheel"}) as answer:
                page = await answer.text()
                pad = re.fullmatch(r"/p/([A-Za-z0-9_-]{1,64})", answer.url.path)
            assert pad and answer.status == 200

            assets = re.findall(r'<(?:script|link)[^>]* (?:src|href)="(/[^"]+)"', page)
            assert any("pad" in asset for asset in assets)
            for asset in assets:
                async with http.get(server.url + asset) as answer:
                    assert (asset, answer.status) == (asset, 200)

            address = f"{server.ws_url}/ws/{pad[1]}"
            async with http.ws_connect(address, protocols=["deltapad.1"]) as socket:
                await socket.send_json(HELLO)
                welcome = await socket.receive_json(timeout=10)
            assert (welcome["type"], welcome["revision"], welcome["text"]) == ("welcome", 0, "")
            assert welcome["title"] == "From a wheel"
        assert server.stop() == 0
    finally:
        server.close()
