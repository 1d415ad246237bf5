"""The border between the control plane and the UDP workers: everything Python may ask of them."""

from typing import Final, Literal

from aquatic.dataplane.swarm.border import Swarm

REQUEST_TYPES: Final = ("connect", "announce", "scrape")

class UdpSettings:
    """What the workers are told once, at start."""

    def __init__(
        self,
        *,
        workers: int,
        announce_interval_seconds: int,
        response_peers_max: int,
        scrape_torrents_max: int,
        connection_age_seconds_max: int,
        poll_timeout_ms: int,
        resend_responses_max: int,
        batch_datagrams: int = 32,
        latency: bool = False,
    ) -> None: ...

class UdpWorkers:
    """The state of all UDP workers. Threads call `run_worker`; every other method is for the control plane."""

    @property
    def swarm(self) -> Swarm: ...
    def __init__(self, swarm: Swarm, settings: UdpSettings, first_index: int = 0) -> None:
        """Takes all memory that the workers need; they are the swarm's workers from `first_index` on. MemoryError."""
    def run_worker(self, index: int, ipv4_socket: int, ipv6_socket: int) -> None:
        """Serve the bound, non-blocking sockets (-1: none) until `stop`, without the GIL. Ends the process if
        it fails.
        """
    def counters(self, index: int, family: Literal[4, 6]) -> dict[str, int]:
        """Counters of one worker since start, by the names in `COUNTER_NAMES`."""
    def latency_buckets(self, index: int, request_type: str) -> list[int]:
        """Responses by latency since start; the bounds of bucket i are `latency_bucket_bound_ns(i - 1)`
        (excluded) to (i) (included).
        """

COUNTER_NAMES: Final = (
    "requests_connect",
    "requests_announce",
    "requests_scrape",
    "responses_connect",
    "responses_announce",
    "responses_scrape",
    "responses_error",
    "errors_malformed",
    "errors_connection_id_bad",
    "errors_connection_id_expired",
    "errors_refused",
    "errors_not_allowed",
    "bytes_received",
    "bytes_sent",
    "dropped_by_kernel",
    "dropped_send_buffer_full",
    "dropped_send_error",
    "resent",
    "batches",
    "waits",
)
