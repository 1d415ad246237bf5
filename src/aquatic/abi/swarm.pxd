"""The swarm store's data: torrents, peers, shards. Types only.

A torrent's record is 48 bytes in an open-addressing table of its shard. Up to three IPv4 peers (or one IPv6 peer)
live inside the record; more peers move into tables of their own, one per family and role, so that counts are free
and a seeder's answer needs no filter. A peer is kept in wire form with two bytes of state behind it: answering is
copying, and a port of zero marks an empty slot, so the table is the storage.

Everything in a shard is written under the shard's lock, whoever holds it, except where a field says otherwise.
"""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.arena cimport Arena, BlockRef
from aquatic.abi.atomics cimport atomic_pointer, atomic_u32, atomic_u64
from aquatic.abi.histogram cimport HISTOGRAM_BUCKETS
from aquatic.abi.limits cimport WORKERS_MAX
from aquatic.abi.threads cimport pthread_mutex_t

cdef enum:
    # A peer slot: address, port (network order), state (machine order).
    IPV4_SLOT_BYTES = 8
    IPV6_SLOT_BYTES = 20
    TAG_BYTES = 2  # index of the peer id prefix, in an array behind the slots, where client statistics are on
    STATE_SEEDER = 0x8000
    STATE_COMPLETED = 0x4000  # its download has been counted
    STATE_SCOPED = 0x2000  # the address is not a global one
    STATE_PARTIAL_SEED = 0x1000  # a leecher that wants nothing more (BEP 21)
    STATE_TICK_MASK = 0x0FFF
    TICK_AGE_MAX = 0x07FF  # ticks wrap: a greater difference is a tick ahead of ours, not an old one

    INLINE_BYTES = 24
    LEECHERS = 0
    SEEDERS = 1

    TORRENT_SLOT_BYTES = 48
    DOWNLOAD_SLOT_BYTES = 32
    # A table becomes segments beyond twice this many slots in use, and has about one segment for each so many.
    PEER_SEGMENT_SLOTS = 256
    RECORD_SEGMENT_SLOTS = 64
    TABLE_IS_SEGMENTED = 0xFFFF

    SHARDS = 256

cdef enum RecordKind:
    RECORD_EMPTY = 0
    RECORD_INLINE_IPV4 = 1
    RECORD_INLINE_IPV6 = 2
    RECORD_TABLES = 3

cdef enum Scope:
    SCOPE_GLOBAL = 0
    SCOPE_PRIVATE = 1
    SCOPE_LOOPBACK = 2

# A run of slots: one open-addressing table. Or, when capacity is TABLE_IS_SEGMENTED, the block of a TableDirectory.
cdef struct Table:
    BlockRef block
    uint16_t count
    uint16_t capacity

# Segments are addressed by linear hashing: one segment splits at a time, and each grows alone.
cdef struct TableDirectory:
    uint32_t count
    uint32_t segment_count
    uint32_t segments_max
    uint32_t partial_seeds  # see PeerTables
    Table segments[1]  # segments_max of them

cdef enum:
    PREFIXES_MAX = 1 << 16  # what a tag can name; 0 is "other"
    PREFIX_PROBES = 32

# The peer id prefixes of the peers in the store. Prefixes are written under the lock; counts fall without it.
cdef struct PrefixTable:
    pthread_mutex_t lock
    uint64_t seed
    uint64_t prefixes[PREFIXES_MAX]
    atomic_u32 peers[PREFIXES_MAX]

# What kind of slots a table has: peers of a family, torrents, or download counts. Constant after start.
cdef struct TableLayout:
    Arena* arena
    uint32_t slot_bytes
    uint32_t tag_bytes  # 0 where client statistics are off
    uint32_t segment_slots  # a larger table has about one segment for each so many
    uint64_t seed
    PrefixTable* prefixes  # NULL where client statistics are off

# Partial seeds lie among the leechers and are counted by family: in a directory from when the leechers have one, and
# before that here. Modulo 2^16 here and 2^32 there, since those counted here may be gone by the time of the directory.
cdef struct PeerTables:
    Table ipv4[2]  # by role
    BlockRef ipv6  # of two Table, by role
    uint16_t partial_seeds[2]

cdef union TorrentPeers:
    uint8_t inline_slots[INLINE_BYTES]
    PeerTables tables

