"""A torrent's record: the few peers that it holds itself, or the tables that hold more.

Inside a record the slots are a table like any other, only that both roles lie together.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import memory_order_relaxed, subtract_u64
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4, FAMILY_IPV6
from cython.cimports.aquatic.abi.swarm import (
    LEECHERS,
    RECORD_INLINE_IPV4,
    RECORD_INLINE_IPV6,
    RECORD_TABLES,
    SEEDERS,
    STATE_PARTIAL_SEED,
    STATE_SEEDER,
    PeerCounts,
    Table,
    TorrentRecord,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_allocate, arena_at, arena_free
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, slot_hash, slot_state
from cython.cimports.aquatic.dataplane.swarm.table import (
    Slots,
    directory_of,
    is_segmented,
    segment_slots,
    slots_put,
    slots_tag,
    table_count,
    table_free,
    table_insert,
    table_tidy,
)
from cython.cimports.libc.stdint import uint16_t, uint32_t
from cython.cimports.libc.string import memset


def inline_capacity(store, kind):
    """How many peers a record holds itself."""
    if kind == RECORD_INLINE_IPV6:
        return 1
    return 2 if store.limits.tags else 3


def inline_slots(store, record):
    slots = declare(Slots)
    slots.base = address(record.peers.inline_slots[0])
    slots.capacity = inline_capacity(store, record.kind)
    slots.count = record.inline_count
    return slots


def inline_family(record):
    return 1 if record.kind == RECORD_INLINE_IPV6 else 0


def tables_of(store, record, family):
    """The two tables, by role, of a record that has tables; NULL for IPv6 when it never had such peers."""
    if family == FAMILY_IPV4:
        return address(record.peers.tables.ipv4[0])
    if record.peers.tables.ipv6 == 0:
        return NULL
    return cast(pointer(Table), arena_at(address(store.arena), record.peers.tables.ipv6))


def count_slot(counts, state):
    """Add one peer of this state."""
    counts.by_role[SEEDERS if state & STATE_SEEDER else LEECHERS] += 1
    counts.partial_seeds += 1 if state & STATE_PARTIAL_SEED else 0


def record_counts(store, record, family, counts):
    """Peers of the family."""
    memset(counts, 0, sizeof(counts[0]))
    index = declare(uint32_t)
    layout = address(store.peers[family])
    if record.kind == RECORD_TABLES:
        tables_counts(store, record, family, counts)
    elif inline_family(record) == family and record.inline_count:
        slots = inline_slots(store, record)
        for index in range(slots.capacity):
            slot = slots.base + index * layout.slot_bytes
            if is_occupied(slot, layout.slot_bytes):
                count_slot(counts, slot_state(slot, layout.slot_bytes))


def tables_counts(store, record, family, counts):
    layout = address(store.peers[family])
    tables = tables_of(store, record, family)
    if tables == NULL:
        return
    leechers = address(tables[LEECHERS])
    counts.by_role[LEECHERS] = table_count(layout, leechers)
    counts.by_role[SEEDERS] = table_count(layout, address(tables[SEEDERS]))
    counts.partial_seeds = record.peers.tables.partial_seeds[family]
    if is_segmented(leechers):
        counts.partial_seeds += directory_of(layout, leechers).partial_seeds


def add_partial_seeds(store, record, family, change):
    """So many more are in the record's tables, which are there; fewer is modulo 2^32."""
    layout = address(store.peers[family])
    leechers = address(tables_of(store, record, family)[LEECHERS])
    if is_segmented(leechers):
        directory_of(layout, leechers).partial_seeds += change
    else:
        record.peers.tables.partial_seeds[family] += cast(uint16_t, change)


def tidy_peers(store, record, family, role):
    """Tidy one of the record's tables (see `table_tidy`), without losing what its directory counts."""
    layout = address(store.peers[family])
    table = address(tables_of(store, record, family)[role])
    counted = declare(uint32_t, directory_of(layout, table).partial_seeds if is_segmented(table) else 0)
    has_more = table_tidy(layout, table)
    if not is_segmented(table):
        record.peers.tables.partial_seeds[family] += cast(uint16_t, counted)
    return has_more


def total_of(counts):
    return counts.by_role[LEECHERS] + counts.by_role[SEEDERS]


