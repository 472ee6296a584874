"""the operation algebra: validate, apply, compose, transform, invert, positions, and the laws

An operation is plain data, as in JSON: a sequence of components over the **code points** of a text.

    positive int n   retain: keep the next n code points
    negative int -n  delete: remove the next n code points
    non-empty str s  insert: put s here

Rules of form: no zero, no empty string, no two neighbours of one kind, no trailing retain. `[]` is
the identity. The order of an insert and a delete that touch is kept and has meaning: `[-1, "z"]` (z
stood behind the deleted character) and `["z", -1]` (before it) give the same text but transform
differently. Nothing here ever reorders them.

The laws, for every text t and all operations that fit (tests/test_operation.py holds them as
properties):

    apply(apply(t, a), b) == apply(t, compose(a, b))
    compose(compose(a, b), c) == compose(a, compose(b, c))
    apply(apply(t, log), op') == apply(apply(t, op), log')                            (TP1)
        where log', op' = transform(log, op)
    transform(compose(b, c), a).op' == transform(c, transform(b, a).op').op'    (catch-up)
    apply(apply(t, a), invert(a, t)) == t

`validate` is the door: it is called where an operation comes in from outside. The other functions
trust the form of what they are given, and check only what depends on the text. The style of
components follows ot.js and ot-text-unicode; the tie and order rules, from which the catch-up law
follows, are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from ot.errors import OperationError

__all__ = [
    "Component",
    "Operation",
    "Sticky",
    "apply",
    "base_length",
    "caret_after",
    "compose",
    "compose_all",
    "inserted_length",
    "invert",
    "length_change",
    "split",
    "transform",
    "transform_position",
    "validate",
]

Component: TypeAlias = int | str
Operation: TypeAlias = Sequence[Component]
Sticky = Literal["left", "right"]


def validate(value: object) -> list[Component]:
    """Return `value` as an operation if it keeps all rules of form.

    Raises OperationError `bad_operation` or `lone_surrogate`, naming the component.
    """
    if not isinstance(value, (list, tuple)):
        raise OperationError("bad_operation", "an operation is an array of components")
    previous = ""
    for index, component in enumerate(value):
        # `type is`, because True is an int to isinstance.
        if type(component) is int:
            if component == 0:
                raise OperationError("bad_operation", f"component {index} is 0")
            kind = "retain" if component > 0 else "delete"
        elif type(component) is str:
            if not component:
                raise OperationError("bad_operation", f"component {index} inserts nothing")
            if not component.isascii():
                _check_surrogates(component, index)
            kind = "insert"
        else:
            raise OperationError(
                "bad_operation", f"component {index} is neither an integer nor a string"
            )
        if kind == previous:
            raise OperationError("bad_operation", f"components {index - 1} and {index} both {kind}")
        previous = kind
    if previous == "retain":
        raise OperationError("bad_operation", "the last component retains, which says nothing")
    return list(value)


def _check_surrogates(text: str, index: int) -> None:
    # In Python a pair in JSON is one code point, so every surrogate left is a lone one.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise OperationError(
            "lone_surrogate",
            f"component {index} holds half of a surrogate pair at code point {error.start}",
        ) from None


def apply(text: str, op: Operation) -> str:
    """The text after `op`. Raises OperationError `op_past_end` if `op` reaches past the end."""
    parts: list[str] = []
    position = 0
    for component in op:
        if isinstance(component, str):
            parts.append(component)
        elif component > 0:
            parts.append(text[position : position + component])
            position += component
        else:
            position -= component
    if position > len(text):
        raise OperationError(
            "op_past_end",
            f"the operation covers {position} code points of a text that has {len(text)}",
        )
    parts.append(text[position:])
    return "".join(parts)


def base_length(op: Operation) -> int:
    """The least length, in code points, of a text that `op` fits on."""
    return sum(abs(component) for component in op if isinstance(component, int))


def length_change(op: Operation) -> int:
    """By how many code points `op` makes a text longer (negative: shorter)."""
    change = 0
    for component in op:
        if isinstance(component, str):
            change += len(component)
        elif component < 0:
            change += component
    return change


def inserted_length(op: Operation) -> int:
    """How many code points `op` inserts."""
    return sum(len(component) for component in op if isinstance(component, str))


def _add(out: list[Component], component: Component) -> None:
    """Append `component`, joined to a last neighbour of its kind."""
    if out:
        last = out[-1]
        if isinstance(component, str):
            if isinstance(last, str):
                out[-1] = last + component
                return
        elif isinstance(last, int) and (last > 0) == (component > 0):
            out[-1] = last + component
            return
    out.append(component)


def _trim(out: list[Component]) -> list[Component]:
    """Drop a trailing retain."""
    if out:
        last = out[-1]
        if isinstance(last, int) and last > 0:
            out.pop()
    return out


def compose(a: Operation, b: Operation) -> list[Component]:
    """The one operation that does `a` and then `b`.

    Where `b` inserts at a place at which `a` deletes, `b`'s insert comes first: text that goes to
    where text has collapsed goes to the far left of the collapse, as it does in `transform`. The
    catch-up law rests on this line.
    """
    if not a:
        return list(b)
    if not b:
        return list(a)
    out: list[Component] = []
    rest = iter(a)
    # What is left of a's component at hand; None once a is finished and retains for ever.
    left: Component | None = next(rest, None)
    for want in b:
        if isinstance(want, str):
            _add(out, want)
            continue
        size = want if want > 0 else -want
        while size:
            if left is None:
                _add(out, size if want > 0 else -size)
                break
            if isinstance(left, str):
                taken = min(len(left), size)
                if want > 0:
                    _add(out, left[:taken])
                left = left[taken:] or next(rest, None)
            elif left < 0:
                _add(out, left)
                left = next(rest, None)
                continue
            else:
                taken = min(left, size)
                _add(out, taken if want > 0 else -taken)
                left = left - taken or next(rest, None)
            size -= taken
    while left is not None:
        _add(out, left)
        left = next(rest, None)
    return _trim(out)


def compose_all(ops: Sequence[Operation]) -> list[Component]:
    """The one operation that does all `ops` in order, composed as a balanced tree.

    Composing is associative, so the grouping is free; a tree costs O(size x log count) where a
    chain costs O(size x count).
    """
    if not ops:
        return []
    level: list[Operation] = list(ops)
    while len(level) > 1:
        paired: list[Operation] = [
            compose(level[index], level[index + 1]) for index in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return list(level[0])


def transform(log_op: Operation, op: Operation) -> tuple[list[Component], list[Component]]:
    """Return `(log_op', op')`, so that `log_op` then `op'` equals `op` then `log_op'`.

    Both were made on the same text; the log's came first. At a tie the log's insert goes left.
    """
    log_out: list[Component] = []
    op_out: list[Component] = []
    log_rest, op_rest = iter(log_op), iter(op)
    log_left: Component | None = next(log_rest, None)
    op_left: Component | None = next(op_rest, None)
    while True:
        if isinstance(log_left, str):
            _add(log_out, log_left)
            _add(op_out, len(log_left))
            log_left = next(log_rest, None)
        elif isinstance(op_left, str):
            _add(op_out, op_left)
            _add(log_out, len(op_left))
            op_left = next(op_rest, None)
        elif log_left is None:
            # The log's operation is finished and retains for ever: the rest of op stands as it is.
            while op_left is not None:
                _add(op_out, op_left)
                op_left = next(op_rest, None)
            return _trim(log_out), _trim(op_out)
        elif op_left is None:
            while log_left is not None:
                _add(log_out, log_left)
                log_left = next(log_rest, None)
            return _trim(log_out), _trim(op_out)
        else:
            log_size, op_size = abs(log_left), abs(op_left)
            size = min(log_size, op_size)
            if log_left > 0:
                if op_left > 0:
                    _add(log_out, size)
                    _add(op_out, size)
                else:
                    _add(op_out, -size)
            elif op_left > 0:
                _add(log_out, -size)
            if log_size == size:
                log_left = next(log_rest, None)
            else:
                log_left = log_left - size if log_left > 0 else log_left + size
            if op_size == size:
                op_left = next(op_rest, None)
            else:
                op_left = op_left - size if op_left > 0 else op_left + size


def invert(op: Operation, text: str) -> list[Component]:
    """The operation that takes `op` back; `text` is the text that `op` was made on.

    Raises OperationError `op_past_end` if `op` does not fit on `text`.
    """
    out: list[Component] = []
    position = 0
    for component in op:
        if isinstance(component, str):
            out.append(-len(component))
        elif component > 0:
            out.append(component)
            position += component
        else:
            out.append(text[position : position - component])
            position -= component
    if position > len(text):
        raise OperationError(
            "op_past_end",
            f"the operation covers {position} code points of a text that has {len(text)}",
        )
    return out


def transform_position(position: int, op: Operation, *, sticky: Sticky = "left") -> int:
    """Where `position` (code points) is after `op`.

    `sticky` says which neighbour it keeps when `op` inserts exactly there: "left" leaves it before
    the inserted text, "right" moves it behind. A position inside deleted text falls to where that
    text was.
    """
    moved = position
    seen = 0
    for component in op:
        if isinstance(component, str):
            if seen < position or sticky == "right":
                moved += len(component)
        elif component > 0:
            seen += component
        else:
            moved -= min(-component, position - seen)
            seen -= component
        if seen > position:
            break
    return moved


def caret_after(op: Operation) -> int | None:
    """The position, in the new text, right after the last insert or delete of `op`; None for `[]`.

    That is where the caret of its author is.
    """
    position = 0
    caret: int | None = None
    for component in op:
        if isinstance(component, str):
            position += len(component)
            caret = position
        elif component > 0:
            position += component
        else:
            caret = position
    return caret


def split(
    op: Operation, *, inserted_max: int, components_max: int
) -> tuple[list[Component], list[Component]]:
    """Cut `op` in two, `compose(first, rest) == op`, so that `first` keeps to both limits.

    `inserted_max` (at least 1) is in code points, `components_max` (at least 3) in components.
    `rest` is `[]` if `op` fits.
    """
    assert inserted_max >= 1 and components_max >= 3
    room = inserted_max
    rest = list(op)
    first: list[Component] = []
    while rest:
        # A delete and the insert behind it are not parted: `rest` would put the insert first.
        width = 2 if _is_replacement(rest) else 1
        text = rest[width - 1]
        if len(first) + width > components_max:
            break
        if isinstance(text, str):
            if room == 0:
                break
            if len(text) > room:
                first += [*rest[: width - 1], text[:room]]
                rest[:width] = [text[room:]]
                break
            room -= len(text)
        first += rest[:width]
        del rest[:width]
    out: list[Component] = []
    reach = sum(_result_length(component) for component in first)
    if reach:
        out.append(reach)
    for component in rest:
        _add(out, component)
    return _trim(first), _trim(out)


def _is_replacement(op: Operation) -> bool:
    """Whether `op` starts with a delete that an insert follows."""
    return len(op) > 1 and isinstance(op[0], int) and op[0] < 0 and isinstance(op[1], str)


def _result_length(component: Component) -> int:
    """How much of the new text a component stands for, in code points."""
    return len(component) if isinstance(component, str) else max(0, component)
