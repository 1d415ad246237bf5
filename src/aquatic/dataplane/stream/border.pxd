from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport (
    LISTENERS_MAX,
    StreamLimits,
    StreamWorker,
    TrustedNetworks,
    WorkerGroup,
)
from aquatic.abi.http_counters cimport HttpCounters
from aquatic.abi.http_wire cimport HeadRules
from aquatic.abi.stream cimport ProtocolLimits, StreamProtocol
from aquatic.dataplane.http.handle cimport HttpHandler, HttpRules
from aquatic.dataplane.swarm.border cimport Swarm

# A worker and what it speaks at its listeners.
cdef struct ServingWorker:
    StreamWorker worker
    HttpCounters http_counters
    HttpHandler handlers[LISTENERS_MAX]
    StreamProtocol protocols[LISTENERS_MAX]

cdef class StreamWorkers:
    cdef readonly object settings
    cdef readonly Swarm swarm
    cdef ServingWorker* workers
    cdef size_t workers_bytes
    cdef uint32_t workers_count
    cdef WorkerGroup group
    # By listener, constant after start.
    cdef TrustedNetworks* trusted
    # What OpenSSL has, for as long as a listener may hand it to a connection.
    cdef object tls_contexts

    cdef ServingWorker* worker(self, uint32_t index) except NULL
    cdef bint init_worker(self, uint32_t index) except -1
    cdef bint init_listener(self, ServingWorker* serving, uint32_t place) except -1

cdef void read_limits(object settings, StreamLimits* limits) noexcept
cdef void read_protocol_limits(object settings, ProtocolLimits* limits) noexcept
cdef void read_rules(object settings, object listener, HttpRules* rules) noexcept
cdef void read_address_header(bytes name, HeadRules* rules) noexcept
cdef void read_networks(object networks, TrustedNetworks* trusted) noexcept
cdef bint init_connections(StreamWorker* worker) except -1
