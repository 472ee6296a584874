"""one frozen dataclass of settings and limits, units in the names

Every setting is a flag of `deltapad serve` and an environment variable: `idle_seconds` is
`--idle-seconds` and `DELTAPAD_IDLE_SECONDS`. The flag wins. A secret has only the variable.
Limits of the protocol itself, on which clients rely, are in `ot/messages.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
    # Each costs some 6 KB at rest and a file descriptor; a process often has 4,096 of these.
    connections_max: int = 20_000
    # A tenth of them is for the edit link alone.
    pad_connections_max: int = 2_000
    # Far more than people make, also behind one proxy: what makes more fills the disk.
    new_pads_per_minute: int = 600
    # Pads in all: 0 for as many as the disk holds. Revisions of one pad: 0 for no end; some 300
    # bytes on the disk each, and a person who types all day makes 30,000.
    pads_max: int = 0
    pad_revisions_max: int = 0
    # The pad that the home page shows live, which everybody may write in.
    demo: bool = True
    # Whoever runs a changed version shows where its source is.
    source_url: str = ""
    # Who shows a picture tells its server who reads; off, the preview has a link in its place.
    remote_images: bool = False
    # The figures tell strangers how much a server is used; on, let only the monitoring ask for it.
    metrics: bool = False
    # Whoever has it sees and does what strangers must not: it has no flag, since `ps` would show it
    # to everybody on the machine.
    admin_token: str = field(default="", repr=False, metadata={"flag": False})
    admin_token_file: str = ""
    # About 300 bytes each: 3 MB for a busy pad. Older ones are read from the store when needed.
    log_entries_max: int = 10_000
    # A snapshot writes the whole text, loading a pad reads this many entries at most.
    snapshot_revisions: int = 1_000
    # Of pads nobody looks at the longest unused leave sooner when there are more than this: some
    # 20 KB each and their text, where each request may open another.
    pads_in_memory_max: int = 2_000
    # A pad nobody looks at leaves memory after this; a reload within it finds it warm.
    idle_seconds: float = 60.0
    # More than this many revisions behind, a client gets one composed delta.
    ops_per_frame_max: int = 256
    # Carets look live at 20 a second, and faster costs every reader.
    presence_seconds: float = 0.05
    hello_seconds: float = 10.0
    # Frames of one connection; a person's browser sends some 30 in its busiest second. A program
    # that waits for each acknowledgement makes 2,600 on an idle machine, and is not slowed. Who
    # sends more is not sent away, but read from more slowly.
    messages_per_second: float = 3_000.0
    messages_burst: int = 10_000
    # The whole header of a first request: 0.1 s on a bad line; who sends a byte a second holds a
    # file descriptor for ever.
    header_seconds: float = 10.0
    # The same for a whole form or text: 8 MB at 1 Mbit/s.
    body_seconds: float = 90.0
    # A browser asks for the next page within this, or connects again.
    keep_alive_seconds: float = 75.0
    # A dead peer is found after at most one and a half of these; proxies cut silent connections
    # after 60 s.
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
    "new_pads_per_minute": "Pads that one address may make in a minute; 0 for no limit.",
    "pads_max": "Pads that this server holds; 0 for no limit.",
    "pad_revisions_max": "Revisions that the log of a pad holds; 0 for no limit.",
    "demo": "Show a pad that everybody may write in on the home page.",
    "source_url": "Address of the source code, linked on the home page; empty for no link.",
    "remote_images": "Show pictures from other servers in the preview, which then know who reads.",
    "metrics": "Answer GET /metrics, in Prometheus' format; whoever may ask sees how much is used.",
    "admin_token": "Token of whoever runs the server, at least 16 characters; empty for nobody.",
    "admin_token_file": "File that holds the admin token, in place of the variable.",
    "log_entries_max": "Entries of a pad's log kept in memory; older ones are read from the disk.",
    "snapshot_revisions": "Revisions after which a pad's whole text is written again.",
    "pads_in_memory_max": "Pads in memory, from which unused ones leave at once.",
    "idle_seconds": "Seconds that a pad stays in memory after the last one has left.",
    "ops_per_frame_max": "Revisions behind from which a client gets one composed delta.",
    "presence_seconds": "Least seconds between two rounds of presence in a pad.",
    "hello_seconds": "Seconds that a new connection has to say hello.",
    "messages_per_second": "Messages of one connection read in a second; 0 for no limit.",
    "messages_burst": "Messages of one connection read without a pause, after a rest.",
    "header_seconds": "Seconds that the header of a connection's first request may take.",
    "body_seconds": "Seconds that a request with a form or a text may take.",
    "keep_alive_seconds": "Seconds after which an unused HTTP connection is closed.",
    "heartbeat_seconds": "Seconds to the ping of a silent peer; dropped half as many later.",
    "shutdown_seconds": "Seconds that shutting down may take before it is forced.",
}
