from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.connection cimport Network, TrustedNetworks
from aquatic.abi.datagram cimport Source

cdef bint is_trusted(TrustedNetworks* trusted, const Source* source) noexcept nogil

cdef bint same_prefix(const uint8_t* a, const uint8_t* b, uint32_t bits) noexcept nogil
