"""Workers' sockets on the loopback addresses: sharing, exclusion, options, steering."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from aquatic.bench.process import claimed_port
from aquatic.control import sockets
from aquatic.control.errors import StartError
from aquatic.control.model import Listener, Protocol
from aquatic.control.socket_address import SocketAddress
from aquatic.control.sockets import (
    BoundListener,
    backlog_warning,
    open_datagram_listeners,
    receive_buffer_warning,
)

Source = tuple[str, int]
Bind = Callable[..., list[BoundListener]]


def listener(text: str, **changes: Any) -> Listener:
    return Listener(address=SocketAddress.parse(text), **changes)


@pytest.fixture
def bind() -> Iterator[Bind]:
    """open_datagram_listeners with plain options, closed at the end of the test."""
    with ExitStack() as opened:

        def bind_and_remember(
            *listeners: Listener, workers: int = 2, timestamps: bool = False, steering: bool = False
        ) -> list[BoundListener]:
            bound = open_datagram_listeners(listeners, workers, timestamps=timestamps, steering=steering)
            for each in bound:
                for one_socket in each.sockets:
                    opened.enter_context(one_socket)
            return bound

        yield bind_and_remember


def received(bound: BoundListener) -> list[list[Source]]:
    """The sources of the datagrams that wait at each worker's socket."""
    sources = []
    for each in bound.sockets:
        here = []
        while True:
            try:
                here.append(each.recvfrom(100)[1][:2])
            except BlockingIOError:
                break
        sources.append(here)
    return sources


def send_flows(address: SocketAddress, flows: int, datagrams: int) -> set[Source]:
    """Send datagrams from so many ports in turn and return the ports' addresses."""
    family = socket.AF_INET6 if address.ip_version == 6 else socket.AF_INET
    with ExitStack() as opened:
        clients = [opened.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(flows)]
        for client in clients:
            client.connect((str(address.host), address.port))
        for _ in range(datagrams):
            for client in clients:
                client.send(b"x")
        return {client.getsockname()[:2] for client in clients}


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0"])
def test_workers_share_a_port_that_the_system_chose(bind: Bind, text: str) -> None:
    (bound,) = bind(listener(text), workers=3)
    assert bound.address.port != 0
    assert {each.getsockname()[1] for each in bound.sockets} == {bound.address.port}
    clients = send_flows(bound.address, flows=60, datagrams=1)
    arrived = received(bound)
    assert all(arrived), "every worker must get a part"
    assert {source for here in arrived for source in here} == clients


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0"])
def test_steering_keeps_each_flow_at_one_worker_and_uses_both(bind: Bind, text: str) -> None:
    (bound,) = bind(listener(text), steering=True)
    clients = send_flows(bound.address, flows=60, datagrams=5)
    first, second = received(bound)
    assert len(first) + len(second) == 300
    assert set(first) | set(second) == clients
    assert not set(first) & set(second)
    assert set(first)
    assert set(second)


def test_steering_looks_at_the_source_alone(bind: Bind) -> None:
    """The kernel's own choice would send half of the flows elsewhere for another destination."""
    (bound,) = bind(listener("0.0.0.0:0"), steering=True)
    with ExitStack() as opened:
        for _ in range(40):
            client = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.bind(("127.0.0.1", 0))
            for destination in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                client.sendto(b"x", (destination, bound.address.port))
    first, second = received(bound)
    assert len(first) + len(second) == 120
    assert not set(first) & set(second)


def test_steering_of_ipv4_on_a_dual_stack_socket(bind: Bind) -> None:
    (bound,) = bind(listener("[::]:0", ipv6_only=False), steering=True)
    send_flows(SocketAddress.parse(f"127.0.0.1:{bound.address.port}"), flows=30, datagrams=3)
    send_flows(SocketAddress.parse(f"[::1]:{bound.address.port}"), flows=30, datagrams=3)
    first, second = received(bound)
    assert len(first) + len(second) == 180
    assert not set(first) & set(second)
    for prefix in ("::ffff:127.", "::1"):
        assert any(host.startswith(prefix) for host, _ in first)
        assert any(host.startswith(prefix) for host, _ in second)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("other_workers", [1, 2])
def test_a_second_tracker_is_refused(bind: Bind, workers: int, other_workers: int) -> None:
    (bound,) = bind(listener("127.0.0.1:0"), workers=workers)
    again = replace(bound.listener, address=bound.address)
    with pytest.raises(StartError, match=rf"udp://127\.0\.0\.1:{bound.address.port}: Address already in use"):
        bind(again, workers=other_workers)


def test_an_address_is_refused_that_another_program_shares(bind: Bind) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        with pytest.raises(StartError, match="already in use"):
            bind(listener(f"127.0.0.1:{other.getsockname()[1]}"))


def test_an_ipv4_program_is_noticed_by_a_dual_stack_listener(bind: Bind) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        with pytest.raises(StartError, match="already in use"):
            bind(listener(f"[::]:{other.getsockname()[1]}", ipv6_only=False))


@pytest.mark.parametrize("order", [1, -1])
def test_own_listeners_may_overlap(bind: Bind, order: int) -> None:
    with claimed_port(socket.SOCK_DGRAM) as port:
        listeners = [listener(f"0.0.0.0:{port}"), listener(f"[::]:{port}", ipv6_only=False)][::order]
        bound = bind(*listeners)
    assert [each.listener for each in bound] == listeners
    ipv4, ipv6 = bound[::order]
    clients = send_flows(SocketAddress.parse(f"127.0.0.1:{port}"), flows=20, datagrams=1)
    assert {source for here in received(ipv4) for source in here} == clients
    clients = send_flows(SocketAddress.parse(f"[::1]:{port}"), flows=20, datagrams=1)
    assert {source for here in received(ipv6) for source in here} == clients


