"""what the server prints of itself: a line for each record, whatever is in it

Names, paths and texts of errors come from outside. A line that began in one of them could pass for
one of ours, and an escape sequence would be obeyed by the operator's terminal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections import deque
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["Beside", "OneLine", "ours"]

# Control characters, and those that turn the direction of what follows.
_HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Code points of a record's message; the rest of it is cut. A traceback is as long as it is.
MESSAGE_MAX = 1_000
# Records that wait for whoever reads our output, some 300 bytes each: a terminal that is held by
# Ctrl S, or a pipe whose reader stands still. What comes then is not kept, but counted.
LINES_WAITING_MAX: Final = 1_000
# So long the end of the process waits for them, and a record that the process may end with.
LINES_SECONDS_MAX: Final = 1.0


class OneLine(logging.Formatter):
    """Formats a record as one line; a traceback follows it, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line itself."""
        if len(record.message) > MESSAGE_MAX:
            record.message = record.message[:MESSAGE_MAX] + "..."
        record.message = _harmless(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        """The traceback, of which no line begins as a record does."""
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join("    " + _harmless(line) for line in lines)


class Beside(logging.Handler):
    """Writes records in a thread: nobody who types waits for whoever reads the log."""

    def __init__(self, file: int) -> None:
        """`file` is its number: at the end Python would wait for what is being written to a stream
        of its own.
        """
        super().__init__()
        self._file = file
        self._lines: deque[str] = deque()
        # The one that is being written is among them.
        self._unwritten = 0
        self._left_out = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._write, name="journal", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written; one that the process may end with is waited for, for a while."""
        line = self.format(record)
        with self._changed:
            if self._unwritten >= LINES_WAITING_MAX:
                self._left_out += 1
            else:
                self._put(line)
        if record.levelno >= logging.CRITICAL:
            self.flush()

    def flush(self) -> None:
        """Wait until all is written, for a while; `logging` does it when the process ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._unwritten == 0, LINES_SECONDS_MAX)

    def _put(self, line: str) -> None:
        self._lines.append(line)
        self._unwritten += 1
        self._changed.notify_all()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                data = f"{self._lines.popleft()}\n".encode(errors="backslashreplace")
            # Who read it may be gone.
            with contextlib.suppress(OSError):
                while data:
                    data = data[os.write(self._file, data) :]
            with self._changed:
                self._unwritten -= 1
                if self._left_out and not self._lines:
                    self._put(f"    ... and {self._left_out} records more, when nobody read these")
                    self._left_out = 0
                self._changed.notify_all()


def ours(record: logging.LogRecord) -> bool:
    """Whether a record of aiohttp's is worth a line: not what was no HTTP, which anybody may send
    as often as they like, and is answered with 400.
    """
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def _harmless(text: str) -> str:
    return _HARMFUL.sub(lambda found: ascii(found[0])[1:-1], text)
