from libc.stdint cimport uint32_t

from aquatic.abi.connection cimport (
    LISTENERS_MAX,
    StreamLimits,
    StreamWorker,
    TrustedNetworks,
    WorkerGroup,
)
from aquatic.abi.http_counters cimport HttpCounters
from aquatic.abi.http_wire cimport HeadRules, Origins
from aquatic.abi.stream cimport ProtocolLimits, StreamProtocol
from aquatic.abi.ws_counters cimport WsCounters
from aquatic.dataplane.http.handle cimport HttpHandler, HttpRules
from aquatic.dataplane.swarm.border cimport Swarm
from aquatic.dataplane.ws.border cimport WsSwarm
from aquatic.dataplane.ws.handle cimport WsHandler, WsRules

# A worker and what it speaks at its listeners.
cdef struct ServingWorker:
    StreamWorker worker
    HttpCounters http_counters
    HttpHandler handlers[LISTENERS_MAX]
    StreamProtocol protocols[LISTENERS_MAX]
    # What connections of any of them may switch to.
    WsCounters ws_counters
    WsHandler ws_handler
    StreamProtocol ws_protocol

cdef class StreamWorkers:
    cdef readonly object settings
    cdef readonly Swarm swarm
    cdef readonly WsSwarm ws_swarm  # None: nobody speaks WebSocket
    cdef ServingWorker* workers
    cdef size_t workers_bytes
    cdef uint32_t workers_count
    cdef WorkerGroup group
    # By listener, constant after start.
    cdef TrustedNetworks* trusted
    cdef Origins* origins
    # What OpenSSL has, for as long as a listener may hand it to a connection.
    cdef object tls_contexts

    cdef ServingWorker* worker(self, uint32_t index) except NULL
    cdef bint init_worker(self, uint32_t index) except -1
    cdef bint init_websocket(self, ServingWorker* serving) except -1
    cdef bint init_listener(self, ServingWorker* serving, uint32_t place) except -1

cdef void read_limits(object settings, StreamLimits* limits) noexcept
cdef void read_protocol_limits(object settings, ProtocolLimits* limits) noexcept
cdef void read_rules(object settings, object listener, HttpRules* rules) noexcept
cdef void read_address_header(bytes name, HeadRules* rules) noexcept
cdef void read_ws_limits(object websocket, object settings, ProtocolLimits* limits) noexcept
cdef void read_ws_rules(object websocket, WsRules* rules) noexcept
cdef void read_origins(object listener, Origins* origins) noexcept
cdef void read_networks(object networks, TrustedNetworks* trusted) noexcept
cdef bint init_connections(StreamWorker* worker) except -1
