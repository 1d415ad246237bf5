"""What happens to a connection: it receives, is served, sends, lingers, expires, closes.

After a call that may close it, a connection is not touched again.
"""

from cython import NULL, address, bint, cast, declare, pointer
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
    CLOSED_ADDRESS_LIMIT,
    CLOSED_AT_END,
    CLOSED_BY_ANSWER,
    CLOSED_BY_ERROR,
    CLOSED_BY_PEER,
    CLOSED_HANDSHAKE_TIME,
    CLOSED_HEADER_TIME,
    CLOSED_IDLE_TIME,
    CLOSED_NO_MEMORY,
    CLOSED_OUTPUT_FULL,
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
from cython.cimports.aquatic.dataplane.stream.outbox import outbox_add, outbox_remove
from cython.cimports.aquatic.dataplane.stream.protocol import (
    protocol_end,
    protocol_look,
    protocol_of,
    protocol_serve,
    protocol_switch,
)
from cython.cimports.aquatic.dataplane.stream.slab import (
    append_output,
    arena_at,
    connection_name,
    drop_output,
    keep_input,
    slab_find,
    slab_give,
    take_input,
    waiting_bytes,
)
from cython.cimports.aquatic.dataplane.stream.timers import timer_set, timer_unlink
from cython.cimports.aquatic.dataplane.stream.tls import tls_free, tls_has_pending, tls_say_goodbye
from cython.cimports.libc.errno import EAGAIN, EPROTO
from cython.cimports.libc.stdint import UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t


def connection_event(worker, connection):
    """Something has happened at the socket: what, the next system call on it will tell."""
    if connection.phase == PHASE_SENDING:
        connection_flush(worker, connection)
    elif connection.phase == PHASE_LINGERING:
        linger(worker, connection)
    else:
        receive(worker, connection)


def connection_expire(worker, connection):
    """The time for what it waits for is over."""
    if connection.phase == PHASE_HEADER:
        take_leave(worker, connection, CLOSED_HEADER_TIME)
    elif connection.phase == PHASE_IDLE:
        take_leave(worker, connection, CLOSED_IDLE_TIME)
    elif connection.phase == PHASE_SENDING:
        connection_close(worker, connection, CLOSED_OUTPUT_TIME)
    elif connection.phase == PHASE_LINGERING:
        connection_close(worker, connection, CLOSED_BY_ANSWER)
    else:
        connection_close(worker, connection, CLOSED_HANDSHAKE_TIME)


def connection_look(worker, connection):
    """Let the protocol do what time asks for, on a connection that has no timer now."""
    exchange = address(worker.exchange)
    protocol_look(worker, connection, False)
    if exchange.closes:
        protocol_end(worker, connection, END_LINGERING)
    if send_answer(worker, connection) == OUTPUT_SENT and exchange.closes:
        finish(worker, connection)


def connection_dismiss(worker, connection):
    """The tracker ends. Who is being sent something has its time."""
    if connection.phase == PHASE_HEADER or connection.phase == PHASE_IDLE:
        take_leave(worker, connection, CLOSED_AT_END)
    elif connection.phase != PHASE_SENDING:
        connection_close(worker, connection, CLOSED_AT_END)


def take_leave(worker, connection, cause):
    """Close an open connection, with last words if its protocol has any; they close it where they have to wait."""
    if protocol_of(worker, connection).look != NULL:
        protocol_look(worker, connection, True)
        protocol_end(worker, connection, END_AT_ONCE)
        if send_answer(worker, connection) != OUTPUT_SENT:
            return
        end_our_side(worker, connection)
    connection_close(worker, connection, cause)


def connection_close(worker, connection, cause):
    if connection.phase == PHASE_HEADER or connection.phase == PHASE_IDLE:
        if cause != CLOSED_BY_ERROR and cause != CLOSED_TLS:
            tls_say_goodbye(worker, connection)
    note(worker, connection, cause, 1)
    note(worker, connection, CONNECTIONS_ACTIVE, UINT64_MAX)  # one less
    let_go(worker, connection)


