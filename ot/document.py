"""the authority: submission in, committed entry out; duplicates; bounds; staged batches

A document is a snapshot of the text, the log after it, and who has committed which sequence number.
An operation goes through three marks of the log, which only ever move forward:

    committed <= handed <= head
    committed   durable: may be acknowledged and shown to others
    handed      given to the store, whose answer is awaited
    head        accepted and transformed, the base of what comes next

If the store fails, the document is thrown away as a whole and loaded again: nothing after
`committed` was shown to anyone. The text is not touched for each operation; it is made from the
snapshot when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ot.errors import OperationError, ProtocolError
from ot.log import Entry, RevisionLog
from ot.operation import (
    Operation,
    base_length,
    length_change,
    transform,
)
from ot.text import Text

__all__ = ["NOTHING", "Commit", "Document", "Submission"]


class Submission(Struct, frozen=True, gc=False):
    """An operation as a session sent it: on revision `base`, under `seq`; `digest` hashes base and
    operation.
    """

    session: str
    person: str
    seq: int
    base: int
    op: Operation
    digest: bytes
    time_ms: int


class Commit(Struct, frozen=True, gc=False):
    """A session's newest entry in the log: its `seq`, `revision` and the `digest` of what was
    sent.
    """

    seq: int
    revision: int
    digest: bytes


NOTHING = Commit(0, 0, b"")


class Document:
    """The text and the log of one pad."""

    def __init__(
        self,
        *,
        text: str = "",
        revision: int = 0,
        start: int | None = None,
        entries: Sequence[Entry] = (),
        length_max: int,
        revisions_max: int = 0,
    ) -> None:
        """`text` is the snapshot at `revision`; `entries` are all that came after revision `start`.

        `start` is `revision` unless some entries from before the snapshot are at hand too.
        `length_max` is in code points; `revisions_max` is 0 for a log without an end.
        """
        self.log = RevisionLog(revision if start is None else start, entries)
        self.committed = self.handed = self.log.head
        self._snapshot = text
        self._snapshot_revision = revision
        self._length_max = length_max
        self._revisions_max = revisions_max
        # Of the text at `head`, and at `committed`, in code points.
        change = sum(length_change(entry.op) for entry in self.log.entries(revision, self.log.head))
        self.head_length = self.length = len(text) + change
        # What each session at hand committed last; whoever connects one fills it in from the store.
        self.sessions: dict[str, Commit] = {}

    def text(self) -> str:
        """The text at revision `committed`."""
        if self._snapshot_revision < self.committed:
            # One after the other: that costs less than composing what is applied only once.
            text = Text(self._snapshot)
            for entry in self.log.entries(self._snapshot_revision, self.committed):
                text.apply(entry.op)
            self._snapshot = str(text)
            self._snapshot_revision = self.committed
        return self._snapshot

    def submit(self, submission: Submission) -> Entry | None:
        """Accept an operation at the head; None if it is there already.

        Raises ProtocolError `seq_gap`, `seq_reused`, `base_in_future`, `base_too_old`;
        OperationError `op_past_end`, `pad_full`. Nothing has changed then. `base` must not be
        before `log.start`; see `catch_up`.
        """
        if self.is_duplicate(submission):
            return None
        self._check_base(submission)
        head = self.log.head
        if 0 < self._revisions_max <= head:
            raise OperationError(
                "pad_full", f"the log of this pad holds {head} revisions", seq=submission.seq
            )
        op = submission.op
        for part in self.log.parts(submission.base, head):
            _, op = transform(part, op)
        # Whoever reaches past the end of the text at its base reaches as far past this one.
        if base_length(op) > self.head_length:
            late = length_change(self.log.composed(submission.base, head))
            self._check_fit(submission, self.head_length - late)
        length = self.head_length + length_change(op)
        if length > self._length_max and length > self.head_length:
            raise OperationError(
                "pad_full",
                f"the text would have {length} code points; this pad holds {self._length_max}",
                seq=submission.seq,
            )
        entry = Entry(
            op=op,
            session=submission.session,
            person=submission.person,
            seq=submission.seq,
            time_ms=submission.time_ms,
            digest=submission.digest,
        )
        self.log.append(entry)
        self.head_length = length
        self.sessions[submission.session] = Commit(submission.seq, head + 1, submission.digest)
        return entry

    def is_duplicate(self, submission: Submission) -> bool:
        """Whether the log has this submission as its session's newest.

        Raises ProtocolError `seq_gap`, or `seq_reused` if its seq is not the next one but was sent
        with other content, or is older than the newest (compare such a one with `check_resend`).
        """
        last = self.sessions.get(submission.session, NOTHING)
        if submission.seq > last.seq + 1:
            raise ProtocolError(
                "seq_gap",
                f"seq {submission.seq} after seq {last.seq}: send seq {last.seq + 1} next",
                seq=submission.seq,
            )
        if submission.seq > last.seq:
            return False
        self.check_resend(submission, last)
        return True

    @staticmethod
    def check_resend(submission: Submission, commit: Commit) -> None:
        """Raise ProtocolError `seq_reused` unless `commit` is this submission, to the letter."""
        if (submission.seq, submission.digest) != (commit.seq, commit.digest):
            raise ProtocolError(
                "seq_reused",
                f"seq {submission.seq} is in the log with other content",
                seq=submission.seq,
            )

    def catch_up(self, submission: Submission, older: Operation, *, revision: int) -> Submission:
        """Carry a submission from its base to `revision`, which the log must reach back to.

        `older` is the composed operation from its base to there. One transform, however late it
        is. Raises as `submit` does.
        """
        self._check_base(submission)
        length = self.head_length - length_change(self.log.composed(revision, self.log.head))
        self._check_fit(submission, length - length_change(older))
        _, op = transform(older, submission.op)
        return Submission(
            session=submission.session,
            person=submission.person,
            seq=submission.seq,
            base=revision,
            op=op,
            digest=submission.digest,
            time_ms=submission.time_ms,
        )

    def hand_over(self) -> list[Entry]:
        """The entries that the store has not been given yet; from now on it has."""
        batch = self.log.entries(self.handed, self.log.head)
        self.handed = self.log.head
        return batch

    def commit(self, revision: int) -> None:
        """The store has made all entries up to `revision` durable."""
        assert self.committed <= revision <= self.handed
        if revision == self.log.head:
            self.length = self.head_length
        else:
            for entry in self.log.entries(self.committed, revision):
                self.length += length_change(entry.op)
        self.committed = revision

    def forget(self, before: int) -> None:
        """Let go of the entries up to revision `before`, as far as they are committed."""
        self.text()
        self.log.forget(min(before, self.committed))

    def _check_base(self, submission: Submission) -> None:
        if submission.base > self.committed:
            raise ProtocolError(
                "base_in_future",
                f"base {submission.base} is past the newest revision {self.committed}",
                seq=submission.seq,
            )
        own = self.sessions.get(submission.session, NOTHING)
        # The session's own last entry cannot be transformed away: it is part of what it typed on.
        if submission.base < own.revision and submission.seq > own.seq:
            raise ProtocolError(
                "base_too_old",
                f"base {submission.base} is before your own seq {own.seq} at {own.revision}",
                seq=submission.seq,
            )

    @staticmethod
    def _check_fit(submission: Submission, length: int) -> None:
        reach = base_length(submission.op)
        if reach > length:
            raise OperationError(
                "op_past_end",
                f"the operation covers {reach} code points; the text at revision "
                f"{submission.base} has {length}",
                seq=submission.seq,
            )
