from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.connection cimport AddressTable, AddressUse, StreamLimits
from aquatic.abi.datagram cimport Source

cdef enum AddressVerdict:
    ADDRESS_COUNTED = 0
    ADDRESS_NOT_COUNTED = 1  # admitted, but there was no place to remember it
    ADDRESS_FULL = 2
    ADDRESS_TOO_FAST = 3

cdef bint addresses_init(
    AddressTable* table, uint32_t connections_max, uint64_t key_low, uint64_t key_high
) noexcept nogil
cdef void addresses_end(AddressTable* table) noexcept nogil
cdef void addresses_give_back(AddressTable* table, uint64_t now_ns) noexcept nogil
cdef AddressVerdict address_admit(
    AddressTable* table, const StreamLimits* limits, const Source* source, uint64_t now_ns
) noexcept nogil
cdef AddressVerdict address_verdict(
    const AddressTable* table, const StreamLimits* limits, const Source* source, uint64_t now_ns
) noexcept nogil
cdef void address_release(AddressTable* table, const Source* source) noexcept nogil

cdef uint64_t address_hash(const AddressTable* table, const Source* source) noexcept nogil
cdef AddressUse* use_at(const AddressTable* table, uint64_t hash, uint32_t probe) noexcept nogil
cdef AddressUse* find_use(const AddressTable* table, uint64_t hash) noexcept nogil
cdef AddressUse* make_use(AddressTable* table, uint64_t hash, uint64_t now_ns) noexcept nogil
cdef uint32_t tag_of(uint64_t hash) noexcept nogil
cdef AddressVerdict use_verdict(
    const AddressUse* use, const StreamLimits* limits, uint64_t now_ns
) noexcept nogil
cdef uint64_t cost_ns(const StreamLimits* limits) noexcept nogil
