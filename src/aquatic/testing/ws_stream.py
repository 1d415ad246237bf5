"""WebTorrent on the connection server, for tests: frames from the first byte on. Says ws_stream.pyi."""

from dataclasses import dataclass

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    load_pointer,
    memory_order_relaxed,
    memory_order_release,
    store_pointer,
)
from cython.cimports.aquatic.abi.swarm import ACCESS_ALLOW, ACCESS_DENY, AccessList
from cython.cimports.aquatic.abi.ws_counters import WS_COUNTERS, WsCounters
from cython.cimports.aquatic.dataplane.swarm.access_list import access_list_create, access_list_destroy
from cython.cimports.aquatic.dataplane.swarm.border import read_counters
from cython.cimports.aquatic.dataplane.ws.handle import WsHandler, ws_end, ws_look, ws_serve
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.stdlib import calloc, free

from aquatic.dataplane.stream.border import WS_COUNTER_NAMES


@dataclass(frozen=True, kw_only=True)
class WsSettings:
    announce_interval_seconds: int = 120
    scrape_torrents_max: int = 20
    offers_max: int = 10
    memberships_max: int = 20
    frame_bytes_max: int = 4000
    message_bytes_max: int = 8000


class WsService:
    def __cinit__(self, server, peers, downloads, settings):
        self.peers = peers
        self.downloads = downloads
        self.handler = cast(pointer(WsHandler), calloc(1, sizeof(WsHandler)))
        self.counted = cast(pointer(WsCounters), calloc(1, sizeof(WsCounters)))
        if self.handler == NULL or self.counted == NULL:
            raise MemoryError
        self.init_handler(server, peers, downloads, settings)

    def init_handler(self, server, peers, downloads, settings):
        handler = self.handler
        worker = server.worker
        handler.swarm = peers.swarm
        handler.store = downloads.store
        handler.worker = worker
        handler.counters = self.counted
        handler.random = worker.index
        handler.rules.frames.frame_bytes_max = settings.frame_bytes_max
        handler.rules.frames.message_bytes_max = settings.message_bytes_max
        handler.rules.announce_interval_seconds = settings.announce_interval_seconds
        handler.rules.scrape_torrents_max = settings.scrape_torrents_max
        handler.rules.offers_max = settings.offers_max
        handler.rules.memberships_max = settings.memberships_max
        protocol = address(self.protocol)
        protocol[0] = worker.listeners[0].protocol[0]
        protocol.state = handler
        protocol.serve = ws_serve
        protocol.look = ws_look
        protocol.end = ws_end
        protocol.successor = NULL
        for index in range(worker.listener_count):
            worker.listeners[cast(uint32_t, index)].protocol = protocol
        return True

    def __dealloc__(self):
        free(self.handler)
        free(self.counted)

    def counters(self, family: int = 4):
        row = declare(uint32_t, 1 if family == 6 else 0)
        return read_counters(WS_COUNTER_NAMES, address(self.counted.values[row][0]), WS_COUNTERS)

    def set_access_list(self, mode: str, info_hashes: bytes):
        modes = {"allow": ACCESS_ALLOW, "deny": ACCESS_DENY}
        hashes = cast(pointer(uint8_t), info_hashes)
        created = access_list_create(modes[mode], hashes, len(info_hashes) // 20, 1)
        place = address(self.handler.store.access_list)
        old = cast(pointer(AccessList), load_pointer(place, memory_order_relaxed))
        store_pointer(place, created, memory_order_release)
        access_list_destroy(old)
