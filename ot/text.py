"""chunked text buffer for replays and large documents

A text that changes in place, for who applies many operations and asks for the text now and then:
one edit costs about the same whatever the length of the text. It is kept as chunks of some
thousand code points, of which one is open at the caret, the place of the last edit:

    chunk[:gap]  .  typed  .  chunk[after:]
                           ^ caret

Edits cluster: the next one is nearly always at the caret, and then it only appends to `typed`, pops
from it, or moves `gap` or `after`; no text is copied. When the caret goes elsewhere, the open chunk
is put together again. It is a gap buffer, as old editors have it, over a list of chunks.
"""

from __future__ import annotations

from typing import Final

from ot.errors import OperationError
from ot.operation import Operation, apply, base_length

__all__ = ["Text"]

# Code points. Opening and closing a chunk copies this much; a walk across the text takes
# length / this many steps. From 500 to 4,000 measured the same on real typing.
_CHUNK: Final = 2048
# A very long text has about so many, and longer ones: to walk across 5,000 of them takes 0.1 ms.
_CHUNKS: Final = 1_000


class Text:
    """A text, changed in place by operations."""

    __slots__ = (
        "_after",
        "_caret",
        "_chunk",
        "_chunks",
        "_gap",
        "_index",
        "_length",
        "_start",
        "_typed",
    )

    def __init__(self, text: str = "") -> None:
        self._set(text)

    def _set(self, text: str) -> None:
        self._length = len(text)
        # How long a chunk is, about.
        self._chunk = max(_CHUNK, len(text) // _CHUNKS)
        # At least one chunk; an empty one only where the text was cut away.
        self._chunks = _cut(text, self._chunk)
        # Which chunk is open, and its position in the text.
        self._index = 0
        self._start = 0
        # What of the open chunk is still there: up to `gap`, and from `after` on.
        self._gap = 0
        self._after = 0
        # What stands between, and the position behind it: start + gap + length of typed.
        self._typed: list[str] = []
        self._caret = 0

    def __len__(self) -> int:
        """The length in code points."""
        return self._length

    def __str__(self) -> str:
        self._go(self._caret)
        return "".join(self._chunks)

    def apply(self, op: Operation) -> None:
        """Change the text by `op`.

        Raises OperationError `op_past_end` if `op` reaches past the end; nothing has changed then.
        """
        # What people type is one insert or one delete, and the caret is there already. The general
        # way below does all this too, four times slower.
        if len(op) == 2:
            position, component = op
            if isinstance(component, str):
                if position == self._caret:
                    size = len(component)
                    self._typed.append(component)
                    self._caret += size
                    self._length += size
                    return
            elif not isinstance(position, str) and self._delete_at_caret(position, -component):
                return
        reach = base_length(op)
        if reach > self._length:
            raise OperationError(
                "op_past_end",
                f"the operation covers {reach} code points of a text that has {self._length}",
            )
        if len(op) > len(self._chunks):
            # It may well touch every chunk: the text is made anew, in one pass.
            self._set(apply(str(self), op))
            return
        position = 0
        for component in op:
            if isinstance(component, str):
                self._insert(position, component)
                position += len(component)
            elif component > 0:
                position += component
            else:
                self._delete(position, -component)

    def _delete_at_caret(self, position: int, count: int) -> bool:
        """Delete if it is the last thing typed, or next to it in the open chunk."""
        if position + count == self._caret:
            if not self._typed:
                if count > self._gap:
                    return False
                self._gap -= count
            elif len(self._typed[-1]) == count:
                self._typed.pop()
            else:
                return False
            self._caret = position
        elif position == self._caret and count <= len(self._chunks[self._index]) - self._after:
            self._after += count
        else:
            return False
        self._length -= count
        return True

    def _insert(self, position: int, text: str) -> None:
        if position != self._caret:
            self._go(position)
        self._typed.append(text)
        self._caret += len(text)
        self._length += len(text)

    def _delete(self, position: int, count: int) -> None:
        self._length -= count
        if position + count == self._caret:
            count = self._delete_before(count)
        if position != self._caret:
            self._go(position)
        while True:
            size = min(count, len(self._chunks[self._index]) - self._after)
            self._after += size
            count -= size
            if not count:
                return
            self._go(position, ahead=True)

    def _delete_before(self, count: int) -> int:
        """Delete backwards from the caret, as far as the open chunk goes; what is left to do."""
        while count and self._typed:
            last = self._typed.pop()
            if len(last) > count:
                self._typed.append(last[:-count])
                self._caret -= count
                return 0
            self._caret -= len(last)
            count -= len(last)
        size = min(count, self._gap)
        self._gap -= size
        self._caret -= size
        return count - size

    def _go(self, position: int, *, ahead: bool = False) -> None:
        """Open the chunk at `position`: where two meet the left one, or with `ahead` the right."""
        self._close()
        chunks = self._chunks
        index = self._index
        start = self._start
        while position < start:
            index -= 1
            start -= len(chunks[index])
        end = start + len(chunks[index])
        while position > end or (ahead and position == end):
            index += 1
            start = end
            end += len(chunks[index])
        self._index = index
        self._start = start
        self._gap = self._after = position - start
        self._caret = position

    def _close(self) -> None:
        """Put the open chunk together again."""
        index = self._index
        chunk = self._chunks[index]
        if self._gap == self._after and not self._typed:
            return
        chunk = chunk[: self._gap] + "".join(self._typed) + chunk[self._after :]
        self._typed.clear()
        if chunk or len(self._chunks) == 1:
            self._chunks[index : index + 1] = _cut(chunk, self._chunk)
        else:
            del self._chunks[index]
            if index:
                self._index -= 1
                self._start -= len(self._chunks[index - 1])


def _cut(text: str, size: int) -> list[str]:
    """A text as chunks."""
    if len(text) <= 2 * size:
        return [text]
    return [text[start : start + size] for start in range(0, len(text), size)]
