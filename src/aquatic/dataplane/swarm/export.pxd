from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport DownloadRecord, PeerCounts, Shard, Store, Table, TableLayout
from aquatic.dataplane.swarm.table cimport Slots

cdef enum:
    # Of one piece: a segment and what has split off it since the export of its shard began.
    EXPORT_ENTRIES_MAX = 16384

cdef struct TorrentEntry:
    uint8_t info_hash[20]
    PeerCounts peers[2]  # by family

# Where an export is: the shard, its segments when it was begun, and the next of these.
cdef struct ExportCursor:
    uint32_t shard
    uint32_t segments
    uint32_t segment

# Entries of one piece, in the caller's memory.
cdef struct ExportPiece:
    uint32_t count
    TorrentEntry torrents[EXPORT_ENTRIES_MAX]
    DownloadRecord downloads[EXPORT_ENTRIES_MAX]

cdef bint export_piece(Store* store, ExportCursor* cursor, ExportPiece* piece, bint is_downloads) noexcept nogil

cdef void hold_merges(Shard* shard, bint is_downloads, bint held) noexcept nogil
cdef uint32_t origin_of(uint32_t segment, uint32_t segments) noexcept nogil
cdef void collect(
    Store* store, const TableLayout* layout, const Table* segment, ExportPiece* piece, bint is_downloads
) noexcept nogil
cdef void collect_torrent(Store* store, uint8_t* slot, TorrentEntry* entry) noexcept nogil
