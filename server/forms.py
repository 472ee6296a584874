"""writing without a script: a whole text is sent back, and what differs is merged as one operation

The page carries the text with its revision, the base. What comes back is compared with the text at
that base, and the difference is an operation like any other: transformed, made durable, then shown
to everybody. The session that sends it exists only for that one operation; its key is in the form,
so the same form sent twice counts once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from weakref import WeakValueDictionary

from ot.diff import diff
from ot.document import Submission
from ot.errors import DeltapadError, ProtocolError, UnavailableError
from ot.messages import digest
from ot.operation import Operation, validate
from server.hub import Hub
from server.pad import Pad
from server.presence import clean_name
from server.session import Session, public_id
from server.textarea import carried_over, shown

__all__ = ["Sent", "merge", "sent_once"]

# Whoever waits for an answer hears after this that the disk does not take it now: two tries of a
# store that another program holds up for 5 seconds each.
DURABLE_SECONDS_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A whole text that somebody sends back, made on revision `base`, under a session key."""

    session: str
    person: str
    name: str
    base: int
    text: str


def sent_once(name: str, text: str, *, pad: Pad, base: int = 0) -> Sent:
    """A text by a person that nobody will be again. The same text on the same base, sent again, is
    the same session's: it counts once, as when the first answer was that the disk is full.
    """
    what = "\0".join([pad.record.epoch, pad.record.name, name, str(base), text])
    session = urlsafe_b64encode(sha256(what.encode()).digest()).decode().rstrip("=")
    person = secrets.token_urlsafe(22)
    return Sent(session=session, person=person, name=name, base=base, text=text)


class _Visit:
    """A session in a pad for as long as one operation takes (`server.pad.Listener`)."""

    def __init__(self, sent: Sent) -> None:
        self.session = Session()
        self.session.session = public_id("session", sent.session)
        self.session.person = public_id("person", sent.person)
        self.view_key: str | None = None
        self.ended: DeltapadError | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    def end(self, error: DeltapadError) -> None:
        self.ended = error
        self._news.set()

    async def committed(self, pad: Pad) -> int:
        """Wait until the session's operation is durable; the revision that it made. Raises
        UnavailableError when that takes too long: it may become so later.
        """
        own = pad.document.sessions[self.session.session]
        try:
            async with asyncio.timeout(DURABLE_SECONDS_MAX):
                while pad.document.committed < own.revision:
                    if self.ended is not None:
                        raise self.ended
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise UnavailableError("storage_failed", "the disk does not take it now") from None
        return own.revision


# By public session id: of the same form sent twice at once, one waits for the other.
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


async def merge(hub: Hub, pad: Pad, sent: Sent, *, exact: bool = False) -> int:
    """Merge a text that was sent back; return the revision that holds it, when it is durable.

    Unless it is `exact`, the text has been through a form, which turns line ends into LF and cannot
    say NUL: where it does not differ otherwise, the pad keeps what it has. Raises ProtocolError
    `base_in_future`, `seq_reused`; OperationError `lone_surrogate`, `pad_full`; UnavailableError,
    StorageError.
    """
    # So that nothing waits for the disk of which its author thinks that it was refused.
    hub.health.refuse_unless_ok()
    if sent.base > pad.document.committed:
        newest = pad.document.committed
        raise ProtocolError("base_in_future", f"base {sent.base} is past the newest, {newest}")
    old = await pad.text_at(sent.base)
    before, after = (old, sent.text) if exact else (shown(old), shown(sent.text))
    # Up to 50 ms, and more for whole books: not while everybody waits.
    op = await asyncio.to_thread(diff, before, after)
    if not op:
        return sent.base
    visit = _Visit(sent)
    turn = _turns.setdefault(visit.session.session, asyncio.Lock())
    async with turn:
        return await _submit(
            hub, pad, visit, sent, validate(op if exact else carried_over(op, old))
        )


async def _submit(hub: Hub, pad: Pad, visit: _Visit, sent: Sent, op: Operation) -> int:
    session = visit.session
    try:
        await pad.attach(visit)
        # Nobody is told that they were here, for they have no caret; history knows their name.
        pad.keep_profile(session.session, (clean_name(sent.name), pad.presence.free_color()))
        await hub.submit(
            pad,
            Submission(
                session=session.session,
                person=session.person,
                seq=1,
                base=sent.base,
                op=op,
                digest=digest(sent.base, op),
                time_ms=time.time_ns() // 1_000_000,
            ),
        )
        return await visit.committed(pad)
    finally:
        pad.detach(visit)
