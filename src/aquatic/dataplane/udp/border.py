"""The border between the control plane and the UDP workers. What each method does is said in border.pyi."""

import os
from dataclasses import dataclass

from cython import NULL, address, cast, declare, nogil, pointer, sizeof
from cython import int as c_int
from cython.cimports.aquatic.abi.atomics import (
    memory_order_release,
    store_u32,
)
from cython.cimports.aquatic.abi.counters import COUNTERS
from cython.cimports.aquatic.abi.limits import BATCH_DATAGRAMS_MAX, RESPONSE_BYTES_MAX, SCRAPE_TORRENTS_MAX
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.dataplane.swarm.border import read_buckets, read_counters
from cython.cimports.aquatic.dataplane.udp.backend.mmsg import mmsg_end, mmsg_init
from cython.cimports.aquatic.dataplane.udp.worker import Worker, worker_run
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy

from aquatic.dataplane.swarm.border import FAMILY_INDEX

REQUEST_TYPES = ("connect", "announce", "scrape")
# In the order of the counters in abi/counters.pxd.
COUNTER_NAMES = (
    "requests_connect",
    "requests_announce",
    "requests_scrape",
    "responses_connect",
    "responses_announce",
    "responses_scrape",
    "responses_error",
    "errors_malformed",
    "errors_connection_id_bad",
    "errors_connection_id_expired",
    "errors_refused",
    "errors_not_allowed",
    "bytes_received",
    "bytes_sent",
    "dropped_by_kernel",
    "dropped_send_buffer_full",
    "dropped_send_error",
    "resent",
    "batches",
    "waits",
)
ADDRESS_BYTES = (6, 18)


@dataclass(frozen=True, kw_only=True)
class UdpSettings:
    workers: int
    announce_interval_seconds: int
    response_peers_max: int
    scrape_torrents_max: int
    connection_age_seconds_max: int
    poll_timeout_ms: int
    resend_responses_max: int
    batch_datagrams: int = 32
    latency: bool = False


class UdpWorkers:
    def __cinit__(self, swarm, settings, first_index=0):
        if not 1 <= settings.batch_datagrams <= BATCH_DATAGRAMS_MAX:
            raise ValueError(f"batch_datagrams must be 1 to {BATCH_DATAGRAMS_MAX}")
        self.settings = settings
        self.swarm = swarm
        self.workers_bytes = settings.workers * sizeof(Worker)
        self.workers = cast(pointer(Worker), reserve(self.workers_bytes))
        if self.workers == NULL:
            raise MemoryError("the address space for the UDP workers could not be reserved")
        connection_key = os.urandom(16)
        for index in range(settings.workers):
            worker = address(self.workers[cast(uint32_t, index)])
            self.swarm.take_on(first_index + index, address(worker.upkeep))
            self.init_worker(index)
            memcpy(address(worker.handler.key), cast(pointer(uint8_t), connection_key), 16)

    def init_worker(self, index):
        settings = self.settings
        worker = address(self.workers[index])
        worker.index = index
        worker.poll_timeout_ms = settings.poll_timeout_ms
        worker.batch_datagrams = settings.batch_datagrams
        worker.measures_latency = settings.latency
        handler = address(worker.handler)
        handler.store = self.swarm.store
        handler.counters = address(worker.counters)
        handler.random = int.from_bytes(os.urandom(8), "little")
        handler.rules.announce_interval_seconds = settings.announce_interval_seconds
        handler.rules.connection_age_seconds_max = settings.connection_age_seconds_max
        handler.rules.scrape_torrents_max = min(settings.scrape_torrents_max, SCRAPE_TORRENTS_MAX)
        for family in range(2):
            fitting = (RESPONSE_BYTES_MAX - 20) // ADDRESS_BYTES[family]
            handler.rules.peers_max[family] = min(settings.response_peers_max, fitting)

    def __dealloc__(self):
        if self.workers != NULL:
            unreserve(self.workers, self.workers_bytes)

    def worker(self, index):
        if index >= cast(uint32_t, self.settings.workers):
            raise IndexError("no such worker")
        return address(self.workers[index])

    def run_worker(self, index: int, ipv4_socket: int, ipv6_socket: int):
        worker = self.worker(index)
        sockets = declare(c_int[2])
        sockets[0] = ipv4_socket
        sockets[1] = ipv6_socket
        if not mmsg_init(
            address(worker.backend),
            address(worker.counters),
            sockets,
            worker.batch_datagrams,
            self.settings.resend_responses_max,
            worker.measures_latency,
        ):
            mmsg_end(address(worker.backend))
            raise MemoryError(f"UDP worker {index} could not take up its sockets")
        store_u32(address(worker.upkeep.running), 1, memory_order_release)
        with nogil:
            worker_run(worker)
        store_u32(address(worker.upkeep.running), 0, memory_order_release)
        mmsg_end(address(worker.backend))

    def counters(self, index: int, family: int):
        worker = self.worker(index)
        row = declare(uint32_t, FAMILY_INDEX[family])
        return read_counters(COUNTER_NAMES, address(worker.counters.values[row][0]), COUNTERS)

    def latency_buckets(self, index: int, request_type: str):
        worker = self.worker(index)
        row = declare(uint32_t, REQUEST_TYPES.index(request_type))
        return read_buckets(address(worker.counters.latency[row][0]))
