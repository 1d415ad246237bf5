"""The swarm store for tests: plain values in and out. What each method does is said in swarm.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import load_u32, load_u64, memory_order_relaxed
from cython.cimports.aquatic.abi.histogram import bucket_of
from cython.cimports.aquatic.abi.limits import RESPONSE_SLACK_BYTES
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import (
    DELTA_COMPLETED,
    DELTA_PARTIAL_SEED,
    DELTA_SEEDER,
    DELTA_STOPPED,
    LEECHERS,
    RECORD_TABLES,
    SEEDERS,
    Delta,
    StoreLimits,
    Sweeper,
)
from cython.cimports.aquatic.abi.threads import thread_cpu_ns
from cython.cimports.aquatic.dataplane.swarm.arena import arena_used_bytes, class_bytes
from cython.cimports.aquatic.dataplane.swarm.change import find_torrent
from cython.cimports.aquatic.dataplane.swarm.record import inline_family, inline_slots, tables_of
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied
from cython.cimports.aquatic.dataplane.swarm.store import (
    Answer,
    StoreCounts,
    store_announce,
    store_apply,
    store_counts,
    store_create,
    store_destroy,
    store_hash,
    store_scrape,
    store_shard,
    store_start_clock,
    store_tick,
)
from cython.cimports.aquatic.dataplane.swarm.sweep import sweep_due, sweeper_init
from cython.cimports.aquatic.dataplane.swarm.table import segment_slots, table_segment, table_segments
from cython.cimports.aquatic.testing.consistency import store_fault
from cython.cimports.libc.stdint import UINT64_MAX, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset

DELTA_FLAGS = {
    "seeder": DELTA_SEEDER,
    "stopped": DELTA_STOPPED,
    "completed": DELTA_COMPLETED,
    "paused": DELTA_PARTIAL_SEED,
}
NS = 1_000_000_000


def read_delta(fields, delta):
    info_hash, ip, port, flags, age_seconds, prefix = fields
    memset(delta, 0, sizeof(delta[0]))
    memcpy(delta.info_hash, cast(pointer(uint8_t), cast(bytes, info_hash)), 20)
    memcpy(delta.ip, cast(pointer(uint8_t), cast(bytes, ip)), len(ip))
    memcpy(delta.peer_id_prefix, cast(pointer(uint8_t), cast(bytes, prefix)), 8)
    delta.port = int.from_bytes(port.to_bytes(2, "big"), "little")
    delta.family = 1 if len(ip) == 16 else 0
    delta.age_seconds = age_seconds
    for flag in flags:
        delta.flags |= DELTA_FLAGS[flag]
    return True


class Swarm:
    def __cinit__(
        self,
        *,
        torrents_max=1 << 40,
        peers_max=1 << 40,
        downloads_max=1 << 40,
        memory_bytes_max=1 << 28,
        peer_age_ticks_max=100,
        tick_seconds=1,
        tags=False,
        sweepers=1,
        cleaning_interval_seconds=10,
        seed=1,
    ):
        limits = declare(StoreLimits)
        limits.torrents_max = torrents_max
        limits.peers_max = peers_max
        limits.downloads_max = downloads_max
        limits.memory_bytes_max = memory_bytes_max
        limits.peer_age_ticks_max = peer_age_ticks_max
        limits.tick_seconds = tick_seconds
        limits.sweepers = sweepers
        limits.tags = tags
        limits.measure_locks = True
        self.random = seed
        self.store = store_create(address(limits), seed)
        self.sweepers = cast(pointer(Sweeper), reserve(sweepers * sizeof(Sweeper)))
        if self.store == NULL or self.sweepers == NULL:
            raise MemoryError
        store_start_clock(self.store, 0)
        for index in range(sweepers):
            sweeper_init(address(self.sweepers[index]), self.store, index, cleaning_interval_seconds * NS)
            self.sweepers[index].counts_torrents = True

    def __dealloc__(self):
        if self.sweepers != NULL and self.store != NULL:
            unreserve(self.sweepers, self.store.limits.sweepers * sizeof(Sweeper))
        if self.store != NULL:
            store_destroy(self.store)

    def set_time(self, seconds: int):
        self.tick = store_tick(self.store, seconds, self.tick)
        return self.tick

    def announce(self, info_hash: bytes, ip: bytes, port: int, flags=(), wanted=50, prefix=b"-XX0000-"):
        delta = declare(Delta)
        answer = declare(Answer)
        answer.cpu_start_ns = thread_cpu_ns()
        answer.wants_completed = True
        stride = declare(uint32_t, 18 if len(ip) == 16 else 6)
        read_delta((info_hash, ip, port, flags, 0, prefix), address(delta))
        out = cast(pointer(uint8_t), malloc(wanted * stride + RESPONSE_SLACK_BYTES))
        hash = declare(uint64_t, store_hash(self.store, delta.info_hash))
        store_announce(
            self.store, address(delta), hash, self.tick, wanted, out, address(self.random), address(answer)
        )
        peers = cast(bytes, out[: answer.peers * stride])
        free(out)
        found = [
            (peers[i : i + stride - 2], int.from_bytes(peers[i + stride - 2 : i + stride], "big"))
            for i in range(0, len(peers), stride)
        ]
        self.last_answer = answer.counts
        return answer.counts.seeders, answer.counts.leechers, found

    def last_counts(self):
        counts = self.last_answer
        return counts.partial_seeds, counts.completed

    def apply(self, records):
        count = declare(uint32_t, len(records))
        deltas = cast(pointer(Delta), malloc(max(count, 1) * sizeof(Delta)))
        for index, fields in enumerate(records):
            read_delta(fields, address(deltas[cast(uint32_t, index)]))
        applied = store_apply(self.store, deltas, count, self.tick)
        free(deltas)
        return applied

    def scrape(self, info_hash: bytes, family: int):
        hashed = cast(pointer(uint8_t), info_hash)
        hash = declare(uint64_t, store_hash(self.store, hashed))
        counts = store_scrape(self.store, hashed, hash, 1 if family == 6 else 0)
        return counts.seeders, counts.completed, counts.leechers, counts.partial_seeds

    def sweep(self, now_seconds: float):
        now_ns = declare(uint64_t, int(now_seconds * NS))
        is_behind = False
        for index in range(self.store.limits.sweepers):
            if sweep_due(address(self.sweepers[index]), now_ns, self.tick):
                is_behind = True
        return is_behind

    def cleanings(self):
        return min(
            load_u64(address(self.store.cleanings[index]), memory_order_relaxed)
            for index in range(self.store.limits.sweepers)
        )

    def peers_per_torrent(self, family: int, peers: int):
        bucket = bucket_of(peers)
        return sum(
            load_u64(
                address(self.sweepers[index].peers_per_torrent[1 if family == 6 else 0][bucket]),
                memory_order_relaxed,
            )
            for index in range(self.store.limits.sweepers)
        )

    def fail_allocation(self, after: int):
        self.store.arena.allocations_until_failure = UINT64_MAX if after < 0 else after

    def fault(self):
        found = store_fault(self.store)
        return None if found == NULL else cast(bytes, found).decode()

    def memory_bytes(self):
        return arena_used_bytes(address(self.store.arena))

    def block_bytes(self):
        arena = address(self.store.arena)
        found = {}
        for index in range(1, arena.slabs_fresh):
            slab = arena.slabs[cast(uint32_t, index)]
            if slab.blocks_used:
                slabs, blocks = found.get(class_bytes(slab.block_class), (0, 0))
                found[class_bytes(slab.block_class)] = (slabs + 1, blocks + slab.blocks_used)
        return found

    def lock_hold_ns_max(self):
        return load_u64(address(self.store.lock_hold_ns_max), memory_order_relaxed)

    def counts(self):
        found = {
            "torrents": load_u64(address(self.store.torrents_total), memory_order_relaxed),
            "peers": load_u64(address(self.store.peers_total), memory_order_relaxed),
            "downloads": load_u64(address(self.store.downloads_total), memory_order_relaxed),
        }
        sums = declare(StoreCounts)
        store_counts(self.store, address(sums))
        for family, suffix in enumerate(("_ipv4", "_ipv6")):
            found["torrents" + suffix] = sums.torrents_by_family[family]
            found["leechers" + suffix] = sums.peers[family][LEECHERS]
            found["seeders" + suffix] = sums.peers[family][SEEDERS]
        found["evicted_torrents"] = sums.evicted_torrents
        found["refused_torrents"] = sums.refused_torrents
        found["refused_peers"] = sums.refused_peers
        return found

    def prefixes(self):
        table = self.store.prefixes
        found = {}
        if table == NULL:
            return found
        for tag in range(1 << 16):
            peers = load_u32(address(table.peers[tag]), memory_order_relaxed)
            if peers:
                found[table.prefixes[tag].to_bytes(8, "little") if tag else b""] = peers
        return found

    def peers(self, info_hash: bytes, family: int):
        hashed = cast(pointer(uint8_t), info_hash)
        hash = declare(uint64_t, store_hash(self.store, hashed))
        record = find_torrent(self.store, store_shard(self.store, hash), hashed, hash)
        return None if record == NULL else self.peers_of(record, 1 if family == 6 else 0)

    def peers_of(self, record, family):
        """All stored slots of one family, as bytes."""
        layout = address(self.store.peers[family])
        found = []
        runs = []
        if record.kind != RECORD_TABLES:
            if inline_family(record) == family:
                slots = inline_slots(self.store, record)
                runs.append((cast(uint64_t, slots.base), slots.capacity))
        else:
            tables = tables_of(self.store, record, family)
            for role in range(2 if tables != NULL else 0):
                table = address(tables[cast(uint32_t, role)])
                for index in range(table_segments(layout, table)):
                    segment = table_segment(layout, table, index)
                    slots = segment_slots(layout, segment)
                    runs.append((cast(uint64_t, slots.base), slots.capacity))
        for base, capacity in runs:
            for index in range(capacity):
                slot = (
                    cast(pointer(uint8_t), cast(uint64_t, base)) + cast(uint32_t, index) * layout.slot_bytes
                )
                if is_occupied(slot, layout.slot_bytes):
                    found.append(cast(bytes, slot[: layout.slot_bytes]))
        return found
