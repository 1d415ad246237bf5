"""The access list as the packet path sees it: a set that is built whole, swapped by one pointer, and then only read.

Who swaps it waits until every worker has turned its loop twice before it destroys the old one.
"""

from cython import NULL, cast, declare, pointer, size_t, sizeof
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import ACCESS_ALLOW, ACCESS_OFF, AccessList
from cython.cimports.aquatic.dataplane.swarm.slot import info_hash_hash, same_info_hash
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy


def access_list_create(mode, hashes, count, seed):
    """A list of `count` hashes of 20 bytes in a row, at most half full; NULL without memory."""
    capacity = declare(uint64_t, 16)
    while capacity < 2 * count:
        capacity *= 2
    size_bytes = declare(size_t, sizeof(AccessList) + capacity * 21)
    access = cast(pointer(AccessList), reserve(size_bytes))
    if access == NULL:
        return NULL
    access.mode = mode
    access.capacity = capacity
    access.seed = seed
    access.size_bytes = size_bytes
    access.hashes = cast(pointer(uint8_t), access) + sizeof(AccessList)
    access.occupied = access.hashes + capacity * 20
    index = declare(size_t)
    for index in range(count):
        place = declare(uint32_t, place_for(access, hashes + index * 20))
        memcpy(access.hashes + cast(size_t, place) * 20, hashes + index * 20, 20)
        access.occupied[place] = 1
    return access


def access_list_destroy(access):
    if access:
        unreserve(access, access.size_bytes)


def place_for(access, info_hash):
    """Where the hash is, or the empty place where it would be."""
    mask = declare(uint32_t, access.capacity - 1)
    place = declare(uint32_t, info_hash_hash(info_hash, access.seed) & mask)
    while access.occupied[place] and not same_info_hash(access.hashes + cast(size_t, place) * 20, info_hash):
        place = (place + 1) & mask
    return place


def holds(access, info_hash):
    return access.occupied[place_for(access, info_hash)]


def is_allowed(access, info_hash):
    """Whether torrents of this info hash are served; a list that is NULL allows all."""
    if access == NULL or access.mode == ACCESS_OFF:
        return True
    return holds(access, info_hash) == (access.mode == ACCESS_ALLOW)
