from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.arena cimport BlockRef
from aquatic.abi.connection cimport StreamWorker
from aquatic.abi.stream cimport Exchange, StreamProtocol
from aquatic.dataplane.stream.outbox cimport RelayOutcome

cdef enum:
    KEPT_BYTES_MAX = 60

# What a connection is told to keep: a block of its worker's arena.
cdef struct KeptLine:
    uint32_t length
    uint8_t line[KEPT_BYTES_MAX]

# The state of a protocol.
cdef struct LineProtocol:
    StreamWorker* worker
    bint is_successor

cdef void line_protocol_init(StreamProtocol* protocol, LineProtocol* state) noexcept nogil

cdef void line_serve(void* state, Exchange* exchange) noexcept nogil
cdef void line_look(void* state, Exchange* exchange) noexcept nogil
cdef void line_end(void* state, uint64_t connection, BlockRef kept) noexcept nogil
cdef KeptLine* kept_line(LineProtocol* lines, BlockRef kept) noexcept nogil
cdef uint32_t answer_line(
    LineProtocol* lines, Exchange* exchange, const uint8_t* line, uint32_t length
) noexcept nogil
cdef uint32_t answer_special(
    LineProtocol* lines, Exchange* exchange, const uint8_t* line, uint32_t length
) noexcept nogil
cdef uint32_t answer_from(Exchange* exchange) noexcept nogil
cdef void keep_line(
    LineProtocol* lines, Exchange* exchange, const uint8_t* line, uint32_t length
) noexcept nogil
cdef RelayOutcome relay_line(LineProtocol* lines, const uint8_t* line, uint32_t length) noexcept nogil
cdef uint32_t answer_text(Exchange* exchange, const char* text) noexcept nogil
cdef bint line_is(const uint8_t* line, uint32_t length, const char* word) noexcept nogil
cdef uint32_t number_in(const uint8_t* text, uint32_t digits_max, uint64_t* number) noexcept nogil
