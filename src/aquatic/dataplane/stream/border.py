"""The border between the control plane and the stream workers. What each method does is said in border.pyi."""

import os
from dataclasses import dataclass

from cython import NULL, address, cast, declare, nogil, p_void, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    memory_order_release,
    store_pointer,
    store_u32,
)
from cython.cimports.aquatic.abi.connection import (
    LISTENERS_MAX,
    REQUEST_BYTES_LIMIT,
    TRUSTED_NETWORKS_MAX,
    TrustedNetworks,
)
from cython.cimports.aquatic.abi.http_counters import HTTP_COUNTERS
from cython.cimports.aquatic.abi.http_wire import ORIGIN_BYTES_MAX, ORIGINS_MAX, Origins
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.stream import ANSWER_KINDS
from cython.cimports.aquatic.abi.stream_counters import STREAM_COUNTERS
from cython.cimports.aquatic.abi.ws_counters import WS_COUNTERS
from cython.cimports.aquatic.abi.ws_wire import (
    FRAME_HEADER_BYTES_MAX,
    FRAME_HEADER_ROOM_BYTES,
    WS_OFFERS_LIMIT,
)
from cython.cimports.aquatic.dataplane.http.handle import serve
from cython.cimports.aquatic.dataplane.stream.backend.socket import socket_end, socket_init
from cython.cimports.aquatic.dataplane.stream.border import ServingWorker
from cython.cimports.aquatic.dataplane.stream.tls_context import TlsContext
from cython.cimports.aquatic.dataplane.stream.worker import (
    stream_worker_end,
    stream_worker_init,
    stream_worker_run,
)
from cython.cimports.aquatic.dataplane.swarm.border import read_buckets, read_counters
from cython.cimports.aquatic.dataplane.ws.encode import SCRAPE_ROOM_BYTES, SCRAPE_TORRENT_ROOM_BYTES
from cython.cimports.aquatic.dataplane.ws.handle import ws_end, ws_look, ws_serve
from cython.cimports.libc.stdint import uint8_t, uint32_t
from cython.cimports.libc.string import memcpy

from aquatic.dataplane.swarm.border import FAMILY_INDEX

ANSWER_KIND_NAMES = ("announce", "scrape", "other")
# In the order of the counters in abi/stream_counters.pxd.
CONNECTION_COUNTER_NAMES = (
    "accepted",
    "active",
    "closed_by_peer",
    "closed_by_answer",
    "closed_by_error",
    "closed_handshake_time",
    "closed_header_time",
    "closed_idle_time",
    "closed_output_time",
    "closed_output_full",
    "closed_request_too_long",
    "closed_proxy_header",
    "closed_tls",
    "closed_no_memory",
    "closed_address_limit",
    "closed_for_newcomer",
    "closed_at_end",
    "refused_worker_full",
    "refused_address_full",
    "refused_address_rate",
    "refused_no_memory",
    "accept_errors",
    "accept_pauses",
    "tls_handshakes",
    "tls_resumptions",
    "bytes_received",
    "bytes_sent",
    "waits",
    "messages_queued",
    "messages_dropped_slow",
    "messages_dropped_no_memory",
    "messages_dropped_inbox_full",
    "messages_to_gone",
)
# In the order of the counters in abi/http_counters.pxd.
HTTP_COUNTER_NAMES = (
    "requests_announce",
    "requests_scrape",
    "requests_other",
    "responses_announce",
    "responses_scrape",
    "responses_failure",
    "responses_other",
    "errors_not_http",
    "errors_too_large",
    "errors_not_found",
    "errors_method",
    "errors_upgrade",
    "errors_no_client_address",
    "errors_refused",
    "errors_not_allowed",
)
# In the order of the counters in abi/ws_counters.pxd.
WS_COUNTER_NAMES = (
    "requests_announce",
    "requests_scrape",
    "responses_announce",
    "responses_scrape",
    "responses_error",
    "responses_offer",
    "responses_answer",
    "errors_not_json",
    "errors_malformed",
    "errors_refused",
    "errors_not_allowed",
    "errors_frame",
    "errors_too_large",
    "answers_unexpected",
    "offers_without_receiver",
    "offers_over_limit",
)
# After our last words a peer may take so long to end its side, before the connection goes.
LINGER_SECONDS_MAX = 2
ADDRESS_HEADER_BYTES_MAX = 64
# Messages from other workers that wait for a turn of the loop: some hundreds.
INBOX_BYTES_MAX = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ListenerSettings:
    has_proxy_protocol: bool = False
    address_header: bytes = b""
    trusted_networks: tuple = ()
    keeps_alive: bool = True
    answers_health: bool = False
    speaks_http: bool = True
    speaks_websocket: bool = False
    origins: tuple = ()


