"""A decoder with a fault planted in it: if the fuzzer does not find it, it would not find others either."""
from libc.stdint cimport uint8_t

cdef int decode(const uint8_t* packet, size_t length) noexcept nogil
