"""How many connections an address may have, and how fast it may open new ones. An IPv6 /64 is one address.

The table is bounded: who has no connections is forgotten when its bucket is full again, and before that if the place
is needed. Its hash is keyed, so nobody can choose addresses that share places.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import read_u32, read_u64
from cython.cimports.aquatic.abi.connection import ADDRESS_PROBES, AddressUse
from cython.cimports.aquatic.abi.datagram import FAMILY_IPV4
from cython.cimports.aquatic.abi.memory import MADV_DONTNEED, madvise, reserve, unreserve
from cython.cimports.aquatic.dataplane.siphash import HashKey, siphash
from cython.cimports.aquatic.dataplane.stream.address_limits import (
    ADDRESS_COUNTED,
    ADDRESS_FULL,
    ADDRESS_NOT_COUNTED,
    ADDRESS_TOO_FAST,
)
from cython.cimports.libc.stdint import uint32_t, uint64_t

NS_PER_SECOND = declare(uint64_t, 1_000_000_000)


def addresses_init(table, connections_max, key_low, key_high):
    """False if the addresses can't be had."""
    table.capacity = ADDRESS_PROBES
    while table.capacity < 2 * connections_max:
        table.capacity *= 2
    table.connections = 0
    table.is_used = False
    table.due_ns = 0
    table.key_low = key_low
    table.key_high = key_high
    table.uses = cast(pointer(AddressUse), reserve(table.capacity * sizeof(AddressUse)))
    return table.uses != NULL


def addresses_end(table):
    if table.uses != NULL:
        unreserve(table.uses, table.capacity * sizeof(AddressUse))
        table.uses = NULL


def addresses_give_back(table, now_ns):
    """The memory of a table that nobody is in any more: what is remembered has no effect then."""
    if table.is_used and not table.connections and now_ns >= table.due_ns:
        madvise(table.uses, table.capacity * sizeof(AddressUse), MADV_DONTNEED)
        table.is_used = False


def address_hash(table, source):
    key = declare(HashKey)
    words = declare(uint64_t[2])
    key.low = table.key_low
    key.high = table.key_high
    if source.family == FAMILY_IPV4:
        words[0] = read_u32(address(source.ip[0])) | cast(uint64_t, 4) << 56
        return siphash(address(key), words, 1)
    words[0] = read_u64(address(source.ip[0]))
    words[1] = cast(uint64_t, 8) << 56
    return siphash(address(key), words, 2)


def tag_of(hash):
    return cast(uint32_t, hash >> 32) | 1


def use_at(table, hash, probe):
    return address(table.uses[(cast(uint32_t, hash) + probe) & (table.capacity - 1)])


def find_use(table, hash):
    """NULL if the address is not in the table."""
    probe = declare(uint32_t)
    for probe in range(cast(uint32_t, ADDRESS_PROBES)):
        use = use_at(table, hash, probe)
        if use.tag == tag_of(hash):
            return use
    return NULL


def make_use(table, hash, now_ns):
    """A place for an address, of the one whose bucket is the fullest among those without connections; NULL if none."""
    best = declare(pointer(AddressUse), NULL)
    probe = declare(uint32_t)
    for probe in range(cast(uint32_t, ADDRESS_PROBES)):
        use = use_at(table, hash, probe)
        if not use.connections and (best == NULL or use.due_ns < best.due_ns):
            best = use
    if best != NULL:
        best.tag = tag_of(hash)
        best.due_ns = now_ns
        table.is_used = True
    return best


def address_admit(table, limits, source, now_ns):
    """Count a new connection of an address, unless it has too many or opens them too fast."""
    hash = address_hash(table, source)
    use = find_use(table, hash)
    if use == NULL:
        use = make_use(table, hash, now_ns)
    if use == NULL:
        return ADDRESS_NOT_COUNTED
    verdict = use_verdict(use, limits, now_ns)
    if verdict == ADDRESS_COUNTED:
        use.due_ns = max(use.due_ns, now_ns) + cost_ns(limits)
        use.connections += 1
        table.due_ns = max(table.due_ns, use.due_ns)
        table.connections += 1
    return verdict


def address_verdict(table, limits, source, now_ns):
    """What `address_admit` would say, but that it counts."""
    use = find_use(table, address_hash(table, source))
    return ADDRESS_COUNTED if use == NULL else use_verdict(use, limits, now_ns)


def use_verdict(use, limits, now_ns):
    if limits.connections_per_address_max and use.connections >= limits.connections_per_address_max:
        return ADDRESS_FULL
    ahead_ns = declare(uint64_t, max(use.due_ns, now_ns) - now_ns)
    if ahead_ns > cost_ns(limits) * (limits.connections_per_address_burst_max - 1):
        return ADDRESS_TOO_FAST
    return ADDRESS_COUNTED


def cost_ns(limits):
    """How much of an address's time a new connection takes."""
    a_second_max = limits.connections_per_address_second_max
    return NS_PER_SECOND // a_second_max if a_second_max else 0


def address_release(table, source):
    """The end of a connection that was counted."""
    use = find_use(table, address_hash(table, source))
    if use != NULL and use.connections:
        use.connections -= 1
        table.connections -= 1
