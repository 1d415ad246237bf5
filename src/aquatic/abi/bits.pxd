"""Byte order, prefetching and other things that are one instruction."""
from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef extern from "<endian.h>" nogil:
    uint16_t be16toh(uint16_t)
    uint32_t be32toh(uint32_t)
    uint64_t be64toh(uint64_t)
    uint16_t htobe16(uint16_t)
    uint32_t htobe32(uint32_t)
    uint64_t htobe64(uint64_t)

cdef extern from * nogil:
    """
    static inline void aquatic_prefetch(const void *at) { __builtin_prefetch(at, 1, 3); }
    static inline int aquatic_log2(uint64_t x) { return 63 - __builtin_clzll(x); }
    static inline uint64_t aquatic_multiply_fold(uint64_t a, uint64_t b)
    { unsigned __int128 product = (unsigned __int128)a * b; return (uint64_t)product ^ (uint64_t)(product >> 64); }
    static inline uint64_t aquatic_multiply_high(uint64_t a, uint64_t b)
    { return (uint64_t)(((unsigned __int128)a * b) >> 64); }
    #if defined(__x86_64__) || defined(__i386__)
    #define aquatic_relax() __builtin_ia32_pause()
    #else
    #define aquatic_relax() ((void)0)
    #endif
    #define aquatic_likely(x) __builtin_expect(!!(x), 1)
    #define aquatic_unlikely(x) __builtin_expect(!!(x), 0)
    """
    void prefetch "aquatic_prefetch"(const void* at)
    int log2_floor "aquatic_log2"(uint64_t x)
    uint64_t multiply_fold "aquatic_multiply_fold"(uint64_t a, uint64_t b)
    uint64_t multiply_high "aquatic_multiply_high"(uint64_t a, uint64_t b)
    # For a loop that waits by spinning.
    void relax "aquatic_relax"()
    bint likely "aquatic_likely"(bint condition)
    bint unlikely "aquatic_unlikely"(bint condition)
