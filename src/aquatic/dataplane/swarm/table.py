"""Open-addressing tables of slots, from one slot to millions: the peers of a family and role, the torrents of a shard,
the download counts.

A table of up to twice `segment_slots` is one run of slots. A larger one is a directory of such runs (segments)
addressed by linear hashing, so no step costs in proportion to the table. Deletion shifts back: there are no tombstones.
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.arena import BLOCK_BYTES_MAX
from cython.cimports.aquatic.abi.bits import log2_floor
from cython.cimports.aquatic.abi.swarm import TABLE_IS_SEGMENTED, Table, TableDirectory
from cython.cimports.aquatic.dataplane.swarm.arena import (
    arena_allocate,
    arena_at,
    arena_compact,
    arena_free,
    block_bytes,
)
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, same_key, slot_hash
from cython.cimports.aquatic.dataplane.swarm.table import Place, Slots
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

# Up to here a table may be filled to the last slot: two cache lines are searched as fast as one slot is found.
DENSE_CAPACITY = declare(uint32_t, 16)


def home_of(hash, capacity):
    return cast(uint32_t, ((hash & cast(uint64_t, 0xFFFFFFFF)) * capacity) >> 32)


# Slots


def slots_tags(layout, slots):
    return cast(pointer(uint16_t), slots.base + slots.capacity * layout.slot_bytes)


def slots_tag(layout, slots, index):
    return slots_tags(layout, slots)[index] if layout.tag_bytes else 0


def slots_find(layout, slots, slot, hash):
    """Index of the peer, or -1."""
    index = declare(uint32_t, home_of(hash, slots.capacity))
    step = declare(uint32_t)
    for step in range(slots.capacity):
        candidate = slots.base + index * layout.slot_bytes
        if not is_occupied(candidate, layout.slot_bytes):
            return -1
        if same_key(candidate, slot, layout.slot_bytes):
            return index
        index += 1
        if index == slots.capacity:
            index = 0
    return -1


def slots_put(layout, slots, slot, tag, hash):
    """Store a peer that is not there yet; there must be room."""
    index = declare(uint32_t, home_of(hash, slots.capacity))
    while is_occupied(slots.base + index * layout.slot_bytes, layout.slot_bytes):
        index += 1
        if index == slots.capacity:
            index = 0
    memcpy(slots.base + index * layout.slot_bytes, slot, layout.slot_bytes)
    if layout.tag_bytes:
        slots_tags(layout, slots)[index] = tag


def slots_move(layout, slots, origin, target):
    memcpy(
        slots.base + target * layout.slot_bytes, slots.base + origin * layout.slot_bytes, layout.slot_bytes
    )
    if layout.tag_bytes:
        slots_tags(layout, slots)[target] = slots_tags(layout, slots)[origin]


def slots_remove(layout, slots, index):
    """Empty a slot and shift back those behind it that would no longer be found."""
    hole = declare(uint32_t, index)
    follower = declare(uint32_t, index)
    step = declare(uint32_t)
    for step in range(slots.capacity - 1):
        follower = follower + 1 if follower + 1 < slots.capacity else 0
        candidate = slots.base + follower * layout.slot_bytes
        if not is_occupied(candidate, layout.slot_bytes):
            break
        home = declare(uint32_t, home_of(slot_hash(layout, candidate), slots.capacity))
        if distance(home, follower, slots.capacity) >= distance(hole, follower, slots.capacity):
            slots_move(layout, slots, follower, hole)
            hole = follower
    memset(slots.base + hole * layout.slot_bytes, 0, layout.slot_bytes)


def distance(origin, target, capacity):
    return target - origin if target >= origin else target + capacity - origin


# Segments


def per_slot_bytes(layout):
    return layout.slot_bytes + layout.tag_bytes


def segment_slots(layout, segment):
    slots = declare(Slots)
    slots.base = cast(pointer(uint8_t), arena_at(layout.arena, segment.block))
    slots.capacity = segment.capacity
    slots.count = segment.count
    return slots


def is_full(segment):
    """Seven eighths, beyond which searches grow long; small tables to the last slot."""
    if segment.capacity <= DENSE_CAPACITY:
        return segment.count >= segment.capacity
    return segment.count >= segment.capacity - segment.capacity // 8


def capacity_for(layout, count):
    """The slots of the smallest block in which so many peers leave room for one more; 0 if there is none."""
    capacity = declare(uint32_t, count + 1)
    if capacity > DENSE_CAPACITY:
        capacity = capacity * 8 // 7 + 1
    if capacity * per_slot_bytes(layout) > BLOCK_BYTES_MAX:
        return 0
    return block_bytes(capacity * per_slot_bytes(layout)) // per_slot_bytes(layout)


def capacity_above(layout, capacity):
    """The next greater capacity, about a quarter more; 0 if there is none."""
    if (capacity + 1) * per_slot_bytes(layout) > BLOCK_BYTES_MAX:
        return 0
    return block_bytes((capacity + 1) * per_slot_bytes(layout)) // per_slot_bytes(layout)


def segment_create(layout, segment, capacity):
    """An empty segment; False without memory."""
    segment.count = 0
    segment.capacity = 0
    segment.block = arena_allocate(layout.arena, capacity * per_slot_bytes(layout)) if capacity else 0
    if not segment.block:
        return False
    segment.capacity = capacity
    memset(arena_at(layout.arena, segment.block), 0, capacity * per_slot_bytes(layout))
    return True


def segment_free(layout, segment):
    if segment.block:
        arena_free(layout.arena, segment.block, segment.capacity * per_slot_bytes(layout))
    segment.block = 0
    segment.count = 0
    segment.capacity = 0


def segment_copy(layout, origin, low, high, split_bit):
    """Copy `origin`'s peers to `low`, or to `high` when their hash's high half has the bit; both must have room."""
    slots = segment_slots(layout, origin)
    low_slots = segment_slots(layout, low)
    high_slots = segment_slots(layout, high) if split_bit else low_slots
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        if not is_occupied(slot, layout.slot_bytes):
            continue
        hash = declare(uint64_t, slot_hash(layout, slot))
        tag = declare(uint16_t, slots_tag(layout, address(slots), index))
        if (hash >> 32) & split_bit:
            slots_put(layout, address(high_slots), slot, tag, hash)
            high.count += 1
        else:
            slots_put(layout, address(low_slots), slot, tag, hash)
            low.count += 1


def segment_rebuild(layout, segment, capacity):
    """Move the peers into a block of another capacity; False, and nothing changed, without memory."""
    rebuilt = declare(Table)
    if not segment_create(layout, address(rebuilt), capacity):
        return False
    if segment.block:
        segment_copy(layout, segment, address(rebuilt), NULL, 0)
        segment_free(layout, segment)
    segment[0] = rebuilt
    return True


def segment_tidy(layout, segment):
    """Give back what a sparse segment does not need. Without memory to move to, it stays as it is."""
    if segment.count == 0:
        segment_free(layout, segment)
    elif segment.count < segment.capacity - segment.capacity // 2:
        capacity = declare(uint32_t, capacity_for(layout, segment.count))
        if capacity and capacity < segment.capacity:
            segment_rebuild(layout, segment, capacity)


def segment_compact(layout, segment):
    """Move the segment out of a sparse slab."""
    block = arena_compact(layout.arena, segment.block)
    if block:
        size_bytes = declare(uint32_t, segment.capacity * per_slot_bytes(layout))
        memcpy(arena_at(layout.arena, block), arena_at(layout.arena, segment.block), size_bytes)
        arena_free(layout.arena, segment.block, size_bytes)
        segment.block = block


# Directories


def is_segmented(table):
    return table.capacity == TABLE_IS_SEGMENTED


def directory_of(layout, table):
    return cast(pointer(TableDirectory), arena_at(layout.arena, table.block))


def directory_bytes(segments):
    return 16 + 8 * segments


def segment_of(directory, hash):
    """Linear hashing: the address by the next power of two, or by this one where that segment is still to come."""
    level = declare(uint32_t, cast(uint32_t, 1) << log2_floor(directory.segment_count))
    index = declare(uint32_t, cast(uint32_t, hash >> 32) & (2 * level - 1))
    return index if index < directory.segment_count else index & (level - 1)


def directory_create(layout, table):
    """Make the table's only segment the first of a directory; False, and nothing changed, without memory."""
    block = arena_allocate(layout.arena, directory_bytes(6))
    if not block:
        return False
    directory = cast(pointer(TableDirectory), arena_at(layout.arena, block))
    directory.count = table.count
    directory.segment_count = 1
    directory.segments_max = 6
    directory.partial_seeds = 0
    directory.segments[0] = table[0]
    table.block = block
    table.count = 0
    table.capacity = TABLE_IS_SEGMENTED
    return True


