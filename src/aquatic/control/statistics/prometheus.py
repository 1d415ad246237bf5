"""The tracker's figures as Prometheus metrics; those that the Rust tracker has bear its names and labels."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from aquatic.control.border import IP_VERSIONS
from aquatic.control.model import Statistics
from aquatic.control.statistics.collector import (
    DROP_CAUSES,
    ERROR_CAUSES,
    LATENCY_PERCENTILES,
    REQUEST_TYPES,
    RESPONSE_TYPES,
    Collector,
    Reading,
    Report,
    link_bytes_received,
    link_bytes_sent,
    requests_count,
)
from aquatic.control.statistics.distribution import Distribution
from aquatic.control.statistics.exposition import Metric, expose

PEERS_PER_TORRENT_PERCENTILES = {
    **{f"p{percent}": float(percent) for percent in range(10, 100, 10)},
    "p99": 99.0,
    "p999": 99.9,
    "max": 100.0,
}
# From a busy tracker on loopback to a stalled one.
LATENCY_BOUNDS_SECONDS = (
    *(0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5),
    *(0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
NANOSECONDS = 1_000_000_000


class PrometheusText:
    """Renders the collector's present reading; what is costly comes from its last report."""

    def __init__(self, collector: Collector, settings: Statistics) -> None:
        self._collector = collector
        self._settings = settings
        self._start_seconds = time.time()

    def render(self) -> bytes:
        """Return the whole exposition."""
        reading = self._collector.read()
        metrics = [
            *_worker_metrics(reading),
            *_connection_metrics(reading),
            *_swarm_metrics(reading),
            *self._process_metrics(reading),
        ]
        metrics += _latency_metrics(reading.latency)
        report = self._collector.last_report
        if report is not None:
            metrics += _latency_percentiles(reading.latency, report.latency)
            metrics += self._report_metrics(report)
        return expose(metrics)

    def _process_metrics(self, reading: Reading) -> Iterator[Metric]:
        started = Metric("process_start_time_seconds", "gauge", "When the process started, since 1970.")
        started.add(round(self._start_seconds, 3))
        cpu = Metric("process_cpu_seconds_total", "counter", "CPU time that the process has used.")
        cpu.add(round(time.process_time(), 3))
        entries = Metric("aquatic_access_list_entries", "gauge", "Info hashes on the access list.")
        entries.add(reading.access_list_entries)
        yield from (started, cpu, entries)

    def _report_metrics(self, report: Report) -> Iterator[Metric]:
        if report.peers_per_torrent is not None:
            peers = Metric("aquatic_peers_per_torrent", "gauge", "Peers of the torrents that have any.")
            for family in IP_VERSIONS:
                distribution = report.peers_per_torrent[family]
                # The Rust tracker has 0 where there are no torrents, and so do its dashboards.
                peers.add(distribution.minimum() or 0, type="min", ip_version=str(family))
                for kind, percent in PEERS_PER_TORRENT_PERCENTILES.items():
                    peers.add(distribution.percentile(percent) or 0, type=kind, ip_version=str(family))
            yield peers
        if report.clients is not None:
            clients = Metric("aquatic_peer_clients", "gauge", "Peers by their client.")
            for name, count in report.clients.names:
                clients.add(count, client=name)
            yield clients
            if self._settings.prometheus_peer_id_prefixes:
                prefixes = Metric("aquatic_peer_id_prefixes", "gauge", "Peers by the start of their peer id.")
                for prefix, count in report.clients.prefixes:
                    prefixes.add(count, prefix_hex=prefix)
                yield prefixes


