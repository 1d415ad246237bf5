"""Who is in which swarm: peers numbered 0 to peer_count - 1, derived by arithmetic so that millions cost no memory."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

# Peers of a torrent are numbered in a row. Peer p announces from source address p % source_count, so that a row of
# source_count peers has one for every socket.
cdef struct Layout:
    uint64_t seed  # another seed makes other info hashes, ports and seeders
    uint32_t peer_count
    uint32_t torrent_count
    uint32_t source_count
    uint32_t torrent_size  # of every torrent, or 0 where they differ
    uint32_t* first_peer  # of each torrent and, at the end, peer_count
    uint32_t* guide  # the torrent of every peer whose number is a multiple of 2 ** guide_shift
    uint32_t guide_shift
    uint32_t seeder_threshold  # a peer is a seeder when 32 bits of its hash are below
    bint all_seed

cdef struct Member:
    uint32_t torrent
    uint32_t ordinal  # within the torrent

cdef class Population:
    cdef Layout layout

cdef Member member_of(const Layout* layout, uint32_t peer) noexcept nogil
cdef uint32_t torrent_size(const Layout* layout, uint32_t torrent) noexcept nogil
cdef bint is_seeder(const Layout* layout, uint32_t peer) noexcept nogil
cdef uint16_t announced_port(const Layout* layout, Member member) noexcept nogil
cdef bint has_peer(const Layout* layout, uint32_t torrent, uint32_t source, uint16_t port) noexcept nogil
cdef void write_info_hash(const Layout* layout, uint32_t torrent, uint8_t* to) noexcept nogil
cdef void write_peer_id(const Layout* layout, uint32_t peer, uint8_t* to) noexcept nogil
cdef bint index_torrents(Layout* layout, const uint32_t* sizes) noexcept nogil
cdef uint64_t scramble(uint64_t seed, uint64_t value) noexcept nogil
cdef uint32_t first_peer(const Layout* layout, uint32_t torrent) noexcept nogil
cdef uint32_t port_offset(const Layout* layout, uint32_t torrent) noexcept nogil
