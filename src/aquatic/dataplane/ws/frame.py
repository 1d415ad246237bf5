"""WebSocket frames (RFC 6455, section 5) from and to bytes. Touches nothing but its arguments, so it fuzzes alone."""

from cython import address, cast, declare
from cython.cimports.aquatic.abi.bits import (
    be16toh,
    be64toh,
    htobe16,
    read_u16,
    read_u32,
    read_u64,
    write_u16,
    write_u32,
    write_u64,
)
from cython.cimports.aquatic.abi.ws_wire import (
    CLOSE_NOT_UTF8,
    CLOSE_PROTOCOL_ERROR,
    CONTROL_PAYLOAD_BYTES_MAX,
    FRAME_BAD,
    FRAME_COMPLETE,
    FRAME_HEADER_BYTES_MAX,
    FRAME_HEADER_ROOM_BYTES,
    FRAME_PARTIAL,
    FRAME_TOO_LARGE,
    OPCODE_BINARY,
    OPCODE_CLOSE,
    OPCODE_CONTINUATION,
    OPCODE_PONG,
)
from cython.cimports.aquatic.dataplane.ws.frame import (
    IS_CONTROL,
    IS_FINAL,
    IS_MASKED,
    LENGTH_BITS,
    LENGTH_IN_2,
    LENGTH_IN_8,
    OPCODE_BITS,
    RESERVED_BITS,
)
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memmove


def decode_frame(input, length, rules, reader, frame):
    """Read the frame at the start of the input. What is wrong with its head is said before its payload is there."""
    if length == 0:
        return FRAME_PARTIAL
    if is_bad_head(input[0], reader):
        return FRAME_BAD
    if length == 1:
        return FRAME_PARTIAL
    frame.opcode = input[0] & OPCODE_BITS
    frame.is_final = input[0] & IS_FINAL != 0
    # A client masks what it sends (section 5.1), so that it cannot choose the bytes that a proxy sees.
    if not input[1] & IS_MASKED:
        return FRAME_BAD
    payload_bytes = declare(uint64_t)
    verdict = decode_length(input, length, address(payload_bytes))
    if verdict != FRAME_COMPLETE:
        return verdict
    if is_control(frame):
        if payload_bytes > CONTROL_PAYLOAD_BYTES_MAX:
            return FRAME_BAD
    elif (
        payload_bytes > rules.frame_bytes_max
        or payload_bytes > rules.message_bytes_max - reader.message_bytes
    ):
        return FRAME_TOO_LARGE
    kind = input[1] & LENGTH_BITS
    header_bytes = declare(
        uint32_t, FRAME_HEADER_BYTES_MAX if kind == LENGTH_IN_8 else 8 if kind == LENGTH_IN_2 else 6
    )
    if length < header_bytes or length - header_bytes < payload_bytes:
        return FRAME_PARTIAL
    memcpy(frame.mask, input + header_bytes - 4, 4)
    frame.payload = header_bytes
    frame.payload_bytes = payload_bytes
    frame.frame_bytes = header_bytes + frame.payload_bytes
    return FRAME_COMPLETE


def is_bad_head(head, reader):
    """Whether a frame's first byte is none that may come now (sections 5.2, 5.4 and 5.5)."""
    opcode = declare(uint32_t, head & OPCODE_BITS)
    # No extension is agreed on that would give the reserved bits a meaning.
    if head & RESERVED_BITS:
        return True
    if opcode & IS_CONTROL:
        return opcode > OPCODE_PONG or not head & IS_FINAL
    if opcode > OPCODE_BINARY:
        return True
    return (opcode == OPCODE_CONTINUATION) != (reader.opcode != OPCODE_CONTINUATION)


def decode_length(input, length, payload_bytes):
    """Read the length, which is to be written in as few bytes as it fits in (section 5.2)."""
    kind = input[1] & LENGTH_BITS
    payload_bytes[0] = kind
    if kind == LENGTH_IN_2:
        if length < 4:
            return FRAME_PARTIAL
        payload_bytes[0] = be16toh(read_u16(input + 2))
        return FRAME_BAD if payload_bytes[0] < LENGTH_IN_2 else FRAME_COMPLETE
    if kind == LENGTH_IN_8:
        if length < 10:
            return FRAME_PARTIAL
        payload_bytes[0] = be64toh(read_u64(input + 2))
        return FRAME_BAD if payload_bytes[0] >> 16 == 0 or payload_bytes[0] >> 63 else FRAME_COMPLETE
    return FRAME_COMPLETE


