from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.ws_wire cimport Frame, FrameRules, FrameVerdict, MessageReader, Opcode

cdef enum:
    IS_FINAL = 0x80
    RESERVED_BITS = 0x70
    IS_CONTROL = 0x08
    OPCODE_BITS = 0x0F
    IS_MASKED = 0x80
    LENGTH_BITS = 0x7F
    # In place of a length: it follows, in two or in eight bytes.
    LENGTH_IN_2 = 126
    LENGTH_IN_8 = 127

# Of a frame in parts nothing is used. Of one that is whole, `take_frame` brings the reader behind it, and says whether
# a message is whole with it; control frames stand between a message's and leave the reader as it is.
cdef FrameVerdict decode_frame(
    const uint8_t* input, uint32_t length, const FrameRules* rules, const MessageReader* reader, Frame* frame
) noexcept nogil
cdef bint take_frame(MessageReader* reader, const Frame* frame) noexcept nogil
cdef bint is_control(const Frame* frame) noexcept nogil
# In place. Of a payload in parts each begins with the mask's first byte.
cdef void unmask(uint8_t* payload, uint32_t length, const uint8_t* mask) noexcept nogil
cdef bint is_utf8(const uint8_t* text, uint32_t length) noexcept nogil
# The code that a close frame is answered with: its own, or 0 where it has none.
cdef uint32_t code_of_close(const uint8_t* payload, uint32_t length) noexcept nogil

# These return the end of what they wrote: whole, unmasked frames of at most 65,535 bytes.
cdef uint8_t* put_frame_header(uint8_t* out, Opcode opcode, uint32_t payload_bytes) noexcept nogil
# Of a payload that lies FRAME_HEADER_ROOM_BYTES behind `out`, and ends at `end`.
cdef uint8_t* put_frame_around(uint8_t* out, Opcode opcode, uint8_t* end) noexcept nogil
cdef uint8_t* put_close(uint8_t* out, uint32_t code) noexcept nogil

cdef bint is_bad_head(uint32_t head, const MessageReader* reader) noexcept nogil
cdef FrameVerdict decode_length(const uint8_t* input, uint32_t length, uint64_t* payload_bytes) noexcept nogil
cdef uint64_t all_bits(const uint8_t* text) noexcept nogil
cdef uint32_t utf8_bytes(const uint8_t* text, uint32_t length) noexcept nogil
cdef bint is_close_code(uint32_t code) noexcept nogil
