"""A client's WebSocket frames."""

import struct
from itertools import cycle


def masked_frame(
    payload: bytes, opcode: int = 1, *, final: bool = True, mask: bytes = b"\x37\xfa\x21\x3d", head: int = 0
) -> bytes:
    """Build a client's frame, with `head` in addition in its first byte."""
    first = head | opcode | (0x80 if final else 0)
    if len(payload) < 126:
        length = bytes((0x80 | len(payload),))
    elif len(payload) < 1 << 16:
        length = b"\xfe" + struct.pack(">H", len(payload))
    else:
        length = b"\xff" + struct.pack(">Q", len(payload))
    masked = bytes(byte ^ key for byte, key in zip(payload, cycle(mask), strict=False))
    return bytes((first,)) + length + mask + masked
