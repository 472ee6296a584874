"""a concurrent trace through one document: every author a client, delivered as the graph says

In such a trace a transaction was made on the merge of its parents: its author had seen all of their
past, and nothing else. With a server there is one log, and what an author has seen is always a
prefix of it, and what is its own. So first `plan` finds the order of the log: what somebody has
seen comes before what it has not (its own aside). That leaves some orders open. Of them it takes
the one in which the author with the smallest number goes first, as at a tie many systems do:

    Ada   a1 --- a2 ------------ a3 (has seen b1)
    Ben   b1 --- b2 --- b3 (has seen a2)                    log: a1 a2 b1 a3 b2 b3

The order is heard where two insert at one place. Traces have no such inserts, their README says,
but some come about when the text between two places is deleted: if the trace ends otherwise, the
largest number first is worth a try. Rarely a later patch then reaches past the end, and is told.

Then `Merge` goes through the transactions as they stand in the trace. The author receives the log
as far as it had seen it, and types. What it types waits, an operation for each transaction, until
somebody is to see it, or something behind it in the log; then its client sends it, the document
commits it, and the client is told. Documents and clients are those that the product runs.

A client hears of its own operation with all that is before it in the log. Where three or more type,
that may be more than its author had seen when it went on typing. Then it is held back from the
author's text, and what the author types is carried across it.

There are graphs that no server can have made: one author has seen a and not b, another one b and
not a. Then `linear` is False, and the rule is: the log has the order of the trace, an author sees
the shortest prefix of it that has all that it had seen, and a patch that reaches past the end of
the text is cut there. The replicas end equal all the same, but perhaps not with the text that the
trace names.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ot.client import Client
from ot.document import Document, Submission
from ot.messages import Limits, OpsMessage
from ot.operation import Component, transform
from ot.text import Text
from ot.traces import Patch, Trace, TraceError, patch_operation, transaction_operation

__all__ = ["AUTHORS_MAX", "Merge", "Plan", "plan"]

# Each costs its share at every merge: 256 make a view of 256 numbers.
AUTHORS_MAX: Final = 256
# Transactions between two signs of life, some milliseconds of work.
_STEP: Final = 500

# All is in memory, and the trace itself is the bound.
_NO_LIMIT: Final = 2**62
_LIMITS: Final = Limits(
    frame_bytes=_NO_LIMIT, op_components=_NO_LIMIT, op_inserted=_NO_LIMIT, pad_length=_NO_LIMIT
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The log as transactions in its order; and of the transactions whose author has seen more
    than before, how long a prefix of the log that is.
    """

    log: list[int]
    views: dict[int, int]
    linear: bool


@dataclass(slots=True)
class _Run:
    """Transactions of one author that enter the log together."""

    transactions: list[int]
    followers: list[_Run] = field(default_factory=list)
    # How many runs have to enter before it.
    waits_for: int = 0


def plan(trace: Trace, *, descending: bool = False) -> Plan:
    """Find the log that a concurrent trace was made on.

    Of what may enter next, it takes the author with the smallest number, or with `descending` the
    largest. Raises TraceError if the trace has too many authors.
    """
    own, views, linear = _views(trace)
    if len(own) > AUTHORS_MAX:
        raise TraceError(None, f"the trace has {len(own)} authors; at most {AUTHORS_MAX}")
    runs = _order(trace.authors, own, views, sign=-1 if descending else 1) if linear else None
    if runs is None:
        linear = False
        runs = [_Run([index]) for index in range(len(trace.transactions))]
    log: list[int] = []
    ends: dict[int, int] = {}
    for run in runs:
        log += run.transactions
        ends[log[-1]] = len(log)
    lengths = {
        index: max(ends[own[author][seen - 1]] for author, seen in view.items())
        for index, view in views.items()
    }
    return Plan(log, lengths, linear)


# Of others than oneself: how many of an author's transactions.
_View = dict[int, int]


