"""WebTorrent's signalling in the data plane for tests. What each function does is said in ws.pyi."""

from dataclasses import dataclass

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.ws_wire import (
    FRAME_BAD,
    FRAME_COMPLETE,
    FRAME_HEADER_ROOM_BYTES,
    FRAME_PARTIAL,
    FRAME_TOO_LARGE,
    FrameRules,
    MessageReader,
    Opcode,
)
from cython.cimports.aquatic.abi.ws_wire import Frame as CFrame
from cython.cimports.aquatic.dataplane.ws import frame as frames
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset

FRAME_VERDICTS = {FRAME_PARTIAL: "partial", FRAME_BAD: "bad", FRAME_TOO_LARGE: "too large"}


@dataclass(frozen=True)
class Frame:
    opcode: int
    is_final: bool
    payload: bytes
    frame_bytes: int
    ends_message: bool
    message_opcode: int
    message_bytes: int


def copied(data):
    """A copy without anything behind it, so that a sanitizer sees a read beyond it."""
    copy = cast(pointer(uint8_t), malloc(max(len(data), 1)))
    if copy == NULL:
        raise MemoryError
    memcpy(copy, cast(pointer(uint8_t), data), len(data))
    return copy


def decode_frame(
    data: bytes,
    *,
    frame_bytes_max: int = 65536,
    message_bytes_max: int = 65536,
    message_opcode: int = 0,
    message_bytes: int = 0,
):
    rules = declare(FrameRules)
    reader = declare(MessageReader)
    frame = declare(CFrame)
    # What the decoder leaves as it was shows.
    memset(address(frame), 0xA5, sizeof(CFrame))
    rules.frame_bytes_max = frame_bytes_max
    rules.message_bytes_max = message_bytes_max
    reader.opcode = message_opcode
    reader.message_bytes = message_bytes
    copy = copied(data)
    verdict = frames.decode_frame(copy, len(data), address(rules), address(reader), address(frame))
    if verdict != FRAME_COMPLETE:
        free(copy)
        return FRAME_VERDICTS[verdict]
    frames.unmask(copy + frame.payload, frame.payload_bytes, frame.mask)
    payload = cast(bytes, copy[frame.payload : frame.payload + frame.payload_bytes])
    free(copy)
    ends_message = frames.take_frame(address(reader), address(frame))
    return Frame(
        frame.opcode,
        bool(frame.is_final),
        payload,
        frame.frame_bytes,
        bool(ends_message),
        reader.opcode,
        reader.message_bytes,
    )


def unmask(payload: bytes, mask: bytes, offset: int = 0):
    copy = copied(payload.rjust(offset + len(payload)))
    start = copy + cast(uint32_t, offset)
    frames.unmask(start, len(payload), cast(pointer(uint8_t), mask))
    unmasked = cast(bytes, start[: len(payload)])
    free(copy)
    return unmasked


def is_utf8(text: bytes):
    copy = copied(text)
    valid = frames.is_utf8(copy, len(text))
    free(copy)
    return bool(valid)


def code_of_close(payload: bytes):
    copy = copied(payload)
    code = frames.code_of_close(copy, len(payload))
    free(copy)
    return code


def frame_of(opcode: int, payload: bytes):
    room = declare(uint8_t[FRAME_HEADER_ROOM_BYTES])
    end = frames.put_frame_header(room, cast(Opcode, cast(int, opcode)), len(payload))
    return cast(bytes, room[: end - cast(pointer(uint8_t), room)]) + payload


def close_frame(code: int):
    room = declare(uint8_t[FRAME_HEADER_ROOM_BYTES])
    end = frames.put_close(room, code)
    return cast(bytes, room[: end - cast(pointer(uint8_t), room)])
