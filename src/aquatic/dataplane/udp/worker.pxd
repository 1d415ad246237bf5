from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u32, atomic_u64
from aquatic.abi.backend cimport Backend
from aquatic.abi.counters cimport Counters
from aquatic.abi.datagram cimport Batch
from aquatic.abi.swarm cimport Store, Sweeper
from aquatic.dataplane.udp.handle cimport Handler

# One thread's world. Written by that thread; `stopping` by the control plane, `turns` and `counters` read by it.
cdef struct Worker:
    Store* store
    Backend backend
    Handler handler
    Sweeper sweeper
    Counters counters
    atomic_u32 stopping
    atomic_u64 turns
    uint32_t index
    int poll_timeout_ms
    uint32_t batch_datagrams
    bint measures_latency
    bint is_behind  # with cleaning
    Batch batch

cdef void worker_run(Worker* worker) noexcept nogil
cdef bint worker_turn(Worker* worker) noexcept nogil

cdef bint serve(Worker* worker, uint32_t socket, uint32_t batches_max) noexcept nogil
cdef void read_clock(Worker* worker) noexcept nogil
cdef void note_latency(Worker* worker) noexcept nogil
cdef bint drain(Worker* worker) noexcept nogil
cdef void die(Worker* worker) noexcept nogil
