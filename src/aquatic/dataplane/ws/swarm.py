"""The WebRTC swarm: which peers are on which connections, who is to have whose offer, and who may answer it.

A shard is found by the top byte of the info hash's keyed hash, and everything in it happens under its lock. Nothing
here sends: whom a message goes to is told by worker and connection, and it is sent when the lock has been given back.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import multiply_fold, read_u32, read_u64
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import (
    LEECHERS,
    PEER_SEGMENT_SLOTS,
    RECORD_SEGMENT_SLOTS,
    SEEDERS,
    SHARDS,
)
from cython.cimports.aquatic.abi.threads import (
    PTHREAD_MUTEX_ADAPTIVE_NP,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
    pthread_mutexattr_destroy,
    pthread_mutexattr_init,
    pthread_mutexattr_settype,
    pthread_mutexattr_t,
)
from cython.cimports.aquatic.abi.ws_swarm import (
    OFFERS_WAITING_MAX,
    WS_ID_TAKEN,
    WS_NOT_STORED,
    WS_PEER_SLOT_BYTES,
    WS_STORED,
    WS_TORRENT_SLOT_BYTES,
    WsPeer,
    WsReceiver,
    WsSwarm,
    WsTorrent,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_end, arena_init
from cython.cimports.aquatic.dataplane.swarm.prefixes import (
    prefix_acquire,
    prefix_release,
    prefixes_create,
    prefixes_destroy,
)
from cython.cimports.aquatic.dataplane.swarm.slot import info_hash_hash
from cython.cimports.aquatic.dataplane.swarm.table import (
    home_segment,
    segment_compact,
    segment_slots,
    segment_tidy,
    table_count,
    table_find,
    table_free,
    table_insert,
    table_remove,
    table_tidy,
)
from cython.cimports.aquatic.dataplane.ws.receivers import Choice, choose_receivers
from cython.cimports.aquatic.dataplane.ws.swarm import WsChange, WsTorrentCounts
from cython.cimports.aquatic.dataplane.ws.waiting import (
    waiting_add,
    waiting_compact,
    waiting_expire,
    waiting_free,
    waiting_reserve,
    waiting_take,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

# Peers come and go one by one, so little is needed again at once.
WARM_SLABS_MAX = declare(uint32_t, 1)

# Start and end


def ws_swarm_create(limits, seed):
    """An empty swarm, or NULL without memory. `seed` keys all hashes and must be secret."""
    swarm = cast(pointer(WsSwarm), reserve(sizeof(WsSwarm)))
    if swarm == NULL:
        return NULL
    swarm.limits = limits[0]
    swarm.address_seed = multiply_fold(seed, cast(uint64_t, 0xA0761D6478BD642F))
    layout_init(swarm, address(swarm.torrents), WS_TORRENT_SLOT_BYTES, RECORD_SEGMENT_SLOTS, seed)
    layout_init(swarm, address(swarm.peers), WS_PEER_SLOT_BYTES, PEER_SEGMENT_SLOTS, seed)
    attributes = declare(pthread_mutexattr_t)
    pthread_mutexattr_init(address(attributes))
    pthread_mutexattr_settype(address(attributes), PTHREAD_MUTEX_ADAPTIVE_NP)
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        pthread_mutex_init(address(swarm.shards[index].lock), address(attributes))
    pthread_mutexattr_destroy(address(attributes))
    if limits.tags:
        swarm.prefixes = prefixes_create(multiply_fold(seed, cast(uint64_t, 0xD6E8FEB86659FD93)))
    if not arena_init(address(swarm.arena), limits.memory_bytes_max) or (
        limits.tags and swarm.prefixes == NULL
    ):
        ws_swarm_destroy(swarm)
        return NULL
    swarm.arena.warm_slabs_max = WARM_SLABS_MAX
    return swarm


def layout_init(swarm, layout, slot_bytes, segment_slots_, seed):
    layout.arena = address(swarm.arena)
    layout.slot_bytes = slot_bytes
    layout.segment_slots = segment_slots_
    layout.seed = seed


def ws_swarm_destroy(swarm):
    """No other thread may be using it."""
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        pthread_mutex_destroy(address(swarm.shards[index].lock))
    prefixes_destroy(swarm.prefixes)
    arena_end(address(swarm.arena))
    unreserve(swarm, sizeof(WsSwarm))


def ws_address_tag(swarm, source):
    """Who is behind an IPv4 address, or an IPv6 /64, is taken for one."""
    if source.family == FAMILY_IPV4:
        return cast(uint32_t, multiply_fold(read_u32(source.ip) ^ swarm.address_seed, swarm.address_seed | 1))
    return cast(uint32_t, multiply_fold(read_u64(source.ip) ^ ~swarm.address_seed, swarm.address_seed | 1))


# Torrents


def begin(change, swarm, actor, info_hash):
    """Lock the torrent's shard and look the torrent up."""
    change.swarm = swarm
    change.actor = actor
    change.hash = info_hash_hash(info_hash, swarm.torrents.seed)
    change.shard = address(swarm.shards[change.hash >> 56])
    change.peer = NULL
    pthread_mutex_lock(address(change.shard.lock))
    find_torrent(change, info_hash)


