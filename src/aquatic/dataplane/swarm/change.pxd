from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport Delta, PeerCounts, Shard, Store, Table, TableLayout, TorrentRecord
from aquatic.dataplane.swarm.table cimport Place, Slots

# One delta being applied, under the shard's lock.
cdef struct Change:
    Store* store
    Shard* shard
    const Delta* delta
    uint64_t info_hash_hash
    uint32_t family
    uint32_t role
    TableLayout* layout
    uint8_t slot[20]  # the peer as it is to be stored
    uint64_t slot_hash
    bint stored  # the peer is in the torrent's record now
    bint peers_exhausted  # there was no room under the bound

cdef TorrentRecord* change_apply(
    Change* change, Store* store, Shard* shard, const Delta* delta, uint64_t hash, uint32_t tick
) noexcept nogil
cdef TorrentRecord* find_torrent(Store* store, Shard* shard, const uint8_t* info_hash, uint64_t hash) noexcept nogil
cdef bint is_partial_seed(const Change* change) noexcept nogil
cdef void torrent_remove(Store* store, Shard* shard, Place place) noexcept nogil

cdef void make_slot(Change* change, uint32_t tick) noexcept nogil
cdef TorrentRecord* record_at(Store* store, Place place) noexcept nogil
cdef TorrentRecord* insert_torrent(Change* change) noexcept nogil
cdef bint upsert(Change* change, TorrentRecord* record) noexcept nogil
cdef bint upsert_inline(Change* change, TorrentRecord* record, Slots* slots) noexcept nogil
cdef bint upsert_tables(Change* change, TorrentRecord* record) noexcept nogil
cdef bint move_peer(Change* change, TorrentRecord* record, Table* tables, Place place) noexcept nogil
cdef bint insert_peer(Change* change, TorrentRecord* record, Table* tables) noexcept nogil
cdef void refresh(Change* change, TorrentRecord* record, uint8_t* slot) noexcept nogil
cdef void note_partial_seed(Change* change, TorrentRecord* record, uint32_t old_state) noexcept nogil
cdef uint32_t inherit_state(Change* change, const uint8_t* old_slot) noexcept nogil
cdef void count_download(Change* change, uint32_t old_state) noexcept nogil
cdef bint reserve_peer(Change* change) noexcept nogil
cdef void note_added(Change* change, TorrentRecord* record) noexcept nogil
cdef uint16_t new_tag(Change* change) noexcept nogil
cdef void remove_peer(Change* change, TorrentRecord* record) noexcept nogil
cdef void remove_inline(Change* change, TorrentRecord* record, PeerCounts* gone) noexcept nogil
cdef void remove_from_tables(Change* change, TorrentRecord* record, PeerCounts* gone) noexcept nogil
cdef void release_slot_tag(Change* change, const Slots* slots, uint32_t index) noexcept nogil
cdef bint evict(Change* change) noexcept nogil
cdef uint32_t eviction_rank(Change* change, TorrentRecord* record) noexcept nogil
