"""What a request over HTTP costs without the kernel."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.http_counters cimport HttpCounters
from aquatic.abi.http_wire cimport Head, HeadRules, HttpRequest
from aquatic.abi.stream cimport Exchange
from aquatic.bench.micro.loop cimport Loop, Pieces
from aquatic.dataplane.http.encode cimport AnnounceAnswer
from aquatic.dataplane.http.handle cimport HttpHandler

cdef enum:
    OUTPUT_BYTES = 16384
    SCRAPED_TORRENTS = 10

cdef struct HttpState:
    Pieces* pieces
    HeadRules rules
    Head head
    HttpRequest request
    Source asker
    AnnounceAnswer answer
    bint is_compact
    # From requests to answers; as many sources as pieces.
    HttpHandler handler
    HttpCounters counters
    Exchange exchange
    Source* sources
    uint8_t out[OUTPUT_BYTES]

cdef class HttpLoop(Loop):
    cdef HttpState* http

cdef uint64_t decode_next_head(void* state) noexcept nogil
cdef uint64_t decode_next_target(void* state) noexcept nogil
cdef uint64_t encode_next_announce(void* state) noexcept nogil
cdef uint64_t encode_scrape(void* state) noexcept nogil
cdef uint64_t serve_next(void* state) noexcept nogil
