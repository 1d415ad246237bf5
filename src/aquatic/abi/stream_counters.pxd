"""What a stream worker counts, by the family of the address at the other end of the socket. As abi/counters.pxd."""
from libc.stdint cimport uint64_t

from aquatic.abi.atomics cimport atomic_u64
from aquatic.abi.histogram cimport HISTOGRAM_BUCKETS
from aquatic.abi.stream cimport LATENCIES_MAX

# In the order of CONNECTION_COUNTER_NAMES (dataplane/stream/border.py).
cdef enum:
    CONNECTIONS_ACCEPTED
    CONNECTIONS_ACTIVE  # now: the only one that falls
    # Every connection that was accepted is closed for one of these.
    CLOSED_BY_PEER
    CLOSED_BY_ANSWER  # the protocol has said so
    CLOSED_BY_ERROR  # of the socket, mostly a reset
    CLOSED_HANDSHAKE_TIME
    CLOSED_HEADER_TIME
    CLOSED_IDLE_TIME
    CLOSED_OUTPUT_TIME
    CLOSED_OUTPUT_FULL  # its own answer had no room behind what others had to say
    CLOSED_REQUEST_TOO_LONG
    CLOSED_PROXY_HEADER
    CLOSED_TLS
    CLOSED_NO_MEMORY
    CLOSED_ADDRESS_LIMIT  # found out by a PROXY header
    CLOSED_FOR_NEWCOMER  # of a full worker
    CLOSED_AT_END  # of the tracker
    # Never became connections.
    REFUSED_WORKER_FULL
    REFUSED_ADDRESS_FULL
    REFUSED_ADDRESS_RATE
    REFUSED_NO_MEMORY
    ACCEPT_ERRORS
    ACCEPT_PAUSES  # for want of descriptors or kernel memory
    TLS_HANDSHAKES
    TLS_RESUMPTIONS  # of those
    STREAM_BYTES_RECEIVED
    STREAM_BYTES_SENT
    STREAM_WAITS
    # Of what protocols relay to connections; for those that are gone or were never reached, IPv4's row counts.
    MESSAGES_QUEUED
    MESSAGES_DROPPED_SLOW  # behind so much that their connection has not taken
    MESSAGES_DROPPED_NO_MEMORY
    MESSAGES_DROPPED_INBOX_FULL  # of the worker that has the connection, which does not keep up
    MESSAGES_TO_GONE
    STREAM_COUNTERS

cdef struct StreamCounters:
    uint64_t padding_before[8]
    atomic_u64 values[2][STREAM_COUNTERS]
    # Nanoseconds from receive to send, by protocol and kind of answer.
    atomic_u64 latency[LATENCIES_MAX][HISTOGRAM_BUCKETS]
    uint64_t padding_after[8]