def forget_peers(store, shard, record, family, gone):
    """Account for peers that have just been taken out of the record."""
    left = declare(PeerCounts)
    total = declare(uint32_t, total_of(gone))
    if total == 0:
        return
    shard.peers[family][LEECHERS] -= gone.by_role[LEECHERS]
    shard.peers[family][SEEDERS] -= gone.by_role[SEEDERS]
    subtract_u64(address(store.peers_total), total, memory_order_relaxed)
    if gone.partial_seeds and record.kind == RECORD_TABLES:
        add_partial_seeds(store, record, family, -gone.partial_seeds)
    record_counts(store, record, family, address(left))
    if total_of(address(left)) == 0:
        shard.torrents_by_family[family] -= 1


def promote(store, record, family):
    """Move a record's own peers into tables, ready for peers of `family`; without memory False, and no change."""
    moved = declare(TorrentRecord)
    moved = record[0]
    memset(address(moved.peers), 0, sizeof(moved.peers))
    moved.kind = RECORD_TABLES
    moved.inline_count = 0
    if family or inline_family(record):
        moved.peers.tables.ipv6 = arena_allocate(address(store.arena), 2 * sizeof(Table))
        if not moved.peers.tables.ipv6:
            return False
        memset(arena_at(address(store.arena), moved.peers.tables.ipv6), 0, 2 * sizeof(Table))
    if not promote_slots(store, record, address(moved)):
        free_tables(store, address(moved))
        return False
    record[0] = moved
    return True


def promote_slots(store, record, moved):
    layout = address(store.peers[inline_family(record)])
    slots = inline_slots(store, record)
    tables = tables_of(store, moved, inline_family(record))
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        state = declare(uint32_t, slot_state(slot, layout.slot_bytes))
        if not is_occupied(slot, layout.slot_bytes):
            continue
        role = declare(uint32_t, SEEDERS if state & STATE_SEEDER else LEECHERS)
        tag = declare(uint16_t, slots_tag(layout, address(slots), index))
        if not table_insert(layout, address(tables[role]), slot, tag, slot_hash(layout, slot)):
            return False
        if state & STATE_PARTIAL_SEED:
            add_partial_seeds(store, moved, inline_family(record), 1)
    return True


def free_tables(store, record):
    """Give back a record's tables, whose peers have been accounted for."""
    family = declare(uint32_t)
    role = declare(uint32_t)
    for family in range(2):
        tables = tables_of(store, record, family)
        if tables:
            for role in range(2):
                table_free(address(store.peers[family]), address(tables[role]))
    arena_free(address(store.arena), record.peers.tables.ipv6, 2 * sizeof(Table))


def demote(store, record):
    """Move the peers of tables into the record if they are few and of one family, so that most torrents stay small."""
    ipv4 = declare(PeerCounts)
    ipv6 = declare(PeerCounts)
    record_counts(store, record, FAMILY_IPV4, address(ipv4))
    record_counts(store, record, FAMILY_IPV6, address(ipv6))
    count_ipv4 = declare(uint32_t, total_of(address(ipv4)))
    count_ipv6 = declare(uint32_t, total_of(address(ipv6)))
    if has_segments(store, record):
        return
    # One less than fits, so that a torrent of changing size is not moved to and fro.
    if count_ipv6 == 0 and count_ipv4 < inline_capacity(store, RECORD_INLINE_IPV4):
        demote_family(store, record, FAMILY_IPV4)
    elif count_ipv4 == 0 and count_ipv6 <= 1:
        demote_family(store, record, FAMILY_IPV6)


def has_segments(store, record):
    """Whether a table has a directory, as it may for a while after most of its peers have gone."""
    family = declare(uint32_t)
    for family in range(2):
        tables = tables_of(store, record, family)
        if tables and (is_segmented(address(tables[LEECHERS])) or is_segmented(address(tables[SEEDERS]))):
            return True
    return False


def demote_family(store, record, family):
    moved = declare(TorrentRecord)
    moved = record[0]
    memset(address(moved.peers), 0, sizeof(moved.peers))
    moved.kind = RECORD_INLINE_IPV6 if family else RECORD_INLINE_IPV4
    moved.inline_count = 0
    layout = address(store.peers[family])
    slots = inline_slots(store, address(moved))
    tables = tables_of(store, record, family)
    role = declare(uint32_t)
    index = declare(uint32_t)
    if tables:
        for role in range(2):
            origin = segment_slots(layout, address(tables[role]))
            for index in range(origin.capacity if origin.count else 0):
                slot = origin.base + index * layout.slot_bytes
                if is_occupied(slot, layout.slot_bytes):
                    tag = declare(uint16_t, slots_tag(layout, address(origin), index))
                    slots_put(layout, address(slots), slot, tag, slot_hash(layout, slot))
                    moved.inline_count += 1
    free_tables(store, record)
    record[0] = moved
