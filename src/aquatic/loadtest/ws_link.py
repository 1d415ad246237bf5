"""A client's WebSocket connection: see ws_link.pxd."""

import cython
from cython import NULL, address, bint, cast, declare, pointer
from cython.cimports.aquatic.abi.bits import (
    be16toh,
    be64toh,
    htobe16,
    htobe64,
    multiply_fold,
    read_u16,
    read_u64,
    write_u16,
    write_u32,
    write_u64,
)
from cython.cimports.aquatic.abi.ws_wire import (
    OPCODE_BINARY,
    OPCODE_CLOSE,
    OPCODE_CONTINUATION,
    OPCODE_PING,
    OPCODE_PONG,
    OPCODE_TEXT,
)
from cython.cimports.aquatic.dataplane.ws.frame import is_utf8
from cython.cimports.aquatic.loadtest.wire import (
    WIRE_CLOSED,
    WIRE_OPEN,
    wire_close,
    wire_end,
    wire_open,
    wire_proceed,
    wire_receive,
    wire_send,
    wires_end,
    wires_init,
)
from cython.cimports.aquatic.loadtest.ws_link import (
    CONTROL_BYTES_MAX,
    FRAME_HEAD_BYTES_MAX,
    FRAME_PARTS_MAX,
    HEAD_BYTES_MAX,
    INPUT_BYTES,
    LINK_CLOSED,
    LINK_CONNECTING,
    LINK_OPEN,
    LINK_UPGRADING,
    MESSAGE_BYTES_MAX,
    OUTPUT_BYTES,
    READING_BROKEN,
    READING_CLOSED,
    READING_MESSAGE,
    READING_MORE,
    RECEIVE_BYTES,
    Arrived,
    Reading,
    memmem,
    strncasecmp,
)
from cython.cimports.libc.errno import EAGAIN
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, realloc
from cython.cimports.libc.string import memcmp, memcpy, memmove


def desk_init(desk, tls):
    """False without a descriptor or memory; `desk_end` gives back what was taken."""
    desk.input = cast(pointer[uint8_t], malloc(INPUT_BYTES))
    desk.output = cast(pointer[uint8_t], malloc(OUTPUT_BYTES))
    return wires_init(address(desk.wires), tls) and desk.input != NULL and desk.output != NULL


def desk_end(desk):
    wires_end(address(desk.wires))
    free(desk.input)
    free(desk.output)


def link_open(desk, link, number):
    if not wire_open(address(desk.wires), address(link.wire), number):
        return False
    link.phase = LINK_CONNECTING
    return True


def link_proceed(desk, link, events):
    if link.phase != LINK_CONNECTING:
        return True
    if not wire_proceed(address(link.wire), events):
        return False
    if link.wire.phase != WIRE_OPEN:
        return True
    link.phase = LINK_UPGRADING
    memcpy(desk.output, desk.upgrade, desk.upgrade_bytes)
    desk.output_bytes = desk.upgrade_bytes
    return link_flush(desk, link)


def link_close(desk, link):
    """Without a goodbye: what was to be sent or read is dropped."""
    wire_close(address(desk.wires), address(link.wire), True)
    link.phase = LINK_CLOSED
    link.message_opcode = 0
    link.message.length = link.kept.length = link.waiting.length = 0
    desk.output_bytes = 0


def link_end(desk, link):
    if link.wire.phase != WIRE_CLOSED:
        link_close(desk, link)
    wire_end(address(desk.wires), address(link.wire))
    free(link.message.bytes)
    free(link.kept.bytes)
    free(link.waiting.bytes)


def link_receive(desk, link, bytes_max):
    if link.kept.length:
        memcpy(desk.input, link.kept.bytes, link.kept.length)
    desk.input_at = 0
    desk.input_end = link.kept.length
    link.kept.length = 0
    received = wire_receive(
        address(link.wire), desk.input + desk.input_end, min(bytes_max, cast(uint32_t, RECEIVE_BYTES))
    )
    if received > 0:
        desk.input_end += received
    elif not append(address(link.kept), desk.input, desk.input_end):
        return 0
    return received


def link_read(desk, link, message):
    frame = declare(Arrived)
    if link.phase == LINK_UPGRADING:
        reading = declare(Reading, read_upgrade(desk, link))
        if reading != READING_MESSAGE:
            return reading
    while True:
        reading = read_frame(desk, link, address(frame))
        if reading != READING_MESSAGE:
            return reading
        reading = take_frame(desk, link, address(frame), message)
        if reading != READING_MORE:
            return reading


