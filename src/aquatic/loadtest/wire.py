"""A client's connection to a tracker: see wire.pxd."""

from cython import NULL, address, cast, declare, pointer, sizeof
from cython.cimports.aquatic.abi.openssl import (
    SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE,
    SSL_ERROR_ZERO_RETURN,
    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
    SSL_MODE_ENABLE_PARTIAL_WRITE,
    SSL_MODE_RELEASE_BUFFERS,
    SSL_OP_IGNORE_UNEXPECTED_EOF,
    SSL_RECEIVED_SHUTDOWN,
    SSL_SENT_SHUTDOWN,
    TLS1_2_VERSION,
    ERR_clear_error,
    SSL_CTX_free,
    SSL_CTX_new,
    SSL_CTX_set_min_proto_version,
    SSL_CTX_set_mode,
    SSL_CTX_set_options,
    SSL_CTX_set_read_ahead,
    SSL_do_handshake,
    SSL_free,
    SSL_get1_session,
    SSL_get_error,
    SSL_has_pending,
    SSL_new,
    SSL_read,
    SSL_SESSION_free,
    SSL_session_reused,
    SSL_set_connect_state,
    SSL_set_fd,
    SSL_set_session,
    SSL_set_shutdown,
    SSL_write,
    TLS_client_method,
)
from cython.cimports.aquatic.abi.sockets import (
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLLERR,
    EPOLLET,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLRDHUP,
    IP_BIND_ADDRESS_NO_PORT,
    IPPROTO_IP,
    IPPROTO_TCP,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    SO_ERROR,
    SO_LINGER,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    bind,
    close,
    connect,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    getsockopt,
    linger,
    recv,
    send,
    setsockopt,
    sockaddr,
    socket,
    socklen_t,
)
from cython.cimports.aquatic.loadtest.wire import (
    WIRE_CLOSED,
    WIRE_CONNECTING,
    WIRE_OPEN,
    WIRE_SHAKING_HANDS,
)
from cython.cimports.libc.errno import EAGAIN, ECONNREFUSED, EINPROGRESS, EPROTO, errno
from cython.cimports.libc.stdint import int64_t


def wires_init(wires, tls):
    wires.epoll = epoll_create1(EPOLL_CLOEXEC)
    if wires.epoll < 0 or not tls:
        return wires.epoll >= 0
    wires.context = SSL_CTX_new(TLS_client_method())
    if wires.context == NULL:
        return False
    SSL_CTX_set_options(wires.context, SSL_OP_IGNORE_UNEXPECTED_EOF)
    SSL_CTX_set_mode(
        wires.context,
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
    )
    SSL_CTX_set_read_ahead(wires.context, 1)
    return SSL_CTX_set_min_proto_version(wires.context, TLS1_2_VERSION) == 1


def wires_end(wires):
    SSL_CTX_free(wires.context)
    wires.context = NULL
    if wires.epoll > 0:
        close(wires.epoll)
    wires.epoll = 0


