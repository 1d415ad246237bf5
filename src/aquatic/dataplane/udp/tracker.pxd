from libc.stdint cimport int64_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport AccessList, Store
from aquatic.dataplane.swarm.export cimport ExportCursor, ExportPiece
from aquatic.dataplane.udp.worker cimport Worker

cdef class Tracker:
    cdef readonly object settings
    cdef Store* store
    cdef Worker* workers
    # Written by one export at a time, whatever it exports: whoever holds the lock.
    cdef ExportPiece* piece
    cdef object piece_lock
    cdef size_t workers_bytes
    cdef uint64_t seed

    cdef Worker* worker(self, uint32_t index) except NULL
    cdef void init_worker(self, uint32_t index) noexcept
    cdef object export(self, int64_t cursor, bint is_downloads)
    cdef bint wait_for_turns(self) except -1

cdef void read_cursor(int64_t number, ExportCursor* cursor) noexcept
cdef int64_t cursor_number(const ExportCursor* cursor) noexcept
cdef object torrent_lines(ExportPiece* piece)
cdef object download_records(ExportPiece* piece)
