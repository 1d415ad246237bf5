from libc.stdint cimport int64_t, uint8_t, uint32_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.abi.openssl cimport BIO, SSL

cdef bint tls_init(StreamWorker* worker) noexcept nogil
cdef void tls_end(StreamWorker* worker) noexcept nogil
cdef bint tls_start(StreamWorker* worker, Connection* connection, void* context) noexcept nogil
cdef void tls_free(StreamWorker* worker, Connection* connection) noexcept nogil
cdef int64_t tls_shake_hands(StreamWorker* worker, Connection* connection) noexcept nogil
cdef int64_t tls_receive(
    StreamWorker* worker, Connection* connection, uint8_t* bytes, uint32_t capacity
) noexcept nogil
cdef int64_t tls_send(
    StreamWorker* worker, Connection* connection, const uint8_t* bytes, uint32_t length, bint more_follows
) noexcept nogil
cdef bint tls_has_pending(const Connection* connection) noexcept nogil
cdef bint tls_is_resumed(const Connection* connection) noexcept nogil
cdef bint tls_is_outdated(
    StreamWorker* worker, const Connection* connection, uint32_t grace_seconds
) noexcept nogil
cdef void tls_say_goodbye(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void tls_trim(StreamWorker* worker) noexcept nogil

cdef SSL* enter(StreamWorker* worker, Connection* connection) noexcept nogil
cdef int64_t failure(StreamWorker* worker, Connection* connection, int result) noexcept nogil
cdef int64_t write_records(
    StreamWorker* worker, Connection* connection, const uint8_t* bytes, uint32_t length
) noexcept nogil
cdef int bio_read(BIO* bio, char* bytes, int capacity) noexcept nogil
cdef bint is_sending_ticket(const Connection* connection) noexcept nogil
cdef int bio_write(BIO* bio, const char* bytes, int length) noexcept nogil
cdef long bio_control(BIO* bio, int command, long number, void* data) noexcept nogil
