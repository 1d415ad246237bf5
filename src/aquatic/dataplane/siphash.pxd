from libc.stdint cimport uint32_t, uint64_t

# Secret, drawn at start.
cdef struct HashKey:
    uint64_t low
    uint64_t high

cdef uint64_t siphash(const HashKey* key, const uint64_t* words, uint32_t count) noexcept nogil

cdef void siphash_round(uint64_t* v) noexcept nogil
cdef uint64_t rotate_left(uint64_t value, uint32_t bits) noexcept nogil
