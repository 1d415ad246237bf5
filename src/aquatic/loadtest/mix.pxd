"""Who asks for what next: a worker's part of the population, by weights or one peer after the other."""
from libc.stdint cimport uint32_t, uint64_t

from aquatic.loadtest.population cimport Layout

# A worker's part: rows of peers, one for each source (population.pxd).
cdef struct Mix:
    const Layout* layout
    uint32_t first_row
    uint32_t row_count
    uint32_t row_step  # filling goes through the rows by this, which has no factor in common with row_count
    uint32_t connect_threshold  # of 32 random bits: below, a connect
    uint32_t scrape_threshold  # below, a scrape

# The peers of one source address.
cdef struct Walk:
    uint32_t source
    uint64_t random
    uint32_t filled  # rows taken so far
    uint32_t* retries  # peers whose announce was lost, a stack
    uint32_t retry_count

# 64 random bits.
cdef uint64_t draw(Walk* walk) noexcept nogil
# The peer that 32 random bits choose.
cdef uint32_t drawn_peer(const Mix* mix, const Walk* walk, uint32_t random) noexcept nogil
# The next peer to announce for the first time, or again; False after the last.
cdef bint next_unfilled(const Mix* mix, Walk* walk, uint32_t* peer) noexcept nogil
# A peer is to be announced again.
cdef void put_back(Walk* walk, uint32_t peer) noexcept nogil
# Nothing is left but what is under way.
cdef bint walk_ended(const Mix* mix, const Walk* walk) noexcept nogil
cdef uint32_t peer_of_row(const Mix* mix, const Walk* walk, uint32_t row) noexcept nogil
