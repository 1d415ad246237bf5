from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.dataplane.swarm.store cimport TorrentCounts

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int family, const void* address, char* text, uint32_t capacity)

cdef enum:
    # Room for the longest head, and for the longest body without peers and torrents; tests hold them to be enough.
    HEAD_ROOM_BYTES = 256
    BODY_ROOM_BYTES = 512
    # Of a peer in a dictionary (BEP 3), its address and port as long as can be, and compact (BEP 23, BEP 7).
    PEER_DICTIONARY_IPV4_BYTES = 37
    PEER_DICTIONARY_IPV6_BYTES = 61
    PEER_IPV4_BYTES = 6
    PEER_IPV6_BYTES = 18
    TORRENT_ROOM_BYTES = 128

cdef enum HttpStatus:
    STATUS_OK
    STATUS_BAD_REQUEST
    STATUS_FORBIDDEN
    STATUS_NOT_FOUND
    STATUS_METHOD_NOT_ALLOWED
    STATUS_BODY_TOO_LARGE
    STATUS_UPGRADE_REQUIRED
    STATUS_HEAD_TOO_LARGE
    STATUS_NOT_IMPLEMENTED

cdef enum ContentType:
    CONTENT_TEXT  # of bencode too, as of other trackers
    CONTENT_HTML

# What is said of the connection: nothing where the request's version says it.
cdef enum ConnectionHeader:
    CONNECTION_UNSAID
    CONNECTION_CLOSE
    CONNECTION_KEEP_ALIVE

# An announce's answer, but for the peers.
cdef struct AnnounceAnswer:
    TorrentCounts counts
    uint32_t interval_seconds
    uint32_t interval_seconds_min
    const Source* asker
    const uint8_t* tracker_id
    uint32_t tracker_id_bytes

# These return the end of what they wrote.
cdef uint8_t* encode_head(
    uint8_t* out, HttpStatus status, ContentType content, ConnectionHeader connection, uint32_t body_bytes
) noexcept nogil
# The peers, as the swarm gives them, may lie in `out`: at the end of what all of them and BODY_ROOM_BYTES take there.
cdef uint8_t* encode_announce(
    uint8_t* out, const AnnounceAnswer* answer, const uint8_t* peers, uint32_t peer_count, bint is_compact
) noexcept nogil
cdef uint8_t* encode_scrape_start(uint8_t* out) noexcept nogil
cdef uint8_t* encode_scrape_torrent(
    uint8_t* out, const uint8_t* info_hash, const TorrentCounts* counts
) noexcept nogil
cdef uint8_t* encode_scrape_end(uint8_t* out) noexcept nogil
cdef uint8_t* encode_failure(uint8_t* out, const char* reason, uint32_t retry_minutes) noexcept nogil
cdef uint8_t* put_text(uint8_t* out, const char* text) noexcept nogil

cdef const char* status_lines(HttpStatus status) noexcept nogil
cdef uint8_t* put_peers(
    uint8_t* out, const uint8_t* peers, uint32_t peer_count, uint32_t family, bint is_compact
) noexcept nogil
cdef uint8_t* put_peer_dictionary(uint8_t* out, const uint8_t* peer, uint32_t family) noexcept nogil
cdef uint8_t* put_bytes(uint8_t* out, const void* bytes, size_t count) noexcept nogil
cdef uint8_t* put_string(uint8_t* out, const void* bytes, uint32_t count) noexcept nogil
cdef uint8_t* put_entry(uint8_t* out, const char* key, uint32_t number) noexcept nogil
cdef uint8_t* put_number(uint8_t* out, uint32_t number) noexcept nogil
