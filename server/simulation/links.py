"""the books of view-only links: which there were, who was told which, and who came by which

A key counts from when it is on the disk. It is the only one from when the first editor is told it:
who came by an earlier one is told `link_replaced`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ot.messages import ErrorMessage, Properties, ServerMessage, Welcome
from server.simulation.disk import Stored
from server.simulation.network import Connection
from server.simulation.reader import Reader
from server.simulation.tab import Tab

__all__ = ["Links"]


@dataclass(slots=True)
class _Keys:
    """Of one pad."""

    # In the order in which they came to the disk.
    durable: list[str]
    # The place there of the newest that an editor was told.
    told: int = 0
    # How many new ones editors have asked for.
    asked: int = 0


class Links:
    """Of one run."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self._fail = fail
        self._pads: dict[str, _Keys] = {}

    def pad(self, stored: Stored) -> None:
        """There is a pad, or it was restored with the link that it had."""
        self._pads[stored.record.name] = _Keys([stored.record.view_key])

    def asked(self, pad: str) -> None:
        """An editor asks for a new link."""
        self._pads[pad].asked += 1

    def durable(self, stored: Stored) -> None:
        """A new link is on the disk."""
        keys = self._pads[stored.record.name]
        keys.durable.append(stored.record.view_key)
        if len(keys.durable) - 1 > keys.asked:
            self._fail("I10", "there is a new view-only link, for which no editor has asked")

    def server_sends(self, connection: Connection, message: ServerMessage) -> None:
        """A frame goes out."""
        keys = self._pads[connection.pad]
        if connection.view_key is not None:
            self._check_reader(keys, connection.view_key, message)
        elif connection.role == "write" and isinstance(message, Welcome | Properties):
            self._check_editor(keys, message.view_key)

    def _check_editor(self, keys: _Keys, key: str | None) -> None:
        if key not in keys.durable:
            self._fail("I16", f"an editor is told the link {key}, which is not on the disk")
        else:
            keys.told = max(keys.told, keys.durable.index(key))

    def _check_reader(self, keys: _Keys, key: str, message: ServerMessage) -> None:
        if isinstance(message, ErrorMessage):
            if message.code == "link_replaced" and key == keys.durable[-1]:
                self._fail("I16", f"who came by {key} is told that it was replaced, and it is not")
            return
        if getattr(message, "view_key", None) is not None:
            self._fail("I16", "who came by a view-only link is told which it is")
        # One of which the disk has gone back is none; nor is one before what editors are told.
        if key not in keys.durable or keys.durable.index(key) < keys.told:
            self._fail("I16", f"who came by {key} is shown something, and it was replaced")

    def told_all(self, readers: Sequence[Reader]) -> bool:
        """Whether everybody whose link leads nowhere knows it."""
        return all(
            reader.told is not None or reader.view_key == self._pads[reader.pad].durable[-1]
            for reader in readers
        )

    def at_rest(self, tabs: Sequence[Tab], readers: Sequence[Reader]) -> None:
        """All is quiet: editors have the link that there is, and readers by it may read."""
        for tab in tabs:
            newest = self._pads[tab.pad].durable[-1]
            if tab.is_open and tab.view_key != newest:
                self._fail("I16", f"tab {tab.number} has the link {tab.view_key}, not {newest}")
        for reader in readers:
            if reader.told not in (None, "link_replaced"):
                self._fail("I0", f"a reader was told {reader.told}")