@dataclass(frozen=True, kw_only=True)
class WebsocketSettings:
    announce_interval_seconds: int
    scrape_torrents_max: int
    offers_max: int
    message_bytes_max: int
    frame_bytes_max: int
    output_bytes_max: int
    idle_seconds_max: int
    look_seconds: int
    torrents_per_connection_max: int
    tls_grace_seconds: int


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    workers: int
    listeners: tuple
    poll_timeout_ms: int
    connections_max: int
    connections_per_address_max: int
    connections_per_address_second_max: int
    handshake_seconds_max: int
    header_seconds_max: int
    idle_seconds_max: int
    request_bytes_max: int
    output_bytes_max: int
    memory_bytes_max: int
    announce_interval_seconds: int
    announce_interval_seconds_min: int
    announce_jitter_seconds_max: int
    large_swarm_peers: int
    large_swarm_interval_seconds: int
    not_allowed_retry_minutes: int
    response_peers_max: int
    scrape_torrents_max: int
    latency: bool = False
    websocket: WebsocketSettings | None = None


def read_limits(settings, limits):
    limits.connections_max = settings.connections_max
    limits.memory_bytes_max = settings.memory_bytes_max
    limits.connections_per_address_max = settings.connections_per_address_max
    limits.connections_per_address_second_max = settings.connections_per_address_second_max
    # A client that has been away may spend a second's worth at once.
    limits.connections_per_address_burst_max = max(1, settings.connections_per_address_second_max)
    limits.handshake_seconds_max = settings.handshake_seconds_max
    limits.linger_seconds_max = LINGER_SECONDS_MAX
    limits.inbox_bytes_max = INBOX_BYTES_MAX


def read_protocol_limits(settings, limits):
    limits.request_bytes_max = min(settings.request_bytes_max, REQUEST_BYTES_LIMIT)
    limits.output_bytes_max = settings.output_bytes_max
    limits.header_seconds_max = settings.header_seconds_max
    limits.idle_seconds_max = settings.idle_seconds_max
    limits.output_seconds_max = settings.idle_seconds_max


def read_ws_limits(websocket, settings, limits):
    limits.request_bytes_max = min(websocket.frame_bytes_max + FRAME_HEADER_BYTES_MAX, REQUEST_BYTES_LIMIT)
    limits.output_bytes_max = websocket.output_bytes_max
    limits.header_seconds_max = settings.header_seconds_max
    limits.idle_seconds_max = websocket.idle_seconds_max
    limits.output_seconds_max = websocket.idle_seconds_max
    limits.certificate_seconds_max = websocket.tls_grace_seconds


