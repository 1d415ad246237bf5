"""The offers of a peer that wait for an answer, in a block of their own for as long as there are any."""

from cython import address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.ws_swarm import OFFERS_WAITING_MAX, WaitingOffer
from cython.cimports.aquatic.abi.ws_wire import OFFER_ID_BYTES
from cython.cimports.aquatic.dataplane.swarm.arena import arena_allocate, arena_at, arena_compact, arena_free
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memcmp, memcpy

ROOM_MIN = declare(uint32_t, 4)


def waiting_offers(arena, peer):
    return cast(pointer(WaitingOffer), arena_at(arena, peer.offers))


def waiting_expire(arena, peer, second, age_seconds_max):
    """Drop what is too old to be answered, and give back what is not needed without it."""
    offers = waiting_offers(arena, peer)
    left = declare(uint32_t, 0)
    index = declare(uint32_t)
    for index in range(peer.offer_count):
        if offers[index].second >= second or second - offers[index].second <= age_seconds_max:
            offers[left] = offers[index]
            left += 1
    peer.offer_count = left
    if left == 0:
        waiting_free(arena, peer)
    elif left <= peer.offers_room // 4:
        waiting_resize(arena, peer, peer.offers_room // 2)


def waiting_reserve(arena, peer, count):
    """Room for so many more; returns for how many there is, within the bound and with the memory that can be had."""
    wanted = declare(uint32_t, min(peer.offer_count + count, cast(uint32_t, OFFERS_WAITING_MAX)))
    room = declare(uint32_t, max(ROOM_MIN, cast(uint32_t, peer.offers_room)))
    while room < wanted:
        room *= 2
    if room > peer.offers_room:
        waiting_resize(arena, peer, room)
    return min(wanted, cast(uint32_t, peer.offers_room)) - peer.offer_count


def waiting_resize(arena, peer, room):
    """Move the offers to a block with this much room; False, and nothing changed, without memory."""
    block = arena_allocate(arena, room * sizeof(WaitingOffer))
    if not block:
        return False
    if peer.offer_count:
        memcpy(arena_at(arena, block), waiting_offers(arena, peer), peer.offer_count * sizeof(WaitingOffer))
    arena_free(arena, peer.offers, peer.offers_room * sizeof(WaitingOffer))
    peer.offers = block
    peer.offers_room = room
    return True


def waiting_add(arena, peer, offer_id, receiver, second):
    """Note an offer, for which there is room."""
    offer = address(waiting_offers(arena, peer)[peer.offer_count])
    memcpy(offer.offer_id, offer_id, OFFER_ID_BYTES)
    offer.second = second
    offer.connection = receiver.connection
    offer.worker = receiver.worker
    peer.offer_count += 1


def waiting_take(arena, peer, offer_id, actor):
    """Whether the actor has been made this offer, and not answered it: now it has."""
    offers = waiting_offers(arena, peer)
    index = declare(uint32_t)
    for index in range(peer.offer_count):
        offer = address(offers[index])
        if (
            memcmp(offer.offer_id, offer_id, OFFER_ID_BYTES) == 0
            and offer.connection == actor.self.connection
            and offer.worker == actor.self.worker
        ):
            peer.offer_count -= 1
            offer[0] = offers[peer.offer_count]
            if peer.offer_count == 0:
                waiting_free(arena, peer)
            return True
    return False


def waiting_free(arena, peer):
    arena_free(arena, peer.offers, peer.offers_room * sizeof(WaitingOffer))
    peer.offers = 0
    peer.offers_room = 0
    peer.offer_count = 0


def waiting_compact(arena, peer):
    """Move the offers out of a sparse slab."""
    block = arena_compact(arena, peer.offers)
    if block:
        size_bytes = declare(uint32_t, peer.offers_room * sizeof(WaitingOffer))
        memcpy(arena_at(arena, block), waiting_offers(arena, peer), size_bytes)
        arena_free(arena, peer.offers, size_bytes)
        peer.offers = block