def directory_grow(layout, table):
    """Room for about a quarter more segments; False, and nothing changed, without memory."""
    directory = directory_of(layout, table)
    if directory_bytes(directory.segments_max + 1) > BLOCK_BYTES_MAX:
        return False
    size_bytes = declare(uint32_t, block_bytes(directory_bytes(directory.segments_max + 1)))
    block = arena_allocate(layout.arena, size_bytes)
    if not block:
        return False
    grown = cast(pointer(TableDirectory), arena_at(layout.arena, block))
    memcpy(grown, directory, directory_bytes(directory.segment_count))
    grown.segments_max = (size_bytes - 16) // 8
    arena_free(layout.arena, table.block, directory_bytes(directory.segments_max))
    table.block = block
    return True


def directory_split(layout, table):
    """Split the next segment in turn into two; False, and nothing changed, without memory."""
    directory = directory_of(layout, table)
    if directory.segment_count == directory.segments_max:
        if not directory_grow(layout, table):
            return False
        directory = directory_of(layout, table)
    bit = declare(uint32_t, cast(uint32_t, 1) << log2_floor(directory.segment_count))
    origin = address(directory.segments[directory.segment_count - bit])
    low = declare(Table)
    high = declare(Table)
    # A hash that is not as even as it should be must not overfill a half, so each has room for what it gets.
    high_count = declare(uint32_t, count_high(layout, origin, bit))
    if not segment_create(layout, address(low), capacity_for(layout, origin.count - high_count)):
        return False
    if not segment_create(layout, address(high), capacity_for(layout, high_count)):
        segment_free(layout, address(low))
        return False
    segment_copy(layout, origin, address(low), address(high), bit)
    segment_free(layout, origin)
    origin[0] = low
    directory.segments[directory.segment_count] = high
    directory.segment_count += 1
    return True


