"""C11 atomics. `_Atomic` types are opaque to Cython: read and write them only by these calls."""
from libc.stdint cimport int32_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdatomic.h>
    """

cdef extern from "<stdatomic.h>" nogil:
    ctypedef struct atomic_u32 "_Atomic uint32_t":
        pass
    ctypedef struct atomic_u64 "_Atomic uint64_t":
        pass
    ctypedef struct atomic_pointer "_Atomic(void*)":
        pass
    ctypedef enum memory_order:
        memory_order_relaxed
        memory_order_acquire
        memory_order_release
        memory_order_acq_rel
        memory_order_seq_cst

    uint32_t load_u32 "atomic_load_explicit"(const atomic_u32*, memory_order)
    void store_u32 "atomic_store_explicit"(atomic_u32*, uint32_t, memory_order)
    uint32_t add_u32 "atomic_fetch_add_explicit"(atomic_u32*, uint32_t, memory_order)
    uint32_t subtract_u32 "atomic_fetch_sub_explicit"(atomic_u32*, uint32_t, memory_order)
    # Store the third if the first still holds the second; otherwise the second becomes what it holds.
    bint exchange_u32 "atomic_compare_exchange_strong"(atomic_u32*, uint32_t* expected, uint32_t desired)

    bint exchange_u64 "atomic_compare_exchange_strong"(atomic_u64*, uint64_t* expected, uint64_t desired)
    uint64_t load_u64 "atomic_load_explicit"(const atomic_u64*, memory_order)
    void store_u64 "atomic_store_explicit"(atomic_u64*, uint64_t, memory_order)
    uint64_t add_u64 "atomic_fetch_add_explicit"(atomic_u64*, uint64_t, memory_order)
    uint64_t subtract_u64 "atomic_fetch_sub_explicit"(atomic_u64*, uint64_t, memory_order)

    void* load_pointer "atomic_load_explicit"(const atomic_pointer*, memory_order)
    void store_pointer "atomic_store_explicit"(atomic_pointer*, void*, memory_order)
