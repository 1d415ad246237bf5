"""Connections to a WebTorrent tracker in one thread: what they ask for, and when."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u64
from aquatic.loadtest.drive cimport LoadGenerator
from aquatic.loadtest.wire cimport SocketAddress
from aquatic.loadtest.ws_board cimport Board
from aquatic.loadtest.ws_message cimport Sessions
from aquatic.loadtest.ws_state cimport Asked, Client, Generator

cdef class WsGenerator(LoadGenerator):
    cdef Generator* generator
    cdef Board board
    cdef object kept  # what `generator` points to of Python's bytes

# For Python: these may raise.
cdef int set_sessions(Sessions* sessions, object texts, uint32_t mark_at) except -1
cdef list read_buckets(const atomic_u64* buckets)
cdef int set_address(SocketAddress* to, bytes packed) except -1

cdef bint prepare(Generator* generator, bint tls) noexcept nogil
cdef bint prepare_clients(Generator* generator, uint32_t first, uint32_t slow_count, uint64_t seed) noexcept nogil
cdef void release(Generator* generator) noexcept nogil
cdef uint32_t turn(void* state) noexcept nogil
cdef bint aim_reached(void* state) noexcept nogil
cdef bint is_at_aim(const Generator* generator, Client* client) noexcept nogil
cdef void sweep(void* state, uint64_t now_ns) noexcept nogil
cdef uint32_t serve(Generator* generator, Client* client, uint32_t events) noexcept nogil
cdef bint receive_all(Generator* generator, Client* client, uint32_t bytes_max) noexcept nogil
cdef bint take_messages(Generator* generator, Client* client) noexcept nogil
cdef uint32_t look_at_some(Generator* generator) noexcept nogil
cdef uint32_t look_at(Generator* generator, Client* client, uint64_t now_ns) noexcept nogil
cdef void open_next(Generator* generator, Client* client, uint64_t now_ns) noexcept nogil
cdef void cut(Generator* generator, Client* client) noexcept nogil
cdef void finish(Generator* generator, Client* client) noexcept nogil
cdef bint wants_more(const Generator* generator, const Client* client) noexcept nogil
cdef void ask_more(Generator* generator, Client* client) noexcept nogil
cdef uint32_t ask_due(Generator* generator) noexcept nogil
cdef Client* next_free(Generator* generator) noexcept nogil
cdef void ask_by_mix(Generator* generator, Client* client, uint64_t due_ns) noexcept nogil
cdef Asked* begin(Generator* generator, Client* client, uint32_t subject, uint64_t due_ns) noexcept nogil
cdef void announce(
    Generator* generator, Client* client, uint32_t peer, uint64_t due_ns, uint32_t event, uint32_t offers
) noexcept nogil
cdef void scrape(Generator* generator, Client* client, uint32_t draw, uint64_t due_ns) noexcept nogil
cdef void give_up_asked(Generator* generator, Client* client, Asked* asked) noexcept nogil
cdef void sweep_offers(Generator* generator, Client* client, uint64_t now_ns) noexcept nogil
cdef void settle_first(Generator* generator, Client* client) noexcept nogil
