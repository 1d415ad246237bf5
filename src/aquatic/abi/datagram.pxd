"""A datagram and a batch of them, as every backend hands them to the handler and takes the answers back."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.limits cimport BATCH_DATAGRAMS_MAX, RESPONSE_BYTES_MAX, RESPONSE_SLACK_BYTES

cdef enum Family:
    FAMILY_IPV4 = 0
    FAMILY_IPV6 = 1

cdef enum:
    FAMILIES = 2

# Where a datagram came from. A v4-mapped IPv6 source is IPv4 here, whatever the socket.
cdef struct Source:
    uint8_t ip[16]  # network byte order; an IPv4 address is the first four bytes and the rest is zero
    uint16_t port  # network byte order
    uint8_t family

cdef struct Datagram:
    Source source
    uint8_t* bytes
    uint32_t length  # at most REQUEST_BYTES_MAX; what a longer one held beyond is lost
    uint64_t received_ns  # since 1970; 0 unless latency is measured

cdef struct Response:
    uint8_t* bytes
    uint32_t length
    uint16_t request  # the datagram of the batch that this answers
    uint8_t action  # of the request

# Written by the backend (requests) and the handler (responses), by turns, in one thread.
cdef struct Batch:
    uint32_t request_count
    uint32_t response_count
    Datagram requests[BATCH_DATAGRAMS_MAX]
    Response responses[BATCH_DATAGRAMS_MAX]
    # Answers lie one behind the other, as short as they are.
    uint8_t response_bytes[BATCH_DATAGRAMS_MAX * (RESPONSE_BYTES_MAX + RESPONSE_SLACK_BYTES)]
