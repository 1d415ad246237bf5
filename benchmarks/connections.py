"""Memory of idle connections: open many to an HTTP tracker that runs, let each ask once, close them, and look.

Works with any tracker: it is given by its URL and the process whose memory counts. Limits of connections by address
are the tracker's to lift, and so are times after which idle connections are closed.
"""

import argparse
import resource
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from benchmarks.process import resident_bytes
from benchmarks.report import Document, log

REQUEST = "GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: {host}\r\n\r\n"
# A tracker may give memory back a moment after the last connection has gone.
SETTLE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class IdleMemory:
    """Resident memory before, with and after the connections of one round."""

    connections: int
    before_bytes: int
    open_bytes: int
    closed_bytes: int

    @property
    def connection_bytes(self) -> float:
        """What each costs while it is open."""
        return (self.open_bytes - self.before_bytes) / self.connections

    @property
    def given_back(self) -> float:
        """The part of that which is the system's again."""
        return (self.open_bytes - self.closed_bytes) / max(self.open_bytes - self.before_bytes, 1)


def table_row(memory: IdleMemory) -> list[str]:
    """Connections, bytes of each, and the per cent given back."""
    return [f"{memory.connections:,}", f"{memory.connection_bytes:,.0f}", f"{100 * memory.given_back:.1f} %"]


def client_context() -> ssl.SSLContext:
    """What TLS costs does not depend on whether the certificate is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def open_and_ask(url: SplitResult, context: ssl.SSLContext | None) -> socket.socket:
    """A connection that has been answered once. OSError when it is not, or is closed after it."""
    host, port = url.hostname or "127.0.0.1", url.port or (443 if context else 80)
    connection: socket.socket = socket.create_connection((host, port), timeout=30)
    if context:
        connection = context.wrap_socket(connection, server_hostname=host)
    connection.sendall(REQUEST.format(host=url.netloc).encode())
    if not connection.recv(1 << 16).startswith(b"HTTP/1."):
        raise OSError("a connection was not answered: is there a limit by address?")
    return connection


def measure(url: SplitResult, pid: int, count: int) -> IdleMemory:
    """One round."""
    smaps = Path(f"/proc/{pid}/smaps_rollup")
    context = client_context() if url.scheme == "https" else None
    before = resident_bytes(smaps.read_text())
    connections = [open_and_ask(url, context) for _ in range(count)]
    time.sleep(SETTLE_SECONDS)
    opened = resident_bytes(smaps.read_text())
    for connection in connections:
        connection.close()
    time.sleep(SETTLE_SECONDS)
    return IdleMemory(count, before, opened, resident_bytes(smaps.read_text()))


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connections", description=__doc__)
    parser.add_argument("url", help="http://ADDRESS:PORT or https://ADDRESS:PORT")
    parser.add_argument("--pid", type=int, required=True, help="the tracker's process")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2, help="the first also pays for what is needed once")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    rounds = []
    for number in range(options.rounds):
        rounds.append(measure(urlsplit(options.url), options.pid, options.connections))
        log(f"round {number + 1}: {', '.join(table_row(rounds[-1]))}")
    document = Document("Memory of idle connections", data={"rounds": rounds})
    caption = "Each has been answered once; resident memory of the whole process"
    document.table(caption, ["connections", "bytes each", "given back"], map(table_row, rounds))
    document.write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
