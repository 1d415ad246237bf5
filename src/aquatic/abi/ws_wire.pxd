"""WebTorrent's signalling: WebSocket frames (RFC 6455) and the messages in them, decoded. Types only."""
from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.http_wire cimport PEER_ID_BYTES
from aquatic.abi.udp_wire cimport INFO_HASH_BYTES

cdef enum:
    # Of a client's frame: two bytes, eight of length and the mask; of ours: without a mask, and never of 64 KiB.
    FRAME_HEADER_BYTES_MAX = 14
    FRAME_HEADER_ROOM_BYTES = 4
    CONTROL_PAYLOAD_BYTES_MAX = 125
    # Message and frame sizes that can be configured. Spans are into messages of at most this.
    WS_MESSAGE_BYTES_LIMIT = 1 << 16
    # What a request holds of an array. Further elements are checked and passed over.
    WS_OFFERS_LIMIT = 64
    WS_SCRAPE_LIMIT = 255
    OFFER_ID_BYTES = 20

cdef enum Opcode:
    OPCODE_CONTINUATION = 0
    OPCODE_TEXT = 1
    OPCODE_BINARY = 2
    OPCODE_CLOSE = 8
    OPCODE_PING = 9
    OPCODE_PONG = 10

# RFC 6455, section 7.4.1. Without a name, as they are sent as numbers.
cdef enum:
    CLOSE_NORMAL = 1000
    CLOSE_GOING_AWAY = 1001
    CLOSE_PROTOCOL_ERROR = 1002
    CLOSE_NOT_UTF8 = 1007
    CLOSE_POLICY = 1008
    CLOSE_TOO_LARGE = 1009

# What decoding says of a frame. Those refused are the code to close with.
cdef enum FrameVerdict:
    FRAME_COMPLETE = 0
    FRAME_PARTIAL = 1
    FRAME_BAD = 1002
    FRAME_TOO_LARGE = 1009

# Of payloads, as the settings of other servers are. Constant after start.
cdef struct FrameRules:
    uint32_t frame_bytes_max
    uint32_t message_bytes_max

# What is known of a message between its fragments, for as long as a connection lives. Zeros at first.
cdef struct MessageReader:
    uint32_t opcode  # of its first frame; OPCODE_CONTINUATION: none has begun
    uint32_t message_bytes  # of its frames so far

# A client's frame. `payload` is its offset, and masked as it came.
cdef struct Frame:
    uint32_t opcode
    bint is_final
    uint8_t mask[4]
    uint32_t payload
    uint32_t payload_bytes
    uint32_t frame_bytes  # of header and payload

# A value in a message, as the bytes that came.
cdef struct Span:
    uint32_t start
    uint32_t length

cdef enum WsAction:
    WS_ACTION_NONE = 0  # another, or none
    WS_ACTION_ANNOUNCE = 1
    WS_ACTION_SCRAPE = 2

# What decoding says of a message. Those refused are told why (`ws_reason`).
cdef enum WsVerdict:
    WS_ACCEPTED = 0
    WS_NOT_JSON = 1  # or nested too deep
    WS_BAD_ACTION = 2  # what is no object has none
    WS_BAD_INFO_HASH = 3
    WS_BAD_PEER_ID = 4
    WS_BAD_OFFERS = 5
    WS_BAD_TO_PEER_ID = 6
    WS_BAD_OFFER_ID = 7
    WS_FULL_SCRAPE = 8

cdef struct WsOffer:
    uint8_t offer_id[OFFER_ID_BYTES]
    Span offer

# What a message asks for. Of a key that comes again the last one counts. Of a message that is refused, but is JSON,
# the action and the info hashes are what was right of them.
cdef struct WsRequest:
    WsAction action
    uint32_t info_hash_count
    uint8_t info_hashes[WS_SCRAPE_LIMIT * INFO_HASH_BYTES]
    # Announce.
    uint8_t peer_id[PEER_ID_BYTES]
    bint has_left  # a number, or null: browsers' JSON has no infinity
    bint is_seeder  # nothing is left
    uint32_t event
    uint32_t offer_count
    WsOffer offers[WS_OFFERS_LIMIT]
    bint has_answer
    Span answer
    uint8_t to_peer_id[PEER_ID_BYTES]
    uint8_t offer_id[OFFER_ID_BYTES]
