"""See stream_loops.pxd; what Python calls is said in stream_loops.pyi."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.ws_swarm import WsSwarmLimits
from cython.cimports.aquatic.bench.micro.loop import next_piece
from cython.cimports.aquatic.bench.micro.stream_loops import TIMED_CONNECTIONS, ProxyState, RelayState
from cython.cimports.aquatic.bench.micro.swarm_loops import MEMORY_BYTES_MAX, STORE_SEED, bench_store
from cython.cimports.aquatic.dataplane.stream.backend.memory import (
    MemoryNetwork,
    memory_connect,
    memory_deliver_bytes,
    memory_network_end,
    memory_network_init,
    memory_socket,
    memory_taken,
)
from cython.cimports.aquatic.dataplane.stream.outbox import relay
from cython.cimports.aquatic.dataplane.stream.proxy_header import PROXY_COMPLETE, proxy_decode
from cython.cimports.aquatic.dataplane.stream.slab import slab_at
from cython.cimports.aquatic.dataplane.stream.timers import timer_set, timers_expired
from cython.cimports.aquatic.dataplane.stream.worker import (
    stream_worker_end,
    stream_worker_init,
    stream_worker_start,
    stream_worker_turn,
)
from cython.cimports.aquatic.dataplane.swarm.store import store_destroy
from cython.cimports.aquatic.dataplane.swarm.sweep import sweeper_init
from cython.cimports.aquatic.dataplane.ws.handle import ws_end, ws_serve
from cython.cimports.aquatic.dataplane.ws.swarm import ws_swarm_create, ws_swarm_destroy
from cython.cimports.libc.stdint import uint32_t, uint64_t
from cython.cimports.libc.string import memset

AGE_SECONDS_MAX = 180
MESSAGE_BYTES_MAX = 65_500
NS = declare(uint64_t, 1_000_000_000)
IDLE_SECONDS = declare(uint32_t, 60)


class RelayLoop:
    def __cinit__(self):
        self.relays = cast(pointer(RelayState), reserve(sizeof(RelayState)))
        if self.relays == NULL:
            raise MemoryError
        self.relays.pieces = address(self.pieces)
        self.state = self.relays

    def __dealloc__(self):
        relays = self.relays
        if relays == NULL:
            return
        index = declare(uint32_t)
        for index in range(relays.group.count):
            stream_worker_end(address(relays.each[index].worker))
            if relays.each[index].network != NULL:
                memory_network_end(address(relays.each[index].worker.backend))
        if relays.swarm != NULL:
            ws_swarm_destroy(relays.swarm)
        if relays.store != NULL:
            store_destroy(relays.store)
        unreserve(relays, sizeof(RelayState))

    def start(self, workers):
        limits = declare(WsSwarmLimits)
        limits.memory_bytes_max = MEMORY_BYTES_MAX
        limits.peer_age_seconds_max = AGE_SECONDS_MAX
        limits.offer_age_seconds_max = AGE_SECONDS_MAX
        limits.tags = False
        relays = self.relays
        relays.store = bench_store(AGE_SECONDS_MAX)
        relays.swarm = ws_swarm_create(address(limits), STORE_SEED)
        if relays.swarm == NULL:
            raise MemoryError
        index = declare(uint32_t)
        for index in range(workers):
            self.init_worker(address(relays.each[index]))
        relays.first = address(relays.each[0])
        relays.last = address(relays.each[relays.group.count - 1])
        return True

    def init_worker(self, one):
        relays = self.relays
        worker = address(one.worker)
        worker.group = address(relays.group)
        worker.index = relays.group.count
        worker.upkeep.store = relays.store
        sweeper_init(address(worker.upkeep.sweeper), relays.store, 0, IDLE_SECONDS * NS)
        worker.limits.memory_bytes_max = MEMORY_BYTES_MAX
        worker.limits.connections_max = 2 * TIMED_CONNECTIONS
        worker.limits.connections_per_address_burst_max = 1
        worker.limits.handshake_seconds_max = IDLE_SECONDS
        worker.limits.linger_seconds_max = IDLE_SECONDS
        worker.limits.inbox_bytes_max = 1 << 20
        self.init_protocol(one)
        worker.listener_count = 1
        worker.listeners[0].protocol = address(one.protocol)
        if not stream_worker_init(worker, STORE_SEED, STORE_SEED):
            raise MemoryError
        relays.group.workers[worker.index] = worker
        relays.group.count += 1
        if not memory_network_init(address(worker.backend)):
            raise MemoryError
        one.network = cast(pointer(MemoryNetwork), worker.backend.state)
        one.network.clock_ns = NS
        return stream_worker_start(worker)

    def init_protocol(self, one):
        relays = self.relays
        handler = address(one.handler)
        handler.swarm = relays.swarm
        handler.store = relays.store
        handler.worker = address(one.worker)
        handler.counters = address(one.counters)
        handler.random = STORE_SEED
        handler.rules.frames.frame_bytes_max = MESSAGE_BYTES_MAX
        handler.rules.frames.message_bytes_max = MESSAGE_BYTES_MAX
        handler.rules.announce_interval_seconds = 120
        handler.rules.offers_max = 10
        handler.rules.memberships_max = 20
        protocol = address(one.protocol)
        protocol.state = handler
        protocol.serve = ws_serve
        protocol.end = ws_end
        protocol.limits.request_bytes_max = MESSAGE_BYTES_MAX
        protocol.limits.output_bytes_max = MESSAGE_BYTES_MAX
        protocol.limits.header_seconds_max = IDLE_SECONDS
        protocol.limits.idle_seconds_max = IDLE_SECONDS
        protocol.limits.output_seconds_max = IDLE_SECONDS
        return True

    def connect(self):
        relays = self.relays
        relays.sender = open_socket(relays.first)
        relays.receiver = open_socket(relays.last)
        relays.receiver_name = relays.receiver.data
        return True


def open_socket(one):
    """A connection that has been accepted."""
    source = declare(Source)
    memset(address(source), 0, sizeof(source))
    source.ip[0] = 32
    number = memory_connect(one.network, 0, address(source))
    if number < 0 or not stream_worker_turn(address(one.worker)):
        raise RuntimeError("the worker does not accept connections")
    return memory_socket(one.network, number)


def take_sent(socket):
    length = socket.sent_length
    memory_taken(socket, length)
    return length


def relay_next(state):
    """One message, from the first worker's hands to the receiver's socket; returns its bytes."""
    relays = cast(pointer(RelayState), state)
    piece = next_piece(relays.pieces)
    relay(
        address(relays.first.worker),
        relays.last.worker.index,
        relays.receiver_name,
        relays.pieces.at[piece],
        relays.pieces.lengths[piece],
    )
    stream_worker_turn(address(relays.last.worker))
    return take_sent(relays.receiver)


def speak(relays, socket):
    """Deliver the next message, let the workers turn; returns the bytes that have been sent on either connection."""
    piece = next_piece(relays.pieces)
    memory_deliver_bytes(socket, relays.pieces.at[piece], relays.pieces.lengths[piece])
    stream_worker_turn(address(relays.first.worker))
    if relays.last != relays.first:
        stream_worker_turn(address(relays.last.worker))
        # What it had for the first one.
        stream_worker_turn(address(relays.first.worker))
    return take_sent(relays.sender) + take_sent(relays.receiver)


def exchange_next(state):
    """An offer, and its answer."""
    relays = cast(pointer(RelayState), state)
    offered = speak(relays, relays.sender)
    return offered + speak(relays, relays.receiver)


def set_later(state):
    """The time limit of a connection whose timer is set already, as with each request."""
    relays = cast(pointer(RelayState), state)
    worker = address(relays.first.worker)
    worker.now_ns += 1
    connection = slab_at(address(worker.connections), relays.connection)
    relays.connection = (relays.connection + 1) % TIMED_CONNECTIONS
    timer_set(worker, connection, IDLE_SECONDS)
    return connection.timer_tick != 0


def set_and_expire(state):
    """Timers of all connections are set, and the time comes; returns for how many it did."""
    relays = cast(pointer(RelayState), state)
    worker = address(relays.first.worker)
    slot = declare(uint32_t)
    for slot in range(cast(uint32_t, TIMED_CONNECTIONS)):
        timer_set(worker, slab_at(address(worker.connections), slot), IDLE_SECONDS)
    worker.now_ns += (IDLE_SECONDS + 1) * NS
    budget = declare(uint32_t, 4 * TIMED_CONNECTIONS)
    expired = declare(uint64_t, 0)
    while timers_expired(worker, address(budget)) != NULL:
        expired += 1
    return expired


def relayed(messages: list, workers: int):
    loop = RelayLoop()
    loop.take(messages)
    loop.start(workers)
    loop.connect()
    loop.call = relay_next
    return loop


def exchanges(join: bytes, offers_and_answers: list, workers: int):
    loop = RelayLoop()
    loop.take([*offers_and_answers, join])
    loop.start(workers)
    loop.connect()
    pieces = address(loop.pieces)
    pieces.next = pieces.count - 1
    speak(loop.relays, loop.relays.receiver)
    pieces.count -= 1
    loop.call = exchange_next
    return loop


def timers(expire: bool):
    loop = RelayLoop()
    loop.start(1)
    for _ in range(cast(int, TIMED_CONNECTIONS)):
        open_socket(loop.relays.first)
    loop.call = set_later
    if expire:
        loop.call = set_and_expire
        loop.operations = TIMED_CONNECTIONS
    return loop


class ProxyLoop:
    def __cinit__(self):
        self.proxy.pieces = address(self.pieces)
        self.state = address(self.proxy)
        self.call = decode_next_header


def decode_next_header(state):
    proxy = cast(pointer(ProxyState), state)
    piece = next_piece(proxy.pieces)
    verdict = proxy_decode(proxy.pieces.at[piece], proxy.pieces.lengths[piece], address(proxy.header))
    return proxy.header.length if verdict == PROXY_COMPLETE else 0


def proxy_headers(headers: list):
    loop = ProxyLoop()
    loop.take(headers)
    return loop