def read_upgrade(desk, link):
    """READING_MESSAGE when the connection is a WebSocket from here on."""
    at = desk.input + desk.input_at
    length = desk.input_end - desk.input_at
    end = cast(pointer[uint8_t], memmem(at, length, b"\r\n\r\n", 4))
    if end == NULL:
        return READING_BROKEN if length > HEAD_BYTES_MAX else keep_rest(desk, link)
    if not is_upgrade(desk, at, cast(uint32_t, end - at) + 2):
        return READING_BROKEN
    desk.input_at += cast(uint32_t, end - at) + 4
    link.phase = LINK_OPEN
    return READING_MESSAGE


def is_upgrade(desk, head, length):
    """Whether a head says 101 and has the answer to our key (section 4.1)."""
    name = declare(pointer[cython.const[cython.char]], b"sec-websocket-accept:")
    if length < 12 or memcmp(head, b"HTTP/1.1 101", 12) != 0:
        return False
    line = cast(pointer[uint8_t], memmem(head, length, b"\r\n", 2))
    while line != NULL:
        line += 2
        left = cast(uint32_t, head + length - line)
        if left >= 21 + desk.accept_bytes and strncasecmp(cast(pointer[cython.char], line), name, 21) == 0:
            value = line + 21
            while value + desk.accept_bytes < head + length and value[0] == b" ":
                value += 1
            return memcmp(value, desk.accept, desk.accept_bytes) == 0
        line = cast(pointer[uint8_t], memmem(line, left, b"\r\n", 2))
    return False


def read_frame(desk, link, frame):
    """The head of the next frame (section 5.2), when all of the frame is there."""
    at = desk.input + desk.input_at
    length = desk.input_end - desk.input_at
    if length < 2:
        return keep_rest(desk, link)
    frame.opcode = at[0] & 0x0F
    frame.is_final = at[0] >> 7
    frame.payload_bytes = at[1] & 0x7F
    frame.head_bytes = 2
    # A server does not mask, and no extension was agreed on.
    if at[0] & 0x70 or at[1] & 0x80:
        return READING_BROKEN
    if frame.payload_bytes >= 126:
        frame.head_bytes = 4 if frame.payload_bytes == 126 else 10
        if length < frame.head_bytes:
            return keep_rest(desk, link)
        frame.payload_bytes = (
            be16toh(read_u16(at + 2)) if frame.head_bytes == 4 else be64toh(read_u64(at + 2))
        )
    if frame.payload_bytes > MESSAGE_BYTES_MAX:
        return READING_BROKEN
    if length < frame.head_bytes + frame.payload_bytes:
        return keep_rest(desk, link)
    frame.payload = at + frame.head_bytes
    desk.input_at += frame.head_bytes + cast(uint32_t, frame.payload_bytes)
    return READING_MESSAGE


def keep_rest(desk, link):
    """READING_MORE, or READING_BROKEN without memory for what has not been read."""
    rest = append(address(link.kept), desk.input + desk.input_at, desk.input_end - desk.input_at)
    desk.input_at = desk.input_end
    return READING_MORE if rest else READING_BROKEN


def take_frame(desk, link, frame, message):
    """READING_MORE when no message is whole with it."""
    if frame.opcode >= OPCODE_CLOSE:
        return take_control(desk, link, frame)
    if frame.opcode > OPCODE_BINARY or (frame.opcode == OPCODE_CONTINUATION) != (link.message_opcode != 0):
        return READING_BROKEN
    message.bytes = frame.payload
    message.length = cast(uint32_t, frame.payload_bytes)
    if link.message_opcode or not frame.is_final:
        if link.message.length + frame.payload_bytes > MESSAGE_BYTES_MAX:
            return READING_BROKEN
        if not append(address(link.message), frame.payload, message.length):
            return READING_BROKEN
        message.bytes = link.message.bytes
        message.length = link.message.length
        link.message_opcode = link.message_opcode or frame.opcode
    if not frame.is_final:
        return READING_MORE
    is_text = declare(bint, (link.message_opcode or frame.opcode) == OPCODE_TEXT)
    link.message_opcode = 0
    link.message.length = 0  # its bytes stay until the next frame
    return READING_BROKEN if is_text and not is_utf8(message.bytes, message.length) else READING_MESSAGE


