"""One request and its response: what is asked (BEP 15), and whether the answer can be right."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.loadtest.expectation cimport Finding, Terms

# A request under way.
cdef struct Slot:
    uint64_t due_ns  # when it was sent or, at a set rate, should have been; 0: the slot is free
    uint64_t sent_ns
    uint32_t subject  # announce: the peer; scrape: what the torrents are drawn by
    uint16_t generation  # of the slot's use, the upper bits of the transaction id
    uint8_t action
    uint8_t losses  # uses in a row, up to the last, that ended without an answer in time

cdef packed struct ConnectRequest:
    uint64_t protocol_id
    uint32_t action
    uint32_t transaction_id

cdef packed struct AnnounceRequest:
    uint64_t connection_id
    uint32_t action
    uint32_t transaction_id
    uint8_t info_hash[20]
    uint8_t peer_id[20]
    uint64_t downloaded
    uint64_t left
    uint64_t uploaded
    uint32_t event
    uint32_t ip
    uint32_t key
    uint32_t peers_wanted
    uint16_t port

cdef packed struct ScrapeRequest:
    uint64_t connection_id
    uint32_t action
    uint32_t transaction_id
    uint8_t info_hashes[20]  # and more

cdef packed struct AnnounceResponse:
    uint32_t action
    uint32_t transaction_id
    uint32_t interval
    uint32_t leechers
    uint32_t seeders

cdef packed struct ScrapedTorrent:
    uint32_t seeders
    uint32_t completed
    uint32_t leechers

# Returns the length. The connection id is as the tracker sent it; the transaction id is in network byte order.
cdef uint32_t write_request(
    const Terms* terms, const Slot* slot, uint64_t connection_id, uint32_t transaction_id, uint8_t* to
) noexcept nogil
# `response` has its first eight bytes and the transaction id of the slot's request.
cdef Finding check_response(
    const Terms* terms, const Slot* slot, const uint8_t* response, uint32_t length
) noexcept nogil

cdef uint32_t write_connect(uint32_t transaction_id, uint8_t* to) noexcept nogil
cdef uint32_t write_announce(
    const Terms* terms, uint32_t peer, uint64_t connection_id, uint32_t transaction_id, uint8_t* to
) noexcept nogil
cdef uint32_t write_scrape(
    const Terms* terms, uint32_t draw, uint64_t connection_id, uint32_t transaction_id, uint8_t* to
) noexcept nogil
cdef Finding check_announce(
    const Terms* terms, uint32_t peer, const uint8_t* response, uint32_t length
) noexcept nogil
cdef Finding check_scrape(const Terms* terms, uint32_t draw, const uint8_t* response, uint32_t length) noexcept nogil
