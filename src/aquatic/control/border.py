# ruff: noqa: D102 -- the stubs of the data plane's border modules document the methods
"""What the control plane needs of the data plane, as a type that tests' fakes satisfy too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from aquatic.dataplane.stream.tls_context import TlsContext

IpVersion = Literal[4, 6]
IP_VERSIONS: tuple[IpVersion, IpVersion] = (4, 6)


class SwarmBorder(Protocol):
    """The swarm store; the stub of `aquatic.dataplane.swarm.border` has shapes, units and errors."""

    def stop(self) -> None: ...
    def heartbeat(self, index: int) -> int: ...
    def swarm_counts(self) -> dict[str, int]: ...
    def peers_per_torrent_buckets(self, family: IpVersion) -> list[int]: ...
    def peer_prefixes(self) -> list[tuple[bytes, int]]: ...
    def set_access_list(self, mode: Literal["off", "allow", "deny"], info_hashes: bytes) -> None: ...
    def export_torrents(self, cursor: int) -> tuple[int, bytes]: ...
    def export_downloads(self, cursor: int) -> tuple[int, bytes]: ...
    def import_downloads(self, records: bytes) -> int: ...
    def cleanings(self) -> int: ...


class UdpBorder(Protocol):
    """The UDP workers; the stub of `aquatic.dataplane.udp.border` has shapes, units and errors."""

    def run_worker(self, index: int, ipv4_socket: int, ipv6_socket: int) -> None: ...
    def counters(self, index: int, family: IpVersion) -> dict[str, int]: ...
    def latency_buckets(self, index: int, request_type: str) -> list[int]: ...


class WsSwarmBorder(Protocol):
    """The swarms of WebTorrent; the stub of `aquatic.dataplane.ws.border` has shapes, units and errors."""

    def swarm_counts(self) -> dict[str, int]: ...
    def peer_prefixes(self) -> list[tuple[bytes, int]]: ...


class StreamBorder(Protocol):
    """The stream workers; the stub of `aquatic.dataplane.stream.border` has shapes, units and errors."""

    def run_worker(self, index: int, listeners: tuple[int, ...]) -> None: ...
    def set_tls(self, listener: int, context: TlsContext) -> None: ...
    def connection_counters(self, index: int, family: IpVersion) -> dict[str, int]: ...
    def http_counters(self, index: int, family: IpVersion) -> dict[str, int]: ...
    def ws_counters(self, index: int, family: IpVersion) -> dict[str, int]: ...
    def latency_buckets(self, index: int, answer_kind: str) -> list[int]: ...
    def ws_latency_buckets(self, index: int, answer_kind: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class DataPlane:
    """The swarms, those who serve them (None: nobody does over that transport), and the scale of their buckets."""

    swarm: SwarmBorder
    udp: UdpBorder | None
    stream: StreamBorder | None
    ws_swarm: WsSwarmBorder | None  # None: nobody serves WebTorrent
    # The greatest value that falls into the bucket of this index.
    bucket_bound: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """How many workers of each kind there are."""

    udp: int
    stream: int

    @property
    def total(self) -> int:
        """All that share the swarms."""
        return self.udp + self.stream
