"""Where connections live: slots that name them, and their records and buffers in an arena of the worker's own.

Blocks of one size share slabs, so the memory of connections that have gone goes back to the system; of those that
stay, records are moved out of sparse slabs (slab_compact), which is why everything else names them by their slot.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.arena import BlockRef
from cython.cimports.aquatic.abi.bits import log2_floor
from cython.cimports.aquatic.abi.connection import (
    NO_CONNECTION,
    OUTPUT_BYTES_LIMIT,
    Connection,
    ConnectionSlot,
)
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.dataplane.swarm.arena import (
    arena_allocate,
    arena_at,
    arena_compact,
    arena_end,
    arena_free,
    arena_init,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy, memset

# What messages to others take within a turn and give back at its end is the system's again once it is not needed for a
# second (arena_cool): taking it anew each turn costs more than the messages do.
WARM_SLABS_MAX = declare(uint32_t, 64)


def slab_init(slab, connections_max, memory_bytes_max):
    """Reserve addresses; False if they can't be had."""
    memset(slab, 0, sizeof(slab[0]))
    slab.slots_max = connections_max
    slab.slots = cast(pointer(ConnectionSlot), reserve(connections_max * sizeof(ConnectionSlot)))
    if not arena_init(address(slab.arena), memory_bytes_max):
        return False
    slab.arena.warm_slabs_max = WARM_SLABS_MAX
    return slab.slots != NULL


def slab_end(slab):
    if slab.slots != NULL:
        unreserve(slab.slots, slab.slots_max * sizeof(ConnectionSlot))
        slab.slots = NULL
    arena_end(address(slab.arena))


def slab_take(slab):
    """A new connection, zeroed but for its slot; NULL without memory. The bound is the caller's to keep."""
    record = arena_allocate(address(slab.arena), sizeof(Connection))
    if not record:
        return NULL
    slot = declare(uint32_t)
    if slab.free_head:
        slot = slab.free_head - 1
        slab.free_head = slab.slots[slot].record
    else:
        slot = slab.slots_fresh
        slab.slots_fresh += 1
    slab.generation += 1
    if slab.generation == 0:
        slab.generation = 1
    slab.slots[slot].generation = slab.generation
    slab.slots[slot].record = record
    slab.active += 1
    connection = cast(pointer(Connection), arena_at(address(slab.arena), record))
    memset(connection, 0, sizeof(Connection))
    connection.slot = slot
    connection.timer_next = NO_CONNECTION
    connection.timer_previous = NO_CONNECTION
    return connection


def slab_give(slab, connection):
    """The end of a connection, with its buffers: its name is nobody's from now on."""
    slot = connection.slot
    arena_free(address(slab.arena), connection.input, connection.input_bytes)
    drop_output(slab, connection)
    arena_free(address(slab.arena), slab.slots[slot].record, sizeof(Connection))
    slab.slots[slot].generation = 0
    slab.slots[slot].record = slab.free_head
    slab.free_head = slot + 1
    slab.active -= 1


def slab_compact(slab, connection):
    """Move the record out of a sparse slab, if it is in one; returns where it is now."""
    slot = address(slab.slots[connection.slot])
    target = arena_compact(address(slab.arena), slot.record)
    if not target:
        return connection
    moved = cast(pointer(Connection), arena_at(address(slab.arena), target))
    memcpy(moved, connection, sizeof(Connection))
    arena_free(address(slab.arena), slot.record, sizeof(Connection))
    slot.record = target
    return moved


def copy_to_block(slab, source, length):
    block = declare(BlockRef, arena_allocate(address(slab.arena), length))
    if block:
        memcpy(arena_at(address(slab.arena), block), source, length)
    return block


def keep_input(slab, connection, input, length):
    """Keep what a connection has received and not used, until `take_input`; False without memory."""
    if not length:
        return True
    connection.input = copy_to_block(slab, input, length)
    connection.input_bytes = length if connection.input else 0
    return connection.input != 0


def take_input(slab, connection, target):
    """Move what was kept to `target`; returns its length."""
    length = connection.input_bytes
    if length:
        memcpy(target, arena_at(address(slab.arena), connection.input), length)
        arena_free(address(slab.arena), connection.input, length)
        connection.input = 0
        connection.input_bytes = 0
    return length


def append_output(slab, connection, output, length):
    """Put bytes behind what waits to be sent, until `drop_output`; False, and nothing has changed, without room.

    What has been sent makes room only when the block would have to grow.
    """
    held = declare(uint32_t, connection.output_bytes)
    waiting = declare(uint32_t, held - connection.output_sent)
    if waiting + length > OUTPUT_BYTES_LIMIT:
        return False
    old = cast(pointer(uint8_t), arena_at(address(slab.arena), connection.output))
    if held and held + length <= output_room(held):
        memcpy(old + held, output, length)
        connection.output_bytes = held + length
        return True
    block = arena_allocate(address(slab.arena), output_room(waiting + length))
    if not block:
        return False
    new = cast(pointer(uint8_t), arena_at(address(slab.arena), block))
    memcpy(new, old + connection.output_sent, waiting)
    memcpy(new + waiting, output, length)
    drop_output(slab, connection)
    connection.output = block
    connection.output_bytes = waiting + length
    return True


def output_room(length):
    """The block of so many bytes of output. It doubles: messages often come in numbers, and each growth is a copy."""
    return cast(uint32_t, 2) << log2_floor((length - 1) | 15)


def drop_output(slab, connection):
    if not connection.output:
        return
    arena_free(address(slab.arena), connection.output, output_room(connection.output_bytes))
    connection.output = 0
    connection.output_bytes = 0
    connection.output_sent = 0