def count_high(layout, segment, bit):
    """How many peers of a segment have the bit in the high half of their hash."""
    count = declare(uint32_t, 0)
    slots = segment_slots(layout, segment)
    index = declare(uint32_t)
    for index in range(slots.capacity):
        slot = slots.base + index * layout.slot_bytes
        if is_occupied(slot, layout.slot_bytes) and (slot_hash(layout, slot) >> 32) & bit:
            count += 1
    return count


def directory_merge(layout, table):
    """Join the last segment with the one it was split from; False, and nothing changed, without memory."""
    directory = directory_of(layout, table)
    last = address(directory.segments[directory.segment_count - 1])
    bit = declare(uint32_t, cast(uint32_t, 1) << log2_floor(directory.segment_count - 1))
    parent = address(directory.segments[directory.segment_count - 1 - bit])
    if last.count:
        joined = declare(Table)
        capacity = declare(uint32_t, capacity_for(layout, last.count + parent.count))
        if not segment_create(layout, address(joined), capacity):
            return False
        segment_copy(layout, last, address(joined), NULL, 0)
        if parent.count:
            segment_copy(layout, parent, address(joined), NULL, 0)
        segment_free(layout, parent)
        parent[0] = joined
    segment_free(layout, last)
    directory.segment_count -= 1
    return True