def let_go(worker, connection):
    """Give back everything that a connection holds. Events of it that are still to come name nobody."""
    protocol_end(worker, connection, END_AT_ONCE)
    outbox_remove(worker, connection)
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
    room = declare(uint32_t, protocol_of(worker, connection).limits.request_bytes_max - kept)
    received = declare(int64_t, channel_receive(worker, connection, address(worker.input[kept]), room))
    if received > 0:
        if connection.events != EPOLLIN and not watch_events(worker, connection, EPOLLIN):
            connection_close(worker, connection, CLOSED_NO_MEMORY)
            return False
        serve(worker, connection, kept + cast(uint32_t, received))
        return True
    if received == -EAGAIN:
        if connection.tls != NULL and not watch_events(worker, connection, worker.tls.events):
            connection_close(worker, connection, CLOSED_NO_MEMORY)
            return False
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
        protocol = protocol_of(worker, connection)
        bytes_max = declare(uint32_t, protocol.limits.request_bytes_max)
        protocol_serve(worker, connection, offset, length)
        offset += exchange.used
        if exchange.closes:
            # With unread input the kernel would answer by a reset, which may overtake our last words.
            unread = declare(bint, offset < length or length == bytes_max)
            protocol_end(worker, connection, END_LINGERING if unread else END_AT_ONCE)
        if exchange.switches and not protocol_switch(worker, connection):
            connection_close(worker, connection, CLOSED_ADDRESS_LIMIT)
            return
        outcome = send_answer(worker, connection)
        if outcome == OUTPUT_FAILED:
            return
        if worker.measures_latency:
            note_latency(worker, protocol.first_latency, start_ns)
        if outcome == OUTPUT_WAITS:
            keep_for_later(worker, connection, offset, length)
            return
        if exchange.closes:
            finish(worker, connection)
            return
        if has_answered(exchange):
            connection.phase = PHASE_IDLE
            timer_set(worker, connection, protocol_of(worker, connection).limits.idle_seconds_max)
        if not exchange.switches and not (exchange.needs_room and exchange.written):
            break
    keep_rest(worker, connection, offset, length)


def has_answered(exchange):
    kind = declare(uint32_t)
    for kind in range(cast(uint32_t, ANSWER_KINDS)):
        if exchange.answered[kind]:
            return True
    return False


def note_latency(worker, first, start_ns):
    elapsed_ns = declare(uint64_t, worker.backend.clock(worker.backend.state) - start_ns)
    kind = declare(uint32_t)
    for kind in range(cast(uint32_t, ANSWER_KINDS)):
        if worker.exchange.answered[kind]:
            buckets = address(worker.counters.latency[first + kind][0])
            bump(address(buckets[bucket_of(elapsed_ns)]), worker.exchange.answered[kind])


def keep_for_later(worker, connection, offset, length):
    """The rest is served when the kernel has taken the answers to what came before."""
    if not worker.exchange.closes and not keep_input(
        address(worker.connections), connection, address(worker.input[offset]), length - offset
    ):
        connection_close(worker, connection, CLOSED_NO_MEMORY)


def keep_rest(worker, connection, offset, length):
    """Wait for the rest of a request of which a part is there. Only whole requests make time for more."""
    rest = declare(uint32_t, length - offset)
    limits = address(protocol_of(worker, connection).limits)
    if rest >= limits.request_bytes_max:
        connection_close(worker, connection, CLOSED_REQUEST_TOO_LONG)
    elif not keep_input(address(worker.connections), connection, address(worker.input[offset]), rest):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
    elif rest and connection.phase == PHASE_IDLE:
        connection.phase = PHASE_HEADER
        timer_set(worker, connection, limits.header_seconds_max)


