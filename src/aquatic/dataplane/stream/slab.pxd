from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.arena cimport BlockRef
from aquatic.abi.connection cimport Connection, ConnectionSlab
from aquatic.dataplane.swarm.arena cimport arena_at

cdef bint slab_init(ConnectionSlab* slab, uint32_t connections_max, uint64_t memory_bytes_max) noexcept nogil
cdef void slab_end(ConnectionSlab* slab) noexcept nogil
cdef Connection* slab_take(ConnectionSlab* slab) noexcept nogil
cdef void slab_give(ConnectionSlab* slab, Connection* connection) noexcept nogil
cdef Connection* slab_compact(ConnectionSlab* slab, Connection* connection) noexcept nogil
cdef bint keep_input(
    ConnectionSlab* slab, Connection* connection, const uint8_t* input, uint32_t length
) noexcept nogil
cdef uint32_t take_input(ConnectionSlab* slab, Connection* connection, uint8_t* target) noexcept nogil
cdef bint append_output(
    ConnectionSlab* slab, Connection* connection, const uint8_t* output, uint32_t length
) noexcept nogil
cdef void drop_output(ConnectionSlab* slab, Connection* connection) noexcept nogil

cdef uint32_t output_room(uint32_t length) noexcept nogil
cdef BlockRef copy_to_block(ConnectionSlab* slab, const uint8_t* source, uint32_t length) noexcept nogil

cdef inline Connection* slab_at(const ConnectionSlab* slab, uint32_t slot) noexcept nogil:
    """The connection of a slot that is in use."""
    return <Connection*>arena_at(&slab.arena, slab.slots[slot].record)

cdef inline Connection* slab_find(const ConnectionSlab* slab, uint64_t name) noexcept nogil:
    """The connection of this name, or NULL if it has been closed."""
    cdef uint32_t slot = <uint32_t>name
    if slot >= slab.slots_fresh or slab.slots[slot].generation != <uint32_t>(name >> 32):
        return NULL
    return slab_at(slab, slot)

cdef inline uint64_t connection_name(const ConnectionSlab* slab, const Connection* connection) noexcept nogil:
    """Generation and slot: what events carry, and what is never the name of another connection of this worker."""
    return <uint64_t>slab.slots[connection.slot].generation << 32 | connection.slot

cdef inline uint32_t waiting_bytes(const Connection* connection) noexcept nogil:
    """What is there to be sent."""
    return connection.output_bytes - connection.output_sent