def is_control(frame):
    return frame.opcode & IS_CONTROL != 0


def take_frame(reader, frame):
    if is_control(frame):
        return False
    if frame.is_final:
        reader.opcode = OPCODE_CONTINUATION
        reader.message_bytes = 0
        return True
    if frame.opcode != OPCODE_CONTINUATION:
        reader.opcode = frame.opcode
    reader.message_bytes += frame.payload_bytes
    return False


def unmask(payload, length, mask):
    narrow = read_u32(mask)
    wide = declare(uint64_t, cast(uint64_t, narrow) << 32 | narrow)
    at = declare(uint32_t, 0)
    while at + 8 <= length:
        write_u64(payload + at, read_u64(payload + at) ^ wide)
        at += 8
    if at + 4 <= length:
        write_u32(payload + at, read_u32(payload + at) ^ narrow)
        at += 4
    while at < length:
        payload[at] ^= mask[at & 3]
        at += 1


def is_utf8(text, length):
    highs = declare(uint64_t, 0x80808080)
    highs |= highs << 32
    at = declare(uint32_t, 0)
    while at < length:
        # What peers have to say to each other is ASCII, in the main; their ids are not.
        if at + 64 <= length and not all_bits(text + at) & highs:
            at += 64
            continue
        if at + 16 <= length and not (read_u64(text + at) | read_u64(text + at + 8)) & highs:
            at += 16
            continue
        # At most one of a word's eight characters is looked at twice.
        end = min(at + 16, length)
        while at < end:
            character = declare(uint32_t, 1)
            if text[at] >= 0x80:
                character = utf8_bytes(text + at, length - at)
                if character == 0:
                    return False
            at += character
    return True


def all_bits(text):
    """Of the next 64 bytes, with no branch in between."""
    seen = declare(uint64_t, 0)
    index = declare(uint32_t)
    for index in range(8):
        seen |= read_u64(text + 8 * index)
    return seen


def utf8_bytes(text, length):
    """How many bytes a character beyond ASCII has (RFC 3629, section 4), or 0 where it is none."""
    first = text[0]
    if length < 2 or first < 0xC2 or first > 0xF4:
        return 0
    if first < 0xE0:
        return 2 if text[1] & 0xC0 == 0x80 else 0
    # Neither longer than need be, nor a surrogate, nor beyond the last character.
    least = declare(uint8_t, 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80)
    most = declare(uint8_t, 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF)
    if text[1] < least or text[1] > most:
        return 0
    if length < 3 or text[2] & 0xC0 != 0x80:
        return 0
    if first < 0xF0:
        return 3
    return 4 if length >= 4 and text[3] & 0xC0 == 0x80 else 0


def code_of_close(payload, length):
    """Read a close frame's payload (section 5.5.1); what is wrong with it is answered with another code."""
    if length == 0:
        return 0
    if length == 1:
        return CLOSE_PROTOCOL_ERROR
    code = declare(uint32_t, be16toh(read_u16(payload)))
    if not is_close_code(code):
        return CLOSE_PROTOCOL_ERROR
    return code if is_utf8(payload + 2, length - 2) else CLOSE_NOT_UTF8


def is_close_code(code):
    """Whether a peer may send it (section 7.4): 1004 to 1006 and 1015 stand for what no frame says."""
    if code < 1000 or code > 4999:
        return False
    if code < 1015:
        return code < 1004 or code > 1006
    return code >= 3000


def put_frame_header(out, opcode, payload_bytes):
    out[0] = IS_FINAL | cast(uint32_t, opcode)
    if payload_bytes < LENGTH_IN_2:
        out[1] = payload_bytes
        return out + 2
    out[1] = LENGTH_IN_2
    write_u16(out + 2, htobe16(cast(uint16_t, payload_bytes)))
    return out + 4


def put_frame_around(out, opcode, end):
    payload_bytes = declare(uint32_t, end - out - FRAME_HEADER_ROOM_BYTES)
    payload = out + FRAME_HEADER_ROOM_BYTES
    out = put_frame_header(out, opcode, payload_bytes)
    if out != payload:
        memmove(out, payload, payload_bytes)
    return out + payload_bytes


def put_close(out, code):
    """With a code, or without where it is 0."""
    out = put_frame_header(out, OPCODE_CLOSE, 2 if code else 0)
    if code:
        write_u16(out, htobe16(cast(uint16_t, code)))
        out += 2
    return out