def send_answer(worker, connection):
    """Send what the protocol has written, at once unless something waits before it."""
    if connection.output:
        return queue_answer(worker, connection)
    length = worker.exchange.written
    if not length:
        return OUTPUT_SENT
    # With the end of our side to follow, it leaves in one packet with that.
    sent = declare(int64_t, channel_send(worker, connection, worker.output, length, worker.exchange.closes))
    if sent == length:
        return OUTPUT_SENT
    if sent < 0 and sent != -EAGAIN:
        connection_close(worker, connection, error_cause(sent))
        return OUTPUT_FAILED
    done = declare(uint32_t, cast(uint32_t, sent) if sent > 0 else 0)
    if not append_output(
        address(worker.connections), connection, address(worker.output[done]), length - done
    ) or not watch_sending(worker, connection):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
        return OUTPUT_FAILED
    start_sending(worker, connection)
    return OUTPUT_WAITS


def watch_sending(worker, connection):
    """Wait until what is left can be sent; TLS may have to read before. False without memory."""
    return watch_events(worker, connection, EPOLLOUT if connection.tls == NULL else worker.tls.events)


def queue_answer(worker, connection):
    """What was relayed to the connection in this turn leaves at its end, and this behind it."""
    exchange = address(worker.exchange)
    if exchange.written and not append_output(
        address(worker.connections), connection, worker.output, exchange.written
    ):
        connection_close(worker, connection, CLOSED_OUTPUT_FULL)
        return OUTPUT_FAILED
    if connection.phase == PHASE_SENDING:
        return OUTPUT_WAITS
    outbox_add(worker, connection)
    if not exchange.closes and not exchange.needs_room:
        return OUTPUT_SENT
    start_sending(worker, connection)
    return OUTPUT_WAITS


def start_sending(worker, connection):
    """Read nothing until all has been sent; what waits now has a time limit."""
    connection.phase = PHASE_SENDING
    connection.output_due = waiting_bytes(connection)
    timer_set(worker, connection, protocol_of(worker, connection).limits.output_seconds_max)


def connection_flush(worker, connection):
    """Go on sending; when all is sent, go on with what was received before."""
    slab = address(worker.connections)
    output = cast(pointer(uint8_t), arena_at(address(slab.arena), connection.output))
    length = declare(uint32_t, waiting_bytes(connection))
    sent = declare(int64_t, channel_send(worker, connection, output + connection.output_sent, length, False))
    if sent < 0 and sent != -EAGAIN:
        connection_close(worker, connection, error_cause(sent))
        return
    if sent < length:
        wait_on(worker, connection, cast(uint32_t, sent) if sent > 0 else 0)
        return
    drop_output(slab, connection)
    if connection.phase == PHASE_SENDING:
        resume(worker, connection)


def wait_on(worker, connection, sent):
    """The kernel has taken so much and no more. The time limit is for what waited when it began."""
    connection.output_sent += sent
    if not watch_sending(worker, connection):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
    elif connection.phase != PHASE_SENDING or sent >= connection.output_due:
        start_sending(worker, connection)
    else:
        connection.output_due -= sent


def resume(worker, connection):
    """Everything is sent: end, or go on with what was received before."""
    slab = address(worker.connections)
    if connection.end != END_NOT_YET:
        finish(worker, connection)
        return
    if not watch_events(worker, connection, EPOLLIN):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
        return
    connection.phase = PHASE_IDLE
    timer_set(worker, connection, protocol_of(worker, connection).limits.idle_seconds_max)
    name = connection_name(slab, connection)
    kept = declare(uint32_t, take_input(slab, connection, worker.input))
    if kept:
        serve(worker, connection, kept)
        connection = slab_find(slab, name)
    if connection != NULL and connection.phase < PHASE_SENDING and tls_has_pending(connection):
        receive(worker, connection)


def finish(worker, connection):
    """Everything is said: end our side, and close when nothing can be lost by that."""
    end_our_side(worker, connection)
    if connection.end == END_AT_ONCE or not watch_events(worker, connection, EPOLLIN):
        connection_close(worker, connection, CLOSED_BY_ANSWER)
        return
    timer_set(worker, connection, worker.limits.linger_seconds_max)


def end_our_side(worker, connection):
    """What was sent last leaves with it. Closing alone would lose that if input had come that nobody read."""
    tls_say_goodbye(worker, connection)
    worker.backend.shut_down(worker.backend.state, connection.socket)
    connection.phase = PHASE_LINGERING


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