def _views(trace: Trace) -> tuple[dict[int, list[int]], dict[int, _View], bool]:
    """The transactions of each author; the view at those before which their author has seen more
    than before; and whether everybody had always seen its own, and no less than before.
    """
    assert trace.parents is not None, "the trace is not a concurrent one"
    own: dict[int, list[int]] = {author: [] for author in trace.authors}
    # What an author has seen by now, and the same at each transaction; shared until it is more.
    now: dict[int, _View] = {author: {} for author in own}
    places: list[tuple[int, int, _View]] = []
    views: dict[int, _View] = {}
    linear = True
    for index, (author, parents) in enumerate(zip(trace.authors, trace.parents, strict=True)):
        mine = own[author]
        if len(parents) != 1 or not mine or parents[0] != mine[-1]:
            before = now[author]
            view: _View = {}
            for parent in parents:
                writer, count, theirs = places[parent]
                for other, seen in [(writer, count), *theirs.items()]:
                    view[other] = max(seen, view.get(other, 0))
            linear &= view.pop(author, 0) == len(mine)
            for other, seen in before.items():
                linear &= seen <= view.get(other, 0)
                view[other] = max(seen, view.get(other, 0))
            if view != before:
                now[author] = views[index] = view
        mine.append(index)
        places.append((author, len(mine), now[author]))
    return own, views, linear


def _runs(own: dict[int, list[int]], views: dict[int, _View]) -> dict[int, _Run]:
    """The run of each transaction. An author's runs are cut where somebody's view of them ends, and
    where the author sees more itself.
    """
    last = {own[author][seen - 1] for view in views.values() for author, seen in view.items()}
    runs: dict[int, _Run] = {}
    for mine in own.values():
        run = _Run([])
        for index in mine:
            if run.transactions and (index in views or run.transactions[-1] in last):
                following = _Run([])
                _precede(run, following)
                run = following
            run.transactions.append(index)
            runs[index] = run
    return runs


def _order(
    authors: Sequence[int],
    own: dict[int, list[int]],
    views: dict[int, _View],
    *,
    sign: int,
) -> list[_Run] | None:
    """The runs in an order in which all that somebody has seen comes before what it has not, or
    None if there is none. For two authors there always is one.
    """
    runs = _runs(own, views)
    for index, view in views.items():
        # A run without transactions, which stands between what is seen here and what is not.
        gate = _Run([])
        for author, seen in view.items():
            _precede(runs[own[author][seen - 1]], gate)
        _precede(gate, runs[index])
        for other, theirs in own.items():
            if other != authors[index] and view.get(other, 0) < len(theirs):
                _precede(gate, runs[theirs[view.get(other, 0)]])
    # An author has one run at a time that may enter next.
    ready = [
        (sign * authors[mine[0]], mine[0]) for mine in own.values() if not runs[mine[0]].waits_for
    ]
    heapq.heapify(ready)
    order: list[_Run] = []
    while ready:
        run = runs[heapq.heappop(ready)[1]]
        order.append(run)
        followers = list(run.followers)
        while followers:
            follower = followers.pop()
            follower.waits_for -= 1
            if follower.waits_for:
                continue
            if follower.transactions:
                first = follower.transactions[0]
                heapq.heappush(ready, (sign * authors[first], first))
            else:
                followers += follower.followers
    return order if sum(len(run.transactions) for run in order) == len(authors) else None


def _precede(run: _Run, other: _Run) -> None:
    run.followers.append(other)
    other.waits_for += 1


class Merge:
    """A concurrent trace on its way through one document."""

    def __init__(self, trace: Trace, *, descending: bool = False) -> None:
        """Raises TraceError, as `plan` does."""
        self.plan = plan(trace, descending=descending)
        self.document = Document(text=trace.start, length_max=_NO_LIMIT)
        # Of each entry in the document's log, its transaction.
        self.transactions: list[int] = []
        self._trace = trace
        self._authors = {
            author: _Author(str(author), trace.start) for author in sorted(set(trace.authors))
        }
        for index, length in self.plan.views.items():
            self._authors[trace.authors[index]].views.append(length)
        # The revision after each planned entry that is in the log. Where others have deleted all of
        # it already, an operation becomes none, and there is no new one.
        self._revisions = [0]

    def run(self) -> Iterator[int]:
        """Go through the transactions: yields how many are done, every now and then.

        Raises TraceError at a patch that does not fit.
        """
        trace, views, authors = self._trace, self.plan.views, self._authors
        for index, patches in enumerate(trace.transactions):
            author = authors[trace.authors[index]]
            if index in views:
                author.views.popleft()
                author.see(self.document, self._enter(views[index]))
            author.type(self._fit(index, patches, len(author.text)))
            if not index % _STEP:
                yield index
        revision = self._enter(len(self.plan.log))
        for author in authors.values():
            author.see(self.document, revision)
        yield len(trace.transactions)

    def texts(self) -> list[str]:
        """What each author has in the end."""
        return [str(author.text) for author in self._authors.values()]

    def _fit(self, index: int, patches: Sequence[Patch], length: int) -> list[Component]:
        """A transaction as an operation on a text of that length."""
        if len(patches) == 1 and patches[0][0] + patches[0][1] <= length:
            return patch_operation(patches[0])
        fitting: list[Patch] = []
        for position, deleted, inserted in patches:
            if position + deleted > length:
                if self.plan.linear:
                    raise TraceError(
                        None,
                        f"transaction {index} reaches to {position + deleted} in a text of "
                        f"{length} code points",
                    )
                position = min(position, length)
                deleted = min(deleted, length - position)
            length += len(inserted) - deleted
            fitting.append((position, deleted, inserted))
        return transaction_operation(fitting)

    def _enter(self, count: int) -> int:
        """Have all of the first `count` planned entries in the log; the revision that they make."""
        trace, revisions, document = self._trace, self._revisions, self.document
        for index in self.plan.log[len(revisions) - 1 : count]:
            author = self._authors[trace.authors[index]]
            if author.send(document, revisions, trace.times_ms[index] or 0):
                self.transactions.append(index)
            revisions.append(document.committed)
        return revisions[count]


