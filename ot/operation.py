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

from typing import Final, Literal, TypeAlias

from ot.errors import OperationError

__all__ = [
    "Component",
    "Operation",
    "Sticky",
    "apply",
    "base_length",
    "caret_after",
    "compose",
    "inserted_length",
    "invert",
    "length_change",
    "split",
    "transform",
    "transform_position",
    "validate",
]

Component: TypeAlias = int | str
Operation: TypeAlias = list[Component]
# Where one operation has this many times the components of the other, it pays to look for the long
# runs of it that the other leaves alone.
_SPARSE: Final = 3

Sticky = Literal["left", "right"]


def validate(value: object) -> Operation:
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
    length = 0
    for component in op:
        if not isinstance(component, str):
            length += component if component > 0 else -component
    return length


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
    length = 0
    for component in op:
        if isinstance(component, str):
            length += len(component)
    return length


# In `compose` and `transform` a retain is not put into the output at once, but counted (`keep`)
# until something follows it. So neighbouring retains join, a trailing one is never written, and
# if nothing is kept, the last integer in an output can only be a delete.


def _insert(out: Operation, keep: int, text: str) -> None:
    """Append an insert, after a retain of `keep`."""
    if keep:
        out.append(keep)
    elif out:
        last = out[-1]
        if isinstance(last, str):
            out[-1] = last + text
            return
    out.append(text)


def _delete(out: Operation, keep: int, count: int) -> None:
    """Append a delete of `count` code points, after a retain of `keep`."""
    if keep:
        out.append(keep)
    elif out:
        last = out[-1]
        if not isinstance(last, str):
            out[-1] = last - count
            return
    out.append(-count)


def _take(out: Operation, keep: int, op: Operation, start: int, stop: int) -> None:
    """Append the components of `op` from `start` to `stop`, after a retain of `keep`; only the
    first can join what is there.
    """
    if start == stop:
        return
    component = op[start]
    if isinstance(component, str):
        _insert(out, keep, component)
    elif component < 0:
        _delete(out, keep, -component)
    else:
        out.append(keep + component)
    out.extend(op[start + 1 : stop])


def _take_all(out: Operation, keep: int, op: Operation, start: int, stop: int) -> int:
    """The same; a retain at the end may still grow, and is returned instead."""
    _take(out, keep, op, start, stop)
    last = out[-1]
    if isinstance(last, str) or last < 0:
        return 0
    out.pop()
    return last


def _within(op: Operation, start: int, position: int, end: int) -> tuple[int, int, int]:
    """Of `op`, whose component `start` is at `position` of the text, what lies whole before `end`:
    up to which component, where that ends, and the length of the text that it leaves.
    """
    stop = start
    length = 0
    while stop < len(op) and position < end:
        component = op[stop]
        if isinstance(component, str):
            length += len(component)
        elif component > 0:
            if position + component > end:
                break
            position += component
            length += component
        else:
            if position - component > end:
                break
            position -= component
        stop += 1
    return stop, position, length


def compose(a: Operation, b: Operation) -> Operation:
    """The one operation that does `a` and then `b`.

    Where `b` inserts at a place at which `a` deletes, `b`'s insert comes first: text that goes to
    where text has collapsed goes to the far left of the collapse, as it does in `transform`. The
    catch-up law rests on this line.
    """
    if not a:
        return b[:]
    if not b:
        return a[:]
    out: Operation = []
    keep = 0
    # An insert that may still grow, and is not in `out` yet. It and `keep` are never both at hand.
    typed = ""
    # What is left of a's component at hand: a retain, or an insert from `at` on.
    left = 0
    text = ""
    at = 0
    following = 0
    sparse = len(b) * _SPARSE < len(a)
    for want in b:
        if isinstance(want, str):
            if keep:
                out.append(keep)
                keep = 0
            typed += want
            continue
        keeps = want > 0
        size = want if keeps else -want
        if sparse and keeps and not text and not left:
            # What b keeps whole is taken over in one piece; only its end may still grow.
            stop = following
            while stop < len(a) and size:
                component = a[stop]
                length = len(component) if isinstance(component, str) else component
                if length > size:
                    break
                if length > 0:
                    size -= length
                stop += 1
            if stop > following:
                if typed:
                    out.append(typed)
                    typed = ""
                _take(out, keep, a, following, stop)
                keep = 0
                following = stop
                last = out[-1]
                if isinstance(last, str):
                    typed = last
                    out.pop()
                elif last > 0:
                    keep = last
                    out.pop()
        while size:
            if text:
                taken = len(text) - at
                if taken > size:
                    taken = size
                if keeps:
                    if keep:
                        out.append(keep)
                        keep = 0
                    typed += text[at : at + taken]
                size -= taken
                at += taken
                if at == len(text):
                    text = ""
                continue
            if not left and following < len(a):
                component = a[following]
                following += 1
                if isinstance(component, str):
                    text = component
                    at = 0
                    continue
                left = component
            if typed:
                out.append(typed)
                typed = ""
            if left < 0:
                _delete(out, keep, -left)
                keep = left = 0
                continue
            # Once a is finished, it retains for ever.
            taken = left if 0 < left < size else size
            if left:
                left -= taken
            size -= taken
            if keeps:
                keep += taken
            else:
                _delete(out, keep, taken)
                keep = 0
    if text:
        if keep:
            out.append(keep)
            keep = 0
        typed += text[at:]
    if typed:
        out.append(typed)
    _take(out, keep + left, a, following, len(a))
    return out


