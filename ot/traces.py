"""operation logs and public editing traces, read and written

A log export is JSON Lines: a header, one line for each entry, a check line every 1,000 revisions,
and an end line; docs/reference/log-format.md is its specification. Every line ends with a hash of
itself and of the hash before it, so that damage is found at its line, and a log that was cut off
lacks its end. The hashes find accidents; they do not stop a forger.

    {"r":1,"s":"…session…","p":"…person…","n":1,"t":1700000000000,"d":"…","op":["Hi"],"h":"…"}

The public editing traces are one JSON object: transactions of patches, made one after the other, or
by several agents at once, each on the merge of its parents. `ot/concurrent.py` replays the latter.

Whatever is read here is not trusted: what is wrong with it is a TraceError, and no other exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Final, NoReturn, TypeVar

import msgspec
from msgspec import Meta, Struct

from ot.errors import OperationError
from ot.log import Entry
from ot.operation import Component, compose, validate
from ot.text import Text

__all__ = [
    "CHECK_REVISIONS",
    "LOG_START",
    "LOG_VERSION",
    "LogHeader",
    "LogReader",
    "Patch",
    "Trace",
    "TraceError",
    "patch_operation",
    "read_trace",
    "text_hash",
    "transaction_operation",
    "write_log",
]

LOG_VERSION: Final = 1
# What a log export begins with, and no editing trace does.
LOG_START: Final = b'{"deltapad":'
# Hashing the whole text costs about as much as this many entries.
CHECK_REVISIONS: Final = 1_000

# Largest integer that JavaScript holds exactly.
_SAFE_INTEGER: Final = 2**53 - 1
_TEXT_HASH_BYTES, _LINE_HASH_BYTES = 16, 8
# What every line ends with: ,"h":"0123456789abcdef"} and the newline.
_TAIL_BYTES: Final = 25

Patch = tuple[int, int, str]
_Count = Annotated[int, Meta(ge=0, le=_SAFE_INTEGER)]
_TimeMs = Annotated[int, Meta(ge=-_SAFE_INTEGER, le=_SAFE_INTEGER)]
# Ours are 22 characters of base64url; other writers may name people as they like.
_PublicId = Annotated[str, Meta(min_length=1, max_length=64)]
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_S = TypeVar("_S")


class TraceError(Exception):
    """A log or a trace cannot be read: `line` (from 1; None where lines say nothing) and
    `reason`.
    """

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LogHeader:
    """The pad that a log is of: its name, title, and when it was made."""

    pad: str
    title: str
    created_ms: int


class _Kind(Struct):
    """So much is the same in all versions."""

    deltapad: str
    version: int


class _HeaderLine(Struct, forbid_unknown_fields=True):
    deltapad: str
    version: int
    pad: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    title: Annotated[str, Meta(max_length=200)]
    created_ms: _TimeMs


class _EntryLine(Struct, forbid_unknown_fields=True, gc=False):
    revision: _Count = msgspec.field(name="r")
    session: _PublicId = msgspec.field(name="s")
    person: _PublicId = msgspec.field(name="p")
    seq: _Count = msgspec.field(name="n")
    time_ms: _TimeMs = msgspec.field(name="t")
    digest: Annotated[bytes, Meta(min_length=1, max_length=64)] = msgspec.field(name="d")
    op: list[Component]


class _CheckLine(Struct, forbid_unknown_fields=True):
    check: _Count
    length: _Count
    text: _Hash


class _EndLine(Struct, forbid_unknown_fields=True):
    end: _Count
    length: _Count
    text: _Hash


_encode = msgspec.json.Encoder().encode
_kind_decoder = msgspec.json.Decoder(_Kind)
_header_decoder = msgspec.json.Decoder(_HeaderLine)
_entry_decoder = msgspec.json.Decoder(_EntryLine)
_check_decoder = msgspec.json.Decoder(_CheckLine)
_end_decoder = msgspec.json.Decoder(_EndLine)


def text_hash(text: str) -> str:
    """The BLAKE2b-128 of the text's UTF-8, in hex: what check and end lines carry."""
    return blake2b(text.encode(), digest_size=_TEXT_HASH_BYTES).hexdigest()


def _tail(before: bytes, body: bytes) -> bytes:
    """The end of a line: the hash of the tail before it and of the line's own bytes."""
    digest = blake2b(before, digest_size=_LINE_HASH_BYTES)
    digest.update(body)
    return b',"h":"%s"}\n' % digest.hexdigest().encode()