class _Author:
    """One author: its text, what it has typed, and its client."""

    __slots__ = ("_client", "_held", "_sent", "_session", "_waiting", "text", "views")

    def __init__(self, session: str, text: str) -> None:
        self.text = Text(text)
        # How long the prefixes of the planned log are that it is still to see.
        self.views: deque[int] = deque()
        self._session = session
        self._client = Client()
        # Typed and not sent, one for each transaction, the oldest first.
        self._waiting: deque[list[Component]] = deque()
        # The revision of what it sent last.
        self._sent = 0
        # What the client has received and the text not yet: up to which revision, and the
        # operation, made on the text and all that is held before it.
        self._held: list[tuple[int, list[Component]]] = []

    def type(self, op: list[Component]) -> None:
        """A transaction, made on the text."""
        self.text.apply(op)
        if self._held:
            held = self._held
            self._held = []
            for revision, other in held:
                other, op = transform(other, op)
                self._held.append((revision, other))
        self._waiting.append(op)

    def see(self, document: Document, revision: int) -> None:
        """Have in the text all of the log up to `revision`."""
        while self._held and self._held[0][0] <= revision:
            self.text.apply(self._held.pop(0)[1])
        if self._client.revision < revision:
            self.text.apply(self._receive(document, revision))

    def send(self, document: Document, revisions: Sequence[int], time_ms: int) -> bool:
        """Commit the oldest transaction that waits; False if nothing is left of it."""
        client = self._client
        # One operation is in flight at most.
        if client.revision < self._sent:
            self._catch_up(document, revisions)
        client.edit(self._waiting.popleft())
        message = client.send(_LIMITS)
        if message is None:
            return False
        session = self._session
        entry = document.submit(
            Submission(
                session=session,
                person=session,
                seq=message.seq,
                base=message.base,
                op=message.op,
                digest=b"",
                time_ms=time_ms,
            )
        )
        assert entry is not None, "nothing is sent twice"
        document.hand_over()
        head = document.log.head
        document.commit(head)
        self._sent = head
        if client.revision == head - 1:
            client.receive(
                OpsMessage(start=head - 1, ops=[(session, entry.seq, entry.op)]), session
            )
        return True

    def _catch_up(self, document: Document, revisions: Sequence[int]) -> None:
        """Have the client receive all up to its own newest entry: what the text is not to show yet
        is held back, in parts that end where a view does.
        """
        while self._client.revision < self._sent:
            stop = self._sent
            for length in self.views:
                if length >= len(revisions) or revisions[length] >= stop:
                    break
                if revisions[length] > self._client.revision:
                    stop = revisions[length]
                    break
            op = self._receive(document, stop)
            if op:
                self._held.append((stop, op))

    def _receive(self, document: Document, revision: int) -> list[Component]:
        """Have the client receive the log up to `revision`: what that does to the text when all
        that waits is in it.
        """
        start = self._client.revision
        ops = [(e.session, e.seq, e.op) for e in document.log.entries(start, revision)]
        op = self._client.receive(OpsMessage(start=start, ops=ops), self._session).op or []
        if op:
            waiting = self._waiting
            self._waiting = deque()
            for mine in waiting:
                op, mine = transform(op, mine)
                self._waiting.append(mine)
        return op
