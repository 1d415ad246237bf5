"""What a WebTorrent message costs without its connections."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.ws_swarm cimport WsActor, WsAnnounce, WsReceiver, WsSwarm
from aquatic.abi.ws_wire cimport (
    FRAME_HEADER_ROOM_BYTES,
    OFFER_ID_BYTES,
    WS_MESSAGE_BYTES_LIMIT,
    WS_OFFERS_LIMIT,
    Frame,
    FrameRules,
    MessageReader,
    WsOffer,
    WsRequest,
)
from aquatic.bench.micro.loop cimport Loop, Pieces
from aquatic.dataplane.ws.encode cimport RELAY_ROOM_BYTES

cdef struct WsState:
    Pieces* pieces
    FrameRules rules
    MessageReader reader
    Frame frame
    WsRequest request
    uint8_t info_hash[20]
    uint8_t peer_id[20]
    uint8_t out[FRAME_HEADER_ROOM_BYTES + WS_MESSAGE_BYTES_LIMIT + RELAY_ROOM_BYTES]

cdef class WsLoop(Loop):
    cdef WsState* ws

# One torrent, whose peers take turns.
cdef struct WsSwarmState:
    WsSwarm* swarm
    uint32_t size
    uint32_t peer
    uint64_t random
    uint8_t info_hash[20]
    uint8_t peer_id[20]
    WsActor actor
    WsAnnounce announce
    WsReceiver receiver
    WsOffer offers[WS_OFFERS_LIMIT]

cdef class WsSwarmLoop(Loop):
    cdef WsSwarmState* torrent

    cdef bint fill(self, uint32_t size, uint32_t offers) except -1

cdef uint64_t decode_next_frame(void* state) noexcept nogil
cdef uint64_t check_next_text(void* state) noexcept nogil
cdef uint64_t decode_next_message(void* state) noexcept nogil
cdef uint64_t encode_announce_answer(void* state) noexcept nogil
cdef uint64_t encode_next_offer(void* state) noexcept nogil

cdef void act_as(WsSwarmState* torrent, uint32_t peer) noexcept nogil
cdef void next_offer_id(WsOffer* offer) noexcept nogil
cdef uint64_t announce_next(void* state) noexcept nogil
cdef uint64_t offer_and_answer(void* state) noexcept nogil
cdef uint64_t come_and_go(void* state) noexcept nogil
