from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.sockets cimport epoll_event
from aquatic.abi.stream_backend cimport StreamBackend

# The state of this backend.
cdef struct Descriptors:
    int epoll
    int wake  # an eventfd

cdef bint socket_init(StreamBackend* backend) noexcept nogil
cdef void socket_end(StreamBackend* backend) noexcept nogil

cdef int epoll_of(void* state) noexcept nogil
cdef bint open_descriptors(Descriptors* descriptors) noexcept nogil
cdef int socket_wait(void* state, epoll_event* events, int capacity, int timeout_ms) noexcept nogil
cdef int socket_watch(void* state, int socket, uint64_t data, uint32_t events, bint is_new) noexcept nogil
cdef int socket_accept(void* state, int listener, Source* source) noexcept nogil
cdef int64_t socket_receive(
    void* state, int socket, uint8_t* bytes, uint32_t capacity, bint peeks
) noexcept nogil
cdef int64_t socket_send(
    void* state, int socket, const uint8_t* bytes, uint32_t length, bint more_follows
) noexcept nogil
cdef void socket_shut_down(void* state, int socket) noexcept nogil
cdef void socket_close(void* state, int socket) noexcept nogil
cdef void socket_wake(void* state) noexcept nogil
cdef uint64_t socket_clock(void* state) noexcept nogil
