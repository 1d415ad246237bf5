"""What the workers of a WebTorrent load test have in common: see ws_board.pxd."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    exchange_u64,
    load_u64,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    store_u64,
)
from cython.cimports.aquatic.abi.bits import read_u32, write_u32, write_u64
from cython.cimports.aquatic.abi.http_wire import PEER_ID_BYTES
from cython.cimports.aquatic.abi.udp_wire import INFO_HASH_BYTES
from cython.cimports.aquatic.loadtest.population import first_peer, scramble, torrent_size, write_info_hash
from cython.cimports.aquatic.loadtest.ws_board import (
    CONNECTIONS_MAX,
    DELIVERY_LATE,
    DELIVERY_REPEATED,
    DELIVERY_RIGHT,
    DELIVERY_WRONG,
    NOBODY,
    SERIAL_SHIFT,
    STAGE_ANSWERED,
    STAGE_BITS,
    STAGE_DONE,
    STAGE_MADE,
    STAGE_NONE,
    STAGE_RECEIVED,
    Offer,
    Stage,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcmp, memcpy

# Of all connections, so that many of them do not take much memory for it.
OFFERS_KEPT_MAX = 1 << 21
RING_OFFERS_MAX = 1 << 14
RING_OFFERS_MIN = 1 << 6


class Board:
    def __init__(self, population) -> None:
        self.population = population
        state = address(self.state)
        state.layout = address(self.population.layout)
        connections = population.sources
        if connections > CONNECTIONS_MAX:
            raise ValueError(f"at most {CONNECTIONS_MAX} connections")
        torrent = declare(uint32_t)
        for torrent in range(state.layout.torrent_count):
            if torrent_size(state.layout, torrent) > state.layout.source_count:
                raise ValueError("a torrent has more peers than there are connections")
        ring = RING_OFFERS_MAX
        while ring > RING_OFFERS_MIN and ring * connections > OFFERS_KEPT_MAX:
            ring //= 2
        state.ring_mask = ring - 1
        state.offers = cast(pointer[Offer], calloc(cast(uint64_t, ring) * connections, sizeof(Offer)))
        state.acknowledgements = cast(pointer[uint32_t], calloc(population.peers, sizeof(uint32_t)))
        if state.offers == NULL or state.acknowledgements == NULL or not index_info_hashes(state):
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.state.offers)
        free(self.state.torrents)
        free(self.state.acknowledgements)

    def peer_id(self, connection: int) -> bytes:
        if not 0 <= connection < self.population.sources:
            raise IndexError(connection)
        peer_id = bytearray(PEER_ID_BYTES)
        write_connection_id(self.state.layout, connection, peer_id)
        return bytes(peer_id)


def index_info_hashes(board):
    """False without memory."""
    torrent = declare(uint32_t)
    info_hash = declare(uint8_t[INFO_HASH_BYTES])
    places = declare(uint64_t, 2)
    while places < cast(uint64_t, board.layout.torrent_count) * 2:
        places *= 2
    board.torrent_mask = places - 1
    board.torrents = cast(pointer[uint32_t], calloc(places, sizeof(uint32_t)))
    if board.torrents == NULL:
        return False
    for torrent in range(board.layout.torrent_count):
        write_info_hash(board.layout, torrent, info_hash)
        place = declare(uint32_t, read_u32(info_hash) & board.torrent_mask)
        while board.torrents[place]:
            place = (place + 1) & board.torrent_mask
        board.torrents[place] = torrent + 1
    return True


def torrent_of(board, info_hash):
    """The torrent's number, or NOBODY."""
    known = declare(uint8_t[INFO_HASH_BYTES])
    place = declare(uint32_t, read_u32(info_hash) & board.torrent_mask)
    while board.torrents[place]:
        write_info_hash(board.layout, board.torrents[place] - 1, known)
        if memcmp(known, info_hash, INFO_HASH_BYTES) == 0:
            return board.torrents[place] - 1
        place = (place + 1) & board.torrent_mask
    return NOBODY


def write_connection_id(layout, connection, to):
    """Like a client's: its prefix and version (BEP 20), then what looks random."""
    memcpy(to, b"-AQ0100-", 8)
    write_u32(to + 8, connection ^ cast(uint32_t, layout.seed))
    write_u64(to + 12, scramble(layout.seed + 6, connection))


