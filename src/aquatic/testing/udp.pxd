from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.swarm cimport Store
from aquatic.dataplane.udp.backend.memory cimport Memory
from aquatic.dataplane.udp.tracker cimport Tracker
from aquatic.dataplane.udp.worker cimport Worker

cdef class Simulation:
    cdef readonly Tracker tracker
    cdef Store* store
    cdef uint32_t workers

    cdef Worker* worker_at(self, uint32_t index) noexcept
    cdef Memory* memory(self, uint32_t worker) noexcept

cdef bint read_source_fields(object ip, object port, Source* source) except -1
