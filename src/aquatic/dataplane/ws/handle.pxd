from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.arena cimport BlockRef
from aquatic.abi.connection cimport StreamWorker
from aquatic.abi.stream cimport Exchange
from aquatic.abi.swarm cimport AccessList, Store
from aquatic.abi.ws_counters cimport WsCounters
from aquatic.abi.ws_swarm cimport WsActor, WsAnnounce, WsReceiver, WsSwarm
from aquatic.abi.ws_wire cimport (
    FRAME_HEADER_ROOM_BYTES, WS_MESSAGE_BYTES_LIMIT, Frame, FrameRules, WsRequest, WsVerdict
)
from aquatic.dataplane.ws.encode cimport ANNOUNCE_ANSWER_ROOM_BYTES, FAILURE_ROOM_BYTES, RELAY_ROOM_BYTES

cdef enum:
    # Room that every message needs for what is said of it: an announce's answer, or a failure, and another failure.
    ANSWER_ROOM_BYTES = ANNOUNCE_ANSWER_ROOM_BYTES + 2 * FAILURE_ROOM_BYTES + 3 * FRAME_HEADER_ROOM_BYTES

# Constant after start.
cdef struct WsRules:
    FrameRules frames
    uint32_t announce_interval_seconds
    uint32_t scrape_torrents_max  # whose answer fits an empty output
    uint32_t offers_max  # at most WS_OFFERS_LIMIT
    uint32_t memberships_max

# One for each worker, in its thread. What follows the random state holds one call's.
cdef struct WsHandler:
    WsSwarm* swarm
    Store* store  # for the access list and the counts of downloads
    StreamWorker* worker
    WsCounters* counters
    WsRules rules
    uint64_t random
    const AccessList* access
    WsActor actor
    const uint8_t* message
    WsRequest request
    WsAnnounce announce
    uint8_t relayed[WS_MESSAGE_BYTES_LIMIT + RELAY_ROOM_BYTES + FRAME_HEADER_ROOM_BYTES]

cdef void ws_serve(void* state, Exchange* exchange) noexcept nogil
cdef void ws_look(void* state, Exchange* exchange) noexcept nogil
cdef void ws_end(void* state, uint64_t connection, BlockRef kept) noexcept nogil

cdef void begin(WsHandler* handler, const Exchange* exchange) noexcept nogil
cdef bint take(WsHandler* handler, Exchange* exchange, const Frame* frame) noexcept nogil
cdef void take_control(WsHandler* handler, Exchange* exchange, const Frame* frame, uint8_t* payload) noexcept nogil
cdef bint take_data(WsHandler* handler, Exchange* exchange, const Frame* frame, uint8_t* payload) noexcept nogil
cdef bint answer(WsHandler* handler, Exchange* exchange, uint32_t length) noexcept nogil
cdef bint has_room(const Exchange* exchange, uint32_t needed) noexcept nogil
cdef void answer_refused(WsHandler* handler, Exchange* exchange, WsVerdict verdict) noexcept nogil
cdef bint answer_scrape(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef uint8_t* put_torrents(WsHandler* handler, uint8_t* out, uint32_t count) noexcept nogil
cdef void answer_announce(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef void note_stopped(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef void announce(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef void fill_in_announce(WsHandler* handler) noexcept nogil
cdef void answer_accepted(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef void count_download(WsHandler* handler) noexcept nogil
cdef void pass_offers(WsHandler* handler) noexcept nogil
cdef void pass_answer(WsHandler* handler, Exchange* exchange) noexcept nogil
cdef bint pass_on(WsHandler* handler, const WsReceiver* receiver, uint8_t* end) noexcept nogil
cdef uint8_t* room_in(const Exchange* exchange) noexcept nogil
cdef void say(Exchange* exchange, uint8_t* end) noexcept nogil
cdef void say_failure(
    WsHandler* handler, Exchange* exchange, uint32_t cause, const uint8_t* info_hash, const char* reason
) noexcept nogil
cdef void say_close(Exchange* exchange, uint32_t code) noexcept nogil
cdef void note(WsHandler* handler, uint32_t counter, uint64_t amount) noexcept nogil
