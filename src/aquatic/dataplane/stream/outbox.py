"""Messages to connections that did not ask for them, now: from the protocols of others.

They wait in their connection's output, in the order in which they came, and leave at the end of this turn of the loop:
one call of the kernel for all of a connection's. Who does not take them loses what comes then; nobody else does.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.connection import END_NOT_YET, PHASE_HANDSHAKE, PHASE_SENDING
from cython.cimports.aquatic.abi.counters import bump
from cython.cimports.aquatic.abi.inbox import InboxMessage
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.stream_counters import (
    MESSAGES_DROPPED_INBOX_FULL,
    MESSAGES_DROPPED_NO_MEMORY,
    MESSAGES_DROPPED_SLOW,
    MESSAGES_QUEUED,
    MESSAGES_TO_GONE,
)
from cython.cimports.aquatic.dataplane.stream.inbox import (
    POST_CLOSED,
    POST_DONE,
    POST_FULL,
    inbox_has_more,
    inbox_next,
    inbox_post,
)
from cython.cimports.aquatic.dataplane.stream.note import note
from cython.cimports.aquatic.dataplane.stream.outbox import RELAY_FULL, RELAY_GONE, RELAY_QUEUED
from cython.cimports.aquatic.dataplane.stream.protocol import protocol_of
from cython.cimports.aquatic.dataplane.stream.slab import append_output, slab_at, slab_find, waiting_bytes
from cython.cimports.libc.stdint import uint32_t

# From other workers, before connections have their turn again.
MESSAGES_A_TURN_MAX = declare(uint32_t, 512)


def outbox_init(outbox, connections_max):
    """Take the addresses; False if they can't be had."""
    outbox.places = connections_max
    outbox.count = 0
    outbox.slots = cast(pointer(uint32_t), reserve(connections_max * sizeof(uint32_t)))
    return outbox.slots != NULL


def outbox_end(outbox):
    if outbox.slots != NULL:
        unreserve(outbox.slots, outbox.places * sizeof(uint32_t))
        outbox.slots = NULL


def relay(worker, to_worker, connection, message, length):
    """Send a message to a connection of this worker or of another in its group: all of it or nothing."""
    if to_worker == worker.index:
        return queue_message(worker, connection, message, length)
    outcome = POST_CLOSED
    if to_worker < worker.group.count:
        other = worker.group.workers[to_worker]
        outcome = inbox_post(address(other.inbox), address(other.backend), connection, message, length)
    if outcome == POST_DONE:
        return RELAY_QUEUED
    dropped = MESSAGES_DROPPED_INBOX_FULL if outcome == POST_FULL else MESSAGES_TO_GONE
    bump(address(worker.counters.values[0][dropped]), 1)
    return RELAY_FULL if outcome == POST_FULL else RELAY_GONE


def outbox_collect(worker):
    """Take over what other workers have for connections of this one; True if some is left for the next turn."""
    head = declare(InboxMessage)
    count = declare(uint32_t)
    for count in range(MESSAGES_A_TURN_MAX):
        message = inbox_next(address(worker.inbox), address(head))
        if message == NULL:
            return False
        queue_message(worker, head.connection, message, head.length)
    return inbox_has_more(address(worker.inbox))


def queue_message(worker, name, message, length):
    """Put a message behind what its connection has not been sent yet, and see that it leaves in this turn."""
    connection = slab_find(address(worker.connections), name)
    if connection == NULL or connection.phase <= PHASE_HANDSHAKE or connection.end != END_NOT_YET:
        bump(address(worker.counters.values[0][MESSAGES_TO_GONE]), 1)
        return RELAY_GONE
    bytes_max = protocol_of(worker, connection).limits.output_bytes_max
    if length > bytes_max or waiting_bytes(connection) > bytes_max - length:
        note(worker, connection, MESSAGES_DROPPED_SLOW, 1)
        return RELAY_FULL
    if not append_output(address(worker.connections), connection, message, length):
        note(worker, connection, MESSAGES_DROPPED_NO_MEMORY, 1)
        return RELAY_FULL
    note(worker, connection, MESSAGES_QUEUED, 1)
    if connection.phase != PHASE_SENDING:
        outbox_add(worker, connection)
    return RELAY_QUEUED


def outbox_add(worker, connection):
    """Let what waits be sent at the end of this turn."""
    outbox = address(worker.outbox)
    if not connection.outbox_place:
        outbox.slots[outbox.count] = connection.slot
        outbox.count += 1
        connection.outbox_place = outbox.count


def outbox_remove(worker, connection):
    """Nothing for a connection that is not there."""
    outbox = address(worker.outbox)
    if not connection.outbox_place:
        return
    outbox.count -= 1
    last = declare(uint32_t, outbox.slots[outbox.count])
    outbox.slots[connection.outbox_place - 1] = last
    slab_at(address(worker.connections), last).outbox_place = connection.outbox_place
    connection.outbox_place = 0


def outbox_take(worker):
    """A connection that has something to send; NULL when there is none."""
    outbox = address(worker.outbox)
    if not outbox.count:
        return NULL
    connection = slab_at(address(worker.connections), outbox.slots[outbox.count - 1])
    outbox_remove(worker, connection)
    return connection
