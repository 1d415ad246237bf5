from libc.stdint cimport uint32_t, uint64_t

from aquatic.abi.swarm cimport Table, TableLayout
from aquatic.abi.ws_swarm cimport WsPeer
from aquatic.abi.ws_wire cimport WS_OFFERS_LIMIT

# Who offers, and how many of the peers in the tables are to hear of it.
cdef struct Choice:
    const TableLayout* layout
    Table* tables
    uint32_t tables_count
    const WsPeer* asker
    uint32_t second
    uint32_t age_seconds_max
    uint32_t wanted  # at most WS_OFFERS_LIMIT
    uint64_t* random
    uint32_t count
    WsPeer* chosen[WS_OFFERS_LIMIT]

cdef void choose_receivers(Choice* choice) noexcept nogil

cdef bint may_receive(const Choice* choice, const WsPeer* peer) noexcept nogil
cdef void scan(Choice* choice) noexcept nogil
cdef uint32_t scan_segment(Choice* choice, const Table* segment, uint32_t seen) noexcept nogil
cdef void draw(Choice* choice) noexcept nogil
cdef bint was_chosen(const Choice* choice, const WsPeer* peer) noexcept nogil
cdef uint32_t places_of(const TableLayout* layout, const Table* table) noexcept nogil
cdef WsPeer* peer_at(const TableLayout* layout, Table* table, uint32_t place) noexcept nogil
