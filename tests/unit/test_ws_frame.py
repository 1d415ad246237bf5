"""What the data plane takes for a client's frame, and what it sends, against RFC 6455."""

import pytest

from aquatic.testing.ws import (
    Frame,
    close_frame,
    code_of_close,
    decode_frame,
    frame_of,
    is_utf8,
    unmask,
)
from tests.support.frames import masked_frame

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
SIZES = [0, 1, 7, 8, 125, 126, 127, 65535, 65536]


def decoded(data: bytes, message_opcode: int = 0, message_bytes: int = 0) -> Frame:
    frame = decode_frame(
        data, message_bytes_max=1 << 17, message_opcode=message_opcode, message_bytes=message_bytes
    )
    assert isinstance(frame, Frame)
    return frame


def test_the_example_of_section_5_7() -> None:
    """A masked "Hello"."""
    data = bytes.fromhex("818537fa213d7f9f4d5158")
    assert decoded(data + b"\x81") == Frame(TEXT, True, b"Hello", len(data), True, 0, 0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_payloads_of_any_size(size: int, opcode: int) -> None:
    payload = bytes(index * 7 & 0xFF for index in range(size))
    data = masked_frame(payload, opcode)
    frame = decoded(data + b"behind")
    assert (frame.opcode, frame.payload, frame.frame_bytes) == (opcode, payload, len(data))
    for length in {*range(min(len(data), 20)), len(data) - 1}:
        assert decode_frame(data[:length]) == "partial"


def test_a_message_in_fragments() -> None:
    first = decoded(masked_frame(b"ab", TEXT, final=False))
    assert (first.ends_message, first.message_opcode, first.message_bytes) == (False, TEXT, 2)
    ping = decoded(masked_frame(b"x", PING), TEXT, 2)
    assert (ping.ends_message, ping.message_opcode, ping.message_bytes) == (False, TEXT, 2)
    second = decoded(masked_frame(b"", 0, final=False), TEXT, 2)
    assert (second.ends_message, second.message_opcode, second.message_bytes) == (False, TEXT, 2)
    last = decoded(masked_frame(b"cde", 0), TEXT, 2)
    assert (last.ends_message, last.message_opcode, last.message_bytes) == (True, 0, 0)


@pytest.mark.parametrize(
    "head", [0x40, 0x20, 0x10, 0x70, 0x03, 0x07, 0x0B, 0x0F], ids=lambda head: f"{head:#x}"
)
def test_reserved_bits_and_opcodes_are_refused_at_the_first_byte(head: int) -> None:
    assert decode_frame(bytes((0x80 | head,))) == "bad"


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_control_frames_are_whole_and_short(opcode: int) -> None:
    assert decoded(masked_frame(bytes(125), opcode)).payload == bytes(125)
    assert decode_frame(masked_frame(bytes(126), opcode)[:4]) == "bad"
    assert decode_frame(masked_frame(b"", opcode, final=False)[:1]) == "bad"


def test_continuations_come_when_a_message_has_begun_and_only_then() -> None:
    assert decode_frame(masked_frame(b"a", 0)[:1]) == "bad"
    for opcode in (TEXT, BINARY):
        assert decode_frame(masked_frame(b"a", opcode)[:1], message_opcode=TEXT) == "bad"


def test_a_client_masks() -> None:
    assert decode_frame(frame_of(TEXT, b"a")[:2]) == "bad"


@pytest.mark.parametrize(
    "length",
    [
        b"\xfe\0\x7d",
        b"\xff" + (125).to_bytes(8),
        b"\xff" + (65535).to_bytes(8),
        b"\xff" + (1 << 63).to_bytes(8),
    ],
)
def test_lengths_are_written_in_as_few_bytes_as_they_fit_in(length: bytes) -> None:
    assert decode_frame(b"\x81" + length[:-1]) == "partial"
    assert decode_frame(b"\x81" + length) == "bad"


def test_frames_and_messages_have_a_size_that_is_refused_at_their_length() -> None:
    data = masked_frame(bytes(200))
    assert isinstance(decode_frame(data, frame_bytes_max=200), Frame)
    assert decode_frame(data[:3], frame_bytes_max=199) == "partial"
    assert decode_frame(data[:4], frame_bytes_max=199) == "too large"
    rest = masked_frame(bytes(200), 0)
    assert isinstance(decode_frame(rest, message_bytes_max=300, message_opcode=1, message_bytes=100), Frame)
    assert decode_frame(rest[:4], message_bytes_max=300, message_opcode=1, message_bytes=101) == "too large"
    assert decode_frame(b"\x81\xff" + ((1 << 63) - 1).to_bytes(8)) == "too large"
    # Control frames are no part of a message.
    ping = masked_frame(bytes(100), PING)
    assert isinstance(decode_frame(ping, message_bytes_max=1, message_opcode=1, message_bytes=1), Frame)


def test_masks_are_taken_off_at_any_address_and_length() -> None:
    mask = b"\x01\x20\x03\x40"
    for length in range(40):
        payload = bytes(range(100, 100 + length))
        unmasked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        for offset in range(8):
            assert unmask(payload, mask, offset) == unmasked


@pytest.mark.parametrize(
    ("size", "header"),
    [(0, b"\x81\0"), (125, b"\x81\x7d"), (126, b"\x81\x7e\0\x7e"), (65535, b"\x81\x7e\xff\xff")],
)
def test_our_frames_are_whole_and_not_masked(size: int, header: bytes) -> None:
    assert frame_of(TEXT, bytes(size)) == header + bytes(size)


def test_close_frames() -> None:
    assert close_frame(1000) == b"\x88\x02\x03\xe8"
    assert close_frame(0) == b"\x88\0"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 0),
        (b"\x03", 1002),
        (b"\x03\xe8", 1000),
        (b"\x03\xe9bye", 1001),
        (b"\x03\xe8\xc3\xa9", 1000),
        (b"\x03\xe8\xc3", 1007),
        (b"\x03\xe8\xed\xa0\x80", 1007),
    ],
)
def test_a_close_frame_is_answered_with_its_code(payload: bytes, code: int) -> None:
    assert code_of_close(payload) == code


def test_codes_that_no_close_frame_has() -> None:
    valid = {*range(1000, 1015), *range(3000, 5000)} - {1004, 1005, 1006}
    for code in (*range(990, 1030), 2999, 3000, 4999, 5000, 65535):
        assert code_of_close(code.to_bytes(2)) == (code if code in valid else 1002)


def test_text_is_utf_8_at_any_place() -> None:
    characters = [
        "a",
        "\x7f",
        "\x80",
        "\u07ff",
        "\u0800",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0010ffff",
    ]
    wrong = [
        b"\x80",
        b"\xc1\xbf",
        b"\xc2",
        b"\xe0\x9f\xbf",
        b"\xe1\x80",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
    ]
    wrong += [
        b"\xf4\x90\x80\x80",
        b"\xf1\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
        b"\xc2\x41",
        b"\xe1\x80\x41",
    ]
    for place in range(80):
        for behind in (0, 1, 20, 70):
            for character in characters:
                assert is_utf8(b"a" * place + character.encode() + b"a" * behind)
            for part in wrong:
                assert not is_utf8(b"a" * place + part + b"a" * behind)
