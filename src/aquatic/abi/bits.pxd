"""Byte order, prefetching and other things that are one instruction."""
from libc.stdint cimport uint16_t, uint32_t, uint64_t

cdef extern from "<endian.h>" nogil:
    uint16_t be16toh(uint16_t)
    uint32_t be32toh(uint32_t)
    uint64_t be64toh(uint64_t)
    uint16_t htobe16(uint16_t)
    uint32_t htobe32(uint32_t)
    uint64_t htobe64(uint64_t)
    uint64_t le64toh(uint64_t)

cdef extern from * nogil:
    """
    #include <stdint.h>
    static inline void aquatic_prefetch(const void *at) { __builtin_prefetch(at, 1, 3); }
    static inline int aquatic_log2(uint64_t x) { return 63 - __builtin_clzll(x); }
    static inline int aquatic_trailing_zeros(uint64_t x) { return __builtin_ctzll(x); }
    static inline uint64_t aquatic_multiply_fold(uint64_t a, uint64_t b)
    { unsigned __int128 product = (unsigned __int128)a * b; return (uint64_t)product ^ (uint64_t)(product >> 64); }
    #if defined(__x86_64__) || defined(__i386__)
    #define aquatic_relax() __builtin_ia32_pause()
    #else
    #define aquatic_relax() ((void)0)
    #endif
    static inline uint16_t aquatic_read_u16(const void *at) { uint16_t v; __builtin_memcpy(&v, at, 2); return v; }
    static inline uint32_t aquatic_read_u32(const void *at) { uint32_t v; __builtin_memcpy(&v, at, 4); return v; }
    static inline uint64_t aquatic_read_u64(const void *at) { uint64_t v; __builtin_memcpy(&v, at, 8); return v; }
    static inline void aquatic_write_u16(void *at, uint16_t v) { __builtin_memcpy(at, &v, 2); }
    static inline void aquatic_write_u32(void *at, uint32_t v) { __builtin_memcpy(at, &v, 4); }
    static inline void aquatic_write_u64(void *at, uint64_t v) { __builtin_memcpy(at, &v, 8); }
    /* Reads of memory that another thread may be writing, whose result is only ever prefetched. */
    __attribute__((no_sanitize("thread", "address"), noinline, unused))
    static uint32_t aquatic_racy_read_u32(const volatile void *at) { return *(const volatile uint32_t *)at; }
    __attribute__((no_sanitize("thread", "address"), noinline, unused))
    static uint64_t aquatic_racy_read_u64(const volatile void *at) { return *(const volatile uint64_t *)at; }
    #define aquatic_likely(x) __builtin_expect(!!(x), 1)
    """
    void prefetch "aquatic_prefetch"(const void* at)
    int log2_floor "aquatic_log2"(uint64_t x)
    int count_trailing_zeros "aquatic_trailing_zeros"(uint64_t x)  # not of 0
    uint64_t multiply_fold "aquatic_multiply_fold"(uint64_t a, uint64_t b)
    # For a loop that waits by spinning.
    void relax "aquatic_relax"()
    # Loads and stores at any alignment, in the machine's byte order.
    uint16_t read_u16 "aquatic_read_u16"(const void* at)
    uint32_t read_u32 "aquatic_read_u32"(const void* at)
    uint64_t read_u64 "aquatic_read_u64"(const void* at)
    void write_u16 "aquatic_write_u16"(void* at, uint16_t value)
    void write_u32 "aquatic_write_u32"(void* at, uint32_t value)
    void write_u64 "aquatic_write_u64"(void* at, uint64_t value)
    # Of memory that another thread may be writing: use the result for nothing but a prefetch.
    uint32_t racy_read_u32 "aquatic_racy_read_u32"(const void* at)
    uint64_t racy_read_u64 "aquatic_racy_read_u64"(const void* at)
    bint likely "aquatic_likely"(bint condition)
