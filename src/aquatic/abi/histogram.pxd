"""A log-linear histogram: values below 16 exactly, greater ones within a sixteenth. Inlined: it is one increment."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.bits cimport log2_floor

cdef enum:
    # Up to 2**35: 34 seconds in nanoseconds, or more peers than a torrent can have. Beyond counts as the last.
    HISTOGRAM_BUCKETS = 16 + (35 - 4) * 16

cdef inline uint32_t bucket_of(uint64_t value) noexcept nogil:
    cdef uint32_t exponent
    if value < 16:
        return <uint32_t>value
    exponent = log2_floor(value)
    if exponent >= 35:
        return HISTOGRAM_BUCKETS - 1
    return 16 + (exponent - 4) * 16 + (<uint32_t>(value >> (exponent - 4)) & 15)

cdef inline uint64_t bucket_bound(uint32_t bucket) noexcept nogil:
    """The greatest value that falls into the bucket."""
    cdef uint32_t exponent
    if bucket < 16:
        return bucket
    exponent = 4 + (bucket - 16) // 16
    return ((<uint64_t>(16 + (bucket & 15)) + 1) << (exponent - 4)) - 1