def connection_of(layout, peer_id):
    known = declare(uint8_t[PEER_ID_BYTES])
    connection = declare(uint32_t, read_u32(peer_id + 8) ^ cast(uint32_t, layout.seed))
    if connection >= layout.source_count:
        return NOBODY
    write_connection_id(layout, connection, known)
    return connection if memcmp(known, peer_id, PEER_ID_BYTES) == 0 else NOBODY


def peer_in(layout, torrent, connection):
    """Peers of a torrent are numbered in a row, those of a connection by steps of the number of connections."""
    first = first_peer(layout, torrent)
    sources = layout.source_count
    ordinal = declare(uint32_t, (connection + sources - first % sources) % sources)
    return first + ordinal if ordinal < torrent_size(layout, torrent) else NOBODY


def proof_of(board, offer, torrent):
    made = declare(uint64_t, scramble(board.layout.seed + 7, offer.made_ns))
    return cast(
        uint32_t, scramble(made + torrent, cast(uint64_t, offer.serial) << SERIAL_SHIFT | offer.maker) >> 8
    )


def mark_of(board, offer):
    number = declare(uint64_t, cast(uint64_t, offer.serial) << SERIAL_SHIFT | offer.maker)
    return scramble(board.layout.seed + 8, number) & ~cast(uint64_t, 1)


def offer_at(board, maker, serial):
    at = declare(uint64_t, cast(uint64_t, maker) * (board.ring_mask + 1) + (serial & board.ring_mask))
    return board.offers + at


def state_of(serial, stage, receiver):
    return cast(uint64_t, serial) << SERIAL_SHIFT | receiver << STAGE_BITS | stage


def make_offer(board, torrent, offer):
    """Complete an offer whose other fields are set."""
    offer.proof = proof_of(board, offer, torrent)
    made = offer_at(board, offer.maker, offer.serial)
    made.made_ns = offer.made_ns
    store_u64(address(made.state), state_of(offer.serial, STAGE_MADE, 0), memory_order_release)


def receive_offer(board, offer, torrent, receiver, oldest_ns):
    if offer.maker >= board.layout.source_count or offer.proof != proof_of(board, offer, torrent):
        return DELIVERY_WRONG
    at = offer_at(board, offer.maker, offer.serial)
    expected = state_of(offer.serial, STAGE_MADE, 0)
    if exchange_u64(address(at.state), address(expected), state_of(offer.serial, STAGE_RECEIVED, receiver)):
        return DELIVERY_LATE if offer.made_ns < oldest_ns else DELIVERY_RIGHT
    # `expected` is now what it is instead: another offer's, when this one had been given up.
    if expected >> SERIAL_SHIFT != offer.serial or expected & 7 == STAGE_NONE:
        return DELIVERY_LATE
    return DELIVERY_REPEATED


def answer_offer(board, offer, receiver, now_ns):
    at = offer_at(board, offer.maker, offer.serial)
    store_u64(address(at.answered_ns), now_ns, memory_order_relaxed)
    expected = state_of(offer.serial, STAGE_RECEIVED, receiver)
    exchange_u64(address(at.state), address(expected), state_of(offer.serial, STAGE_ANSWERED, receiver))


def receive_answer(board, offer, torrent, answerer, answered_ns):
    if offer.proof != proof_of(board, offer, torrent):
        return DELIVERY_WRONG
    at = offer_at(board, offer.maker, offer.serial)
    answered_ns[0] = load_u64(address(at.answered_ns), memory_order_relaxed)
    expected = state_of(offer.serial, STAGE_ANSWERED, answerer)
    if exchange_u64(address(at.state), address(expected), state_of(offer.serial, STAGE_DONE, answerer)):
        return DELIVERY_RIGHT
    if expected >> SERIAL_SHIFT != offer.serial or expected & 7 == STAGE_NONE:
        return DELIVERY_LATE
    return DELIVERY_REPEATED if expected == state_of(offer.serial, STAGE_DONE, answerer) else DELIVERY_WRONG


def stage_of(board, maker, serial):
    state = load_u64(address(offer_at(board, maker, serial).state), memory_order_acquire)
    return cast(Stage, state & 7) if state >> SERIAL_SHIFT == serial else STAGE_NONE


def close_offer(board, maker, serial):
    """Of what has ended the state stays, so that it is noticed when it comes again."""
    at = offer_at(board, maker, serial)
    state = load_u64(address(at.state), memory_order_acquire)
    while state & 7 != STAGE_DONE:
        if exchange_u64(address(at.state), address(state), state_of(serial, STAGE_NONE, 0)):
            break
    return cast(Stage, state & 7)
