from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.udp_wire cimport Request, Verdict

cdef Verdict decode(const uint8_t* packet, uint32_t length, Request* request) noexcept nogil
cdef Verdict decode_announce(const uint8_t* packet, uint32_t length, Request* request) noexcept nogil
cdef Verdict decode_scrape(const uint8_t* packet, uint32_t length, Request* request) noexcept nogil
