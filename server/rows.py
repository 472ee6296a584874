"""the database's rows as values: each with a checksum, which is looked at when it is read

A disk that has turned a bit says nothing. SQLite notices it where its own structure does not hold
any more, and nowhere else: a letter of a text, a time, a digest would be another one. So every row
has a CRC-32 of what it says, which no single wrong bit gets past, nor any run of up to 32; the rows
of the log cover their author too, who is in another table. What is found wrong is refused, never
guessed at: the pad is not opened, and others go on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import apsw
import msgspec

from ot.log import Entry
from ot.operation import Component
from server.storage import DamagedError, PadRecord, Profile, encode_op

__all__ = [
    "COLUMNS",
    "INSERT_ENTRY",
    "NEWEST_PAD",
    "SELECT_ENTRY",
    "add_entry",
    "add_pad",
    "author_row",
    "check_row",
    "checksum",
    "decode_entry",
    "decode_log",
    "encode_entry",
    "first",
    "keep_snapshot",
    "name_authors",
    "read_pad",
    "read_snapshot",
    "seal",
]

# What the checksum of a row covers, by table, and in which order. A row of the log is read together
# with that of its author.
COLUMNS: Final = {
    "pads": "id, name, title, epoch, created_ms, view_key, language, view_history",
    "authors": "id, pad, session, person, name, color",
    "versions": "pad, revision, name, person, time_ms",
    "snapshots": "pad, revision, text",
    "deleted": "id, name, view_key, time_ms",
    "log": "log.pad, revision, session, person, seq, time_ms, digest, op",
}
SELECT_ENTRY: Final = (
    f"SELECT {COLUMNS['log']}, log.checksum FROM log JOIN authors ON authors.id = author"
)

INSERT_ENTRY: Final = "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

# The number of the newest pad that there ever was, 0 before the first.
NEWEST_PAD: Final = (
    "max((SELECT ifnull(max(id), 0) FROM pads), (SELECT ifnull(max(id), 0) FROM deleted))"
)

# No pad gets the id of one that was deleted: what is still done for that one must not reach it.
_INSERT_PAD: Final = (
    "INSERT INTO pads (id, name, title, epoch, view_key, created_ms)"
    f" SELECT 1 + {NEWEST_PAD}, ?1, ?2, ?3, ?4, ?5"
    " WHERE NOT EXISTS (SELECT 1 FROM deleted WHERE name = ?1)"
    " ON CONFLICT (name) DO NOTHING RETURNING id"
)

_log = logging.getLogger("deltapad.store")

_decode_op: msgspec.json.Decoder[list[Component]] = msgspec.json.Decoder(list[Component])


def checksum(*values: object) -> int:
    """The CRC-32 of some values. SQL knows it by the same name."""
    crc = 0
    for value in values:
        crc = crc32(value if type(value) is bytes else f"{value}\n".encode(), crc)
    return crc


def _entry_checksum(
    key: int,
    revision: int,
    session: str,
    person: str,
    seq: int,
    time_ms: int,
    digest: bytes,
    op: bytes,
) -> int:
    """The same for a row of the log, three times as fast: there is one for each edit."""
    head = f"{key}\n{revision}\n{session}\n{person}\n{seq}\n{time_ms}\n"
    return crc32(op, crc32(digest, crc32(head.encode())))


def check_row(what: str, row: Sequence[Any]) -> None:
    """The last column is the checksum of the others; NULL in files older than that.

    Raises DamagedError.
    """
    if row[-1] is not None and checksum(*row[:-1]) != row[-1]:
        raise DamagedError(f"{what} is not as it was written")


def seal(connection: apsw.Connection, table: str, key: int) -> None:
    """A row of `pads` or `authors` has changed: give it its checksum, in the same transaction."""
    connection.execute(
        f"UPDATE {table} SET checksum = checksum({COLUMNS[table]}) WHERE id = ?", (key,)
    )


def encode_entry(
    key: int, revision: int, author: int, entry: Entry
) -> tuple[int, int, int, int, int, bytes, bytes, int]:
    """The row of an entry; `author` is the row of its session."""
    op, digest = encode_op(entry.op), entry.digest
    seq, time_ms = entry.seq, entry.time_ms
    check = _entry_checksum(key, revision, entry.session, entry.person, seq, time_ms, digest, op)
    return key, revision, author, seq, time_ms, digest, op, check


def decode_entry(row: Sequence[Any]) -> Entry:
    """An entry of a row as `SELECT_ENTRY` gives it. Raises DamagedError."""
    key, revision, session, person, seq, time_ms, digest, op, check = row
    try:
        right = _entry_checksum(key, revision, session, person, seq, time_ms, digest, op)
        decoded = _decode_op.decode(op)
    # What was a blob may be anything now.
    except (TypeError, msgspec.MsgspecError) as error:
        raise DamagedError(f"revision {revision} of pad {key}: {error}") from error
    if check is not None and check != right:
        raise DamagedError(f"revision {revision} of pad {key} is not as it was written")
    # The ids are the same few again and again: kept in memory once.
    return Entry(decoded, sys.intern(session), sys.intern(person), seq, time_ms, digest)


def decode_log(key: int, start: int, rows: Iterable[Sequence[Any]]) -> list[Entry]:
    """The entries after revision `start`, one after the other. Raises DamagedError at a gap too."""
    entries = []
    for revision, row in enumerate(rows, start + 1):
        if row[1] != revision:
            raise DamagedError(f"revision {revision} of pad {key} is missing")
        entries.append(decode_entry(row))
    return entries


def add_pad(
    connection: apsw.Connection, name: str, title: str, epoch: str, view_key: str, time_ms: int
) -> bool:
    """Make an empty pad; False if there is one of that name, or was one."""
    with connection:
        row = first(connection, _INSERT_PAD, (name, title, epoch, view_key, time_ms))
        if row is not None:
            seal(connection, "pads", row[0])
    return row is not None


def add_entry(
    connection: apsw.Connection, key: int, revision: int, entry: Entry, authors: dict[str, int]
) -> None:
    """Append one entry, in the transaction that is open; `authors` are those that it has made."""
    author = authors.get(entry.session)
    if author is None:
        author = authors[entry.session] = author_row(connection, key, entry)
    connection.execute(INSERT_ENTRY, encode_entry(key, revision, author, entry))


def author_row(connection: apsw.Connection, key: int, entry: Entry) -> int:
    """The row of an entry's author; made if this is the first of theirs in the pad."""
    known = first(
        connection, "SELECT id FROM authors WHERE pad = ? AND session = ?", (key, entry.session)
    )
    if known is not None:
        return int(known[0])
    connection.execute(
        "INSERT INTO authors (pad, session, person) VALUES (?, ?, ?)",
        (key, entry.session, entry.person),
    )
    author = connection.last_insert_rowid()
    seal(connection, "authors", author)
    return author


