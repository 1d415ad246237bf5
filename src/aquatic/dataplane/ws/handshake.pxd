from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.http_wire cimport Head, HeaderValue, Origins

cdef enum:
    KEY_BYTES = 24  # base64 of 16 bytes
    GUID_BYTES = 36
    DIGESTED_BYTES = KEY_BYTES + GUID_BYTES
    ACCEPT_BYTES = 28  # base64 of a SHA-1
    ACCEPT_ROOM_BYTES = ACCEPT_BYTES + 1  # OpenSSL ends it with a zero

cdef enum HandshakeVerdict:
    HANDSHAKE_ACCEPTED = 0
    HANDSHAKE_BAD_VERSION = 1
    HANDSHAKE_BAD_KEY = 2
    HANDSHAKE_BAD_ORIGIN = 3

# Whether a request asks to speak WebSocket; then what is to be said of it.
cdef bint asks_websocket(const Head* head) noexcept nogil
cdef HandshakeVerdict judge_handshake(const Head* head, const Origins* origins) noexcept nogil
# The head of the answer, of at most 160 bytes. Returns the end of what it wrote.
cdef uint8_t* put_handshake(uint8_t* out, const HeaderValue* key) noexcept nogil

cdef bint is_key(const HeaderValue* key) noexcept nogil
cdef bint is_allowed_origin(const HeaderValue* origin, const Origins* origins) noexcept nogil
cdef bint is_same_text(const uint8_t* text, const uint8_t* lower_case, uint32_t length) noexcept nogil
