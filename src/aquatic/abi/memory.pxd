"""Mapped memory, and what AddressSanitizer is told of memory that we hand out ourselves."""
from libc.stddef cimport size_t

cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/mman.h>
    #ifdef __SANITIZE_ADDRESS__
    #include <sanitizer/asan_interface.h>
    #elif defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #include <sanitizer/asan_interface.h>
    #endif
    #endif
    #ifndef ASAN_POISON_MEMORY_REGION
    #define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
    #define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
    #endif
    static inline void *aquatic_reserve(size_t bytes)
    {
        void *at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return at == MAP_FAILED ? 0 : at;
    }
    """
    # Zeroed addresses that cost memory only where they are written; NULL if they can't be had.
    void* reserve "aquatic_reserve"(size_t bytes)
    int unreserve "munmap"(void* at, size_t bytes)
    # After this the pages read as zeros and cost nothing.
    int madvise(void* at, size_t bytes, int advice)
    enum:
        MADV_DONTNEED
    void poison "ASAN_POISON_MEMORY_REGION"(void* at, size_t bytes)
    void unpoison "ASAN_UNPOISON_MEMORY_REGION"(void* at, size_t bytes)

cdef extern from "<malloc.h>" nogil:
    # Give whole free pages of the allocator's heaps back to the system.
    int malloc_trim(size_t keep)
