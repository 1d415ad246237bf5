"""Which peers an announce is answered with.

Windows of slots are copied from a few random places. Windows of slots, not of peers: each peer is equally likely to lie
in one, however the peers cluster. For a few peers slots are drawn one by one.
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.bits import multiply_fold, read_u64, write_u64
from cython.cimports.aquatic.abi.swarm import (
    IPV4_SLOT_BYTES,
    SCOPE_GLOBAL,
    SCOPE_LOOPBACK,
    SCOPE_PRIVATE,
    STATE_PARTIAL_SEED,
    STATE_SCOPED,
    STATE_SEEDER,
    Table,
)
from cython.cimports.aquatic.dataplane.swarm.slot import is_occupied, same_key, slot_state, tick_age
from cython.cimports.aquatic.dataplane.swarm.table import (
    Slots,
    segment_slots,
    table_count,
    table_segment,
    table_segments,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

# Fewer peers than this are drawn one by one: a short run would favour a peer behind a gap.
FEW = declare(uint32_t, 8)
DRAWS_MAX = declare(uint32_t, 64)
RUN_PLACES = declare(uint32_t, 4)
RUN_SLOTS = declare(uint32_t, 16)


def next_random(state):
    """Wyrand: fast, and good enough to choose peers by; nothing secret depends on it."""
    state[0] += cast(uint64_t, 0xA0761D6478BD642F)
    return multiply_fold(state[0], state[0] ^ cast(uint64_t, 0xE7037ED1A0B428DB))


def scope_of_ipv4(ip):
    first = declare(uint32_t, ip[0])
    second = declare(uint32_t, ip[1])
    if first == 127:
        return SCOPE_LOOPBACK
    if first == 10 or first == 0 or first >= 224:
        return SCOPE_PRIVATE
    if (first == 172 and (second & 0xF0) == 16) or (first == 192 and second == 168):
        return SCOPE_PRIVATE
    if (first == 100 and (second & 0xC0) == 64) or (first == 169 and second == 254):
        return SCOPE_PRIVATE
    return SCOPE_GLOBAL


def scope_of(ip, slot_bytes):
    """How far an address reaches: RFC 1918, 6598, 3927, 4193, 4291. What no peer can have counts as private."""
    if slot_bytes == IPV4_SLOT_BYTES:
        return scope_of_ipv4(ip)
    # ::/64 holds the loopback address, unspecified and mapped forms; fc00::/7 and fe80::/9 do not leave a site.
    if read_u64(ip) == 0:
        return SCOPE_LOOPBACK
    if (ip[0] & 0xFE) == 0xFC or (ip[0] == 0xFE and ip[1] >= 0x80) or ip[0] == 0xFF:
        return SCOPE_PRIVATE
    return SCOPE_GLOBAL


def is_eligible(layout, slot, selection):
    if not is_occupied(slot, layout.slot_bytes) or same_key(slot, selection.asker, layout.slot_bytes):
        return False
    state = declare(uint32_t, slot_state(slot, layout.slot_bytes))
    if state & (STATE_SEEDER | STATE_PARTIAL_SEED) and selection.downloaders_only:
        return False
    if state & STATE_SCOPED and scope_of(slot, layout.slot_bytes) != selection.scope:
        return False
    return tick_age(selection.tick, state) <= selection.age_ticks_max


def take_slot(layout, slot, selection):
    """Copy the peer into the answer if it may be handed out. May write a few bytes past the peer."""
    if not is_eligible(layout, slot, selection):
        return False
    if layout.slot_bytes == IPV4_SLOT_BYTES:
        write_u64(selection.out, read_u64(slot))
        selection.out += 6
    else:
        memcpy(selection.out, slot, 18)
        selection.out += 18
    return True


def take_window(layout, slots, start, length, selection, wanted):
    """Take what is in so many slots from `start` (which may lie one turn beyond the end) until enough."""
    taken = declare(uint32_t, 0)
    index = declare(uint32_t, start if start < slots.capacity else start - slots.capacity)
    step = declare(uint32_t)
    for step in range(length):
        if taken == wanted:
            break
        taken += take_slot(layout, slots.base + index * layout.slot_bytes, selection)
        index = index + 1 if index + 1 < slots.capacity else 0
    return taken


def random_below(state, bound):
    return cast(uint32_t, ((next_random(state) >> 32) * bound) >> 32)


def slots_select(layout, slots, selection, wanted):
    """Some peers of a small run of slots, from a random start."""
    if wanted == 0 or slots.count == 0:
        return 0
    start = declare(uint32_t, random_below(selection.random, slots.capacity))
    return take_window(layout, slots, start, slots.capacity, selection, wanted)


def weighted_segment(layout, table, random):
    """A random segment, a fuller one more likely."""
    segments = declare(uint32_t, table_segments(layout, table))
    segment = table_segment(layout, table, 0)
    if segments == 1:
        return segment
    full = declare(uint32_t, 2 * table_count(layout, table) // segments + 1)
    step = declare(uint32_t)
    for step in range(8):
        segment = table_segment(layout, table, random_below(random, segments))
        if random_below(random, full) < segment.count:
            break
    return segment


def another_segment(layout, table, places, count, random):
    """A random segment that is none of the `count` places chosen before, of which there must be fewer than segments."""
    step = declare(uint32_t)
    for step in range(8):
        segment = weighted_segment(layout, table, random)
        if not is_place(places, count, segment_slots(layout, segment).base):
            return segment
    for step in range(count + 1):
        segment = table_segment(layout, table, step)
        if not is_place(places, count, segment_slots(layout, segment).base):
            break
    return segment


def is_place(places, count, base):
    index = declare(uint32_t)
    for index in range(count):
        if places[index].base == base:
            return True
    return False


def select_few(layout, table, selection, wanted):
    """Draw slots one by one: every peer is as likely as any other."""
    chosen = declare(pointer(uint8_t)[8])
    taken = declare(uint32_t, 0)
    draw = declare(uint32_t)
    segment = declare(pointer(Table), NULL)
    for draw in range(DRAWS_MAX):
        segment = weighted_segment(layout, table, selection.random)
        slots = segment_slots(layout, segment)
        slot = slots.base + random_below(selection.random, slots.capacity) * layout.slot_bytes
        if not was_chosen(chosen, taken, slot) and take_slot(layout, slot, selection):
            chosen[taken] = slot
            taken += 1
            if taken == wanted:
                return taken
    # Nearly all were expired or out of scope: look through the last segment for what the draws missed.
    slots = segment_slots(layout, segment)
    for draw in range(slots.capacity):
        slot = slots.base + draw * layout.slot_bytes
        if taken < wanted and not was_chosen(chosen, taken, slot) and take_slot(layout, slot, selection):
            chosen[taken] = slot
            taken += 1
    return taken


def was_chosen(chosen, count, slot):
    index = declare(uint32_t)
    for index in range(count):
        if chosen[index] == slot:
            return True
    return False


def select_runs(layout, table, selection, wanted):
    """Copy windows of slots from a few disjoint places.

    Windows of slots, not of peers: each peer is equally likely to lie in one, however the peers cluster.
    """
    places = declare(Slots[4])
    starts = declare(uint32_t[4])
    segments = declare(uint32_t, table_segments(layout, table))
    count = declare(uint32_t, min(segments, RUN_PLACES))
    length = declare(uint32_t, 0)
    place = declare(uint32_t)
    for place in range(count):
        # In the order in which they are drawn, for the first ones may be all that a small answer needs.
        places[place] = segment_slots(layout, another_segment(layout, table, places, place, selection.random))
        starts[place] = random_below(selection.random, places[place].capacity)
        length = max(length, places[place].capacity)
    if segments == 1:
        count = RUN_PLACES
        length = split_sectors(places, starts, length)
    return take_rounds(layout, places, starts, count, length, selection, wanted)


def split_sectors(places, starts, capacity):
    """Give each place its own quarter of the first one's segment; returns the length of a quarter."""
    quarter = declare(uint32_t, (capacity + RUN_PLACES - 1) // RUN_PLACES)
    place = declare(uint32_t)
    for place in range(1, RUN_PLACES):
        places[place] = places[0]
        starts[place] = (starts[0] + place * quarter) % capacity
    return quarter


def take_rounds(layout, places, starts, count, length, selection, wanted):
    """A window from each place in turn, until enough were taken or all places are exhausted."""
    taken = declare(uint32_t, 0)
    offset = declare(uint32_t, 0)
    place = declare(uint32_t)
    while offset < length and taken < wanted:
        for place in range(count):
            slots = address(places[place])
            end = declare(uint32_t, window_end(slots.capacity, place, offset, length))
            if offset < end:
                start = declare(uint32_t, (starts[place] + offset) % slots.capacity)
                taken += take_window(layout, slots, start, end - offset, selection, wanted - taken)
        offset += RUN_SLOTS
    return taken


def window_end(capacity, place, offset, length):
    """Where this round's window ends: in its place's part, which a last quarter may have shorter."""
    limit = declare(uint32_t, length)
    if length < capacity and (place + 1) * length > capacity:
        limit = capacity - place * length if place * length < capacity else 0
    elif length > capacity:
        limit = capacity
    return min(offset + RUN_SLOTS, limit)


def select_all(layout, table, selection, wanted):
    taken = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(table_segments(layout, table)):
        slots = segment_slots(layout, table_segment(layout, table, index))
        taken += slots_select(layout, address(slots), selection, wanted - taken)
    return taken


def table_select(layout, table, selection, wanted):
    """Copy up to `wanted` peers into the answer; returns how many. The answer needs RESPONSE_SLACK_BYTES behind it."""
    count = declare(uint32_t, table_count(layout, table))
    if wanted == 0 or count == 0:
        return 0
    if wanted >= count:
        return select_all(layout, table, selection, wanted)
    if wanted < FEW:
        return select_few(layout, table, selection, wanted)
    return select_runs(layout, table, selection, wanted)