def _worker_metrics(reading: Reading) -> Iterable[Metric]:
    """One sample for each worker and family, also of one that is not served, as the Rust tracker has it."""
    requests = Metric("aquatic_requests_total", "counter", "Requests that could be read.")
    by_type = Metric(
        "aquatic_requests_by_type_total", "counter", "Requests with a valid connection id, by type."
    )
    responses = Metric("aquatic_responses_total", "counter", "Responses sent.")
    received = Metric("aquatic_rx_bytes", "counter", "Bytes received, with Ethernet, IP and UDP headers.")
    sent = Metric("aquatic_tx_bytes", "counter", "Bytes sent, with Ethernet, IP and UDP headers.")
    errors = Metric("aquatic_errors_total", "counter", "Datagrams not served, by cause.")
    dropped = Metric("aquatic_dropped_total", "counter", "Requests and responses lost, by cause.")
    resent = Metric("aquatic_resent_total", "counter", "Responses sent at the second try.")
    batches = Metric("aquatic_batches_total", "counter", "Batches of requests received.")
    for index, worker in enumerate(reading.workers):
        for family in IP_VERSIONS:
            counters = worker[family]
            labels = {"ip_version": str(family), "worker_index": str(index)}
            requests.add(requests_count(counters), **labels)
            for kind in REQUEST_TYPES:
                by_type.add(counters[f"requests_{kind}"], type=kind, **labels)
            for kind in RESPONSE_TYPES:
                responses.add(counters[f"responses_{kind}"], type=kind, **labels)
            received.add(link_bytes_received(counters, family), **labels)
            sent.add(link_bytes_sent(counters, family), **labels)
            for cause in ERROR_CAUSES:
                errors.add(counters[f"errors_{cause}"], cause=cause, **labels)
            for cause, name in DROP_CAUSES.items():
                dropped.add(counters[name], cause=cause, **labels)
            resent.add(counters["resent"], **labels)
            batches.add(counters["batches"], **labels)
    return requests, by_type, responses, received, sent, errors, dropped, resent, batches


def _connection_metrics(reading: Reading) -> Iterator[Metric]:
    active = Metric("aquatic_active_connections", "gauge", "Connections that are open.")
    for index, worker in enumerate(reading.connections):
        active.add(sum(worker[family]["active"] for family in IP_VERSIONS), worker_index=str(index))
    yield active


def _swarm_metrics(reading: Reading) -> Iterator[Metric]:
    swarm = reading.swarm
    for what, text in (
        ("torrents", "Torrents with at least one peer of that family."),
        ("peers", "Peers."),
        ("seeders", "Peers that have everything."),
    ):
        metric = Metric(f"aquatic_{what}", "gauge", text)
        for family in IP_VERSIONS:
            metric.add(swarm[f"{what}_ipv{family}"], ip_version=str(family))
        yield metric
    memory = Metric("aquatic_swarm_memory_bytes", "gauge", "Memory for torrents and peers.")
    memory.add(swarm["memory_bytes"])
    yield memory
    for name, text in (
        ("evicted_torrents", "Torrents that made room for others at the bound."),
        ("refused_torrents", "Announces refused because there was no room for another torrent."),
        ("refused_peers", "Announces refused because there was no room for another peer."),
    ):
        refused = Metric(f"aquatic_{name}_total", "counter", text)
        refused.add(swarm[name])
        yield refused
    for what, text in (
        ("hold", "Longest time that something ran with a part of the swarms locked."),
        ("wait", "Longest time that a request waited for a part of the swarms, where latency is measured."),
    ):
        longest = Metric(f"aquatic_lock_{what}_seconds_max", "gauge", text)
        longest.add(swarm[f"lock_{what}_ns_max"] / NANOSECONDS)
        yield longest


def _latency_metrics(latency: dict[str, Distribution]) -> Iterator[Metric]:
    histogram = Metric(
        "aquatic_response_latency_seconds", "histogram", "Time from a request's arrival to its response."
    )
    for kind, distribution in latency.items():
        for bound in LATENCY_BOUNDS_SECONDS:
            count = distribution.count_up_to(round(bound * NANOSECONDS))
            histogram.add(count, "_bucket", type=kind, le=f"{bound:g}")
        histogram.add(distribution.count, "_bucket", type=kind, le="+Inf")
        histogram.add(distribution.sum() / NANOSECONDS, "_sum", type=kind)
        histogram.add(distribution.count, "_count", type=kind)
    yield histogram


def _latency_percentiles(
    since_start: dict[str, Distribution], interval: dict[str, Distribution]
) -> Iterator[Metric]:
    """A window without responses has no samples, rather than zeros."""
    percentiles = Metric(
        "aquatic_response_latency_percentile_seconds",
        "gauge",
        "Percentiles of the response latency, of the last statistics interval and since start.",
    )
    for window, latency in (("interval", interval), ("start", since_start)):
        for kind, distribution in latency.items():
            for percent in LATENCY_PERCENTILES:
                value = distribution.percentile(percent)
                if value is not None:
                    percentiles.add(value / NANOSECONDS, type=kind, percentile=f"{percent:g}", window=window)
    yield percentiles
