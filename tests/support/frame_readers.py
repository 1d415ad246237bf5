"""What arrives of a client's bytes, read by wsproto and by us."""

import codecs
from collections.abc import Iterator

from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from aquatic.testing.ws import Frame, code_of_close, decode_frame, is_utf8

Read = tuple[int, bytes]  # opcode and payload of a message or a control frame
FAULT: Read = (-1, b"")
TEXT, CLOSE = 1, 8
BAD_GATEWAY = 1014  # assigned after what wsproto knows


def content_of(payload: object) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    assert isinstance(payload, bytes | bytearray)
    return bytes(payload)


def read_by_wsproto(data: bytes) -> Iterator[Read]:
    """Yield what arrived whole. Text is compared as bytes."""
    protocol = FrameProtocol(client=False, extensions=[])
    message = b""
    protocol.receive_bytes(data)
    try:
        for frame in protocol.received_frames():
            if frame.opcode is Opcode.CLOSE:
                yield CLOSE, b""
                return
            payload = content_of(frame.payload)
            if frame.opcode.iscontrol():
                yield int(frame.opcode), payload
                continue
            message += payload
            if frame.message_finished:
                yield int(frame.opcode), message
                message = b""
    except ParseFailed:
        yield FAULT


def read_by_us(data: bytes) -> tuple[list[Read], bytes | None]:
    """Return what arrived whole, and of what: of all of the data where there is a fault."""
    read: list[Read] = []
    rest = data
    opcode = size = 0
    message, text = b"", codecs.getincrementaldecoder("utf-8")()
    while isinstance(frame := decode_frame(rest, message_opcode=opcode, message_bytes=size), Frame):
        rest = rest[frame.frame_bytes :]
        if frame.opcode == CLOSE:
            sent = int.from_bytes(frame.payload[:2])
            is_bad = code_of_close(frame.payload) != sent or not is_utf8(frame.payload[2:])
            is_bad |= sent == BAD_GATEWAY
            return ([*read, FAULT], None) if is_bad else ([*read, (CLOSE, b"")], data)
        if frame.opcode > CLOSE:
            read.append((frame.opcode, frame.payload))
            continue
        opcode, message = opcode or frame.opcode, message + frame.payload
        try:
            if opcode == TEXT:
                text.decode(frame.payload, frame.ends_message)
        except UnicodeDecodeError:
            assert not frame.ends_message or not is_utf8(message)
            return [*read, FAULT], None
        if frame.ends_message:
            assert opcode != TEXT or is_utf8(message)
            read.append((opcode, message))
            message = b""
        opcode, size = frame.message_opcode, frame.message_bytes
    if frame == "bad":
        return [*read, FAULT], None
    return read, data[: len(data) - len(rest)]


def check_frames(data: bytes) -> None:
    """Hold one reader against the other."""
    ours, used = read_by_us(data)
    # Ours finds fault with a frame's first byte, theirs when there are more.
    theirs = list(read_by_wsproto(data + bytes(20) if used is None else used))
    assert ours == theirs
