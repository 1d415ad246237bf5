"""What the handler of WebTorrent counts, by the family of the client's address. As abi/counters.pxd."""
from libc.stdint cimport uint64_t

from aquatic.abi.atomics cimport atomic_u64

# In the order of WS_COUNTER_NAMES (dataplane/stream/border.py).
# Every error has one cause; a message that is answered by a failure, or closes the connection, is one.
cdef enum:
    WS_REQUESTS_ANNOUNCE
    WS_REQUESTS_SCRAPE
    WS_RESPONSES_ANNOUNCE
    WS_RESPONSES_SCRAPE
    WS_RESPONSES_ERROR  # with a reason
    WS_RESPONSES_OFFER  # passed on, by the family of who sent it
    WS_RESPONSES_ANSWER
    WS_ERRORS_NOT_JSON
    WS_ERRORS_MALFORMED
    WS_ERRORS_REFUSED  # for what the connection or somebody else does already
    WS_ERRORS_NOT_ALLOWED
    WS_ERRORS_FRAME
    WS_ERRORS_TOO_LARGE
    WS_ANSWERS_UNEXPECTED
    WS_OFFERS_WITHOUT_RECEIVER
    WS_OFFERS_OVER_LIMIT
    WS_COUNTERS

cdef struct WsCounters:
    uint64_t padding_before[8]
    atomic_u64 values[2][WS_COUNTERS]
    uint64_t padding_after[8]
