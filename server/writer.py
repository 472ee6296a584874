"""the connection that writes: what an error means, checkpoints that are seen, a harmless end"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Callable
from typing import Final, TypeVar

import apsw

from server.storage import NotWrittenError, StorageError, UntrustedDiskError

__all__ = ["CHECKPOINT_PAGES", "Writer"]

_log = logging.getLogger("deltapad.store")
_T = TypeVar("_T")

# Pages of 4 KiB in the WAL before they go over to the database: 16 MiB. With many pads at work a
# batch is some hundred pages, the same ones again and again; with 1,000, as SQLite has it, copying
# them and waiting for the disk twice more after every few batches took 13 % of the throughput.
CHECKPOINT_PAGES: Final = 4_000
# Longer than this it is only when somebody reads for long: then the log says so, before the disk is
# full of it.
WAL_BYTES_WARNING: Final = 256 * 1024 * 1024
# In the WAL each page has a header.
_FRAME_HEADER_BYTES: Final = 24

# After these nobody knows what is on the disk. The kernel reports a failed fsync once, and forgets
# what it could not write: the next fsync succeeds, and has done nothing.
_UNTRUSTED_CODES: Final = frozenset(
    {
        apsw.SQLITE_IOERR_FSYNC,
        apsw.SQLITE_IOERR_DIR_FSYNC,
        apsw.SQLITE_IOERR_CORRUPTFS,
        apsw.SQLITE_IOERR_DATA,
    }
)
_UNTRUSTED: Final = (apsw.CorruptError, apsw.NotADBError)
_READ_ONLY: Final = (apsw.ReadOnlyError, apsw.PermissionsError)
# SQLite has taken back the transaction, or has not begun it.
_TAKEN_BACK: Final = (
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.ProtocolError,
    apsw.NoMemError,
)
# What SQLite calls an I/O error, and the system by its name: over quota, or a file's size limit.
_FULL_ERRNO: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Writer:
    """A connection in WAL mode, of which every write is one transaction. One thread uses it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.checkpoint_pages = CHECKPOINT_PAGES
        self._page_bytes: int = connection.pragma("page_size")
        # Of the WAL, as of the last commit.
        self._wal_pages = 0
        self._wal_is_long = False
        self._checkpoint_failed = False
        # Whether the WAL has what was deleted, and is to be cut to nothing as soon as can be.
        self._to_cut = False
        # Why nothing may be written any more.
        self._broken: UntrustedDiskError | None = None
        # Takes the place of SQLite's automatic checkpoints, which swallow their errors: among them
        # an fsync that has failed.
        connection.set_wal_hook(self._committed)

    @property
    def wal_bytes(self) -> int:
        """How long the WAL is."""
        return self._wal_pages * (self._page_bytes + _FRAME_HEADER_BYTES)

    def do(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Have `work` done in a transaction of its own; it is durable on return.

        Raises NotWrittenError if SQLite has taken all of it back, UntrustedDiskError from the first
        time on that what is on the disk is not known, otherwise StorageError.
        """
        if self._broken is not None:
            raise self._broken
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            result = work(self.connection)
            self.connection.execute("COMMIT")
        except apsw.Error as error:
            failure = self._failure(error)
            if not self._is_rolled_back():
                failure = self._break(f"{error}, and the transaction could not be taken back")
            raise failure from error
        except BaseException:
            self._is_rolled_back()
            raise
        self._checkpoint_if_long()
        return result

    def cut_wal(self) -> None:
        """Copy the WAL over and cut it to nothing, now or, if somebody reads from it, after the
        first commit at which nobody does. Raises UntrustedDiskError.
        """
        self._to_cut = True
        self._checkpoint_if_long()

    def close(self) -> None:
        """Copy the WAL over, and close. Raises UntrustedDiskError if that was the end of trust."""
        copied = False
        if self._broken is None:
            try:
                self._checkpoint()
                copied = True
            except StorageError as error:
                _log.error("the write-ahead log stays as it is, for the next start: %s", error)
        if not copied:
            # SQLite would try it by itself, and tell nobody.
            self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.connection.close()
        if self._broken is not None:
            raise self._broken

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint_if_long(self) -> None:
        if self._wal_pages < self.checkpoint_pages and not self._to_cut:
            return
        try:
            self._checkpoint()
        except UntrustedDiskError:
            raise
        except StorageError as error:
            # What was to be written is durable; it only stays in the WAL for longer.
            if not self._checkpoint_failed:
                _log.error("checkpoint failed, the write-ahead log grows: %s", error)
            self._checkpoint_failed = True
        else:
            self._checkpoint_failed = False
        was_long, self._wal_is_long = self._wal_is_long, self.wal_bytes > WAL_BYTES_WARNING
        if self._wal_is_long and not was_long:
            _log.warning(
                "the write-ahead log has %d MB: somebody reads for long, such as a backup, verify"
                " or export beside the server, or the disk is too slow",
                self.wal_bytes // 1_000_000,
            )

    def _checkpoint(self) -> None:
        """Raises StorageError, of whatever kind."""
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if self._to_cut else apsw.SQLITE_CHECKPOINT_PASSIVE
        # Whoever reads, or has locked it, is not waited for.
        waits_ms = self.connection.pragma("busy_timeout")
        self.connection.set_busy_timeout(0)
        try:
            self.connection.wal_checkpoint(mode=mode)
            if self._to_cut:
                self._to_cut, self._wal_pages = False, 0
        except apsw.BusyError:
            pass
        except apsw.Error as error:
            raise self._failure(error) from error
        finally:
            self.connection.set_busy_timeout(waits_ms)

    def _is_rolled_back(self) -> bool:
        if self.connection.in_transaction:
            with contextlib.suppress(apsw.Error):
                self.connection.execute("ROLLBACK")
        return not self.connection.in_transaction

    def _failure(self, error: apsw.Error) -> StorageError:
        """What an error of SQLite means, for what was to be written and for what follows."""
        extended: int = getattr(error, "extendedresult", 0)
        name = apsw.mapping_extended_result_codes.get(extended, type(error).__name__)
        text = f"{name}: {error}"
        if isinstance(error, _UNTRUSTED) or extended in _UNTRUSTED_CODES:
            return self._break(text)
        number = self.connection.system_errno if isinstance(error, apsw.IOError) else 0
        if isinstance(error, apsw.FullError) or number in _FULL_ERRNO:
            return NotWrittenError(text, "full")
        if isinstance(error, _READ_ONLY) or number == errno.EROFS:
            return NotWrittenError(text, "read_only")
        if isinstance(error, _TAKEN_BACK):
            return NotWrittenError(text, "failing")
        # Such as a constraint that an earlier try, of which nobody heard, has made.
        return StorageError(text)

    def _break(self, text: str) -> UntrustedDiskError:
        self._broken = UntrustedDiskError(text)
        return self._broken
