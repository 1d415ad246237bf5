from aquatic.abi cimport ws_swarm

cdef class WsSwarm:
    cdef ws_swarm.WsSwarm* swarm
