"""fuzzed frames through the decoder: each is a message that keeps all rules, or a named error"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ot.errors import CODES, DeltapadError
from ot.messages import (
    OP_COMPONENTS_MAX,
    OP_INSERTED_MAX,
    OpMessage,
    decode_client,
    encode,
    error_message,
)
from ot.operation import inserted_length, validate
from tests.faults.frame_fuzzer import Fuzzer

__all__ = ["decode_many"]


def keeps_the_rules(message: object) -> bool:
    """All that can be said of a message without knowing where it was sent."""
    if isinstance(message, OpMessage):
        return (
            validate(message.op) == message.op != []
            and len(message.op) <= OP_COMPONENTS_MAX
            and inserted_length(message.op) <= OP_INSERTED_MAX
            and 0 <= message.base < 2**53
            and 0 < message.seq < 2**53
        )
    # What was read can be written again, and reads the same.
    return decode_client(encode(message)) == message


def decode_many(fuzzer: Fuzzer, count: int, decode: Any = decode_client) -> Counter[str]:
    """How often each came out: the kind of a message, or the code of an error."""
    seen: Counter[str] = Counter()
    for number in range(count):
        data = fuzzer.frame()
        try:
            message = decode(data)
        except DeltapadError as error:
            # Raises KeyError for a code that is not in the table.
            encode(error_message(error))
            seen[CODES[error.code].code] += 1
        except Exception as error:
            raise AssertionError(f"frame {number}: {data[:200]!r}") from error
        else:
            assert keeps_the_rules(message), data
            seen[type(message).__name__] += 1
    return seen
