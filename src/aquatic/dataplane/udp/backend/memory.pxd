from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.backend cimport Backend
from aquatic.abi.datagram cimport Batch, Source
from aquatic.abi.limits cimport REQUEST_BYTES_MAX

cdef enum:
    MEMORY_DATAGRAMS_MAX = 4096

cdef struct Packet:
    Source source
    uint32_t length
    uint8_t bytes[REQUEST_BYTES_MAX]

# A network of two queues and a clock that stands still until it is set. Written by whoever drives the simulation.
cdef struct Memory:
    uint64_t clock_ns
    uint32_t batch_datagrams
    uint32_t sends_until_full  # answers beyond are dropped, as by a full send buffer
    uint32_t incoming_first
    uint32_t incoming_count
    uint32_t outgoing_count
    Packet incoming[MEMORY_DATAGRAMS_MAX]
    Packet outgoing[MEMORY_DATAGRAMS_MAX]

cdef bint memory_init(Backend* backend, uint32_t batch_datagrams) noexcept nogil
cdef void memory_end(Backend* backend) noexcept nogil
cdef bint memory_deliver(
    Memory* memory, const Source* source, const uint8_t* packet, uint32_t length
) noexcept nogil

cdef int memory_wait(void* state, int timeout_ms) noexcept nogil
cdef int memory_receive(void* state, uint32_t socket, Batch* batch) noexcept nogil
cdef void memory_send(void* state, uint32_t socket, Batch* batch) noexcept nogil
cdef uint64_t memory_clock(void* state) noexcept nogil
