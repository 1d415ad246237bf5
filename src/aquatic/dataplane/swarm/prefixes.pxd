from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport memory_order_relaxed, subtract_u32
from aquatic.abi.swarm cimport PrefixTable

cdef PrefixTable* prefixes_create(uint64_t seed) noexcept nogil
cdef void prefixes_destroy(PrefixTable* table) noexcept nogil
cdef uint16_t prefix_acquire(PrefixTable* table, const uint8_t* prefix) noexcept nogil
cdef uint32_t place_of(PrefixTable* table, uint64_t value) noexcept nogil

cdef inline void prefix_release(PrefixTable* table, uint16_t tag) noexcept nogil:
    subtract_u32(&table.peers[tag], 1, memory_order_relaxed)
