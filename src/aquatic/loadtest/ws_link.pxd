"""A client's WebSocket connection (RFC 6455): the handshake, frames in both directions, and what waits to be sent."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.loadtest.json_text cimport Text
from aquatic.loadtest.wire cimport Wire, Wires

cdef extern from "<string.h>" nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    """
    void* memmem(const void* text, size_t text_bytes, const void* wanted, size_t wanted_bytes)

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char* one, const char* other, size_t bytes)

cdef enum:
    INPUT_BYTES = 1 << 19
    RECEIVE_BYTES = 1 << 17
    # A tracker's message may have so many bytes, and the head of its first answer.
    MESSAGE_BYTES_MAX = 1 << 18
    HEAD_BYTES_MAX = 1 << 13
    OUTPUT_BYTES = 1 << 19
    # Of a client's frame: two bytes, up to eight of the length, and the mask.
    FRAME_HEAD_BYTES_MAX = 14
    FRAME_PARTS_MAX = 64
    CONTROL_BYTES_MAX = 125
    KEY_BYTES_MAX = 64
    UPGRADE_BYTES_MAX = 1024

cdef struct Buffer:
    uint8_t* bytes
    uint32_t length
    uint32_t capacity

# What the connections of a worker have in common, and the one that is being served.
cdef struct Desk:
    Wires wires
    uint32_t upgrade_bytes
    uint8_t upgrade[UPGRADE_BYTES_MAX]  # the request that begins a WebSocket
    uint32_t accept_bytes
    uint8_t accept[KEY_BYTES_MAX]  # what must be answered to its key
    uint32_t frame_bytes_max  # of payload; a longer message is sent in several
    uint64_t random
    uint8_t* input
    uint32_t input_at
    uint32_t input_end
    uint8_t* output
    uint32_t output_bytes

cdef enum LinkPhase:
    LINK_CLOSED
    LINK_CONNECTING
    LINK_UPGRADING
    LINK_OPEN

cdef struct Link:
    Wire wire
    LinkPhase phase
    uint32_t message_opcode  # of what is in `message`; 0: nothing
    Buffer message  # fragments that have come
    Buffer kept  # the beginning of a frame
    Buffer waiting  # what the kernel has not taken yet

cdef enum Reading:
    READING_MESSAGE
    READING_MORE  # all has been read
    READING_CLOSED  # the tracker says that it ends
    READING_BROKEN  # no WebSocket, or against its rules

cdef bint desk_init(Desk* desk, bint tls) noexcept nogil
cdef void desk_end(Desk* desk) noexcept nogil

cdef bint link_open(Desk* desk, Link* link, uint64_t number) noexcept nogil
# After an event, until it is LINK_OPEN; False when that cannot be any more.
cdef bint link_proceed(Desk* desk, Link* link, uint32_t events) noexcept nogil
# Returns the bytes received, 0 for the end, or -errno. Everything must be read before the next call of any connection.
cdef int64_t link_receive(Desk* desk, Link* link, uint32_t bytes_max) noexcept nogil
# The next message of what was received. Pings are answered, and the rest of an unfinished frame is kept.
cdef Reading link_read(Desk* desk, Link* link, Text* message) noexcept nogil
# A text message, to be sent by `link_flush`, which comes before anything is put for another connection.
cdef bint link_put(Desk* desk, Link* link, const uint8_t* payload, uint32_t length) noexcept nogil
# False when the connection is gone.
cdef bint link_flush(Desk* desk, Link* link) noexcept nogil
cdef void link_close(Desk* desk, Link* link) noexcept nogil
cdef void link_end(Desk* desk, Link* link) noexcept nogil

# One frame as it came. `payload` points into the input.
cdef struct Arrived:
    uint32_t opcode
    bint is_final
    uint64_t payload_bytes
    uint32_t head_bytes
    uint8_t* payload

cdef Reading read_upgrade(Desk* desk, Link* link) noexcept nogil
cdef bint is_upgrade(const Desk* desk, const uint8_t* head, uint32_t length) noexcept nogil
cdef Reading read_frame(Desk* desk, Link* link, Arrived* frame) noexcept nogil
cdef Reading take_frame(Desk* desk, Link* link, const Arrived* frame, Text* message) noexcept nogil
cdef Reading take_control(Desk* desk, Link* link, const Arrived* frame) noexcept nogil
cdef Reading keep_rest(Desk* desk, Link* link) noexcept nogil
cdef bint append(Buffer* buffer, const uint8_t* bytes, uint32_t length) noexcept nogil
cdef void put_frame(Desk* desk, uint32_t first, const uint8_t* payload, uint32_t length) noexcept nogil
cdef bint make_room(Desk* desk, Link* link, uint32_t length) noexcept nogil
cdef bint send_waiting(Link* link) noexcept nogil
cdef int64_t send_all(Link* link, const uint8_t* bytes, uint32_t length) noexcept nogil
