"""HTTP in the data plane for tests: bytes in and out. What each function does is said in http.pyi."""

from cython import NULL, address, cast, declare, nogil, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    load_pointer,
    memory_order_relaxed,
    memory_order_release,
    store_pointer,
)
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.http_counters import HTTP_COUNTERS, HttpCounters
from cython.cimports.aquatic.abi.http_wire import (
    HEAD_COMPLETE,
    METHOD_GET,
    PEER_ID_BYTES,
    TRACKER_ID_BYTES_MAX,
    Head,
    HeadRules,
    HttpRequest,
    Origins,
)
from cython.cimports.aquatic.abi.stream import Exchange
from cython.cimports.aquatic.abi.swarm import ACCESS_ALLOW, ACCESS_DENY, ACCESS_OFF, AccessList
from cython.cimports.aquatic.dataplane.http import decode as head_decoder
from cython.cimports.aquatic.dataplane.http import forwarded as forwarded_reader
from cython.cimports.aquatic.dataplane.http import query as target_decoder
from cython.cimports.aquatic.dataplane.http.handle import ANSWER_ROOM_BYTES, HttpHandler, serve
from cython.cimports.aquatic.dataplane.stream.backend.memory import (
    SOCKET_CLOSED,
    MemoryNetwork,
    memory_arrived,
    memory_connect,
    memory_deliver_bytes,
    memory_forget,
    memory_network_end,
    memory_network_init,
    memory_socket,
    memory_taken,
)
from cython.cimports.aquatic.dataplane.stream.border import read_address_header
from cython.cimports.aquatic.dataplane.stream.worker import stream_worker_start, stream_worker_turn
from cython.cimports.aquatic.dataplane.swarm.access_list import access_list_create, access_list_destroy
from cython.cimports.aquatic.dataplane.swarm.arena import arena_used_bytes
from cython.cimports.aquatic.dataplane.swarm.border import read_counters
from cython.cimports.aquatic.dataplane.swarm.store import store_start_clock
from cython.cimports.aquatic.testing.values import copied, ip_of, read_source
from cython.cimports.libc.stdint import UINT32_MAX, UINT64_MAX, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memcpy, memset

from aquatic.dataplane.stream.border import HTTP_COUNTER_NAMES

HEAD_VERDICTS = ("complete", "partial", "bad", "too large", "body too large", "body encoded")
RESOURCES = ("announce", "scrape", "root", "health", "unknown")
ACCESS_MODES = {"off": ACCESS_OFF, "allow": ACCESS_ALLOW, "deny": ACCESS_DENY}
NS = 1_000_000_000


def decode_head(data: bytes, request_bytes_max: int = 8192, address_header: bytes = b""):
    rules = declare(HeadRules)
    head = declare(Head)
    rules.request_bytes_max = request_bytes_max
    read_address_header(address_header, address(rules))
    copy = copied(data)
    verdict = head_decoder.decode_head(copy, len(data), address(rules), address(head))
    fields = {"verdict": HEAD_VERDICTS[cast(int, verdict)]}
    if verdict == HEAD_COMPLETE:
        fields.update(
            is_get=head.method == METHOD_GET,
            target=cast(bytes, head.target[: head.target_bytes]),
            minor_version=head.minor_version,
            asks_close=bool(head.asks_close),
            asks_keep_alive=bool(head.asks_keep_alive),
            client_address=None
            if head.client_address == NULL
            else cast(bytes, head.client_address[: head.client_address_bytes]),
            asks_upgrade=bool(head.asks_upgrade),
            names_websocket=bool(head.names_websocket),
            websocket_key=header_value(address(head.websocket_key)),
            websocket_version=header_value(address(head.websocket_version)),
            origin=header_value(address(head.origin)),
            body_bytes=head.body_bytes,
            request_bytes=head.request_bytes,
        )
    free(copy)
    return fields


def header_value(value):
    return None if value.text == NULL else cast(bytes, value.text[: value.length])


