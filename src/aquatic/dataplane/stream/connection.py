"""What happens to a connection: it receives, is served, sends, lingers, expires, closes.

After a call that may close it, a connection is not touched again.
"""

from cython import NULL, address, bint, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.connection import (
    END_AT_ONCE,
    END_LINGERING,
    END_NOT_YET,
    PHASE_HEADER,
    PHASE_IDLE,
    PHASE_LINGERING,
    PHASE_SENDING,
    REQUEST_BYTES_LIMIT,
)
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.histogram import bucket_of
from cython.cimports.aquatic.abi.sockets import EPOLLIN, EPOLLOUT
from cython.cimports.aquatic.abi.stream import ANSWER_KINDS
from cython.cimports.aquatic.abi.stream_counters import (
    CLOSED_BY_ANSWER,
    CLOSED_BY_ERROR,
    CLOSED_BY_PEER,
    CLOSED_HANDSHAKE_TIME,
    CLOSED_HEADER_TIME,
    CLOSED_IDLE_TIME,
    CLOSED_NO_MEMORY,
    CLOSED_OUTPUT_TIME,
    CLOSED_REQUEST_TOO_LONG,
    CLOSED_TLS,
    CONNECTIONS_ACTIVE,
)
from cython.cimports.aquatic.dataplane.stream.address_limits import address_release
from cython.cimports.aquatic.dataplane.stream.channel import (
    channel_receive,
    channel_send,
    watch_events,
)
from cython.cimports.aquatic.dataplane.stream.connection import OUTPUT_FAILED, OUTPUT_SENT, OUTPUT_WAITS
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.aquatic.dataplane.stream.slab import (
    arena_at,
    connection_name,
    drop_output,
    keep_input,
    keep_output,
    slab_find,
    slab_give,
    take_input,
)
from cython.cimports.aquatic.dataplane.stream.timers import timer_set, timer_unlink
from cython.cimports.aquatic.dataplane.stream.tls import tls_free, tls_has_pending, tls_say_goodbye
from cython.cimports.libc.errno import EAGAIN, EPROTO
from cython.cimports.libc.stdint import UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset


def connection_event(worker, connection):
    """Something has happened at the socket: what, the next system call on it will tell."""
    if connection.phase == PHASE_SENDING:
        flush(worker, connection)
    elif connection.phase == PHASE_LINGERING:
        linger(worker, connection)
    else:
        receive(worker, connection)


def connection_expire(worker, connection):
    """The time for what it waits for is over."""
    if connection.phase == PHASE_HEADER:
        connection_close(worker, connection, CLOSED_HEADER_TIME)
    elif connection.phase == PHASE_IDLE:
        connection_close(worker, connection, CLOSED_IDLE_TIME)
    elif connection.phase == PHASE_SENDING:
        connection_close(worker, connection, CLOSED_OUTPUT_TIME)
    elif connection.phase == PHASE_LINGERING:
        connection_close(worker, connection, CLOSED_BY_ANSWER)
    else:
        connection_close(worker, connection, CLOSED_HANDSHAKE_TIME)


def connection_close(worker, connection, cause):
    if connection.phase == PHASE_HEADER or connection.phase == PHASE_IDLE:
        if cause != CLOSED_BY_ERROR and cause != CLOSED_TLS:
            tls_say_goodbye(worker, connection)
    note(worker, connection, cause, 1)
    note(worker, connection, CONNECTIONS_ACTIVE, UINT64_MAX)  # one less
    let_go(worker, connection)


def let_go(worker, connection):
    """Give back everything that a connection holds. Events of it that are still to come name nobody."""
    timer_unlink(address(worker.connections), address(worker.timers), connection)
    if connection.is_counted:
        address_release(address(worker.addresses), address(connection.source))
    tls_free(worker, connection)
    worker.backend.close(worker.backend.state, connection.socket)
    slab_give(address(worker.connections), connection)


def receive(worker, connection):
    """One read, so that a peer that sends without end takes turns with the others, and what follows from it.

    Of TLS, one read of the socket may hold several records, which no event will tell of.
    """
    name = connection_name(address(worker.connections), connection)
    worker.tls.receives_left = 1
    receive_once(worker, connection)
    while True:
        connection = slab_find(address(worker.connections), name)
        if connection == NULL or not tls_has_pending(connection):
            return
        if connection.phase != PHASE_HEADER and connection.phase != PHASE_IDLE:
            return
        if not receive_once(worker, connection):
            return


def receive_once(worker, connection):
    """Receive and serve; False when nothing has come."""
    kept = declare(uint32_t, take_input(address(worker.connections), connection, worker.input))
    room = declare(uint32_t, worker.limits.request_bytes_max - kept)
    received = declare(int64_t, channel_receive(worker, connection, address(worker.input[kept]), room))
    if received > 0:
        serve(worker, connection, kept + cast(uint32_t, received))
        return True
    if received == -EAGAIN:
        keep_rest(worker, connection, 0, kept)
    elif received == 0:
        connection_close(worker, connection, CLOSED_BY_PEER)
    else:
        connection_close(worker, connection, error_cause(received))
    return False


def error_cause(error):
    """A fault of the socket, or of what came through it."""
    return CLOSED_TLS if error == -EPROTO else CLOSED_BY_ERROR


