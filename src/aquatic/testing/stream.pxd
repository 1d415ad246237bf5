from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport StreamWorker, TrustedNetworks, WorkerGroup
from aquatic.abi.stream cimport StreamProtocol
from aquatic.abi.swarm cimport Store
from aquatic.dataplane.stream.backend.memory cimport MemoryNetwork, MemorySocket
from aquatic.testing.line_protocol cimport LineProtocol

cdef class StreamGroup:
    cdef WorkerGroup group

cdef class StreamServer:
    cdef StreamGroup group
    cdef readonly object settings
    cdef object contexts
    cdef StreamWorker* worker
    cdef LineProtocol[2] lines
    cdef StreamProtocol[2] protocols
    cdef TrustedNetworks trusted
    cdef Store* store

    cdef bint join(self, StreamGroup group) except -1
    cdef bint init_protocols(self) except -1

cdef class StreamSimulation(StreamServer):
    cdef MemoryNetwork* network

    cdef MemorySocket* socket(self, int number) except NULL
