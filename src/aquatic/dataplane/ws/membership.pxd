from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.arena cimport Arena, BlockRef
from aquatic.abi.http_wire cimport PEER_ID_BYTES
from aquatic.abi.udp_wire cimport INFO_HASH_BYTES
from aquatic.abi.ws_wire cimport MessageReader

# A torrent that a connection has a peer of; once the peer was taken over or has expired, it means nothing.
cdef struct Membership:
    uint8_t info_hash[INFO_HASH_BYTES]
    uint8_t peer_id[PEER_ID_BYTES]

# What is kept of a connection, in a block of its worker's arena: none until there is something to keep.
cdef struct WsConnection:
    MessageReader reader
    BlockRef message  # what has come of a message in fragments, in a block of this size
    uint32_t message_room
    uint32_t count
    uint32_t room
    Membership memberships[1]  # `room` of them

cdef WsConnection* connection_of(const Arena* arena, BlockRef kept) noexcept nogil
cdef uint32_t kept_bytes(uint32_t room) noexcept nogil
cdef bint keep(Arena* arena, BlockRef* kept, uint32_t room) noexcept nogil
cdef Membership* membership_find(
    const Arena* arena, BlockRef kept, const uint8_t* info_hash, const uint8_t* peer_id
) noexcept nogil
cdef bint membership_add(
    Arena* arena, BlockRef* kept, const uint8_t* info_hash, const uint8_t* peer_id
) noexcept nogil
cdef void membership_remove(WsConnection* connection, const Membership* membership) noexcept nogil
cdef uint8_t* message_add(Arena* arena, BlockRef* kept, const uint8_t* payload, uint32_t length) noexcept nogil
cdef void message_drop(Arena* arena, BlockRef kept) noexcept nogil
cdef void connection_shrink(Arena* arena, BlockRef* kept) noexcept nogil
cdef void connection_free(Arena* arena, BlockRef kept) noexcept nogil
