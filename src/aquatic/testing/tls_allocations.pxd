from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

cdef extern from "<openssl/crypto.h>" nogil:
    ctypedef void* (*crypto_malloc)(size_t size, const char* file, int line) noexcept nogil
    ctypedef void* (*crypto_realloc)(void* block, size_t size, const char* file, int line) noexcept nogil
    ctypedef void (*crypto_free)(void* block, const char* file, int line) noexcept nogil
    int CRYPTO_set_mem_functions(crypto_malloc allocate, crypto_realloc reallocate, crypto_free release)

cdef struct OpensslMemory:
    uint64_t allocations_until_failure  # the greatest number means never
    uint64_t blocks

cdef bint is_failing() noexcept nogil
cdef void* allocate(size_t size, const char* file, int line) noexcept nogil
cdef void* reallocate(void* block, size_t size, const char* file, int line) noexcept nogil
cdef void release(void* block, const char* file, int line) noexcept nogil
