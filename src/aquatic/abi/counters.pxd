"""What a worker counts, by family. Written by that worker alone, read by the control plane: no lock, no bus traffic."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u64, load_u64, memory_order_relaxed, store_u64
from aquatic.abi.histogram cimport HISTOGRAM_BUCKETS

# In the order of COUNTER_NAMES (dataplane/udp/border.py). Requests, responses: by action.
cdef enum:
    REQUESTS_CONNECT
    REQUESTS_ANNOUNCE
    REQUESTS_SCRAPE
    RESPONSES_CONNECT
    RESPONSES_ANNOUNCE
    RESPONSES_SCRAPE
    RESPONSES_ERROR
    ERRORS_MALFORMED
    ERRORS_CONNECTION_ID_BAD
    ERRORS_CONNECTION_ID_EXPIRED
    ERRORS_REFUSED
    ERRORS_NOT_ALLOWED
    BYTES_RECEIVED
    BYTES_SENT
    DROPPED_BY_KERNEL
    DROPPED_SEND_BUFFER_FULL
    DROPPED_SEND_ERROR
    RESENT
    BATCHES
    WAITS
    COUNTERS

cdef struct Counters:
    uint64_t padding_before[8]
    atomic_u64 values[2][COUNTERS]
    atomic_u64 latency[3][HISTOGRAM_BUCKETS]  # nanoseconds from receive to send, by the request's action
    uint64_t padding_after[8]

cdef inline void bump(atomic_u64* value, uint64_t amount) noexcept nogil:
    """Add without a locked instruction: there is one writer."""
    store_u64(value, load_u64(value, memory_order_relaxed) + amount, memory_order_relaxed)
