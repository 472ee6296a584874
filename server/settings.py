"""one frozen dataclass of settings and limits, units in the names

Every setting is a flag of `deltapad serve` and an environment variable: `idle_seconds` is
`--idle-seconds` and `DELTAPAD_IDLE_SECONDS`. The flag wins. Limits of the protocol itself, on which
clients rely, are in `ot/messages.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["HELP", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a server runs. The defaults are for one machine and some thousand people."""

    host: str = "127.0.0.1"
    port: int = 8080
    data: Path = Path("data")
    # Origins besides our own whose pages may open a WebSocket, such as "https://docs.example.org".
    allowed_origins: tuple[str, ...] = ()
    # Two million code points are a book of 1,000 pages; the text crosses the wire once per joiner.
    pad_length_max: int = 2_000_000
    # Each costs about 20 KiB and a file descriptor, of which a process often has 4,096 or more.
    connections_max: int = 20_000
    pad_connections_max: int = 2_000
    # About 300 bytes each: 3 MB for a busy pad. Older ones are read from the store when needed.
    log_entries_max: int = 10_000
    # A snapshot writes the whole text, loading a pad reads this many entries at most.
    snapshot_revisions: int = 1_000
    # A pad nobody looks at leaves memory after this; a reload within it finds it warm.
    idle_seconds: float = 60.0
    # More than this many revisions behind, a client gets one composed delta.
    ops_per_frame_max: int = 256
    # Carets look live at 20 a second, and faster costs every reader.
    presence_seconds: float = 0.05
    hello_seconds: float = 10.0
    # A dead peer is found after at most twice this; proxies cut silent connections after 60 s.
    heartbeat_seconds: float = 20.0
    # What is typed is never lost by an end; this is for the last batch and the goodbyes.
    shutdown_seconds: float = 8.0


HELP: dict[str, str] = {
    "host": "Address to listen on; 0.0.0.0 for every one that the machine has.",
    "port": "Port to listen on; 0 takes a free one and prints it.",
    "data": "Folder that keeps the pads; made if it is not there.",
    "allowed_origins": "Further origins whose pages may connect, such as https://docs.example.org.",
    "pad_length_max": "Longest text of a pad, in code points.",
    "connections_max": "Most connections at once; further ones are told to try again.",
    "pad_connections_max": "Most connections to one pad at once.",
    "log_entries_max": "Entries of a pad's log kept in memory; older ones are read from the disk.",
    "snapshot_revisions": "Revisions after which a pad's whole text is written again.",
    "idle_seconds": "Seconds that a pad stays in memory after the last one has left.",
    "ops_per_frame_max": "Revisions behind from which a client gets one composed delta.",
    "presence_seconds": "Least seconds between two rounds of presence in a pad.",
    "hello_seconds": "Seconds that a new connection has to say hello.",
    "heartbeat_seconds": "Seconds between two pings; a silent peer is dropped after two.",
    "shutdown_seconds": "Seconds that shutting down may take before it is forced.",
}