def keep_snapshot(connection: apsw.Connection, key: int, revision: int, text: str) -> None:
    """Keep the text at a revision, in place of an older one, or of one that is damaged."""
    row = (key, revision, text.encode())
    connection.execute(
        "INSERT INTO snapshots VALUES (?, ?, ?, ?) ON CONFLICT (pad) DO UPDATE"
        " SET revision = excluded.revision, text = excluded.text, checksum = excluded.checksum"
        " WHERE excluded.revision > revision"
        f" OR checksum IS NOT checksum({COLUMNS['snapshots']})",
        (*row, checksum(*row)),
    )


def read_snapshot(connection: apsw.Connection, key: int) -> tuple[int, str]:
    """The newest snapshot of a pad: revision and text. What is damaged is not used: the log has
    all of it.
    """
    row = first(connection, "SELECT revision, checksum FROM snapshots WHERE pad = ?", (key,))
    if row is None:
        return 0, ""
    # As a column it would be gathered from its pages first, and then copied.
    with connection.blob_open("main", "snapshots", "text", key, False) as blob:
        text = blob.read()
    if checksum(key, row[0], text) != row[1]:
        _log.error("the snapshot of pad %s is damaged: its text is made of its log", key)
        return 0, ""
    return row[0], text.decode()


def first(connection: apsw.Connection, sql: str, values: Sequence[Any]) -> Any:
    """The first row of an answer; None if there is none."""
    return next(connection.execute(sql, values), None)


def read_pad(connection: apsw.Connection, condition: str, value: str | int) -> PadRecord | None:
    """The pad for which a condition holds that has one parameter. Raises DamagedError."""
    row = first(
        connection, f"SELECT {COLUMNS['pads']}, checksum FROM pads WHERE {condition}", (value,)
    )
    if row is None:
        return None
    key, name, title, epoch, _, view_key, language, view_history, _ = row
    check_row(f"pad {key}", row)
    return PadRecord(key, name, title, epoch, view_key, language, bool(view_history))


def name_authors(connection: apsw.Connection, key: int, profiles: Mapping[str, Profile]) -> None:
    """Keep what the authors of these sessions are called, and their colours, if it is news."""
    for session, (name, color) in profiles.items():
        # Who comes again is mostly called what they were: that writes nothing.
        changed = first(
            connection,
            "UPDATE authors SET name = ?1, color = ?2 WHERE pad = ?3 AND session = ?4"
            " AND (name, color) IS NOT (?1, ?2) RETURNING id",
            (name, color, key, session),
        )
        if changed is not None:
            seal(connection, "authors", changed[0])
