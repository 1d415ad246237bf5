"""The memory of the swarm: one reserved range of addresses, cut into slabs, each cut into blocks of one size."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.threads cimport pthread_mutex_t

cdef enum:
    ARENA_UNIT_BYTES = 16
    SLAB_BYTES = 1 << 16
    ARENA_SLABS_MAX = 1 << 20  # what a BlockRef can name: 64 GiB
    BLOCK_BYTES_MAX = 1 << 16
    BLOCK_CLASSES = 44  # 16, 32 … 128, then four to each doubling: a table grows by about a quarter
    WARM_SLABS_DEFAULT = 16

# Units of 16 bytes from the arena's base; 0 names nothing.
ctypedef uint32_t BlockRef

# One per 64 KiB of the arena. Written under the arena's lock.
cdef struct Slab:
    uint32_t next  # in one of the lists of slabs with room of this class, or of empty slabs; 0 ends
    uint32_t previous
    uint16_t blocks_used
    uint16_t blocks_fresh  # blocks from here on were never given out
    uint16_t free_head  # index + 1 of the first block given back; each holds the next's in its first two bytes
    uint8_t block_class

# Written under its lock, but for `base`, which stays.
cdef struct Arena:
    pthread_mutex_t lock
    uint8_t* base
    Slab* slabs
    uint32_t slabs_max
    uint32_t slabs_fresh  # slabs from here on were never used; slab 0 is not, so that a BlockRef of 0 is free
    uint32_t slabs_used
    uint32_t warm_head  # empty slabs that still hold memory
    uint32_t warm_slabs
    uint32_t warm_slabs_max  # empty slabs whose memory is kept for the next need
    uint32_t warm_slabs_spare  # the fewest that there were since `arena_cool`
    uint32_t cold_head  # empty slabs that do not
    uint32_t dense_heads[BLOCK_CLASSES]  # by class, slabs with room that are at least three quarters full
    uint32_t sparse_heads[BLOCK_CLASSES]  # and the others: filled last, and emptied by cleaning
    uint64_t reserved_bytes
    # Tests make the n-th allocation from now fail; the greatest number means never.
    uint64_t allocations_until_failure
