"""See http_loops.pxd; what Python calls is said in http_loops.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.http_wire import HEAD_COMPLETE
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.stream import ANSWER_ANNOUNCE, ANSWER_SCRAPE
from cython.cimports.aquatic.bench.micro.http_loops import OUTPUT_BYTES, SCRAPED_TORRENTS, HttpState
from cython.cimports.aquatic.bench.micro.loop import next_piece
from cython.cimports.aquatic.bench.micro.swarm_loops import STORE_SEED, bench_store
from cython.cimports.aquatic.bench.micro.udp_loops import read_sources
from cython.cimports.aquatic.dataplane.http.decode import decode_head
from cython.cimports.aquatic.dataplane.http.encode import (
    CONNECTION_UNSAID,
    CONTENT_TEXT,
    HEAD_ROOM_BYTES,
    STATUS_OK,
    encode_announce,
    encode_head,
    encode_scrape_end,
    encode_scrape_start,
    encode_scrape_torrent,
)
from cython.cimports.aquatic.dataplane.http.handle import serve
from cython.cimports.aquatic.dataplane.http.query import decode_target
from cython.cimports.aquatic.dataplane.swarm.store import store_destroy
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.stdlib import free

REQUEST_BYTES_MAX = 4096
PEER_AGE_TICKS_MAX = 100


class HttpLoop:
    def __cinit__(self):
        self.http = cast(pointer(HttpState), reserve(sizeof(HttpState)))
        if self.http == NULL:
            raise MemoryError
        self.http.pieces = address(self.pieces)
        self.http.rules.request_bytes_max = REQUEST_BYTES_MAX
        self.state = self.http

    def __dealloc__(self):
        if self.http != NULL:
            free(self.http.sources)
            if self.http.handler.store != NULL:
                store_destroy(self.http.handler.store)
            unreserve(self.http, sizeof(HttpState))


def decode_next_head(state):
    http = cast(pointer(HttpState), state)
    piece = next_piece(http.pieces)
    length = http.pieces.lengths[piece]
    verdict = decode_head(http.pieces.at[piece], length, address(http.rules), address(http.head))
    return http.head.request_bytes if verdict == HEAD_COMPLETE else 0


def decode_next_target(state):
    http = cast(pointer(HttpState), state)
    piece = next_piece(http.pieces)
    decode_target(http.pieces.at[piece], http.pieces.lengths[piece], address(http.request))
    return http.request.info_hash_count


def encode_next_announce(state):
    """Head and content, as the handler writes them."""
    http = cast(pointer(HttpState), state)
    piece = next_piece(http.pieces)
    peer_bytes = declare(uint32_t, 18 if http.asker.family else 6)
    count = declare(uint32_t, http.pieces.lengths[piece] // peer_bytes)
    end = encode_announce(
        http.out + HEAD_ROOM_BYTES,
        address(http.answer),
        http.pieces.at[piece],
        count,
        http.is_compact,
    )
    content_bytes = cast(uint32_t, end - http.out) - HEAD_ROOM_BYTES
    end = encode_head(http.out, STATUS_OK, CONTENT_TEXT, CONNECTION_UNSAID, content_bytes)
    return content_bytes + cast(uint64_t, end - http.out)


def encode_scrape(state):
    http = cast(pointer(HttpState), state)
    out = encode_scrape_start(http.out)
    torrent = declare(uint32_t)
    for torrent in range(cast(uint32_t, SCRAPED_TORRENTS)):
        out = encode_scrape_torrent(out, http.pieces.at[torrent], address(http.answer.counts))
    return encode_scrape_end(out) - http.out


def serve_next(state):
    """Returns whether it was answered."""
    http = cast(pointer(HttpState), state)
    piece = next_piece(http.pieces)
    exchange = address(http.exchange)
    exchange.source = http.sources[piece]
    exchange.input = http.pieces.at[piece]
    exchange.input_length = http.pieces.lengths[piece]
    serve(address(http.handler), exchange)
    return (
        exchange.answered[cast(uint32_t, ANSWER_ANNOUNCE)] + exchange.answered[cast(uint32_t, ANSWER_SCRAPE)]
    )


def heads(requests: list):
    loop = HttpLoop()
    loop.take(requests)
    loop.call = decode_next_head
    return loop


def targets(targets: list):
    loop = HttpLoop()
    loop.take(targets)
    loop.call = decode_next_target
    return loop


def announce_answers(peers: bytes, family: int, is_compact: bool):
    loop = HttpLoop()
    loop.take([peers])
    http = loop.http
    http.asker.family = family == 6
    http.is_compact = is_compact
    http.answer.asker = address(http.asker)
    http.answer.interval_seconds = 1800
    http.answer.interval_seconds_min = 900
    http.answer.counts.seeders = 13
    http.answer.counts.leechers = 37
    loop.call = encode_next_announce
    return loop


def scrape_answers(info_hashes: list):
    loop = HttpLoop()
    loop.take(info_hashes)
    loop.http.answer.counts.seeders = 13
    loop.http.answer.counts.leechers = 37
    loop.http.answer.counts.completed = 1000
    loop.call = encode_scrape
    return loop


def requests(requests: list, ips: list, known: list, known_ips: list):
    loop = HttpLoop()
    loop.take([*requests, *known])
    http = loop.http
    http.sources = read_sources([*ips, *known_ips])
    http.exchange.output = http.out
    http.exchange.output_capacity = OUTPUT_BYTES
    handler = address(http.handler)
    handler.store = bench_store(PEER_AGE_TICKS_MAX)
    handler.counters = address(http.counters)
    handler.random = STORE_SEED
    rules = address(handler.rules)
    rules.head.request_bytes_max = REQUEST_BYTES_MAX
    rules.response_bytes_max = OUTPUT_BYTES
    rules.peers_max = 50
    rules.scrape_torrents_max = 100
    rules.announce_interval_seconds = 1800
    rules.keeps_alive = True
    rules.speaks_http = True
    loop.call = serve_next
    pieces = address(loop.pieces)
    pieces.next = len(requests)
    loop.run(len(known))
    pieces.count = len(requests)
    return loop
