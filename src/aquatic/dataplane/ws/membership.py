"""What is kept of a WebSocket connection between calls: which peers it is, and a message of which a part is there."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.arena import BlockRef
from cython.cimports.aquatic.dataplane.swarm.arena import (
    arena_allocate,
    arena_at,
    arena_compact,
    arena_free,
    block_bytes,
)
from cython.cimports.aquatic.dataplane.swarm.slot import same_info_hash
from cython.cimports.aquatic.dataplane.ws.membership import Membership, WsConnection
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy, memset


def connection_of(arena, kept):
    return cast(pointer(WsConnection), arena_at(arena, kept))


def kept_bytes(room):
    return sizeof(WsConnection) + (room - 1) * sizeof(Membership)


def keep(arena, kept, room):
    """Have a block with room for so many memberships, at least one; False, and nothing changed, without memory."""
    size_bytes = declare(uint32_t, block_bytes(kept_bytes(room)))
    block = arena_allocate(arena, size_bytes)
    if not block:
        return False
    moved = connection_of(arena, block)
    if kept[0]:
        connection = connection_of(arena, kept[0])
        memcpy(moved, connection, kept_bytes(max(cast(uint32_t, 1), connection.count)))
        arena_free(arena, kept[0], kept_bytes(connection.room))
    else:
        memset(moved, 0, sizeof(WsConnection))
    moved.room = (size_bytes - sizeof(WsConnection)) // sizeof(Membership) + 1
    kept[0] = block
    return True


def membership_find(arena, kept, info_hash, peer_id):
    """The membership, or NULL."""
    if not kept:
        return NULL
    connection = connection_of(arena, kept)
    index = declare(uint32_t)
    for index in range(connection.count):
        membership = address(connection.memberships[index])
        if same_info_hash(membership.info_hash, info_hash) and same_info_hash(membership.peer_id, peer_id):
            return membership
    return NULL


def membership_add(arena, kept, info_hash, peer_id):
    """One that is not there yet; False without memory."""
    if not kept[0] and not keep(arena, kept, 1):
        return False
    connection = connection_of(arena, kept[0])
    if connection.count == connection.room:
        if not keep(arena, kept, connection.room + 1):
            return False
        connection = connection_of(arena, kept[0])
    membership = address(connection.memberships[connection.count])
    memcpy(membership.info_hash, info_hash, sizeof(membership.info_hash))
    memcpy(membership.peer_id, peer_id, sizeof(membership.peer_id))
    connection.count += 1
    return True


def membership_remove(connection, membership):
    """The last one takes its place."""
    connection.count -= 1
    last = address(connection.memberships[connection.count])
    memcpy(cast(pointer(Membership), membership), last, sizeof(Membership))


def message_add(arena, kept, payload, length):
    """Put a fragment behind those that have come; returns where the message begins, or NULL without memory.

    It is not counted as having come: that is the reader's to do, so that a fragment may be added again.
    """
    if not kept[0] and not keep(arena, kept, 1):
        return NULL
    connection = connection_of(arena, kept[0])
    needed = declare(uint32_t, max(cast(uint32_t, 1), connection.reader.message_bytes + length))
    if needed > connection.message_room:
        room = declare(uint32_t, block_bytes(needed))
        block = declare(BlockRef, arena_allocate(arena, room))
        if not block:
            return NULL
        memcpy(arena_at(arena, block), arena_at(arena, connection.message), connection.reader.message_bytes)
        arena_free(arena, connection.message, connection.message_room)
        connection.message = block
        connection.message_room = room
    message = cast(pointer(uint8_t), arena_at(arena, connection.message))
    memcpy(message + connection.reader.message_bytes, payload, length)
    return message


def message_drop(arena, kept):
    connection = connection_of(arena, kept)
    arena_free(arena, connection.message, connection.message_room)
    connection.message = 0
    connection.message_room = 0


def connection_shrink(arena, kept):
    """Give back what is not needed, or lies in a sparse slab."""
    connection = connection_of(arena, kept[0])
    if connection.count == 0 and connection.reader.opcode == 0:
        connection_free(arena, kept[0])
        kept[0] = 0
    elif connection.count < connection.room // 2:
        keep(arena, kept, max(cast(uint32_t, 1), connection.count))
    else:
        block = arena_compact(arena, kept[0])
        if block:
            memcpy(arena_at(arena, block), connection, kept_bytes(connection.room))
            arena_free(arena, kept[0], kept_bytes(connection.room))
            kept[0] = block


def connection_free(arena, kept):
    message_drop(arena, kept)
    connection = connection_of(arena, kept)
    arena_free(arena, kept, kept_bytes(connection.room))
