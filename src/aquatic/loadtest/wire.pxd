"""A client's connection to a tracker, plain or TLS, on an edge-triggered epoll: HTTP and WebSocket go over it."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.openssl cimport SSL, SSL_CTX, SSL_SESSION
from aquatic.abi.sockets cimport socklen_t

cdef enum:
    SOCKET_ADDRESS_BYTES = 28  # struct sockaddr_in6, the longer one

cdef struct SocketAddress:
    uint8_t bytes[SOCKET_ADDRESS_BYTES]
    socklen_t length  # 0: none

# What all connections of a worker have in common.
cdef struct Wires:
    int epoll
    SocketAddress tracker
    SocketAddress* sources  # without a port; NULL: wherever the system likes
    SSL_CTX* context  # NULL: plain
    bint resumes

cdef enum WirePhase:
    WIRE_CLOSED
    WIRE_CONNECTING
    WIRE_SHAKING_HANDS
    WIRE_OPEN

cdef struct Wire:
    int fd
    WirePhase phase
    uint32_t source
    SSL* tls
    SSL_SESSION* session  # of the last connection, to be resumed
    bint resumed  # whether this connection's handshake did
    bint refused  # the last attempt to connect: nobody listens

# Sets up epoll and TLS; False without a descriptor or memory. `wires_end` gives back what was taken.
cdef bint wires_init(Wires* wires, bint tls) noexcept nogil
cdef void wires_end(Wires* wires) noexcept nogil
# Connect; events come with this number. False when that is impossible; the wire is closed then.
cdef bint wire_open(const Wires* wires, Wire* wire, uint64_t number) noexcept nogil
# Go on after an event until it is WIRE_OPEN; False when the tracker cannot be reached, or does not speak TLS.
cdef bint wire_proceed(Wire* wire, uint32_t events) noexcept nogil
# Returns the bytes sent or received, 0 (receive) for the end, or -errno: -EAGAIN when it has to wait for an event.
cdef int64_t wire_send(Wire* wire, const uint8_t* bytes, uint32_t length) noexcept nogil
cdef int64_t wire_receive(Wire* wire, uint8_t* bytes, uint32_t capacity) noexcept nogil
# Whether bytes came that no event will tell of.
cdef bint wire_has_pending(const Wire* wire) noexcept nogil
# The orderly end; `resets`: without a trace in the kernel (no TIME_WAIT), for when the tracker did not close first.
cdef void wire_close(const Wires* wires, Wire* wire, bint resets) noexcept nogil
# Close and forget the session.
cdef void wire_end(const Wires* wires, Wire* wire) noexcept nogil
cdef bint start_tls(const Wires* wires, Wire* wire) noexcept nogil
cdef int socket_error(int fd) noexcept nogil
cdef bint shake_hands(Wire* wire) noexcept nogil
cdef int64_t tls_failure(const Wire* wire, int result) noexcept nogil
