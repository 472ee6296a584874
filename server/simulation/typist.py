"""what people do to a text; every typed character is a code point that nobody has typed before

Unique code points make the text its own witness: of each character it can be told who typed it, and
that it is there once. They come from all planes, in an order that mixes letters, marks that
combine, emoji and ideographs.
"""

from __future__ import annotations

from collections.abc import Collection

from ot.operation import Component
from server.simulation.chance import Chance

__all__ = ["Alphabet", "edit"]

# All code points but controls, surrogates and the last two of each plane, which are no characters.
_FIRST, _PLANES, _SURROGATES, _SURROGATES_END = 0xA0, 0x110000, 0xD800, 0xE000
_COUNT = _PLANES - _FIRST - (_SURROGATES_END - _SURROGATES)
# Has no divisor in common with _COUNT, so that its multiples meet every one.
_STRIDE = 7_919 * 89
_PASTE_MAX = 40
_WORD_MAX = 8
# Replacing a long text again and again would leave nothing to type into.
_REPLACE_ALL_MAX = 400


class Alphabet:
    """Characters, each given out once."""

    def __init__(self) -> None:
        self.used = 0

    def take(self, count: int) -> str:
        """So many new ones."""
        return "".join([self._next() for _ in range(count)])

    def _next(self) -> str:
        while True:
            code = _FIRST + self.used * _STRIDE % _COUNT
            self.used += 1
            assert self.used <= _COUNT, "all code points are used up"
            if code >= _SURROGATES:
                code += _SURROGATES_END - _SURROGATES
            if code & 0xFFFE != 0xFFFE:
                return chr(code)


def edit(
    kind: str, text: str, caret: int, chance: Chance, alphabet: Alphabet, own: Collection[str]
) -> tuple[list[Component], int] | None:
    """The operation of one action on `text` and where the caret is then; None if there is none.

    `own` are the characters that this person has typed.
    """
    caret = _wander(len(text), caret, chance)
    if kind == "type":
        return _replace(caret, 0, alphabet.take(1 + chance.below(2)), chance)
    if kind == "paste":
        return _replace(caret, 0, alphabet.take(1 + chance.below(_PASTE_MAX)), chance)
    if kind == "backspace":
        return _replace(max(0, caret - 1), min(1, caret), "", chance)
    if kind == "delete_word":
        count = min(caret, 1 + chance.below(_WORD_MAX))
        return _replace(caret - count, count, "", chance)
    if kind == "select_and_type":
        count = min(len(text) - caret, 1 + chance.below(_WORD_MAX))
        return _replace(caret, count, alphabet.take(1 + chance.below(3)), chance)
    if kind == "replace_all":
        count = min(len(text), _REPLACE_ALL_MAX)
        return _replace(0, count, alphabet.take(3 + chance.below(20)), chance)
    assert kind == "undo", kind
    return _take_back(text, own)


def _wander(length: int, caret: int, chance: Chance) -> int:
    """People go on where they are; now and then they go elsewhere, and often where others are."""
    where = chance.below(20)
    if where == 0:
        return chance.below(length + 1)
    if where < 3:
        return 0
    if where == 3:
        return length
    if where == 4:
        return length // 2
    return min(caret, length)


def _replace(at: int, count: int, text: str, chance: Chance) -> tuple[list[Component], int] | None:
    """Replace `count` characters; which comes first, the delete or the insert, is up to chance."""
    parts: list[Component] = [-count] if count else []
    if text:
        parts.insert(chance.below(2) * len(parts), text)
    if not parts:
        return None
    return ([at, *parts] if at else parts), at + len(text)


def _take_back(text: str, own: Collection[str]) -> tuple[list[Component], int] | None:
    """Undo all of one's own: delete those characters wherever they are now."""
    op: list[Component] = []
    kept = 0
    for character in text:
        if character not in own:
            kept += 1
            continue
        if kept:
            op.append(kept)
            kept = 0
        if op and isinstance(op[-1], int) and op[-1] < 0:
            op[-1] -= 1
        else:
            op.append(-1)
    return (op, 0) if op else None
