"""Which clients the peers are: the first eight bytes of peer ids, each kept once, and a count of its peers.

Only where client statistics are on. Strangers choose peer ids, so the table is bounded: a prefix that finds no place
counts as "other" (tag 0). A place whose peers are all gone is taken by the next prefix that needs one.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import add_u32, load_u32, memory_order_relaxed
from cython.cimports.aquatic.abi.bits import multiply_fold, read_u64
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.swarm import PREFIX_PROBES, PREFIXES_MAX, PrefixTable
from cython.cimports.aquatic.abi.threads import (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from cython.cimports.libc.stdint import uint32_t


def prefixes_create(seed):
    """An empty table, or NULL without memory."""
    table = cast(pointer(PrefixTable), reserve(sizeof(PrefixTable)))
    if table:
        pthread_mutex_init(address(table.lock), NULL)
        table.seed = seed
    return table


def prefixes_destroy(table):
    if table:
        pthread_mutex_destroy(address(table.lock))
        unreserve(table, sizeof(PrefixTable))


def place_of(table, value):
    """The prefix's place, or one that it can have, or 0."""
    place = declare(uint32_t, multiply_fold(value ^ table.seed, table.seed | 1) % PREFIXES_MAX)
    vacant = declare(uint32_t, 0)
    probe = declare(uint32_t)
    for probe in range(cast(uint32_t, PREFIX_PROBES)):
        if place != 0:
            in_use = declare(bint, load_u32(address(table.peers[place]), memory_order_relaxed) != 0)
            if in_use and table.prefixes[place] == value:
                return place
            if not in_use and not vacant:
                vacant = place
        place = (place + 1) % PREFIXES_MAX
    return vacant


def prefix_acquire(table, prefix):
    """Count one more peer with this prefix (eight bytes); returns its tag, to be released when the peer goes."""
    pthread_mutex_lock(address(table.lock))
    value = read_u64(prefix)
    tag = declare(uint32_t, place_of(table, value))
    if tag:
        table.prefixes[tag] = value
    add_u32(address(table.peers[tag]), 1, memory_order_relaxed)
    pthread_mutex_unlock(address(table.lock))
    return tag
