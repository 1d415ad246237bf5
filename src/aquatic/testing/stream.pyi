"""The connection server for tests, with lines for a protocol (see line_protocol.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aquatic.dataplane.stream.tls_context import TlsContext

CONNECTION_BYTES: int  # of a record

def decode_proxy_header(content: bytes) -> tuple[str, int, tuple[bytes, int] | None]:
    """Return "complete", "partial" or "bad"; where it is complete its length and the source it names, if any."""

@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """What a worker is told; see StreamLimits and StreamListener in abi/connection.pxd."""

    connections_max: int = 1000
    memory_bytes_max: int = 0
    connections_per_address_max: int = 0
    connections_per_address_second_max: int = 0
    connections_per_address_burst_max: int = 1
    handshake_seconds_max: int = 10
    header_seconds_max: int = 10
    idle_seconds_max: int = 60
    output_seconds_max: int = 60
    look_seconds: int = 20
    certificate_seconds_max: int = 86_400
    inbox_bytes_max: int = 1 << 20
    linger_seconds_max: int = 2
    request_bytes_max: int = 4096
    output_bytes_max: int = 16384
    listeners: int = 1
    trusted_networks: tuple[str, ...] = ()
    has_proxy_protocol: bool = False
    has_proxy_address_header: bool = False
    measures_latency: bool = False
    poll_timeout_ms: int = 10

class StreamGroup:
    """Workers whose connections may send each other messages, all of which must be there while any of them runs."""

class StreamServer:
    """A worker on real sockets, alone or in a group."""

    def __init__(self, settings: StreamSettings, group: StreamGroup | None = None) -> None: ...
    def run(self, listeners: Sequence[int]) -> None:
        """Serve these listening, non-blocking sockets until `stop`, without the GIL."""
    def set_tls(self, context: TlsContext) -> None:
        """Begin TLS with it on every connection from now on, at every listener."""
    def stop(self) -> None: ...
    def heartbeat(self) -> int: ...
    def counters(self, family: int = 4) -> dict[str, int]: ...
    def latencies(self, kind: int) -> int:
        """How many answers of this kind have been timed."""
    def memory_bytes(self) -> int:
        """Of records and buffers, in whole slabs."""
    def held_bytes(self) -> int:
        """The same, with what the system has not been given back: empty slabs, and a table of addresses in which
        nobody is.
        """

class StreamSimulation(StreamServer):
    """A worker on the in-memory backend. The driver is every peer and the clock; numbers name connections."""

    def set_time(self, seconds: float) -> None: ...
    def turn(self) -> None: ...
    def drain(self) -> None:
        """The end of a worker."""
    def connect(self, ip: bytes = ..., listener: int = 0) -> int: ...
    def name(self, number: int) -> bytes:
        """What others call a connection that was accepted, as it would tell itself."""
    def deliver(self, number: int, content: bytes) -> int:
        """Send to the server; returns how much its receive buffer has taken."""
    def end(self, number: int) -> None:
        """End the peer's side."""
    def reset(self, number: int) -> None: ...
    def take(self, number: int) -> bytes:
        """What the server has sent since the last call."""
    def state(self, number: int) -> Literal["waiting", "open", "ended", "closed"]:
        """In a listener's queue, accepted, the server's side ended, or closed by the server."""
    def forget(self, number: int) -> None:
        """Let a closed connection's number be used again."""
    def split_receives(self, number: int, length: int) -> None:
        """Let the server read at most so much at once."""
    def limit_sends(self, number: int, length: int) -> None:
        """Take so many more bytes from the server; a negative number ends that."""
    def limit_descriptors(self, count: int) -> None:
        """Let the server have at most so many; a negative number ends that."""
    def descriptors(self) -> int: ...
    def wakes(self) -> int:
        """How often another worker has woken this one."""
    def fail_accept(self, error_number: int) -> None:
        """Let the next accept fail, once."""
    def fail_watch(self, after: int) -> None:
        """Let all registrations for events fail after so many more; a negative number ends that."""
    def fail_allocation(self, after: int) -> None:
        """Let all allocations of records and buffers fail after so many more; a negative number ends that."""
    def allocations_left(self) -> int: ...
