from libc.stdint cimport uint32_t

from aquatic.dataplane.swarm.border cimport Swarm
from aquatic.dataplane.udp.worker cimport Worker

cdef class UdpWorkers:
    cdef readonly object settings
    cdef readonly Swarm swarm
    cdef Worker* workers
    cdef size_t workers_bytes

    cdef Worker* worker(self, uint32_t index) except NULL
    cdef void init_worker(self, uint32_t index) noexcept
