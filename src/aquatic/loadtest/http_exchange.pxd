"""One request over HTTP and its response: what is asked (BEP 3, 7, 23, 48), and whether the answer can be right."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.loadtest.expectation cimport Finding, Terms

cdef enum:
    HTTP_SCRAPE_TORRENTS_LIMIT = 74
    # The longest: the texts around it, with the URL's suffix, and a scrape's info hashes, each byte escaped.
    REQUEST_TEXTS_BYTES_MAX = 1800
    REQUEST_BYTES_MAX = 2048 + 74 * 72
    RESPONSE_BYTES_MAX = 256 * 1024
    # Of nested lists and dictionaries in a response.
    BENCODE_DEPTH_MAX = 16

cdef enum HttpKind:
    HTTP_ANNOUNCE
    HTTP_SCRAPE

cdef struct Text:
    const uint8_t* bytes
    uint32_t length

# The parts of requests that are always the same.
cdef struct Script:
    Text announce_start  # to the info hash
    Text announce_end  # after `left`
    Text scrape_start
    Text end  # of either: version and header fields
    uint8_t escapes[256][4]  # a byte in a query: its spelling, and the length of that

cdef enum Arrival:
    ARRIVAL_PARTIAL
    ARRIVAL_COMPLETE
    ARRIVAL_WRONG  # not HTTP

# What the head of a response says, and where its body is.
cdef struct Response:
    uint32_t status
    uint32_t head_bytes
    int64_t content_length  # -1: not said
    bint chunked
    bint closes  # the tracker ends the connection after it
    uint8_t* body
    uint32_t body_bytes
    uint32_t bytes  # of all of it

cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end

# The value of one key: compact, or a list.
cdef struct Peers:
    Text compact
    Cursor listed  # within the list; NULL: it is compact
    uint32_t count  # of those that can be the asker's: not of a compact value of the other family

# What an announce is answered, as far as it is looked at.
cdef struct Announced:
    bint failed
    bint has_interval
    int64_t seeders
    int64_t leechers
    bint has_peers
    Peers own  # under the key of the asker's family
    Peers others

# Returns the length. `subject`: announce, the peer; scrape, what the torrents are drawn by.
cdef uint32_t write_http_request(
    const Script* script, const Terms* terms, HttpKind kind, uint32_t subject, uint8_t* to
) noexcept nogil
# Find one response at the start of the bytes. Chunks (RFC 9112, 7.1) are put together in place once all are there.
# `ended`: the tracker has ended the connection.
cdef Arrival read_response(uint8_t* bytes, uint32_t length, bint ended, Response* response) noexcept nogil
# `peer_count` becomes the number of peers in a right announce response, otherwise 0.
cdef Finding check_http_response(
    const Terms* terms, HttpKind kind, uint32_t subject, const Response* response, uint32_t* peer_count
) noexcept nogil

cdef uint32_t write_http_announce(
    const Script* script, const Terms* terms, uint32_t peer, uint8_t* to
) noexcept nogil
cdef uint32_t write_http_scrape(
    const Script* script, const Terms* terms, uint32_t draw, uint8_t* to
) noexcept nogil
cdef uint8_t* put_text(uint8_t* to, Text text) noexcept nogil
cdef uint8_t* put_escaped(const Script* script, uint8_t* to, const uint8_t* bytes, uint32_t count) noexcept nogil
cdef uint8_t* put_number(uint8_t* to, uint32_t number) noexcept nogil

cdef Arrival read_head(const uint8_t* bytes, uint32_t length, Response* response) noexcept nogil
cdef bint read_status(const uint8_t* line, uint32_t length, Response* response) noexcept nogil
cdef bint read_field(const uint8_t* line, uint32_t length, Response* response) noexcept nogil
cdef bint has_name(const uint8_t* line, uint32_t length, const char* name) noexcept nogil
cdef bint has_token(const uint8_t* value, uint32_t length, const char* token) noexcept nogil
cdef int64_t read_decimal(const uint8_t* digits, uint32_t length) noexcept nogil
cdef Arrival join_chunks(uint8_t* bytes, uint32_t length, Response* response) noexcept nogil
cdef Arrival chunk_size(const uint8_t* bytes, uint32_t length, uint32_t* line_bytes, uint32_t* size) noexcept nogil
cdef int hex_digit(uint8_t character) noexcept nogil

cdef Finding check_http_announce(
    const Terms* terms, uint32_t peer, Cursor body, uint32_t* peer_count
) noexcept nogil
cdef Finding check_announced(const Terms* terms, uint32_t peer, const Announced* answer) noexcept nogil
cdef bint given_peer_possible(
    const Terms* terms, uint32_t torrent, const Peers* peers, uint32_t index
) noexcept nogil
cdef bint read_announced(const Terms* terms, Cursor* body, Announced* answer) noexcept nogil
cdef bint read_announced_entry(const Terms* terms, Text key, Cursor* body, Announced* answer) noexcept nogil
cdef bint read_peers(const Terms* terms, Cursor* body, bint is_asker_family, Announced* answer) noexcept nogil
cdef bint listed_peer_possible(
    const Terms* terms, uint32_t torrent, Cursor list, uint32_t index
) noexcept nogil
cdef bint read_listed_peer(const Terms* terms, Cursor* at, uint8_t* peer) noexcept nogil
cdef Finding check_http_scrape(const Terms* terms, uint32_t draw, Cursor body) noexcept nogil
cdef Finding check_scraped_files(const Terms* terms, uint32_t draw, Cursor* body) noexcept nogil
cdef bint read_counts(Cursor* body, int64_t* seeders, int64_t* leechers) noexcept nogil

cdef bint take(Cursor* cursor, uint8_t character) noexcept nogil
cdef bint is_key(Text key, const char* name) noexcept nogil
cdef bint read_integer(Cursor* cursor, int64_t* value) noexcept nogil
cdef bint read_string(Cursor* cursor, Text* string) noexcept nogil
cdef bint skip_value(Cursor* cursor) noexcept nogil

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char* a, const char* b, size_t count)
