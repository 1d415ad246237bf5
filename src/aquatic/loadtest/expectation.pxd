"""What a tracker may answer, whatever the protocol: counts that are possible, peers that were announced."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.loadtest.population cimport Layout

cdef enum Finding:
    FINDING_RIGHT
    FINDING_ERROR  # the tracker says that it refuses
    FINDING_WRONG_LENGTH
    FINDING_WRONG_CONTENT  # counts that cannot be, peers that nobody announced
    FINDING_WRONG_KIND  # of another kind than what was asked for
    FINDING_WRONG_STATUS

# What every request of a run has in common.
cdef struct Terms:
    const Layout* layout
    uint32_t peers_wanted
    uint32_t scrape_torrents
    uint32_t event
    uint32_t address_bytes  # 4 or 16
    uint8_t first_source[16]  # network byte order; the others follow it
    bint foreign_peers  # the torrents may have peers that are not of the layout

# The torrent that a scrape asks for at this place.
cdef uint32_t scraped_torrent(const Terms* terms, uint32_t draw, uint32_t index) noexcept nogil
# Whether a torrent of the layout may have so many.
cdef bint counts_possible(const Terms* terms, uint32_t torrent, uint64_t seeders, uint64_t leechers) noexcept nogil
# Whether a compact peer (address and port in network byte order) is one of the torrent's.
cdef bint peer_possible(const Terms* terms, uint32_t torrent, const uint8_t* peer) noexcept nogil
# More than were asked for; any number is right where none was given, or a negative one.
cdef bint too_many_peers(const Terms* terms, uint32_t peers) noexcept nogil
