from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.connection cimport Connection, ConnectionSlab, StreamWorker, TimerWheel

cdef void timers_init(TimerWheel* wheel, uint64_t now_ns) noexcept nogil
cdef void timer_set(StreamWorker* worker, Connection* connection, uint32_t seconds) noexcept nogil
cdef void timer_look(StreamWorker* worker, Connection* connection, uint32_t seconds) noexcept nogil
cdef bint timer_is_over(const StreamWorker* worker, const Connection* connection) noexcept nogil
cdef uint32_t timer_seconds_ago(
    const StreamWorker* worker, const Connection* connection, uint32_t seconds
) noexcept nogil
cdef void timer_unlink(ConnectionSlab* slab, TimerWheel* wheel, Connection* connection) noexcept nogil
cdef Connection* timers_expired(StreamWorker* worker, uint32_t* budget) noexcept nogil

cdef uint32_t tick_of(uint64_t now_ns) noexcept nogil
cdef uint32_t due_tick(const Connection* connection) noexcept nogil
cdef void timer_move(StreamWorker* worker, Connection* connection) noexcept nogil
cdef void timer_link(StreamWorker* worker, Connection* connection) noexcept nogil
