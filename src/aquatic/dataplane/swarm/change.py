"""The one place where an announce changes the store.

`change_apply` runs under the shard's lock. Bounds: when torrents, peers or memory are exhausted, a torrent without
peers, else one with a single peer, out of a few neighbours makes room; a larger swarm never does. If there is none, the
newcomer is answered but not stored.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import add_u64, memory_order_relaxed, subtract_u64
from cython.cimports.aquatic.abi.bits import write_u16
from cython.cimports.aquatic.abi.swarm import (
    DELTA_COMPLETED,
    DELTA_PARTIAL_SEED,
    DELTA_SEEDER,
    DELTA_STOPPED,
    LEECHERS,
    RECORD_EMPTY,
    RECORD_INLINE_IPV4,
    RECORD_INLINE_IPV6,
    RECORD_TABLES,
    SCOPE_GLOBAL,
    SEEDERS,
    STATE_COMPLETED,
    STATE_PARTIAL_SEED,
    STATE_SCOPED,
    STATE_SEEDER,
    STATE_TICK_MASK,
    TORRENT_SLOT_BYTES,
    PeerCounts,
    Table,
    TorrentRecord,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_allocate, arena_at
from cython.cimports.aquatic.dataplane.swarm.downloads import downloads_count
from cython.cimports.aquatic.dataplane.swarm.prefixes import prefix_acquire, prefix_release
from cython.cimports.aquatic.dataplane.swarm.record import (
    add_partial_seeds,
    count_slot,
    forget_peers,
    inline_family,
    inline_slots,
    promote,
    record_counts,
    tables_of,
    total_of,
)
from cython.cimports.aquatic.dataplane.swarm.selection import scope_of
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, slot_hash, slot_state, tick_age
from cython.cimports.aquatic.dataplane.swarm.table import (
    Place,
    home_segment,
    segment_slots,
    slots_find,
    slots_put,
    slots_remove,
    slots_tag,
    table_find,
    table_insert,
    table_remove,
)
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t
from cython.cimports.libc.string import memcmp, memcpy, memset

# How many records are looked at to find one that can make room for another.
EVICTION_SAMPLE = declare(uint32_t, 16)
RANK_KEEP = declare(uint32_t, 0)
RANK_EMPTY = declare(uint32_t, 0x10000)


def change_apply(change, store, shard, delta, hash, tick):
    """Apply one delta; the torrent's record afterwards, or NULL if the store does not know the torrent."""
    change.store = store
    change.shard = shard
    change.delta = delta
    change.info_hash_hash = hash
    change.family = delta.family
    change.role = SEEDERS if delta.flags & DELTA_SEEDER else LEECHERS
    change.layout = address(store.peers[delta.family])
    change.stored = False
    change.peers_exhausted = False
    make_slot(change, tick)
    record = find_torrent(store, shard, delta.info_hash, hash)
    if delta.flags & DELTA_STOPPED:
        if record:
            remove_peer(change, record)
        return record
    if record == NULL:
        record = insert_torrent(change)
        if record == NULL:
            shard.refused_torrents += 1
            return NULL
    change.stored = upsert(change, record)
    # For want of memory nothing is evicted: a record in a table that stays frees none.
    if not change.stored and change.peers_exhausted and evict(change):
        # The eviction may have moved the record.
        record = find_torrent(store, shard, delta.info_hash, hash)
        change.stored = upsert(change, record)
    if not change.stored:
        shard.refused_peers += 1
    return record


