"""The UDP data plane for tests: bytes in and out. What each function does is said in udp.pyi."""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_u64, memory_order_relaxed
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.udp_wire import VERDICT_ACCEPTED, Request
from cython.cimports.aquatic.dataplane.siphash import HashKey
from cython.cimports.aquatic.dataplane.swarm.border import Swarm
from cython.cimports.aquatic.dataplane.swarm.store import store_start_clock
from cython.cimports.aquatic.dataplane.udp.backend.memory import (
    Memory,
    memory_deliver,
    memory_end,
    memory_init,
)
from cython.cimports.aquatic.dataplane.udp.border import UdpWorkers
from cython.cimports.aquatic.dataplane.udp.connection_id import (
    CONNECTION_BAD,
    CONNECTION_EXPIRED,
    CONNECTION_VALID,
    check_connection_id,
    connection_id,
)
from cython.cimports.aquatic.dataplane.udp.decode import decode
from cython.cimports.aquatic.dataplane.udp.worker import worker_turn
from cython.cimports.aquatic.testing.values import copied, ip_of, port_of, read_source
from cython.cimports.libc.stdint import UINT32_MAX, UINT64_MAX, uint8_t, uint32_t
from cython.cimports.libc.stdlib import free
from cython.cimports.libc.string import memcpy, memset

VERDICTS = ("accepted", "malformed", "port zero", "full scrape", "bad info hashes")
CONNECTION_VERDICTS = {CONNECTION_VALID: "valid", CONNECTION_BAD: "bad", CONNECTION_EXPIRED: "expired"}
NS = 1_000_000_000


def decode_datagram(packet: bytes):
    request = declare(Request)
    memset(address(request), 0, 64)
    copy = copied(packet)
    verdict = decode(copy, len(packet), address(request))
    fields = {"verdict": VERDICTS[cast(int, verdict)]}
    if verdict == VERDICT_ACCEPTED:
        fields.update(
            connection_id=request.connection_id,
            action=request.action,
            transaction_id=cast(bytes, cast(pointer(uint8_t), address(request.transaction_id))[:4]),
        )
    if verdict == VERDICT_ACCEPTED and request.action:
        hashes_bytes = declare(uint32_t, 20 * request.info_hash_count)
        fields["info_hashes"] = cast(bytes, request.info_hash[:hashes_bytes])
    if verdict == VERDICT_ACCEPTED and request.action == 1:
        fields.update(
            peer_id=cast(bytes, request.peer_id[:20]),
            bytes_left=request.bytes_left,
            event=request.event,
            peers_wanted=request.peers_wanted,
            port=int.from_bytes(cast(bytes, cast(pointer(uint8_t), address(request.port))[:2]), "big"),
        )
    free(copy)
    return fields


def issue_connection_id(key: bytes, ip: bytes, seconds: int):
    connection_key = declare(HashKey)
    source = declare(Source)
    memcpy(address(connection_key), cast(pointer(uint8_t), key), 16)
    read_source(ip, 1, address(source))
    return connection_id(address(connection_key), address(source), seconds)


def judge_connection_id(key: bytes, ip: bytes, issued: int, now_seconds: int, age_seconds_max: int):
    connection_key = declare(HashKey)
    source = declare(Source)
    memcpy(address(connection_key), cast(pointer(uint8_t), key), 16)
    read_source(ip, 1, address(source))
    verdict = check_connection_id(
        address(connection_key), address(source), issued, now_seconds, age_seconds_max
    )
    return CONNECTION_VERDICTS[verdict]


class Simulation:
    def __cinit__(self, swarm_settings, settings, seed=1):
        self.swarm = Swarm(swarm_settings)
        self.workers = UdpWorkers(self.swarm, settings)
        self.store = self.swarm.store
        self.workers_count = settings.workers
        # Hashes keep the random seed of the store, which tests must not depend on; choices can be repeated.
        store_start_clock(self.store, 0)
        for index in range(self.workers_count):
            worker = self.worker_at(index)
            worker.handler.random = seed + index
            worker.upkeep.tick = 0
            if not memory_init(address(worker.backend), worker.batch_datagrams):
                raise MemoryError

    def __dealloc__(self):
        for index in range(self.workers_count):
            if self.worker_at(index).backend.state != NULL:
                memory_end(address(self.worker_at(index).backend))

    def worker_at(self, index):
        return address(self.workers.workers[index])

    def memory(self, worker):
        return cast(pointer(Memory), self.worker_at(worker).backend.state)

    def set_time(self, seconds: float):
        for index in range(self.workers_count):
            self.memory(index).clock_ns = int(seconds * NS)

    def deliver(self, packet: bytes, ip: bytes, port: int, worker: int = 0):
        source = declare(Source)
        read_source(ip, port, address(source))
        return memory_deliver(
            self.memory(worker), address(source), cast(pointer(uint8_t), packet), len(packet)
        )

    def turn(self, worker: int = 0):
        if not worker_turn(self.worker_at(worker)):
            raise RuntimeError("the backend is broken")

    def answers(self, worker: int = 0):
        memory = self.memory(worker)
        found = []
        for index in range(memory.outgoing_count):
            packet = address(memory.outgoing[cast(uint32_t, index)])
            source = address(packet.source)
            found.append((cast(bytes, packet.bytes[: packet.length]), ip_of(source), port_of(source)))
        memory.outgoing_count = 0
        return found

    def limit_sends(self, count: int, worker: int = 0):
        self.memory(worker).sends_until_full = UINT32_MAX if count < 0 else count

    def fail_allocation(self, after: int):
        self.store.arena.allocations_until_failure = UINT64_MAX if after < 0 else after

    def turns(self, worker: int = 0):
        return load_u64(address(self.worker_at(worker).upkeep.turns), memory_order_relaxed)