def transform(log_op: Operation, op: Operation) -> tuple[Operation, Operation]:
    """Return `(log_op', op')`, so that `log_op` then `op'` equals `op` then `log_op'`.

    Both were made on the same text; the log's came first. At a tie the log's insert goes left.
    """
    log_out: Operation = []
    op_out: Operation = []
    log_keep = op_keep = 0
    # The next components, and where in the text those at hand end and what they do until there.
    log_next = op_next = 0
    log_end = op_end = 0
    log_keeps = op_keeps = True
    log_sparse = len(log_op) * _SPARSE < len(op)
    op_sparse = len(op) * _SPARSE < len(log_op)
    position = 0
    while True:
        if position == log_end:
            if log_next == len(log_op):
                break
            if op_sparse and op_keeps and position < op_end:
                # What the op keeps whole is taken over in one piece.
                stop, log_end, grown = _within(log_op, log_next, log_end, op_end)
                if stop > log_next:
                    log_keep = _take_all(log_out, log_keep, log_op, log_next, stop)
                    op_keep += grown
                    log_next = stop
                    position = log_end
                    continue
            component = log_op[log_next]
            log_next += 1
            if isinstance(component, str):
                _insert(log_out, log_keep, component)
                log_keep = 0
                op_keep += len(component)
                continue
            log_keeps = component > 0
            log_end += component if log_keeps else -component
        if position == op_end:
            if op_next == len(op):
                break
            if log_sparse and log_keeps and position < log_end:
                # The same the other way round.
                stop, op_end, grown = _within(op, op_next, op_end, log_end)
                if stop > op_next:
                    op_keep = _take_all(op_out, op_keep, op, op_next, stop)
                    log_keep += grown
                    op_next = stop
                    position = op_end
                    continue
            component = op[op_next]
            op_next += 1
            if isinstance(component, str):
                _insert(op_out, op_keep, component)
                op_keep = 0
                log_keep += len(component)
                continue
            op_keeps = component > 0
            op_end += component if op_keeps else -component
        end = log_end if log_end < op_end else op_end
        if log_keeps:
            if op_keeps:
                log_keep += end - position
                op_keep += end - position
            else:
                _delete(op_out, op_keep, end - position)
                op_keep = 0
        elif op_keeps:
            _delete(log_out, log_keep, end - position)
            log_keep = 0
        position = end
    # One of the two is finished, and retains for ever: the rest of the other stands as it is.
    if position < log_end:
        if log_keeps:
            log_keep += log_end - position
        else:
            _delete(log_out, log_keep, log_end - position)
            log_keep = 0
    if position < op_end:
        if op_keeps:
            op_keep += op_end - position
        else:
            _delete(op_out, op_keep, op_end - position)
            op_keep = 0
    _take(log_out, log_keep, log_op, log_next, len(log_op))
    _take(op_out, op_keep, op, op_next, len(op))
    return log_out, op_out


def invert(op: Operation, text: str) -> Operation:
    """The operation that takes `op` back; `text` is the text that `op` was made on.

    Raises OperationError `op_past_end` if `op` does not fit on `text`.
    """
    out: Operation = []
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


def split(op: Operation, *, inserted_max: int, components_max: int) -> tuple[Operation, Operation]:
    """Cut `op` in two, `compose(first, rest) == op`, so that `first` keeps to both limits.

    `inserted_max` (at least 1) is in code points, `components_max` (at least 3) in components.
    `rest` is `[]` if `op` fits.
    """
    assert inserted_max >= 1 and components_max >= 3
    if len(op) <= components_max and inserted_length(op) <= inserted_max:
        return op[:], []
    room = inserted_max
    first: Operation = []
    # What of `op` is to follow, and what of its text that was cut in two.
    following = 0
    cut = ""
    while following < len(op) and not cut:
        # A delete and the insert behind it are not parted: `rest` would put the insert first.
        width = 2 if _is_replacement(op, following) else 1
        if len(first) + width > components_max:
            break
        text = op[following + width - 1]
        if isinstance(text, str):
            if room == 0:
                break
            cut = text[room:]
            text = text[:room]
            room -= len(text)
        first += [*op[following : following + width - 1], text]
        following += width
    rest: Operation = []
    reach = sum(_result_length(component) for component in first)
    if cut:
        rest = [reach, cut]
        reach = 0
    _take(rest, reach, op, following, len(op))
    if first and _result_length(first[-1]) and not isinstance(first[-1], str):
        first.pop()
    return first, rest


def _is_replacement(op: Operation, index: int) -> bool:
    """Whether at `index` of `op` there is a delete that an insert follows."""
    component = op[index]
    return (
        not isinstance(component, str)
        and component < 0
        and index + 1 < len(op)
        and isinstance(op[index + 1], str)
    )


def _result_length(component: Component) -> int:
    """How much of the new text a component stands for, in code points."""
    return len(component) if isinstance(component, str) else max(0, component)
