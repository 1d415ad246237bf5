"""The loop of a stream worker: wait, accept, serve, expire, clean. The same for every backend and protocol."""

from cython import NULL, address, bint, cast, declare, pointer
from cython.cimports.aquatic.abi.atomics import load_u32, memory_order_relaxed
from cython.cimports.aquatic.abi.connection import EVENTS_MAX, PHASE_HANDSHAKE, Connection
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.stream_backend import WAKE_DATA
from cython.cimports.aquatic.abi.stream_counters import CLOSED_AT_END, STREAM_WAITS
from cython.cimports.aquatic.abi.threads import dprintf, exit_now, strerror
from cython.cimports.aquatic.dataplane.stream.accept import accept_batch, watch_listeners
from cython.cimports.aquatic.dataplane.stream.address_limits import (
    addresses_end,
    addresses_give_back,
    addresses_init,
)
from cython.cimports.aquatic.dataplane.stream.connection import (
    connection_close,
    connection_dismiss,
    connection_event,
    connection_expire,
    connection_flush,
    connection_look,
)
from cython.cimports.aquatic.dataplane.stream.inbox import (
    inbox_end,
    inbox_init,
    inbox_set_open,
    inbox_trim,
)
from cython.cimports.aquatic.dataplane.stream.opening import opening_event
from cython.cimports.aquatic.dataplane.stream.outbox import (
    outbox_collect,
    outbox_end,
    outbox_init,
    outbox_take,
)
from cython.cimports.aquatic.dataplane.stream.slab import slab_at, slab_end, slab_find, slab_init
from cython.cimports.aquatic.dataplane.stream.timers import timer_is_over, timers_expired, timers_init
from cython.cimports.aquatic.dataplane.stream.tls import tls_end, tls_free, tls_init, tls_trim
from cython.cimports.aquatic.dataplane.swarm.arena import arena_cool
from cython.cimports.aquatic.dataplane.swarm.upkeep import upkeep_clock, upkeep_turn
from cython.cimports.libc.stdint import uint32_t, uint64_t

# Timers looked at before connections have their turn again.
TIMERS_A_TURN_MAX = declare(uint32_t, 1024)
# What a look at a connection counts for among them, at least as much as a request.
LOOK_COST = declare(uint32_t, 15)
# A handshake costs as much as hundreds of requests.
HANDSHAKES_A_TURN_MAX = declare(uint32_t, 8)
NS_PER_SECOND = declare(uint64_t, 1_000_000_000)
# What the kernel has not taken by then is lost at the end.
END_NS_MAX = declare(uint64_t, 1_000_000_000)
END_WAIT_MS = declare(int, 20)


def stream_worker_init(worker, key_low, key_high):
    """Take the addresses for connections, whose limits are set; the key is a secret. False without memory."""
    worker.connections.slots = NULL
    worker.addresses.uses = NULL
    worker.outbox.slots = NULL
    worker.inbox.halves = NULL
    worker.tls.method = NULL
    return (
        slab_init(address(worker.connections), worker.limits.connections_max, worker.limits.memory_bytes_max)
        and addresses_init(address(worker.addresses), worker.limits.connections_max, key_low, key_high)
        and outbox_init(address(worker.outbox), worker.limits.connections_max)
        and inbox_init(address(worker.inbox), worker.limits.inbox_bytes_max)
        and tls_init(worker)
    )


def stream_worker_end(worker):
    """Give everything back but sockets, trusted networks and backend, which belong to who set them."""
    slot = declare(uint32_t)
    for slot in range(worker.connections.slots_fresh):
        if worker.connections.slots[slot].generation:
            tls_free(worker, slab_at(address(worker.connections), slot))
    tls_end(worker)
    inbox_end(address(worker.inbox))
    outbox_end(address(worker.outbox))
    addresses_end(address(worker.addresses))
    slab_end(address(worker.connections))


def stream_worker_run(worker):
    """Turn until told to stop. A worker that cannot go on ends the process: there is no half of a tracker."""
    if not stream_worker_start(worker):
        die(worker)
    while not load_u32(address(worker.upkeep.stopping), memory_order_relaxed):
        if not stream_worker_turn(worker):
            die(worker)
    if not stream_worker_drain(worker):
        die(worker)


def stream_worker_start(worker):
    """Begin to listen; False if that can't be."""
    worker.now_ns = worker.backend.clock(worker.backend.state)
    timers_init(address(worker.timers), worker.now_ns)
    inbox_set_open(address(worker.inbox), True)
    return watch_listeners(worker, True)


