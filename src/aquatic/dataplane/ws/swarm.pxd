from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.datagram cimport Source
from aquatic.abi.swarm cimport TableLayout
from aquatic.abi.ws_swarm cimport (
    WsActor, WsAnnounce, WsOutcome, WsPeer, WsReceiver, WsShard, WsSwarm, WsSwarmLimits, WsTorrent
)
from aquatic.dataplane.swarm.table cimport Place

# An operation under way, with the shard's lock held: on a torrent, and mostly on a peer of it.
cdef struct WsChange:
    WsSwarm* swarm
    WsShard* shard
    const WsActor* actor
    uint64_t hash  # of the info hash
    WsTorrent* torrent  # NULL: not known
    WsPeer* peer  # NULL: not there
    Place place  # of the peer, in the table of this role
    uint32_t role

# What a scrape says of one torrent.
cdef struct WsTorrentCounts:
    uint32_t seeders
    uint32_t leechers

# Sums over all shards.
cdef struct WsSwarmCounts:
    uint64_t torrents
    uint64_t torrents_by_family[2]
    uint64_t peers[2][2]  # by family and role
    uint64_t refused_peers

cdef WsSwarm* ws_swarm_create(const WsSwarmLimits* limits, uint64_t seed) noexcept nogil
cdef void ws_swarm_destroy(WsSwarm* swarm) noexcept nogil
cdef uint32_t ws_address_tag(const WsSwarm* swarm, const Source* source) noexcept nogil
cdef void ws_announce(
    WsSwarm* swarm, const WsActor* actor, WsAnnounce* announce, uint64_t* random
) noexcept nogil
cdef bint ws_take_answer(
    WsSwarm* swarm, const WsActor* actor, const uint8_t* info_hash, const uint8_t* to_peer_id, const uint8_t* offer_id,
    WsReceiver* receiver
) noexcept nogil
cdef void ws_leave(
    WsSwarm* swarm, const WsActor* actor, const uint8_t* info_hash, const uint8_t* peer_id
) noexcept nogil
cdef bint ws_look_after(
    WsSwarm* swarm, const WsActor* actor, const uint8_t* info_hash, const uint8_t* peer_id
) noexcept nogil
cdef WsTorrentCounts ws_scrape(WsSwarm* swarm, const uint8_t* info_hash) noexcept nogil
cdef void ws_swarm_counts(WsSwarm* swarm, WsSwarmCounts* counts) noexcept nogil

cdef void layout_init(
    WsSwarm* swarm, TableLayout* layout, uint32_t slot_bytes, uint32_t segment_slots, uint64_t seed
) noexcept nogil
cdef void begin(
    WsChange* change, WsSwarm* swarm, const WsActor* actor, const uint8_t* info_hash
) noexcept nogil
cdef void finish(WsChange* change) noexcept nogil
cdef void find_torrent(WsChange* change, const uint8_t* info_hash) noexcept nogil
cdef bint add_torrent(WsChange* change, const uint8_t* info_hash) noexcept nogil
cdef void drop_torrent_if_empty(WsChange* change) noexcept nogil
cdef bint find_peer(WsChange* change, const uint8_t* peer_id) noexcept nogil
cdef WsPeer* peer_in(WsChange* change, uint32_t role, const uint8_t* peer_id) noexcept nogil
cdef bint is_own(const WsChange* change) noexcept nogil
cdef bint has_expired(const WsChange* change) noexcept nogil
cdef WsOutcome note_announce(WsChange* change, WsAnnounce* announce) noexcept nogil
cdef bint add_peer(WsChange* change, const WsAnnounce* announce) noexcept nogil
cdef void move_peer(WsChange* change, uint32_t role) noexcept nogil
cdef void remove_peer(WsChange* change) noexcept nogil
cdef void tidy_peers(WsChange* change) noexcept nogil
cdef void pass_offers_on(WsChange* change, WsAnnounce* announce, uint64_t* random) noexcept nogil
cdef WsTorrentCounts counts_of(const WsSwarm* swarm, const WsTorrent* torrent) noexcept nogil
cdef WsReceiver receiver_of(const WsPeer* peer) noexcept nogil
cdef void compact(WsChange* change) noexcept nogil
