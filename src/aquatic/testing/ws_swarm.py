"""The WebRTC swarm for tests: plain values in and out. What each method does is said in ws_swarm.pyi."""

from collections import namedtuple

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_u32, memory_order_relaxed
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.swarm import LEECHERS, SEEDERS
from cython.cimports.aquatic.abi.ws_swarm import (
    WS_PEER_SLOT_BYTES,
    WsActor,
    WsAnnounce,
    WsPeer,
    WsReceiver,
    WsSwarmLimits,
)
from cython.cimports.aquatic.abi.ws_wire import WS_OFFERS_LIMIT, WsOffer
from cython.cimports.aquatic.dataplane.swarm.arena import arena_held_bytes, arena_used_bytes
from cython.cimports.aquatic.dataplane.swarm.table import segment_slots, table_segment, table_segments
from cython.cimports.aquatic.dataplane.ws.swarm import (
    WsChange,
    WsSwarmCounts,
    begin,
    finish,
    ws_address_tag,
    ws_announce,
    ws_leave,
    ws_look_after,
    ws_scrape,
    ws_swarm_counts,
    ws_swarm_create,
    ws_swarm_destroy,
    ws_take_answer,
)
from cython.cimports.aquatic.testing.values import read_source
from cython.cimports.libc.stdint import UINT64_MAX, uint8_t, uint32_t
from cython.cimports.libc.string import memcpy

Connection = namedtuple("Connection", "worker name ip")
Announced = namedtuple("Announced", "outcome seeders leechers counts_download over_limit receivers")
OUTCOMES = ("stored", "not stored", "id taken")


class WsSwarmWindow:
    def __cinit__(
        self,
        *,
        memory_bytes_max=1 << 28,
        peer_age_seconds_max=180,
        offer_age_seconds_max=120,
        tags=False,
        seed=1,
    ):
        limits = declare(WsSwarmLimits)
        limits.memory_bytes_max = memory_bytes_max
        limits.peer_age_seconds_max = peer_age_seconds_max
        limits.offer_age_seconds_max = offer_age_seconds_max
        limits.tags = tags
        self.random = seed
        self.swarm = ws_swarm_create(address(limits), seed)
        if self.swarm == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.swarm != NULL:
            ws_swarm_destroy(self.swarm)

    def read_actor(self, connection, actor):
        source = declare(Source)
        read_source(connection.ip, 0, address(source))
        actor.self.worker = connection.worker
        actor.self.connection = connection.name
        actor.address_tag = ws_address_tag(self.swarm, address(source))
        actor.family = source.family
        actor.second = self.second
        return True

    def announce(self, connection, info_hash, peer_id, role="leecher", offer_ids=(), completed=False):
        actor = declare(WsActor)
        announce = declare(WsAnnounce)
        offers = declare(WsOffer[WS_OFFERS_LIMIT])
        self.read_actor(connection, address(actor))
        announce.info_hash = cast(pointer(uint8_t), cast(bytes, info_hash))
        announce.peer_id = cast(pointer(uint8_t), cast(bytes, peer_id))
        announce.has_left = role != "unsaid"
        announce.is_seeder = role == "seeder"
        announce.is_completed = completed
        announce.offers = offers
        announce.offer_count = len(offer_ids)
        for index, offer_id in enumerate(offer_ids):
            memcpy(offers[cast(uint32_t, index)].offer_id, cast(pointer(uint8_t), cast(bytes, offer_id)), 20)
        ws_announce(self.swarm, address(actor), address(announce), address(self.random))
        return self.answer_of(address(announce))

    def answer_of(self, announce):
        receivers = []
        for index in range(announce.receiver_count):
            receiver = announce.receivers[cast(uint32_t, index)]
            receivers.append((receiver.worker, receiver.connection))
        return Announced(
            OUTCOMES[cast(int, announce.outcome)],
            announce.seeders,
            announce.leechers,
            bool(announce.counts_download),
            announce.offers_over_limit,
            receivers,
        )

    def take_answer(self, connection, info_hash, to_peer_id, offer_id):
        actor = declare(WsActor)
        receiver = declare(WsReceiver)
        self.read_actor(connection, address(actor))
        if ws_take_answer(
            self.swarm,
            address(actor),
            cast(pointer(uint8_t), cast(bytes, info_hash)),
            cast(pointer(uint8_t), cast(bytes, to_peer_id)),
            cast(pointer(uint8_t), cast(bytes, offer_id)),
            address(receiver),
        ):
            return receiver.worker, receiver.connection
        return None

    def leave(self, connection, info_hash, peer_id):
        actor = declare(WsActor)
        self.read_actor(connection, address(actor))
        ws_leave(
            self.swarm,
            address(actor),
            cast(pointer(uint8_t), cast(bytes, info_hash)),
            cast(pointer(uint8_t), cast(bytes, peer_id)),
        )

    def look_after(self, connection, info_hash, peer_id):
        actor = declare(WsActor)
        self.read_actor(connection, address(actor))
        return bool(
            ws_look_after(
                self.swarm,
                address(actor),
                cast(pointer(uint8_t), cast(bytes, info_hash)),
                cast(pointer(uint8_t), cast(bytes, peer_id)),
            )
        )

    def scrape(self, info_hash):
        counts = ws_scrape(self.swarm, cast(pointer(uint8_t), cast(bytes, info_hash)))
        return counts.seeders, counts.leechers

    def counts(self):
        sums = declare(WsSwarmCounts)
        ws_swarm_counts(self.swarm, address(sums))
        found = {"torrents": sums.torrents, "refused_peers": sums.refused_peers}
        for family, suffix in enumerate(("_ipv4", "_ipv6")):
            found["torrents" + suffix] = sums.torrents_by_family[family]
            found["leechers" + suffix] = sums.peers[family][LEECHERS]
            found["seeders" + suffix] = sums.peers[family][SEEDERS]
        return found

    def prefixes(self):
        table = self.swarm.prefixes
        found = {}
        for tag in range(1 << 16):
            peers = load_u32(address(table.peers[tag]), memory_order_relaxed)
            if peers:
                found[table.prefixes[tag].to_bytes(8, "little") if tag else b""] = peers
        return found

    def peers(self, info_hash):
        change = declare(WsChange)
        begin(address(change), self.swarm, NULL, cast(pointer(uint8_t), cast(bytes, info_hash)))
        finish(address(change))
        if change.torrent == NULL:
            return None
        layout = address(self.swarm.peers)
        found = {}
        for role, name in ((LEECHERS, "leecher"), (SEEDERS, "seeder")):
            table = address(change.torrent.peers[cast(uint32_t, role)])
            for index in range(table_segments(layout, table)):
                slots = segment_slots(layout, table_segment(layout, table, index))
                for place in range(slots.capacity):
                    peer = cast(pointer(WsPeer), slots.base + cast(uint32_t, place) * WS_PEER_SLOT_BYTES)
                    if peer.worker_mark:
                        peer_id = cast(bytes, peer.peer_id[:20])
                        assert peer_id not in found
                        connection = peer.worker_mark - 1, peer.connection
                        found[peer_id] = name, connection, peer.second, peer.offer_count
        return found

    def fail_allocation(self, after: int):
        self.swarm.arena.allocations_until_failure = UINT64_MAX if after < 0 else after

    def allocations_left(self):
        return self.swarm.arena.allocations_until_failure

    def memory_bytes(self):
        return arena_used_bytes(address(self.swarm.arena))

    def held_bytes(self):
        return arena_held_bytes(address(self.swarm.arena))
