"""PURE: what a textarea makes of a text, and an operation on that brought back to the text itself

A textarea knows one kind of line end, and no NUL. So what comes back from a form is compared with
the text as it was shown, and the difference is carried over to the text as it is: what nobody
touched keeps its CRs.
"""

from __future__ import annotations

from bisect import bisect_left

from ot.operation import Operation

__all__ = ["carried_over", "shown"]


def shown(text: str) -> str:
    """A text as it comes out of a textarea. By HTML's rules CR and CRLF are LF, NUL is U+FFFD; and
    forms are sent with CRLF.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def carried_over(op: Operation, text: str) -> Operation:
    """An operation on `shown(text)` as one on `text`."""
    # Where each CRLF stands as one LF.
    joined: list[int] = []
    at = text.find("\r\n")
    while at >= 0:
        joined.append(at - len(joined))
        at = text.find("\r\n", at + 2)

    out: Operation = []
    position = 0
    exact = 0
    for component in op:
        if isinstance(component, str):
            out.append(component)
            continue
        position += abs(component)
        length = position + bisect_left(joined, position) - exact
        exact += length
        out.append(length if component > 0 else -length)
    return out
