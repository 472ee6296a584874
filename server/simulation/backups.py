"""backups of the simulated disk, and one of them in the place of what is there

What an operator does with `deltapad backup` and `deltapad restore`. Where the real SQLite is under
the disk its real code does it, and says whether a pad has another epoch afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from server.backup import back_up, restore
from server.simulation.disk import AtOnce, Disk, Stored
from server.sqlite import SQLiteStore
from server.storage import PadRecord, Store

__all__ = ["Backup", "Backups"]


class Witness(Protocol):
    """Who looks at what is restored."""

    def replaced(self, pad: Stored, backup: Stored, source: Stored, revision: int) -> None:
        """`pad` is on the disk from now on: what is in `backup`, which was made of `source`, up to
        `revision`.
        """


@dataclass(frozen=True, slots=True)
class Backup:
    """All pads as they were at one moment, beside those that they are copies of."""

    pads: dict[int, tuple[Stored, Stored]]
    # Where the real SQLite is under the disk.
    file: Path | None


class Backups:
    """Those that the operator has."""

    def __init__(self, disk: Disk, witness: Witness, folder: Path | None) -> None:
        """`folder` is that of the real database, if there is one under the disk."""
        self.kept: list[Backup] = []
        self._disk = disk
        self._witness = witness
        self._folder = folder
        self._restored = 0
        # The simulated epoch for each real one, which is random.
        self._epochs: dict[str, str] = {}

    def take(self) -> None:
        """Make one, beside the running server or without it."""
        pads = {key: (_copy(pad), pad) for key, pad in self._disk.pads.items()}
        file = None
        if self._folder is not None:
            file = self._folder / f"backup-{len(self.kept)}"
            back_up(self._folder, file, force=False, verify=True, progress=_say_nothing)
        self.kept.append(Backup(pads, file))

    async def put_back(self, backup: Backup) -> None:
        """Put it in the place of what is there; no server may run."""
        self._restored += 1
        if backup.file is not None:
            await self._put_file_back(backup.file)
        for key, (copy, source) in backup.pads.items():
            epoch, revision = f"epoch-{self._restored + 1}-of-{copy.record.name}", len(copy.rows)
            if self._disk.beneath is not None:
                epoch, revision = await self._look(self._disk.beneath, copy.record, epoch)
            pad = self._disk.pads[key] = _put_back(copy, epoch)
            self._witness.replaced(pad, copy, source, revision)

    async def _put_file_back(self, file: Path) -> None:
        assert self._folder is not None and self._disk.beneath is not None
        await self._disk.beneath.close()
        restore(self._folder, file, replace=True, verify=True, progress=_say_nothing)
        self._disk.beneath = SQLiteStore(self._folder, worker=AtOnce)

    async def _look(self, real: Store, put_back: PadRecord, new: str) -> tuple[str, int]:
        """What the real database has of a pad that was put back: its epoch, which is `new` if there
        it is new, and its revision, -1 if it is not the same pad.
        """
        record = await real.find(put_back.name)
        if record is None or (record.key, record.view_key) != (put_back.key, put_back.view_key):
            return new, -1
        revision, _ = await real.newest(record.key)
        # Pads are made under the same epoch here and there.
        first = f"epoch-of-{record.name}"
        self._epochs.setdefault(first, first)
        return self._epochs.setdefault(record.epoch, new), revision


def _copy(pad: Stored) -> Stored:
    return replace(
        pad,
        rows=list(pad.rows),
        by_seq=dict(pad.by_seq),
        last=dict(pad.last),
        profiles=dict(pad.profiles),
    )


def _put_back(backup: Stored, epoch: str) -> Stored:
    return replace(_copy(backup), record=replace(backup.record, epoch=epoch))


def _say_nothing(what: str, done: int, of: int) -> None:
    """Nobody waits for it."""