def decode_target(target: bytes):
    request = cast(pointer(HttpRequest), malloc(sizeof(HttpRequest)))
    # What the decoder leaves as it was shows.
    memset(request, 0xA5, sizeof(HttpRequest))
    copy = copied(target)
    target_decoder.decode_target(copy, len(target), request)
    fields = {
        "resource": RESOURCES[cast(int, request.resource)],
        "has_bad_info_hash": bool(request.has_bad_info_hash),
        "info_hashes": [
            cast(bytes, request.info_hashes[20 * index : 20 * index + 20])
            for index in range(request.info_hash_count)
        ],
        "peer_id": cast(bytes, request.peer_id[: min(request.peer_id_bytes, cast(uint32_t, PEER_ID_BYTES))]),
        "peer_id_bytes": request.peer_id_bytes,
        "port": request.port,
        "bytes_left": request.bytes_left,
        "event": request.event,
        "peers_wanted": request.peers_wanted,
        "is_compact": bool(request.is_compact),
        "tracker_id": cast(
            bytes, request.tracker_id[: min(request.tracker_id_bytes, cast(uint32_t, TRACKER_ID_BYTES_MAX))]
        ),
        "tracker_id_bytes": request.tracker_id_bytes,
    }
    free(copy)
    free(request)
    return fields


def read_forwarded(value: bytes):
    source = declare(Source)
    copy = copied(value)
    found = forwarded_reader.read_forwarded(copy, len(value), address(source))
    free(copy)
    return ip_of(address(source)) if found else None


class HttpService:
    def __cinit__(
        self,
        swarm,
        *,
        request_bytes_max=8192,
        response_bytes_max=16384,
        address_header=b"",
        peers_max=50,
        scrape_torrents_max=100,
        announce_interval_seconds=120,
        announce_interval_seconds_min=0,
        announce_jitter_seconds_max=0,
        large_swarm_peers=0,
        large_swarm_interval_seconds=0,
        not_allowed_retry_minutes=0,
        keeps_alive=True,
        answers_health=True,
        speaks_http=True,
        speaks_websocket=False,
        origins=(),
        seed=1,
    ):
        self.swarm = swarm
        self.handler = cast(pointer(HttpHandler), calloc(1, sizeof(HttpHandler)))
        self.counted = cast(pointer(HttpCounters), calloc(1, sizeof(HttpCounters)))
        self.origins = cast(pointer(Origins), calloc(1, sizeof(Origins)))
        if self.handler == NULL or self.counted == NULL or self.origins == NULL:
            raise MemoryError
        handler = self.handler
        handler.store = self.swarm.store
        handler.counters = self.counted
        handler.random = seed
        rules = address(handler.rules)
        rules.head.request_bytes_max = request_bytes_max
        read_address_header(address_header, address(rules.head))
        rules.response_bytes_max = max(response_bytes_max, ANSWER_ROOM_BYTES)
        rules.peers_max = peers_max
        rules.scrape_torrents_max = scrape_torrents_max
        rules.announce_interval_seconds = announce_interval_seconds
        rules.announce_interval_seconds_min = announce_interval_seconds_min
        rules.announce_jitter_seconds_max = announce_jitter_seconds_max
        rules.large_swarm_peers = large_swarm_peers
        rules.large_swarm_interval_seconds = large_swarm_interval_seconds
        rules.not_allowed_retry_minutes = not_allowed_retry_minutes
        rules.keeps_alive = keeps_alive
        rules.answers_health = answers_health
        rules.speaks_http = speaks_http
        rules.speaks_websocket = speaks_websocket
        self.origins.count = len(origins)
        for index, origin in enumerate(origins):
            place = address(self.origins.origins[cast(uint32_t, index)])
            place.length = len(origin)
            memcpy(place.text, cast(pointer(uint8_t), cast(bytes, origin)), len(origin))
        rules.origins = self.origins

    def __dealloc__(self):
        if self.swarm is not None and self.handler != NULL:
            access_list_destroy(
                cast(
                    pointer(AccessList),
                    load_pointer(address(self.handler.store.access_list), memory_order_relaxed),
                )
            )
            store_pointer(address(self.handler.store.access_list), NULL, memory_order_release)
        free(self.handler)
        free(self.counted)
        free(self.origins)

    def serve(
        self, data: bytes, ip: bytes, port: int = 1, is_from_proxy: bool = False, output_capacity: int = 16384
    ):
        exchange = declare(Exchange)
        memset(address(exchange), 0xA5, sizeof(Exchange))
        read_source(ip, port, address(exchange.source))
        exchange.is_from_proxy = is_from_proxy
        copy = copied(data)
        output = cast(pointer(uint8_t), malloc(output_capacity))
        exchange.input = copy
        exchange.input_length = len(data)
        exchange.output = output
        exchange.output_capacity = output_capacity
        exchange.tick = self.swarm.tick
        handler = self.handler
        with nogil:
            serve(handler, address(exchange))
        answers = cast(bytes, output[: exchange.written])
        free(copy)
        free(output)
        answered = (exchange.answered[0], exchange.answered[1], exchange.answered[2])
        switched = exchange.source.ip[: 16 if exchange.source.family else 4]
        self.switched_source = cast(bytes, switched) if exchange.switches else None
        return exchange.used, answers, answered, bool(exchange.needs_room), bool(exchange.closes)

    def set_access_list(self, mode: str, info_hashes: bytes):
        created = access_list_create(
            ACCESS_MODES[mode], cast(pointer(uint8_t), info_hashes), len(info_hashes) // 20, 1
        )
        old = cast(
            pointer(AccessList),
            load_pointer(address(self.handler.store.access_list), memory_order_relaxed),
        )
        store_pointer(address(self.handler.store.access_list), created, memory_order_release)
        access_list_destroy(old)

    def counters(self, family: int):
        row = declare(uint32_t, 1 if family == 6 else 0)
        return read_counters(HTTP_COUNTER_NAMES, address(self.counted.values[row][0]), HTTP_COUNTERS)


