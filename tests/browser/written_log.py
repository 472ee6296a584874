"""a pad with a past: a log written by hand, with its authors and times, for the history to show"""

from __future__ import annotations

import subprocess
from pathlib import Path

import apsw

from ot.log import Entry
from ot.operation import Operation
from ot.traces import LogHeader, write_log
from tests.conftest import DELTAPAD

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


class WrittenLog:
    """A log in the making: who types what, where and when."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self.text = ""
        self.entries: list[Entry] = []
        self._people: dict[str, int] = {}
        self._seqs: dict[str, int] = {}

    @property
    def revision(self) -> int:
        return len(self.entries)

    def pause(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    def edit(self, name: str, op: Operation, *, color: int = 1) -> None:
        """One entry of somebody's."""
        self._people.setdefault(name, color)
        self._seqs[name] = self._seqs.get(name, 0) + 1
        session = f"session-of-{name}".replace(" ", "-")
        entry = Entry(
            session=session,
            person=f"person-of-{name}".replace(" ", "-"),
            seq=self._seqs[name],
            time_ms=self.now_ms,
            digest=b"0" * 8,
            op=op,
        )
        self.entries.append(entry)

    def insert(self, name: str, at: int, text: str, *, color: int = 1, every_ms: int = 120) -> None:
        """Types a text, a letter an entry."""
        for offset, letter in enumerate(text):
            place = at + offset
            self.edit(name, [place, letter] if place else [letter], color=color)
            self.pause(every_ms)
        self.text = self.text[:at] + text + self.text[at:]

    def delete(self, name: str, at: int, count: int, *, color: int = 1) -> None:
        """Deletes, a letter an entry, from the end."""
        for left in range(count, 0, -1):
            place = at + left - 1
            self.edit(name, [place, -1] if place else [-1], color=color)
            self.pause(90)
        self.text = self.text[:at] + self.text[at + count :]

    def put_into(self, data: Path, pad: str, title: str) -> None:
        """Makes a pad of it in a data folder that no server has open."""
        file = data.with_name(f"{pad}.jsonl")
        header = LogHeader(pad, title, self.entries[0].time_ms)
        file.write_bytes(b"".join(write_log(header, self.entries)))
        command = [str(DELTAPAD), "import", str(file), "--pad", pad, "--data", str(data)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self._name_authors(data / "deltapad.sqlite", pad)

    def _name_authors(self, file: Path, pad: str) -> None:
        # A log export has no names: those are told when people are there.
        database = apsw.Connection(str(file))
        for name, color in self._people.items():
            database.execute(
                "UPDATE authors SET name = ?, color = ? WHERE person = ?"
                " AND pad = (SELECT id FROM pads WHERE name = ?)",
                (name, color, f"person-of-{name}".replace(" ", "-"), pad),
            )
        database.close()
