"""WebTorrent's signalling in the data plane for tests. What each function does is said in ws.pyi."""

from dataclasses import dataclass

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.ws_wire import (
    FRAME_BAD,
    FRAME_COMPLETE,
    FRAME_HEADER_ROOM_BYTES,
    FRAME_PARTIAL,
    FRAME_TOO_LARGE,
    WS_ACCEPTED,
    WS_ACTION_ANNOUNCE,
    FrameRules,
    MessageReader,
    Opcode,
    WsAction,
    WsRequest,
    WsVerdict,
)
from cython.cimports.aquatic.abi.ws_wire import Frame as CFrame
from cython.cimports.aquatic.dataplane.ws import decode as messages
from cython.cimports.aquatic.dataplane.ws import encode as encoder
from cython.cimports.aquatic.dataplane.ws import frame as frames
from cython.cimports.aquatic.dataplane.ws.encode import (
    ANNOUNCE_ANSWER_ROOM_BYTES,
    FAILURE_ROOM_BYTES,
    RELAY_ROOM_BYTES,
    SCRAPE_ROOM_BYTES,
    SCRAPE_TORRENT_ROOM_BYTES,
)
from cython.cimports.aquatic.testing.values import copied
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset

FRAME_VERDICTS = {FRAME_PARTIAL: "partial", FRAME_BAD: "bad", FRAME_TOO_LARGE: "too large"}

MESSAGE_VERDICTS = (
    "accepted",
    "not JSON",
    "bad action",
    "bad info hash",
    "bad peer id",
    "bad offers",
    "bad to peer id",
    "bad offer id",
    "full scrape",
)
ACTIONS = (None, "announce", "scrape")


@dataclass(frozen=True)
class Frame:
    opcode: int
    is_final: bool
    payload: bytes
    frame_bytes: int
    ends_message: bool
    message_opcode: int
    message_bytes: int


def guarded(size):
    """Room of this size and no more, so that a sanitizer sees a write beyond it."""
    room = cast(pointer(uint8_t), malloc(size))
    if room == NULL:
        raise MemoryError
    return room


def written(room, end, size):
    """What was written of it, which had to fit with what may be written behind it."""
    length = end - room
    message = cast(bytes, room[:length])
    free(room)
    if length > size:
        raise AssertionError(f"{length} bytes in a room of {size}")
    return message


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
    room = cast(pointer(uint8_t), malloc(FRAME_HEADER_ROOM_BYTES + len(payload)))
    end = room + FRAME_HEADER_ROOM_BYTES
    memcpy(end, cast(pointer(uint8_t), payload), len(payload))
    end += cast(uint32_t, len(payload))
    end = frames.put_frame_around(room, cast(Opcode, cast(int, opcode)), end)
    frame = cast(bytes, room[: end - room])
    free(room)
    return frame


def close_frame(code: int):
    room = declare(uint8_t[FRAME_HEADER_ROOM_BYTES])
    end = frames.put_close(room, code)
    return cast(bytes, room[: end - cast(pointer(uint8_t), room)])


def is_json(text: bytes):
    copy = copied(text)
    length = declare(uint32_t, len(text))
    end = messages.skip_blanks(copy, messages.skip_value(copy, 0, length, 0), length)
    free(copy)
    return end == length


def decode_message(message: bytes):
    request = cast(pointer(WsRequest), malloc(sizeof(WsRequest)))
    # What the decoder leaves as it was shows.
    memset(request, 0xA5, sizeof(WsRequest))
    copy = copied(message)
    verdict = messages.decode_message(copy, len(message), request)
    free(copy)
    fields = {
        "verdict": MESSAGE_VERDICTS[cast(int, verdict)],
        "action": ACTIONS[cast(int, request.action)],
        "info_hashes": [
            cast(bytes, request.info_hashes[20 * index : 20 * index + 20])
            for index in range(request.info_hash_count)
        ],
    }
    if verdict == WS_ACCEPTED and request.action == WS_ACTION_ANNOUNCE:
        fields.update(announce_fields(request, message))
    free(request)
    return fields


def announce_fields(request, message):
    offers = []
    index = declare(uint32_t)
    for index in range(request.offer_count):
        offer = address(request.offers[index])
        start = offer.offer.start
        offers.append((cast(bytes, offer.offer_id[:20]), message[start : start + offer.offer.length]))
    fields = {
        "peer_id": cast(bytes, request.peer_id[:20]),
        "left": None if not request.has_left else "none" if request.is_seeder else "some",
        "event": request.event,
        "offers": offers,
        "answer": None,
    }
    if request.has_answer:
        start = request.answer.start
        fields["answer"] = (
            cast(bytes, request.to_peer_id[:20]),
            cast(bytes, request.offer_id[:20]),
            message[start : start + request.answer.length],
        )
    return fields


def reason(verdict: str):
    place = declare(int, MESSAGE_VERDICTS.index(verdict))
    return cast(bytes, messages.ws_reason(cast(WsVerdict, place))).decode()


def announce_answer(info_hash: bytes, complete: int, incomplete: int, interval_seconds: int):
    room = guarded(ANNOUNCE_ANSWER_ROOM_BYTES)
    end = encoder.put_announce_answer(room, info_hash, complete, incomplete, interval_seconds)
    return written(room, end, ANNOUNCE_ANSWER_ROOM_BYTES)


def offer_message(info_hash: bytes, peer_id: bytes, offer_id: bytes, offer: bytes):
    size = RELAY_ROOM_BYTES + cast(uint32_t, len(offer))
    room = guarded(size)
    return written(room, encoder.put_offer(room, info_hash, peer_id, offer_id, offer, len(offer)), size)


def answer_message(info_hash: bytes, peer_id: bytes, offer_id: bytes, answer: bytes):
    size = RELAY_ROOM_BYTES + cast(uint32_t, len(answer))
    room = guarded(size)
    return written(room, encoder.put_answer(room, info_hash, peer_id, offer_id, answer, len(answer)), size)


def scrape_message(torrents: list):
    size = SCRAPE_ROOM_BYTES + SCRAPE_TORRENT_ROOM_BYTES * cast(uint32_t, len(torrents))
    room = guarded(size)
    end = encoder.put_scrape_start(room)
    is_first = True
    for info_hash, complete, incomplete, downloaded in torrents:
        end = encoder.put_scrape_torrent(end, info_hash, complete, incomplete, downloaded, is_first)
        is_first = False
    return written(room, encoder.put_scrape_end(end), size)


def failure_message(action, info_hash, reason: bytes):
    room = guarded(FAILURE_ROOM_BYTES)
    name = cast(WsAction, cast(int, ACTIONS.index(action)))
    known = declare(pointer(uint8_t), NULL)
    if info_hash is not None:
        known = cast(bytes, info_hash)
    return written(room, encoder.put_failure(room, name, known, reason), FAILURE_ROOM_BYTES)
