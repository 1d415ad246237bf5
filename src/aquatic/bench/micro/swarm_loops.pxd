"""What announces, scrapes and cleaning do to the swarm store."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.limits cimport RESPONSE_BYTES_MAX, RESPONSE_SLACK_BYTES
from aquatic.abi.swarm cimport AccessList, Delta, Store, Sweeper
from aquatic.bench.micro.loop cimport Loop, Pieces

cdef enum:
    STORE_SEED = 1
    # Many times what is used, and few enough addresses for callgrind.
    MEMORY_BYTES_MAX = 1 << 28
    # That are seeders: one in so many.
    SEEDER_EVERY = 4
    # Who comes and goes. Everybody else lies below.
    NEWCOMERS_FROM = 1 << 24

# Torrents of one size, in which peers take turns: in each one after the other.
cdef struct SwarmState:
    Store* store
    Sweeper sweeper
    uint32_t torrents
    uint32_t size
    uint32_t torrent  # whose turn it is
    uint32_t peer  # and of which peer, in all of them
    uint32_t wanted
    uint32_t family
    uint8_t flags  # DeltaFlags
    uint32_t tick
    uint64_t now_ns
    uint64_t random
    uint64_t peers_left  # as of the last cleaning
    uint8_t out[RESPONSE_BYTES_MAX + RESPONSE_SLACK_BYTES]

cdef class SwarmLoop(Loop):
    cdef SwarmState swarm

    cdef bint fill(self, uint32_t torrents, uint32_t size, uint32_t family, uint32_t newcomers) except -1

cdef struct AccessState:
    AccessList* access
    Pieces* pieces

cdef class AccessLoop(Loop):
    cdef AccessState looked

cdef Store* bench_store(uint32_t peer_age_ticks_max) except NULL

cdef void make_delta(const SwarmState* swarm, uint32_t torrent, uint32_t peer, Delta* delta) noexcept nogil
cdef void next_turn(SwarmState* swarm, uint32_t peers) noexcept nogil
cdef uint64_t announce(SwarmState* swarm, uint32_t torrent, uint32_t peer) noexcept nogil
cdef uint64_t announce_newcomer(void* state) noexcept nogil
cdef uint64_t announce_again(void* state) noexcept nogil
cdef uint64_t select_peers(void* state) noexcept nogil
cdef uint64_t scrape(void* state) noexcept nogil
cdef uint64_t clean(void* state) noexcept nogil
cdef uint64_t clean_expired(void* state) noexcept nogil
cdef uint64_t peers_in(Store* store) noexcept nogil
cdef uint64_t look_up(void* state) noexcept nogil
