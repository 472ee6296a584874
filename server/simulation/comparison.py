"""a tab at rest sends the checksum of its text, once at each revision"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ot.checksum import text_crc32
from ot.messages import Checksum

if TYPE_CHECKING:
    from server.simulation.tab import Tab

__all__ = ["Comparison"]

# Beats of a connection, of five seconds, in which nothing has moved.
_REST_BEATS: Final = 2


class Comparison:
    """What a tab knows of its own rest."""

    def __init__(self) -> None:
        # Session and revision at the last beat, for how many beats they have been the same, and
        # those that were compared last.
        self._seen = ("", -1)
        self._beats = 0
        self._compared = ("", -1)

    def beat(self, tab: Tab) -> Checksum | None:
        """Some seconds have passed: what there is to send, if anything."""
        now = (tab.key, tab.machine.revision)
        still = tab.online and not tab.machine.pending and now == self._seen
        self._beats = self._beats + 1 if still else 0
        self._seen = now
        if self._beats < _REST_BEATS or now == self._compared:
            return None
        self._compared = now
        return Checksum(tab.machine.revision, len(tab.screen), text_crc32(tab.screen))
