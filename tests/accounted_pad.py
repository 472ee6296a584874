"""a document under random use, beside a plain account of what must be true of it"""

from __future__ import annotations

import pytest

from ot.document import Commit, Document, Submission
from ot.errors import DeltapadError, OperationError
from ot.log import Entry
from ot.operation import Component, Operation, apply, transform, validate
from ot.runs import compose_all
from ot.strategies import Choices, make_operation, make_text

__all__ = ["AccountedPad", "state", "submission"]

# Small enough to be hit.
LENGTH_MAX = 7


def submission(
    op: Operation, *, seq: int = 1, base: int = 0, session: str = "s", digest: bytes | None = None
) -> Submission:
    if digest is None:
        digest = repr((base, op)).encode()
    return Submission(
        session=session,
        person=f"person of {session}",
        seq=seq,
        base=base,
        op=list(op),
        digest=digest,
        time_ms=1_000 + seq,
    )


def state(document: Document) -> object:
    """All that must be as before after an error."""
    log = document.log
    return (
        log.start,
        log.entries(log.start, log.head),
        (document.committed, document.handed, document.length, document.head_length),
        dict(document.sessions),
        document.text(),
    )


class AccountedPad:
    """A document, and the account; each step compares the two."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        text = make_text(choices)
        # The text at each revision, and the operation that made each: the account.
        self.texts = [text]
        self.ops: list[list[Component]] = []
        self.sent: dict[str, Submission] = {}
        self.commits: dict[str, Commit] = {}
        self.committed = self.handed = 0
        self.store: list[Entry] = []
        self.document = Document(text=text, length_max=LENGTH_MAX)

    def step(self) -> None:
        steps = [
            *[self.submit] * 8,
            *[self.hand_over, self.commit, self.wrong] * 2,
            *[self.resend, self.forget, self.read, self.load],
        ]
        self.choices.one_of(steps)()
        document = self.document
        assert document.log.head == len(self.ops)
        assert (document.committed, document.handed) == (self.committed, self.handed)
        assert document.sessions == self.commits
        assert document.length == len(self.texts[self.committed])
        assert document.head_length == len(self.texts[-1])

    def submit(self) -> None:
        """A session types on a revision that it may have, old or new."""
        session = self.choices.one_of(["a", "b", "c"])
        last = self.commits.get(session, Commit(0, 0, b""))
        if last.revision > self.committed:
            return  # a client waits for its acknowledgement
        base = last.revision + self.choices.below(self.committed - last.revision + 1)
        made = make_operation(self.choices, len(self.texts[base]))
        one = submission(made, seq=last.seq + 1, base=base, session=session)
        op = made
        for earlier in self.ops[base:]:
            op = transform(earlier, op)[1]
        text = apply(self.texts[-1], op)
        grows = len(text) > max(LENGTH_MAX, len(self.texts[-1]))
        before = state(self.document)
        if grows:
            with pytest.raises(OperationError) as caught:
                self.document.submit(self.caught_up(one))
            assert (caught.value.code, caught.value.seq) == ("pad_full", one.seq)
            assert state(self.document) == before
            return
        entry = self.document.submit(self.caught_up(one))
        assert entry == Entry(
            op, session, one.person, one.seq, time_ms=one.time_ms, digest=one.digest
        )
        assert validate(op) == op
        self.ops.append(op)
        self.texts.append(text)
        self.sent[session] = one
        self.commits[session] = Commit(one.seq, len(self.ops), one.digest)

    def caught_up(self, one: Submission) -> Submission:
        """As the hub does it: what the log has forgotten comes from the store, composed."""
        start = self.document.log.start
        if one.base >= start:
            return one
        return self.document.catch_up(one, compose_all(self.ops[one.base : start]), revision=start)

    def resend(self) -> None:
        """The same again, to the letter, durable or not: it is there already."""
        if self.sent:
            one = self.choices.one_of(list(self.sent.values()))
            before = state(self.document)
            assert self.document.is_duplicate(one)
            assert self.document.submit(one) is None
            assert state(self.document) == before

    def hand_over(self) -> None:
        batch = self.document.hand_over()
        assert [entry.op for entry in batch] == self.ops[self.handed :]
        self.store += batch
        self.handed = len(self.ops)

    def commit(self) -> None:
        """The store answers, for all that it was given or a first part of it."""
        self.committed += self.choices.below(self.handed - self.committed + 1)
        self.document.commit(self.committed)

    def forget(self) -> None:
        start = self.document.log.start
        before = self.choices.below(len(self.ops) + 3)
        self.document.forget(before)
        assert self.document.log.start == max(start, min(before, self.committed))

    def read(self) -> None:
        assert self.document.text() == self.texts[self.committed]

    def load(self) -> None:
        """The server dies: what the store has is what there is; the rest was shown to nobody."""
        del self.ops[self.handed :], self.texts[self.handed + 1 :]
        self.committed = self.handed
        self.commits = {
            entry.session: Commit(entry.seq, revision, entry.digest)
            for revision, entry in enumerate(self.store, 1)
        }
        self.sent = {s: one for s, one in self.sent.items() if self.newest(one)}
        snapshot = self.choices.below(self.handed + 1)
        start = self.choices.below(snapshot + 1)
        self.document = Document(
            text=self.texts[snapshot],
            revision=snapshot,
            start=start,
            entries=self.store[start:],
            length_max=LENGTH_MAX,
        )
        self.document.sessions.update(self.commits)

    def newest(self, one: Submission) -> bool:
        commit = self.commits.get(one.session)
        return commit is not None and commit.seq == one.seq

    def wrong(self) -> None:
        """A client with a bug: the error has its name, and nothing has changed."""
        session = self.choices.one_of(["a", "b", "c", "new"])
        last = self.commits.get(session, Commit(0, 0, b""))
        start = self.document.log.start
        base = max(last.revision, start)
        cases = [
            ("seq_gap", submission(["x"], seq=last.seq + 2, base=base, session=session)),
            (
                "base_in_future",
                submission(["x"], seq=last.seq + 1, base=self.committed + 1, session=session),
            ),
        ]
        if last.seq:
            changed = submission(["y"], seq=last.seq, base=base, session=session, digest=b"other")
            cases.append(("seq_reused", changed))
            if start < last.revision <= self.committed:
                old = submission(["x"], seq=last.seq + 1, base=start, session=session)
                cases.append(("base_too_old", old))
        if base <= self.committed:
            long: list[Component] = [len(self.texts[base]) + 1, "x"]
            past = submission(long, seq=last.seq + 1, base=base, session=session)
            cases.append(("op_past_end", past))
        code, one = self.choices.one_of(cases)
        before = state(self.document)
        with pytest.raises(DeltapadError) as caught:
            self.document.submit(one)
        assert (caught.value.code, caught.value.seq) == (code, one.seq)
        assert state(self.document) == before