def finish(change):
    pthread_mutex_unlock(address(change.shard.lock))


def find_torrent(change, info_hash):
    layout = address(change.swarm.torrents)
    place = table_find(layout, address(change.shard.torrents), info_hash, change.hash)
    change.torrent = NULL
    if place.segment:
        slots = segment_slots(layout, place.segment)
        change.torrent = cast(pointer(WsTorrent), slots.base + place.index * WS_TORRENT_SLOT_BYTES)


def add_torrent(change, info_hash):
    torrent = declare(WsTorrent)
    memset(address(torrent), 0, sizeof(torrent))
    memcpy(torrent.info_hash, info_hash, sizeof(torrent.info_hash))
    torrent.is_occupied = 1
    slot = cast(pointer(uint8_t), address(torrent))
    if not table_insert(address(change.swarm.torrents), address(change.shard.torrents), slot, 0, change.hash):
        return False
    change.shard.torrent_count += 1
    find_torrent(change, info_hash)
    return True


def drop_torrent_if_empty(change):
    """A torrent goes with its last peer, and what is sparse without it is tidied."""
    counts = declare(WsTorrentCounts)
    counts = counts_of(change.swarm, change.torrent)
    if counts.seeders + counts.leechers:
        return
    role = declare(uint32_t)
    for role in range(2):
        table_free(address(change.swarm.peers), address(change.torrent.peers[role]))
    layout = address(change.swarm.torrents)
    table = address(change.shard.torrents)
    place = table_find(layout, table, change.torrent.info_hash, change.hash)
    table_remove(layout, table, place)
    change.shard.torrent_count -= 1
    change.torrent = NULL
    segment_tidy(layout, place.segment)
    table_tidy(layout, table)


def counts_of(swarm, torrent):
    counts = declare(WsTorrentCounts)
    counts.seeders = table_count(address(swarm.peers), address(torrent.peers[SEEDERS]))
    counts.leechers = table_count(address(swarm.peers), address(torrent.peers[LEECHERS]))
    return counts


# Peers


def find_peer(change, peer_id):
    """Look the peer up; False if it, or the torrent, is not there."""
    role = declare(uint32_t)
    for role in range(2 if change.torrent else 0):
        if peer_in(change, role, peer_id):
            return True
    return False


def peer_in(change, role, peer_id):
    layout = address(change.swarm.peers)
    hash = declare(uint64_t, info_hash_hash(peer_id, layout.seed))
    change.peer = NULL
    change.role = role
    change.place = table_find(layout, address(change.torrent.peers[role]), peer_id, hash)
    if change.place.segment:
        slots = segment_slots(layout, change.place.segment)
        change.peer = cast(pointer(WsPeer), slots.base + change.place.index * WS_PEER_SLOT_BYTES)
    return change.peer


def is_own(change):
    """Whether the peer is on the actor's connection, and not on one that has taken it over."""
    self = address(change.actor.self)
    return change.peer.connection == self.connection and change.peer.worker_mark == self.worker + 1


def has_expired(change):
    second = change.actor.second
    age_seconds_max = change.swarm.limits.peer_age_seconds_max
    return second > change.peer.second and second - change.peer.second > age_seconds_max


