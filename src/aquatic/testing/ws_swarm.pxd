from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.ws_swarm cimport WsActor, WsAnnounce, WsSwarm

cdef class WsSwarmWindow:
    cdef WsSwarm* swarm
    cdef public uint32_t second
    cdef uint64_t random

    cdef bint read_actor(self, object connection, WsActor* actor) except -1
    cdef object answer_of(self, WsAnnounce* announce)
