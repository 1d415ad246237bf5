from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.arena cimport ARENA_UNIT_BYTES, Arena, BlockRef, Slab

cdef bint arena_init(Arena* arena, uint64_t bytes_max) noexcept nogil
cdef void arena_end(Arena* arena) noexcept nogil
cdef BlockRef arena_allocate(Arena* arena, uint32_t size_bytes) noexcept nogil
cdef void arena_free(Arena* arena, BlockRef block, uint32_t size_bytes) noexcept nogil
cdef BlockRef arena_compact(Arena* arena, BlockRef block) noexcept nogil
cdef void arena_cool(Arena* arena) noexcept nogil
cdef uint64_t arena_used_bytes(Arena* arena) noexcept nogil
cdef uint64_t arena_held_bytes(Arena* arena) noexcept nogil
cdef uint32_t block_bytes(uint32_t size_bytes) noexcept nogil

cdef uint32_t class_of(uint32_t size_bytes) noexcept nogil
cdef uint32_t class_bytes(uint32_t block_class) noexcept nogil
cdef void list_add(Arena* arena, uint32_t* head, uint32_t index) noexcept nogil
cdef void list_remove(Arena* arena, uint32_t* head, uint32_t index) noexcept nogil
cdef uint32_t take_slab(Arena* arena, uint32_t block_class) noexcept nogil
cdef void release_slab(Arena* arena, uint32_t index) noexcept nogil
cdef void chill_slab(Arena* arena, uint32_t index) noexcept nogil
cdef uint32_t* room_list(Arena* arena, const Slab* slab) noexcept nogil
cdef void move_slab(Arena* arena, uint32_t index, uint32_t* origin) noexcept nogil
cdef uint32_t slab_with_room(const Arena* arena, uint32_t block_class) noexcept nogil
cdef BlockRef take_block(Arena* arena, uint32_t block_class) noexcept nogil

cdef inline void* arena_at(const Arena* arena, BlockRef block) noexcept nogil:
    return arena.base + <uint64_t>block * ARENA_UNIT_BYTES