def note_announce(change, announce):
    """Store or refresh the peer. Behind another address it is somebody else's, whatever is claimed now."""
    if not find_peer(change, announce.peer_id):
        if not add_peer(change, announce):
            change.shard.refused_peers += 1
            return WS_NOT_STORED
    elif not is_own(change):
        if change.peer.address_tag != change.actor.address_tag:
            return WS_ID_TAKEN
        change.peer.connection = change.actor.self.connection
        change.peer.worker_mark = change.actor.self.worker + 1
    change.peer.second = change.actor.second
    role = declare(uint32_t, SEEDERS if announce.is_seeder else LEECHERS)
    if announce.has_left and role != change.role:
        move_peer(change, role)
    if announce.is_completed and not change.peer.is_completed:
        change.peer.is_completed = True
        announce.counts_download = True
    return WS_STORED


def add_peer(change, announce):
    peer = declare(WsPeer)
    memset(address(peer), 0, sizeof(peer))
    memcpy(peer.peer_id, announce.peer_id, sizeof(peer.peer_id))
    peer.address_tag = change.actor.address_tag
    peer.connection = change.actor.self.connection
    peer.worker_mark = change.actor.self.worker + 1
    peer.family = change.actor.family
    role = declare(uint32_t, SEEDERS if announce.has_left and announce.is_seeder else LEECHERS)
    layout = address(change.swarm.peers)
    hash = declare(uint64_t, info_hash_hash(peer.peer_id, layout.seed))
    slot = cast(pointer(uint8_t), address(peer))
    if not table_insert(layout, address(change.torrent.peers[role]), slot, 0, hash):
        return False
    peer_in(change, role, announce.peer_id)
    if change.swarm.prefixes:
        change.peer.prefix_tag = prefix_acquire(change.swarm.prefixes, announce.peer_id)
    family = change.actor.family
    change.shard.peers[family][role] += 1
    change.torrent.peers_by_family[family] += 1
    if change.torrent.peers_by_family[family] == 1:
        change.shard.torrents_by_family[family] += 1
    return True


def move_peer(change, role):
    """A leecher has become a seeder, or the other way round. Without memory it stays what it was."""
    layout = address(change.swarm.peers)
    peer = declare(WsPeer)
    peer = change.peer[0]
    hash = declare(uint64_t, info_hash_hash(peer.peer_id, layout.seed))
    slot = cast(pointer(uint8_t), address(peer))
    if not table_insert(layout, address(change.torrent.peers[role]), slot, 0, hash):
        return
    change.shard.peers[peer.family][role] += 1
    change.shard.peers[peer.family][change.role] -= 1
    table_remove(layout, address(change.torrent.peers[change.role]), change.place)
    tidy_peers(change)
    peer_in(change, role, peer.peer_id)


def remove_peer(change):
    """With its offers."""
    peer = change.peer
    family = declare(uint32_t, peer.family)
    waiting_free(address(change.swarm.arena), peer)
    if change.swarm.prefixes:
        prefix_release(change.swarm.prefixes, peer.prefix_tag)
    change.shard.peers[family][change.role] -= 1
    change.torrent.peers_by_family[family] -= 1
    if change.torrent.peers_by_family[family] == 0:
        change.shard.torrents_by_family[family] -= 1
    table_remove(address(change.swarm.peers), address(change.torrent.peers[change.role]), change.place)
    change.peer = NULL
    tidy_peers(change)
    drop_torrent_if_empty(change)


def tidy_peers(change):
    """Give back what a table does not need since something was removed from it. What is needed for that is bounded."""
    segment_tidy(address(change.swarm.peers), change.place.segment)
    table_tidy(address(change.swarm.peers), address(change.torrent.peers[change.role]))


# What connections do


def ws_announce(swarm, actor, announce, random):
    """Store or refresh a peer, choose who is to have its offers, and note them as waiting for an answer."""
    change = declare(WsChange)
    announce.counts_download = False
    announce.offers_over_limit = 0
    announce.receiver_count = 0
    announce.seeders = 0
    announce.leechers = 0
    begin(address(change), swarm, actor, announce.info_hash)
    if change.torrent == NULL and not add_torrent(address(change), announce.info_hash):
        change.shard.refused_peers += 1
        announce.outcome = WS_NOT_STORED
    else:
        announce.outcome = note_announce(address(change), announce)
        if announce.outcome == WS_STORED and announce.offer_count:
            pass_offers_on(address(change), announce, random)
        counts = counts_of(swarm, change.torrent)
        announce.seeders = counts.seeders
        announce.leechers = counts.leechers
        if announce.outcome != WS_STORED:
            drop_torrent_if_empty(address(change))
    finish(address(change))


