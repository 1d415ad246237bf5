"""Readings of a tracker's counters and what came between two of them."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aquatic.control.access_list import ServedAccessList
from aquatic.control.border import IP_VERSIONS, DataPlane, IpVersion, WorkerCounts
from aquatic.control.model import Protocol, Statistics
from aquatic.control.statistics.counters import LATENCY_TYPES, FamilyCounters, between
from aquatic.control.statistics.distribution import Distribution
from aquatic.peer_id import PREFIX_BYTES, identify_prefix

OTHER_CLIENTS = "Other"
OTHER_PREFIXES = "other"
CLIENTS_MAX = 1_000

# Of each protocol that is served, by type; empty when it is not measured.
Latency = dict[Protocol, dict[str, Distribution]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything counted since start, as of one moment. Counters are by worker: none where nothing is served so.

    HTTP is counted wherever connections are: WebSocket begins with it.
    """

    time_seconds: float  # of a clock that only goes forward
    udp: list[FamilyCounters]
    http: list[FamilyCounters]
    ws: list[FamilyCounters]
    connections: list[FamilyCounters]  # of the workers that serve HTTP and WebSocket
    swarm: dict[str, int]
    ws_swarm: dict[str, int]  # empty where WebTorrent is not served
    latency: Latency  # nanoseconds
    access_list_entries: int
    protocols: tuple[Protocol, ...]  # those that are served

    @property
    def memory_bytes(self) -> int:
        """What all swarms take."""
        return self.swarm["memory_bytes"] + self.ws_swarm.get("memory_bytes", 0)


@dataclass(frozen=True, slots=True)
class PeerClients:
    """Peers by client and by the first bytes of their ids (hexadecimal), the most frequent first."""

    names: list[tuple[str, int]]
    prefixes: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Report:
    """One interval: what outputs for people show."""

    seconds: float
    reading: Reading  # at the interval's end
    # Within the interval, all workers together; the reading has what is since start.
    udp: FamilyCounters
    http: FamilyCounters
    ws: FamilyCounters
    connections: FamilyCounters
    latency: Latency
    peers_per_torrent: dict[IpVersion, Distribution] | None  # None: not asked for
    clients: PeerClients | None  # None: not asked for

    def per_second(self, count: int) -> float:
        """What counted so many times in the interval, in each of its seconds."""
        return count / self.seconds


class Collector:
    """Reads a tracker; only what the configuration asks for."""

    def __init__(
        self,
        data_plane: DataPlane,
        counts: WorkerCounts,
        protocols: Iterable[Protocol],
        settings: Statistics,
        access_list: ServedAccessList,
    ) -> None:
        """`protocols` are those that are served."""
        self._swarm = data_plane.swarm
        self._ws_swarm = data_plane.ws_swarm
        self._udp = data_plane.udp
        self._stream = data_plane.stream
        self._bound = data_plane.bucket_bound
        self._protocols = tuple(protocols)
        self._counts = counts
        self._settings = settings
        self._access_list = access_list
        self._last = self.read()
        self.last_report: Report | None = None

    def read(self) -> Reading:
        """Counters of this moment. Cheap: it does not depend on the swarm's size."""
        udp, stream, counts = self._udp, self._stream, self._counts
        return Reading(
            time_seconds=time.monotonic(),
            udp=_counters(udp.counters, counts.udp) if udp else [],
            http=_counters(stream.http_counters, counts.stream) if stream else [],
            ws=_counters(stream.ws_counters, counts.stream) if stream and self._ws_swarm else [],
            connections=_counters(stream.connection_counters, counts.stream) if stream else [],
            swarm=self._swarm.swarm_counts(),
            ws_swarm=self._ws_swarm.swarm_counts() if self._ws_swarm else {},
            latency=self._latency() if self._settings.response_latency else {},
            access_list_entries=self._access_list.entries_count,
            protocols=self._protocols,
        )

    def report(self) -> Report:
        """What happened since the last report (or since start)."""
        last, now = self._last, self.read()
        report = Report(
            seconds=max(now.time_seconds - last.time_seconds, 1e-6),
            reading=now,
            udp=between(last.udp, now.udp),
            http=between(last.http, now.http),
            ws=between(last.ws, now.ws),
            connections=between(last.connections, now.connections),
            latency={
                protocol: {kind: by_type[kind].since(last.latency[protocol][kind]) for kind in by_type}
                for protocol, by_type in now.latency.items()
            },
            peers_per_torrent=self._peers_per_torrent(),
            clients=self._peer_clients() if self._settings.peer_clients else None,
        )
        self._last = now
        self.last_report = report
        return report

    def _latency(self) -> Latency:
        udp, stream, counts = self._udp, self._stream, self._counts
        latency: Latency = {}
        if udp is not None:
            latency[Protocol.UDP] = self._by_type(Protocol.UDP, udp.latency_buckets, counts.udp)
        if stream is not None and Protocol.HTTP in self._protocols:
            latency[Protocol.HTTP] = self._by_type(Protocol.HTTP, stream.latency_buckets, counts.stream)
        if stream is not None and Protocol.WS in self._protocols:
            latency[Protocol.WS] = self._by_type(Protocol.WS, stream.ws_latency_buckets, counts.stream)
        return latency

    def _by_type(
        self, protocol: Protocol, buckets: Callable[[int, str], list[int]], workers_count: int
    ) -> dict[str, Distribution]:
        """All workers' latencies together."""
        nothing = Distribution([], self._bound)
        return {
            kind: sum(
                (Distribution(buckets(index, kind), self._bound) for index in range(workers_count)), nothing
            )
            for kind in LATENCY_TYPES[protocol]
        }

    def _peers_per_torrent(self) -> dict[IpVersion, Distribution] | None:
        if not self._settings.peers_per_torrent:
            return None
        buckets = self._swarm.peers_per_torrent_buckets
        return {family: Distribution(buckets(family), self._bound) for family in IP_VERSIONS}

    def _peer_clients(self) -> PeerClients:
        names: Counter[str] = Counter()
        prefixes: Counter[str] = Counter()
        in_ws_swarms = self._ws_swarm.peer_prefixes() if self._ws_swarm else []
        for prefix, count in (*self._swarm.peer_prefixes(), *in_ws_swarms):
            # A shorter one stands for all that did not fit the data plane's table.
            is_whole = len(prefix) == PREFIX_BYTES
            names[_client_name(prefix) if is_whole else OTHER_CLIENTS] += count
            prefixes[prefix.hex() if is_whole else OTHER_PREFIXES] += count
        return PeerClients(_most_frequent(names, OTHER_CLIENTS), _most_frequent(prefixes, OTHER_PREFIXES))


def _counters(
    of_worker: Callable[[int, IpVersion], dict[str, int]], workers_count: int
) -> list[FamilyCounters]:
    return [
        {family: Counter(of_worker(index, family)) for family in IP_VERSIONS}
        for index in range(workers_count)
    ]


# As many as the data plane keeps; most peers of one interval are there in the next.
@functools.lru_cache(maxsize=1 << 16)
def _client_name(prefix: bytes) -> str:
    return str(identify_prefix(prefix))


def _most_frequent(counted: Counter[str], others: str) -> list[tuple[str, int]]:
    """Keep the most frequent and add up the others: peer ids are made up by strangers, as many as they like."""
    ordered = counted.most_common()
    kept = dict(ordered[:CLIENTS_MAX])
    rest = sum(count for _, count in ordered[CLIENTS_MAX:])
    if rest:
        kept[others] = kept.get(others, 0) + rest
    return sorted(kept.items(), key=lambda item: -item[1])
