from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.backend cimport Backend
from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch
from aquatic.abi.upkeep cimport Upkeep
from aquatic.dataplane.udp.handle cimport Handler

# One thread's world. Written by that thread; `counters` are read by the control plane.
cdef struct Worker:
    Upkeep upkeep
    Backend backend
    Handler handler
    Counters counters
    uint32_t index
    int poll_timeout_ms
    uint32_t batch_datagrams
    bint measures_latency
    Batch batch

cdef void worker_run(Worker* worker) noexcept nogil
cdef bint worker_turn(Worker* worker) noexcept nogil

cdef bint serve(Worker* worker, uint32_t socket, uint32_t batches_max) noexcept nogil
cdef void read_clock(Worker* worker) noexcept nogil
cdef void note_latency(Worker* worker) noexcept nogil
cdef bint drain(Worker* worker) noexcept nogil
cdef void die(Worker* worker) noexcept nogil
