"""The border between the control plane and the stream workers: everything Python may ask of them."""

from typing import Final, Literal

from aquatic.dataplane.stream.tls_context import TlsContext
from aquatic.dataplane.swarm.border import Swarm
from aquatic.dataplane.ws.border import WsSwarm

ANSWER_KIND_NAMES: Final = ("announce", "scrape", "other")
CONNECTION_COUNTER_NAMES: Final[tuple[str, ...]]
HTTP_COUNTER_NAMES: Final[tuple[str, ...]]
WS_COUNTER_NAMES: Final[tuple[str, ...]]

class ListenerSettings:
    """One listener of all workers. `address_header`: the name of the header in which trusted proxies tell the client's
    address, empty where none does; `trusted_networks`: packed address and bits of the prefix of each; `origins`: of the
    pages that may open WebSockets, none: of any.
    """

    def __init__(
        self,
        *,
        has_proxy_protocol: bool = False,
        address_header: bytes = b"",
        trusted_networks: tuple[tuple[bytes, int], ...] = (),
        keeps_alive: bool = True,
        answers_health: bool = False,
        speaks_http: bool = True,
        speaks_websocket: bool = False,
        origins: tuple[bytes, ...] = (),
    ) -> None: ...

class WebsocketSettings:
    """What WebSocket is told beyond what all connections are. `scrape_torrents_max` is what fits `output_bytes_max` at
    most; `frame_bytes_max` is of payloads; `look_seconds`: how often each connection is looked after.
    """

    def __init__(
        self,
        *,
        announce_interval_seconds: int,
        scrape_torrents_max: int,
        offers_max: int,
        message_bytes_max: int,
        frame_bytes_max: int,
        output_bytes_max: int,
        idle_seconds_max: int,
        look_seconds: int,
        torrents_per_connection_max: int,
        tls_grace_seconds: int,
    ) -> None: ...

class StreamSettings:
    """What the workers are told once, at start. Connections and memory are for each worker; a limit by address of 0 is
    none; `response_peers_max` and `scrape_torrents_max` are what fits `output_bytes_max` at most.
    """

    def __init__(
        self,
        *,
        workers: int,
        listeners: tuple[ListenerSettings, ...],
        poll_timeout_ms: int,
        connections_max: int,
        connections_per_address_max: int,
        connections_per_address_second_max: int,
        handshake_seconds_max: int,
        header_seconds_max: int,
        idle_seconds_max: int,
        request_bytes_max: int,
        output_bytes_max: int,
        memory_bytes_max: int,
        announce_interval_seconds: int,
        announce_interval_seconds_min: int,
        announce_jitter_seconds_max: int,
        large_swarm_peers: int,
        large_swarm_interval_seconds: int,
        not_allowed_retry_minutes: int,
        response_peers_max: int,
        scrape_torrents_max: int,
        latency: bool = False,
        websocket: WebsocketSettings | None = None,
    ) -> None: ...

class StreamWorkers:
    """The state of all stream workers. Threads call `run_worker`; every other method is for the control plane."""

    @property
    def swarm(self) -> Swarm: ...
    @property
    def ws_swarm(self) -> WsSwarm | None: ...
    def __init__(
        self,
        swarm: Swarm,
        settings: StreamSettings,
        first_index: int = 0,
        ws_swarm: WsSwarm | None = None,
    ) -> None:
        """Reserves what the workers need; they are the swarm's workers from `first_index` on. `ws_swarm` is needed with
        `settings.websocket`. MemoryError.
        """
    def run_worker(self, index: int, listeners: tuple[int, ...]) -> None:
        """Serve these listening, non-blocking sockets, in the settings' order, until the swarm is stopped, without the
        GIL. Ends the process if it fails; OSError if it cannot begin.
        """
    def set_tls(self, listener: int, context: TlsContext) -> None:
        """Encrypt new connections of this listener so; those that are open keep what they began with."""
    def connection_counters(self, index: int, family: Literal[4, 6]) -> dict[str, int]:
        """Connections of one worker since start, by the names in `CONNECTION_COUNTER_NAMES` (`active`: now)."""
    def http_counters(self, index: int, family: Literal[4, 6]) -> dict[str, int]:
        """Requests and responses of one worker since start, by the names in `HTTP_COUNTER_NAMES`."""
    def ws_counters(self, index: int, family: Literal[4, 6]) -> dict[str, int]:
        """Messages of one worker since start, by the names in `WS_COUNTER_NAMES`."""
    def latency_buckets(self, index: int, answer_kind: str) -> list[int]:
        """Responses over HTTP by latency since start, on the scale of `latency_bucket_bound_ns`
        (dataplane/swarm/border.pyi).
        """
    def ws_latency_buckets(self, index: int, answer_kind: str) -> list[int]:
        """The same over WebSocket."""
