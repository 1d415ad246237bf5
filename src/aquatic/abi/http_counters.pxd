"""What the HTTP handler counts, by the family of the client's address. As abi/counters.pxd, which has the adding."""
from libc.stdint cimport uint64_t

from aquatic.abi.atomics cimport atomic_u64

# In the order of HTTP_COUNTER_NAMES (dataplane/stream/border.py).
# Every response is one of the four, every error has one cause.
cdef enum:
    HTTP_REQUESTS_ANNOUNCE
    HTTP_REQUESTS_SCRAPE
    HTTP_REQUESTS_OTHER
    HTTP_RESPONSES_ANNOUNCE
    HTTP_RESPONSES_SCRAPE
    HTTP_RESPONSES_FAILURE  # bencoded, with a reason
    HTTP_RESPONSES_OTHER
    HTTP_ERRORS_NOT_HTTP
    HTTP_ERRORS_TOO_LARGE
    HTTP_ERRORS_NOT_FOUND
    HTTP_ERRORS_METHOD
    HTTP_ERRORS_UPGRADE  # not to WebSocket as it is spoken here, or without where nothing else is
    HTTP_ERRORS_NO_CLIENT_ADDRESS
    HTTP_ERRORS_REFUSED
    HTTP_ERRORS_NOT_ALLOWED
    HTTP_COUNTERS

cdef struct HttpCounters:
    uint64_t padding_before[8]
    atomic_u64 values[2][HTTP_COUNTERS]
    uint64_t padding_after[8]
