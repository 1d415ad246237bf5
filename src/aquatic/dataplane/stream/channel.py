"""Bytes of a connection, whatever carries them. Returns are the backend's: a count, 0 for the end, or -errno."""

from cython import NULL, address, bint, declare
from cython.cimports.aquatic.abi.stream_counters import STREAM_BYTES_RECEIVED, STREAM_BYTES_SENT
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.aquatic.dataplane.stream.slab import connection_name
from cython.cimports.aquatic.dataplane.stream.tls import tls_receive, tls_send
from cython.cimports.libc.stdint import int64_t


def channel_receive(worker, connection, bytes, capacity):
    if connection.tls != NULL:
        return tls_receive(worker, connection, bytes, capacity)
    received = declare(
        int64_t, worker.backend.receive(worker.backend.state, connection.socket, bytes, capacity, False)
    )
    if received > 0:
        note(worker, connection, STREAM_BYTES_RECEIVED, received)
    return received


def channel_send(worker, connection, bytes, length, more_follows):
    if connection.tls != NULL:
        return tls_send(worker, connection, bytes, length, more_follows)
    sent = declare(
        int64_t,
        worker.backend.send(worker.backend.state, connection.socket, bytes, length, more_follows),
    )
    if sent > 0:
        note(worker, connection, STREAM_BYTES_SENT, sent)
    return sent


def watch_events(worker, connection, events):
    """Be told of these events from now on; False when the kernel has no memory for that."""
    if connection.events == events:
        return True
    name = connection_name(address(worker.connections), connection)
    is_new = declare(bint, connection.events == 0)
    connection.events = events
    return worker.backend.watch(worker.backend.state, connection.socket, name, events, is_new) == 0
