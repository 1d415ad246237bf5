"""The border between the control plane and WebTorrent's swarms. What each method does is said in border.pyi."""

import os

from cython import NULL, address, declare, nogil
from cython.cimports.aquatic.abi.swarm import LEECHERS, SEEDERS
from cython.cimports.aquatic.abi.ws_swarm import WsSwarmLimits
from cython.cimports.aquatic.dataplane.swarm.arena import arena_used_bytes
from cython.cimports.aquatic.dataplane.swarm.border import read_prefixes
from cython.cimports.aquatic.dataplane.ws.swarm import (
    WsSwarmCounts,
    ws_swarm_counts,
    ws_swarm_create,
    ws_swarm_destroy,
)


class WsSwarm:
    def __cinit__(self, *, memory_bytes_max, offer_age_seconds_max, peer_age_seconds_max, peer_clients=False):
        limits = declare(WsSwarmLimits)
        limits.memory_bytes_max = memory_bytes_max
        limits.offer_age_seconds_max = offer_age_seconds_max
        limits.peer_age_seconds_max = peer_age_seconds_max
        limits.tags = peer_clients
        self.swarm = ws_swarm_create(address(limits), int.from_bytes(os.urandom(8), "little"))
        if self.swarm == NULL:
            raise MemoryError("the address space for WebTorrent's swarms could not be reserved")

    def __dealloc__(self):
        if self.swarm != NULL:
            ws_swarm_destroy(self.swarm)

    def swarm_counts(self):
        swarm = self.swarm
        sums = declare(WsSwarmCounts)
        with nogil:
            ws_swarm_counts(swarm, address(sums))
        counts = {
            "torrents": sums.torrents,
            "memory_bytes": arena_used_bytes(address(swarm.arena)),
            "refused_peers": sums.refused_peers,
        }
        for family, suffix in enumerate(("_ipv4", "_ipv6")):
            seeders = sums.peers[family][SEEDERS]
            counts["torrents" + suffix] = sums.torrents_by_family[family]
            counts["peers" + suffix] = sums.peers[family][LEECHERS] + seeders
            counts["seeders" + suffix] = seeders
        return counts

    def peer_prefixes(self):
        return read_prefixes(self.swarm.prefixes)
