"""What the connection server does for a connection, on the network in memory."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.connection cimport StreamWorker, WorkerGroup
from aquatic.abi.stream cimport StreamProtocol
from aquatic.abi.swarm cimport Store
from aquatic.abi.ws_counters cimport WsCounters
from aquatic.abi.ws_swarm cimport WsSwarm
from aquatic.bench.micro.loop cimport Loop, Pieces
from aquatic.dataplane.stream.backend.memory cimport MemoryNetwork, MemorySocket
from aquatic.dataplane.stream.proxy_header cimport ProxyHeader
from aquatic.dataplane.ws.handle cimport WsHandler

cdef enum:
    WORKERS = 2
    TIMED_CONNECTIONS = 1024

# A worker whose connections speak WebTorrent from the first byte on. The clock of its network stands.
cdef struct RelayWorker:
    StreamWorker worker
    StreamProtocol protocol
    WsHandler handler
    WsCounters counters
    MemoryNetwork* network

# Messages from the first worker's connection to the last one's: of the same worker where there is only one.
cdef struct RelayState:
    Pieces* pieces
    Store* store
    WsSwarm* swarm
    WorkerGroup group
    RelayWorker* first
    RelayWorker* last
    MemorySocket* sender
    MemorySocket* receiver
    uint64_t receiver_name
    uint32_t connection  # whose turn it is, of those that timers are set for
    RelayWorker each[WORKERS]

cdef class RelayLoop(Loop):
    cdef RelayState* relays

    cdef bint start(self, uint32_t workers) except -1
    cdef bint init_worker(self, RelayWorker* one) except -1
    cdef bint init_protocol(self, RelayWorker* one) except -1
    cdef bint connect(self) except -1

cdef struct ProxyState:
    Pieces* pieces
    ProxyHeader header

cdef class ProxyLoop(Loop):
    cdef ProxyState proxy

cdef MemorySocket* open_socket(RelayWorker* one) except NULL
cdef uint64_t take_sent(MemorySocket* socket) noexcept nogil
cdef uint64_t speak(RelayState* relays, MemorySocket* socket) noexcept nogil
cdef uint64_t relay_next(void* state) noexcept nogil
cdef uint64_t exchange_next(void* state) noexcept nogil
cdef uint64_t set_later(void* state) noexcept nogil
cdef uint64_t set_and_expire(void* state) noexcept nogil
cdef uint64_t decode_next_header(void* state) noexcept nogil
