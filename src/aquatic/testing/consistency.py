"""Whether the swarm store is in itself consistent: everything counted is there, is found again, and nothing leaks.

For tests and fuzzing: a walk over the whole store. Each function returns what is wrong, or NULL.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.arena import BLOCK_CLASSES, SLAB_BYTES
from cython.cimports.aquatic.abi.atomics import load_u32, load_u64, memory_order_relaxed
from cython.cimports.aquatic.abi.swarm import (
    LEECHERS,
    PREFIXES_MAX,
    RECORD_EMPTY,
    RECORD_TABLES,
    SEEDERS,
    SHARDS,
    STATE_PARTIAL_SEED,
    STATE_SEEDER,
    PeerCounts,
    Table,
    TorrentRecord,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_used_bytes, class_of
from cython.cimports.aquatic.dataplane.swarm.record import (
    count_slot,
    inline_family,
    inline_slots,
    record_counts,
    tables_of,
    total_of,
)
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, slot_hash, slot_state
from cython.cimports.aquatic.dataplane.swarm.table import (
    directory_bytes,
    directory_of,
    is_segmented,
    per_slot_bytes,
    segment_slots,
    slots_find,
    table_count,
    table_find,
    table_segment,
    table_segments,
)
from cython.cimports.aquatic.testing.consistency import Tally
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memset


def store_fault(store):
    tally = declare(Tally)
    memset(address(tally), 0, sizeof(tally))
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        fault = shard_fault(store, address(store.shards[index]), address(tally))
        if fault:
            return fault
    if tally.torrents != load_u64(address(store.torrents_total), memory_order_relaxed):
        return b"the total of torrents is not how many there are"
    if tally.peers != load_u64(address(store.peers_total), memory_order_relaxed):
        return b"the total of peers is not how many there are"
    if tally.downloads != load_u64(address(store.downloads_total), memory_order_relaxed):
        return b"the total of download counts is not how many there are"
    tagged = declare(uint64_t, 0)
    if store.prefixes:
        for index in range(cast(uint32_t, PREFIXES_MAX)):
            tagged += load_u32(address(store.prefixes.peers[index]), memory_order_relaxed)
        if tagged != tally.peers:
            return b"the peers of all prefixes are not all peers"
    return arena_fault(store, address(tally))


def arena_fault(store, tally):
    """What is in use and not reached from a table has leaked."""
    arena = address(store.arena)
    used = declare(uint32_t[BLOCK_CLASSES])
    slabs = declare(uint32_t, 0)
    index = declare(uint32_t)
    memset(used, 0, sizeof(used))
    for index in range(1, arena.slabs_fresh):
        slab = address(arena.slabs[index])
        used[slab.block_class] += slab.blocks_used
        slabs += 1 if slab.blocks_used else 0
    if slabs != arena.slabs_used:
        return b"an empty slab is in use"
    for index in range(cast(uint32_t, BLOCK_CLASSES)):
        if used[index] > tally.blocks[index]:
            return b"a block has leaked"
        if used[index] < tally.blocks[index]:
            return b"a block is in use twice, or has been given back"
    return totals_fault(store)


def totals_fault(store):
    peers = declare(uint64_t, 0)
    index = declare(uint32_t)
    for index in range(cast(uint32_t, SHARDS)):
        shard = address(store.shards[index])
        peers += cast(uint64_t, shard.peers[0][0]) + shard.peers[0][1]
        peers += cast(uint64_t, shard.peers[1][0]) + shard.peers[1][1]
    if peers != load_u64(address(store.peers_total), memory_order_relaxed):
        return b"the peers of all shards are not the total"
    if peers > store.limits.peers_max:
        return b"more peers than the bound"
    if load_u64(address(store.torrents_total), memory_order_relaxed) > store.limits.torrents_max:
        return b"more torrents than the bound"
    if load_u64(address(store.downloads_total), memory_order_relaxed) > store.limits.downloads_max:
        return b"more download counts than the bound"
    bound_bytes = declare(uint64_t, store.limits.memory_bytes_max + SLAB_BYTES - 1)
    if store.limits.memory_bytes_max and arena_used_bytes(address(store.arena)) > bound_bytes:
        return b"more memory than the bound"
    return NULL


def shard_fault(store, shard, tally):
    layout = address(store.torrents)
    index = declare(uint32_t)
    memset(tally.shard_peers, 0, sizeof(tally.shard_peers))
    memset(tally.shard_torrents, 0, sizeof(tally.shard_torrents))
    fault = table_fault(layout, address(shard.torrents), tally)
    if not fault:
        fault = table_fault(address(store.downloads), address(shard.downloads), tally)
    if fault:
        return fault
    tally.torrents += table_count(layout, address(shard.torrents))
    tally.downloads += table_count(address(store.downloads), address(shard.downloads))
    fault = records_fault(store, shard, tally)
    if fault:
        return fault
    for index in range(2):
        if tally.shard_torrents[index] != shard.torrents_by_family[index]:
            return b"a shard's torrents of a family are not how many it has"
        for role in range(2):
            if tally.shard_peers[index][role] != shard.peers[index][role]:
                return b"a shard's peers are not how many it has"
    return NULL


def records_fault(store, shard, tally):
    layout = address(store.torrents)
    segment_index = declare(uint32_t)
    index = declare(uint32_t)
    for segment_index in range(table_segments(layout, address(shard.torrents))):
        slots = segment_slots(layout, table_segment(layout, address(shard.torrents), segment_index))
        for index in range(slots.capacity):
            record = cast(pointer(TorrentRecord), slots.base + index * layout.slot_bytes)
            if record.kind != RECORD_EMPTY:
                fault = record_fault(store, record, tally)
                if fault:
                    return fault
    return NULL


def record_fault(store, record, tally):
    counts = declare(PeerCounts)
    family = declare(uint32_t)
    for family in range(2):
        record_counts(store, record, family, address(counts))
        tally.shard_peers[family][LEECHERS] += counts.by_role[LEECHERS]
        tally.shard_peers[family][SEEDERS] += counts.by_role[SEEDERS]
        tally.peers += total_of(address(counts))
        tally.shard_torrents[family] += 1 if total_of(address(counts)) else 0
    if record.kind != RECORD_TABLES:
        return inline_fault(store, record)
    for family in range(2):
        fault = tables_fault(store, record, family, tally)
        if fault:
            return fault
    return NULL


def inline_fault(store, record):
    layout = address(store.peers[inline_family(record)])
    slots = inline_slots(store, record)
    occupied = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        if is_occupied(slot, layout.slot_bytes):
            occupied += 1
            if slots_find(layout, address(slots), slot, slot_hash(layout, slot)) != cast(int, index):
                return b"a peer in a record is not found"
    if occupied != record.inline_count:
        return b"a record's peers are not how many it has"
    return NULL


def tables_fault(store, record, family, tally):
    layout = address(store.peers[family])
    tables = tables_of(store, record, family)
    if tables == NULL:
        return NULL
    if family:
        tally.blocks[class_of(2 * sizeof(Table))] += 1
    role = declare(uint32_t)
    found = declare(PeerCounts)
    counts = declare(PeerCounts)
    memset(address(found), 0, sizeof(found))
    for role in range(2):
        fault = table_fault(layout, address(tables[role]), tally)
        if not fault:
            fault = role_fault(layout, address(tables[role]), role, address(found))
        if fault:
            return fault
    record_counts(store, record, family, address(counts))
    if counts.partial_seeds != found.partial_seeds:
        return b"a torrent's partial seeds are not how many it has"
    return NULL


def table_fault(layout, table, tally):
    count = declare(uint32_t, 0)
    index = declare(uint32_t)
    if is_segmented(table):
        tally.blocks[class_of(directory_bytes(directory_of(layout, table).segments_max))] += 1
    for index in range(table_segments(layout, table)):
        segment = table_segment(layout, table, index)
        fault = segment_fault(layout, table, segment, tally)
        if fault:
            return fault
        count += segment.count
    if count != table_count(layout, table):
        return b"a directory's count is not its segments'"
    return NULL


def segment_fault(layout, table, segment, tally):
    if segment.block:
        tally.blocks[class_of(segment.capacity * per_slot_bytes(layout))] += 1
    slots = segment_slots(layout, segment)
    occupied = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        if not is_occupied(slot, layout.slot_bytes):
            continue
        occupied += 1
        place = table_find(layout, table, slot, slot_hash(layout, slot))
        if place.segment != segment or place.index != index:
            return b"a slot is not found, or twice there"
    if occupied != segment.count:
        return b"a segment's count is not its slots'"
    return NULL


def role_fault(layout, table, role, found):
    segment_index = declare(uint32_t)
    index = declare(uint32_t)
    for segment_index in range(table_segments(layout, table)):
        slots = segment_slots(layout, table_segment(layout, table, segment_index))
        for index in range(slots.capacity):
            slot = slots.base + index * layout.slot_bytes
            if is_occupied(slot, layout.slot_bytes):
                state = slot_state(slot, layout.slot_bytes)
                if cast(uint32_t, SEEDERS if state & STATE_SEEDER else LEECHERS) != role:
                    return b"a peer is in the table of the other role"
                if state & STATE_SEEDER and state & STATE_PARTIAL_SEED:
                    return b"a seeder is a partial seed"
                count_slot(found, state)
    return NULL
