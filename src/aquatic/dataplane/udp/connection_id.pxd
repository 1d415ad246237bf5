from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.datagram cimport Source

cdef enum ConnectionVerdict:
    CONNECTION_VALID = 0
    CONNECTION_BAD = 1
    CONNECTION_EXPIRED = 2

# Secret, drawn at start, the same for all workers: any of them may get a flow's next packet.
cdef struct ConnectionKey:
    uint64_t low
    uint64_t high

cdef uint64_t connection_id(const ConnectionKey* key, const Source* source, uint32_t seconds) noexcept nogil
cdef ConnectionVerdict check_connection_id(
    const ConnectionKey* key, const Source* source, uint64_t id, uint32_t now_seconds, uint32_t age_seconds_max
) noexcept nogil

cdef uint64_t siphash(const ConnectionKey* key, const uint64_t* words, uint32_t count) noexcept nogil
cdef void siphash_round(uint64_t* v) noexcept nogil
cdef uint64_t rotate_left(uint64_t value, uint32_t bits) noexcept nogil
cdef uint64_t source_hash(const ConnectionKey* key, const Source* source, uint32_t seconds) noexcept nogil
