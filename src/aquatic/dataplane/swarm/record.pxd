from libc.stdint cimport uint32_t

from aquatic.abi.swarm cimport PeerCounts, Shard, Store, Table, TorrentRecord
from aquatic.dataplane.swarm.table cimport Slots

cdef uint32_t inline_capacity(const Store* store, uint32_t kind) noexcept nogil
cdef uint32_t inline_family(const TorrentRecord* record) noexcept nogil
cdef Slots inline_slots(const Store* store, TorrentRecord* record) noexcept nogil
cdef Table* tables_of(Store* store, TorrentRecord* record, uint32_t family) noexcept nogil
cdef void count_slot(PeerCounts* counts, uint32_t state) noexcept nogil
cdef void record_counts(Store* store, TorrentRecord* record, uint32_t family, PeerCounts* counts) noexcept nogil
cdef void tables_counts(Store* store, TorrentRecord* record, uint32_t family, PeerCounts* counts) noexcept nogil
cdef void add_partial_seeds(Store* store, TorrentRecord* record, uint32_t family, uint32_t change) noexcept nogil
cdef bint tidy_peers(Store* store, TorrentRecord* record, uint32_t family, uint32_t role) noexcept nogil
cdef uint32_t total_of(const PeerCounts* counts) noexcept nogil
cdef void forget_peers(
    Store* store, Shard* shard, TorrentRecord* record, uint32_t family, const PeerCounts* gone
) noexcept nogil
cdef bint promote(Store* store, TorrentRecord* record, uint32_t family) noexcept nogil
cdef bint promote_slots(Store* store, TorrentRecord* record, TorrentRecord* moved) noexcept nogil
cdef void free_tables(Store* store, TorrentRecord* record) noexcept nogil
cdef void demote(Store* store, TorrentRecord* record) noexcept nogil
cdef bint has_segments(Store* store, TorrentRecord* record) noexcept nogil
cdef void demote_family(Store* store, TorrentRecord* record, uint32_t family) noexcept nogil
