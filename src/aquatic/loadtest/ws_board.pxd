"""What the workers of a WebTorrent load test have in common: peer ids, torrents by info hash, offers made."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from aquatic.abi.atomics cimport atomic_u32, atomic_u64
from aquatic.loadtest.population cimport Layout, Population

cdef enum:
    NOBODY = 0xFFFFFFFF
    # Of an offer's state, whose other half is its serial number: stage and who received it.
    STAGE_BITS = 3
    SERIAL_SHIFT = 32
    CONNECTIONS_MAX = 1 << 24

cdef enum Stage:
    STAGE_NONE
    STAGE_MADE
    STAGE_RECEIVED  # by somebody who does not answer
    STAGE_ANSWERED
    STAGE_DONE  # its maker has the answer

cdef enum Delivery:
    DELIVERY_RIGHT
    DELIVERY_LATE
    DELIVERY_REPEATED
    DELIVERY_WRONG  # nobody made it, or not so

# In twenty bytes, as they go through the tracker. Anybody can tell whether it was made here, and when.
cdef packed struct OfferId:
    uint64_t made_ns  # or, at a set rate, when it should have been
    uint32_t maker  # a connection
    uint32_t serial  # of the maker's offers, from 1
    uint32_t proof  # of all this and of the torrent

# What becomes of an offer. The receiver's worker changes it too.
cdef struct Offer:
    atomic_u64 state
    atomic_u64 answered_ns
    uint64_t made_ns  # the maker's alone

cdef struct BoardState:
    const Layout* layout
    uint32_t ring_mask
    Offer* offers  # a ring for each connection
    atomic_u32 unsettled  # offers of all workers that may still come to something, but for those of slow readers
    uint32_t* torrents  # by info hash: the number and 1, or 0; a power of two of places
    uint32_t torrent_mask
    uint32_t* acknowledgements  # by peer: responses to answers that are to come before the next announce's

cdef class Board:
    cdef BoardState state
    cdef Population population

# A connection is the peer of this number, and its id the same in all torrents.
cdef void write_connection_id(const Layout* layout, uint32_t connection, uint8_t* to) noexcept nogil
cdef uint32_t connection_of(const Layout* layout, const uint8_t* peer_id) noexcept nogil
cdef uint32_t torrent_of(const BoardState* board, const uint8_t* info_hash) noexcept nogil
# The connection's peer in this torrent, or NOBODY.
cdef uint32_t peer_in(const Layout* layout, uint32_t torrent, uint32_t connection) noexcept nogil
# Session descriptions carry this number: that of the answer is the next.
cdef uint64_t mark_of(const BoardState* board, const OfferId* offer) noexcept nogil

cdef void make_offer(BoardState* board, uint32_t torrent, OfferId* offer) noexcept nogil
# Note that this connection has received it; what was made before `oldest_ns` comes too late.
cdef Delivery receive_offer(
    BoardState* board, const OfferId* offer, uint32_t torrent, uint32_t receiver, uint64_t oldest_ns
) noexcept nogil
cdef void answer_offer(BoardState* board, const OfferId* offer, uint32_t receiver, uint64_t now_ns) noexcept nogil
cdef Delivery receive_answer(
    BoardState* board, const OfferId* offer, uint32_t torrent, uint32_t answerer, uint64_t* answered_ns
) noexcept nogil
# What has become of an offer, and of it from now on nothing more does.
cdef Stage close_offer(BoardState* board, uint32_t maker, uint32_t serial) noexcept nogil
cdef Stage stage_of(const BoardState* board, uint32_t maker, uint32_t serial) noexcept nogil

cdef bint index_info_hashes(BoardState* board) noexcept nogil
cdef uint32_t proof_of(const BoardState* board, const OfferId* offer, uint32_t torrent) noexcept nogil
cdef Offer* offer_at(const BoardState* board, uint32_t maker, uint32_t serial) noexcept nogil
cdef uint64_t state_of(uint32_t serial, Stage stage, uint32_t receiver) noexcept nogil
