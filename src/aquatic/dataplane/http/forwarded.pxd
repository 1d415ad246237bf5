from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.datagram cimport Source

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* text, void* address)

cdef enum:
    ADDRESS_TEXT_ROOM_BYTES = 46  # INET6_ADDRSTRLEN: the longest address and its end

cdef bint read_forwarded(const uint8_t* value, uint32_t length, Source* source) noexcept nogil
cdef bint read_address(const char* text, Source* source) noexcept nogil
