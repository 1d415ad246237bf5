"""The border between the control plane and the swarm store. What each method does is said in border.pyi."""

import os
import threading
import time
from dataclasses import dataclass

from cython import NULL, address, cast, declare, nogil, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    load_pointer,
    load_u32,
    load_u64,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    store_pointer,
    store_u32,
)
from cython.cimports.aquatic.abi.histogram import HISTOGRAM_BUCKETS, bucket_bound
from cython.cimports.aquatic.abi.limits import WORKERS_MAX
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import (
    ACCESS_ALLOW,
    ACCESS_DENY,
    ACCESS_OFF,
    LEECHERS,
    PREFIXES_MAX,
    SEEDERS,
    TICK_AGE_MAX,
    AccessList,
    DownloadRecord,
    StoreLimits,
)
from cython.cimports.aquatic.abi.threads import boot_ns, pthread_mutex_lock, pthread_mutex_unlock
from cython.cimports.aquatic.dataplane.swarm.access_list import access_list_create, access_list_destroy
from cython.cimports.aquatic.dataplane.swarm.arena import arena_used_bytes
from cython.cimports.aquatic.dataplane.swarm.downloads import downloads_add
from cython.cimports.aquatic.dataplane.swarm.export import ExportCursor, ExportPiece, export_piece
from cython.cimports.aquatic.dataplane.swarm.store import (
    StoreCounts,
    store_counts,
    store_create,
    store_destroy,
    store_hash,
    store_shard,
    store_start_clock,
)
from cython.cimports.aquatic.dataplane.swarm.sweep import sweeper_init
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

ACCESS_MODES = {"off": ACCESS_OFF, "allow": ACCESS_ALLOW, "deny": ACCESS_DENY}
PEER_AGE_SECONDS_MAX = 365 * 86_400
# An info hash, completed downloads over IPv4 and over IPv6 (32 bits each), day of the last one (16 bits).
DOWNLOAD_RECORD_BYTES = 30
FAMILY_INDEX = {4: 0, 6: 1}


@dataclass(frozen=True, kw_only=True)
class SwarmSettings:
    workers: int
    peer_age_seconds_max: int
    cleaning_interval_seconds: int
    torrents_max: int
    peers_max: int
    memory_bytes_max: int
    measures_locks: bool = False
    peers_per_torrent: bool = False
    peer_clients: bool = False


def tick_seconds_for(peer_age_seconds_max, cleaning_interval_seconds):
    """Seconds a tick, so that a peer is seen to be expired for long enough to be cleaned before ticks wrap."""
    span_seconds = 2 * peer_age_seconds_max + 3 * cleaning_interval_seconds
    return 1 + span_seconds // (TICK_AGE_MAX - 64)


def latency_bucket_bound_ns(index):
    if not 0 <= index < HISTOGRAM_BUCKETS:
        raise IndexError(f"there are {HISTOGRAM_BUCKETS} buckets")
    return bucket_bound(index)


def read_counters(names, values, count):
    return {names[index]: load_u64(address(values[index]), memory_order_relaxed) for index in range(count)}


def read_buckets(buckets):
    return [load_u64(address(buckets[index]), memory_order_relaxed) for index in range(HISTOGRAM_BUCKETS)]


def read_prefixes(table):
    found = []
    if table == NULL:
        return found
    for tag in range(PREFIXES_MAX):
        peers = load_u32(address(table.peers[tag]), memory_order_relaxed)
        if peers:
            pthread_mutex_lock(address(table.lock))
            prefix = table.prefixes[tag]
            pthread_mutex_unlock(address(table.lock))
            found.append((prefix.to_bytes(8, "little") if tag else b"", peers))
    return found


def read_cursor(number, cursor):
    cursor.shard = number >> 32
    cursor.segments = (number >> 16) & 0xFFFF
    cursor.segment = number & 0xFFFF


def cursor_number(cursor):
    return cast(uint64_t, cursor.shard) << 32 | cursor.segments << 16 | cursor.segment


