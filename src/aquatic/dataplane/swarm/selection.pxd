from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport Table, TableLayout
from aquatic.dataplane.swarm.table cimport Slots

# Who asks and for what; `out` moves on as peers are taken.
cdef struct Selection:
    const uint8_t* asker  # its slot
    uint32_t scope
    uint32_t tick
    uint32_t age_ticks_max
    bint downloaders_only  # who has, or wants, no more
    uint8_t* out
    uint64_t* random

cdef uint64_t next_random(uint64_t* state) noexcept nogil
cdef uint32_t scope_of_ipv4(const uint8_t* ip) noexcept nogil
cdef uint32_t scope_of(const uint8_t* ip, uint32_t slot_bytes) noexcept nogil
cdef bint is_eligible(const TableLayout* layout, const uint8_t* slot, const Selection* selection) noexcept nogil
cdef bint take_slot(const TableLayout* layout, const uint8_t* slot, Selection* selection) noexcept nogil
cdef uint32_t take_window(
    const TableLayout* layout, const Slots* slots, uint32_t start, uint32_t length, Selection* selection,
    uint32_t wanted
) noexcept nogil
cdef uint32_t random_below(uint64_t* state, uint32_t bound) noexcept nogil
cdef uint32_t slots_select(
    const TableLayout* layout, const Slots* slots, Selection* selection, uint32_t wanted
) noexcept nogil
cdef Table* weighted_segment(const TableLayout* layout, Table* table, uint64_t* random) noexcept nogil
cdef Table* another_segment(
    const TableLayout* layout, Table* table, const Slots* places, uint32_t count, uint64_t* random
) noexcept nogil
cdef bint is_place(const Slots* places, uint32_t count, const uint8_t* base) noexcept nogil
cdef uint32_t select_few(
    const TableLayout* layout, Table* table, Selection* selection, uint32_t wanted
) noexcept nogil
cdef bint was_chosen(uint8_t** chosen, uint32_t count, const uint8_t* slot) noexcept nogil
cdef uint32_t select_runs(
    const TableLayout* layout, Table* table, Selection* selection, uint32_t wanted
) noexcept nogil
cdef uint32_t split_sectors(Slots* places, uint32_t* starts, uint32_t capacity) noexcept nogil
cdef uint32_t take_rounds(
    const TableLayout* layout, const Slots* places, const uint32_t* starts, uint32_t count, uint32_t length,
    Selection* selection, uint32_t wanted
) noexcept nogil
cdef uint32_t window_end(uint32_t capacity, uint32_t place, uint32_t offset, uint32_t length) noexcept nogil
cdef uint32_t select_all(
    const TableLayout* layout, Table* table, Selection* selection, uint32_t wanted
) noexcept nogil
cdef uint32_t table_select(
    const TableLayout* layout, Table* table, Selection* selection, uint32_t wanted
) noexcept nogil