def pass_offers_on(change, announce, random):
    """Seeders have use for leechers only."""
    swarm = change.swarm
    peer = change.peer
    arena = address(swarm.arena)
    second = change.actor.second
    waiting_expire(arena, peer, second, swarm.limits.offer_age_seconds_max)
    choice = declare(Choice)
    choice.layout = address(swarm.peers)
    choice.tables = address(change.torrent.peers[LEECHERS])
    choice.tables_count = 1 if change.role == SEEDERS else 2
    choice.asker = peer
    choice.second = second
    choice.age_seconds_max = swarm.limits.peer_age_seconds_max
    room = declare(uint32_t, cast(uint32_t, OFFERS_WAITING_MAX) - peer.offer_count)
    choice.wanted = min(announce.offer_count, room)
    choice.random = random
    choice.count = 0
    announce.offers_over_limit = announce.offer_count - choice.wanted
    if choice.wanted:
        choose_receivers(address(choice))
    announce.receiver_count = waiting_reserve(arena, peer, choice.count) if choice.count else 0
    index = declare(uint32_t)
    for index in range(announce.receiver_count):
        announce.receivers[index] = receiver_of(choice.chosen[index])
        receiver = address(announce.receivers[index])
        waiting_add(arena, peer, announce.offers[index].offer_id, receiver, second)


def receiver_of(peer):
    receiver = declare(WsReceiver)
    receiver.connection = peer.connection
    receiver.worker = peer.worker_mark - 1
    return receiver


def ws_take_answer(swarm, actor, info_hash, to_peer_id, offer_id, receiver):
    """Whether the peer made the actor this offer, lately, and has no answer to it yet: that goes to `receiver` then."""
    change = declare(WsChange)
    begin(address(change), swarm, actor, info_hash)
    is_awaited = False
    if find_peer(address(change), to_peer_id):
        arena = address(swarm.arena)
        waiting_expire(arena, change.peer, actor.second, swarm.limits.offer_age_seconds_max)
        is_awaited = waiting_take(arena, change.peer, offer_id, actor)
        receiver[0] = receiver_of(change.peer)
    finish(address(change))
    return is_awaited


def ws_leave(swarm, actor, info_hash, peer_id):
    """The peer has stopped, or its connection is gone."""
    change = declare(WsChange)
    begin(address(change), swarm, actor, info_hash)
    if find_peer(address(change), peer_id) and is_own(address(change)):
        remove_peer(address(change))
    finish(address(change))


def ws_look_after(swarm, actor, info_hash, peer_id):
    """Drop what is too old; False when the connection has no such peer any more."""
    change = declare(WsChange)
    begin(address(change), swarm, actor, info_hash)
    stays = False
    if find_peer(address(change), peer_id) and is_own(address(change)):
        if has_expired(address(change)):
            remove_peer(address(change))
        else:
            stays = True
            arena = address(swarm.arena)
            waiting_expire(arena, change.peer, actor.second, swarm.limits.offer_age_seconds_max)
            compact(address(change))
    finish(address(change))
    return stays


def compact(change):
    """Move out of sparse slabs what belongs to the peer or lies beside it, so that memory goes back."""
    waiting_compact(address(change.swarm.arena), change.peer)
    segment_compact(address(change.swarm.peers), change.place.segment)
    table = address(change.shard.torrents)
    segment_compact(
        address(change.swarm.torrents), home_segment(address(change.swarm.torrents), table, change.hash)
    )
    change.peer = NULL
    change.torrent = NULL


def ws_scrape(swarm, info_hash):
    change = declare(WsChange)
    counts = declare(WsTorrentCounts)
    begin(address(change), swarm, NULL, info_hash)
    counts.seeders = 0
    counts.leechers = 0
    if change.torrent:
        counts = counts_of(swarm, change.torrent)
    finish(address(change))
    return counts


def ws_swarm_counts(swarm, counts):
    memset(counts, 0, sizeof(counts[0]))
    index = declare(uint32_t)
    family = declare(uint32_t)
    role = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        shard = address(swarm.shards[index])
        pthread_mutex_lock(address(shard.lock))
        counts.torrents += shard.torrent_count
        counts.refused_peers += shard.refused_peers
        for family in range(2):
            counts.torrents_by_family[family] += shard.torrents_by_family[family]
            for role in range(2):
                counts.peers[family][role] += shard.peers[family][role]
        pthread_mutex_unlock(address(shard.lock))
