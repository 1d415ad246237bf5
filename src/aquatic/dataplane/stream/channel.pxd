from libc.stdint cimport int64_t, uint8_t, uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker

cdef int64_t channel_receive(
    StreamWorker* worker, Connection* connection, uint8_t* bytes, uint32_t capacity
) noexcept nogil
cdef int64_t channel_send(
    StreamWorker* worker, Connection* connection, const uint8_t* bytes, uint32_t length, bint more_follows
) noexcept nogil
cdef bint watch_events(StreamWorker* worker, Connection* connection, uint32_t events) noexcept nogil
