"""The backend of ordinary sockets: epoll, an eventfd in it, and a system call for each verb.

Closing a socket takes it out of epoll: its descriptor is never duplicated.
"""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.sockets import (
    EFD_CLOEXEC,
    EFD_NONBLOCK,
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_MOD,
    EPOLLET,
    EPOLLIN,
    MSG_DONTWAIT,
    MSG_MORE,
    MSG_NOSIGNAL,
    MSG_PEEK,
    SHUT_WR,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    accept4,
    close,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    epoll_wait,
    errno,
    eventfd,
    eventfd_write,
    recv,
    send,
    shutdown,
    sockaddr,
    sockaddr_in6,
    socklen_t,
)
from cython.cimports.aquatic.abi.stream_backend import WAKE_DATA
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.dataplane.stream.backend.socket import Descriptors
from cython.cimports.aquatic.dataplane.udp.backend.mmsg import read_source
from cython.cimports.libc.errno import EINTR
from cython.cimports.libc.stdint import int64_t
from cython.cimports.libc.stdlib import free, malloc


def socket_init(backend):
    """False without descriptors or memory."""
    descriptors = cast(pointer(Descriptors), malloc(sizeof(Descriptors)))
    if descriptors == NULL:
        return False
    if not open_descriptors(descriptors):
        free(descriptors)
        return False
    backend.state = descriptors
    backend.wait = socket_wait
    backend.watch = socket_watch
    backend.accept = socket_accept
    backend.receive = socket_receive
    backend.send = socket_send
    backend.shut_down = socket_shut_down
    backend.close = socket_close
    backend.wake = socket_wake
    backend.clock = socket_clock
    return True


def open_descriptors(descriptors):
    descriptors.epoll = epoll_create1(EPOLL_CLOEXEC)
    descriptors.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    event = declare(epoll_event)
    # Edge-triggered: each call is an event, and nothing has to be read.
    event.events = EPOLLIN | EPOLLET
    event.data.u64 = WAKE_DATA
    if epoll_ctl(descriptors.epoll, EPOLL_CTL_ADD, descriptors.wake, address(event)) == 0:
        return True
    close(descriptors.epoll)
    close(descriptors.wake)
    return False


def socket_end(backend):
    descriptors = cast(pointer(Descriptors), backend.state)
    close(descriptors.epoll)
    close(descriptors.wake)
    free(descriptors)
    backend.state = NULL


def epoll_of(state):
    return cast(pointer(Descriptors), state).epoll


def socket_wait(state, events, capacity, timeout_ms):
    count = declare(int, epoll_wait(epoll_of(state), events, capacity, timeout_ms))
    if count >= 0:
        return count
    return 0 if errno == EINTR else -errno


def socket_watch(state, socket, data, events, is_new):
    event = declare(epoll_event)
    event.events = events
    event.data.u64 = data
    operation = declare(int, EPOLL_CTL_ADD if is_new else EPOLL_CTL_MOD)
    return -errno if epoll_ctl(epoll_of(state), operation, socket, address(event)) else 0


def socket_accept(state, listener, source):
    peer = declare(sockaddr_in6)
    length = declare(socklen_t, sizeof(peer))
    accepted = declare(
        int,
        accept4(
            listener, cast(pointer(sockaddr), address(peer)), address(length), SOCK_NONBLOCK | SOCK_CLOEXEC
        ),
    )
    if accepted < 0:
        return -errno
    read_source(address(peer), source)
    return accepted


def socket_receive(state, socket, bytes, capacity, peeks):
    received = declare(int64_t, recv(socket, bytes, capacity, MSG_DONTWAIT | (MSG_PEEK if peeks else 0)))
    return received if received >= 0 else -errno


def socket_send(state, socket, bytes, length, more_follows):
    flags = declare(int, MSG_DONTWAIT | MSG_NOSIGNAL | (MSG_MORE if more_follows else 0))
    sent = declare(int64_t, send(socket, bytes, length, flags))
    return sent if sent >= 0 else -errno


def socket_shut_down(state, socket):
    shutdown(socket, SHUT_WR)


def socket_close(state, socket):
    close(socket)


def socket_wake(state):
    """It fails only beyond 2^64 - 2 calls, and there is an event then."""
    eventfd_write(cast(pointer(Descriptors), state).wake, 1)


def socket_clock(state):
    return boot_ns()
