from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.ws_wire cimport WsAction

cdef extern from * nogil:
    """
    #include <stdint.h>
    #include <string.h>
    /* How each byte stands in a string: as itself, escaped, or as the two bytes that are its character in UTF-8. */
    typedef struct { uint8_t text[7], bytes; } aquatic_character;
    #define AQUATIC_HEX(n) ((n) < 10 ? '0' + (n) : 'a' + (n) - 10)
    #define AQUATIC_PLAIN(n) { .text = { (n) }, .bytes = 1 }
    #define AQUATIC_SHORT(n, letter) [n] = { .text = { 0x5C, letter }, .bytes = 2 }
    #define AQUATIC_LONG(n) \
        { .text = { 0x5C, 'u', '0', '0', AQUATIC_HEX((n) >> 4), AQUATIC_HEX((n) & 15) }, .bytes = 6 }
    #define AQUATIC_HIGH(n) { .text = { 0xC0 | (n) >> 6, 0x80 | ((n) & 0x3F) }, .bytes = 2 }
    #define AQUATIC_4(of, n) of(n), of((n) + 1), of((n) + 2), of((n) + 3)
    #define AQUATIC_32(of, n) \
        AQUATIC_4(of, n), AQUATIC_4(of, (n) + 4), AQUATIC_4(of, (n) + 8), AQUATIC_4(of, (n) + 12), \
        AQUATIC_4(of, (n) + 16), AQUATIC_4(of, (n) + 20), AQUATIC_4(of, (n) + 24), AQUATIC_4(of, (n) + 28)
    /* Short escapes take the place of what is listed first. */
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Woverride-init"
    static const aquatic_character aquatic_characters[256] = {
        AQUATIC_32(AQUATIC_LONG, 0), AQUATIC_32(AQUATIC_PLAIN, 32), AQUATIC_32(AQUATIC_PLAIN, 64),
        AQUATIC_32(AQUATIC_PLAIN, 96), AQUATIC_32(AQUATIC_HIGH, 128), AQUATIC_32(AQUATIC_HIGH, 160),
        AQUATIC_32(AQUATIC_HIGH, 192), AQUATIC_32(AQUATIC_HIGH, 224),
        AQUATIC_SHORT(8, 'b'), AQUATIC_SHORT(9, 't'), AQUATIC_SHORT(10, 'n'), AQUATIC_SHORT(12, 'f'),
        AQUATIC_SHORT(13, 'r'), AQUATIC_SHORT(0x22, 0x22), AQUATIC_SHORT(0x5C, 0x5C)
    };
    #pragma GCC diagnostic pop
    /* Always eight bytes, without branches: which bytes there are is as good as random. More follows any string. */
    static inline uint8_t *aquatic_put_character(uint8_t *out, uint8_t byte)
    {
        memcpy(out, &aquatic_characters[byte], 8);
        return out + aquatic_characters[byte].bytes;
    }
    """
    uint8_t* put_character "aquatic_put_character"(uint8_t* out, uint8_t byte)

cdef enum:
    ID_BYTES = 20  # of an info hash, a peer and an offer alike
    # Room for the longest message of each kind, but for what is passed on; tests hold them to be enough.
    ID_ROOM_BYTES = ID_BYTES * 6
    ANNOUNCE_ANSWER_ROOM_BYTES = 256
    RELAY_ROOM_BYTES = 3 * ID_ROOM_BYTES + 96
    SCRAPE_ROOM_BYTES = 64
    SCRAPE_TORRENT_ROOM_BYTES = ID_ROOM_BYTES + 88
    FAILURE_ROOM_BYTES = 256  # with a reason of at most 64 bytes

# These write messages, or parts of one, and return the end of what they wrote.
cdef uint8_t* put_announce_answer(
    uint8_t* out, const uint8_t* info_hash, uint32_t complete, uint32_t incomplete, uint32_t interval_seconds
) noexcept nogil
# Offers and answers are JSON values, as they came.
cdef uint8_t* put_offer(
    uint8_t* out, const uint8_t* info_hash, const uint8_t* peer_id, const uint8_t* offer_id, const uint8_t* offer,
    uint32_t offer_bytes
) noexcept nogil
cdef uint8_t* put_answer(
    uint8_t* out, const uint8_t* info_hash, const uint8_t* peer_id, const uint8_t* offer_id, const uint8_t* answer,
    uint32_t answer_bytes
) noexcept nogil
cdef uint8_t* put_scrape_start(uint8_t* out) noexcept nogil
cdef uint8_t* put_scrape_torrent(
    uint8_t* out, const uint8_t* info_hash, uint32_t complete, uint32_t incomplete, uint32_t downloaded, bint is_first
) noexcept nogil
cdef uint8_t* put_scrape_end(uint8_t* out) noexcept nogil
# The reason is of characters that stand for themselves, and at most 64. No info hash: NULL.
cdef uint8_t* put_failure(
    uint8_t* out, WsAction action, const uint8_t* info_hash, const char* reason
) noexcept nogil

cdef uint8_t* put_relayed(
    uint8_t* out, const uint8_t* info_hash, const uint8_t* peer_id, const uint8_t* offer_id, const char* key,
    const uint8_t* value, uint32_t value_bytes
) noexcept nogil
cdef uint8_t* put_id(uint8_t* out, const uint8_t* id) noexcept nogil
cdef uint8_t* put_bytes(uint8_t* out, const void* bytes, size_t count) noexcept nogil
