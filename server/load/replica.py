"""a pad as the clients of one process see it: a frame is decoded once, a text is kept once

Hundreds of clients in a process are sent the same bytes. What follows from bytes and revision alone
is worked out once and shared. It is still checked for each of them: who comes to a revision by
other frames than somebody else has to have the same text there.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ot.messages import DeltaMessage, OpsMessage, ServerMessage, decode_server
from ot.operation import Operation, apply
from ot.runs import compose_all
from server.load.board import Board

__all__ = ["Frame", "LogFrame", "Replica", "State"]

# Frames and texts of a pad that are kept at hand; clients hold what else they need.
_FRAMES_MAX: Final = 64
_STATES_MAX: Final = 64
# Edits of one delta whose times are looked up; one in so many where it has more.
_TIMES_MAX: Final = 256


class State(Struct, frozen=True):
    """The text at a revision."""

    revision: int
    text: str


class LogFrame(Struct):
    """A part of the log: the message, and what all who receive it need of it."""

    message: OpsMessage | DeltaMessage
    start: int
    end: int
    # The composition of its operations.
    op: Operation
    # Who made each of its edits (nothing for a delta), and when: None where that is not known.
    sessions: list[str]
    times: list[float | None]
    oldest: float | None
    # The step that it was last seen to make.
    before: State | None = None
    after: State | None = None

    @property
    def delta(self) -> DeltaMessage:
        """The same part of the log as one operation: for who has nothing of its own in it."""
        return DeltaMessage(start=self.start, end=self.end, op=self.op)


Frame = LogFrame | ServerMessage


class Replica:
    """One pad, in one process."""

    def __init__(self, pad: int, writers: dict[str, int], board: Board) -> None:
        """`writers` are the public ids of all sessions that write, and the writers' numbers."""
        self._pad = pad
        self._writers = writers
        self._board = board
        self._frames: dict[bytes, Frame] = {}
        self._states: dict[int, State] = {}
        # The first revision at which two clients had different texts, if any.
        self.divergence: int | None = None

    def read(self, data: bytes) -> Frame:
        """What a frame says. Raises ProtocolError as `decode_server` does."""
        frame = self._frames.get(data)
        if frame is None:
            message = decode_server(data)
            frame = (
                self._log_frame(message)
                if isinstance(message, OpsMessage | DeltaMessage)
                else message
            )
            self._frames[data] = frame
            if len(self._frames) > _FRAMES_MAX:
                del self._frames[next(iter(self._frames))]
        return frame

    def enter(self, revision: int, text: str) -> State:
        """The state of who has this text at this revision: that of all others there, if it is."""
        state = self._states.get(revision)
        if state is None:
            state = self._states[revision] = State(revision, text)
            if len(self._states) > _STATES_MAX:
                del self._states[next(iter(self._states))]
        elif state.text != text:
            if self.divergence is None:
                self.divergence = revision
            return State(revision, text)
        return state

    def follow(self, state: State, frame: LogFrame) -> State:
        """The state after a frame that starts where `state` is. Raises OperationError."""
        if frame.before is not state:
            frame.after = self.enter(frame.end, apply(state.text, frame.op))
            frame.before = state
        assert frame.after is not None
        return frame.after

    def _log_frame(self, message: OpsMessage | DeltaMessage) -> LogFrame:
        times: list[float | None]
        if isinstance(message, DeltaMessage):
            step = -(-(message.end - message.start) // _TIMES_MAX) or 1
            revisions = range(message.start + 1, message.end + 1, step)
            times = [self._board.revision_time(self._pad, revision) for revision in revisions]
            sessions: list[str] = []
            end, op = message.end, message.op
        else:
            sessions = [session for session, _, _ in message.ops]
            times = [self._edit_time(session, seq) for session, seq, _ in message.ops]
            for revision, time in enumerate(times, message.start + 1):
                if time is not None:
                    self._board.committed(self._pad, revision, time)
            end = message.start + len(message.ops)
            op = compose_all([op for _, _, op in message.ops])
        known = [time for time in times if time is not None]
        return LogFrame(
            message=message,
            start=message.start,
            end=end,
            op=op,
            sessions=sessions,
            times=times,
            oldest=min(known, default=None),
        )

    def _edit_time(self, session: str, seq: int) -> float | None:
        writer = self._writers.get(session)
        return None if writer is None else self._board.edit_time(writer, seq)