def write_log(header: LogHeader, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of a log export, from revision 1 on, each with its newline.

    The same entries give the same bytes. Raises OperationError `op_past_end` at an entry that
    does not fit on the text before it.
    """
    text = Text()
    revision = 0
    tail = b""

    def line(content: Struct) -> bytes:
        nonlocal tail
        body = _encode(content)[:-1]
        tail = _tail(tail, body)
        return body + tail

    yield line(_HeaderLine("log", LOG_VERSION, header.pad, header.title, header.created_ms))
    for revision, e in enumerate(entries, 1):
        text.apply(e.op)
        yield line(_EntryLine(revision, e.session, e.person, e.seq, e.time_ms, e.digest, e.op))
        if revision % CHECK_REVISIONS == 0:
            yield line(_CheckLine(revision, len(text), text_hash(str(text))))
    yield line(_EndLine(revision, len(text), text_hash(str(text))))


class LogReader:
    """Reads a log export line by line: iterate over its entries, once.

    An entry that comes out has been checked, and is in `text`. At the first damage TraceError is
    raised; `revision` and `text` stay as they were before it.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Reads the header. Raises TraceError if it is not one of a log that can be read here."""
        self.text = Text()
        self.revision = 0
        self.line = 0  # at hand
        self._lines = iter(lines)
        # What the line before ended with; the next one's hash covers it.
        self._tail = b""
        # Session -> person, and the newest seq.
        self._people: dict[str, str] = {}
        self._seqs: dict[str, int] = {}
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Entry]:
        while True:
            body = self._next()
            if body.startswith(b'{"r":'):
                yield self._entry(self._decode(_entry_decoder, body))
                if self.revision % CHECK_REVISIONS == 0:
                    check = self._decode(_check_decoder, self._next())
                    self._compare(check.check, check.length, check.text)
            elif body.startswith(b'{"end":'):
                end = self._decode(_end_decoder, body)
                self._compare(end.end, end.length, end.text)
                if next(self._lines, None) is not None:
                    self.line += 1
                    self._fail("there is something behind the end line")
                return
            else:
                self._fail("neither an entry, nor the end")

    def _fail(self, reason: str) -> NoReturn:
        raise TraceError(self.line, reason)

    def _raw(self) -> bytes:
        self.line += 1
        raw = next(self._lines, None)
        if raw is None or not raw.endswith(b"\n"):
            self._fail(f"the log is cut off here, after revision {self.revision}")
        return raw

    def _next(self) -> bytes:
        """The next line without its hash and closing brace, once the hash is found to be right."""
        raw = self._raw()
        body = raw[:-_TAIL_BYTES]
        tail = _tail(self._tail, body)
        if raw[-_TAIL_BYTES:] != tail:
            self._fail("its hash is wrong: it was changed, or a line is missing before it")
        self._tail = tail
        return body

    def _decode(self, decoder: msgspec.json.Decoder[_S], body: bytes) -> _S:
        try:
            return decoder.decode(body + b"}")
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self._fail(str(error))

    def _read_header(self) -> LogHeader:
        raw = self._raw()
        kind = self._decode(_kind_decoder, raw.rstrip()[:-1])
        if kind.deltapad != "log":
            self._fail("this is not a log export")
        if kind.version != LOG_VERSION:
            self._fail(f"the log has version {kind.version}; this deltapad reads {LOG_VERSION}")
        # Only now: another version may hash in another way.
        self._lines = _put_back(raw, self._lines)
        self.line -= 1
        header = self._decode(_header_decoder, self._next())
        return LogHeader(header.pad, header.title, header.created_ms)

    def _entry(self, line: _EntryLine) -> Entry:
        if line.revision != self.revision + 1:
            self._fail(f"revision {line.revision} comes after revision {self.revision}")
        last = self._seqs.get(line.session, 0)
        if line.seq != last + 1:
            self._fail(f"seq {line.seq} of session {line.session} comes after its seq {last}")
        if self._people.setdefault(line.session, line.person) != line.person:
            self._fail(f"session {line.session} is that of another person before")
        try:
            op = validate(line.op)
            self.text.apply(op)
        except OperationError as error:
            self._fail(error.message)
        self._seqs[line.session] = line.seq
        self.revision = line.revision
        return Entry(op, line.session, line.person, line.seq, line.time_ms, line.digest)

    def _compare(self, revision: int, length: int, text: str) -> None:
        """Hold a check or end line against what has been read."""
        if revision != self.revision:
            self._fail(f"it is about revision {revision}, but revision {self.revision} was read")
        if length != len(self.text) or text != text_hash(str(self.text)):
            self._fail(
                f"the text at revision {revision} is another one: {len(self.text)} code points, "
                f"it should be {length}"
            )


def _put_back(line: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield line
    yield from lines


@dataclass(frozen=True, slots=True)
class Trace:
    """Transactions of patches (position, deleted, inserted; code points), applied in order.

    `authors` and `times_ms` have one element for each transaction; a time is None if it is not
    known. `parents` is None if each transaction follows on the one before; else it has the
    transactions whose merge each was made on. `end` is None if the trace does not say how it ends.
    """

    start: str
    end: str | None
    transactions: list[list[Patch]]
    authors: list[int] = field(default_factory=list)
    times_ms: list[int | None] = field(default_factory=list)
    parents: list[list[int]] | None = None


class _PatchItem(Struct, array_like=True, gc=False):
    """Some traces have the time as a fourth; what more there is does not matter here."""

    position: _Count
    deleted: _Count
    inserted: str


class _TransactionItem(Struct, gc=False):
    patches: list[_PatchItem]
    agent: _Count = 0
    parents: list[_Count] | None = None
    time: str | int | float | None = None
    timestamp: str | int | float | None = None


class _TraceItem(Struct):
    txns: list[_TransactionItem]
    kind: str = "sequential"
    start: str | None = msgspec.field(name="startContent", default=None)
    end: str | None = msgspec.field(name="endContent", default=None)


_trace_decoder = msgspec.json.Decoder(_TraceItem)


def read_trace(data: bytes | str) -> Trace:
    """Read an editing trace, sequential or concurrent. Raises TraceError.

    Whether its patches fit on its text is found out by who replays it.
    """
    try:
        item = _trace_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise TraceError(None, f"not an editing trace: {error}") from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise TraceError(None, f"not JSON: {error}") from None
    if item.kind not in ("sequential", "concurrent"):
        raise TraceError(None, f"a trace of the kind {item.kind[:40]!a} is not known here")
    concurrent = item.kind == "concurrent"
    for index, txn in enumerate(item.txns):
        if concurrent and any(parent >= index for parent in txn.parents or ()):
            raise TraceError(None, f"transaction {index} has a parent that does not come before it")
    return Trace(
        start=item.start or "",
        end=item.end,
        transactions=[
            [(patch.position, patch.deleted, patch.inserted) for patch in txn.patches]
            for txn in item.txns
        ],
        authors=[txn.agent for txn in item.txns],
        times_ms=[_milliseconds(txn.timestamp or txn.time) for txn in item.txns],
        parents=[txn.parents or [] for txn in item.txns] if concurrent else None,
    )


def patch_operation(patch: Patch) -> list[Component]:
    """A patch as an operation: what it removes first, then what it inserts."""
    position, deleted, inserted = patch
    if not deleted and not inserted:
        return []
    op: list[Component] = [position] if position else []
    if deleted:
        op.append(-deleted)
    if inserted:
        op.append(inserted)
    return op


def transaction_operation(patches: Sequence[Patch]) -> list[Component]:
    """A transaction as one operation: its patches, one after the other."""
    if len(patches) == 1:
        return patch_operation(patches[0])
    op: list[Component] = []
    for patch in patches:
        op = compose(op, patch_operation(patch))
    return op


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))\Z",
    re.ASCII,
)


@lru_cache(maxsize=1_024)
def _milliseconds(time: str | float | None) -> int | None:
    """Milliseconds since 1970 of a time as RFC 3339 writes it (a number is such a count already);
    None if there is none, or it is not one.
    """
    if not isinstance(time, str):
        return None if time is None or abs(time) > _SAFE_INTEGER else int(time)
    match = _TIME.match(time)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, *offset = match.groups()[6:]
    # Days since 1970: years begin in March, so that the odd day is a year's last.
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
    minutes = (days - 719_469) * 1_440 + hour * 60 + minute
    if sign:
        minutes -= int(sign + "1") * (int(offset[0]) * 60 + int(offset[1]))
    return (minutes * 60 + second) * 1_000 + int((fraction or "0").ljust(3, "0")[:3])