def read_ws_rules(websocket, rules):
    rules.frames.frame_bytes_max = websocket.frame_bytes_max
    rules.frames.message_bytes_max = websocket.message_bytes_max
    rules.announce_interval_seconds = websocket.announce_interval_seconds
    room = websocket.output_bytes_max - FRAME_HEADER_ROOM_BYTES - SCRAPE_ROOM_BYTES
    rules.scrape_torrents_max = min(websocket.scrape_torrents_max, room // SCRAPE_TORRENT_ROOM_BYTES)
    rules.offers_max = min(websocket.offers_max, WS_OFFERS_LIMIT)
    rules.memberships_max = websocket.torrents_per_connection_max


def read_rules(settings, listener, rules):
    rules.head.request_bytes_max = min(settings.request_bytes_max, REQUEST_BYTES_LIMIT)
    read_address_header(listener.address_header, address(rules.head))
    rules.response_bytes_max = settings.output_bytes_max
    rules.peers_max = settings.response_peers_max
    rules.scrape_torrents_max = settings.scrape_torrents_max
    rules.announce_interval_seconds = settings.announce_interval_seconds
    rules.announce_interval_seconds_min = settings.announce_interval_seconds_min
    rules.announce_jitter_seconds_max = settings.announce_jitter_seconds_max
    rules.large_swarm_peers = settings.large_swarm_peers
    rules.large_swarm_interval_seconds = settings.large_swarm_interval_seconds
    rules.not_allowed_retry_minutes = settings.not_allowed_retry_minutes
    rules.speaks_http = listener.speaks_http
    rules.speaks_websocket = listener.speaks_websocket
    rules.keeps_alive = listener.keeps_alive
    rules.answers_health = listener.answers_health


def read_address_header(name, rules):
    lower_case = name.lower()[:ADDRESS_HEADER_BYTES_MAX]
    memcpy(rules.address_header, cast(pointer(uint8_t), cast(bytes, lower_case)), len(lower_case))
    rules.address_header_bytes = len(lower_case)


def read_origins(listener, origins):
    for text in listener.origins[:ORIGINS_MAX]:
        origin = address(origins.origins[origins.count])
        origin.length = min(len(text), ORIGIN_BYTES_MAX)
        memcpy(origin.text, cast(pointer(uint8_t), cast(bytes, text)), origin.length)
        origins.count += 1


def read_networks(networks, trusted):
    """Networks: address in network byte order, and bits of its prefix."""
    for packed, prefix_bits in networks[:TRUSTED_NETWORKS_MAX]:
        network = address(trusted.networks[trusted.count])
        memcpy(network.ip, cast(pointer(uint8_t), cast(bytes, packed)), len(packed))
        network.prefix_bits = prefix_bits
        network.family = 1 if len(packed) == 16 else 0
        trusted.count += 1


def init_connections(worker):
    """What the worker, whose limits are set, keeps of connections."""
    key = os.urandom(16)
    if not stream_worker_init(worker, int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")):
        raise MemoryError("the address space for connections could not be reserved")
    return True


class StreamWorkers:
    def __cinit__(self, swarm, settings, first_index=0, ws_swarm=None):
        if not 1 <= len(settings.listeners) <= LISTENERS_MAX:
            raise ValueError(f"listeners must be 1 to {LISTENERS_MAX}")
        self.settings = settings
        self.swarm = swarm
        self.ws_swarm = ws_swarm
        self.tls_contexts = {}
        self.workers_count = settings.workers
        self.workers_bytes = settings.workers * sizeof(ServingWorker)
        self.workers = cast(pointer(ServingWorker), reserve(self.workers_bytes))
        self.trusted = cast(pointer(TrustedNetworks), reserve(LISTENERS_MAX * sizeof(TrustedNetworks)))
        self.origins = cast(pointer(Origins), reserve(LISTENERS_MAX * sizeof(Origins)))
        if self.workers == NULL or self.trusted == NULL or self.origins == NULL:
            raise MemoryError("the address space for the stream workers could not be reserved")
        for place, listener in enumerate(settings.listeners):
            read_networks(listener.trusted_networks, address(self.trusted[cast(uint32_t, place)]))
            read_origins(listener, address(self.origins[cast(uint32_t, place)]))
        for index in range(self.workers_count):
            worker = address(self.workers[index].worker)
            self.swarm.take_on(first_index + index, address(worker.upkeep))
            self.init_worker(index)

    def init_worker(self, index):
        settings = self.settings
        serving = address(self.workers[index])
        worker = address(serving.worker)
        worker.group = address(self.group)
        worker.index = index
        self.group.workers[cast(uint32_t, index)] = worker
        self.group.count = index + 1
        worker.poll_timeout_ms = settings.poll_timeout_ms
        worker.measures_latency = settings.latency
        read_limits(settings, address(worker.limits))
        if settings.websocket is not None:
            self.init_websocket(serving)
        worker.listener_count = len(settings.listeners)
        for place in range(len(settings.listeners)):
            self.init_listener(serving, place)
        return init_connections(worker)

    def init_websocket(self, serving):
        websocket = self.settings.websocket
        handler = address(serving.ws_handler)
        handler.swarm = self.ws_swarm.swarm
        handler.store = self.swarm.store
        handler.worker = address(serving.worker)
        handler.counters = address(serving.ws_counters)
        handler.random = int.from_bytes(os.urandom(8), "little")
        read_ws_rules(websocket, address(handler.rules))
        protocol = address(serving.ws_protocol)
        protocol.state = handler
        protocol.serve = ws_serve
        protocol.look = ws_look
        protocol.end = ws_end
        protocol.look_seconds = websocket.look_seconds
        protocol.first_latency = ANSWER_KINDS
        read_ws_limits(websocket, self.settings, address(protocol.limits))
        return True

    def init_listener(self, serving, place):
        settings = self.settings.listeners[place]
        handler = address(serving.handlers[place])
        handler.store = self.swarm.store
        handler.counters = address(serving.http_counters)
        handler.random = int.from_bytes(os.urandom(8), "little")
        read_rules(self.settings, settings, address(handler.rules))
        handler.rules.origins = address(self.origins[place])
        protocol = address(serving.protocols[place])
        protocol.state = handler
        protocol.serve = serve
        protocol.gives_way = True
        read_protocol_limits(self.settings, address(protocol.limits))
        if settings.speaks_websocket:
            protocol.successor = address(serving.ws_protocol)
        listener = address(serving.worker.listeners[place])
        listener.protocol = protocol
        listener.trusted = address(self.trusted[place])
        listener.has_proxy_protocol = settings.has_proxy_protocol
        listener.has_proxy_address_header = bool(settings.address_header)
        return True

    def __dealloc__(self):
        if self.workers != NULL:
            for index in range(self.workers_count):
                stream_worker_end(address(self.workers[index].worker))
            unreserve(self.workers, self.workers_bytes)
        if self.trusted != NULL:
            unreserve(self.trusted, LISTENERS_MAX * sizeof(TrustedNetworks))
        if self.origins != NULL:
            unreserve(self.origins, LISTENERS_MAX * sizeof(Origins))

    def worker(self, index):
        if index >= self.workers_count:
            raise IndexError("no such worker")
        return address(self.workers[index])

    def run_worker(self, index: int, listeners: tuple):
        worker = address(self.worker(index).worker)
        for place, descriptor in enumerate(listeners):
            worker.listeners[cast(uint32_t, place)].socket = descriptor
        if not socket_init(address(worker.backend)):
            raise OSError("no descriptor for epoll")
        store_u32(address(worker.upkeep.running), 1, memory_order_release)
        with nogil:
            stream_worker_run(worker)
        store_u32(address(worker.upkeep.running), 0, memory_order_release)
        socket_end(address(worker.backend))

    def set_tls(self, listener: int, context):
        place = declare(uint32_t, listener)
        if place >= cast(uint32_t, len(self.settings.listeners)):
            raise IndexError("no such listener")
        given = cast(p_void, cast(TlsContext, context).context)
        old = self.tls_contexts.get(listener)
        self.tls_contexts[listener] = context
        for index in range(self.workers_count):
            worker = address(self.workers[index].worker)
            store_pointer(address(worker.listeners[place].tls_context), given, memory_order_release)
        if old is not None:
            # A worker may have read the pointer and be about to begin with a connection.
            self.swarm.wait_for_turns()

    def connection_counters(self, index: int, family: int):
        serving = self.worker(index)
        row = declare(uint32_t, FAMILY_INDEX[family])
        counters = address(serving.worker.counters.values[row][0])
        return read_counters(CONNECTION_COUNTER_NAMES, counters, STREAM_COUNTERS)

    def http_counters(self, index: int, family: int):
        serving = self.worker(index)
        row = declare(uint32_t, FAMILY_INDEX[family])
        return read_counters(HTTP_COUNTER_NAMES, address(serving.http_counters.values[row][0]), HTTP_COUNTERS)

    def ws_counters(self, index: int, family: int):
        serving = self.worker(index)
        row = declare(uint32_t, FAMILY_INDEX[family])
        return read_counters(WS_COUNTER_NAMES, address(serving.ws_counters.values[row][0]), WS_COUNTERS)

    def latency_buckets(self, index: int, answer_kind: str):
        serving = self.worker(index)
        row = declare(uint32_t, ANSWER_KIND_NAMES.index(answer_kind))
        return read_buckets(address(serving.worker.counters.latency[row][0]))

    def ws_latency_buckets(self, index: int, answer_kind: str):
        serving = self.worker(index)
        row = declare(uint32_t, serving.ws_protocol.first_latency + ANSWER_KIND_NAMES.index(answer_kind))
        return read_buckets(address(serving.worker.counters.latency[row][0]))
