"""the frames of RFC 6455 a second time, slowly: what a server without extensions makes of bytes"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Heard", "hear"]


@dataclass
class Heard:
    """Messages that came whole (None for a binary one), pings, and how it ended."""

    messages: list[bytes | None] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    # The code that the server says goodbye with; None while it goes on.
    close: int | None = None


def hear(data: bytes, message_max: int) -> Heard:
    """Read from the first byte to the last, or to the first violation."""
    heard = Heard()
    parts: bytes | None = None
    opcode_of_parts = 0
    while heard.close is None and len(data) >= 2:
        final, opcode, length = data[0] >> 7, data[0] & 15, data[1] & 127
        extended = {126: 2, 127: 8}.get(length, 0)
        header = 2 + extended + 4
        if len(data) < header:
            break
        if extended:
            length = int.from_bytes(data[2 : 2 + extended], "big")
        if data[0] & 0x70 or not data[1] & 0x80 or (opcode >= 8 and (length > 125 or not final)):
            heard.close = 1002
        elif opcode < 8 and length + len(parts or b"") > message_max:
            heard.close = 1009
        if heard.close or len(data) < header + length:
            break
        mask = data[header - 4 : header]
        payload = bytes(
            byte ^ mask[at % 4] for at, byte in enumerate(data[header : header + length])
        )
        data = data[header + length :]
        if opcode == 8:
            heard.close = goodbye(payload)
        elif opcode == 9:
            heard.pings.append(payload)
        elif opcode == 10:
            pass
        elif opcode > 2 or (opcode == 0) != (parts is not None):
            heard.close = 1002
        else:
            opcode_of_parts = opcode or opcode_of_parts
            parts = (parts or b"") + payload
            if final:
                heard.messages.append(parts if opcode_of_parts == 1 else None)
                parts = None
    return heard


def goodbye(payload: bytes) -> int:
    """The code with which a close frame is answered."""
    if not payload:
        return 1000
    code = int.from_bytes(payload[:2], "big")
    allowed = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    if len(payload) == 1 or code not in allowed:
        return 1002
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return 1007
    return code
