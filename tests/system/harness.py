"""The tracker in a process of its own, on loopback, for real clients to find each other through it."""

import contextlib
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

from tests.support.certificates import Certificate, make_certificate
from tests.support.http_client import running_tracker as running_any_tracker
from tests.support.processes import Process
from tests.support.udp_client import Address, UdpClient, listening_address, running_udp_tracker

# Everything else is the default. The ports are chosen by the system.
LOOPBACK = """
[network]
address_ipv4 = "127.0.0.1:0"
address_ipv6 = "[::1]:0"
"""


@dataclass(frozen=True)
class Tracker:
    process: Process
    addresses: dict[AddressFamily, Address]

    def announce_url(self, family: AddressFamily) -> str:
        """What goes into a torrent."""
        host, port = self.addresses[family]
        return f"udp://[{host}]:{port}/announce" if ":" in host else f"udp://{host}:{port}/announce"

    @contextlib.contextmanager
    def client(self, family: AddressFamily) -> Iterator[UdpClient]:
        """A plain client that has a connection id."""
        with UdpClient(self.addresses[family]) as client:
            client.connect()
            yield client


@contextlib.contextmanager
def running_tracker(folder: Path) -> Iterator[Tracker]:
    """A tracker that is ready on both families, and must end cleanly when it is told to."""
    with running_udp_tracker(folder, LOOPBACK) as process:
        yield Tracker(process, {family: listening_address(process) for family in (AF_INET, AF_INET6)})
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors


@dataclass(frozen=True)
class Server:
    """`aquatic serve` with every protocol."""

    process: Process
    certificate: Certificate
    # By the scheme of a tracker's URL.
    addresses: dict[tuple[str, AddressFamily], Address]

    def announce_url(self, scheme: str, family: AddressFamily) -> str:
        host, port = self.addresses[scheme, family]
        return f"{scheme}://[{host}]:{port}/announce" if ":" in host else f"{scheme}://{host}:{port}/announce"

    def trusted(self, scheme: str) -> Path | None:
        """The certificate that a client must be told to trust."""
        return self.certificate.certificate if scheme in ("https", "wss") else None

    @contextlib.contextmanager
    def client(self, family: AddressFamily) -> Iterator[UdpClient]:
        """A plain client over UDP, to see what the swarms are like."""
        with UdpClient(self.addresses["udp", family]) as client:
            client.connect()
            yield client


# What is spoken where, the first protocol by its scheme.
SPOKEN = {"udp": ["udp"], "http": ["http", "ws"], "https": ["http", "ws"]}
# Who makes offers before anybody is there makes them again after this time.
WS_INTERVAL_SECONDS = 2
HOSTS = {AF_INET: "127.0.0.1", AF_INET6: "[::1]"}


def listen_table(scheme: str, host: str, certificate: Certificate) -> str:
    """A part of the native file; the system chooses the port."""
    lines = ["[[listen]]", f'address = "{host}:0"', f"protocols = {SPOKEN[scheme]}"]
    if scheme == "https":
        lines += [
            "tls = true",
            f'tls_certificate_path = "{certificate.certificate}"',
            f'tls_private_key_path = "{certificate.private_key}"',
        ]
    return "\n".join([*lines, ""])


def told_addresses(process: Process, count: int) -> dict[tuple[str, AddressFamily], Address]:
    """Where so many sockets listen that a process tells of."""
    addresses = {}
    for _ in range(count):
        line = process.wait_for_line("listening on ")
        match = re.fullmatch(r"listening on (\w+)://\[?([^\]]+?)\]?:(\d+)", line)
        assert match is not None, line
        scheme, host, port = match.groups()
        addresses[scheme, AF_INET6 if ":" in host else AF_INET] = host, int(port)
    return addresses


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """A server of every protocol on both families, which must end cleanly when it is told to."""
    certificate = make_certificate(folder)
    listeners = [(scheme, host) for scheme in SPOKEN for host in HOSTS.values()]
    told_count = sum(len(SPOKEN[scheme]) for scheme, _host in listeners)
    tables = [listen_table(*listener, certificate) for listener in listeners]
    configuration = "".join([*tables, f"[ws]\nannounce_interval_seconds = {WS_INTERVAL_SECONDS}\n"])
    with running_any_tracker(folder, "serve", configuration) as process:
        yield Server(process, certificate, told_addresses(process, told_count))
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.errors
