from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.connection cimport StreamWorker
from aquatic.abi.http_counters cimport HttpCounters
from aquatic.abi.http_wire cimport HeaderValue, Origins
from aquatic.dataplane.http.handle cimport HttpHandler
from aquatic.dataplane.stream.backend.memory cimport MemoryNetwork
from aquatic.dataplane.stream.border cimport StreamWorkers
from aquatic.testing.swarm cimport Swarm

cdef class HttpService:
    cdef readonly Swarm swarm
    cdef HttpHandler* handler
    cdef HttpCounters* counted
    cdef Origins* origins
    cdef readonly object switched_source

cdef class HttpSimulation:
    cdef readonly StreamWorkers workers
    cdef StreamWorker* worker
    cdef MemoryNetwork* network

cdef object header_value(const HeaderValue* value)