def wire_open(wires, wire, number):
    on = declare(int, 1)
    event = declare(epoll_event)
    tracker = cast(pointer[sockaddr], address(wires.tracker.bytes))
    wire.refused = False
    wire.fd = socket(tracker.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if wire.fd < 0:
        return False
    wire.phase = WIRE_CONNECTING
    # A request may follow the end of the handshake, or another message, at once.
    setsockopt(wire.fd, IPPROTO_TCP, TCP_NODELAY, address(on), sizeof(on))
    if wires.sources != NULL:
        source = address(wires.sources[wire.source])
        # The port is chosen by connect then, so that one is used with many sources at once.
        setsockopt(wire.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, address(on), sizeof(on))
        if bind(wire.fd, cast(pointer[sockaddr], address(source.bytes)), source.length) < 0:
            wire_close(wires, wire, True)
            return False
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
    event.data.u64 = number
    failed = connect(wire.fd, tracker, wires.tracker.length)
    wire.refused = failed and errno == ECONNREFUSED
    if (
        (failed and errno != EINPROGRESS)
        or epoll_ctl(wires.epoll, EPOLL_CTL_ADD, wire.fd, address(event)) < 0
        or not start_tls(wires, wire)
    ):
        wire_close(wires, wire, True)
        return False
    if not failed:
        # On one machine a connection may be there at once.
        wire.phase = WIRE_OPEN if wires.context == NULL else WIRE_SHAKING_HANDS
    return True


def start_tls(wires, wire):
    """False without memory."""
    if wires.context == NULL:
        return True
    wire.tls = SSL_new(wires.context)
    if wire.tls == NULL or SSL_set_fd(wire.tls, wire.fd) != 1:
        return False
    SSL_set_connect_state(wire.tls)
    if wire.session != NULL:
        SSL_set_session(wire.tls, wire.session)
    return True


def wire_proceed(wire, events):
    if wire.phase == WIRE_CONNECTING:
        if events & (EPOLLERR | EPOLLHUP):
            wire.refused = socket_error(wire.fd) == ECONNREFUSED
            return False
        if events & EPOLLOUT:
            wire.phase = WIRE_OPEN if wire.tls == NULL else WIRE_SHAKING_HANDS
    return wire.phase != WIRE_SHAKING_HANDS or shake_hands(wire)


def socket_error(fd):
    """The error that an event told of."""
    error = declare(int, 0)
    length = declare(socklen_t, sizeof(error))
    getsockopt(fd, SOL_SOCKET, SO_ERROR, address(error), address(length))
    return error


def shake_hands(wire):
    ERR_clear_error()
    result = SSL_do_handshake(wire.tls)
    if result != 1:
        return tls_failure(wire, result) == -EAGAIN
    wire.resumed = SSL_session_reused(wire.tls) == 1
    wire.phase = WIRE_OPEN
    return True


def tls_failure(wire, result):
    """0 for the end, -EAGAIN where an event is to come, -EPROTO for all else."""
    reason = SSL_get_error(wire.tls, result)
    if reason == SSL_ERROR_WANT_READ or reason == SSL_ERROR_WANT_WRITE:
        return -EAGAIN
    ERR_clear_error()
    return 0 if reason == SSL_ERROR_ZERO_RETURN else -EPROTO


def wire_send(wire, bytes, length):
    if wire.tls != NULL:
        ERR_clear_error()
        result = SSL_write(wire.tls, bytes, length)
        # What ends while it is written to is an error.
        return result if result > 0 else (tls_failure(wire, result) or -EPROTO)
    sent = declare(int64_t, send(wire.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL))
    return sent if sent >= 0 else -errno


def wire_receive(wire, bytes, capacity):
    if wire.tls != NULL:
        ERR_clear_error()
        result = SSL_read(wire.tls, bytes, capacity)
        return result if result > 0 else tls_failure(wire, result)
    received = declare(int64_t, recv(wire.fd, bytes, capacity, MSG_DONTWAIT))
    return received if received >= 0 else -errno


def wire_has_pending(wire):
    return wire.tls != NULL and SSL_has_pending(wire.tls) == 1


def wire_close(wires, wire, resets):
    if wire.phase == WIRE_CLOSED:
        return
    if wire.tls != NULL:
        if wires.resumes and wire.phase == WIRE_OPEN:
            SSL_SESSION_free(wire.session)
            wire.session = SSL_get1_session(wire.tls)
        # A session whose connection did not end in order may not be resumed; that is not what is tested here.
        SSL_set_shutdown(wire.tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(wire.tls)
        wire.tls = NULL
    if resets:
        option = declare(linger)
        option.l_onoff = 1
        option.l_linger = 0
        setsockopt(wire.fd, SOL_SOCKET, SO_LINGER, address(option), sizeof(option))
    close(wire.fd)
    wire.phase = WIRE_CLOSED
    wire.resumed = False


def wire_end(wires, wire):
    wire_close(wires, wire, False)
    SSL_SESSION_free(wire.session)
    wire.session = NULL