class HttpSimulation:
    def __cinit__(self, workers):
        self.workers = workers
        self.worker = address(self.workers.workers[0].worker)
        store_start_clock(self.workers.swarm.store, 0)
        if not memory_network_init(address(self.worker.backend)):
            raise MemoryError
        self.network = cast(pointer(MemoryNetwork), self.worker.backend.state)
        for listener in range(self.worker.listener_count):
            self.worker.listeners[cast(uint32_t, listener)].socket = listener
        stream_worker_start(self.worker)

    def __dealloc__(self):
        if self.network != NULL:
            memory_network_end(address(self.worker.backend))

    def set_time(self, seconds: float):
        self.network.clock_ns = int(seconds * NS)

    def turn(self):
        if not stream_worker_turn(self.worker):
            raise RuntimeError("the worker cannot go on")

    def connect(self, ip: bytes, listener: int = 0):
        source = declare(Source)
        read_source(ip, 0, address(source))
        number = memory_connect(self.network, listener, address(source))
        if number < 0:
            raise RuntimeError("no place for another connection")
        return number

    def deliver(self, number: int, content: bytes):
        return memory_deliver_bytes(
            memory_socket(self.network, number), cast(pointer(uint8_t), content), len(content)
        )

    def take(self, number: int):
        socket = memory_socket(self.network, number)
        length = memory_arrived(self.network, socket)
        sent = cast(bytes, socket.sent[:length])
        memory_taken(socket, length)
        return sent

    def end(self, number: int):
        memory_socket(self.network, number).peer_has_ended = True

    def reset(self, number: int):
        memory_socket(self.network, number).is_reset = True

    def forget(self, number: int):
        memory_forget(memory_socket(self.network, number))

    def has_ended(self, number: int):
        socket = memory_socket(self.network, number)
        return socket.state == SOCKET_CLOSED or bool(socket.server_has_ended)

    def limit_sends(self, number: int, length: int):
        memory_socket(self.network, number).send_room = UINT32_MAX if length < 0 else length

    def descriptors(self):
        return self.network.descriptors

    def memory_bytes(self):
        return arena_used_bytes(address(self.worker.connections.arena))

    def fail_allocation(self, after: int):
        left = declare(uint64_t, UINT64_MAX if after < 0 else after)
        self.worker.connections.arena.allocations_until_failure = left
        self.workers.swarm.store.arena.allocations_until_failure = left

    def allocations_left(self):
        connections = self.worker.connections.arena.allocations_until_failure
        return connections, self.workers.swarm.store.arena.allocations_until_failure