def directory_collapse(layout, table):
    """Make the last remaining segment the table itself again."""
    directory = directory_of(layout, table)
    segment = declare(Table)
    segment = directory.segments[0]
    arena_free(layout.arena, table.block, directory_bytes(directory.segments_max))
    table[0] = segment


# Tables


def table_count(layout, table):
    return directory_of(layout, table).count if is_segmented(table) else table.count


def table_segments(layout, table):
    """How many segments there are; an empty or small table counts as one."""
    return directory_of(layout, table).segment_count if is_segmented(table) else 1


def table_segment(layout, table, index):
    return address(directory_of(layout, table).segments[index]) if is_segmented(table) else table


def home_segment(layout, table, hash):
    if not is_segmented(table):
        return table
    directory = directory_of(layout, table)
    return address(directory.segments[segment_of(directory, hash)])


def table_find(layout, table, slot, hash):
    """Where the peer of this slot's address and port is."""
    place = declare(Place)
    place.segment = home_segment(layout, table, hash)
    index = declare(int, -1)
    if place.segment.count:
        slots = segment_slots(layout, place.segment)
        index = slots_find(layout, address(slots), slot, hash)
    place.index = index if index >= 0 else 0
    if index < 0:
        place.segment = NULL
    return place


def segment_with_room(layout, table, hash):
    """The peer's home segment with room for it; NULL without memory."""
    if not is_segmented(table) and table.count >= 2 * layout.segment_slots and is_full(table):
        directory_create(layout, table)
    if is_segmented(table):
        directory = directory_of(layout, table)
        if directory.count >= directory.segment_count * layout.segment_slots:
            # Without memory for a split the segments grow instead.
            directory_split(layout, table)
    segment = home_segment(layout, table, hash)
    if is_full(segment) and not segment_rebuild(layout, segment, capacity_above(layout, segment.capacity)):
        # A table without memory to grow may use what little is left of its own.
        return segment if segment.count + 1 < segment.capacity else NULL
    return segment


def table_insert(layout, table, slot, tag, hash):
    """Add a peer that is not there yet; False without memory."""
    segment = segment_with_room(layout, table, hash)
    if segment == NULL:
        return False
    slots = segment_slots(layout, segment)
    slots_put(layout, address(slots), slot, tag, hash)
    segment.count += 1
    if is_segmented(table):
        directory_of(layout, table).count += 1
    return True


def table_remove(layout, table, place):
    """Remove the peer at a place that `table_find` gave; memory is given back by the next cleaning."""
    slots = segment_slots(layout, place.segment)
    slots_remove(layout, address(slots), place.index)
    place.segment.count -= 1
    if is_segmented(table):
        directory_of(layout, table).count -= 1


def directory_compact(layout, table):
    """Move the directory out of a sparse slab."""
    block = arena_compact(layout.arena, table.block)
    if block:
        directory = directory_of(layout, table)
        size_bytes = declare(uint32_t, directory_bytes(directory.segments_max))
        memcpy(arena_at(layout.arena, block), directory, size_bytes)
        arena_free(layout.arena, table.block, size_bytes)
        table.block = block


def table_tidy(layout, table):
    """Join one sparse segment with another; True while there is more to join."""
    if not is_segmented(table):
        return False
    directory_compact(layout, table)
    directory = directory_of(layout, table)
    if directory.segment_count == 1:
        directory_collapse(layout, table)
        return False
    if directory.count >= directory.segment_count * layout.segment_slots // 2:
        return False
    return directory_merge(layout, table)


def table_free(layout, table):
    """Give back everything. The caller has accounted for the peers."""
    index = declare(uint32_t)
    if is_segmented(table):
        directory = directory_of(layout, table)
        for index in range(directory.segment_count):
            segment_free(layout, address(directory.segments[index]))
        arena_free(layout.arena, table.block, directory_bytes(directory.segments_max))
        memset(table, 0, 8)
    else:
        segment_free(layout, table)