def make_slot(change, tick):
    """The peer in wire form, with its state."""
    delta = change.delta
    slot_bytes = change.layout.slot_bytes
    slot = address(change.slot[0])
    memcpy(slot, address(delta.ip[0]), slot_bytes - 4)
    write_u16(slot + slot_bytes - 4, delta.port)
    state = declare(
        uint32_t, (tick - delta.age_seconds // change.store.limits.tick_seconds) & STATE_TICK_MASK
    )
    if change.role == SEEDERS:
        state |= STATE_SEEDER
    elif delta.flags & DELTA_PARTIAL_SEED:
        state |= STATE_PARTIAL_SEED
    if scope_of(slot, slot_bytes) != SCOPE_GLOBAL:
        state |= STATE_SCOPED
    if delta.flags & DELTA_COMPLETED:
        state |= STATE_COMPLETED
    write_u16(slot + slot_bytes - 2, state)
    change.slot_hash = slot_hash(change.layout, slot)


def is_partial_seed(change):
    return slot_state(change.slot, change.layout.slot_bytes) & STATE_PARTIAL_SEED != 0


# Torrents


def record_at(store, place):
    slots = segment_slots(address(store.torrents), place.segment)
    return cast(pointer(TorrentRecord), slots.base + place.index * TORRENT_SLOT_BYTES)


def find_torrent(store, shard, info_hash, hash):
    """The torrent's record, or NULL. Valid until the next change of a torrent of the shard."""
    place = table_find(address(store.torrents), address(shard.torrents), info_hash, hash)
    return record_at(store, place) if place.segment else NULL


def insert_torrent(change):
    """A record without peers, making room if it must; NULL if there is none to make."""
    store = change.store
    over = declare(
        bint, add_u64(address(store.torrents_total), 1, memory_order_relaxed) >= store.limits.torrents_max
    )
    if over and not evict(change):
        subtract_u64(address(store.torrents_total), 1, memory_order_relaxed)
        return NULL
    record = declare(TorrentRecord)
    memset(address(record), 0, sizeof(record))
    memcpy(record.info_hash, change.delta.info_hash, 20)
    record.kind = RECORD_INLINE_IPV6 if change.family else RECORD_INLINE_IPV4
    slot = cast(pointer(uint8_t), address(record))
    table = address(change.shard.torrents)
    if not table_insert(address(store.torrents), table, slot, 0, change.info_hash_hash):
        # Without memory to grow the segment: an evicted neighbour leaves its place.
        if not evict(change) or not table_insert(
            address(store.torrents), table, slot, 0, change.info_hash_hash
        ):
            subtract_u64(address(store.torrents_total), 1, memory_order_relaxed)
            return NULL
    return find_torrent(store, change.shard, change.delta.info_hash, change.info_hash_hash)


def torrent_remove(store, shard, place):
    """Take a torrent out that holds its peers, if any, in its record; what its tables held has been given back."""
    record = record_at(store, place)
    family = declare(uint32_t, inline_family(record))
    gone = declare(PeerCounts)
    index = declare(uint32_t)
    if record.kind != RECORD_TABLES:
        record_counts(store, record, family, address(gone))
        slots = inline_slots(store, record)
        layout = address(store.peers[family])
        for index in range(slots.capacity if layout.tag_bytes else 0):
            if is_occupied(slots.base + index * layout.slot_bytes, layout.slot_bytes):
                prefix_release(store.prefixes, slots_tag(layout, address(slots), index))
        record.inline_count = 0
        forget_peers(store, shard, record, family, address(gone))
    table_remove(address(store.torrents), address(shard.torrents), place)
    subtract_u64(address(store.torrents_total), 1, memory_order_relaxed)


# Peers


def upsert(change, record):
    """Add the peer to the torrent, or refresh it; False, and nothing changed, if there is no room."""
    if record.kind == RECORD_TABLES:
        return upsert_tables(change, record)
    if record.inline_count == 0:
        # What peers that are gone have left behind (tags) must not pass for a peer of the other family.
        memset(address(record.peers), 0, sizeof(record.peers))
        record.kind = RECORD_INLINE_IPV6 if change.family else RECORD_INLINE_IPV4
    if inline_family(record) == change.family:
        slots = inline_slots(change.store, record)
        index = declare(
            int, slots_find(change.layout, address(slots), address(change.slot[0]), change.slot_hash)
        )
        if index >= 0:
            refresh(change, record, slots.base + index * change.layout.slot_bytes)
            return True
        if slots.count < slots.capacity:
            return upsert_inline(change, record, address(slots))
    if not promote(change.store, record, change.family):
        return False
    return upsert_tables(change, record)


def upsert_inline(change, record, slots):
    """Add a new peer to the record itself, which has room."""
    if not reserve_peer(change):
        return False
    slots_put(change.layout, slots, address(change.slot[0]), new_tag(change), change.slot_hash)
    record.inline_count += 1
    note_added(change, record)
    return True


def upsert_tables(change, record):
    tables = tables_of(change.store, record, change.family)
    if tables == NULL:
        block = arena_allocate(address(change.store.arena), 2 * sizeof(Table))
        if not block:
            return False
        record.peers.tables.ipv6 = block
        tables = cast(pointer(Table), arena_at(address(change.store.arena), block))
        memset(tables, 0, 2 * sizeof(Table))
    slot = address(change.slot[0])
    place = table_find(change.layout, address(tables[change.role]), slot, change.slot_hash)
    if place.segment:
        slots = segment_slots(change.layout, place.segment)
        refresh(change, record, slots.base + place.index * change.layout.slot_bytes)
        return True
    place = table_find(change.layout, address(tables[1 - change.role]), slot, change.slot_hash)
    if place.segment:
        return move_peer(change, record, tables, place)
    return insert_peer(change, record, tables)


def move_peer(change, record, tables, place):
    """A leecher has become a seeder, or the other way round."""
    slots = segment_slots(change.layout, place.segment)
    old_state = declare(uint32_t, inherit_state(change, slots.base + place.index * change.layout.slot_bytes))
    tag = declare(uint16_t, slots_tag(change.layout, address(slots), place.index))
    if not table_insert(
        change.layout, address(tables[change.role]), address(change.slot[0]), tag, change.slot_hash
    ):
        return False
    table_remove(change.layout, address(tables[1 - change.role]), place)
    change.shard.peers[change.family][change.role] += 1
    change.shard.peers[change.family][1 - change.role] -= 1
    note_partial_seed(change, record, old_state)
    count_download(change, old_state)
    return True


def insert_peer(change, record, tables):
    if not reserve_peer(change):
        return False
    tag = declare(uint16_t, new_tag(change))
    if not table_insert(
        change.layout, address(tables[change.role]), address(change.slot[0]), tag, change.slot_hash
    ):
        subtract_u64(address(change.store.peers_total), 1, memory_order_relaxed)
        if change.layout.tag_bytes:
            prefix_release(change.store.prefixes, tag)
        return False
    note_added(change, record)
    return True


def refresh(change, record, slot):
    """Overwrite the state of a peer where it lies."""
    old_state = declare(uint32_t, inherit_state(change, slot))
    memcpy(slot, address(change.slot[0]), change.layout.slot_bytes)
    old_role = declare(uint32_t, SEEDERS if old_state & STATE_SEEDER else LEECHERS)
    change.shard.peers[change.family][old_role] -= 1
    change.shard.peers[change.family][change.role] += 1
    note_partial_seed(change, record, old_state)
    count_download(change, old_state)


def note_partial_seed(change, record, old_state):
    """The peer, which was of this state, is in the record's tables: count it if it is a partial seed now."""
    state = declare(uint32_t, slot_state(change.slot, change.layout.slot_bytes))
    if record.kind == RECORD_TABLES and (state ^ old_state) & STATE_PARTIAL_SEED:
        add_partial_seeds(change.store, record, change.family, 1 if state & STATE_PARTIAL_SEED else -1)


def inherit_state(change, old_slot):
    """What is remembered of the peer goes into its new slot; returns the old state."""
    slot = address(change.slot[0])
    slot_bytes = change.layout.slot_bytes
    old_state = declare(uint32_t, slot_state(old_slot, slot_bytes))
    write_u16(slot + slot_bytes - 2, slot_state(slot, slot_bytes) | (old_state & STATE_COMPLETED))
    return old_state


def count_download(change, old_state):
    """Count a completed download, once per peer."""
    if not change.delta.flags & DELTA_COMPLETED or old_state & STATE_COMPLETED:
        return
    downloads_count(change.store, change.shard, change.delta.info_hash, change.info_hash_hash, change.family)


def reserve_peer(change):
    """Count one more peer, if the bound allows."""
    store = change.store
    if add_u64(address(store.peers_total), 1, memory_order_relaxed) < store.limits.peers_max:
        return True
    subtract_u64(address(store.peers_total), 1, memory_order_relaxed)
    change.peers_exhausted = True
    return False


def note_added(change, record):
    """Account for a new peer, which is in the record now."""
    counts = declare(PeerCounts)
    change.shard.peers[change.family][change.role] += 1
    record_counts(change.store, record, change.family, address(counts))
    if total_of(address(counts)) == 1:
        change.shard.torrents_by_family[change.family] += 1
    note_partial_seed(change, record, 0)
    count_download(change, 0)


def new_tag(change):
    if change.layout.tag_bytes:
        return prefix_acquire(change.store.prefixes, change.delta.peer_id_prefix)
    return 0


def remove_peer(change, record):
    """The peer has stopped. An empty torrent is left to the next cleaning."""
    gone = declare(PeerCounts)
    memset(address(gone), 0, sizeof(gone))
    if record.kind == RECORD_TABLES:
        remove_from_tables(change, record, address(gone))
    elif inline_family(record) == change.family:
        remove_inline(change, record, address(gone))
    forget_peers(change.store, change.shard, record, change.family, address(gone))


def remove_inline(change, record, gone):
    slots = inline_slots(change.store, record)
    index = declare(int, slots_find(change.layout, address(slots), address(change.slot[0]), change.slot_hash))
    if index < 0:
        return
    slot_bytes = change.layout.slot_bytes
    count_slot(gone, slot_state(slots.base + index * slot_bytes, slot_bytes))
    release_slot_tag(change, address(slots), index)
    slots_remove(change.layout, address(slots), index)
    record.inline_count -= 1


def remove_from_tables(change, record, gone):
    tables = tables_of(change.store, record, change.family)
    role = declare(uint32_t)
    for role in range(2 if tables else 0):
        place = table_find(change.layout, address(tables[role]), address(change.slot[0]), change.slot_hash)
        if place.segment:
            slots = segment_slots(change.layout, place.segment)
            slot_bytes = change.layout.slot_bytes
            count_slot(gone, slot_state(slots.base + place.index * slot_bytes, slot_bytes))
            release_slot_tag(change, address(slots), place.index)
            table_remove(change.layout, address(tables[role]), place)


def release_slot_tag(change, slots, index):
    if change.layout.tag_bytes:
        prefix_release(change.store.prefixes, slots_tag(change.layout, slots, index))


# Bounds


def evict(change):
    """Drop the least torrent out of a few next to where the delta's torrent belongs; False if all are to be kept."""
    store = change.store
    victim = declare(Place)
    victim.segment = home_segment(
        address(store.torrents), address(change.shard.torrents), change.info_hash_hash
    )
    slots = segment_slots(address(store.torrents), victim.segment)
    highest = declare(uint32_t, RANK_KEEP)
    step = declare(uint32_t)
    for step in range(min(EVICTION_SAMPLE, slots.capacity)):
        index = declare(uint32_t, ((change.info_hash_hash & 0xFFFF) + step) % slots.capacity)
        record = cast(pointer(TorrentRecord), slots.base + index * TORRENT_SLOT_BYTES)
        rank = declare(uint32_t, eviction_rank(change, record))
        if rank > highest:
            highest = rank
            victim.index = index
    if highest == RANK_KEEP:
        return False
    torrent_remove(store, change.shard, victim)
    change.shard.evicted_torrents += 1
    return True


def eviction_rank(change, record):
    """Empty torrents go first, then those with one peer, the longest silent first; others are kept."""
    if record.kind == RECORD_EMPTY or record.kind == RECORD_TABLES or record.inline_count > 1:
        return RANK_KEEP
    if memcmp(record.info_hash, change.delta.info_hash, 20) == 0:
        return RANK_KEEP
    if record.inline_count == 0:
        # Where peers are the bound that is reached, one without peers makes no room.
        return RANK_KEEP if change.peers_exhausted else RANK_EMPTY
    layout = address(change.store.peers[inline_family(record)])
    slots = inline_slots(change.store, record)
    index = declare(uint32_t, 0)
    while not is_occupied(slots.base + index * layout.slot_bytes, layout.slot_bytes):
        index += 1
    now = declare(uint32_t, slot_state(change.slot, change.layout.slot_bytes))
    return 1 + tick_age(now, slot_state(slots.base + index * layout.slot_bytes, layout.slot_bytes))
