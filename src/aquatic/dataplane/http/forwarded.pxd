from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.datagram cimport Source

cdef bint read_forwarded(const uint8_t* value, uint32_t length, Source* source) noexcept nogil
