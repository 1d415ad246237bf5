"""The UDP tracker protocol (BEP 15), decoded: what a request says and what an answer is made of. Types only."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    CONNECT_REQUEST_BYTES = 16
    ANNOUNCE_REQUEST_BYTES = 98
    SCRAPE_REQUEST_HEAD_BYTES = 16
    INFO_HASH_BYTES = 20
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
    EVENT_PAUSED = 4  # BEP 21, by libtorrent's number

# What decoding says of a datagram. Those refused are told why, if their connection id is valid.
cdef enum Verdict:
    VERDICT_ACCEPTED = 0
    VERDICT_MALFORMED = 1
    VERDICT_PORT_ZERO = 2
    VERDICT_FULL_SCRAPE = 3
    VERDICT_BAD_INFO_HASHES = 4

cdef struct Request:
    uint64_t connection_id
    uint32_t action
    uint32_t transaction_id  # network byte order: it is only ever echoed
    const uint8_t* info_hash  # into the datagram; for a scrape, info_hash_count of them in a row
    uint32_t info_hash_count
    # Announce.
    const uint8_t* peer_id
    int64_t bytes_left
    uint32_t event
    int32_t peers_wanted
    uint16_t port  # network byte order
