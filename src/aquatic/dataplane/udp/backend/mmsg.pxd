from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.backend cimport Backend
from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch, Datagram, Source
from aquatic.abi.limits cimport BATCH_DATAGRAMS_MAX, REQUEST_STRIDE_BYTES, RESPONSE_BYTES_MAX
from aquatic.abi.sockets cimport cmsghdr, iovec, mmsghdr, msghdr, sockaddr_in6, socklen_t

cdef enum:
    SOCKETS_MAX = 2
    # Room for the address that was asked, the drop counter and the time of arrival.
    CONTROL_WORDS = 16
    CONTROL_BYTES = 8 * CONTROL_WORDS

# Where and how an answer leaves: filled when its request is received.
cdef struct Envelope:
    sockaddr_in6 address  # or a sockaddr_in, by its family
    uint64_t control[CONTROL_WORDS]  # of bytes, but aligned as a cmsghdr must be

# An answer that found the send buffer full and waits for one more try.
cdef struct Delayed:
    Envelope envelope
    socklen_t address_bytes
    size_t control_bytes
    uint32_t length
    uint8_t bytes[RESPONSE_BYTES_MAX]

# One worker's; nobody else touches it.
cdef struct Mmsg:
    Backend* backend
    Counters* counters
    int epoll
    int sockets[SOCKETS_MAX]
    uint32_t batch_datagrams
    bint measures_latency
    bint answers_from_asked[SOCKETS_MAX]  # wildcard sockets
    uint32_t kernel_drops[SOCKETS_MAX]  # as of the kernel's counter, which wraps
    Delayed* delayed[SOCKETS_MAX]
    uint32_t delayed_max
    uint32_t delayed_count[SOCKETS_MAX]
    mmsghdr incoming[BATCH_DATAGRAMS_MAX]
    mmsghdr outgoing[BATCH_DATAGRAMS_MAX]
    iovec incoming_bytes[BATCH_DATAGRAMS_MAX]
    iovec outgoing_bytes[BATCH_DATAGRAMS_MAX]
    Envelope envelopes[BATCH_DATAGRAMS_MAX]
    uint8_t request_bytes[BATCH_DATAGRAMS_MAX * REQUEST_STRIDE_BYTES]

cdef bint mmsg_init(
    Backend* backend, Counters* counters, const int* sockets, uint32_t batch_datagrams, uint32_t delayed_max,
    bint measures_latency
) noexcept nogil
cdef void mmsg_end(Backend* backend) noexcept nogil

cdef int mmsg_wait(void* state, int timeout_ms) noexcept nogil
cdef int mmsg_receive(void* state, uint32_t socket, Batch* batch) noexcept nogil
cdef void mmsg_send(void* state, uint32_t socket, Batch* batch) noexcept nogil
cdef uint64_t mmsg_clock(void* state) noexcept nogil
cdef int broken(Mmsg* mmsg, const char* step) noexcept nogil
cdef bint watch(Mmsg* mmsg, uint32_t socket) noexcept nogil
cdef bint is_wildcard(int socket) noexcept nogil
cdef void prepare_headers(Mmsg* mmsg) noexcept nogil
cdef void read_source(sockaddr_in6* address, Source* source) noexcept nogil
cdef void read_controls(Mmsg* mmsg, uint32_t socket, msghdr* header, Datagram* datagram) noexcept nogil
cdef void note_kernel_drops(Mmsg* mmsg, uint32_t socket, uint32_t drops) noexcept nogil
cdef void address_answer(Mmsg* mmsg, uint32_t socket, uint32_t index, Batch* batch) noexcept nogil
cdef size_t keep_asked_address(msghdr* request) noexcept nogil
cdef uint32_t send_run(Mmsg* mmsg, uint32_t socket, uint32_t first, uint32_t count) noexcept nogil
cdef void delay_or_drop(Mmsg* mmsg, uint32_t socket, uint32_t first, uint32_t count) noexcept nogil
cdef void send_delayed(Mmsg* mmsg, uint32_t socket) noexcept nogil
cdef bint is_link_local(const uint8_t* ip) noexcept nogil
cdef void wait_writable(int socket) noexcept nogil
