"""The UDP tracker protocol (BEP 15), decoded: what a request says and what an answer is made of. Types only."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    CONNECT_REQUEST_BYTES = 16
    ANNOUNCE_REQUEST_BYTES = 98
    SCRAPE_REQUEST_HEAD_BYTES = 16
    INFO_HASH_BYTES = 20
    PEER_ID_BYTES = 20
    CONNECT_RESPONSE_BYTES = 16
    ANNOUNCE_RESPONSE_HEAD_BYTES = 20
    SCRAPE_RESPONSE_HEAD_BYTES = 8
    SCRAPE_RESPONSE_TORRENT_BYTES = 12
    ERROR_RESPONSE_HEAD_BYTES = 8

cdef enum Action:
    ACTION_CONNECT = 0
    ACTION_ANNOUNCE = 1
    ACTION_SCRAPE = 2
    ACTION_ERROR = 3

cdef enum Event:
    EVENT_NONE = 0
    EVENT_COMPLETED = 1
    EVENT_STARTED = 2
    EVENT_STOPPED = 3

# Why a datagram is not a request that can be answered. Without a valid connection id none of these earns an answer.
cdef enum Verdict:
    VERDICT_ACCEPTED
    VERDICT_MALFORMED
    # An announce or scrape that is too short or empty, whose head (connection and transaction id) could be read.
    VERDICT_NO_INFO_HASH

cdef struct Request:
    uint64_t connection_id
    uint32_t action
    uint32_t transaction_id  # network byte order: it is only ever echoed
    # Announce.
    const uint8_t* info_hash  # into the datagram; for a scrape, info_hash_count of them in a row
    const uint8_t* peer_id
    int64_t bytes_left
    uint32_t event
    int32_t peers_wanted
    uint16_t port  # network byte order
    # Scrape.
    uint16_t info_hash_count
