from libc.stdint cimport int64_t, uint32_t, uint64_t

from aquatic.abi.connection cimport Connection, StreamWorker
from aquatic.abi.stream cimport Exchange

cdef enum OutputOutcome:
    OUTPUT_SENT = 0  # or to be sent in this turn, and the connection need not wait for it
    OUTPUT_WAITS = 1
    OUTPUT_FAILED = 2  # and the connection is closed

cdef void connection_event(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void connection_expire(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void connection_look(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void connection_dismiss(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void connection_flush(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void connection_close(StreamWorker* worker, Connection* connection, uint32_t cause) noexcept nogil
cdef void receive(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void let_go(StreamWorker* worker, Connection* connection) noexcept nogil

cdef void take_leave(StreamWorker* worker, Connection* connection, uint32_t cause) noexcept nogil
cdef bint receive_once(StreamWorker* worker, Connection* connection) noexcept nogil
cdef uint32_t error_cause(int64_t error) noexcept nogil
cdef void serve(StreamWorker* worker, Connection* connection, uint32_t length) noexcept nogil
cdef bint has_answered(const Exchange* exchange) noexcept nogil
cdef void note_latency(StreamWorker* worker, uint32_t first, uint64_t start_ns) noexcept nogil
cdef void keep_for_later(
    StreamWorker* worker, Connection* connection, uint32_t offset, uint32_t length
) noexcept nogil
cdef void keep_rest(
    StreamWorker* worker, Connection* connection, uint32_t offset, uint32_t length
) noexcept nogil
cdef OutputOutcome send_answer(StreamWorker* worker, Connection* connection) noexcept nogil
cdef bint watch_sending(StreamWorker* worker, Connection* connection) noexcept nogil
cdef OutputOutcome queue_answer(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void start_sending(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void wait_on(StreamWorker* worker, Connection* connection, uint32_t sent) noexcept nogil
cdef void resume(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void end_our_side(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void finish(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void linger(StreamWorker* worker, Connection* connection) noexcept nogil
