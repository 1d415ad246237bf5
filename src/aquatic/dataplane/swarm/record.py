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
    STATE_SEEDER,
    Table,
    TorrentRecord,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_allocate, arena_at, arena_free
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, slot_hash, slot_state
from cython.cimports.aquatic.dataplane.swarm.table import (
    Slots,
    is_segmented,
    segment_slots,
    slots_put,
    slots_tag,
    table_count,
    table_free,
    table_insert,
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


def record_counts(store, record, family, by_role):
    """Peers of the family, by role."""
    by_role[LEECHERS] = 0
    by_role[SEEDERS] = 0
    index = declare(uint32_t)
    layout = address(store.peers[family])
    if record.kind == RECORD_TABLES:
        tables = tables_of(store, record, family)
        if tables:
            by_role[LEECHERS] = table_count(layout, address(tables[LEECHERS]))
            by_role[SEEDERS] = table_count(layout, address(tables[SEEDERS]))
    elif inline_family(record) == family and record.inline_count:
        slots = inline_slots(store, record)
        for index in range(slots.capacity):
            state = slot_state(slots.base + index * layout.slot_bytes, layout.slot_bytes)
            by_role[SEEDERS] += 1 if state & STATE_SEEDER else 0
        by_role[LEECHERS] = record.inline_count - by_role[SEEDERS]


def forget_peers(store, shard, record, family, gone):
    """Account for peers, by role, that have just been taken out of the record."""
    left = declare(uint32_t[2])
    total = declare(uint32_t, gone[LEECHERS] + gone[SEEDERS])
    if total == 0:
        return
    shard.peers[family][LEECHERS] -= gone[LEECHERS]
    shard.peers[family][SEEDERS] -= gone[SEEDERS]
    subtract_u64(address(store.peers_total), total, memory_order_relaxed)
    record_counts(store, record, family, left)
    if left[LEECHERS] + left[SEEDERS] == 0:
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
    ipv4 = declare(uint32_t[2])
    ipv6 = declare(uint32_t[2])
    record_counts(store, record, FAMILY_IPV4, ipv4)
    record_counts(store, record, FAMILY_IPV6, ipv6)
    count_ipv4 = declare(uint32_t, ipv4[LEECHERS] + ipv4[SEEDERS])
    count_ipv6 = declare(uint32_t, ipv6[LEECHERS] + ipv6[SEEDERS])
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
