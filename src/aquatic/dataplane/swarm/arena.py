"""The allocator of the swarm's memory.

Tables of all sizes come and go, and the memory of a swarm that has shrunk must go back to the system; so blocks of one
size share slabs of 64 KiB, and a slab without blocks gives its pages back. References are 32 bits: half a pointer.

One lock, taken by whoever already holds a shard's: tables grow by a quarter at a time, so it is taken rarely.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.arena import (
    ARENA_SLABS_MAX,
    ARENA_UNIT_BYTES,
    BLOCK_BYTES_MAX,
    SLAB_BYTES,
    WARM_SLABS_DEFAULT,
    BlockRef,
    Slab,
)
from cython.cimports.aquatic.abi.bits import log2_floor, read_u16, write_u16
from cython.cimports.aquatic.abi.memory import MADV_DONTNEED, madvise, poison, reserve, unpoison, unreserve
from cython.cimports.aquatic.abi.threads import (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from cython.cimports.libc.stdint import UINT64_MAX, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset


def class_of(size_bytes):
    """The class of the smallest blocks that hold so many bytes (1 to BLOCK_BYTES_MAX)."""
    if size_bytes <= 128:
        return (size_bytes + 15) // 16 - 1
    doubling = declare(uint32_t, log2_floor(size_bytes - 1))
    return 8 + (doubling - 7) * 4 + ((size_bytes - 1) >> (doubling - 2)) - 4


def class_bytes(block_class):
    if block_class < 8:
        return (block_class + 1) * 16
    step = declare(uint32_t, block_class - 8)
    return (5 + (step & 3)) << (5 + (step >> 2))


def block_bytes(size_bytes):
    """What a block for so many bytes really holds."""
    return class_bytes(class_of(size_bytes))


def arena_init(arena, bytes_max):
    """Reserve addresses for at most so many bytes (0: all that references can name). False if that can't be had."""
    memset(arena, 0, sizeof(arena[0]))
    # One slab more, since slab 0 is left out so that a reference of 0 names nothing.
    slabs = declare(uint64_t, (bytes_max + SLAB_BYTES - 1) // SLAB_BYTES + 1)
    arena.slabs_max = min(slabs, cast(uint64_t, ARENA_SLABS_MAX)) if bytes_max else ARENA_SLABS_MAX
    arena.slabs_fresh = 1
    arena.warm_slabs_max = WARM_SLABS_DEFAULT
    arena.allocations_until_failure = UINT64_MAX
    # And one behind, for readers that race with a directory being moved (store_prefetch_record).
    arena.reserved_bytes = (cast(uint64_t, arena.slabs_max) + 1) * SLAB_BYTES
    arena.base = cast(pointer(uint8_t), reserve(arena.reserved_bytes))
    arena.slabs = cast(pointer(Slab), reserve(arena.slabs_max * sizeof(Slab)))
    pthread_mutex_init(address(arena.lock), NULL)
    return arena.base != NULL and arena.slabs != NULL


def arena_end(arena):
    if arena.base:
        unpoison(arena.base, cast(uint64_t, arena.slabs_fresh) * SLAB_BYTES)
        unreserve(arena.base, arena.reserved_bytes)
    if arena.slabs:
        unreserve(arena.slabs, arena.slabs_max * sizeof(Slab))
    pthread_mutex_destroy(address(arena.lock))


def arena_used_bytes(arena):
    pthread_mutex_lock(address(arena.lock))
    used = cast(uint64_t, arena.slabs_used) * SLAB_BYTES
    pthread_mutex_unlock(address(arena.lock))
    return used


def arena_held_bytes(arena):
    """What the system is kept from, with what nobody uses now."""
    pthread_mutex_lock(address(arena.lock))
    held = cast(uint64_t, arena.slabs_used + arena.warm_slabs) * SLAB_BYTES
    pthread_mutex_unlock(address(arena.lock))
    return held


def list_add(arena, head, index):
    slab = address(arena.slabs[index])
    slab.previous = 0
    slab.next = head[0]
    if slab.next:
        arena.slabs[slab.next].previous = index
    head[0] = index


def list_remove(arena, head, index):
    slab = address(arena.slabs[index])
    if slab.previous:
        arena.slabs[slab.previous].next = slab.next
    else:
        head[0] = slab.next
    if slab.next:
        arena.slabs[slab.next].previous = slab.previous


def room_list(arena, slab):
    """The list that a slab in use belongs to; NULL if it has no room."""
    size_bytes = declare(uint32_t, class_bytes(slab.block_class))
    blocks = declare(uint32_t, SLAB_BYTES // size_bytes)
    if slab.blocks_used == blocks:
        return NULL
    if 4 * slab.blocks_used >= 3 * blocks:
        return address(arena.dense_heads[slab.block_class])
    return address(arena.sparse_heads[slab.block_class])


def move_slab(arena, index, origin):
    """Put a slab whose use has changed into the list that it now belongs to."""
    target = room_list(arena, address(arena.slabs[index]))
    if origin == target:
        return
    if origin != NULL:
        list_remove(arena, origin, index)
    if target != NULL:
        list_add(arena, target, index)


def take_slab(arena, block_class):
    """An empty slab, now of this class and in its list; 0 when the bound is reached."""
    index = arena.warm_head
    if index:
        list_remove(arena, address(arena.warm_head), index)
        arena.warm_slabs -= 1
        arena.warm_slabs_spare = min(arena.warm_slabs_spare, arena.warm_slabs)
    elif arena.cold_head:
        index = arena.cold_head
        list_remove(arena, address(arena.cold_head), index)
    elif arena.slabs_fresh < arena.slabs_max:
        index = arena.slabs_fresh
        arena.slabs_fresh += 1
        poison(arena.base + cast(uint64_t, index) * SLAB_BYTES, SLAB_BYTES)
    else:
        return 0
    slab = address(arena.slabs[index])
    slab.block_class = block_class
    slab.blocks_used = 0
    slab.blocks_fresh = 0
    slab.free_head = 0
    arena.slabs_used += 1
    list_add(arena, address(arena.sparse_heads[block_class]), index)
    return index


def release_slab(arena, index):
    """Take an empty slab out of use; its memory goes back to the system but for a few kept warm."""
    slab = address(arena.slabs[index])
    list_remove(arena, room_list(arena, slab), index)
    arena.slabs_used -= 1
    if arena.warm_slabs < arena.warm_slabs_max:
        arena.warm_slabs += 1
        list_add(arena, address(arena.warm_head), index)
    else:
        chill_slab(arena, index)


def chill_slab(arena, index):
    madvise(arena.base + cast(uint64_t, index) * SLAB_BYTES, SLAB_BYTES, MADV_DONTNEED)
    list_add(arena, address(arena.cold_head), index)


def slab_with_room(arena, block_class):
    """Where the next block of the class comes from, the fuller slabs first; 0 if only a new slab would do."""
    return arena.dense_heads[block_class] or arena.sparse_heads[block_class]


def take_block(arena, block_class):
    """A block of the class, by its slab and index; called under the lock."""
    index = slab_with_room(arena, block_class)
    if not index:
        index = take_slab(arena, block_class)
        if not index:
            return 0
    slab = address(arena.slabs[index])
    size_bytes = declare(uint32_t, class_bytes(block_class))
    start = arena.base + cast(uint64_t, index) * SLAB_BYTES
    block = declare(uint32_t)
    origin = room_list(arena, slab)
    if slab.free_head:
        block = slab.free_head - 1
        unpoison(start + block * size_bytes, size_bytes)
        slab.free_head = read_u16(start + block * size_bytes)
    else:
        block = slab.blocks_fresh
        slab.blocks_fresh += 1
        unpoison(start + block * size_bytes, size_bytes)
    slab.blocks_used += 1
    move_slab(arena, index, origin)
    return cast(BlockRef, (cast(uint64_t, index) * SLAB_BYTES + block * size_bytes) // ARENA_UNIT_BYTES)


def arena_allocate(arena, size_bytes):
    """A block of at least so many bytes, holding garbage; 0 when memory, or the bound, is exhausted."""
    if size_bytes == 0 or size_bytes > BLOCK_BYTES_MAX:
        return 0
    pthread_mutex_lock(address(arena.lock))
    block = declare(BlockRef, 0)
    if arena.allocations_until_failure != 0:
        if arena.allocations_until_failure != UINT64_MAX:
            arena.allocations_until_failure -= 1
        block = take_block(arena, class_of(size_bytes))
    pthread_mutex_unlock(address(arena.lock))
    return block


def arena_free(arena, block, size_bytes):
    """Give a block back, with the size it was asked for."""
    if not block:
        return
    offset = cast(uint64_t, block) * ARENA_UNIT_BYTES
    index = cast(uint32_t, offset // SLAB_BYTES)
    size = declare(uint32_t, block_bytes(size_bytes))
    pthread_mutex_lock(address(arena.lock))
    slab = address(arena.slabs[index])
    origin = room_list(arena, slab)
    write_u16(arena.base + offset, slab.free_head)
    poison(arena.base + offset, size)
    slab.free_head = cast(uint32_t, (offset % SLAB_BYTES) // size) + 1
    slab.blocks_used -= 1
    move_slab(arena, index, origin)
    if slab.blocks_used == 0:
        release_slab(arena, index)
    pthread_mutex_unlock(address(arena.lock))


def arena_compact(arena, block):
    """Where to move a block that lies in a sparse slab, so that the slab empties; 0 if it is to stay.

    The caller copies it and frees the old one. Without this, tables that grow out of one size after the other would
    leave slabs behind that a few stragglers keep.
    """
    if not block:
        return 0
    index = cast(uint32_t, cast(uint64_t, block) * ARENA_UNIT_BYTES // SLAB_BYTES)
    pthread_mutex_lock(address(arena.lock))
    slab = address(arena.slabs[index])
    target = declare(BlockRef, 0)
    if room_list(arena, slab) == address(arena.sparse_heads[slab.block_class]):
        if slab_with_room(arena, slab.block_class) != index:
            target = take_block(arena, slab.block_class)
    pthread_mutex_unlock(address(arena.lock))
    return target


def arena_cool(arena):
    """Give back the memory of the empty slabs that nobody has needed since the last call."""
    pthread_mutex_lock(address(arena.lock))
    while arena.warm_slabs_spare:
        index = arena.warm_head
        list_remove(arena, address(arena.warm_head), index)
        chill_slab(arena, index)
        arena.warm_slabs -= 1
        arena.warm_slabs_spare -= 1
    arena.warm_slabs_spare = arena.warm_slabs
    pthread_mutex_unlock(address(arena.lock))