def stream_worker_turn(worker):
    """One turn of the loop; False if it cannot go on."""
    timeout_ms = declare(int, 0 if worker.upkeep.is_behind else worker.poll_timeout_ms)
    if wait_and_handle(worker, timeout_ms) < 0:
        return False
    if (
        worker.accepts_again_ns
        and worker.now_ns >= worker.accepts_again_ns
        and not watch_listeners(worker, False)
    ):
        return False
    if worker.second != worker.gave_back_second:
        give_back(worker)
    timers_are_behind = declare(bint, expire_due(worker))
    flush_outbox(worker)
    upkeep_turn(address(worker.upkeep), worker.backend.clock(worker.backend.state))
    worker.upkeep.is_behind |= timers_are_behind or worker.has_messages_left
    return True


def wait_and_handle(worker, timeout_ms):
    """Wait for events and handle them; returns how many there were, or a negative number if it cannot go on."""
    backend = address(worker.backend)
    count = declare(int, backend.wait(backend.state, worker.events, EVENTS_MAX, timeout_ms))
    if count < 0:
        worker.error_number = -count
        worker.error_step = b"waiting for events (epoll_wait)"
        return count
    bump(address(worker.counters.values[0][STREAM_WAITS]), 1)
    worker.now_ns = backend.clock(backend.state)
    worker.second = cast(uint32_t, worker.now_ns // NS_PER_SECOND)
    upkeep_clock(address(worker.upkeep), worker.now_ns)
    worker.tls.handshakes_left = HANDSHAKES_A_TURN_MAX
    index = declare(int)
    for index in range(count):
        if not handle_event(worker, address(worker.events[index])):
            return -1
    worker.has_messages_left = outbox_collect(worker)
    flush_outbox(worker)
    if not count:
        inbox_trim(address(worker.inbox))
    return count


def give_back(worker):
    """Once a second, the memory that nothing has needed for as long."""
    worker.gave_back_second = worker.second
    arena_cool(address(worker.connections.arena))
    addresses_give_back(address(worker.addresses), worker.now_ns)
    tls_trim(worker)


def flush_outbox(worker):
    """Send what the protocols of others had to say to connections; all of it is on its way after that."""
    while True:
        connection = declare(pointer(Connection), outbox_take(worker))
        if connection == NULL:
            return
        # It may have been sent in the meantime.
        if connection.output:
            connection_flush(worker, connection)


def handle_event(worker, event):
    """An event names a listener (generation 0), the inbox, or a connection, which an earlier event may have closed."""
    name = event.data.u64
    if name == WAKE_DATA:
        worker.inbox.is_called = True
        return True
    if name < worker.listener_count:
        return accept_batch(worker, cast(uint32_t, name))
    connection = slab_find(address(worker.connections), name)
    if connection == NULL:
        return True
    if connection.phase <= PHASE_HANDSHAKE:
        opening_event(worker, connection)
    else:
        connection_event(worker, connection)
    return True


def expire_due(worker):
    """See to connections whose time has come; True if some are left for the next turn."""
    budget = declare(uint32_t, TIMERS_A_TURN_MAX)
    while True:
        connection = declare(pointer(Connection), timers_expired(worker, address(budget)))
        if connection == NULL:
            return budget == 0
        if timer_is_over(worker, connection):
            connection_expire(worker, connection)
        else:
            connection_look(worker, connection)
            budget -= min(budget, LOOK_COST)


def stream_worker_drain(worker):
    """Answer what was received, send what is to be sent, close; False if the worker cannot go on."""
    until_ns = declare(uint64_t, worker.now_ns + END_NS_MAX)
    inbox_set_open(address(worker.inbox), False)
    # The kernel lets ready sockets take turns, so after so many rounds each has been read once.
    rounds = declare(uint32_t, 2 + worker.connections.active // EVENTS_MAX)
    while rounds and worker.now_ns < until_ns:
        count = declare(int, wait_and_handle(worker, 0))
        if count < 0:
            return False
        if not worker.has_messages_left:
            rounds = rounds - 1 if count else 0
    close_all(worker, True)
    while worker.connections.active and worker.now_ns < until_ns:
        if wait_and_handle(worker, END_WAIT_MS) < 0:
            return False
        close_all(worker, True)
    close_all(worker, False)
    return True


def close_all(worker, spares_sending):
    slot = declare(uint32_t)
    for slot in range(worker.connections.slots_fresh):
        if worker.connections.slots[slot].generation:
            connection = slab_at(address(worker.connections), slot)
            if spares_sending:
                connection_dismiss(worker, connection)
            else:
                connection_close(worker, connection, CLOSED_AT_END)


def die(worker):
    """End the process at once, saying why. The interpreter is not needed: it may be what is stuck."""
    dprintf(
        2,
        b"Error: stream worker %u failed while %s: %s\n",
        worker.index,
        worker.error_step,
        strerror(worker.error_number),
    )
    exit_now(1)
