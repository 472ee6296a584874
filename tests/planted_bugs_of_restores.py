"""more planted bugs: of restores, and of view-only links that are replaced

`BUGS` are these and those of `tests/planted_bugs.py`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from msgspec import structs

from ot.client import Client
from ot.messages import Hello
from server.hub import Hub
from server.pad import Pad, link_replaced
from server.session import Session
from server.simulation import backups
from server.simulation.tab import Tab
from tests.planted_bugs import BUGS, bug

__all__ = ["BUGS"]


# --- View-only links ------------------------------------------------------------------------------


@bug
def link_told_before_it_is_written(patch):
    """A new view-only link goes to everybody at once, and to the disk after that."""
    set_properties = Hub.set_properties

    async def promise(self: Any, pad: Pad, change: Any) -> None:
        pad.take_record(replace(pad.record, view_key="promised"))
        await set_properties(self, pad, change)

    patch.setattr(Hub, "set_properties", promise)


@bug
def readers_of_an_old_link_stay(patch):
    """Who is there when the view-only link is replaced goes on reading."""
    patch.setattr(Pad, "_is_open_to", lambda self, connection: True)


@bug
def editors_keep_an_old_link(patch):
    """Nobody is told that there is a new one."""

    def quietly(self: Any, record: Any) -> None:
        self.record = record
        for connection in self.connections.values():
            if not self._is_open_to(connection):
                connection.end(link_replaced())

    patch.setattr(Pad, "take_record", quietly)


# --- Restores -------------------------------------------------------------------------------------


@bug
def epoch_kept_at_a_restore(patch):
    """The backup becomes the database as it is."""
    patch.setattr("server.backup._renew_epochs", lambda part: None)


@bug
def any_epoch_taken_for_its_own(patch):
    """The server looks at the revision of a copy alone."""
    receive = Session.receive

    class Same(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            return True

    def trusting(self: Any, frame: bytes, *, time_ms: int) -> Any:
        message = receive(self, frame, time_ms=time_ms)
        if isinstance(message, Hello) and message.epoch is not None:
            message = structs.replace(message, epoch=Same(message.epoch))
        return message

    patch.setattr(Session, "receive", trusting)


@bug
def carried_into_the_restored_log(patch):
    """A tab with something pending goes on where it was, though it is sent another text."""
    welcome = Tab._welcome

    def carry(self: Any, message: Any) -> None:
        if message.text is not None and self.machine.pending:
            message = structs.replace(message, text=None)
        welcome(self, message)

    patch.setattr(Tab, "_welcome", carry)


@bug
def dropped_at_a_restore(patch):
    """A tab takes the text that it is sent, whatever it has pending."""
    welcome = Tab._welcome

    def forget(self: Any, message: Any) -> None:
        if message.text is not None:
            self.machine = Client(revision=self.machine.revision)
        welcome(self, message)

    patch.setattr(Tab, "_welcome", forget)


@bug
def draft_without_the_last_words(patch):
    """A draft is the text as far as it had been sent."""
    start_over = Tab._start_over

    def older(self: Any, reason: str, **keep: Any) -> None:
        if self.machine.buffer is not None and self.copies:
            self.screen = self.copies[0].screen
        start_over(self, reason, **keep)

    patch.setattr(Tab, "_start_over", older)


@bug
def backup_without_the_wal(patch):
    """The database file is copied as any file, without what SQLite keeps beside it."""

    def copy(connection: Any, part: Any, progress: Any) -> None:
        shutil.copyfile(connection.filename, part)

    patch.setattr("server.backup.copy_database", copy)


@bug
def restored_one_revision_short(patch):
    """The newest revision of a backup is not in what is restored."""
    put_back = backups._put_back

    def short(backup: Any, epoch: str) -> Any:
        pad = put_back(backup, epoch)
        if pad.rows:
            entry, _ = pad.rows.pop()
            del pad.by_seq[entry.session, entry.seq]
            pad.last.pop(entry.session)
            for older, _ in reversed(pad.rows):
                if older.session == entry.session:
                    pad.last[older.session] = pad.by_seq[older.session, older.seq]
                    break
        return pad

    patch.setattr(backups, "_put_back", short)
