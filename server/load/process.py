"""the server's process as /proc shows it: processor time and memory"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

__all__ = ["Usage", "listening", "usage"]

_LISTENING = "0A"


class Usage(Struct, frozen=True):
    """What a process has used until now, and what it holds."""

    cpu_seconds: float
    rss_bytes: int


def usage(pid: int, proc: Path = Path("/proc")) -> Usage | None:
    """What a process uses; None if there is none, or no /proc."""
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        pages = int((proc / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    # Behind the name, which may hold anything, in brackets.
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"), rss_bytes=pages * os.sysconf("SC_PAGE_SIZE")
    )


def listening(port: int, proc: Path = Path("/proc")) -> int | None:
    """The process of this machine that listens on a port; None if it cannot be seen."""
    sockets = set(_sockets(port, proc))
    for folder in proc.glob("[0-9]*/fd") if sockets else ():
        try:
            if any(os.readlink(link) in sockets for link in folder.iterdir()):
                return int(folder.parent.name)
        except OSError:
            continue  # another user's, or it has ended
    return None


def _sockets(port: int, proc: Path) -> Iterator[str]:
    """The sockets that listen on a port, as links in /proc name them."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        for line in lines[1:]:
            fields = line.split()
            if re.fullmatch(rf"[0-9A-F]+:{port:04X}", fields[1]) and fields[3] == _LISTENING:
                yield f"socket:[{fields[9]}]"
