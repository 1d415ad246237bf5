from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.http_counters cimport HttpCounters
from aquatic.abi.http_wire cimport Head, HeadRules, HeadVerdict, HttpRequest, Origins
from aquatic.abi.limits cimport RESPONSE_SLACK_BYTES
from aquatic.abi.stream cimport Exchange
from aquatic.abi.swarm cimport AccessList, Delta, Store
from aquatic.dataplane.http.encode cimport BODY_ROOM_BYTES, HEAD_ROOM_BYTES, ContentType, HttpStatus
from aquatic.dataplane.ws.handshake cimport HandshakeVerdict

cdef enum:
    # Room that every answer needs.
    ANSWER_ROOM_BYTES = HEAD_ROOM_BYTES + BODY_ROOM_BYTES + RESPONSE_SLACK_BYTES

# Constant after start.
cdef struct HttpRules:
    HeadRules head
    # No answer takes more room than this, so the connection server's output must have it when it is empty: peers and
    # torrents that would need more are left out. At least ANSWER_ROOM_BYTES.
    uint32_t response_bytes_max
    uint32_t peers_max
    uint32_t scrape_torrents_max
    uint32_t announce_interval_seconds
    uint32_t announce_interval_seconds_min  # 0: that which the client is told
    uint32_t announce_jitter_seconds_max  # at random so much is added to each interval
    uint32_t large_swarm_peers  # from so many on another interval holds; 0: never
    uint32_t large_swarm_interval_seconds
    uint32_t not_allowed_retry_minutes  # 0: clients are told nothing
    bint keeps_alive
    bint answers_health
    bint speaks_http  # otherwise nothing but health and the like
    bint speaks_websocket
    const Origins* origins  # of pages that may; NULL: any

# One for each listener of each worker, in its thread. What follows the random state holds one request.
cdef struct HttpHandler:
    Store* store
    HttpCounters* counters
    HttpRules rules
    uint64_t random
    uint64_t cpu_start_ns  # the thread's CPU time when it was called, where locks are measured
    const AccessList* access
    Source client
    Head head
    HttpRequest request

cdef void serve(void* state, Exchange* exchange) noexcept nogil

cdef bint answer(HttpHandler* handler, Exchange* exchange, HeadVerdict verdict) noexcept nogil
cdef bint has_room(const Exchange* exchange, uint32_t needed) noexcept nogil
cdef void answer_bad_head(HttpHandler* handler, Exchange* exchange, HeadVerdict verdict) noexcept nogil
cdef bint answer_get(HttpHandler* handler, Exchange* exchange) noexcept nogil
cdef void answer_websocket(HttpHandler* handler, Exchange* exchange) noexcept nogil
cdef void refuse_handshake(HttpHandler* handler, Exchange* exchange, HandshakeVerdict verdict) noexcept nogil
cdef void switch_protocol(HttpHandler* handler, Exchange* exchange) noexcept nogil
cdef void answer_upgrade_required(HttpHandler* handler, Exchange* exchange, const char* text) noexcept nogil
cdef const char* root_page() noexcept nogil
cdef bint find_client(HttpHandler* handler, const Exchange* exchange) noexcept nogil
cdef bint answer_announce(HttpHandler* handler, Exchange* exchange) noexcept nogil
cdef void answer_accepted(HttpHandler* handler, Exchange* exchange, uint8_t* peers, uint32_t wanted) noexcept nogil
cdef const char* refusal_of(const HttpRequest* request) noexcept nogil
cdef uint32_t wanted_peers(HttpHandler* handler, uint32_t peer_bytes) noexcept nogil
cdef uint32_t peer_bytes_max(uint32_t family, bint is_compact) noexcept nogil
cdef void make_delta(const HttpRequest* request, const Source* client, Delta* delta) noexcept nogil
cdef uint32_t next_interval_seconds(HttpHandler* handler, uint32_t peers) noexcept nogil
cdef bint answer_scrape(HttpHandler* handler, Exchange* exchange) noexcept nogil
cdef uint8_t* put_torrents(HttpHandler* handler, uint8_t* out, uint32_t count) noexcept nogil
cdef void sort_info_hashes(uint8_t* info_hashes, uint32_t count) noexcept nogil
cdef void answer_failure(
    HttpHandler* handler, Exchange* exchange, uint32_t cause, const char* reason, uint32_t retry_minutes
) noexcept nogil
cdef void answer_page(
    HttpHandler* handler, Exchange* exchange, HttpStatus status, ContentType content, const char* text
) noexcept nogil
cdef uint8_t* body_of(const Exchange* exchange) noexcept nogil
cdef void respond(
    HttpHandler* handler, Exchange* exchange, HttpStatus status, ContentType content, const uint8_t* end
) noexcept nogil
cdef void note(HttpHandler* handler, uint32_t counter) noexcept nogil
