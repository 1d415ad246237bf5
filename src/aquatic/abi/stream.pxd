"""What the connection server and the protocols that it carries hand to each other. Types only."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.arena cimport BlockRef
from aquatic.abi.datagram cimport Source

# The kinds of answer. Without a name, as an enum with one is no index.
cdef enum:
    ANSWER_ANNOUNCE = 0
    ANSWER_SCRAPE = 1
    ANSWER_OTHER = 2
    ANSWER_KINDS = 3
    LATENCIES_MAX = 2 * ANSWER_KINDS  # of two protocols

# One call of a protocol: bytes of a connection that it has not used yet, and room for what it has to say.
cdef struct Exchange:
    # Set by the connection server.
    uint64_t connection  # its name among this worker's, which no other will ever have: what `relay` takes
    # Who is at the other end, by the socket or by a PROXY header; v4-mapped is IPv4. A protocol that `switches` on a
    # connection from a proxy leaves the client's own here, for its successor.
    Source source
    bint is_from_proxy  # that one is a proxy we trust: the protocol looks for the client's address in its headers
    uint32_t tick  # the swarm's clock, as of this turn of the loop
    uint32_t second  # of the worker's own clock, likewise
    uint8_t* input  # the protocol may change what it uses
    uint32_t input_length
    uint8_t* output
    uint32_t output_capacity
    bint goes_away  # in the last look: the server closes after what is written now, `closes` or not
    # Handed on from call to call: what the protocol keeps of the connection, a block of the worker's arena; 0: nothing.
    # What it is by then is handed to `end`.
    BlockRef kept
    # Set by the protocol.
    # Of the input; the rest is handed in again with what follows it. What is longer than the protocol's longest
    # request it refuses by `closes`: the server keeps at most `request_bytes_max`.
    uint32_t used
    uint32_t written
    uint32_t answered[3]  # requests, by kind of answer: idle time counts from the last
    bint needs_room  # a whole request is waiting whose answer did not fit: call again when the output has been sent
    bint closes  # when all that was written has been sent
    bint switches  # what follows is the successor's

# Constant after start. Seconds are at most a day, but for the last.
cdef struct ProtocolLimits:
    uint32_t request_bytes_max  # at most REQUEST_BYTES_LIMIT
    uint32_t output_bytes_max  # of a connection: what is written at once, and what waits; at most OUTPUT_BYTES_LIMIT
    uint32_t header_seconds_max  # for the first request, and for the rest of one of which a part is there
    uint32_t idle_seconds_max  # since the last valid request
    uint32_t output_seconds_max  # for the peer to take what waits
    # After a look has found that the certificate has been replaced, the connection goes away. Only with `look`.
    uint32_t certificate_seconds_max

# A protocol on connections. `serve` uses as many whole requests as the output has room for.
cdef struct StreamProtocol:
    void* state
    void (*serve)(void* state, Exchange* exchange) noexcept nogil
    # About every `look_seconds` for each connection, without input: may write and close. NULL: nothing to do.
    void (*look)(void* state, Exchange* exchange) noexcept nogil
    # Of each connection that it was on, once, as soon as it says and is told no more, and before the name is nobody's.
    # NULL if it keeps nothing.
    void (*end)(void* state, uint64_t connection, BlockRef kept) noexcept nogil
    StreamProtocol* successor  # that a connection may switch to; NULL: none
    # A connection on which nothing is under way may be closed for a new one, when the worker is full: a client that
    # wants more connects again.
    bint gives_way
    ProtocolLimits limits
    uint32_t look_seconds
    uint32_t first_latency  # of its kinds of answer, among the worker's LATENCIES_MAX
