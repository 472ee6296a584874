"""how many of something, in words: `1 pad`, `2,000 pads`"""

from __future__ import annotations

__all__ = ["amount"]


def amount(count: int, one: str, many: str = "") -> str:
    """The number and its noun; `many` where that is not `one` with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
