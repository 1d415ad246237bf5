"""The tracker in a process of its own, on loopback, for real clients to find each other through it."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, AF_INET6, AddressFamily

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
