"""Frames against wsproto: both read the same messages of the same bytes, and find fault at the same place."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from aquatic.testing.ws import frame_of, is_utf8
from tests.support.frame_readers import CLOSE, TEXT, check_frames, content_of
from tests.support.frames import masked_frame

TEXTS = st.text(max_size=20).map(str.encode) | st.binary(max_size=12) | st.just(b"a" * 130)
FRAMES = st.builds(
    masked_frame,
    TEXTS,
    st.sampled_from([1, 1, 0, 0, 2, 9, 10]),
    final=st.booleans(),
    mask=st.binary(min_size=4, max_size=4),
)
CLOSES = st.builds(
    lambda code, reason: masked_frame(code + reason, 8),
    st.sampled_from([1000, 1001, 1003, 1008, 1011, 1015, 1005, 999, 3000, 4999, 5000]).map(
        lambda code: code.to_bytes(2)
    ),
    st.text(max_size=5).map(str.encode) | st.binary(max_size=3),
)
STREAMS = st.builds(
    lambda frames, end: b"".join(frames) + end,
    st.lists(FRAMES, max_size=6),
    st.sampled_from([b"", masked_frame(b"", 8)]) | CLOSES | st.binary(max_size=12),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(STREAMS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@settings(max_examples=1000)
@given(mutated())
@example(masked_frame(b"\xc3", 1, final=False) + masked_frame(b"\xa9", 0))
@example(masked_frame(b"a", 1, final=False) + masked_frame(b"b", 9) + masked_frame(b"c", 0))
@example(b"\x81\xfe\0\x05")
def test_frames_are_read_as_wsproto_reads_them(data: bytes) -> None:
    check_frames(data)


@given(TEXTS | st.binary(min_size=126, max_size=300), st.sampled_from([1, 2, 9, 10]))
def test_what_we_send_is_read_by_wsproto(payload: bytes, opcode: int) -> None:
    protocol = FrameProtocol(client=True, extensions=[])
    if opcode > CLOSE:
        payload = payload[:125]
    if opcode == TEXT:
        payload = payload.decode("latin-1").encode()
    protocol.receive_bytes(frame_of(opcode, payload))
    (frame,) = protocol.received_frames()
    assert (frame.opcode, content_of(frame.payload), frame.message_finished) == (opcode, payload, True)


def decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=1000)
@given(
    st.lists(
        st.text(max_size=9).map(str.encode)
        | st.binary(max_size=4)
        | st.characters().map(lambda character: character.encode("utf-8", "surrogatepass")),
        max_size=8,
    ).map(b"".join)
)
def test_utf_8_is_what_python_takes_for_it(data: bytes) -> None:
    assert is_utf8(data) == decodes(data)


def test_utf_8_of_all_first_bytes() -> None:
    tails = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    for first in range(0x80, 0x100):
        for second in range(0x100):
            assert is_utf8(bytes((first, second))) == decodes(bytes((first, second)))
            for third in tails:
                for fourth in tails:
                    data = bytes((first, second, third, fourth))
                    assert is_utf8(data) == decodes(data)
                assert is_utf8(data[:3]) == decodes(data[:3])
