"""hostile frames without end from one seed: messages by their grammar, spoilt, and bytes, spoilt"""

from __future__ import annotations

import json
import re
from random import Random

__all__ = ["Fuzzer"]

KINDS = ["hello", "op", "presence", "properties", "ping", "checksum", "trace", "pong"]
KEY = '"0123456789abcdefABCD_-"'
NUMBERS = [
    *("0", "1", "-1", "2", "7", "12", "13", "16", "17", "-0", "0.0", "1.0", "1.5", "1e2", "1E400"),
    *("-1e400", "NaN", "Infinity", "-Infinity", "9007199254740991", "9007199254740992"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809"),
    *("9" * 400, "9" * 5_000, "01", "+1", "0x1", ".5", "1.", "1e", "--1", "1_000"),
]
STRINGS = [
    *('""', '"x"', '"é"', '"😀"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00x"', '"a\\u0000b"'),
    *('"\\u202e"', '"\\n"', '"\n"', '"\\x"', '"\\u12"', '"', "'x'", '"e\\u0301"', '"👩\\u200d👧"'),
    *(f'"{"x" * n}"' for n in (21, 22, 33, 40, 64, 65, 80, 200, 201, 400, 401)),
    *(KEY, '"markdown"', '"C++"', '"__proto__"', '"hello"', '"op"', '"\ufeff"', '"\ufffe"'),
]
OTHERS = [
    *("true", "false", "null", "[]", "{}", "[1]", '{"a":1}', "[[]]", "undefined", "", "nul", "tru"),
    *("[" * 200, "[" * 50 + "]" * 50, '{"a":' * 200, "[0,0]", "[[0,0]]", "[[0,0],[1,2]]", "[[0]]"),
    *("[" + ",".join(["[0,0]"] * 16) + "]", "[" + ",".join(["[0,0]"] * 17) + "]"),
]
# Pieces that mean something to a decoder.
PIECES = [
    *(b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u", b"\\ud83d", b"\x00", b"\xff"),
    *(b"\xed\xa0\xbd", b"\xc0\x80", b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"\xef\xbb\xbf", b"1e400"),
    *(b"NaN", b"null", b"true", b"-", b"0", b"9" * 30, b'"type"', b'"op"', b"\n", b"\x1b[2J"),
]


class Fuzzer:
    """Frames by chance; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        # What fits in the conversation, so that some of it is nearly right.
        self.revision = 0
        self.seq = 1
        self.length = 10
        self._last = [b'{"type":"ping","n":1}']

    def frame(self) -> bytes:
        """The next one."""
        chance = self._random.random()
        if chance < 0.75:
            made = self.message()
        else:
            made = self._spoilt(self._random.choice(self._last))
        if len(made) < 5_000:
            self._last = [*self._last[-30:], made]
        return made

    def message(self) -> bytes:
        """A message by the grammar, of which something may be wrong."""
        random = self._random
        kind = random.choice([*KINDS, "op", "op"])
        fields = [("type", json.dumps(kind)), *self._fields(kind)]
        for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
            self._change(fields)
        text = "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields) + "}"
        return text.encode("utf-8", "surrogatepass")

    def operation(self) -> str:
        """An operation that is mostly right, as JSON."""
        random = self._random
        parts: list[str] = []
        for _ in range(random.choice([0, 1, 2, 2, 3, 3, 4, 8])):
            chance = random.random()
            if chance < 0.06:
                parts.append(self._value())
            elif chance < 0.08:
                parts.append(random.choice(['"\\ud83d"', '"a\\ude00"', '"\\ude00\\ud83d"']))
            else:
                far = random.choice([1, 1, 2, 3, self.length - 1, self.length, self.length + 1])
                text = random.choice(['"a"', '"é"', '"😀"', '"\\ud83d\\ude00"', '"e\\u0301 x"'])
                retain, delete = str(max(far, 1)), str(-max(far, 1))
                # Mostly in a row that may be, which ends with what does something.
                kinds = [retain, text] if len(parts) % 2 == 0 else [text, delete]
                parts.append(random.choice([*kinds, *kinds, retain, delete, text]))
        if random.random() < 0.003:
            parts = ['1,"a"'] * random.choice([4_999, 5_000, 5_001]) + ["-1"]
        if random.random() < 0.002:
            parts = ['"' + "x" * random.choice([65_535, 65_536, 65_537]) + '"']
        return "[" + ",".join(parts) + "]"

    def _fields(self, kind: str) -> list[tuple[str, str]]:
        random, revision = self._random, str(self.revision)
        if kind == "hello":
            return [
                *(("session", KEY), ("person", KEY), ("name", '"Ada"'), ("color", "0")),
                *(("epoch", random.choice(["null", '"e"'])), ("revision", revision)),
            ]
        if kind == "op":
            seq = self.seq + random.choice([0, 0, 0, 0, 0, -1, 1])
            base = self.revision + random.choice([0, 0, 0, 0, 0, -1, 1])
            return [("base", str(base)), ("seq", str(seq)), ("op", self.operation())]
        if kind == "presence":
            return [
                *(("revision", revision), ("name", random.choice(STRINGS)), ("color", "3")),
                *(("selections", random.choice(["[]", "[[0,1]]", f"[[0,{self.length + 1}]]"])),),
                *(("following", random.choice(["null", KEY])), ("history", "null")),
            ]
        if kind == "properties":
            return [("title", random.choice(STRINGS)), ("language", '"rust"')]
        if kind == "checksum":
            return [("revision", revision), ("length", str(self.length)), ("crc32", "4294967295")]
        if kind == "trace":
            return [
                *(("revision", revision), ("text", random.choice(STRINGS))),
                *(("start", self._value()), ("steps", self._value())),
            ]
        return [("n", "1")]

    def _change(self, fields: list[tuple[str, str]]) -> None:
        random = self._random
        at = random.randrange(len(fields))
        name, value = fields[at]
        what = random.randrange(7)
        if what == 0:
            del fields[at]
        elif what == 1:
            # Twice: the last one counts.
            fields.append((name, self._value()))
        elif what == 2:
            fields.append((random.choice(["new", "seq", "__proto__", "ty\tpe"]), self._value()))
        elif what == 3:
            random.shuffle(fields)
        elif what == 4 and re.fullmatch(r"-?\d{1,20}", value):
            # One beside its bound.
            fields[at] = (name, str(int(value) + random.choice([-1, 1])))
        else:
            fields[at] = (name, self._value())
        if not fields:
            fields.append((name, value))

    def _value(self) -> str:
        return self._random.choice(self._random.choice([NUMBERS, STRINGS, OTHERS]))

    def _spoilt(self, frame: bytes) -> bytes:
        """Some of its bytes are others, gone, twice, or of another frame."""
        random = self._random
        for _ in range(random.choice([1, 1, 2, 4])):
            at = random.randrange(len(frame) + 1)
            to = min(len(frame), at + random.choice([0, 1, 1, 2, 5, 20]))
            what = random.randrange(6)
            if what == 0:
                flipped = bytes(byte ^ 1 << random.randrange(8) for byte in frame[at:to])
                frame = frame[:at] + flipped + frame[to:]
            elif what == 1:
                frame = frame[:at] + frame[to:]
            elif what == 2:
                frame = frame[:to] + frame[at:]
            elif what == 3:
                other = random.choice(self._last)
                frame = frame[:at] + other[random.randrange(len(other) + 1) :]
            elif what == 4:
                frame = frame[:at] + random.choice(PIECES) + frame[at:]
            else:
                frame = frame[:at] + random.choice(PIECES) + frame[to:]
        return frame