def test_nothing_stays_bound_when_one_listener_fails(bind: Bind) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with claimed_port(socket.SOCK_DGRAM) as port:
            with pytest.raises(StartError):
                bind(listener(f"127.0.0.1:{port}"), listener(f"127.0.0.1:{other.getsockname()[1]}"))
            bind(listener(f"127.0.0.1:{port}"))


def test_an_address_of_no_interface_is_named(bind: Bind) -> None:
    with pytest.raises(StartError, match=r"cannot listen on udp://203\.0\.113\.9:0: .*no network interface"):
        bind(listener("203.0.113.9:0"))


@pytest.mark.parametrize(
    ("text", "level", "option", "expected"),
    [
        ("0.0.0.0:0", socket.IPPROTO_IP, sockets.IP_PKTINFO, 1),
        ("127.0.0.1:0", socket.IPPROTO_IP, sockets.IP_PKTINFO, 0),
        ("[::]:0", socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1),
        ("[::1]:0", socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 0),
        ("[::]:0", socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1),
        ("127.0.0.1:0", socket.SOL_SOCKET, sockets.SO_RXQ_OVFL, 1),
        ("127.0.0.1:0", socket.SOL_SOCKET, sockets.SO_TIMESTAMPNS, 0),
    ],
)
def test_options(bind: Bind, text: str, level: int, option: int, expected: int) -> None:
    (bound,) = bind(listener(text))
    assert [each.getsockopt(level, option) for each in bound.sockets] == [expected] * 2
    assert not any(each.getblocking() for each in bound.sockets)


def test_timestamps_only_when_asked_for(bind: Bind) -> None:
    (bound,) = bind(listener("127.0.0.1:0"), timestamps=True)
    assert [each.getsockopt(socket.SOL_SOCKET, sockets.SO_TIMESTAMPNS) for each in bound.sockets] == [1, 1]


def test_the_receive_buffer_is_what_was_asked_for(bind: Bind) -> None:
    (bound,) = bind(listener("127.0.0.1:0", receive_buffer_bytes=100_000))
    assert bound.receive_buffer_bytes == 100_000
    assert receive_buffer_warning(bound) is None


def test_zero_leaves_the_systems_receive_buffer(bind: Bind) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        default = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    (bound,) = bind(listener("127.0.0.1:0", receive_buffer_bytes=0))
    assert bound.receive_buffer_bytes == default
    assert receive_buffer_warning(bound) is None


def test_too_small_a_receive_buffer_is_said_with_the_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        asked = listener("127.0.0.1:0", receive_buffer_bytes=8_000_000)
        bound = BoundListener(asked, SocketAddress.parse("127.0.0.1:3000"), (small,))
        warning = receive_buffer_warning(bound)
    assert warning is not None
    assert "udp://127.0.0.1:3000" in warning
    assert "100,000 bytes instead of 8,000,000" in warning
    assert "sysctl -w net.core.rmem_max=8000000" in warning


@pytest.mark.parametrize("queue_max", [1_024, 4_096, None])
def test_a_backlog_that_fits_is_not_spoken_of(queue_max: int | None) -> None:
    asked = listener("127.0.0.1:0", protocols=(Protocol.HTTP,), backlog_connections=1_024)
    bound = BoundListener(asked, SocketAddress.parse("127.0.0.1:3000"), ())
    assert backlog_warning(bound, queue_max) is None


def test_a_backlog_that_the_kernel_cuts_is_said_with_the_remedy() -> None:
    asked = listener("127.0.0.1:0", protocols=(Protocol.HTTP,), backlog_connections=1_024)
    warning = backlog_warning(BoundListener(asked, SocketAddress.parse("127.0.0.1:3000"), ()), 128)
    assert warning is not None
    assert "http://127.0.0.1:3000" in warning
    assert "128 connections wait for a worker instead of 1,024" in warning
    assert "sysctl -w net.core.somaxconn=1024" in warning


BUFFERS = """
import os, sys
from aquatic.control.model import Listener
from aquatic.control.socket_address import SocketAddress
from aquatic.control.sockets import open_datagram_listeners, receive_buffer_warning
if sys.argv[1] == "unprivileged" and os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
wanted = int(open("/proc/sys/net/core/rmem_max").read()) + 1_000_000
listener = Listener(address=SocketAddress.parse("127.0.0.1:0"), receive_buffer_bytes=wanted)
(bound,) = open_datagram_listeners([listener], 1, timestamps=False, steering=False)
print(bound.receive_buffer_bytes - wanted, f"net.core.rmem_max={wanted}" in (receive_buffer_warning(bound) or ""))
"""


def buffer_above_the_systems_bound(user: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", BUFFERS, user], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_buffer_above_the_systems_bound_is_cut_and_said() -> None:
    assert buffer_above_the_systems_bound("unprivileged") == "-1000000 True"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_NET_ADMIN")
def test_with_the_right_to_it_the_configured_buffer_is_had() -> None:
    assert buffer_above_the_systems_bound("privileged") == "0 False"
