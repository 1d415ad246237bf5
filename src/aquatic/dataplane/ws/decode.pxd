from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.ws_wire cimport OFFER_ID_BYTES, Span, WsAction, WsRequest, WsVerdict

cdef extern from * nogil:
    """
    #include <endian.h>
    #include <stdint.h>
    #include <string.h>
    typedef uint8_t aquatic_16 __attribute__((vector_size(16)));
    #define AQUATIC_16(n) ((aquatic_16){ n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n })
    static inline uint32_t aquatic_plain_bytes(const uint8_t *text)
    {
        aquatic_16 bytes;
        uint64_t found[2];
        memcpy(&bytes, text, 16);
        aquatic_16 special = (aquatic_16)(bytes < AQUATIC_16(0x20)) | (aquatic_16)(bytes == AQUATIC_16(0x22)) |
            (aquatic_16)(bytes == AQUATIC_16(0x5C));
        memcpy(found, &special, 16);
        if (found[0]) return (uint32_t)__builtin_ctzll(le64toh(found[0])) / 8;
        return found[1] ? 8 + (uint32_t)__builtin_ctzll(le64toh(found[1])) / 8 : 16;
    }
    """
    # How many of the next sixteen bytes stand for themselves in a string, from the first one on.
    uint32_t plain_bytes "aquatic_plain_bytes"(const uint8_t* text)

cdef enum:
    # Arrays and objects in each other, the message's own among them.
    JSON_DEPTH_MAX = 32
    # Keys and words that are known are shorter; of a longer one it is only known that it is none of them.
    WORD_BYTES_MAX = 16
    ID_BYTES = 20  # of an info hash, a peer and an offer alike
    NOT_HEXADECIMAL = 16
    # As numbers: braces in quotes would mislead what lays out the generated C.
    OPENS_ARRAY = 0x5B
    CLOSES_ARRAY = 0x5D
    OPENS_OBJECT = 0x7B
    CLOSES_OBJECT = 0x7D
    # In place of an offset: it is not JSON. Beyond any message, so that what begins there is not JSON either.
    NOT_JSON = 0x7FFFFFFF

# What the members or elements that are being read are of.
cdef enum Place:
    PLACE_MESSAGE
    PLACE_OFFER
    PLACE_OFFERS
    PLACE_INFO_HASHES

# A message, and what has been found in it so far. An id is there where it is of ID_BYTES.
cdef struct Reading:
    const uint8_t* message
    uint32_t length
    WsRequest* request
    bint is_list  # of info hashes: an array
    bint has_bad_info_hash
    bint has_peer_id
    bint has_to_peer_id
    bint has_answered_id  # of the offer that is answered
    bint has_bad_offer
    # Of the offer that is being read.
    bint has_offer_id
    bint has_offer
    uint8_t offer_id[OFFER_ID_BYTES]
    Span offer

# The message is UTF-8 (RFC 8259, section 8.1), and of at most WS_MESSAGE_BYTES_LIMIT.
cdef WsVerdict decode_message(const uint8_t* message, uint32_t length, WsRequest* request) noexcept nogil
cdef const char* ws_reason(WsVerdict verdict) noexcept nogil

cdef void begin(WsRequest* request) noexcept nogil
cdef WsVerdict verdict_of(const Reading* reading) noexcept nogil

# What returns an offset returns that behind what it read, or NOT_JSON.
cdef uint32_t read_members(Reading* reading, uint32_t at, Place place) noexcept nogil
cdef uint32_t read_elements(Reading* reading, uint32_t at, Place place) noexcept nogil
cdef uint32_t read_message_member(
    Reading* reading, uint32_t at, const uint8_t* key, uint32_t key_bytes
) noexcept nogil
cdef uint32_t read_offer_member(
    Reading* reading, uint32_t at, const uint8_t* key, uint32_t key_bytes
) noexcept nogil
cdef uint32_t read_info_hashes(Reading* reading, uint32_t at) noexcept nogil
cdef uint32_t read_info_hash(Reading* reading, uint32_t at, uint32_t depth) noexcept nogil
cdef uint32_t read_offers(Reading* reading, uint32_t at) noexcept nogil
cdef uint32_t read_offer(Reading* reading, uint32_t at) noexcept nogil
cdef uint32_t read_span(Reading* reading, uint32_t at, uint32_t depth, Span* span, bint* is_there) noexcept nogil
cdef uint32_t read_id(Reading* reading, uint32_t at, uint32_t depth, uint8_t* out, bint* is_there) noexcept nogil

# Of values as they stand in the message.
cdef void note_member(
    WsRequest* request, const uint8_t* key, uint32_t key_bytes, const uint8_t* value, uint32_t length
) noexcept nogil
cdef void note_left(WsRequest* request, const uint8_t* value, uint32_t length) noexcept nogil
cdef WsAction action_of(const uint8_t* value, uint32_t length) noexcept nogil
cdef uint32_t event_of(const uint8_t* value, uint32_t length) noexcept nogil
# Bytes of a string: how many they are, or more than the capacity where they are more, or where a character is no byte.
cdef uint32_t read_string(const uint8_t* value, uint32_t length, uint8_t* out, uint32_t capacity) noexcept nogil
cdef uint32_t read_characters(const uint8_t* text, uint32_t length, uint8_t* out, uint32_t capacity) noexcept nogil
cdef uint32_t escaped(const uint8_t* letter) noexcept nogil
cdef uint32_t hexadecimal(uint8_t byte) noexcept nogil
cdef bint is_word(const uint8_t* text, uint32_t length, const char* word, uint32_t word_bytes) noexcept nogil

# JSON that is passed over. `depth` is how many arrays and objects are open around a value.
cdef uint32_t skip_value(const uint8_t* text, uint32_t at, uint32_t length, uint32_t depth) noexcept nogil
cdef uint8_t closing(uint64_t kinds) noexcept nogil
cdef uint32_t skip_scalar(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_literal(
    const uint8_t* text, uint32_t at, uint32_t length, const char* literal, uint32_t literal_bytes
) noexcept nogil
cdef uint32_t skip_number(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_digits(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef bint is_exponent(uint8_t byte) noexcept nogil
cdef uint32_t skip_string(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_plain(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_escape(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_key(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_name(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint32_t skip_byte(const uint8_t* text, uint32_t at, uint32_t length, uint8_t byte) noexcept nogil
cdef uint32_t skip_comma(const uint8_t* text, uint32_t at, uint32_t length, uint8_t close) noexcept nogil
cdef uint32_t skip_blanks(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
cdef uint8_t byte_at(const uint8_t* text, uint32_t at, uint32_t length) noexcept nogil
