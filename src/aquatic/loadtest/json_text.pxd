"""JSON as trackers send it, read from front to back: any order of keys, any blanks, any way to write a string."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    DEPTH_MAX = 16
    COUNT_DIGITS_MAX = 18
    NO_DIGIT = 16

# What has not been read of a text. Once something is wrong, everything read is empty.
cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end
    bint failed

# A value, or the inside of a string, as it stands in the text.
cdef struct Text:
    const uint8_t* bytes
    uint32_t length

cdef Cursor cursor_of(const uint8_t* bytes, uint32_t length) noexcept nogil
# Whether this character comes next; it is then passed over.
cdef bint take(Cursor* cursor, uint8_t character) noexcept nogil
# As `take`, but the text has failed without it.
cdef void expect(Cursor* cursor, uint8_t character) noexcept nogil
# Nothing but blanks is left.
cdef bint at_end(Cursor* cursor) noexcept nogil
# The members of an object: `first` from the start, then `next_member` until False. Each stops before the value.
cdef bint first_member(Cursor* cursor, Text* key) noexcept nogil
cdef bint next_member(Cursor* cursor, Text* key) noexcept nogil
cdef Text read_string(Cursor* cursor) noexcept nogil
# A whole number of at most COUNT_DIGITS_MAX digits.
cdef uint64_t read_count(Cursor* cursor) noexcept nogil
cdef Text read_value(Cursor* cursor) noexcept nogil

cdef bint text_is(Text text, const char* wanted) noexcept nogil
cdef bint same_string(Text one, Text other) noexcept nogil
# Twenty characters of 0 to 255 each are twenty bytes; False otherwise.
cdef bint read_bytes_20(Text text, uint8_t* to) noexcept nogil

cdef bint is_plain(uint64_t word) noexcept nogil
cdef void skip_blanks(Cursor* cursor) noexcept nogil
cdef void skip_value(Cursor* cursor, uint32_t depth) noexcept nogil
cdef void skip_members(Cursor* cursor, uint32_t depth) noexcept nogil
cdef void skip_elements(Cursor* cursor, uint32_t depth) noexcept nogil
cdef void skip_number(Cursor* cursor) noexcept nogil
cdef void skip_digits(Cursor* cursor) noexcept nogil
cdef void skip_word(Cursor* cursor, const char* word) noexcept nogil
cdef void skip_escape(Cursor* cursor) noexcept nogil
cdef bint read_member_name(Cursor* cursor, Text* key) noexcept nogil
# A UTF-16 unit or a character beyond them, of a string that has been read.
cdef uint32_t next_character(Cursor* cursor) noexcept nogil
cdef uint32_t next_escaped(Cursor* cursor) noexcept nogil
cdef bint is_digit(uint8_t byte) noexcept nogil
cdef uint32_t hexadecimal(uint8_t byte) noexcept nogil
