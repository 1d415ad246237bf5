from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.sockets cimport epoll_event
from aquatic.abi.stream_backend cimport StreamBackend

cdef enum:
    MEMORY_SOCKETS_MAX = 1 << 14
    MEMORY_QUEUE_BYTES = 1 << 16
    MEMORY_LISTENERS_MAX = 16
    MEMORY_KEEPS_NS = 200 * 1000 * 1000  # Linux's time for it (MSG_MORE in send(2))

cdef enum MemorySocketState:
    SOCKET_FREE = 0
    SOCKET_WAITING = 1  # in the queue of a listener
    SOCKET_OPEN = 2
    SOCKET_CLOSED = 3  # by the server; the peer has not looked yet

# Both ends of a connection: what the server sees of its socket, and what the peer, the driver, does.
cdef struct MemorySocket:
    uint8_t state
    uint8_t listener
    bint peer_has_ended
    bint is_reset  # by the peer
    bint server_has_ended
    uint64_t data
    uint32_t events  # watched
    Source source
    uint32_t received_first
    uint32_t received_end
    uint32_t receive_max  # at once: splits what was delivered
    uint32_t sent_length
    uint32_t arrived  # of that: the rest is kept until more comes, the end, or MEMORY_KEEPS_NS
    uint64_t kept_since_ns
    uint32_t send_room  # until the kernel takes no more; the greatest number is no limit
    uint8_t received[MEMORY_QUEUE_BYTES]
    uint8_t sent[MEMORY_QUEUE_BYTES]

# Sockets are numbers from MEMORY_LISTENERS_MAX on; below are listeners. Time passes only when the driver says so.
cdef struct MemoryNetwork:
    uint64_t clock_ns
    uint32_t descriptors_max
    uint32_t descriptors
    uint32_t waiting
    uint32_t sockets_used  # places from here on were never used
    uint32_t next_event  # where to look first, so that all have their turn
    bint is_woken  # the event is still to be reported
    uint32_t wakes
    uint32_t accept_error  # once, in place of a connection; 0: none
    uint32_t watch_failure_after  # registrations from now on of which the last fails; the greatest number is never
    uint32_t listener_events[MEMORY_LISTENERS_MAX]
    uint64_t listener_data[MEMORY_LISTENERS_MAX]
    MemorySocket sockets[MEMORY_SOCKETS_MAX]

cdef bint memory_network_init(StreamBackend* backend) noexcept nogil
cdef void memory_network_end(StreamBackend* backend) noexcept nogil
cdef MemorySocket* memory_socket(MemoryNetwork* network, int socket) noexcept nogil
cdef int memory_connect(MemoryNetwork* network, uint32_t listener, const Source* source) noexcept nogil
cdef uint32_t memory_deliver_bytes(MemorySocket* socket, const uint8_t* bytes, uint32_t length) noexcept nogil
cdef uint32_t memory_arrived(const MemoryNetwork* network, MemorySocket* socket) noexcept nogil
cdef void memory_taken(MemorySocket* socket, uint32_t length) noexcept nogil
cdef void memory_forget(MemorySocket* socket) noexcept nogil

cdef int network_wait(void* state, epoll_event* events, int capacity, int timeout_ms) noexcept nogil
cdef uint32_t events_of(const MemorySocket* socket) noexcept nogil
cdef int network_watch(void* state, int socket, uint64_t data, uint32_t events, bint is_new) noexcept nogil
cdef int network_accept(void* state, int listener, Source* source) noexcept nogil
cdef int64_t network_receive(
    void* state, int socket, uint8_t* bytes, uint32_t capacity, bint peeks
) noexcept nogil
cdef int64_t network_send(
    void* state, int socket, const uint8_t* bytes, uint32_t length, bint more_follows
) noexcept nogil
cdef void network_shut_down(void* state, int socket) noexcept nogil
cdef void network_close(void* state, int socket) noexcept nogil
cdef void network_wake(void* state) noexcept nogil
cdef uint64_t network_clock(void* state) noexcept nogil
