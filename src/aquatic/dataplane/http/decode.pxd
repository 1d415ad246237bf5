from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.http_wire cimport Head, HeaderValue, HeadRules, HeadVerdict

cdef extern from * nogil:
    """
    #include <stdint.h>
    /* tchar of RFC 9110, section 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
    static inline int aquatic_is_token_byte(uint8_t byte)
    {
        static const uint64_t bytes[4] = { 0x03ff6cfa00000000u, 0x57ffffffc7fffffeu, 0, 0 };
        return bytes[byte >> 6] >> (byte & 63) & 1;
    }
    """
    bint is_token_byte "aquatic_is_token_byte"(uint8_t byte)

cdef HeadVerdict decode_head(const uint8_t* input, uint32_t length, const HeadRules* rules, Head* head) noexcept nogil

# These return how far they came: an offset into the input, or a verdict's negative.
cdef int32_t decode_lines(const uint8_t* input, uint32_t limit, const HeadRules* rules, Head* head) noexcept nogil
cdef int32_t skip_blank_lines(const uint8_t* input, uint32_t limit) noexcept nogil
cdef int32_t decode_request_line(const uint8_t* input, uint32_t at, uint32_t limit, Head* head) noexcept nogil
cdef int32_t decode_method(const uint8_t* input, uint32_t at, uint32_t limit, Head* head) noexcept nogil
cdef int32_t decode_version(const uint8_t* input, uint32_t at, uint32_t limit, Head* head) noexcept nogil
cdef int32_t decode_header(
    const uint8_t* input, uint32_t at, uint32_t limit, const HeadRules* rules, Head* head
) noexcept nogil
cdef int32_t match_text(
    const uint8_t* input, uint32_t at, uint32_t limit, const char* text, uint32_t text_bytes
) noexcept nogil

cdef HeadVerdict decode_body_length(uint32_t at, uint32_t length, const HeadRules* rules, Head* head) noexcept nogil
cdef uint32_t skip_printable(const uint8_t* input, uint32_t at, uint32_t limit, uint8_t least) noexcept nogil
cdef HeadVerdict note_header(
    const uint8_t* name, uint32_t name_bytes, const uint8_t* value, uint32_t value_bytes, const HeadRules* rules,
    Head* head
) noexcept nogil
cdef HeadVerdict note_body_length(const uint8_t* value, uint32_t value_bytes, Head* head) noexcept nogil
cdef void note_upgrade_header(
    const uint8_t* name, uint32_t name_bytes, const uint8_t* value, uint32_t value_bytes, Head* head
) noexcept nogil
cdef void note_value(const uint8_t* value, uint32_t value_bytes, HeaderValue* noted) noexcept nogil
cdef bint lists_word(
    const uint8_t* value, uint32_t value_bytes, const char* lower_case, uint32_t length
) noexcept nogil
cdef bint same_name(const uint8_t* text, const uint8_t* lower_case, uint32_t length) noexcept nogil
cdef uint8_t lower(uint8_t byte) noexcept nogil
cdef bint is_blank(uint8_t byte) noexcept nogil
