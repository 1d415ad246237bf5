from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport PeerCounts, Shard, Store, Sweeper, Table, TableLayout, TorrentRecord
from aquatic.dataplane.swarm.table cimport Place, Slots

cdef void sweeper_init(Sweeper* sweeper, Store* store, uint32_t index, uint64_t interval_ns) noexcept nogil
cdef bint sweep_due(Sweeper* sweeper, uint64_t now_ns, uint32_t tick) noexcept nogil

cdef uint32_t own_shards(const Sweeper* sweeper) noexcept nogil
cdef uint64_t progress(const Sweeper* sweeper, Shard* shard) noexcept nogil
cdef void end_cycle(Sweeper* sweeper) noexcept nogil
cdef bint sweep_piece(Sweeper* sweeper, Shard* shard, uint32_t tick) noexcept nogil
cdef int64_t sweep_torrents(Sweeper* sweeper, Shard* shard, uint32_t tick, int64_t budget) noexcept nogil
cdef int64_t sweep_record(Sweeper* sweeper, Shard* shard, Place place, uint32_t tick) noexcept nogil
cdef void sweep_inline(
    Sweeper* sweeper, Shard* shard, TorrentRecord* record, uint32_t tick, int age_ticks_max
) noexcept nogil
cdef int64_t sweep_tables(
    Sweeper* sweeper, Shard* shard, TorrentRecord* record, uint32_t tick, int age_ticks_max
) noexcept nogil
cdef void finish_record(Sweeper* sweeper, Shard* shard, Place place) noexcept nogil
cdef void slots_expire(
    const TableLayout* layout, Slots* slots, uint32_t tick, int age_ticks_max, PeerCounts* removed
) noexcept nogil
