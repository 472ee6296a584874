"""the checksum of a text, by which a client and the log are compared

CRC-32, as in zlib and PNG, of the text in UTF-8: every language has it, and it finds every change
of up to four bytes in a row, and any other one but for one in four thousand million. It is no
protection against who wants two texts to look alike.
"""

from __future__ import annotations

from binascii import crc32
from typing import Final

__all__ = ["SLICE_LENGTH", "text_crc32"]

# Code points that are worked off in one go, in some 0.1 ms; a long text is to be taken in such
# slices where others wait.
SLICE_LENGTH: Final = 65_536


def text_crc32(text: str, before: int = 0) -> int:
    """The checksum of a text; of two that follow each other, the first one's goes in as `before`.
    `text` has no halves of surrogate pairs, as no text of a pad has.
    """
    return crc32(text.encode(), before)