def torrent_lines(piece):
    """A line for each family of which a torrent has peers."""
    lines = []
    index = declare(uint32_t)
    for index in range(piece.count):
        torrent = address(piece.torrents[index])
        info_hash = cast(pointer(uint8_t), torrent.info_hash)[:20].hex()
        for family in range(2):
            leechers = torrent.peers[family].by_role[LEECHERS]
            seeders = torrent.peers[family].by_role[SEEDERS]
            if leechers or seeders:
                lines.append(f"{6 if family else 4} {info_hash} {seeders} {leechers}\n")
    return "".join(lines).encode()


def download_records(piece):
    records = []
    index = declare(uint32_t)
    for index in range(piece.count):
        record = address(piece.downloads[index])
        records.append(cast(pointer(uint8_t), record)[:DOWNLOAD_RECORD_BYTES])
    return b"".join(records)


class Swarm:
    def __cinit__(self, settings):
        if not 1 <= settings.workers <= WORKERS_MAX:
            raise ValueError(f"workers must be 1 to {WORKERS_MAX}")
        if settings.peer_age_seconds_max > PEER_AGE_SECONDS_MAX:
            raise ValueError(f"peer_age_seconds_max must be at most {PEER_AGE_SECONDS_MAX}")
        self.settings = settings
        self.seed = int.from_bytes(os.urandom(8), "little")
        limits = declare(StoreLimits)
        limits.torrents_max = settings.torrents_max
        limits.peers_max = settings.peers_max
        limits.downloads_max = settings.torrents_max
        limits.memory_bytes_max = settings.memory_bytes_max
        limits.tick_seconds = tick_seconds_for(
            settings.peer_age_seconds_max, settings.cleaning_interval_seconds
        )
        limits.peer_age_ticks_max = -(-settings.peer_age_seconds_max // limits.tick_seconds)
        limits.sweepers = settings.workers
        limits.tags = settings.peer_clients
        limits.measure_locks = settings.measures_locks
        self.store = store_create(address(limits), self.seed)
        self.piece = cast(pointer(ExportPiece), reserve(sizeof(ExportPiece)))
        self.piece_lock = threading.Lock()
        if self.store == NULL or self.piece == NULL:
            raise MemoryError("the address space for the swarm could not be reserved")
        store_start_clock(self.store, boot_ns() // 1_000_000_000)

    def __dealloc__(self):
        if self.store != NULL:
            access_list_destroy(
                cast(pointer(AccessList), load_pointer(address(self.store.access_list), memory_order_relaxed))
            )
            store_destroy(self.store)
        if self.piece != NULL:
            unreserve(self.piece, sizeof(ExportPiece))

    def take_on(self, index, upkeep):
        if index >= cast(uint32_t, self.settings.workers) or self.upkeeps[index] != NULL:
            raise IndexError(f"worker {index} is one too many, or there already")
        upkeep.store = self.store
        interval_ns = declare(uint64_t, self.settings.cleaning_interval_seconds * 1_000_000_000)
        sweeper_init(address(upkeep.sweeper), self.store, index, interval_ns)
        upkeep.sweeper.counts_torrents = self.settings.peers_per_torrent
        self.upkeeps[index] = upkeep
        return True

    def upkeep(self, index):
        if index >= cast(uint32_t, self.settings.workers) or self.upkeeps[index] == NULL:
            raise IndexError("no such worker")
        return self.upkeeps[index]

    def stop(self):
        for index in range(self.settings.workers):
            store_u32(address(self.upkeep(index).stopping), 1, memory_order_relaxed)

    def heartbeat(self, index: int):
        return load_u64(address(self.upkeep(index).turns), memory_order_relaxed)

    def swarm_counts(self):
        store = self.store
        sums = declare(StoreCounts)
        with nogil:
            store_counts(store, address(sums))
        counts = {
            "torrents": load_u64(address(store.torrents_total), memory_order_relaxed),
            "memory_bytes": arena_used_bytes(address(store.arena)),
            "lock_hold_ns_max": load_u64(address(store.lock_hold_ns_max), memory_order_relaxed),
            "lock_wait_ns_max": load_u64(address(store.lock_wait_ns_max), memory_order_relaxed),
            "evicted_torrents": sums.evicted_torrents,
            "refused_torrents": sums.refused_torrents,
            "refused_peers": sums.refused_peers,
        }
        for family, suffix in enumerate(("_ipv4", "_ipv6")):
            seeders = sums.peers[family][SEEDERS]
            counts["torrents" + suffix] = sums.torrents_by_family[family]
            counts["peers" + suffix] = sums.peers[family][LEECHERS] + seeders
            counts["seeders" + suffix] = seeders
        return counts

    def peers_per_torrent_buckets(self, family: int):
        row = declare(uint32_t, FAMILY_INDEX[family])
        if not self.cleanings():
            return []
        totals = [0] * HISTOGRAM_BUCKETS
        for index in range(self.settings.workers):
            sweeper = address(self.upkeep(index).sweeper)
            for bucket in range(HISTOGRAM_BUCKETS):
                totals[bucket] += load_u64(
                    address(sweeper.peers_per_torrent[row][bucket]), memory_order_relaxed
                )
        return totals

    def peer_prefixes(self):
        return read_prefixes(self.store.prefixes)

    def set_access_list(self, mode: str, info_hashes: bytes):
        count, rest = divmod(len(info_hashes), 20)
        if rest:
            raise ValueError("info hashes are 20 bytes each")
        created = access_list_create(
            ACCESS_MODES[mode], cast(pointer(uint8_t), cast(bytes, info_hashes)), count, self.seed
        )
        if created == NULL:
            raise MemoryError("no memory for the access list")
        old = cast(pointer(AccessList), load_pointer(address(self.store.access_list), memory_order_relaxed))
        store_pointer(address(self.store.access_list), created, memory_order_release)
        if old != NULL:
            self.wait_for_turns()
            access_list_destroy(old)

    def wait_for_turns(self):
        """Until no worker can still be using what it read before: each has turned twice, or does not run."""
        for index in range(self.settings.workers):
            upkeep = self.upkeeps[cast(uint32_t, index)]
            if upkeep == NULL:
                continue
            start = load_u64(address(upkeep.turns), memory_order_relaxed)
            while (
                load_u32(address(upkeep.running), memory_order_acquire)
                and load_u64(address(upkeep.turns), memory_order_relaxed) < start + 2
            ):
                time.sleep(0.001)
        return True

    def export_torrents(self, cursor: int):
        return self.export(cursor, False)

    def export_downloads(self, cursor: int):
        return self.export(cursor, True)

    def export(self, cursor, is_downloads):
        place = declare(ExportCursor)
        store = self.store
        piece = self.piece
        read_cursor(cursor, address(place))
        with self.piece_lock:
            with nogil:
                more = export_piece(store, address(place), piece, is_downloads)
            if not more:
                return -1, b""
            text = download_records(piece) if is_downloads else torrent_lines(piece)
            return cursor_number(address(place)), text

    def import_downloads(self, records: bytes):
        record = declare(DownloadRecord)
        if len(records) % DOWNLOAD_RECORD_BYTES:
            raise ValueError(f"download records are {DOWNLOAD_RECORD_BYTES} bytes each")
        stored = 0
        record.spare = 0
        for start in range(0, len(records), DOWNLOAD_RECORD_BYTES):
            one = records[start : start + DOWNLOAD_RECORD_BYTES]
            memcpy(address(record), cast(pointer(uint8_t), cast(bytes, one)), DOWNLOAD_RECORD_BYTES)
            if record.last_day == 0:
                continue
            hash = store_hash(self.store, record.info_hash)
            shard = store_shard(self.store, hash)
            pthread_mutex_lock(address(shard.lock))
            stored += downloads_add(self.store, shard, address(record), hash)
            pthread_mutex_unlock(address(shard.lock))
        return stored

    def cleanings(self):
        return min(
            load_u64(address(self.store.cleanings[index]), memory_order_relaxed)
            for index in range(self.settings.workers)
        )
