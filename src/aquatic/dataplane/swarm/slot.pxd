"""What all slots have in common, whether they hold a peer, a torrent or a download count: a key in front, and four
bytes at the end of which the first two are zero when the slot is empty. Inlined into the loops that go over slots."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.bits cimport multiply_fold, read_u16, read_u32, read_u64
from aquatic.abi.swarm cimport IPV4_SLOT_BYTES, IPV6_SLOT_BYTES, STATE_TICK_MASK, TICK_AGE_MAX, TableLayout

cdef inline bint is_occupied(const uint8_t* slot, uint32_t slot_bytes) noexcept nogil:
    return read_u16(slot + slot_bytes - 4) != 0

cdef inline uint32_t slot_state(const uint8_t* slot, uint32_t slot_bytes) noexcept nogil:
    return read_u16(slot + slot_bytes - 2)

cdef inline bint same_info_hash(const uint8_t* a, const uint8_t* b) noexcept nogil:
    return read_u64(a) == read_u64(b) and read_u64(a + 8) == read_u64(b + 8) and read_u32(a + 16) == read_u32(b + 16)

cdef inline bint same_key(const uint8_t* a, const uint8_t* b, uint32_t slot_bytes) noexcept nogil:
    """Whether two slots are of the same address and port, or of the same info hash."""
    if slot_bytes == IPV4_SLOT_BYTES:
        return (read_u64(a) ^ read_u64(b)) << 16 == 0
    if slot_bytes == IPV6_SLOT_BYTES:
        return (
            read_u64(a + 8) == read_u64(b + 8) and read_u16(a + 16) == read_u16(b + 16) and read_u64(a) == read_u64(b)
        )
    return same_info_hash(a, b)

cdef inline uint64_t info_hash_hash(const uint8_t* info_hash, uint64_t seed) noexcept nogil:
    """Keyed, since strangers choose info hashes: the top byte is the shard, the rest finds the slot."""
    cdef uint64_t key = <uint64_t>0x9E3779B97F4A7C15 ^ seed
    cdef uint64_t mixed = multiply_fold(read_u64(info_hash) ^ seed, read_u64(info_hash + 8) ^ key)
    return multiply_fold(mixed ^ read_u32(info_hash + 16), key | 1)

cdef inline uint64_t slot_hash(const TableLayout* layout, const uint8_t* slot) noexcept nogil:
    """Keyed, since strangers choose ports and, within a /64, addresses. The low half finds the slot's home, the high
    half its segment."""
    cdef uint64_t key = <uint64_t>0x9E3779B97F4A7C15 ^ layout.seed
    if layout.slot_bytes == IPV4_SLOT_BYTES:
        return multiply_fold((read_u64(slot) << 16) ^ layout.seed, key | 1)
    if layout.slot_bytes == IPV6_SLOT_BYTES:
        return multiply_fold(
            multiply_fold(read_u64(slot) ^ layout.seed, read_u64(slot + 8) ^ key) ^ read_u16(slot + 16), key | 1)
    return info_hash_hash(slot, layout.seed)

cdef inline uint32_t tick_age(uint32_t now, uint32_t state) noexcept nogil:
    """Ticks since the peer was heard of; one from a worker whose clock is a little ahead is new."""
    cdef uint32_t age = (now - (state & STATE_TICK_MASK)) & STATE_TICK_MASK
    return age if age <= TICK_AGE_MAX else 0
