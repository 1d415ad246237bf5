"""How a connection's protocol is called, and what a connection changes by that."""

from cython import NULL, address, bint, declare, sizeof
from cython.cimports.aquatic.abi.connection import END_NOT_YET, PHASE_HANDSHAKE, PHASE_HEADER
from cython.cimports.aquatic.abi.stream_counters import CONNECTIONS_ACCEPTED
from cython.cimports.aquatic.dataplane.stream.admission import admit
from cython.cimports.aquatic.dataplane.stream.protocol import protocol_of
from cython.cimports.aquatic.dataplane.stream.slab import connection_name, waiting_bytes
from cython.cimports.aquatic.dataplane.stream.timers import timer_look, timer_set
from cython.cimports.aquatic.dataplane.stream.tls import tls_is_outdated
from cython.cimports.libc.stdint import uint32_t
from cython.cimports.libc.string import memset


def protocol_begin(worker, connection):
    """The first request is next."""
    protocol = protocol_of(worker, connection)
    connection.phase = PHASE_HEADER
    if protocol.look != NULL:
        timer_look(worker, connection, protocol.look_seconds)
    timer_set(worker, connection, protocol.limits.header_seconds_max)


def fill_in(worker, connection):
    """What every call hands over."""
    exchange = address(worker.exchange)
    limits = address(protocol_of(worker, connection).limits)
    memset(exchange, 0, sizeof(exchange[0]))
    exchange.connection = connection_name(address(worker.connections), connection)
    exchange.source = connection.source
    exchange.is_from_proxy = connection.is_from_proxy
    exchange.tick = worker.upkeep.tick
    exchange.second = worker.second
    exchange.output = worker.output
    waiting = declare(uint32_t, waiting_bytes(connection))
    exchange.output_capacity = limits.output_bytes_max - min(waiting, limits.output_bytes_max)
    exchange.kept = connection.kept
    return exchange


def protocol_serve(worker, connection, offset, length):
    """Hand over what is in the worker's input from `offset` on."""
    protocol = protocol_of(worker, connection)
    exchange = fill_in(worker, connection)
    exchange.input = address(worker.input[offset])
    exchange.input_length = length - offset
    protocol.serve(protocol.state, exchange)
    connection.kept = exchange.kept


def protocol_look(worker, connection, is_last):
    """Let it look at a connection, the next time too unless this is the last."""
    protocol = protocol_of(worker, connection)
    timer_look(worker, connection, protocol.look_seconds)
    exchange = fill_in(worker, connection)
    exchange.goes_away = is_last or tls_is_outdated(
        worker, connection, protocol.limits.certificate_seconds_max
    )
    protocol.look(protocol.state, exchange)
    connection.kept = exchange.kept
    exchange.closes |= exchange.goes_away


def protocol_switch(worker, connection):
    """The successor is next; False if the client that the protocol has found out may not have this connection."""
    successor = protocol_of(worker, connection).successor
    if successor == NULL:
        return True
    connection.has_switched = True
    if successor.look != NULL:
        timer_look(worker, connection, successor.look_seconds)
    if not connection.is_from_proxy:
        return True
    connection.source = worker.exchange.source
    is_admitted = declare(bint, admit(worker, connection) == CONNECTIONS_ACCEPTED)
    connection.is_from_proxy = False
    return is_admitted


def protocol_end(worker, connection, how):
    """It has said its last words, or can't. Nothing for a connection of which it was told that, or that never began."""
    if connection.end != END_NOT_YET or connection.phase <= PHASE_HANDSHAKE:
        return
    protocol = protocol_of(worker, connection)
    connection.end = how
    connection.look_tick = 0
    if protocol.end != NULL:
        protocol.end(
            protocol.state, connection_name(address(worker.connections), connection), connection.kept
        )
    connection.kept = 0
