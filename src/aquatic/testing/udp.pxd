from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.swarm cimport Store
from aquatic.dataplane.udp.backend.memory cimport Memory
from aquatic.dataplane.swarm.border cimport Swarm
from aquatic.dataplane.udp.border cimport UdpWorkers
from aquatic.dataplane.udp.worker cimport Worker

cdef class Simulation:
    cdef readonly Swarm swarm
    cdef readonly UdpWorkers workers
    cdef Store* store
    cdef uint32_t workers_count

    cdef Worker* worker_at(self, uint32_t index) noexcept
    cdef Memory* memory(self, uint32_t worker) noexcept
