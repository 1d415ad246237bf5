"""See ws_loops.pxd; what Python calls is said in ws_loops.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import read_u32, write_u32
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.ws_swarm import WS_STORED, WsSwarmLimits
from cython.cimports.aquatic.abi.ws_wire import (
    FRAME_COMPLETE,
    FRAME_HEADER_ROOM_BYTES,
    OPCODE_TEXT,
    WS_ACCEPTED,
    WS_MESSAGE_BYTES_LIMIT,
)
from cython.cimports.aquatic.bench.micro.loop import next_piece
from cython.cimports.aquatic.bench.micro.swarm_loops import MEMORY_BYTES_MAX, STORE_SEED
from cython.cimports.aquatic.bench.micro.ws_loops import WsState, WsSwarmState
from cython.cimports.aquatic.dataplane.ws.decode import decode_message
from cython.cimports.aquatic.dataplane.ws.encode import put_announce_answer, put_offer
from cython.cimports.aquatic.dataplane.ws.frame import decode_frame, is_utf8, put_frame_around, unmask
from cython.cimports.aquatic.dataplane.ws.swarm import (
    ws_announce,
    ws_leave,
    ws_swarm_create,
    ws_swarm_destroy,
    ws_take_answer,
)
from cython.cimports.libc.stdint import UINT32_MAX, uint32_t
from cython.cimports.libc.string import memset

# Nobody is silent for too long, but offers of which each has its turn again are too old by then.
PEER_AGE_SECONDS_MAX = 1 << 30
OFFER_AGE_SECONDS_MAX = 120
SECONDS_BETWEEN = declare(uint32_t, 10)


class WsLoop:
    def __cinit__(self):
        self.ws = cast(pointer(WsState), reserve(sizeof(WsState)))
        if self.ws == NULL:
            raise MemoryError
        self.ws.pieces = address(self.pieces)
        self.ws.rules.frame_bytes_max = WS_MESSAGE_BYTES_LIMIT
        self.ws.rules.message_bytes_max = WS_MESSAGE_BYTES_LIMIT
        memset(self.ws.info_hash, 0xA5, 20)
        memset(self.ws.peer_id, 0x2D, 20)
        self.state = self.ws

    def __dealloc__(self):
        if self.ws != NULL:
            unreserve(self.ws, sizeof(WsState))


def decode_next_frame(state):
    """Unmasked where it lies, so every other time it is masked by that."""
    ws = cast(pointer(WsState), state)
    piece = next_piece(ws.pieces)
    at = ws.pieces.at[piece]
    verdict = decode_frame(
        at, ws.pieces.lengths[piece], address(ws.rules), address(ws.reader), address(ws.frame)
    )
    if verdict != FRAME_COMPLETE:
        return 0
    unmask(at + ws.frame.payload, ws.frame.payload_bytes, ws.frame.mask)
    return ws.frame.payload_bytes


def check_next_text(state):
    ws = cast(pointer(WsState), state)
    piece = next_piece(ws.pieces)
    return is_utf8(ws.pieces.at[piece], ws.pieces.lengths[piece])


def decode_next_message(state):
    ws = cast(pointer(WsState), state)
    piece = next_piece(ws.pieces)
    verdict = decode_message(ws.pieces.at[piece], ws.pieces.lengths[piece], address(ws.request))
    return ws.request.offer_count + ws.request.has_answer if verdict == WS_ACCEPTED else 0


def encode_announce_answer(state):
    ws = cast(pointer(WsState), state)
    end = put_announce_answer(ws.out + FRAME_HEADER_ROOM_BYTES, ws.info_hash, 13, 37, 120)
    return put_frame_around(ws.out, OPCODE_TEXT, end) - ws.out


def encode_next_offer(state):
    ws = cast(pointer(WsState), state)
    piece = next_piece(ws.pieces)
    end = put_offer(
        ws.out + FRAME_HEADER_ROOM_BYTES,
        ws.info_hash,
        ws.peer_id,
        ws.peer_id,
        ws.pieces.at[piece],
        ws.pieces.lengths[piece],
    )
    return put_frame_around(ws.out, OPCODE_TEXT, end) - ws.out


def frames(frames: list):
    loop = WsLoop()
    loop.take(frames)
    loop.call = decode_next_frame
    return loop


def texts(texts: list):
    loop = WsLoop()
    loop.take(texts)
    loop.call = check_next_text
    return loop


def messages(messages: list):
    loop = WsLoop()
    loop.take(messages)
    loop.call = decode_next_message
    return loop


def announce_answers():
    loop = WsLoop()
    loop.call = encode_announce_answer
    return loop


def offers(values: list):
    loop = WsLoop()
    loop.take(values)
    loop.call = encode_next_offer
    return loop


class WsSwarmLoop:
    def __cinit__(self):
        self.torrent = cast(pointer(WsSwarmState), reserve(sizeof(WsSwarmState)))
        if self.torrent == NULL:
            raise MemoryError
        self.state = self.torrent

    def __dealloc__(self):
        if self.torrent != NULL:
            if self.torrent.swarm != NULL:
                ws_swarm_destroy(self.torrent.swarm)
            unreserve(self.torrent, sizeof(WsSwarmState))

    def fill(self, size, offers):
        """Let the torrent have its peers, each on a connection of its own, who make so many offers from now on."""
        limits = declare(WsSwarmLimits)
        limits.memory_bytes_max = MEMORY_BYTES_MAX
        limits.peer_age_seconds_max = PEER_AGE_SECONDS_MAX
        limits.offer_age_seconds_max = OFFER_AGE_SECONDS_MAX
        limits.tags = False
        torrent = self.torrent
        torrent.swarm = ws_swarm_create(address(limits), STORE_SEED)
        if torrent.swarm == NULL:
            raise MemoryError
        torrent.random = STORE_SEED
        torrent.size = size
        announce = address(torrent.announce)
        announce.info_hash = torrent.info_hash
        announce.peer_id = torrent.peer_id
        announce.has_left = True
        announce.offers = torrent.offers
        peer = declare(uint32_t)
        for peer in range(size):
            act_as(torrent, peer)
            ws_announce(torrent.swarm, address(torrent.actor), announce, address(torrent.random))
        announce.offer_count = offers
        for peer in range(offers):
            write_u32(address(torrent.offers[peer].offer_id[16]), peer)
        return True


def act_as(torrent, peer):
    torrent.actor.self.connection = peer
    torrent.actor.address_tag = peer
    write_u32(torrent.peer_id, peer)


def next_offer_id(offer):
    """One that has not been used."""
    write_u32(offer.offer_id, read_u32(offer.offer_id) + 1)


def announce_next(state):
    """Returns whether it is stored, plus how many of its offers are to go to somebody."""
    torrent = cast(pointer(WsSwarmState), state)
    act_as(torrent, torrent.peer)
    torrent.peer = torrent.peer + 1 if torrent.peer + 1 < torrent.size else 0
    torrent.actor.second += SECONDS_BETWEEN
    index = declare(uint32_t)
    for index in range(torrent.announce.offer_count):
        next_offer_id(address(torrent.offers[index]))
    ws_announce(torrent.swarm, address(torrent.actor), address(torrent.announce), address(torrent.random))
    return torrent.announce.receiver_count + (torrent.announce.outcome == WS_STORED)


def offer_and_answer(state):
    """An offer, and its answer by who was given it; returns whether that may have it."""
    torrent = cast(pointer(WsSwarmState), state)
    asker = torrent.peer
    if announce_next(state) != 2:
        return 0
    act_as(torrent, cast(uint32_t, torrent.announce.receivers[0].connection))
    write_u32(torrent.peer_id, asker)
    return ws_take_answer(
        torrent.swarm,
        address(torrent.actor),
        torrent.info_hash,
        torrent.peer_id,
        torrent.offers[0].offer_id,
        address(torrent.receiver),
    )


def come_and_go(state):
    """A peer that was not there announces, and leaves; returns how many others there are."""
    torrent = cast(pointer(WsSwarmState), state)
    act_as(torrent, UINT32_MAX)
    announce = address(torrent.announce)
    ws_announce(torrent.swarm, address(torrent.actor), announce, address(torrent.random))
    ws_leave(torrent.swarm, address(torrent.actor), torrent.info_hash, torrent.peer_id)
    return announce.seeders + announce.leechers - 1


def announces(size: int, offers: int):
    loop = WsSwarmLoop()
    loop.fill(size, offers)
    loop.call = announce_next
    return loop


def answers(size: int):
    loop = WsSwarmLoop()
    loop.fill(size, 1)
    loop.call = offer_and_answer
    return loop


def visits(size: int):
    loop = WsSwarmLoop()
    loop.fill(size, 0)
    loop.call = come_and_go
    return loop
