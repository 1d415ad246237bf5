"""Messages of WebTorrent's signalling, as a client writes and reads them (docs/webtorrent.md)."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.udp_wire cimport INFO_HASH_BYTES
from aquatic.abi.http_wire cimport PEER_ID_BYTES
from aquatic.loadtest.json_text cimport Cursor, Text

cdef enum:
    OFFER_ID_BYTES = 20
    SESSIONS_MAX = 16
    SESSION_BYTES_MAX = 8192
    # What is different in each session description: so many hexadecimal digits.
    MARK_DIGITS = 16

# Session descriptions of one kind, offers or answers, as JSON, of several sizes.
cdef struct Sessions:
    uint32_t count
    uint32_t mark_at  # in each of them
    Text texts[SESSIONS_MAX]

# What every announce says.
cdef struct Announced:
    uint8_t info_hash[INFO_HASH_BYTES]
    uint8_t peer_id[PEER_ID_BYTES]
    bint is_seeder
    uint32_t event  # as in the UDP protocol
    uint32_t offers  # that follow

cdef enum Kind:
    KIND_NONE  # none of these, or something is missing in it
    KIND_FAILURE
    KIND_ANNOUNCED
    KIND_SCRAPED
    KIND_OFFER
    KIND_ANSWER
    KIND_NOT_JSON

# What a tracker said. Texts are empty and bytes zeros where they are missing.
cdef struct Said:
    Kind kind
    bint has_info_hash
    uint8_t info_hash[INFO_HASH_BYTES]
    uint8_t peer_id[PEER_ID_BYTES]
    uint8_t offer_id[OFFER_ID_BYTES]
    Text session  # of an offer or an answer
    uint64_t seeders
    uint64_t leechers
    Text files

# Which fields were there, and right.
cdef struct Found:
    Text action
    bint failure
    bint peer_id
    bint offer_id
    bint offer
    bint answer
    bint seeders
    bint leechers

# Each returns the end of what it has written.
cdef uint8_t* put_announce(uint8_t* out, const Announced* announced) noexcept nogil
cdef uint8_t* put_offer(uint8_t* out, const uint8_t* offer_id, const Sessions* sessions, uint64_t mark) noexcept nogil
cdef uint8_t* put_announce_end(uint8_t* out, const Announced* announced) noexcept nogil
cdef uint8_t* put_answer(
    uint8_t* out, const Announced* announced, const uint8_t* to_peer_id, const uint8_t* offer_id,
    const Sessions* sessions, uint64_t mark
) noexcept nogil
cdef uint8_t* put_scrape(uint8_t* out) noexcept nogil
cdef uint8_t* put_scraped(uint8_t* out, bint is_first, const uint8_t* info_hash) noexcept nogil
cdef uint8_t* put_scrape_end(uint8_t* out) noexcept nogil

cdef void read_said(const uint8_t* message, uint32_t length, Said* said) noexcept nogil
# The counts of one torrent in `Said.files`; False where they are no such.
cdef bint read_counts(Cursor* files, uint64_t* seeders, uint64_t* leechers) noexcept nogil
# Whether it is the session description with this mark, if not in these very bytes.
cdef bint is_session(const Sessions* sessions, uint64_t mark, Text session) noexcept nogil

cdef uint8_t* put_text(uint8_t* out, const char* text) noexcept nogil
cdef uint8_t* put_bytes_20(uint8_t* out, const uint8_t* bytes) noexcept nogil
cdef uint8_t* put_mark(uint8_t* out, uint64_t mark) noexcept nogil
cdef uint8_t* put_session(uint8_t* out, const Sessions* sessions, uint64_t mark) noexcept nogil
cdef const Text* chosen_session(const Sessions* sessions, uint64_t mark) noexcept nogil
cdef void read_field(Cursor* cursor, Text key, Said* said, Found* found) noexcept nogil
cdef Kind kind_of(const Said* said, const Found* found) noexcept nogil
cdef bint take_bytes_20(Cursor* cursor, uint8_t* to) noexcept nogil
cdef bint is_same_session(Text one, Text other) noexcept nogil
cdef bint read_session(Text session, Text* kind, Text* text) noexcept nogil
cdef uint8_t hexadecimal_digit(uint32_t value) noexcept nogil
