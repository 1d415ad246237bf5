"""The connection server for tests, with lines for a protocol. What each method does is said in stream.pyi."""

from dataclasses import dataclass
from ipaddress import ip_network

from cython import NULL, address, cast, declare, nogil, p_void, pointer, sizeof
from cython.cimports.aquatic.abi.atomics import (
    load_u64,
    memory_order_relaxed,
    memory_order_release,
    store_pointer,
    store_u32,
)
from cython.cimports.aquatic.abi.connection import (
    LISTENERS_MAX,
    AddressUse,
    Connection,
    StreamWorker,
)
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.stream_counters import STREAM_COUNTERS
from cython.cimports.aquatic.abi.swarm import StoreLimits
from cython.cimports.aquatic.dataplane.stream.backend.memory import (
    SOCKET_CLOSED,
    SOCKET_FREE,
    SOCKET_WAITING,
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
from cython.cimports.aquatic.dataplane.stream.backend.socket import socket_end, socket_init
from cython.cimports.aquatic.dataplane.stream.border import (
    init_connections,
    read_limits,
    read_networks,
    read_protocol_limits,
)
from cython.cimports.aquatic.dataplane.stream.proxy_header import ProxyHeader, proxy_decode
from cython.cimports.aquatic.dataplane.stream.tls_context import TlsContext
from cython.cimports.aquatic.dataplane.stream.worker import (
    stream_worker_drain,
    stream_worker_end,
    stream_worker_run,
    stream_worker_start,
    stream_worker_turn,
)
from cython.cimports.aquatic.dataplane.swarm.arena import arena_held_bytes, arena_used_bytes
from cython.cimports.aquatic.dataplane.swarm.border import read_buckets, read_counters
from cython.cimports.aquatic.dataplane.swarm.store import store_create, store_destroy, store_start_clock
from cython.cimports.aquatic.dataplane.swarm.sweep import sweeper_init
from cython.cimports.aquatic.testing.line_protocol import line_protocol_init
from cython.cimports.aquatic.testing.values import copied, ip_of, port_of, read_source
from cython.cimports.libc.stdint import UINT32_MAX, UINT64_MAX, uint8_t, uint32_t
from cython.cimports.libc.stdlib import free
from cython.cimports.libc.string import memset

from aquatic.dataplane.stream.border import CONNECTION_COUNTER_NAMES

NS = 1_000_000_000
PROXY_VERDICTS = ("complete", "partial", "bad")
CONNECTION_BYTES = cast(int, sizeof(Connection))


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    connections_max: int = 1000
    memory_bytes_max: int = 0
    connections_per_address_max: int = 0
    connections_per_address_second_max: int = 0
    connections_per_address_burst_max: int = 1
    handshake_seconds_max: int = 10
    header_seconds_max: int = 10
    idle_seconds_max: int = 60
    output_seconds_max: int = 60
    look_seconds: int = 20
    certificate_seconds_max: int = 86_400
    inbox_bytes_max: int = 1 << 20
    linger_seconds_max: int = 2
    request_bytes_max: int = 4096
    output_bytes_max: int = 16384
    listeners: int = 1
    trusted_networks: tuple = ()
    has_proxy_protocol: bool = False
    has_proxy_address_header: bool = False
    measures_latency: bool = False
    poll_timeout_ms: int = 10


def decode_proxy_header(content: bytes):
    header = declare(ProxyHeader)
    copy = copied(content)
    verdict = PROXY_VERDICTS[cast(int, proxy_decode(copy, len(content), address(header)))]
    free(copy)
    if verdict != "complete":
        return verdict, 0, None
    if not header.has_source:
        return verdict, header.length, None
    source = address(header.source)
    return verdict, header.length, (ip_of(source), port_of(source))


class StreamGroup:
    pass


class StreamServer:
    def __cinit__(self, settings, group=None):
        limits = declare(StoreLimits)
        memset(address(limits), 0, sizeof(limits))
        self.settings = settings
        self.contexts = []
        limits.torrents_max = 1
        limits.peers_max = 1
        limits.tick_seconds = 1
        limits.peer_age_ticks_max = 60
        limits.sweepers = 1
        self.store = store_create(address(limits), 1)
        self.worker = cast(pointer(StreamWorker), reserve(sizeof(StreamWorker)))
        if self.store == NULL or self.worker == NULL:
            raise MemoryError
        worker = self.worker
        self.join(group or StreamGroup())
        worker.upkeep.store = self.store
        sweeper_init(address(worker.upkeep.sweeper), self.store, 0, 60 * NS)
        worker.poll_timeout_ms = settings.poll_timeout_ms
        worker.measures_latency = settings.measures_latency
        read_limits(settings, address(worker.limits))
        worker.limits.connections_per_address_burst_max = settings.connections_per_address_burst_max
        worker.limits.linger_seconds_max = settings.linger_seconds_max
        worker.limits.inbox_bytes_max = settings.inbox_bytes_max
        networks = map(ip_network, settings.trusted_networks)
        packed = [(network.network_address.packed, network.prefixlen) for network in networks]
        read_networks(packed, address(self.trusted))
        self.init_protocols()
        worker.listener_count = settings.listeners
        for index in range(min(settings.listeners, LISTENERS_MAX)):
            listener = address(worker.listeners[cast(uint32_t, index)])
            listener.socket = index
            listener.protocol = address(self.protocols[0])
            listener.trusted = address(self.trusted)
            listener.has_proxy_protocol = settings.has_proxy_protocol
            listener.has_proxy_address_header = settings.has_proxy_address_header
        init_connections(worker)

    def __dealloc__(self):
        if self.worker != NULL:
            stream_worker_end(self.worker)
            unreserve(self.worker, sizeof(StreamWorker))
        if self.store != NULL:
            store_destroy(self.store)

    def join(self, group):
        self.group = group
        self.worker.group = address(self.group.group)
        self.worker.index = self.group.group.count
        self.group.group.workers[self.worker.index] = self.worker
        self.group.group.count += 1
        return True

    def init_protocols(self):
        for index in range(2):
            lines = address(self.lines[cast(uint32_t, index)])
            lines.worker = self.worker
            lines.is_successor = index == 1
            protocol = address(self.protocols[cast(uint32_t, index)])
            line_protocol_init(protocol, lines)
            read_protocol_limits(self.settings, address(protocol.limits))
            protocol.limits.output_seconds_max = self.settings.output_seconds_max
            protocol.limits.certificate_seconds_max = self.settings.certificate_seconds_max
            protocol.gives_way = index == 0
            protocol.look_seconds = self.settings.look_seconds
        self.protocols[0].successor = address(self.protocols[1])
        return True

    def run(self, listeners):
        worker = self.worker
        for index, descriptor in enumerate(listeners):
            worker.listeners[cast(uint32_t, index)].socket = descriptor
        if not socket_init(address(worker.backend)):
            raise OSError("no descriptor for epoll")
        with nogil:
            stream_worker_run(worker)
        socket_end(address(worker.backend))

    def set_tls(self, context):
        # Connections may be being made under an old one as long as the worker runs.
        self.contexts.append(context)
        pointer_now = cast(p_void, cast(TlsContext, context).context)
        for index in range(self.worker.listener_count):
            listener = address(self.worker.listeners[cast(uint32_t, index)])
            store_pointer(address(listener.tls_context), pointer_now, memory_order_release)

    def stop(self):
        store_u32(address(self.worker.upkeep.stopping), 1, memory_order_relaxed)

    def heartbeat(self):
        return load_u64(address(self.worker.upkeep.turns), memory_order_relaxed)

    def counters(self, family: int = 4):
        row = declare(uint32_t, 1 if family == 6 else 0)
        counters = address(self.worker.counters.values[row][0])
        return read_counters(CONNECTION_COUNTER_NAMES, counters, STREAM_COUNTERS)

    def latencies(self, kind: int):
        row = declare(uint32_t, kind)
        return sum(read_buckets(address(self.worker.counters.latency[row][0])))

    def memory_bytes(self):
        return arena_used_bytes(address(self.worker.connections.arena))

    def held_bytes(self):
        table = address(self.worker.addresses)
        table_bytes = table.capacity * sizeof(AddressUse) if table.is_used else 0
        return arena_held_bytes(address(self.worker.connections.arena)) + table_bytes


class StreamSimulation(StreamServer):
    def __cinit__(self, settings, group=None):
        store_start_clock(self.store, 0)
        if not memory_network_init(address(self.worker.backend)):
            raise MemoryError
        self.network = cast(pointer(MemoryNetwork), self.worker.backend.state)
        stream_worker_start(self.worker)

    def __dealloc__(self):
        if self.network != NULL:
            memory_network_end(address(self.worker.backend))

    def socket(self, number):
        found = memory_socket(self.network, number)
        if found.state == SOCKET_FREE:
            raise LookupError("no such connection")
        return found

    def set_time(self, seconds: float):
        self.network.clock_ns = int(seconds * NS)

    def turn(self):
        if not stream_worker_turn(self.worker):
            raise RuntimeError("the worker cannot go on")

    def drain(self):
        if not stream_worker_drain(self.worker):
            raise RuntimeError("the worker cannot go on")

    def connect(self, ip: bytes = b"\x0a\0\0\1", listener: int = 0):
        source = declare(Source)
        read_source(ip, 0, address(source))
        number = memory_connect(self.network, listener, address(source))
        if number < 0:
            raise RuntimeError("no place for another connection")
        return number

    def name(self, number: int):
        return b"%d:%d" % (self.worker.index, self.socket(number).data)

    def deliver(self, number: int, content: bytes):
        return memory_deliver_bytes(
            self.socket(number), cast(pointer(uint8_t), content), cast(uint32_t, len(content))
        )

    def end(self, number: int):
        self.socket(number).peer_has_ended = True

    def reset(self, number: int):
        self.socket(number).is_reset = True

    def take(self, number: int):
        socket = self.socket(number)
        length = memory_arrived(self.network, socket)
        sent = cast(bytes, socket.sent[:length])
        memory_taken(socket, length)
        return sent

    def state(self, number: int):
        socket = self.socket(number)
        if socket.state == SOCKET_CLOSED:
            return "closed"
        if socket.state == SOCKET_WAITING:
            return "waiting"
        return "ended" if socket.server_has_ended else "open"

    def forget(self, number: int):
        memory_forget(self.socket(number))

    def split_receives(self, number: int, length: int):
        self.socket(number).receive_max = length

    def limit_sends(self, number: int, length: int):
        self.socket(number).send_room = UINT32_MAX if length < 0 else length

    def limit_descriptors(self, count: int):
        self.network.descriptors_max = UINT32_MAX if count < 0 else count

    def descriptors(self):
        return self.network.descriptors

    def wakes(self):
        return self.network.wakes

    def fail_accept(self, error_number: int):
        self.network.accept_error = error_number

    def fail_watch(self, after: int):
        self.network.watch_failure_after = UINT32_MAX if after < 0 else after

    def fail_allocation(self, after: int):
        arena = address(self.worker.connections.arena)
        arena.allocations_until_failure = UINT64_MAX if after < 0 else after

    def allocations_left(self):
        return self.worker.connections.arena.allocations_until_failure
