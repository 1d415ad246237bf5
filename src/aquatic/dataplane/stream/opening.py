"""What comes before the first request: who the client is, and whether it may have one more connection."""

from cython import NULL, address, cast, declare
from cython.cimports.aquatic.abi.atomics import load_pointer, memory_order_acquire
from cython.cimports.aquatic.abi.connection import PHASE_HANDSHAKE, PHASE_PROXY_HEADER
from cython.cimports.aquatic.abi.sockets import EPOLLIN
from cython.cimports.aquatic.abi.stream_counters import (
    CLOSED_ADDRESS_LIMIT,
    CLOSED_BY_ERROR,
    CLOSED_BY_PEER,
    CLOSED_NO_MEMORY,
    CLOSED_PROXY_HEADER,
    CONNECTIONS_ACCEPTED,
    REFUSED_NO_MEMORY,
    STREAM_BYTES_RECEIVED,
    TLS_HANDSHAKES,
    TLS_RESUMPTIONS,
)
from cython.cimports.aquatic.dataplane.stream.admission import admit
from cython.cimports.aquatic.dataplane.stream.channel import watch_events
from cython.cimports.aquatic.dataplane.stream.connection import connection_close, error_cause, receive
from cython.cimports.aquatic.dataplane.stream.networks import is_trusted
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.aquatic.dataplane.stream.protocol import protocol_begin
from cython.cimports.aquatic.dataplane.stream.proxy_header import (
    PROXY_BAD,
    PROXY_HEADER_BYTES_MAX,
    PROXY_PARTIAL,
    ProxyHeader,
    proxy_decode,
)
from cython.cimports.aquatic.dataplane.stream.slab import keep_input, take_input
from cython.cimports.aquatic.dataplane.stream.timers import timer_set
from cython.cimports.aquatic.dataplane.stream.tls import (
    tls_has_pending,
    tls_is_resumed,
    tls_shake_hands,
    tls_start,
)
from cython.cimports.libc.errno import EAGAIN
from cython.cimports.libc.stdint import int64_t, uint32_t


def open_connection(worker, connection):
    """Begin with a connection; returns CONNECTIONS_ACCEPTED, or why it is refused, to be counted."""
    listener = address(worker.listeners[connection.listener])
    timer_set(worker, connection, worker.limits.handshake_seconds_max)
    if not watch_events(worker, connection, EPOLLIN):
        return REFUSED_NO_MEMORY
    if listener.has_proxy_protocol and is_trusted(listener.trusted, address(connection.source)):
        connection.phase = PHASE_PROXY_HEADER
        return CONNECTIONS_ACCEPTED
    outcome = declare(uint32_t, admit(worker, connection))
    if outcome == CONNECTIONS_ACCEPTED and not begin(worker, connection):
        return REFUSED_NO_MEMORY
    return outcome


def begin(worker, connection):
    """The client's own bytes are next: a handshake or a request. False without memory."""
    context = load_pointer(address(worker.listeners[connection.listener].tls_context), memory_order_acquire)
    if context != NULL:
        connection.phase = PHASE_HANDSHAKE
        return tls_start(worker, connection, context)
    protocol_begin(worker, connection)
    return True


def opening_event(worker, connection):
    """Something has happened at the socket of a connection that is not open yet."""
    if connection.phase == PHASE_PROXY_HEADER:
        read_proxy_header(worker, connection)
    elif worker.tls.handshakes_left:
        worker.tls.handshakes_left -= 1
        shake_hands(worker, connection)
    # Otherwise the event comes again in the next turn: a flood of handshakes costs others no more than that.


def shake_hands(worker, connection):
    """Go on with the handshake; the first request may have come with its end."""
    worker.tls.receives_left = 1
    result = declare(int64_t, tls_shake_hands(worker, connection))
    if result == -EAGAIN and watch_events(worker, connection, worker.tls.events):
        return
    if result <= 0 or not watch_events(worker, connection, EPOLLIN):
        connection_close(worker, connection, CLOSED_BY_PEER if result == 0 else error_cause(result))
        return
    note(worker, connection, TLS_HANDSHAKES, 1)
    note(worker, connection, TLS_RESUMPTIONS, tls_is_resumed(connection))
    protocol_begin(worker, connection)
    if tls_has_pending(connection):
        receive(worker, connection)


def read_proxy_header(worker, connection):
    """Look at what has come before taking it: bytes behind the header may be TLS's."""
    kept = declare(uint32_t, take_input(address(worker.connections), connection, worker.input))
    peeked = declare(
        int64_t,
        worker.backend.receive(
            worker.backend.state,
            connection.socket,
            address(worker.input[kept]),
            PROXY_HEADER_BYTES_MAX - kept,
            True,
        ),
    )
    header = declare(ProxyHeader)
    if peeked <= 0 and peeked != -EAGAIN:
        connection_close(worker, connection, CLOSED_BY_ERROR if peeked else CLOSED_BY_PEER)
        return
    length = declare(uint32_t, kept + cast(uint32_t, peeked if peeked > 0 else 0))
    verdict = proxy_decode(worker.input, length, address(header))
    if verdict == PROXY_BAD:
        connection_close(worker, connection, CLOSED_PROXY_HEADER)
        return
    wanted = declare(uint32_t, (length if verdict == PROXY_PARTIAL else header.length) - kept)
    if wanted and wanted != worker.backend.receive(
        worker.backend.state, connection.socket, address(worker.input[kept]), wanted, False
    ):
        connection_close(worker, connection, CLOSED_BY_ERROR)
        return
    note(worker, connection, STREAM_BYTES_RECEIVED, wanted)
    if verdict != PROXY_PARTIAL:
        take_proxy_header(worker, connection, address(header))
    elif not keep_input(address(worker.connections), connection, worker.input, length):
        connection_close(worker, connection, CLOSED_NO_MEMORY)


def take_proxy_header(worker, connection, header):
    """From now on the client is who the proxy says."""
    if header.has_source:
        connection.source = header.source
        if admit(worker, connection) != CONNECTIONS_ACCEPTED:
            connection_close(worker, connection, CLOSED_ADDRESS_LIMIT)
            return
    if not begin(worker, connection):
        connection_close(worker, connection, CLOSED_NO_MEMORY)
