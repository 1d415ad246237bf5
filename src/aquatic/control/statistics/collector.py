"""Readings of a tracker's counters and what came between two of them."""

from __future__ import annotations

import functools
import time
from collections import Counter
from dataclasses import dataclass

from aquatic.control.access_list import ServedAccessList
from aquatic.control.border import IP_VERSIONS, DataPlane, IpVersion, WorkerCounts
from aquatic.control.model import Statistics
from aquatic.control.statistics.distribution import Distribution
from aquatic.peer_id import PREFIX_BYTES, identify_prefix

REQUEST_TYPES = ("connect", "announce", "scrape")
RESPONSE_TYPES = (*REQUEST_TYPES, "error")
REQUEST_COUNTERS = (
    *(f"requests_{kind}" for kind in REQUEST_TYPES),
    # The Rust tracker counts what it could read, before it looks at the connection id.
    "errors_connection_id_bad",
    "errors_connection_id_expired",
)
RESPONSE_COUNTERS = tuple(f"responses_{kind}" for kind in RESPONSE_TYPES)
ERROR_CAUSES = ("malformed", "connection_id_bad", "connection_id_expired", "refused", "not_allowed")
# Label of a cause of loss, and the data plane's counter.
DROP_CAUSES = {
    "kernel": "dropped_by_kernel",
    "send_buffer_full": "dropped_send_buffer_full",
    "send_error": "dropped_send_error",
}
LATENCY_PERCENTILES = (50, 90, 99, 99.9, 100)
OTHER_CLIENTS = "Other"
OTHER_PREFIXES = "other"
CLIENTS_MAX = 1_000

# Preamble, Ethernet header and checksum, IP and UDP headers: the Rust tracker counts bytes of the link.
LINK_BYTES_PER_DATAGRAM: dict[IpVersion, int] = {4: 8 + 18 + 20 + 8, 6: 8 + 18 + 40 + 8}

FamilyCounters = dict[IpVersion, Counter[str]]


def requests_count(counters: Counter[str]) -> int:
    """Requests that could be read, whatever their connection id."""
    return sum(counters[name] for name in REQUEST_COUNTERS)


def responses_count(counters: Counter[str]) -> int:
    """Responses of all types."""
    return sum(counters[name] for name in RESPONSE_COUNTERS)


def link_bytes_received(counters: Counter[str], family: IpVersion) -> int:
    """What all datagrams received took on an Ethernet link."""
    datagrams = requests_count(counters) + counters["errors_malformed"]
    return counters["bytes_received"] + datagrams * LINK_BYTES_PER_DATAGRAM[family]


def link_bytes_sent(counters: Counter[str], family: IpVersion) -> int:
    """What all responses took on an Ethernet link."""
    return counters["bytes_sent"] + responses_count(counters) * LINK_BYTES_PER_DATAGRAM[family]


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything counted since start, as of one moment."""

    time_seconds: float  # of a clock that only goes forward
    workers: list[FamilyCounters]  # that serve UDP
    connections: list[FamilyCounters]  # of the workers that serve connections
    swarm: dict[str, int]
    latency: dict[str, Distribution]  # nanoseconds, by request type; empty when it is not measured
    access_list_entries: int

    def total(self, family: IpVersion) -> Counter[str]:
        """All workers' counters together."""
        total: Counter[str] = Counter()
        for worker in self.workers:
            total.update(worker[family])
        return total


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
    counted: FamilyCounters  # within the interval, all workers together
    latency: dict[str, Distribution]  # within the interval; the reading has those since start
    peers_per_torrent: dict[IpVersion, Distribution] | None  # None: not asked for
    clients: PeerClients | None  # None: not asked for

    def per_second(self, count: int) -> float:
        """What counted so many times in the interval, in each of its seconds."""
        return count / self.seconds


class Collector:
    """Reads a tracker; only what the configuration asks for."""

    def __init__(
        self, data_plane: DataPlane, counts: WorkerCounts, settings: Statistics, access_list: ServedAccessList
    ) -> None:
        self._swarm = data_plane.swarm
        self._udp = data_plane.udp
        self._stream = data_plane.stream
        self._bound = data_plane.bucket_bound
        self._counts = counts
        self._settings = settings
        self._access_list = access_list
        self._last = self.read()
        self.last_report: Report | None = None

    def read(self) -> Reading:
        """Counters of this moment. Cheap: it does not depend on the swarm's size."""
        udp, stream = self._udp, self._stream
        return Reading(
            time_seconds=time.monotonic(),
            workers=[
                {family: Counter(udp.counters(index, family)) for family in IP_VERSIONS}
                for index in range(self._counts.udp)
                if udp is not None
            ],
            connections=[
                {family: Counter(stream.connection_counters(index, family)) for family in IP_VERSIONS}
                for index in range(self._counts.stream)
                if stream is not None
            ],
            swarm=self._swarm.swarm_counts(),
            latency={kind: self._latency(kind) for kind in REQUEST_TYPES}
            if self._settings.response_latency
            else {},
            access_list_entries=self._access_list.entries_count,
        )

    def report(self) -> Report:
        """What happened since the last report (or since start)."""
        last, now = self._last, self.read()
        counted: FamilyCounters = {}
        for family in IP_VERSIONS:
            counted[family] = now.total(family)
            counted[family].subtract(last.total(family))
        report = Report(
            seconds=max(now.time_seconds - last.time_seconds, 1e-6),
            reading=now,
            counted=counted,
            latency={kind: now.latency[kind].since(last.latency[kind]) for kind in now.latency},
            peers_per_torrent=self._peers_per_torrent(),
            clients=self._peer_clients() if self._settings.peer_clients else None,
        )
        self._last = now
        self.last_report = report
        return report

    def _latency(self, request_type: str) -> Distribution:
        together = Distribution([], self._bound)
        if self._udp is not None:
            for index in range(self._counts.udp):
                buckets = self._udp.latency_buckets(index, request_type)
                together += Distribution(buckets, self._bound)
        return together

    def _peers_per_torrent(self) -> dict[IpVersion, Distribution] | None:
        if not self._settings.peers_per_torrent:
            return None
        buckets = self._swarm.peers_per_torrent_buckets
        return {family: Distribution(buckets(family), self._bound) for family in IP_VERSIONS}

    def _peer_clients(self) -> PeerClients:
        names: Counter[str] = Counter()
        prefixes: Counter[str] = Counter()
        for prefix, count in self._swarm.peer_prefixes():
            # A shorter one stands for all that did not fit the data plane's table.
            is_whole = len(prefix) == PREFIX_BYTES
            names[_client_name(prefix) if is_whole else OTHER_CLIENTS] += count
            prefixes[prefix.hex() if is_whole else OTHER_PREFIXES] += count
        return PeerClients(_most_frequent(names, OTHER_CLIENTS), _most_frequent(prefixes, OTHER_PREFIXES))


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
