from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport Table, TableDirectory, TableLayout

# A run of slots, wherever it lies: in a block or inside a torrent's record.
cdef struct Slots:
    uint8_t* base
    uint32_t capacity
    uint32_t count

# Where a slot is. `segment` is NULL when it is nowhere.
cdef struct Place:
    Table* segment
    uint32_t index

cdef uint32_t home_of(uint64_t hash, uint32_t capacity) noexcept nogil
cdef uint16_t* slots_tags(const TableLayout* layout, const Slots* slots) noexcept nogil
cdef uint16_t slots_tag(const TableLayout* layout, const Slots* slots, uint32_t index) noexcept nogil
cdef int slots_find(const TableLayout* layout, const Slots* slots, const uint8_t* slot, uint64_t hash) noexcept nogil
cdef void slots_put(
    const TableLayout* layout, Slots* slots, const uint8_t* slot, uint16_t tag, uint64_t hash
) noexcept nogil
cdef void slots_move(const TableLayout* layout, Slots* slots, uint32_t origin, uint32_t target) noexcept nogil
cdef void slots_remove(const TableLayout* layout, Slots* slots, uint32_t index) noexcept nogil
cdef uint32_t distance(uint32_t origin, uint32_t target, uint32_t capacity) noexcept nogil
cdef uint32_t per_slot_bytes(const TableLayout* layout) noexcept nogil
cdef Slots segment_slots(const TableLayout* layout, const Table* segment) noexcept nogil
cdef bint is_full(const Table* segment) noexcept nogil
cdef uint32_t capacity_for(const TableLayout* layout, uint32_t count) noexcept nogil
cdef uint32_t capacity_above(const TableLayout* layout, uint32_t capacity) noexcept nogil
cdef bint segment_create(const TableLayout* layout, Table* segment, uint32_t capacity) noexcept nogil
cdef void segment_free(const TableLayout* layout, Table* segment) noexcept nogil
cdef void segment_copy(
    const TableLayout* layout, const Table* origin, Table* low, Table* high, uint32_t split_bit
) noexcept nogil
cdef bint segment_rebuild(const TableLayout* layout, Table* segment, uint32_t capacity) noexcept nogil
cdef void segment_tidy(const TableLayout* layout, Table* segment) noexcept nogil
cdef void segment_compact(const TableLayout* layout, Table* segment) noexcept nogil
cdef bint is_segmented(const Table* table) noexcept nogil
cdef TableDirectory* directory_of(const TableLayout* layout, const Table* table) noexcept nogil
cdef uint32_t directory_bytes(uint32_t segments) noexcept nogil
cdef uint32_t segment_of(const TableDirectory* directory, uint64_t hash) noexcept nogil
cdef bint directory_create(const TableLayout* layout, Table* table) noexcept nogil
cdef bint directory_grow(const TableLayout* layout, Table* table) noexcept nogil
cdef bint directory_split(const TableLayout* layout, Table* table) noexcept nogil
cdef uint32_t count_high(const TableLayout* layout, const Table* segment, uint32_t bit) noexcept nogil
cdef bint directory_merge(const TableLayout* layout, Table* table) noexcept nogil
cdef void directory_collapse(const TableLayout* layout, Table* table) noexcept nogil
cdef uint32_t table_count(const TableLayout* layout, const Table* table) noexcept nogil
cdef uint32_t table_segments(const TableLayout* layout, const Table* table) noexcept nogil
cdef Table* table_segment(const TableLayout* layout, Table* table, uint32_t index) noexcept nogil
cdef Table* home_segment(const TableLayout* layout, Table* table, uint64_t hash) noexcept nogil
cdef Place table_find(
    const TableLayout* layout, Table* table, const uint8_t* slot, uint64_t hash
) noexcept nogil
cdef Table* segment_with_room(const TableLayout* layout, Table* table, uint64_t hash) noexcept nogil
cdef bint table_insert(
    const TableLayout* layout, Table* table, const uint8_t* slot, uint16_t tag, uint64_t hash
) noexcept nogil
cdef void table_remove(const TableLayout* layout, Table* table, Place place) noexcept nogil
cdef void directory_compact(const TableLayout* layout, Table* table) noexcept nogil
cdef bint table_tidy(const TableLayout* layout, Table* table) noexcept nogil
cdef void table_free(const TableLayout* layout, Table* table) noexcept nogil
