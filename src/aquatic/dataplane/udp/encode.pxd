"""From an answer to the bytes of a datagram (BEP 15). All numbers go in network byte order."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef uint32_t encode_connect(uint8_t* out, uint32_t transaction_id, uint64_t connection_id) noexcept nogil
cdef uint32_t encode_announce_head(
    uint8_t* out, uint32_t transaction_id, uint32_t interval_seconds, uint32_t leechers, uint32_t seeders
) noexcept nogil
cdef uint32_t encode_scrape_head(uint8_t* out, uint32_t transaction_id) noexcept nogil
cdef uint32_t encode_scrape_torrent(
    uint8_t* out, uint32_t seeders, uint32_t completed, uint32_t leechers
) noexcept nogil
cdef uint32_t encode_error(uint8_t* out, uint32_t transaction_id, const char* text) noexcept nogil
