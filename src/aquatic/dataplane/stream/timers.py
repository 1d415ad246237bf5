"""Time limits of connections, and when their protocols look at them: a wheel of lists, a tick each.

A deadline that moves away, as with every request, is only written down: the timer stays in its list, fires too early
and is set again. So a busy connection costs nothing here.
"""

from cython import NULL, address, cast, declare, pointer
from cython.cimports.aquatic.abi.connection import (
    NO_CONNECTION,
    TIMER_BUCKETS,
    TIMER_TICK_MS,
    Connection,
)
from cython.cimports.aquatic.dataplane.stream.slab import slab_at, slab_compact
from cython.cimports.libc.stdint import uint32_t, uint64_t

NS_PER_MS = declare(uint64_t, 1_000_000)
TICKS_PER_SECOND = declare(uint32_t, 1000 // TIMER_TICK_MS)


def tick_of(now_ns):
    return cast(uint32_t, now_ns // (TIMER_TICK_MS * NS_PER_MS))


def timers_init(wheel, now_ns):
    wheel.tick = tick_of(now_ns)
    index = declare(uint32_t)
    for index in range(cast(uint32_t, TIMER_BUCKETS)):
        wheel.heads[index] = NO_CONNECTION


def timer_set(worker, connection, seconds):
    """Let the connection expire after so many seconds from this turn on, in place of what was set before."""
    # The tick that has begun is not a whole one.
    connection.deadline_tick = tick_of(worker.now_ns) + seconds * TICKS_PER_SECOND + 1
    timer_move(worker, connection)


def timer_look(worker, connection, seconds):
    """Let its protocol look at it after so many seconds from this turn on, unless it expires before."""
    connection.look_tick = tick_of(worker.now_ns) + seconds * TICKS_PER_SECOND + 1
    timer_move(worker, connection)


def timer_is_over(worker, connection):
    """Whether it is to expire; otherwise it is time to look."""
    return connection.deadline_tick <= tick_of(worker.now_ns)


def timer_seconds_ago(worker, connection, seconds):
    """When the connection was set to expire after so many seconds."""
    set_tick = declare(uint32_t, connection.deadline_tick - seconds * TICKS_PER_SECOND - 1)
    return (tick_of(worker.now_ns) - set_tick) // TICKS_PER_SECOND


def due_tick(connection):
    if connection.look_tick:
        return min(connection.deadline_tick, connection.look_tick)
    return connection.deadline_tick


def timer_move(worker, connection):
    """Put a timer that would fire too late where it belongs."""
    if connection.timer_tick and connection.timer_tick <= due_tick(connection):
        return
    timer_unlink(address(worker.connections), address(worker.timers), connection)
    timer_link(worker, connection)


def timer_link(worker, connection):
    """Into the list of its time, or of the last tick that the wheel reaches."""
    slab = address(worker.connections)
    # The list of the wheel's own tick may be being worked on.
    soonest = declare(uint32_t, worker.timers.tick + 1)
    latest = declare(uint32_t, worker.timers.tick + TIMER_BUCKETS - 1)
    connection.timer_tick = min(max(due_tick(connection), soonest), latest)
    head = address(worker.timers.heads[connection.timer_tick % TIMER_BUCKETS])
    connection.timer_previous = NO_CONNECTION
    connection.timer_next = head[0]
    if head[0] != NO_CONNECTION:
        slab_at(slab, head[0]).timer_previous = connection.slot
    head[0] = connection.slot


def timer_unlink(slab, wheel, connection):
    """Nothing for a connection that has no timer."""
    if not connection.timer_tick:
        return
    if connection.timer_previous != NO_CONNECTION:
        slab_at(slab, connection.timer_previous).timer_next = connection.timer_next
    else:
        wheel.heads[connection.timer_tick % TIMER_BUCKETS] = connection.timer_next
    if connection.timer_next != NO_CONNECTION:
        slab_at(slab, connection.timer_next).timer_previous = connection.timer_previous
    connection.timer_tick = 0
    connection.timer_next = NO_CONNECTION
    connection.timer_previous = NO_CONNECTION


def timers_expired(worker, budget):
    """The next connection whose time has come, without a timer now; NULL when there is none or the budget is used up.

    Each timer looked at costs one of the budget. What it leaves is for the next turn.
    """
    slab = address(worker.connections)
    wheel = address(worker.timers)
    now_tick = declare(uint32_t, tick_of(worker.now_ns))
    if now_tick > wheel.tick and now_tick - wheel.tick > TIMER_BUCKETS:
        # After a pause, once round is enough to see every timer.
        wheel.tick = now_tick - TIMER_BUCKETS
    while wheel.tick <= now_tick:
        while wheel.heads[wheel.tick % TIMER_BUCKETS] != NO_CONNECTION:
            if not budget[0]:
                return NULL
            budget[0] -= 1
            connection = declare(pointer(Connection), slab_at(slab, wheel.heads[wheel.tick % TIMER_BUCKETS]))
            timer_unlink(slab, wheel, connection)
            # Once in a while for each connection, as good a time as any to make room.
            connection = slab_compact(slab, connection)
            if due_tick(connection) <= now_tick:
                return connection
            timer_link(worker, connection)
        wheel.tick += 1
    return NULL
