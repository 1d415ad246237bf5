from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.stream cimport Exchange, StreamProtocol

cdef void line_protocol_init(StreamProtocol* protocol) noexcept nogil

cdef void line_serve(void* state, Exchange* exchange) noexcept nogil
cdef uint32_t answer_line(Exchange* exchange, const uint8_t* line, uint32_t length) noexcept nogil
cdef bint line_is(const uint8_t* line, uint32_t length, const char* word) noexcept nogil
cdef uint32_t number_in(const uint8_t* line, uint32_t length) noexcept nogil
