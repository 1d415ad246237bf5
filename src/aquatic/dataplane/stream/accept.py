"""New connections: accepted in small batches, each admitted or closed at once."""

from cython import NULL, address, bint, cast, declare
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.datagram import Source
from cython.cimports.aquatic.abi.sockets import EPOLLIN
from cython.cimports.aquatic.abi.stream_counters import (
    ACCEPT_ERRORS,
    ACCEPT_PAUSES,
    CONNECTIONS_ACCEPTED,
    CONNECTIONS_ACTIVE,
    REFUSED_NO_MEMORY,
    REFUSED_WORKER_FULL,
)
from cython.cimports.aquatic.dataplane.stream.connection import let_go
from cython.cimports.aquatic.dataplane.stream.newcomer import make_room
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.aquatic.dataplane.stream.opening import open_connection
from cython.cimports.aquatic.dataplane.stream.slab import slab_take
from cython.cimports.libc.errno import (
    EAGAIN,
    EBADF,
    EFAULT,
    EINVAL,
    EMFILE,
    ENFILE,
    ENOBUFS,
    ENOMEM,
    ENOTSOCK,
)
from cython.cimports.libc.stdint import uint32_t, uint64_t

# From one listener before others have their turn.
ACCEPTS_A_TURN_MAX = declare(uint32_t, 64)
PAUSE_NS = declare(uint64_t, 100_000_000)


def accept_batch(worker, listener):
    """Accept what is waiting at a listener, up to a turn's share; False if the listener is broken."""
    source = declare(Source)
    round = declare(uint32_t)
    for round in range(ACCEPTS_A_TURN_MAX):
        socket = declare(
            int,
            worker.backend.accept(worker.backend.state, worker.listeners[listener].socket, address(source)),
        )
        if socket >= 0:
            take_up(worker, listener, socket, address(source))
        elif socket == -EAGAIN or worker.accepts_again_ns:
            return True
        elif not accept_failed(worker, -socket):
            return False
    return True


def accept_failed(worker, error_number):
    """What an error of accept means; False if it is of ourselves."""
    if error_number == EBADF or error_number == ENOTSOCK or error_number == EFAULT or error_number == EINVAL:
        worker.error_number = error_number
        worker.error_step = b"accepting connections (accept4)"
        return False
    if error_number == EMFILE or error_number == ENFILE or error_number == ENOBUFS or error_number == ENOMEM:
        pause_accepting(worker)
    else:
        # Of this one connection, which has ended already (accept(2): as with EAGAIN, but there may be others).
        bump(address(worker.counters.values[0][ACCEPT_ERRORS]), 1)
    return True


def pause_accepting(worker):
    """Without a descriptor the event of a listener would come again at once: look away for a moment.

    Who wants to connect waits in the listener's queue meanwhile.
    """
    bump(address(worker.counters.values[0][ACCEPT_PAUSES]), 1)
    index = declare(uint32_t)
    for index in range(worker.listener_count):
        worker.backend.watch(worker.backend.state, worker.listeners[index].socket, index, 0, False)
    worker.accepts_again_ns = worker.now_ns + PAUSE_NS


def watch_listeners(worker, is_new):
    """Accept from now on (again); False, with the step that failed."""
    worker.accepts_again_ns = 0
    index = declare(uint32_t)
    for index in range(worker.listener_count):
        result = declare(
            int,
            worker.backend.watch(
                worker.backend.state, worker.listeners[index].socket, index, EPOLLIN, is_new
            ),
        )
        if result < 0:
            worker.error_number = -result
            worker.error_step = b"listening (epoll_ctl)"
            return False
    return True


def take_up(worker, listener, socket, source):
    """Make a connection of an accepted socket, or refuse it by closing."""
    is_full = declare(bint, worker.connections.active >= worker.limits.connections_max)
    if is_full and not make_room(worker, listener, source):
        bump(address(worker.counters.values[source.family][REFUSED_WORKER_FULL]), 1)
        worker.backend.close(worker.backend.state, socket)
        return
    connection = slab_take(address(worker.connections))
    if connection == NULL:
        bump(address(worker.counters.values[source.family][REFUSED_NO_MEMORY]), 1)
        worker.backend.close(worker.backend.state, socket)
        return
    connection.source = source[0]
    connection.family = source.family
    connection.socket = socket
    connection.listener = cast(uint32_t, listener)
    outcome = declare(uint32_t, open_connection(worker, connection))
    note(worker, connection, outcome, 1)
    if outcome == CONNECTIONS_ACCEPTED:
        note(worker, connection, CONNECTIONS_ACTIVE, 1)
    else:
        let_go(worker, connection)
