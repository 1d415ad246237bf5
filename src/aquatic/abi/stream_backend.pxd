"""How a stream worker's loop reaches the network: a table of verbs, so that the same loop serves every backend.

Sockets are numbers, as file descriptors are. What can fail returns an errno, negated.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.sockets cimport epoll_event

cdef enum:
    WAKE_DATA = 0xFFFFFFFF  # of the event that `wake` makes

cdef struct StreamBackend:
    void* state
    # Wait for events at most so long; returns how many, or -errno when it is broken. EINTR is no event.
    int (*wait)(void* state, epoll_event* events, int capacity, int timeout_ms) noexcept nogil
    # Be told of these events (0: of none) on a socket, with `data`. Level-triggered. 0 or -errno.
    int (*watch)(void* state, int socket, uint64_t data, uint32_t events, bint is_new) noexcept nogil
    # The next connection of a listener, non-blocking, and who is at its other end; -errno: -EAGAIN when there is none.
    int (*accept)(void* state, int listener, Source* source) noexcept nogil
    # How many bytes were received; 0 when the peer has ended its side; -errno: -EAGAIN when there are none yet.
    int64_t (*receive)(void* state, int socket, uint8_t* bytes, uint32_t capacity, bint peeks) noexcept nogil
    # How many bytes the kernel has taken over; -errno: -EAGAIN when it takes none. Where more follows, or the end, it
    # may keep them for a while, to send them with that.
    int64_t (*send)(
        void* state, int socket, const uint8_t* bytes, uint32_t length, bint more_follows
    ) noexcept nogil
    # End our side: the peer sees the end after all that was sent.
    void (*shut_down)(void* state, int socket) noexcept nogil
    # The socket and its events are gone.
    void (*close)(void* state, int socket) noexcept nogil
    # Let `wait` return, now or when it is next called, with an event of its own. The only verb for other threads.
    void (*wake)(void* state) noexcept nogil
    # Nanoseconds that never go back: what times are measured by.
    uint64_t (*clock)(void* state) noexcept nogil
