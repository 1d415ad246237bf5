"""The backend of ordinary sockets: an epoll descriptor, and a system call for each verb.

Closing a socket takes it out of epoll: its descriptor is never duplicated.
"""

from cython import NULL, address, cast, declare, p_void, pointer, size_t, sizeof
from cython.cimports.aquatic.abi.sockets import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_MOD,
    MSG_DONTWAIT,
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
    recv,
    send,
    shutdown,
    sockaddr,
    sockaddr_in6,
    socklen_t,
)
from cython.cimports.aquatic.abi.threads import boot_ns
from cython.cimports.aquatic.dataplane.udp.backend.mmsg import read_source
from cython.cimports.libc.errno import EINTR
from cython.cimports.libc.stdint import int64_t


def socket_init(backend):
    """False, with errno, without a descriptor for epoll."""
    epoll = declare(int, epoll_create1(EPOLL_CLOEXEC))
    if epoll < 0:
        return False
    # Never 0: a state that is NULL is a worker that does not run.
    backend.state = cast(p_void, cast(size_t, epoll + 1))
    backend.wait = socket_wait
    backend.watch = socket_watch
    backend.accept = socket_accept
    backend.receive = socket_receive
    backend.send = socket_send
    backend.shut_down = socket_shut_down
    backend.close = socket_close
    backend.clock = socket_clock
    return True


def socket_end(backend):
    close(epoll_of(backend.state))
    backend.state = NULL


def epoll_of(state):
    return cast(int, cast(size_t, state)) - 1


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


def socket_send(state, socket, bytes, length):
    sent = declare(int64_t, send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL))
    return sent if sent >= 0 else -errno


def socket_shut_down(state, socket):
    shutdown(socket, SHUT_WR)


def socket_close(state, socket):
    close(socket)


def socket_clock(state):
    return boot_ns()
