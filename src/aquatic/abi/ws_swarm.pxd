"""The WebRTC swarm's data: which peers of which torrent are behind which connection, and what they offered. Types only.

These peers cannot be dialled by an address, so they have a store of their own: a peer is a peer id on a connection, and
what it is told of others goes to that connection. Peers of both families are one swarm: signalling says nothing of how
they will reach each other. There is no cleaning that goes over it: a connection knows its memberships, looks after them
now and then, and takes them with it when it ends.

Everything in a shard is written under the shard's lock, whoever holds it.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.arena cimport Arena, BlockRef
from aquatic.abi.swarm cimport SHARDS, PrefixTable, Table, TableLayout
from aquatic.abi.threads cimport pthread_mutex_t
from aquatic.abi.udp_wire cimport INFO_HASH_BYTES
from aquatic.abi.http_wire cimport PEER_ID_BYTES
from aquatic.abi.ws_wire cimport OFFER_ID_BYTES, WS_OFFERS_LIMIT, WsOffer

cdef enum:
    WS_TORRENT_SLOT_BYTES = 48
    WS_PEER_SLOT_BYTES = 48
    # Offers of one peer that wait for an answer: what a flood is worth until they are too old.
    OFFERS_WAITING_MAX = 64

# As every slot, these are occupied when the two bytes four from their end are not zero.
cdef struct WsTorrent:
    uint8_t info_hash[INFO_HASH_BYTES]
    Table peers[2]  # by role
    uint32_t peers_by_family[2]
    uint16_t is_occupied
    uint16_t spare

cdef struct WsPeer:
    uint8_t peer_id[PEER_ID_BYTES]
    uint32_t address_tag  # keyed hash of an IPv4 address or an IPv6 /64: who may take the peer over
    uint64_t connection  # among the worker's
    BlockRef offers  # of `offers_room` WaitingOffer; 0: none
    uint32_t second  # when it was last heard of
    uint8_t offer_count
    uint8_t offers_room
    uint8_t family  # of the address
    uint8_t is_completed  # its download has been counted
    uint16_t worker_mark  # the worker's index, and one
    uint16_t prefix_tag  # where client statistics are on

# An offer that was passed on, and to whom: nobody else may answer it.
cdef struct WaitingOffer:
    uint8_t offer_id[OFFER_ID_BYTES]
    uint32_t second
    uint64_t connection
    uint32_t worker
    uint32_t spare

# A connection of any worker.
cdef struct WsReceiver:
    uint64_t connection
    uint32_t worker

# Who acts on the swarm, and when.
cdef struct WsActor:
    WsReceiver self
    uint32_t address_tag
    uint32_t family
    uint32_t second

cdef enum WsOutcome:
    WS_STORED = 0
    WS_NOT_STORED = 1  # there is no memory: it is answered, but nobody will be told of it
    WS_ID_TAKEN = 2  # by a peer behind another address

cdef struct WsAnnounce:
    const uint8_t* info_hash
    const uint8_t* peer_id
    bint has_left  # if not, the peer's role stays
    bint is_seeder
    bint is_completed
    const WsOffer* offers
    uint32_t offer_count  # at most WS_OFFERS_LIMIT
    # Set by the swarm. Offer by offer, from the first one on, those who are to have it; the asker counts.
    WsOutcome outcome
    uint32_t seeders
    uint32_t leechers
    bint counts_download
    uint32_t offers_over_limit
    uint32_t receiver_count
    WsReceiver receivers[WS_OFFERS_LIMIT]

cdef struct WsShard:
    pthread_mutex_t lock
    Table torrents
    uint32_t torrent_count
    uint32_t torrents_by_family[2]  # with at least one peer of the family
    uint32_t peers[2][2]  # by family and role
    uint32_t refused_peers
    uint8_t padding[64]

# Constant after start.
cdef struct WsSwarmLimits:
    uint64_t memory_bytes_max
    uint32_t peer_age_seconds_max
    uint32_t offer_age_seconds_max
    bint tags

cdef struct WsSwarm:
    Arena arena
    TableLayout torrents
    TableLayout peers
    PrefixTable* prefixes  # NULL where client statistics are off
    WsSwarmLimits limits
    uint64_t address_seed
    WsShard shards[SHARDS]
