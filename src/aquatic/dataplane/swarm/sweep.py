"""Cleaning: expired peers, empty torrents and torrents no longer allowed go, and sparse tables give memory back.

Each worker cleans the shards that are its own, a bounded piece at a time between batches, spread evenly over the
cleaning interval. A shard's lock is held for one piece.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    add_u64,
    load_pointer,
    memory_order_acquire,
    memory_order_relaxed,
    store_u32,
    store_u64,
)
from cython.cimports.aquatic.abi.histogram import HISTOGRAM_BUCKETS, bucket_of
from cython.cimports.aquatic.abi.swarm import (
    RECORD_EMPTY,
    RECORD_TABLES,
    SHARDS,
    AccessList,
    PeerCounts,
)
from cython.cimports.aquatic.abi.threads import pthread_mutex_lock, pthread_mutex_unlock, thread_cpu_ns
from cython.cimports.aquatic.dataplane.swarm.access_list import is_allowed
from cython.cimports.aquatic.dataplane.swarm.change import record_at, torrent_remove
from cython.cimports.aquatic.dataplane.swarm.prefixes import prefix_release
from cython.cimports.aquatic.dataplane.swarm.record import (
    count_slot,
    demote,
    forget_peers,
    free_tables,
    inline_family,
    inline_slots,
    record_counts,
    tables_of,
    tidy_peers,
    total_of,
)
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, slot_state, tick_age
from cython.cimports.aquatic.dataplane.swarm.store import note_longest
from cython.cimports.aquatic.dataplane.swarm.table import (
    Place,
    directory_of,
    is_segmented,
    segment_compact,
    segment_slots,
    segment_tidy,
    slots_remove,
    slots_tags,
    table_segment,
    table_segments,
    table_tidy,
)
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset

# A piece ends after about so many slots looked at or moved: some ten microseconds.
PIECE_SLOTS = declare(int64_t, 1024)
RECORD_COST = declare(int64_t, 8)
MERGE_COST = declare(int64_t, 32)
# Pieces a turn of the worker's loop at most; a worker that is behind turns again at once.
PIECES_MAX = declare(uint32_t, 16)
# Parts of a shard that progress is counted in.
SHARD_PARTS = declare(uint64_t, 1 << 16)
ALL_AGES = declare(int, -1)


def sweeper_init(sweeper, store, index, interval_ns):
    memset(sweeper, 0, sizeof(sweeper[0]))
    sweeper.store = store
    sweeper.index = index
    sweeper.interval_ns = interval_ns


def own_shards(sweeper):
    sweepers = sweeper.store.limits.sweepers
    return (SHARDS - sweeper.index + sweepers - 1) // sweepers if sweeper.index < SHARDS else 0


def sweep_due(sweeper, now_ns, tick):
    """Clean what should have been by now; True if it is still behind and wants to be called again at once."""
    if sweeper.cycle_start_ns == 0:
        sweeper.cycle_start_ns = now_ns
        sweeper.cycle_tick = tick
    elapsed_ns = declare(uint64_t, now_ns - sweeper.cycle_start_ns if now_ns > sweeper.cycle_start_ns else 0)
    whole = declare(uint64_t, own_shards(sweeper) * SHARD_PARTS)
    due = declare(
        uint64_t, min(elapsed_ns, sweeper.interval_ns) // 1000 * whole // (sweeper.interval_ns // 1000)
    )
    piece = declare(uint32_t)
    for piece in range(PIECES_MAX):
        if sweeper.shard == own_shards(sweeper):
            if elapsed_ns < sweeper.interval_ns:
                return False
            end_cycle(sweeper)
            sweeper.cycle_start_ns = now_ns
            sweeper.cycle_tick = tick
            return False
        number = declare(uint32_t, sweeper.index + sweeper.shard * sweeper.store.limits.sweepers)
        shard = address(sweeper.store.shards[number])
        if progress(sweeper, shard) >= due:
            return False
        if sweep_piece(sweeper, shard, tick):
            sweeper.shard += 1
    return True


def progress(sweeper, shard):
    """How far this cycle is, in parts. The shard's cursor is only ever written by this worker: no lock."""
    segments = declare(uint64_t, max(shard.sweep.segments, 1))
    return sweeper.shard * SHARD_PARTS + min(shard.sweep.segment, segments) * SHARD_PARTS // segments


def end_cycle(sweeper):
    """Publish what was counted, and let the clock go on."""
    store = sweeper.store
    family = declare(uint32_t)
    bucket = declare(uint32_t)
    for family in range(2 if sweeper.counts_torrents else 0):
        for bucket in range(cast(uint32_t, HISTOGRAM_BUCKETS)):
            counted = sweeper.counting[family][bucket]
            store_u64(address(sweeper.peers_per_torrent[family][bucket]), counted, memory_order_relaxed)
    memset(sweeper.counting, 0, sizeof(sweeper.counting))
    sweeper.shard = 0
    store_u32(address(store.cleaned_ticks[sweeper.index]), sweeper.cycle_tick, memory_order_relaxed)
    add_u64(address(store.cleanings[sweeper.index]), 1, memory_order_relaxed)


def sweep_piece(sweeper, shard, tick):
    """Clean a bounded part of the shard; True when that was the last of it."""
    store = sweeper.store
    layout = address(store.torrents)
    pthread_mutex_lock(address(shard.lock))
    started_ns = thread_cpu_ns()
    budget = declare(int64_t, sweep_torrents(sweeper, shard, tick, PIECE_SLOTS))
    shard.sweep.segments = table_segments(layout, address(shard.torrents))
    is_last = declare(bint, shard.sweep.segment >= shard.sweep.segments)
    while is_last and budget > 0 and not shard.merges_held and table_tidy(layout, address(shard.torrents)):
        budget -= MERGE_COST
    if is_last:
        memset(address(shard.sweep), 0, sizeof(shard.sweep))
    held_ns = thread_cpu_ns() - started_ns
    pthread_mutex_unlock(address(shard.lock))
    note_longest(address(store.lock_hold_ns_max), held_ns)
    return is_last


