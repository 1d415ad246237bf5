from aquatic.abi.stream cimport StreamProtocol
from aquatic.abi.ws_counters cimport WsCounters
from aquatic.dataplane.ws.handle cimport WsHandler
from aquatic.testing.stream cimport StreamServer, StreamSimulation
from aquatic.testing.swarm cimport Swarm
from aquatic.testing.ws_swarm cimport WsSwarmWindow

# What a worker needs to speak WebTorrent on all of its listeners.
cdef class WsService:
    cdef object peers
    cdef object downloads
    cdef WsHandler* handler
    cdef WsCounters* counted
    cdef StreamProtocol protocol

    cdef bint init_handler(
        self, StreamServer server, WsSwarmWindow peers, Swarm downloads, object settings
    ) except -1