def serve(worker, connection, length):
    """Let the protocol answer what has been received: `length` bytes of the worker's input."""
    exchange = address(worker.exchange)
    offset = declare(uint32_t, 0)
    start_ns = declare(uint64_t, worker.backend.clock(worker.backend.state) if worker.measures_latency else 0)
    while True:
        ask(worker, connection, offset, length)
        offset += exchange.used
        if exchange.closes:
            # With unread input the kernel would answer by a reset, which may overtake our last words.
            unread = declare(bint, offset < length or length == worker.limits.request_bytes_max)
            connection.end = END_LINGERING if unread else END_AT_ONCE
        outcome = send_output(worker, connection) if exchange.written else OUTPUT_SENT
        if outcome == OUTPUT_FAILED:
            return
        if worker.measures_latency:
            note_latency(worker, start_ns)
        if outcome == OUTPUT_WAITS:
            # The rest is served when the kernel has taken this.
            if not exchange.closes and not keep_input(
                address(worker.connections), connection, address(worker.input[offset]), length - offset
            ):
                connection_close(worker, connection, CLOSED_NO_MEMORY)
            return
        if exchange.closes:
            finish(worker, connection)
            return
        if has_answered(exchange):
            connection.phase = PHASE_IDLE
            timer_set(worker, connection, worker.limits.idle_seconds_max)
        if not exchange.needs_room or not exchange.written:
            break
    keep_rest(worker, connection, offset, length)


def ask(worker, connection, offset, length):
    """One call of the protocol."""
    listener = address(worker.listeners[connection.listener])
    exchange = address(worker.exchange)
    memset(exchange, 0, sizeof(exchange[0]))
    exchange.source = connection.source
    exchange.is_from_proxy = connection.is_from_proxy
    exchange.tick = worker.upkeep.tick
    exchange.input = address(worker.input[offset])
    exchange.input_length = length - offset
    exchange.output = worker.output
    exchange.output_capacity = worker.limits.output_bytes_max
    listener.protocol.serve(listener.protocol.state, exchange)


def has_answered(exchange):
    kind = declare(uint32_t)
    for kind in range(cast(uint32_t, ANSWER_KINDS)):
        if exchange.answered[kind]:
            return True
    return False


def note_latency(worker, start_ns):
    elapsed_ns = declare(uint64_t, worker.backend.clock(worker.backend.state) - start_ns)
    kind = declare(uint32_t)
    for kind in range(cast(uint32_t, ANSWER_KINDS)):
        if worker.exchange.answered[kind]:
            bump(
                address(worker.counters.latency[kind][bucket_of(elapsed_ns)]), worker.exchange.answered[kind]
            )


def keep_rest(worker, connection, offset, length):
    """Wait for the rest of a request of which a part is there. Only whole requests make time for more."""
    rest = declare(uint32_t, length - offset)
    if rest == worker.limits.request_bytes_max:
        connection_close(worker, connection, CLOSED_REQUEST_TOO_LONG)
    elif not keep_input(address(worker.connections), connection, address(worker.input[offset]), rest):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
    elif rest and connection.phase == PHASE_IDLE:
        connection.phase = PHASE_HEADER
        timer_set(worker, connection, worker.limits.header_seconds_max)


def send_output(worker, connection):
    """Send what the protocol has written; what the kernel does not take is kept, and nothing read until it does."""
    length = worker.exchange.written
    sent = declare(int64_t, channel_send(worker, connection, worker.output, length))
    if sent == length:
        return OUTPUT_SENT
    if sent < 0 and sent != -EAGAIN:
        connection_close(worker, connection, error_cause(sent))
        return OUTPUT_FAILED
    done = declare(uint32_t, cast(uint32_t, sent) if sent > 0 else 0)
    if not keep_output(
        address(worker.connections), connection, address(worker.output[done]), length - done
    ) or not watch_events(worker, connection, EPOLLOUT):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
        return OUTPUT_FAILED
    connection.phase = PHASE_SENDING
    timer_set(worker, connection, worker.limits.idle_seconds_max)
    return OUTPUT_WAITS


def flush(worker, connection):
    """Go on sending; when all is sent, go on with what was received before."""
    slab = address(worker.connections)
    output = cast(pointer(uint8_t), arena_at(address(slab.arena), connection.output))
    length = declare(uint32_t, connection.output_bytes - connection.output_sent)
    sent = declare(int64_t, channel_send(worker, connection, output + connection.output_sent, length))
    if sent < 0 and sent != -EAGAIN:
        connection_close(worker, connection, error_cause(sent))
        return
    if sent < length:
        connection.output_sent += cast(uint32_t, sent) if sent > 0 else 0
        return
    drop_output(slab, connection)
    if connection.end != END_NOT_YET:
        finish(worker, connection)
        return
    if not watch_events(worker, connection, EPOLLIN):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
        return
    connection.phase = PHASE_IDLE
    timer_set(worker, connection, worker.limits.idle_seconds_max)
    name = connection_name(slab, connection)
    kept = declare(uint32_t, take_input(slab, connection, worker.input))
    if kept:
        serve(worker, connection, kept)
        connection = slab_find(slab, name)
    if connection != NULL and connection.phase != PHASE_SENDING and tls_has_pending(connection):
        receive(worker, connection)


def finish(worker, connection):
    """Everything is said: end our side, and close when nothing can be lost by that."""
    tls_say_goodbye(worker, connection)
    connection.phase = PHASE_LINGERING
    if connection.end == END_AT_ONCE or not watch_events(worker, connection, EPOLLIN):
        connection_close(worker, connection, CLOSED_BY_ANSWER)
        return
    worker.backend.shut_down(worker.backend.state, connection.socket)
    timer_set(worker, connection, worker.limits.linger_seconds_max)


def linger(worker, connection):
    """Read and drop what still comes, until the peer ends its side too or the time is over."""
    received = declare(
        int64_t,
        worker.backend.receive(
            worker.backend.state, connection.socket, worker.input, REQUEST_BYTES_LIMIT, False
        ),
    )
    if received <= 0 and received != -EAGAIN:
        connection_close(worker, connection, CLOSED_BY_ANSWER)
