"""pads that were deleted: taken out of the database, and the tombstone that stays of each

A tombstone is a name, a view-only key and a time: enough to say of either link that its pad was
deleted, for ever, and to give neither to another pad. All else of the pad leaves in the transaction
that makes the tombstone, and is overwritten (`secure_delete`); the write-ahead log is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import apsw

from ot.errors import GoneError
from server.rows import COLUMNS, NEWEST_PAD, check_row, first
from server.storage import StorageError
from server.writer import Writer

__all__ = ["count_pads", "delete_pad", "gone", "refuse_if_deleted"]

_TABLES: Final = ("log", "snapshots", "versions", "authors")


def delete_pad(
    writer: Writer,
    key: int,
    time_ms: int,
    *,
    check: Callable[[apsw.Connection], None] = lambda _: None,
) -> None:
    """Put a tombstone in the place of a pad; durable on return. Raises as `Writer.do` does.

    `check` looks at what the transaction has made of the database, and raises to take it back.
    """

    def work(connection: apsw.Connection) -> None:
        made = first(
            connection,
            "INSERT INTO deleted SELECT id, name, view_key, ?1, checksum(id, name, view_key, ?1)"
            " FROM pads WHERE id = ?2 RETURNING id",
            (time_ms, key),
        )
        if made is None:
            raise StorageError(f"there is no pad {key}")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE pad = ?", (key,))
        connection.execute("DELETE FROM pads WHERE id = ?", (key,))
        check(connection)

    # For each author SQLite would look through all of the log, of all pads, for what refers to it;
    # and whatever refers to the pad goes with it.
    writer.connection.pragma("foreign_keys", False)
    try:
        writer.do(work)
    finally:
        writer.connection.pragma("foreign_keys", True)
    # What was committed since the last checkpoint is there in clear.
    writer.cut_wal()


def refuse_if_deleted(
    connection: apsw.Connection, column: Literal["name", "view_key"], value: str
) -> None:
    """Raises GoneError if the pad of that name, or of that view-only link, was deleted."""
    row = first(
        connection,
        f"SELECT {COLUMNS['deleted']}, checksum FROM deleted WHERE {column} = ?",
        (value,),
    )
    if row is not None:
        check_row(f"the tombstone of pad {row[0]}", row)
        raise gone(row[3])


def gone(time_ms: int) -> GoneError:
    """What is said of a pad that was deleted then."""
    return GoneError("pad_deleted", "this pad was deleted", time_ms=time_ms)


def count_pads(connection: apsw.Connection) -> int:
    """How many pads there are: they are numbered, and no number is given twice."""
    return int(first(connection, f"SELECT {NEWEST_PAD} - (SELECT count(*) FROM deleted)", ())[0])
