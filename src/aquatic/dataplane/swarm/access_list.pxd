from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport AccessList

cdef AccessList* access_list_create(
    uint32_t mode, const uint8_t* hashes, size_t count, uint64_t seed
) noexcept nogil
cdef void access_list_destroy(AccessList* access) noexcept nogil
cdef bint is_allowed(const AccessList* access, const uint8_t* info_hash) noexcept nogil
cdef bint holds(const AccessList* access, const uint8_t* info_hash) noexcept nogil
cdef uint32_t place_for(const AccessList* access, const uint8_t* info_hash) noexcept nogil
