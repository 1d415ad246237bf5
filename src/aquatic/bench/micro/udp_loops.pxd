"""What a datagram costs without the kernel."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch, Source
from aquatic.abi.limits cimport RESPONSE_BYTES_MAX, RESPONSE_SLACK_BYTES
from aquatic.abi.udp_wire cimport Request
from aquatic.bench.micro.loop cimport Loop, Pieces
from aquatic.dataplane.siphash cimport HashKey
from aquatic.dataplane.udp.handle cimport Handler

cdef enum:
    SCRAPED_TORRENTS = 10

cdef struct UdpState:
    Pieces* pieces
    Request request
    HashKey key
    # As many as pieces.
    Source* sources
    uint64_t* ids
    uint8_t out[RESPONSE_BYTES_MAX + RESPONSE_SLACK_BYTES]

cdef class UdpLoop(Loop):
    cdef UdpState udp

    cdef bint take_sources(self, object ips) except -1

# Whole batches, from datagrams to answers.
cdef struct AnswerState:
    Pieces* pieces
    Source* sources
    Handler handler
    Counters counters
    Batch batch

cdef class AnswerLoop(Loop):
    cdef AnswerState* answers

    cdef bint take_datagrams(self, object datagrams, object ips) except -1

cdef Source* read_sources(object ips) except NULL

cdef uint64_t decode_next(void* state) noexcept nogil
cdef uint64_t encode_connect_answer(void* state) noexcept nogil
cdef uint64_t encode_announce_answer(void* state) noexcept nogil
cdef uint64_t encode_scrape_answer(void* state) noexcept nogil
cdef uint64_t make_id(void* state) noexcept nogil
cdef uint64_t check_id(void* state) noexcept nogil
cdef uint64_t answer_batch(void* state) noexcept nogil
