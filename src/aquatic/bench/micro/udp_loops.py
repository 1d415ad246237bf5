"""See udp_loops.pxd; what Python calls is said in udp_loops.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.bits import be64toh, htobe16, write_u64
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.udp_wire import VERDICT_ACCEPTED
from cython.cimports.aquatic.bench.micro.loop import next_piece
from cython.cimports.aquatic.bench.micro.swarm_loops import STORE_SEED, bench_store
from cython.cimports.aquatic.bench.micro.udp_loops import SCRAPED_TORRENTS, AnswerState, UdpState
from cython.cimports.aquatic.dataplane.swarm.store import store_destroy
from cython.cimports.aquatic.dataplane.udp.connection_id import (
    CONNECTION_VALID,
    check_connection_id,
    connection_id,
)
from cython.cimports.aquatic.dataplane.udp.decode import decode
from cython.cimports.aquatic.dataplane.udp.encode import (
    encode_announce_head,
    encode_connect,
    encode_scrape_head,
    encode_scrape_torrent,
)
from cython.cimports.aquatic.dataplane.udp.handle import handle
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

BATCH_DATAGRAMS = declare(uint32_t, 32)
NOW_SECONDS = declare(uint32_t, 100)
ID_AGE_SECONDS_MAX = declare(uint32_t, 120)
PEER_AGE_TICKS_MAX = 100
PORT = 6881


def read_sources(ips):
    """To be freed."""
    sources = cast(pointer(Source), calloc(len(ips), sizeof(Source)))
    if sources == NULL:
        raise MemoryError
    for index, ip in enumerate(ips):
        source = address(sources[cast(uint32_t, index)])
        memcpy(source.ip, cast(pointer(uint8_t), cast(bytes, ip)), len(ip))
        source.port = htobe16(PORT)
        source.family = 1 if len(ip) == 16 else 0
    return sources


class UdpLoop:
    def __cinit__(self):
        self.udp.key.low = STORE_SEED
        self.udp.pieces = address(self.pieces)
        self.state = address(self.udp)

    def __dealloc__(self):
        free(self.udp.sources)
        free(self.udp.ids)

    def take_sources(self, ips):
        self.take(ips)
        udp = address(self.udp)
        udp.sources = read_sources(ips)
        udp.ids = cast(pointer(uint64_t), calloc(len(ips), sizeof(uint64_t)))
        if udp.ids == NULL:
            raise MemoryError
        index = declare(uint32_t)
        for index in range(self.pieces.count):
            udp.ids[index] = connection_id(address(udp.key), address(udp.sources[index]), NOW_SECONDS)
        return True


def decode_next(state):
    udp = cast(pointer(UdpState), state)
    piece = next_piece(udp.pieces)
    verdict = decode(udp.pieces.at[piece], udp.pieces.lengths[piece], address(udp.request))
    return udp.request.action + 1 if verdict == VERDICT_ACCEPTED else 0


def encode_connect_answer(state):
    udp = cast(pointer(UdpState), state)
    return encode_connect(udp.out, 1, udp.key.low)


def encode_announce_answer(state):
    udp = cast(pointer(UdpState), state)
    return encode_announce_head(udp.out, 1, 1800, 37, 13)


def encode_scrape_answer(state):
    udp = cast(pointer(UdpState), state)
    length = declare(uint32_t, encode_scrape_head(udp.out, 1))
    torrent = declare(uint32_t)
    for torrent in range(cast(uint32_t, SCRAPED_TORRENTS)):
        length += encode_scrape_torrent(udp.out + length, 13, 1000, 37)
    return length


def make_id(state):
    """Returns whether it is the one that was made before."""
    udp = cast(pointer(UdpState), state)
    piece = next_piece(udp.pieces)
    return connection_id(address(udp.key), address(udp.sources[piece]), NOW_SECONDS) == udp.ids[piece]


def check_id(state):
    udp = cast(pointer(UdpState), state)
    piece = next_piece(udp.pieces)
    verdict = check_connection_id(
        address(udp.key), address(udp.sources[piece]), udp.ids[piece], NOW_SECONDS, ID_AGE_SECONDS_MAX
    )
    return verdict == CONNECTION_VALID


def decodings(datagrams: list):
    loop = UdpLoop()
    loop.take(datagrams)
    loop.call = decode_next
    return loop


def connect_answers():
    loop = UdpLoop()
    loop.call = encode_connect_answer
    return loop


def announce_heads():
    loop = UdpLoop()
    loop.call = encode_announce_answer
    return loop


def scrape_answers():
    loop = UdpLoop()
    loop.call = encode_scrape_answer
    return loop


def new_ids(ips: list):
    loop = UdpLoop()
    loop.take_sources(ips)
    loop.call = make_id
    return loop


def id_checks(ips: list):
    loop = UdpLoop()
    loop.take_sources(ips)
    loop.call = check_id
    return loop


class AnswerLoop:
    def __cinit__(self):
        self.answers = cast(pointer(AnswerState), reserve(sizeof(AnswerState)))
        if self.answers == NULL:
            raise MemoryError
        self.answers.pieces = address(self.pieces)
        handler = address(self.answers.handler)
        handler.store = bench_store(PEER_AGE_TICKS_MAX)
        handler.counters = address(self.answers.counters)
        handler.key.low = STORE_SEED
        handler.random = STORE_SEED
        handler.now_seconds = NOW_SECONDS
        handler.rules.announce_interval_seconds = 1800
        handler.rules.peers_max[0] = 50
        handler.rules.peers_max[1] = 50
        handler.rules.scrape_torrents_max = 70
        handler.rules.connection_age_seconds_max = ID_AGE_SECONDS_MAX
        self.operations = BATCH_DATAGRAMS
        self.state = self.answers
        self.call = answer_batch

    def __dealloc__(self):
        if self.answers != NULL:
            free(self.answers.sources)
            if self.answers.handler.store != NULL:
                store_destroy(self.answers.handler.store)
            unreserve(self.answers, sizeof(AnswerState))

    def take_datagrams(self, datagrams, ips):
        """Give each the connection id of its source; a connect request keeps its own."""
        self.take(datagrams)
        answers = self.answers
        answers.sources = read_sources(ips)
        index = declare(uint32_t)
        for index in range(self.pieces.count):
            if self.pieces.lengths[index] > 16:
                source = address(answers.sources[index])
                id = connection_id(address(answers.handler.key), source, NOW_SECONDS)
                write_u64(self.pieces.at[index], be64toh(id))
        return True


def answer_batch(state):
    """Returns how many are answered."""
    answers = cast(pointer(AnswerState), state)
    batch = address(answers.batch)
    index = declare(uint32_t)
    for index in range(BATCH_DATAGRAMS):
        piece = declare(uint32_t, next_piece(answers.pieces))
        datagram = address(batch.requests[index])
        datagram.source = answers.sources[piece]
        datagram.bytes = answers.pieces.at[piece]
        datagram.length = answers.pieces.lengths[piece]
    batch.request_count = BATCH_DATAGRAMS
    handle(address(answers.handler), batch)
    return batch.response_count


def answers(datagrams: list, ips: list, known: list, known_ips: list):
    loop = AnswerLoop()
    loop.take_datagrams([*datagrams, *known], [*ips, *known_ips])
    pieces = address(loop.pieces)
    pieces.next = len(datagrams)
    loop.run(len(known) // cast(int, BATCH_DATAGRAMS))
    pieces.count = len(datagrams)
    return loop
