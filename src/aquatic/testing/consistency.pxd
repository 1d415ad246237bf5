from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.arena cimport BLOCK_CLASSES
from aquatic.abi.swarm cimport PeerCounts, Shard, Store, Table, TableLayout, TorrentRecord

# What a walk has met so far: in the store, and in the shard that it is in.
cdef struct Tally:
    uint64_t torrents
    uint64_t downloads
    uint64_t peers
    uint32_t shard_peers[2][2]  # by family and role
    uint32_t shard_torrents[2]  # with at least one peer of the family
    uint32_t blocks[BLOCK_CLASSES]

# What is wrong with the store, for a developer to read; NULL if nothing is. No other thread may be using it.
cdef const char* store_fault(Store* store) noexcept nogil
# The same, but only what can be seen without walking it.
cdef const char* totals_fault(Store* store) noexcept nogil

cdef const char* arena_fault(Store* store, const Tally* tally) noexcept nogil
cdef const char* shard_fault(Store* store, Shard* shard, Tally* tally) noexcept nogil
cdef const char* records_fault(Store* store, Shard* shard, Tally* tally) noexcept nogil
cdef const char* record_fault(Store* store, TorrentRecord* record, Tally* tally) noexcept nogil
cdef const char* inline_fault(Store* store, TorrentRecord* record) noexcept nogil
cdef const char* tables_fault(Store* store, TorrentRecord* record, uint32_t family, Tally* tally) noexcept nogil
cdef const char* table_fault(const TableLayout* layout, Table* table, Tally* tally) noexcept nogil
cdef const char* segment_fault(const TableLayout* layout, Table* table, Table* segment, Tally* tally) noexcept nogil
cdef const char* role_fault(
    const TableLayout* layout, Table* table, uint32_t role, PeerCounts* found
) noexcept nogil
