"""A new connection at a full worker takes the place of one that keeps it without using it.

Clients keep connections open that they may not need again, and strangers open them to take places away. Who loses an
idle one has lost a handshake; who is refused is not served at all.
"""

from cython import NULL, address, bint, declare, pointer
from cython.cimports.aquatic.abi.connection import PHASE_HEADER, PHASE_IDLE, Connection
from cython.cimports.aquatic.abi.stream_counters import CLOSED_FOR_NEWCOMER
from cython.cimports.aquatic.dataplane.stream.admission import may_be_admitted
from cython.cimports.aquatic.dataplane.stream.connection import connection_close
from cython.cimports.aquatic.dataplane.stream.protocol import protocol_of
from cython.cimports.aquatic.dataplane.stream.slab import slab_at
from cython.cimports.aquatic.dataplane.stream.timers import timer_seconds_ago
from cython.cimports.aquatic.dataplane.stream.tls import tls_has_pending
from cython.cimports.libc.stdint import uint8_t, uint32_t

# For each newcomer, from where the last look ended.
SLOTS_LOOKED_AT_MAX = declare(uint32_t, 16)
# A first request may be on its way for so long.
FIRST_REQUEST_SECONDS = declare(uint32_t, 3)


def make_room(worker, listener, source):
    """Close a connection for a newcomer; False if none gives way, or for one that would be refused anyway."""
    if not may_be_admitted(worker, listener, source):
        return False
    connection = first_to_go(worker)
    if connection == NULL:
        return False
    connection_close(worker, connection, CLOSED_FOR_NEWCOMER)
    return True


def first_to_go(worker):
    """Who would expire first among some of those that may go; NULL if there is none."""
    slab = address(worker.connections)
    first = declare(pointer(Connection), NULL)
    count = declare(uint32_t)
    for count in range(min(SLOTS_LOOKED_AT_MAX, slab.slots_fresh)):
        slot = declare(uint32_t, worker.next_slot_for_newcomer % slab.slots_fresh)
        worker.next_slot_for_newcomer = slot + 1
        if not slab.slots[slot].generation:
            continue
        connection = slab_at(slab, slot)
        is_later = declare(bint, first != NULL and connection.deadline_tick >= first.deadline_tick)
        if not is_later and has_waited(worker, connection) and not is_under_way(worker, connection):
            first = connection
    return first


def has_waited(worker, connection):
    """For a request: for another one, or long enough for the first."""
    protocol = protocol_of(worker, connection)
    if connection.phase == PHASE_HEADER:
        seconds = timer_seconds_ago(worker, connection, protocol.limits.header_seconds_max)
        return protocol.gives_way and seconds >= FIRST_REQUEST_SECONDS
    return protocol.gives_way and connection.phase == PHASE_IDLE


def is_under_way(worker, connection):
    """Whether a part of a request is there, be it in the kernel, or something is to be sent."""
    if connection.input_bytes or connection.output_bytes or tls_has_pending(connection):
        return True
    byte = declare(uint8_t)
    return worker.backend.receive(worker.backend.state, connection.socket, address(byte), 1, True) > 0
