"""What the connection server and the protocols that it carries hand to each other. Types only."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source

# The kinds of answer. Without a name, as an enum with one is no index.
cdef enum:
    ANSWER_ANNOUNCE = 0
    ANSWER_SCRAPE = 1
    ANSWER_OTHER = 2
    ANSWER_KINDS = 3

# One call of a protocol: bytes of a connection that it has not used yet, and room for what it has to say.
cdef struct Exchange:
    # Set by the connection server.
    Source source  # who is at the other end, by the socket or by a PROXY header; v4-mapped is IPv4
    bint is_from_proxy  # that one is a proxy we trust: the protocol looks for the client's address in its headers
    uint32_t tick  # the swarm's clock, as of this turn of the loop
    const uint8_t* input
    uint32_t input_length
    uint8_t* output
    uint32_t output_capacity
    # Set by the protocol.
    # Of the input; the rest is handed in again with what follows it. What is longer than the protocol's longest
    # request it refuses by `closes`: the server keeps at most `request_bytes_max` of its limits.
    uint32_t used
    uint32_t written
    uint32_t answered[3]  # valid requests, by kind of answer: idle time counts from the last
    bint needs_room  # a whole request is waiting whose answer did not fit: call again when the output has been sent
    bint closes  # when all that was written has been sent

# A protocol on connections. `serve` uses as many whole requests as the output has room for.
cdef struct StreamProtocol:
    void* state
    void (*serve)(void* state, Exchange* exchange) noexcept nogil
