from libc.stdint cimport uint8_t, uint32_t

from aquatic.abi.arena cimport Arena
from aquatic.abi.ws_swarm cimport WaitingOffer, WsActor, WsPeer, WsReceiver

cdef void waiting_expire(Arena* arena, WsPeer* peer, uint32_t second, uint32_t age_seconds_max) noexcept nogil
cdef uint32_t waiting_reserve(Arena* arena, WsPeer* peer, uint32_t count) noexcept nogil
cdef void waiting_add(
    Arena* arena, WsPeer* peer, const uint8_t* offer_id, const WsReceiver* receiver, uint32_t second
) noexcept nogil
cdef bint waiting_take(Arena* arena, WsPeer* peer, const uint8_t* offer_id, const WsActor* actor) noexcept nogil
cdef void waiting_free(Arena* arena, WsPeer* peer) noexcept nogil
cdef void waiting_compact(Arena* arena, WsPeer* peer) noexcept nogil

cdef WaitingOffer* waiting_offers(const Arena* arena, const WsPeer* peer) noexcept nogil
cdef bint waiting_resize(Arena* arena, WsPeer* peer, uint32_t room) noexcept nogil
