from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u64
from aquatic.abi.swarm cimport Delta, PeerCounts, Shard, Store, StoreLimits, TableLayout, TorrentRecord
from aquatic.dataplane.swarm.change cimport Change

# What is said of one torrent, of peers of one family.
cdef struct TorrentCounts:
    uint32_t seeders
    uint32_t leechers
    uint32_t partial_seeds  # of the leechers (BEP 21)
    uint32_t completed

# What an announce is answered with. The counts leave the asker out.
cdef struct Answer:
    uint64_t cpu_start_ns  # set by the caller where locks are measured: its thread's CPU time, shortly before
    bint wants_completed  # set by the caller; 0 completed downloads otherwise
    TorrentCounts counts
    uint32_t peers  # written to the answer

# Sums over all shards.
cdef struct StoreCounts:
    uint64_t torrents_by_family[2]
    uint64_t peers[2][2]  # by family and role
    uint64_t evicted_torrents
    uint64_t refused_torrents
    uint64_t refused_peers

cdef Store* store_create(const StoreLimits* limits, uint64_t seed) noexcept nogil
cdef void store_destroy(Store* store) noexcept nogil
cdef void store_start_clock(Store* store, uint64_t seconds) noexcept nogil
cdef uint32_t store_tick(Store* store, uint64_t seconds, uint32_t previous) noexcept nogil
cdef uint64_t store_hash(const Store* store, const uint8_t* info_hash) noexcept nogil
cdef Shard* store_shard(Store* store, uint64_t hash) noexcept nogil
cdef void store_prefetch_table(Store* store, uint64_t hash) noexcept nogil
cdef void store_prefetch_record(Store* store, uint64_t hash) noexcept nogil
cdef void store_announce(
    Store* store, const Delta* delta, uint64_t hash, uint32_t tick, uint32_t wanted, uint8_t* out, uint64_t* random,
    Answer* answer
) noexcept nogil
cdef uint32_t store_apply(Store* store, const Delta* deltas, uint32_t count, uint32_t tick) noexcept nogil
cdef TorrentCounts store_scrape(
    Store* store, const uint8_t* info_hash, uint64_t hash, uint32_t family
) noexcept nogil

cdef void tell_peers(TorrentCounts* counts, const PeerCounts* peers) noexcept nogil
cdef uint32_t downloads_of(
    Store* store, Shard* shard, const uint8_t* info_hash, uint64_t hash, uint32_t family
) noexcept nogil
cdef void store_counts(Store* store, StoreCounts* counts) noexcept nogil
cdef void note_longest(atomic_u64* longest_ns, uint64_t duration_ns) noexcept nogil

cdef void note_hold(Store* store, uint64_t held_ns, uint64_t cpu_start_ns) noexcept nogil
cdef void lock_for_request(Store* store, Shard* shard) noexcept nogil
cdef uint32_t latest_tick(const Store* store) noexcept nogil
cdef void layouts_init(Store* store, uint64_t seed) noexcept nogil
cdef void layout_init(
    Store* store, TableLayout* layout, uint32_t slot_bytes, uint32_t segment_slots, uint64_t seed
) noexcept nogil
cdef void locks_init(Store* store) noexcept nogil
cdef uint32_t racy_segment(uint64_t hash, uint32_t segments) noexcept nogil
cdef uint32_t select_peers(
    Change* change, TorrentRecord* record, const uint32_t* by_role, uint32_t tick, uint32_t wanted, uint8_t* out,
    uint64_t* random
) noexcept nogil
cdef uint32_t seeder_share(const uint32_t* by_role, uint32_t wanted, uint64_t* random) noexcept nogil
