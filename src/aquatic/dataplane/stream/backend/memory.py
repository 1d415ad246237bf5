"""The backend of simulations: connections whose other end is the driver, in a network that does what it is told.

As with sockets, events are level-triggered, a closed socket has none, and a number may be used again.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.memory import reserve, unreserve
from cython.cimports.aquatic.abi.sockets import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from cython.cimports.aquatic.abi.stream_backend import WAKE_DATA
from cython.cimports.aquatic.dataplane.stream.backend.memory import (
    MEMORY_KEEPS_NS,
    MEMORY_LISTENERS_MAX,
    MEMORY_QUEUE_BYTES,
    MEMORY_SOCKETS_MAX,
    SOCKET_CLOSED,
    SOCKET_FREE,
    SOCKET_OPEN,
    SOCKET_WAITING,
    MemoryNetwork,
)
from cython.cimports.libc.errno import EAGAIN, ECONNRESET, EMFILE, ENOSPC, EPIPE
from cython.cimports.libc.stdint import UINT32_MAX, int64_t, uint8_t, uint32_t
from cython.cimports.libc.string import memcpy, memmove


def memory_network_init(backend):
    network = cast(pointer(MemoryNetwork), reserve(sizeof(MemoryNetwork)))
    if network == NULL:
        return False
    network.descriptors_max = MEMORY_SOCKETS_MAX
    network.watch_failure_after = UINT32_MAX
    backend.state = network
    backend.wait = network_wait
    backend.watch = network_watch
    backend.accept = network_accept
    backend.receive = network_receive
    backend.send = network_send
    backend.shut_down = network_shut_down
    backend.close = network_close
    backend.wake = network_wake
    backend.clock = network_clock
    return True


def memory_network_end(backend):
    unreserve(backend.state, sizeof(MemoryNetwork))
    backend.state = NULL


def memory_socket(network, socket):
    return address(network.sockets[socket - MEMORY_LISTENERS_MAX])


# The driver's end


def memory_connect(network, listener, source):
    """A new connection in a listener's queue, by its socket's number; negative when there is no place."""
    index = declare(uint32_t)
    for index in range(cast(uint32_t, MEMORY_SOCKETS_MAX)):
        socket = address(network.sockets[index])
        if socket.state == SOCKET_FREE:
            socket.state = SOCKET_WAITING
            socket.listener = cast(uint8_t, listener)
            socket.source = source[0]
            socket.peer_has_ended = False
            socket.is_reset = False
            socket.server_has_ended = False
            socket.events = 0
            socket.received_first = 0
            socket.received_end = 0
            socket.receive_max = UINT32_MAX
            socket.sent_length = 0
            socket.arrived = 0
            socket.send_room = UINT32_MAX
            network.waiting += 1
            network.sockets_used = max(network.sockets_used, index + 1)
            return MEMORY_LISTENERS_MAX + index
    return -1


def memory_deliver_bytes(socket, bytes, length):
    """Let the peer send; returns how much found place in the receive buffer."""
    if socket.received_first == socket.received_end:
        socket.received_first = 0
        socket.received_end = 0
    taken = declare(uint32_t, min(length, cast(uint32_t, MEMORY_QUEUE_BYTES) - socket.received_end))
    memcpy(address(socket.received[socket.received_end]), bytes, taken)
    socket.received_end += taken
    return taken


def memory_arrived(network, socket):
    """How many of the bytes that were sent the peer can take."""
    if socket.arrived < socket.sent_length and network.clock_ns - socket.kept_since_ns >= MEMORY_KEEPS_NS:
        socket.arrived = socket.sent_length
    return socket.arrived


def memory_taken(socket, length):
    """The peer has taken so many of those."""
    socket.arrived -= length
    socket.sent_length -= length
    memmove(address(socket.sent[0]), address(socket.sent[length]), socket.sent_length)


def memory_forget(socket):
    """The peer has looked at a closed connection for the last time."""
    if socket.state == SOCKET_CLOSED:
        socket.state = SOCKET_FREE


# The server's end


def network_wait(state, events, capacity, timeout_ms):
    network = cast(pointer(MemoryNetwork), state)
    count = declare(int, 0)
    if network.is_woken:
        network.is_woken = False
        events[count].events = EPOLLIN
        events[count].data.u64 = WAKE_DATA
        count += 1
    index = declare(uint32_t)
    for index in range(network.sockets_used):
        socket = address(network.sockets[index])
        if socket.state == SOCKET_WAITING and count < MEMORY_LISTENERS_MAX:
            if network.listener_events[socket.listener] & EPOLLIN:
                events[count].events = EPOLLIN
                events[count].data.u64 = network.listener_data[socket.listener]
                count += 1
                break
    first = declare(uint32_t, network.next_event)
    for index in range(network.sockets_used):
        if count == capacity:
            break
        place = declare(uint32_t, (first + index) % network.sockets_used)
        socket = address(network.sockets[place])
        found = declare(uint32_t, events_of(socket))
        if found:
            events[count].events = found
            events[count].data.u64 = socket.data
            count += 1
            network.next_event = place + 1
    return count


def events_of(socket):
    """What epoll would report of a socket."""
    if socket.state != SOCKET_OPEN or not socket.events:
        return 0
    found = declare(uint32_t, 0)
    if socket.received_first < socket.received_end or socket.peer_has_ended:
        found |= EPOLLIN
    if socket.send_room:
        found |= EPOLLOUT
    found &= socket.events
    if socket.is_reset:
        found |= EPOLLERR | EPOLLHUP
    return found


def network_watch(state, socket, data, events, is_new):
    network = cast(pointer(MemoryNetwork), state)
    if socket < MEMORY_LISTENERS_MAX:
        network.listener_data[socket] = data
        network.listener_events[socket] = events
        return 0
    if network.watch_failure_after != UINT32_MAX:
        if network.watch_failure_after == 0:
            return -ENOSPC
        network.watch_failure_after -= 1
    memory_socket(network, socket).data = data
    memory_socket(network, socket).events = events
    return 0


def network_accept(state, listener, source):
    network = cast(pointer(MemoryNetwork), state)
    if network.accept_error:
        error_number = declare(int, network.accept_error)
        network.accept_error = 0
        return -error_number
    index = declare(uint32_t)
    for index in range(network.sockets_used if network.waiting else 0):
        socket = address(network.sockets[index])
        if socket.state == SOCKET_WAITING and socket.listener == listener:
            if network.descriptors >= network.descriptors_max:
                return -EMFILE
            socket.state = SOCKET_OPEN
            network.waiting -= 1
            network.descriptors += 1
            source[0] = socket.source
            return MEMORY_LISTENERS_MAX + index
    return -EAGAIN


def network_receive(state, socket, bytes, capacity, peeks):
    open = memory_socket(cast(pointer(MemoryNetwork), state), socket)
    length = declare(uint32_t, open.received_end - open.received_first)
    if open.is_reset:
        return -ECONNRESET
    if not length:
        return 0 if open.peer_has_ended else -EAGAIN
    length = min(length, capacity, open.receive_max)
    memcpy(bytes, address(open.received[open.received_first]), length)
    if not peeks:
        open.received_first += length
    return cast(int64_t, length)


def network_send(state, socket, bytes, length, more_follows):
    open = memory_socket(cast(pointer(MemoryNetwork), state), socket)
    if open.is_reset:
        return -EPIPE
    taken = declare(uint32_t, min(length, open.send_room))
    taken = min(taken, cast(uint32_t, MEMORY_QUEUE_BYTES) - open.sent_length)
    if not taken:
        return -EAGAIN
    memcpy(address(open.sent[open.sent_length]), bytes, taken)
    if more_follows and open.arrived == open.sent_length:
        open.kept_since_ns = cast(pointer(MemoryNetwork), state).clock_ns
    open.sent_length += taken
    # What does not fit leaves room for more, as in Linux.
    if not more_follows or taken < length:
        open.arrived = open.sent_length
    if open.send_room != UINT32_MAX:
        open.send_room -= taken
    return cast(int64_t, taken)


def network_shut_down(state, socket):
    ended = memory_socket(cast(pointer(MemoryNetwork), state), socket)
    ended.server_has_ended = True
    ended.arrived = ended.sent_length


def network_close(state, socket):
    network = cast(pointer(MemoryNetwork), state)
    closed = memory_socket(network, socket)
    closed.state = SOCKET_CLOSED
    if closed.received_first < closed.received_end and not closed.server_has_ended:
        # A reset: what was kept is lost.
        closed.sent_length = closed.arrived
    closed.arrived = closed.sent_length
    closed.server_has_ended = True
    network.descriptors -= 1


def network_wake(state):
    network = cast(pointer(MemoryNetwork), state)
    network.is_woken = True
    network.wakes += 1


def network_clock(state):
    return cast(pointer(MemoryNetwork), state).clock_ns
