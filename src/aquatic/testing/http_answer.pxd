from libc.stdint cimport uint8_t, uint32_t

from aquatic.loadtest.expectation cimport Terms
from aquatic.loadtest.http_exchange cimport Arrival, Response

cdef enum:
    # Of an input, before the bytes of a response.
    INPUT_HEAD_BYTES = 4

    OPTIONS = 16

# What the first byte of an input chooses.
cdef enum Options:
    IS_SCRAPE = 1
    HAS_ENDED = 2  # the tracker has ended the connection
    IS_IPV6 = 4
    HAS_FOREIGN_PEERS = 8

cdef bint set_terms(Terms* terms, uint32_t options) except -1
cdef Terms* made_terms() except NULL

# Returns what was wrong, or NULL.
cdef const char* run_input(const uint8_t* data, size_t size) noexcept nogil

cdef Arrival read_copy(
    const uint8_t* content, uint32_t length, bint ended, Response* response, uint8_t** copy
) noexcept nogil
cdef const char* fault_of_part(
    const uint8_t* content, uint32_t part, Arrival whole_arrival, const Response* whole
) noexcept nogil
cdef const char* fault_of_response(
    uint32_t options, uint32_t subject, uint32_t length, const Response* response
) noexcept nogil
