from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.connection cimport StreamWorker
from aquatic.abi.sockets cimport epoll_event

cdef bint stream_worker_init(StreamWorker* worker, uint64_t key_low, uint64_t key_high) noexcept nogil
cdef void stream_worker_end(StreamWorker* worker) noexcept nogil
cdef void stream_worker_run(StreamWorker* worker) noexcept nogil
cdef bint stream_worker_start(StreamWorker* worker) noexcept nogil
cdef bint stream_worker_turn(StreamWorker* worker) noexcept nogil
cdef bint stream_worker_drain(StreamWorker* worker) noexcept nogil

cdef int wait_and_handle(StreamWorker* worker, int timeout_ms) noexcept nogil
cdef bint handle_event(StreamWorker* worker, const epoll_event* event) noexcept nogil
cdef void give_back(StreamWorker* worker) noexcept nogil
cdef void flush_outbox(StreamWorker* worker) noexcept nogil
cdef bint expire_due(StreamWorker* worker) noexcept nogil
cdef void close_all(StreamWorker* worker, bint spares_sending) noexcept nogil
cdef void die(StreamWorker* worker) noexcept nogil
