from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport Delta, Shard, Store, Sweeper, Table, TableLayout, TorrentRecord
from aquatic.dataplane.swarm.store cimport TorrentCounts

cdef class Swarm:
    cdef Store* store
    cdef Sweeper* sweepers
    cdef uint32_t tick
    cdef uint64_t random
    cdef TorrentCounts last_answer

    cdef object peers_of(self, TorrentRecord* record, uint32_t family)

cdef bint read_delta(object fields, Delta* delta) except -1