def take_control(desk, link, frame):
    if frame.opcode > OPCODE_PONG or not frame.is_final or frame.payload_bytes > CONTROL_BYTES_MAX:
        return READING_BROKEN
    if frame.opcode == OPCODE_PONG:
        return READING_MORE
    if not make_room(desk, link, CONTROL_BYTES_MAX):
        return READING_BROKEN
    answer = declare(uint32_t, OPCODE_PONG if frame.opcode == OPCODE_PING else OPCODE_CLOSE)
    put_frame(desk, 0x80 | answer, frame.payload, cast(uint32_t, frame.payload_bytes))
    return READING_MORE if frame.opcode == OPCODE_PING else READING_CLOSED


def append(buffer, bytes, length):
    """Grows by doubling; False without memory."""
    if buffer.length + length > buffer.capacity:
        capacity = declare(uint32_t, max(buffer.capacity, 1024))
        while capacity < buffer.length + length:
            capacity *= 2
        larger = cast(pointer[uint8_t], realloc(buffer.bytes, capacity))
        if larger == NULL:
            return False
        buffer.bytes = larger
        buffer.capacity = capacity
    if length:
        memcpy(buffer.bytes + buffer.length, bytes, length)
    buffer.length += length
    return True


def link_put(desk, link, payload, length):
    """In as many frames as its length needs; False when the connection is gone."""
    if not make_room(desk, link, length):
        return False
    opcode = declare(uint32_t, OPCODE_TEXT)
    while length > desk.frame_bytes_max:
        put_frame(desk, opcode, payload, desk.frame_bytes_max)
        opcode = OPCODE_CONTINUATION
        payload += desk.frame_bytes_max
        length -= desk.frame_bytes_max
    put_frame(desk, 0x80 | opcode, payload, length)
    return True


def make_room(desk, link, length):
    """What a message of at most FRAME_PARTS_MAX frames may take."""
    if desk.output_bytes + length + FRAME_PARTS_MAX * FRAME_HEAD_BYTES_MAX <= OUTPUT_BYTES:
        return True
    return link_flush(desk, link)


def put_frame(desk, first, payload, length):
    """Masked with random bytes, as a client must (section 5.3)."""
    at = declare(uint32_t, 0)
    out = desk.output + desk.output_bytes
    out[0] = first
    if length < 126:
        out[1] = 0x80 | length
        out += 2
    elif length < 1 << 16:
        out[1] = 0x80 | 126
        write_u16(out + 2, htobe16(length))
        out += 4
    else:
        out[1] = 0x80 | 127
        write_u64(out + 2, htobe64(length))
        out += 10
    desk.random += cast(uint64_t, 0x9E3779B97F4A7C15)
    mask = declare(uint64_t, multiply_fold(desk.random, desk.random ^ cast(uint64_t, 0xE7037ED1A0B428DB)))
    mask = mask >> 32 | mask >> 32 << 32
    write_u32(out, cast(uint32_t, mask))
    out += 4
    while at + 8 <= length:
        write_u64(out + at, read_u64(payload + at) ^ mask)
        at += 8
    while at < length:
        out[at] = payload[at] ^ cast(uint8_t, mask >> (at & 3) * 8)
        at += 1
    desk.output_bytes = cast(uint32_t, out + length - desk.output)


def link_flush(desk, link):
    bytes = declare(uint32_t, desk.output_bytes)
    desk.output_bytes = 0
    if not send_waiting(link):
        return False
    if link.waiting.length:
        return append(address(link.waiting), desk.output, bytes)
    sent = declare(int64_t, send_all(link, desk.output, bytes))
    return sent >= 0 and append(address(link.waiting), desk.output + sent, bytes - cast(uint32_t, sent))


def send_waiting(link):
    if link.waiting.length == 0:
        return True
    sent = declare(int64_t, send_all(link, link.waiting.bytes, link.waiting.length))
    if sent < 0:
        return False
    link.waiting.length -= cast(uint32_t, sent)
    memmove(link.waiting.bytes, link.waiting.bytes + sent, link.waiting.length)
    return True


def send_all(link, bytes, length):
    """As much as the kernel takes, or -errno."""
    done = declare(uint32_t, 0)
    while done < length:
        sent = declare(int64_t, wire_send(address(link.wire), bytes + done, length - done))
        if sent == -EAGAIN:
            break
        if sent <= 0:
            return sent or -EAGAIN
        done += cast(uint32_t, sent)
    return done