def sweep_torrents(sweeper, shard, tick, budget):
    """Go on from the shard's cursor; returns what is left of the budget."""
    layout = address(sweeper.store.torrents)
    cursor = address(shard.sweep)
    while budget > 0 and cursor.segment < table_segments(layout, address(shard.torrents)):
        place = declare(Place)
        place.segment = table_segment(layout, address(shard.torrents), cursor.segment)
        if cursor.block != place.segment.block:
            # Rebuilt by an insertion since: its records lie elsewhere now.
            cursor.block = place.segment.block
            cursor.record = 0
            cursor.table = 0
            cursor.peer_segment = 0
        if cursor.record >= place.segment.capacity:
            segment_tidy(layout, place.segment)
            segment_compact(layout, place.segment)
            cursor.segment += 1
            cursor.record = 0
            cursor.block = 0
            continue
        place.index = cursor.record
        if record_at(sweeper.store, place).kind == RECORD_EMPTY:
            cursor.record += 1
            budget -= 1
        else:
            budget -= sweep_record(sweeper, shard, place, tick)
    return budget


def sweep_record(sweeper, shard, place, tick):
    """Clean one torrent, or the next part of a large one; returns the cost."""
    store = sweeper.store
    record = record_at(store, place)
    access = cast(pointer(AccessList), load_pointer(address(store.access_list), memory_order_acquire))
    age_ticks_max = declare(int, store.limits.peer_age_ticks_max)
    if not is_allowed(access, record.info_hash):
        age_ticks_max = ALL_AGES
    if record.kind != RECORD_TABLES:
        sweep_inline(sweeper, shard, record, tick, age_ticks_max)
        finish_record(sweeper, shard, place)
        return RECORD_COST
    cost = declare(int64_t, sweep_tables(sweeper, shard, record, tick, age_ticks_max))
    if shard.sweep.table == 4:
        finish_record(sweeper, shard, place)
    return RECORD_COST + cost


def sweep_inline(sweeper, shard, record, tick, age_ticks_max):
    removed = declare(PeerCounts)
    memset(address(removed), 0, sizeof(removed))
    family = declare(uint32_t, inline_family(record))
    slots = inline_slots(sweeper.store, record)
    layout = address(sweeper.store.peers[family])
    slots_expire(layout, address(slots), tick, age_ticks_max, address(removed))
    record.inline_count -= total_of(address(removed))
    forget_peers(sweeper.store, shard, record, family, address(removed))


def sweep_tables(sweeper, shard, record, tick, age_ticks_max):
    """Expire one segment of the torrent's table under the cursor, or join two; returns the cost."""
    cursor = address(shard.sweep)
    removed = declare(PeerCounts)
    memset(address(removed), 0, sizeof(removed))
    family = declare(uint32_t, cursor.table // 2)
    layout = address(sweeper.store.peers[family])
    tables = tables_of(sweeper.store, record, family)
    if tables == NULL:
        cursor.table += 2
        return 0
    table = address(tables[cursor.table % 2])
    if cursor.peer_segment >= table_segments(layout, table):
        if tidy_peers(sweeper.store, record, family, cursor.table % 2):
            return MERGE_COST
        cursor.table += 1
        cursor.peer_segment = 0
        return 0
    segment = table_segment(layout, table, cursor.peer_segment)
    cost = declare(int64_t, segment.capacity)
    if segment.count:
        slots = segment_slots(layout, segment)
        slots_expire(layout, address(slots), tick, age_ticks_max, address(removed))
        segment.count -= total_of(address(removed))
        if is_segmented(table):
            directory_of(layout, table).count -= total_of(address(removed))
        segment_tidy(layout, segment)
        segment_compact(layout, segment)
        forget_peers(sweeper.store, shard, record, family, address(removed))
    cursor.peer_segment += 1
    return cost


def finish_record(sweeper, shard, place):
    """All peers of the torrent are clean: count it, or remove it if none is left; the cursor moves on."""
    store = sweeper.store
    record = record_at(store, place)
    counts = declare(PeerCounts)
    total = declare(uint32_t, 0)
    family = declare(uint32_t)
    for family in range(2):
        record_counts(store, record, family, address(counts))
        count = declare(uint32_t, total_of(address(counts)))
        total += count
        if count and sweeper.counts_torrents:
            sweeper.counting[family][bucket_of(count)] += 1
    shard.sweep.table = 0
    shard.sweep.peer_segment = 0
    if total == 0:
        if record.kind == RECORD_TABLES:
            free_tables(store, record)
        # What lay behind shifts into this place, so the cursor stays.
        torrent_remove(store, shard, place)
        return
    if record.kind == RECORD_TABLES:
        demote(store, record)
    shard.sweep.record += 1


def slots_expire(layout, slots, tick, age_ticks_max, removed):
    """Remove the peers older than the bound (all of them if it is negative), adding them to `removed`."""
    index = declare(uint32_t, 0)
    while index < slots.capacity:
        slot = slots.base + index * layout.slot_bytes
        state = declare(uint32_t, slot_state(slot, layout.slot_bytes))
        if not is_occupied(slot, layout.slot_bytes) or cast(int, tick_age(tick, state)) <= age_ticks_max:
            index += 1
            continue
        count_slot(removed, state)
        if layout.tag_bytes:
            prefix_release(layout.prefixes, slots_tags(layout, slots)[index])
        slots_remove(layout, slots, index)
