"""log and trace files: plain, gzip or zstandard, told by what is in them; written whole or not"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

import zstandard

from ot.traces import LOG_START, LogReader, Trace, TraceError, read_trace

__all__ = ["FILE_BYTES_MAX", "LINE_BYTES_MAX", "create_file", "open_recorded"]

# An entry may hold a whole pad of two million code points, each escaped in 12 bytes.
LINE_BYTES_MAX: Final = 64 * 2**20
# A trace is in memory as a whole, some ten times over; the largest known ones have 10 MB.
FILE_BYTES_MAX: Final = 2**30

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError, OSError)


@contextmanager
def open_recorded(path: Path) -> Iterator[LogReader | Trace]:
    """Open a file: a log export, whose entries are read as they are asked for, or a public trace.

    `-` is standard input. Raises TraceError, and OSError if there is no such file.
    """
    raw: BinaryIO = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    with raw, _unpacked(raw) as file:
        start = _read(file, len(LOG_START), peek=True)
        if start.startswith(LOG_START):
            yield LogReader(_lines(file))
            return
        data = _read(file, FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise TraceError(None, f"a trace of more than {FILE_BYTES_MAX} bytes is not read")
        if not data.strip():
            raise TraceError(None, "the file is empty, or cut off before anything can be read")
        yield read_trace(data)


def _unpacked(raw: BinaryIO) -> BufferedReader:
    """What is in a file, whatever its name."""
    buffered = raw if isinstance(raw, BufferedReader) else BufferedReader(cast(RawIOBase, raw))
    start = buffered.peek(4)[:4]
    if start.startswith(_GZIP):
        return BufferedReader(cast(RawIOBase, gzip.GzipFile(fileobj=buffered)))
    if start.startswith(_ZSTD):
        reader = zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        return BufferedReader(cast(RawIOBase, reader))
    return buffered


def _read(file: BufferedReader, size: int, *, peek: bool = False) -> bytes:
    try:
        return file.peek(size) if peek else file.read(size)
    except _DAMAGED as error:
        raise TraceError(None, f"the compressed file is damaged or cut off: {error}") from None


def _lines(file: BufferedReader) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(LINE_BYTES_MAX)
        except _DAMAGED as error:
            reason = f"the compressed file is damaged or cut off here: {error}"
            raise TraceError(number, reason) from None
        if not line:
            return
        yield line


@contextmanager
def create_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, compressed if its name ends in .gz or .zst. It appears under its name when
    all is written; if something goes wrong, nothing is there, or what was there before.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # In a container each process may have the number of one that was killed.
        part.unlink(missing_ok=True)
        with part.open("xb") as raw:
            if path.suffix == ".gz":
                # Without a name and a time in it, the same text gives the same file.
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                    yield cast(IO[bytes], packed)
            elif path.suffix == ".zst":
                with zstandard.ZstdCompressor(write_checksum=True).stream_writer(
                    raw, closefd=False
                ) as stream:
                    yield cast(IO[bytes], stream)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
