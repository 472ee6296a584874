"""replays logs and traces: step by step, and live into a running pad"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ot.concurrent import Merge
from ot.diff import shared_start
from ot.errors import OperationError
from ot.operation import Component
from ot.text import Text
from ot.traces import (
    LogReader,
    Trace,
    TraceError,
    text_hash,
    transaction_operation,
)

__all__ = ["Recording", "Step"]


class Step(Struct, frozen=True, gc=False):
    """What made one revision: the operation, who it is of, how many edits it holds, and when it
    was (None if that is not known).
    """

    op: list[Component]
    author: str
    edits: int
    time_ms: int | None


class Recording:
    """A log or a trace on its way to its end; `text` is that of `revision`."""

    def __init__(self, source: LogReader | Trace) -> None:
        self.revision = 0
        self.edits = 0
        # In the order of their first step.
        self.authors: list[str] = []
        # How many steps there are; None if only the end will tell.
        self.total: int | None = None
        # What there is to say about it beside the figures.
        self.note = ""
        self._source = source
        # What differs at the end, once known.
        self._wrong: str | None = None
        if isinstance(source, LogReader):
            self.kind, self.start = "log", ""
            self.text = source.text
            self.title = source.header.title or source.header.pad
        else:
            self.kind = "sequential trace" if source.parents is None else "concurrent trace"
            self.start = source.start
            self.text = Text(source.start)
            self.title = ""
            self.total = len(source.transactions)

    def steps(self) -> Iterator[Step | None]:
        """All of them, each once it is in `text`; None now and then while they are worked out.

        Raises TraceError where what follows cannot be read.
        """
        known: set[str] = set()
        for step in self._steps():
            if step is not None:
                self.revision += 1
                self.edits += step.edits
                author = step.author
                if author not in known:
                    known.add(author)
                    self.authors.append(author)
            yield step

    def hash(self) -> str:
        """Of the text, as in a log export."""
        return text_hash(str(self.text))

    def difference(self) -> str | None:
        """At the end: what is not as the trace or log says, None if all is."""
        if isinstance(self._source, LogReader):
            return None  # Its reader has held the text against the log's hashes, line by line.
        if self._wrong is not None:
            return self._wrong
        if self._source.end is None:
            return "the trace does not say what its end text is"
        return _difference(str(self.text), self._source.end)

    def _steps(self) -> Iterator[Step | None]:
        if isinstance(self._source, LogReader):
            for entry in self._source:
                yield Step(entry.op, entry.person, _places(entry.op), entry.time_ms)
        elif self._source.parents is None:
            yield from self._sequential(self._source)
        else:
            yield from self._concurrent(self._source)

    def _sequential(self, trace: Trace) -> Iterator[Step]:
        items = zip(trace.transactions, trace.authors, trace.times_ms, strict=True)
        for index, (patches, author, time_ms) in enumerate(items):
            op = transaction_operation(patches)
            try:
                self.text.apply(op)
            except OperationError as error:
                raise TraceError(None, f"transaction {index}: {error.message}") from None
            yield Step(op, str(author), len(patches), time_ms)

    def _concurrent(self, trace: Trace) -> Iterator[Step | None]:
        merge = Merge(trace)
        for _ in merge.run():
            yield None
        if trace.end is not None and merge.document.text() != trace.end:
            # Where two insert at one place, the other order may be the one that was.
            other = Merge(trace, descending=True)
            for _ in other.run():
                yield None
            if other.document.text() == trace.end:
                merge = other
        if any(text != merge.document.text() for text in merge.texts()):
            self._wrong = "the replicas differ: this is a bug of deltapad"
        if not merge.plan.linear:
            self.note = (
                "its graph is not that of one log: authors are shown a little more than they had "
                "seen, so that the end may be another one"
            )
        self.total = len(merge.transactions)
        entries = merge.document.log.entries(0, merge.document.log.head)
        for index, entry in zip(merge.transactions, entries, strict=True):
            self.text.apply(entry.op)
            patches = trace.transactions[index]
            yield Step(entry.op, entry.session, len(patches), trace.times_ms[index])


def _places(op: list[Component]) -> int:
    """How many edits an operation holds: places at which it inserts, deletes, or both."""
    count = 0
    inside = False
    for component in op:
        retain = isinstance(component, int) and component > 0
        count += not retain and not inside
        inside = not retain
    return count


def _difference(text: str, wanted: str) -> str | None:
    if text == wanted:
        return None
    same = shared_start(text, wanted)
    return (
        f"the text ends with {len(text)} code points, the trace says {len(wanted)}; from code "
        f"point {same} on it is {text[same : same + 30]!r}, not {wanted[same : same + 30]!r}"
    )
