"""How often torrents were downloaded to the end, in a bounded table that outlives their peers.

When the bound is reached, a new torrent takes the place of the one that was completed least, out of a few, counting
old completions for less: hashes made up by strangers push out each other, not what people download.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    add_u64,
    load_u64,
    memory_order_relaxed,
    subtract_u64,
)
from cython.cimports.aquatic.abi.swarm import DOWNLOAD_SLOT_BYTES, DownloadRecord
from cython.cimports.aquatic.abi.threads import real_ns
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied
from cython.cimports.aquatic.dataplane.swarm.table import (
    Place,
    home_segment,
    segment_slots,
    table_find,
    table_insert,
    table_remove,
)
from cython.cimports.libc.stdint import UINT64_MAX, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

EVICTION_SAMPLE = declare(uint32_t, 16)
DAY_NS = declare(uint64_t, cast(uint64_t, 86_400) * 1_000_000_000)
HALF_LIFE_DAYS = declare(uint32_t, 30)


def downloads_find(store, shard, info_hash, hash):
    """The torrent's counts, or NULL."""
    place = table_find(address(store.downloads), address(shard.downloads), info_hash, hash)
    if place.segment == NULL:
        return NULL
    slots = segment_slots(address(store.downloads), place.segment)
    return cast(pointer(DownloadRecord), slots.base + place.index * DOWNLOAD_SLOT_BYTES)


def downloads_count(store, shard, info_hash, hash, family):
    """Count one, completed today; False when there is no room for the torrent."""
    record = declare(DownloadRecord)
    memset(address(record), 0, sizeof(record))
    memcpy(record.info_hash, info_hash, sizeof(record.info_hash))
    record.completed[family] = 1
    record.last_day = cast(uint16_t, real_ns() // DAY_NS)
    return downloads_add(store, shard, address(record), hash)


def saturating_sum(a, b):
    return a + b if a + b >= a else 0xFFFFFFFF


def downloads_add(store, shard, record, hash):
    """Add the record's counts to the torrent's; False when bounds or memory leave no room for a new torrent."""
    known = downloads_find(store, shard, record.info_hash, hash)
    if known:
        known.completed[0] = saturating_sum(known.completed[0], record.completed[0])
        known.completed[1] = saturating_sum(known.completed[1], record.completed[1])
        known.last_day = max(known.last_day, record.last_day)
        return True
    if load_u64(address(store.downloads_total), memory_order_relaxed) >= store.limits.downloads_max:
        if not make_room(store, shard, hash, record.last_day):
            return False
    slot = cast(pointer(uint8_t), record)
    if not table_insert(address(store.downloads), address(shard.downloads), slot, 0, hash):
        return False
    add_u64(address(store.downloads_total), 1, memory_order_relaxed)
    return True


def make_room(store, shard, hash, today):
    """Drop the least of a few records near where one is to go."""
    place = least_of(store, shard, hash, today)
    if place.segment == NULL:
        return False
    table_remove(address(store.downloads), address(shard.downloads), place)
    subtract_u64(address(store.downloads_total), 1, memory_order_relaxed)
    return True


def least_of(store, shard, hash, today):
    least = declare(Place)
    least.segment = NULL
    least.index = 0
    segment = home_segment(address(store.downloads), address(shard.downloads), hash)
    slots = segment_slots(address(store.downloads), segment)
    least_weight = declare(uint64_t, UINT64_MAX)
    step = declare(uint32_t)
    for step in range(min(EVICTION_SAMPLE, slots.capacity)):
        index = declare(uint32_t, ((hash & 0xFFFF) + step) % slots.capacity)
        slot = slots.base + index * DOWNLOAD_SLOT_BYTES
        if not is_occupied(slot, DOWNLOAD_SLOT_BYTES):
            continue
        weight = declare(uint64_t, weight_of(cast(pointer(DownloadRecord), slot), today))
        if weight < least_weight:
            least_weight = weight
            least.segment = segment
            least.index = index
    return least


def weight_of(record, today):
    """What speaks for keeping a record: its downloads, halved for every HALF_LIFE_DAYS since the last one."""
    age_days = declare(uint32_t, today - record.last_day if today > record.last_day else 0)
    total = cast(uint64_t, record.completed[0]) + record.completed[1]
    return (2 * total) >> min(age_days // HALF_LIFE_DAYS, 63)
