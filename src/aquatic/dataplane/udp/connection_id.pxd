from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.dataplane.siphash cimport HashKey

cdef enum ConnectionVerdict:
    CONNECTION_VALID = 0
    CONNECTION_BAD = 1
    CONNECTION_EXPIRED = 2

# The key is the same for all workers: any of them may get a flow's next packet.
cdef uint64_t connection_id(const HashKey* key, const Source* source, uint32_t seconds) noexcept nogil
cdef ConnectionVerdict check_connection_id(
    const HashKey* key, const Source* source, uint64_t id, uint32_t now_seconds, uint32_t age_seconds_max
) noexcept nogil

cdef uint64_t source_hash(const HashKey* key, const Source* source, uint32_t seconds) noexcept nogil
