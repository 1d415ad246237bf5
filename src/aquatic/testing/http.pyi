"""HTTP in the data plane for tests: bytes in and out."""

from typing import Any

from aquatic.dataplane.stream.border import StreamWorkers
from aquatic.testing.swarm import Family, Swarm

HTTP_COUNTER_NAMES: tuple[str, ...]

def decode_head(data: bytes, request_bytes_max: int = 8192, address_header: bytes = b"") -> dict[str, Any]:
    """The verdict and, where it is "complete", what was read of the head."""

def decode_target(target: bytes) -> dict[str, Any]:
    """What a target asks for, as HttpRequest in abi/http_wire.pxd has it."""

def read_forwarded(value: bytes) -> bytes | None:
    """The address that a proxy's header names last."""

class HttpService:
    """The handler of one worker on a swarm, whose time it shares."""

    swarm: Swarm
    # Whom the protocol that the last exchange has switched to takes for its client; None where it has not.
    switched_source: bytes | None
    def __init__(
        self,
        swarm: Swarm,
        *,
        request_bytes_max: int = 8192,
        response_bytes_max: int = 16384,
        address_header: bytes = b"",
        peers_max: int = 50,
        scrape_torrents_max: int = 100,
        announce_interval_seconds: int = 120,
        announce_interval_seconds_min: int = 0,
        announce_jitter_seconds_max: int = 0,
        large_swarm_peers: int = 0,
        large_swarm_interval_seconds: int = 0,
        not_allowed_retry_minutes: int = 0,
        keeps_alive: bool = True,
        answers_health: bool = True,
        speaks_http: bool = True,
        speaks_websocket: bool = False,
        origins: tuple[bytes, ...] = (),
        seed: int = 1,
    ) -> None: ...
    def serve(
        self,
        data: bytes,
        ip: bytes,
        port: int = 1,
        is_from_proxy: bool = False,
        output_capacity: int = 16384,
    ) -> tuple[int, bytes, tuple[int, int, int], bool, bool]:
        """One exchange: used, written, answered by kind, needs_room, closes."""
    def set_access_list(self, mode: str, info_hashes: bytes) -> None: ...
    def counters(self, family: Family) -> dict[str, int]: ...

class HttpSimulation:
    """The first of these workers, with connections in memory. Time passes only by `set_time`."""

    workers: StreamWorkers
    def __init__(self, workers: StreamWorkers) -> None: ...
    def set_time(self, seconds: float) -> None: ...
    def turn(self) -> None:
        """One turn of the worker's loop."""
    def connect(self, ip: bytes, listener: int = 0) -> int:
        """Open a connection; the other calls name it by this number."""
    def deliver(self, number: int, content: bytes) -> int:
        """Send to the server; returns how much its receive buffer has taken."""
    def take(self, number: int) -> bytes:
        """What the server has sent since the last call."""
    def end(self, number: int) -> None:
        """End the peer's side."""
    def reset(self, number: int) -> None: ...
    def forget(self, number: int) -> None:
        """Let a closed connection's number be used again."""
    def has_ended(self, number: int) -> bool:
        """Whether the server has ended its side, or closed the connection."""
    def limit_sends(self, number: int, length: int) -> None:
        """Take so many more bytes from the server; a negative number ends that."""
    def descriptors(self) -> int: ...
    def memory_bytes(self) -> int:
        """Of connections' records and buffers, in whole slabs."""
    def fail_allocation(self, after: int) -> None:
        """Let all allocations of connections, and all of swarms, fail after so many more each; a negative number ends
        that.
        """
    def allocations_left(self) -> tuple[int, int]:
        """How many more until they fail: those of connections, those of swarms."""
