"""WebSocket frames and WebTorrent's messages in the data plane, for tests: bytes in and out."""

from dataclasses import dataclass

@dataclass(frozen=True)
class Frame:
    """A whole frame, unmasked, and what is known of a message behind it."""

    opcode: int
    is_final: bool
    payload: bytes
    frame_bytes: int
    ends_message: bool
    # Of the message that has begun: its first frame's opcode, 0 where there is none, and its bytes so far.
    message_opcode: int
    message_bytes: int

def decode_frame(
    data: bytes,
    *,
    frame_bytes_max: int = 65536,
    message_bytes_max: int = 65536,
    message_opcode: int = 0,
    message_bytes: int = 0,
) -> Frame | str:
    """The frame at the start of the data, or "partial", "bad" or "too large"."""

def unmask(payload: bytes, mask: bytes, offset: int = 0) -> bytes:
    """Unmask a payload that lies so many bytes behind an aligned address."""

def is_utf8(text: bytes) -> bool: ...
def code_of_close(payload: bytes) -> int: ...
def frame_of(opcode: int, payload: bytes) -> bytes: ...
def close_frame(code: int) -> bytes: ...
