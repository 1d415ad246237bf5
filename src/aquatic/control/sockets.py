"""The workers' sockets: each has its own on the same port, which no other tracker gets to share."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from aquatic.control.errors import StartError, reason
from aquatic.control.model import Listener, Protocol
from aquatic.control.socket_address import SocketAddress
from aquatic.control.steering import attach_steering

# Not in Python's socket module (linux/socket.h, linux/in.h).
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SO_RXQ_OVFL = 40
IP_PKTINFO = 8
IPV6_NOT_AVAILABLE = " (no network interface has this address, or IPv6 is disabled here)"


# Makes a socket ready to be bound.
SocketMaker = Callable[[Listener], socket.socket]


@dataclass(frozen=True, slots=True)
class BoundListener:
    """A listener whose sockets, one for each worker, are bound and share one port."""

    listener: Listener
    address: SocketAddress  # as bound: the port is never 0
    sockets: tuple[socket.socket, ...]

    @property
    def receive_buffer_bytes(self) -> int:
        """What the kernel gave each of them at least."""
        return min(map(_receive_buffer_bytes, self.sockets))

    @property
    def url(self) -> str:
        """What it is called in messages."""
        return listener_url(self.listener, self.address)

    @property
    def urls(self) -> list[str]:
        """One for each protocol that is spoken there."""
        return [_url(self.listener, protocol, self.address) for protocol in self.listener.protocols]


def listener_url(listener: Listener, address: SocketAddress) -> str:
    """Name a listener by what is spoken there first."""
    return _url(listener, listener.protocols[0], address)


def _url(listener: Listener, protocol: Protocol, address: SocketAddress) -> str:
    scheme = protocol.value
    return f"{scheme}s://{address}" if listener.tls else f"{scheme}://{address}"


def open_datagram_listeners(
    listeners: Sequence[Listener], workers_count: int, *, timestamps: bool, steering: bool
) -> list[BoundListener]:
    """Bind `workers_count` sockets for each listener, in this order; all of them or, by StartError, none.

    `timestamps` asks the kernel for the time at which each datagram came. `steering`: see `attach_steering`.
    """
    bound = _open_listeners(listeners, workers_count, lambda listener: _datagram_socket(listener, timestamps))
    for each in bound:
        if steering and workers_count > 1:
            attach_steering(each.sockets)
        for bound_socket in each.sockets:
            _set_receive_buffer(bound_socket, each.listener.receive_buffer_bytes)
    return bound


def open_stream_listeners(listeners: Sequence[Listener], workers_count: int) -> list[BoundListener]:
    """The same for connections, which wait from now on."""
    bound = _open_listeners(listeners, workers_count, _stream_socket)
    for each in bound:
        try:
            for bound_socket in each.sockets:
                bound_socket.listen(each.listener.backlog_connections)
        except OSError as error:
            for opened in chain.from_iterable(other.sockets for other in bound):
                opened.close()
            raise StartError(_explain(each.url, each.address, error)) from None
    return bound


def _open_listeners(
    listeners: Sequence[Listener], workers_count: int, make_socket: SocketMaker
) -> list[BoundListener]:
    bound: dict[int, BoundListener] = {}
    with contextlib.ExitStack() as open_sockets:
        # Widest first: the first socket of a listener claims its address for this process, and a narrower one
        # that overlaps it is then ours without a claim of its own.
        for index in sorted(range(len(listeners)), key=lambda index: _narrowness(listeners[index])):
            listener = listeners[index]
            claimed = any(
                wider.address.port == listener.address.port and wider.listener.covers(listener.address)
                for wider in bound.values()
            )
            try:
                bound[index] = _open_listener(
                    listener,
                    workers_count,
                    lambda listener: open_sockets.enter_context(make_socket(listener)),
                    claimed=claimed,
                )
            except OSError as error:
                url = listener_url(listener, listener.address)
                raise StartError(_explain(url, listener.address, error)) from None
        open_sockets.pop_all()
    return [bound[index] for index in range(len(listeners))]


def receive_buffer_warning(bound: BoundListener) -> str | None:
    """What to tell the operator when the kernel gave less than was asked for."""
    wanted = bound.listener.receive_buffer_bytes
    given = bound.receive_buffer_bytes
    if given >= wanted:
        return None
    return (
        f"{bound.url}: the kernel gave a receive buffer of {given:,} bytes"
        f" instead of {wanted:,}, so bursts are dropped; allow it by: sysctl -w net.core.rmem_max={wanted}"
    )


def backlog_warning(bound: BoundListener, queue_max: int | None) -> str | None:
    """The same of a queue of new connections, which the kernel cuts at its own bound (None: unknown)."""
    wanted = bound.listener.backlog_connections
    if queue_max is None or wanted <= queue_max:
        return None
    return (
        f"{bound.url}: the kernel lets {queue_max:,} connections wait for a worker instead of {wanted:,}, so bursts"
        f" are slowed down; allow it by: sysctl -w net.core.somaxconn={wanted}"
    )


def _open_listener(
    listener: Listener, workers_count: int, make_socket: SocketMaker, *, claimed: bool
) -> BoundListener:
    """Bind the first socket alone, the others beside it.

    SO_REUSEPORT would let a second tracker of the same user take a part of our requests without either
    noticing. So the first socket is bound without it, which fails when anybody has the address, and a later
    tracker's first one fails because of ours. The option is set afterwards, for our other sockets.
    """
    address = listener.address
    sockets: list[socket.socket] = []
    for worker in range(workers_count):
        bound_socket = make_socket(listener)
        sockets.append(bound_socket)
        if worker > 0 or claimed:
            bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound_socket.bind((str(address.host), address.port))
        address = replace(address, port=bound_socket.getsockname()[1])
        if worker == 0 and workers_count > 1:
            bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return BoundListener(listener, address, tuple(sockets))


def _datagram_socket(listener: Listener, timestamps: bool) -> socket.socket:
    """With everything that must precede the first datagram."""
    made = _new_socket(listener, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    if timestamps:
        made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if listener.address.host.is_unspecified:
        # Tells which of our addresses was asked. Every datagram pays for it, so only where there is a choice.
        if listener.address.ip_version == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return made


def _stream_socket(listener: Listener) -> socket.socket:
    """With what its connections inherit: an answer leaves at once, however short."""
    made = _new_socket(listener, socket.SOCK_STREAM)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Connections of the tracker before us may still linger in the kernel. Who listens now keeps the address.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _new_socket(listener: Listener, kind: socket.SocketKind) -> socket.socket:
    is_ipv6 = listener.address.ip_version == 6
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    if is_ipv6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(listener.ipv6_only))
    return made


def _set_receive_buffer(bound_socket: socket.socket, wanted_bytes: int) -> None:
    """Ask for a buffer. CAP_NET_ADMIN lifts the bound of rmem_max."""
    if wanted_bytes > 0:
        bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted_bytes)
        if _receive_buffer_bytes(bound_socket) < wanted_bytes:
            with contextlib.suppress(PermissionError):
                bound_socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, wanted_bytes)


def _receive_buffer_bytes(bound_socket: socket.socket) -> int:
    # The kernel doubles what it is asked for, to pay for its own records (socket(7)).
    return bound_socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def _narrowness(listener: Listener) -> int:
    """0: both families' wildcard, 1: one family's wildcard, 2: one address."""
    if not listener.address.host.is_unspecified:
        return 2
    return int(listener.address.ip_version == 4 or listener.ipv6_only)


def _explain(url: str, address: SocketAddress, error: OSError) -> str:
    text = f"cannot listen on {url}: {reason(error)}"
    if error.errno == errno.EADDRINUSE:
        text += " (by another process)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        text += " (low ports need root, CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start)"
    elif error.errno == errno.EADDRNOTAVAIL:
        text += " (no network interface has this address)" if address.ip_version == 4 else IPV6_NOT_AVAILABLE
    elif error.errno == errno.EAFNOSUPPORT:
        text += f" (this system has no IPv{address.ip_version})"
    return text
