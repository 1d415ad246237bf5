"""The named runs: every figure of docs/benchmarks.md is made by one of these."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aquatic.bench.generators import GeneratorRun
from aquatic.bench.idle import IdleRun
from aquatic.bench.latency import QUIET, UDP_PHASES, LatencyRun, Phase
from aquatic.bench.load import Workload
from aquatic.bench.memory import MemoryRun
from aquatic.bench.openssl import OpensslRun
from aquatic.bench.runs import Run
from aquatic.bench.throughput import ThroughputRun
from aquatic.loadtest.http import HttpLoad
from aquatic.loadtest.run import Load
from aquatic.loadtest.udp import UdpLoad
from aquatic.loadtest.ws import WsLoad

UDP_TRACKERS = (
    "ours", "aquatic-mio", "aquatic-io-uring", "opentracker", "opentracker-open", "chihaya", "torrust", "npm",
)  # fmt: skip
HTTP_KEEP_ALIVE_TRACKERS = ("ours", "responder", "aquatic-http", "chihaya", "torrust", "npm")
HTTP_CLOSE_TRACKERS = (
    "ours", "responder", "aquatic-http", "opentracker", "opentracker-open", "chihaya", "torrust", "npm",
)  # fmt: skip
HTTPS_TRACKERS = ("ours", "aquatic-http", "chihaya", "torrust")
WS_TRACKERS = ("ours", "aquatic-ws", "npm")
WSS_TRACKERS = ("ours", "aquatic-ws")

# Answers let more go out (0.2 each) until as many are under way as may be: 128.
UDP_MIX = UdpLoad()
UDP_ANNOUNCES = UdpLoad(weight_connect=0, weight_announce=1, weight_scrape=0)
UDP_AT_A_RATE = UdpLoad(idle_sleep_us=0, requests_under_way_max=65536)
UDP_MIX_CAPTION = "20 % connect, 78 % announce, 2 % scrape"

RUST_UDP_LOAD = """\
workers = 1
[network]
sockets_per_worker = 4
[requests]
number_of_torrents = 25000
number_of_peers = 100000
scrape_max_torrents = 10
announce_peers_wanted = 30
weight_connect = 20
weight_announce = 78
weight_scrape = 2
peer_seeder_probability = 0.5
"""


RUST_HTTP_LOAD = """\
num_workers = 1
num_connections = 64
keep_alive = true
enable_tls = false
[torrents]
number_of_torrents = 25000
peer_seeder_probability = 0.5
weight_announce = 1
weight_scrape = 0
"""
RUST_WS_LOAD = """\
num_workers = 1
num_connections_per_worker = 400
connection_creation_interval_ms = 1
measure_after_max_connections_reached = false
[torrents]
offers_per_request = 5
number_of_torrents = 100
peer_seeder_probability = 0.5
weight_announce = 1
weight_scrape = 0
"""
WS_CONNECTIONS = 400
FORWARDED = ("right_offer", "right_answer")
# Where filling would take the most of the time.
HTTP_PEERS, TLS_PEERS = 20_000, 4_000


def http_load(
    connections: int, *, keep_alive: bool = True, tls: bool = False, resumption: bool = True
) -> HttpLoad:
    """A closed loop on each connection, of what the responder can answer too."""
    return HttpLoad(
        weight_announce=1,
        weight_scrape=0,
        connections=connections,
        keep_alive=keep_alive,
        tls=tls,
        resumption=resumption,
    )


def http_workload(caption: str, load: HttpLoad, peers: int = HTTP_PEERS) -> Workload:
    """Under way are as many requests as there are connections."""
    text = (
        f"{caption}, {load.connections} connections; announces, {peers:,} peers in a quarter as many torrents"
    )
    return Workload(str(load.connections), text, peers // 4, peers, load)


def udp_100k() -> Workload:
    """That everything is compared with."""
    caption = f"{UDP_MIX_CAPTION}; 100 k peers in 25 k torrents"
    return Workload("100k", caption, 25_000, 100_000, UDP_MIX)


def udp_2m() -> Workload:
    """Where memory is what slows."""
    caption = f"{UDP_MIX_CAPTION}; 2 M peers in 500 k torrents"
    return Workload("2M", caption, 500_000, 2_000_000, UDP_MIX)


def growing(load: Load, sizes: Iterable[tuple[str, int]]) -> tuple[Workload, ...]:
    """Torrents of one peer, more and more."""
    return tuple(
        Workload(name, f"announces only, {name} torrents of one peer", size, size, load, "uniform")
        for name, size in sizes
    )


def _udp_runs() -> Iterable[Run]:
    yield ThroughputRun("udp-100k", "UDP, 100 k peers", "udp", (udp_100k(),), UDP_TRACKERS)
    yield ThroughputRun("udp-2M", "UDP, 2 M peers", "udp", (udp_2m(),), UDP_TRACKERS[:5])
    steps = (("10 k", 10_000), ("100 k", 100_000), ("1 M", 1_000_000), ("4 M", 4_000_000))
    loads = growing(UDP_ANNOUNCES, steps)
    yield ThroughputRun(
        "udp-growth", "UDP, growth with the number of torrents", "udp", loads, UDP_TRACKERS[:3]
    )
    yield MemoryRun("udp-memory", "Memory per peer", UDP_TRACKERS[:5])
    yield MemoryRun("torrent-memory", "Memory per torrent of one peer", UDP_TRACKERS[:5], ("singles",), (1,))
    load = Workload("4M", UDP_MIX_CAPTION, 1_000_000, 4_000_000, UDP_MIX, sources=8)
    yield LatencyRun(
        "udp-latency",
        "UDP, latency at half load beside cleaning, growth and exports",
        "udp",
        load,
        UDP_AT_A_RATE,
        UDP_PHASES,
        ("ours", "aquatic-mio"),
    )
    yield GeneratorRun(
        "udp-generator",
        "The UDP generator beside the Rust load tester",
        "udp",
        udp_100k(),
        "ours",
        "aquatic_udp_load_test",
        RUST_UDP_LOAD,
    )


def _http_runs() -> Iterable[Run]:
    for connections in (64, 1000):
        load = http_workload("keep-alive", http_load(connections))
        name, title = f"http-keep-alive-{connections}", f"HTTP, {connections} connections that stay"
        yield ThroughputRun(name, title, "http", (load,), HTTP_KEEP_ALIVE_TRACKERS)
        load = http_workload("a connection for each request", http_load(connections, keep_alive=False))
        name, title = f"http-close-{connections}", f"HTTP, {connections} connections, one for each request"
        yield ThroughputRun(name, title, "http", (load,), HTTP_CLOSE_TRACKERS, keep_alive=False)
    for name, title, changes in (
        ("https-handshake", "a whole handshake for each request", {"keep_alive": False, "resumption": False}),
        (
            "https-resumption",
            "a resumed handshake for each request",
            {"keep_alive": False, "resumption": True},
        ),
        ("https-keep-alive", "connections that stay", {"keep_alive": True}),
    ):
        load = http_workload(f"TLS, {title}", http_load(64, tls=True, **changes), TLS_PEERS)
        keep_alive = changes["keep_alive"]
        yield ThroughputRun(name, f"HTTPS, {title}", "https", (load,), HTTPS_TRACKERS, keep_alive=keep_alive)
    load = http_workload("keep-alive", http_load(64))
    phases = (QUIET, Phase("hostile", "1,000 other connections misbehave", misbehaving_connections=1000))
    at_a_rate = replace(http_load(64), idle_sleep_us=0)
    title = "HTTP, latency at half load while others misbehave"
    yield LatencyRun("http-hostile", title, "http", load, at_a_rate, phases, ("ours", "chihaya", "torrust"))
    yield GeneratorRun(
        "http-generator",
        "The HTTP generator beside the Rust load tester and wrk",
        "http",
        load,
        "ours",
        "aquatic_http_load_test",
        RUST_HTTP_LOAD,
    )
    yield IdleRun(
        "idle-plain",
        "Memory of idle HTTP connections",
        "http",
        tuple(name for name in HTTP_KEEP_ALIVE_TRACKERS if name != "responder"),
    )
    yield IdleRun("idle-tls", "Memory of idle HTTPS connections", "https", HTTPS_TRACKERS)
    yield OpensslRun("openssl", "OpenSSL alone, the limit of TLS")


def ws_workload(offers: int, *, tls: bool = False, is_short: bool = False) -> Workload:
    """Every connection is in five torrents of twenty, and answers every offer."""
    load = WsLoad(weight_announce=1, weight_scrape=0, offers=offers, tls=tls)
    size = "1 to 2 KB"
    if is_short:
        load = replace(load, session_bytes_min=1, session_bytes_max=500)
        size = "about 500 bytes"
    caption = f"{WS_CONNECTIONS} connections, {offers} offers of {size} an announce, all answered"
    torrents = WS_CONNECTIONS // 4
    return Workload(
        f"{offers} offers",
        caption,
        torrents,
        torrents * 20,
        load,
        "uniform",
        WS_CONNECTIONS,
        counted=FORWARDED,
    )


def _ws_runs() -> Iterable[Run]:
    loads = tuple(map(ws_workload, (1, 5, 10)))
    yield ThroughputRun("ws-relay", "WebTorrent, messages forwarded", "ws", loads, WS_TRACKERS)
    tls = tuple(ws_workload(offers, tls=True) for offers in (1, 5, 10))
    yield ThroughputRun("ws-relay-tls", "WebTorrent over TLS, messages forwarded", "wss", tls, WSS_TRACKERS)
    at_a_rate = WsLoad(
        weight_announce=1, weight_scrape=0, offers=5, requests_under_way_max=16, idle_sleep_us=0
    )
    slow = replace(at_a_rate, slow_reader_share=0.1)
    phases = (QUIET, Phase("slow", "a tenth of the connections read slowly", open_load=slow))
    title = "WebTorrent, latency of offers at half load while some read slowly"
    yield LatencyRun("ws-slow-readers", title, "ws", ws_workload(5), at_a_rate, phases, WS_TRACKERS)
    yield GeneratorRun(
        "ws-generator",
        "The WebTorrent generator beside the Rust load tester",
        # Theirs knows TLS only. Its sessions have 47 bytes; the shortest of ours are real ones.
        "wss",
        ws_workload(5, tls=True, is_short=True),
        "ours",
        "aquatic_ws_load_test",
        RUST_WS_LOAD,
    )
    yield IdleRun("idle-ws", "Memory of idle WebSocket connections", "ws", WS_TRACKERS)
    yield IdleRun("idle-ws-tls", "Memory of idle WebSocket connections, TLS", "wss", WSS_TRACKERS)


RUNS: Mapping[str, Run] = {run.name: run for run in (*_udp_runs(), *_http_runs(), *_ws_runs())}