# Peers of one family: of a torrent, or those that have just left it. Partial seeds are counted as leechers as well.
cdef struct PeerCounts:
    uint32_t by_role[2]
    uint32_t partial_seeds

# As every slot, a record is occupied when the two bytes four from its end are not zero.
cdef struct TorrentRecord:
    uint8_t info_hash[20]
    TorrentPeers peers
    uint8_t kind
    uint8_t inline_count
    uint16_t spare

# Counts outlive the peers. They are kept by family because a dual-stack client completes once on each.
cdef struct DownloadRecord:
    uint8_t info_hash[20]
    uint32_t completed[2]
    uint16_t last_day  # of the last completion, since 1970
    uint16_t spare

# One accepted announce, as the store applies it and as snapshots and replication carry it.
cdef packed struct Delta:
    uint8_t info_hash[20]
    uint8_t ip[16]  # as in a Source
    uint16_t port  # network byte order
    uint8_t family
    uint8_t flags
    uint32_t age_seconds  # since it was accepted
    uint8_t peer_id_prefix[8]

cdef enum DeltaFlags:
    DELTA_SEEDER = 1
    DELTA_STOPPED = 2
    DELTA_COMPLETED = 4
    DELTA_PARTIAL_SEED = 8  # BEP 21: incomplete, and wants nothing more

# Written by the one worker that cleans the shard, under the lock.
cdef struct SweepCursor:
    uint32_t segments  # as of the last piece
    uint32_t segment
    uint32_t record
    BlockRef block  # of the segment, which starts again if it was rebuilt meanwhile
    uint32_t table  # within the record: family * 2 + role
    uint32_t peer_segment

cdef struct Shard:
    pthread_mutex_t lock
    Table torrents
    Table downloads
    SweepCursor sweep
    uint32_t merges_held  # an export is under way, which must not see segments merge
    uint32_t torrents_by_family[2]  # with at least one peer of the family
    uint32_t peers[2][2]  # by family and role
    uint32_t evicted_torrents
    uint32_t refused_torrents
    uint32_t refused_peers
    uint8_t padding[64]

# Constant after start.
cdef struct StoreLimits:
    uint64_t torrents_max
    uint64_t peers_max
    uint64_t downloads_max
    uint64_t memory_bytes_max
    uint32_t peer_age_ticks_max
    uint32_t tick_seconds
    bint measure_locks  # of requests too, where latency is measured; cleaning and export always are
    uint32_t sweepers  # workers that clean, each the shards whose number leaves its index
    bint tags

# Totals are atomic because an insertion in any shard checks them against the bounds.
cdef struct Store:
    Arena arena
    TableLayout peers[2]  # by family
    TableLayout torrents
    TableLayout downloads
    PrefixTable* prefixes
    StoreLimits limits
    atomic_u64 torrents_total
    atomic_u64 peers_total
    atomic_u64 downloads_total
    atomic_pointer access_list  # AccessList; written by the control plane
    atomic_u64 lock_hold_ns_max  # that a holder was running: it may have been taken off its core meanwhile
    atomic_u64 lock_wait_ns_max  # of requests
    atomic_u32 skipped_ticks  # by which the clock lags behind, once it has had to wait for cleaning
    atomic_u32 cleaned_ticks[WORKERS_MAX]  # when each sweeper's last complete cleaning began
    atomic_u64 cleanings[WORKERS_MAX]
    Shard shards[SHARDS]

# One worker's cleaning. Written by that worker; `peers_per_torrent` is read by the control plane.
cdef struct Sweeper:
    Store* store
    uint32_t index
    uint32_t shard  # of those that are this worker's
    uint32_t cycle_tick
    bint counts_torrents  # for the statistics of peers per torrent
    uint64_t cycle_start_ns
    uint64_t interval_ns
    uint64_t counting[2][HISTOGRAM_BUCKETS]  # by family, in this cycle so far
    atomic_u64 peers_per_torrent[2][HISTOGRAM_BUCKETS]  # as of the last complete cycle

cdef enum AccessMode:
    ACCESS_OFF = 0
    ACCESS_ALLOW = 1
    ACCESS_DENY = 2

# Info hashes allowed or denied: built whole, then only read. 20 bytes a place; the two arrays lie behind the struct.
cdef struct AccessList:
    uint32_t mode
    uint32_t capacity  # a power of two
    uint64_t seed
    size_t size_bytes
    uint8_t* hashes
    uint8_t* occupied
