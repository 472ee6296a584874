"""PURE: what is kept of a divergence, and where in it the page and the log part

A replay bundle is one JSON object: what the client showed and how it came to it (its trace), and
the part of the log that it had been sent meanwhile. `explain` does all of it again, step by step:
the trace on `ot.client`, the entries on the text, and says where the two part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ot.checksum import text_crc32
from ot.client import Client
from ot.diff import shared_start
from ot.errors import OperationError
from ot.history import History
from ot.operation import Component, apply
from ot.runs import compose_all
from ot.steps import Step, restore, run_step
from server.amounts import amount

__all__ = ["BUNDLE_START", "Bundle", "Finding", "LogPart", "Shown", "explain", "read_bundle"]

# What every bundle begins with, by which it is told from logs and traces.
BUNDLE_START: Final = b'{"bundle":'
# So much of an operation or a text is printed; more is not read.
_SHOWN_LENGTH: Final = 60
# What a trace of anybody may do to what replays it, besides being right.
_UNREADABLE: Final = (
    *(msgspec.MsgspecError, OperationError),
    *(KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError),
)


class Shown(Struct, frozen=True):
    """A text: its length in code points and its checksum, and the text itself if it was sent."""

    length: int
    crc32: int
    text: str | None = None


class LogPart(Struct, frozen=True):
    """The entries from revision `start` on: (public session id, seq, operation); and the text at
    `start`, unless it would have been too dear to make.
    """

    start: int
    text: str | None
    entries: list[tuple[str, int, list[Component]]]


class Bundle(Struct, frozen=True):
    """All that is kept of one divergence. `pad` is the number of the pad's row, not its name,
    which is the key of a link. `session` is the client's own public id, which its trace calls `me`.
    """

    bundle: int
    package: str
    protocol: str
    time_ms: int
    pad: int
    role: str
    session: str
    revision: int
    client: Shown
    server: Shown
    log: LogPart
    start: Raw
    steps: Raw


class Finding(Struct, frozen=True):
    """What a replay has found: where they part in one sentence, and what it rests on."""

    verdict: str
    details: list[str]


def read_bundle(content: bytes) -> Bundle:
    """Raises ValueError if this is no bundle that can be read."""
    try:
        return msgspec.json.decode(content, type=Bundle)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"this bundle cannot be read: {error}") from None


def explain(bundle: Bundle) -> Finding:
    """Replay a bundle, and say where the page and the log part."""
    details = [
        f"pad {bundle.pad}, revision {bundle.revision}, role {bundle.role}; deltapad"
        f" {bundle.package}, protocol {bundle.protocol}",
        f"the client showed {_told(bundle.client)}",
        f"the log gives     {_told(bundle.server)}",
    ]
    try:
        log = _Log(bundle.log)
        steps = msgspec.json.decode(bundle.steps, type=list[dict[str, Any]])
        start = msgspec.json.decode(bundle.start)
        machine = None if start is None else restore(start)
    except (*_UNREADABLE, RecursionError) as error:
        return Finding(f"This bundle cannot be replayed: {error!r}.", details)
    details.append(
        f"log: revisions {log.start} to {log.end}{'' if log.has_texts else ', without a text'};"
        f" trace: {amount(len(steps), 'step')}"
        + ("" if machine is None else f" from revision {machine.revision}")
    )
    end = log.text(bundle.revision)
    if end is not None and text_crc32(end) != bundle.server.crc32:
        return Finding("The text in the server's memory was not that of its log.", details)
    if machine is None:
        return Finding(_compared(bundle, end), details)
    replay = _Replay(machine, log)
    for number, step in enumerate(steps, 1):
        try:
            wrong = replay.step(step)
        except _UNREADABLE as error:
            wrong = f"this cannot be replayed: {error!r}"
        if wrong:
            return Finding(f"Step {number} of {len(steps)} ({step.get('do')}): {wrong}.", details)
    if replay.screen is None:
        details.append("the trace is not within the log that was kept: only its machine was run")
    return Finding(_compared(bundle, replay.screen), details)


class _Log:
    """The part of the log that is in a bundle, and its texts."""

    def __init__(self, part: LogPart) -> None:
        self.start = part.start
        self.end = part.start + len(part.entries)
        self.has_texts = part.text is not None
        self._entries = part.entries
        ops = [op for _, _, op in part.entries] if self.has_texts else []
        self._history = History(part.text or "", ops)

    def op(self, revision: int) -> list[Component] | None:
        """What made a revision, if that is here."""
        inside = self.start < revision <= self.end
        return self._entries[revision - self.start - 1][2] if inside else None

    def text(self, revision: int) -> str | None:
        """The text at a revision, if that can be told."""
        inside = self.has_texts and self.start <= revision <= self.end
        return self._history.text(revision - self.start) if inside else None


class _Replay:
    """A client machine and its text on screen, step by step beside the log."""

    def __init__(self, machine: Client, log: _Log) -> None:
        self.machine = machine
        self._log = log
        # What the screen has to show; None while that cannot be told.
        self.screen = self._expected()

    def step(self, step: Step) -> str | None:
        """Do a step; what is wrong with it, None if nothing is. Raises what bad steps raise."""
        gives = run_step(self.machine, step)
        if "gives" in step and msgspec.to_builtins(gives) != step["gives"]:
            return f"the page's machine gave {_brief(step['gives'])}, this one {_brief(gives)}"
        if step["do"] == "edit" and self.screen is not None:
            self.screen = apply(self.screen, step["op"])
        if step["do"] != "receive":
            return None
        if gives == "desync":
            return "what came cannot follow what was there"
        if wrong := next(self._other_than_in_the_log(step["message"]), None):
            return wrong
        shown, self.screen = self.screen, self._expected()
        if shown is None or self.screen is None:
            return None
        right = apply(shown, gives["op"] or []) == self.screen
        return None if right else "the machine's text is not that of the log with what is pending"

    def _expected(self) -> str | None:
        """The text of the log at the machine's revision, then what is pending."""
        text = self._log.text(self.machine.revision)
        if text is not None and self.machine.in_flight is not None:
            text = apply(text, self.machine.in_flight.op)
        if text is not None and self.machine.buffer is not None:
            text = apply(text, self.machine.buffer)
        return text

    def _other_than_in_the_log(self, message: Step) -> Iterator[str]:
        """What a frame has said otherwise than the log does."""
        if message["type"] == "delta":
            before, after = self._log.text(message["from"]), self._log.text(message["to"])
            if before is not None and after is not None and apply(before, message["op"]) != after:
                ops = [self._log.op(r + 1) or [] for r in range(message["from"], message["to"])]
                yield f"came {_brief(message['op'])}; the log has {_brief(compose_all(ops))}"
            return
        for revision, (_, _, op) in enumerate(message["ops"], message["from"] + 1):
            logged = self._log.op(revision)
            if logged is not None and logged != op:
                yield f"revision {revision} came as {_brief(op)}; the log has {_brief(logged)}"


def _compared(bundle: Bundle, expected: str | None) -> str:
    """What there is to say when no step was wrong."""
    shown = bundle.client.text
    machine = "The machine agrees with the log"
    if expected is None:
        return f"{machine}, as far as the log was kept."
    if shown is None:
        return f"{machine}, so the editor's text differed. It was too long to be sent."
    if shown == expected:
        return (
            f"{machine}, and the text that came with the trace is right: the checksum was wrong,"
            " or the text was right again."
        )
    same = shared_start(shown, expected)
    return (
        f"{machine}, so the editor's text differed: from code point {same} on it was"
        f" {_brief(shown[same:])}, not {_brief(expected[same:])}."
    )


def _told(shown: Shown) -> str:
    return f"{amount(shown.length, 'code point')}, CRC-32 {shown.crc32:08x}"


def _brief(value: object) -> str:
    """A value as it is printed: not the whole of a long one."""
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
