from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.connection cimport Connection, Outbox, StreamWorker

cdef enum RelayOutcome:
    RELAY_QUEUED = 0  # or on its way to the other worker, which will know what becomes of it
    RELAY_GONE = 1  # there is no such connection any more
    RELAY_FULL = 2  # it has not taken what was sent before, or there is no memory: this message is lost, no other

cdef bint outbox_init(Outbox* outbox, uint32_t connections_max) noexcept nogil
cdef void outbox_end(Outbox* outbox) noexcept nogil
cdef RelayOutcome relay(
    StreamWorker* worker, uint32_t to_worker, uint64_t connection, const uint8_t* message, uint32_t length
) noexcept nogil
cdef bint outbox_collect(StreamWorker* worker) noexcept nogil
cdef void outbox_add(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void outbox_remove(StreamWorker* worker, Connection* connection) noexcept nogil
cdef Connection* outbox_take(StreamWorker* worker) noexcept nogil

cdef RelayOutcome queue_message(
    StreamWorker* worker, uint64_t name, const uint8_t* message, uint32_t length
) noexcept nogil
