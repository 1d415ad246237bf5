from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from aquatic.abi.swarm cimport DownloadRecord, Shard, Store
from aquatic.dataplane.swarm.table cimport Place

cdef DownloadRecord* downloads_find(
    Store* store, Shard* shard, const uint8_t* info_hash, uint64_t hash
) noexcept nogil
cdef bint downloads_add(Store* store, Shard* shard, const DownloadRecord* record, uint64_t hash) noexcept nogil
cdef bint downloads_count(
    Store* store, Shard* shard, const uint8_t* info_hash, uint64_t hash, uint32_t family
) noexcept nogil
cdef uint32_t saturating_sum(uint32_t a, uint32_t b) noexcept nogil
cdef bint make_room(Store* store, Shard* shard, uint64_t hash, uint32_t today) noexcept nogil
cdef Place least_of(Store* store, Shard* shard, uint64_t hash, uint32_t today) noexcept nogil
cdef uint64_t weight_of(const DownloadRecord* record, uint32_t today) noexcept nogil
