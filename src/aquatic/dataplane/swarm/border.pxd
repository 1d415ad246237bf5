from libc.stdint cimport int64_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u64
from aquatic.abi.limits cimport WORKERS_MAX
from aquatic.abi.swarm cimport PrefixTable, Store
from aquatic.abi.upkeep cimport Upkeep
from aquatic.dataplane.swarm.export cimport ExportCursor, ExportPiece

cdef class Swarm:
    cdef readonly object settings
    cdef Store* store
    # By worker, whatever it serves; NULL until it is taken on.
    cdef Upkeep* upkeeps[WORKERS_MAX]
    # Written by one export at a time, whatever it exports: whoever holds the lock.
    cdef ExportPiece* piece
    cdef object piece_lock
    cdef uint64_t seed

    cdef bint take_on(self, uint32_t index, Upkeep* upkeep) except -1
    cdef Upkeep* upkeep(self, uint32_t index) except NULL
    cdef object export(self, int64_t cursor, bint is_downloads)
    cdef bint wait_for_turns(self) except -1

cdef void read_cursor(int64_t number, ExportCursor* cursor) noexcept
cdef int64_t cursor_number(const ExportCursor* cursor) noexcept
cdef object torrent_lines(ExportPiece* piece)
cdef object download_records(ExportPiece* piece)

# For the borders of all kinds of workers: counters by name, and a histogram's buckets.
cdef dict read_counters(tuple names, const atomic_u64* values, uint32_t count)
cdef list read_buckets(const atomic_u64* buckets)
# Prefixes of peer ids and how many peers have them; of NULL none.
cdef list read_prefixes(PrefixTable* table)
