"""The tracker's figures as Prometheus metrics; those that the Rust tracker has bear its names and labels."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aquatic.control.border import IP_VERSIONS, IpVersion
from aquatic.control.model import Protocol, Statistics
from aquatic.control.statistics.collector import Collector, Latency, Reading, Report
from aquatic.control.statistics.counters import (
    CLOSE_CAUSES,
    HTTP_ERROR_CAUSES,
    HTTP_REQUEST_TYPES,
    HTTP_RESPONSES,
    LATENCY_PERCENTILES,
    MESSAGE_DROP_CAUSES,
    OFFER_DROP_CAUSES,
    REFUSAL_CAUSES,
    UDP_DROP_CAUSES,
    UDP_ERROR_CAUSES,
    UDP_REQUEST_TYPES,
    UDP_RESPONSE_TYPES,
    WS_ERROR_CAUSES,
    WS_REQUEST_TYPES,
    WS_RESPONSE_TYPES,
    FamilyCounters,
    link_bytes_received,
    link_bytes_sent,
    udp_requests_count,
)
from aquatic.control.statistics.distribution import Distribution
from aquatic.control.statistics.exposition import Metric, expose
from aquatic.control.statistics.process import ProcessFigures

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

    def __init__(self, collector: Collector, settings: Statistics, process: ProcessFigures) -> None:
        self._collector = collector
        self._settings = settings
        self._process = process
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
        metrics += _latency_metrics(reading)
        report = self._collector.last_report
        if report is not None:
            metrics += _latency_percentiles(reading, report.latency)
            metrics += self._report_metrics(report)
        return expose(metrics)

    def _process_metrics(self, reading: Reading) -> Iterator[Metric]:
        started = Metric("process_start_time_seconds", "gauge", "When the process started, since 1970.")
        started.add(round(self._start_seconds, 3))
        cpu = Metric("process_cpu_seconds_total", "counter", "CPU time that the process has used.")
        cpu.add(round(time.process_time(), 3))
        memory = Metric("process_resident_memory_bytes", "gauge", "Memory that the process has in use.")
        descriptors = Metric("process_open_fds", "gauge", "File descriptors that the process has open.")
        for metric, value in (
            (memory, self._process.resident_memory_bytes()),
            (descriptors, self._process.open_descriptors()),
        ):
            if value is not None:
                metric.add(value)
        entries = Metric("aquatic_access_list_entries", "gauge", "Info hashes on the access list.")
        entries.add(reading.access_list_entries)
        yield from (started, cpu, memory, descriptors, entries)

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


@dataclass(frozen=True, slots=True)
class _SharedMetrics:
    """What every protocol has, under one name."""

    requests: Metric
    responses: Metric
    errors: Metric


def _worker_metrics(reading: Reading) -> Iterable[Metric]:
    """One sample for each worker and family, also of one that is not served, as the Rust tracker has it."""
    what = "Requests" if reading.http else "Datagrams"
    shared = _SharedMetrics(
        requests=Metric("aquatic_requests_total", "counter", "Requests that could be read."),
        responses=Metric("aquatic_responses_total", "counter", "Responses sent."),
        errors=Metric("aquatic_errors_total", "counter", f"{what} not served, by cause."),
    )
    by_type, received, sent, *lost = _udp_metrics(reading, shared)
    others = (*_http_metrics(reading, shared), _ws_metrics(reading, shared))
    return shared.requests, by_type, shared.responses, received, sent, shared.errors, *lost, *others


def _udp_metrics(reading: Reading, shared: _SharedMetrics) -> Iterable[Metric]:
    by_type = Metric(
        "aquatic_requests_by_type_total", "counter", "Requests with a valid connection id, by type."
    )
    received = Metric("aquatic_rx_bytes", "counter", "Bytes received, with Ethernet, IP and UDP headers.")
    sent = Metric("aquatic_tx_bytes", "counter", "Bytes sent, with Ethernet, IP and UDP headers.")
    dropped = Metric("aquatic_dropped_total", "counter", "Requests and responses lost, by cause.")
    resent = Metric("aquatic_resent_total", "counter", "Responses sent at the second try.")
    batches = Metric("aquatic_batches_total", "counter", "Batches of requests received.")
    protocol = _protocol_label(reading, Protocol.UDP)
    for labels, family, counters in _by_worker(reading.udp):
        shared.requests.add(udp_requests_count(counters), **labels, **protocol)
        for kind in UDP_REQUEST_TYPES:
            by_type.add(counters[f"requests_{kind}"], type=kind, **labels)
        for kind in UDP_RESPONSE_TYPES:
            shared.responses.add(counters[f"responses_{kind}"], type=kind, **labels, **protocol)
        received.add(link_bytes_received(counters, family), **labels)
        sent.add(link_bytes_sent(counters, family), **labels)
        for cause in UDP_ERROR_CAUSES:
            shared.errors.add(counters[f"errors_{cause}"], cause=cause, **labels, **protocol)
        for cause, name in UDP_DROP_CAUSES.items():
            dropped.add(counters[name], cause=cause, **labels)
        resent.add(counters["resent"], **labels)
        batches.add(counters["batches"], **labels)
    return by_type, received, sent, dropped, resent, batches


def _http_metrics(reading: Reading, shared: _SharedMetrics) -> Iterable[Metric]:
    """The Rust tracker knows announces and scrapes only, so what else is asked for is told apart."""
    other_requests = Metric(
        "aquatic_other_requests_total", "counter", "Requests for neither an announce nor a scrape."
    )
    other_responses = Metric(
        "aquatic_other_responses_total", "counter", "Responses to them, and to what is no request."
    )
    protocol = _protocol_label(reading, Protocol.HTTP)
    is_served = Protocol.HTTP in reading.protocols
    for labels, _family, counters in _by_worker(reading.http):
        for kind in HTTP_REQUEST_TYPES if is_served else ():
            shared.requests.add(counters[f"requests_{kind}"], type=kind, **labels, **protocol)
        for kind, name in HTTP_RESPONSES.items() if is_served else ():
            shared.responses.add(counters[name], type=kind, **labels, **protocol)
        for cause in HTTP_ERROR_CAUSES:
            shared.errors.add(counters[f"errors_{cause}"], cause=cause, **labels, **protocol)
        other_requests.add(counters["requests_other"], **labels)
        other_responses.add(counters["responses_other"], **labels)
    return other_requests, other_responses


def _ws_metrics(reading: Reading, shared: _SharedMetrics) -> Metric:
    dropped = Metric("aquatic_dropped_offers_total", "counter", "Offers that nobody was sent, by cause.")
    protocol = _protocol_label(reading, Protocol.WS)
    for labels, _family, counters in _by_worker(reading.ws):
        for kind in WS_REQUEST_TYPES:
            shared.requests.add(counters[f"requests_{kind}"], type=kind, **labels, **protocol)
        for kind in WS_RESPONSE_TYPES:
            shared.responses.add(counters[f"responses_{kind}"], type=kind, **labels, **protocol)
        for cause, name in WS_ERROR_CAUSES.items():
            shared.errors.add(counters[name], cause=cause, **labels, **protocol)
        for cause, name in OFFER_DROP_CAUSES.items():
            dropped.add(counters[name], cause=cause, **labels)
    return dropped


def _by_worker(workers: list[FamilyCounters]) -> Iterator[tuple[dict[str, str], IpVersion, Counter[str]]]:
    for index, worker in enumerate(workers):
        for family in IP_VERSIONS:
            yield {"ip_version": str(family), "worker_index": str(index)}, family, worker[family]


def _protocol_label(reading: Reading, protocol: Protocol) -> dict[str, str]:
    """What tells apart samples that several protocols have; that which is served alone has no label."""
    return {} if reading.protocols == (protocol,) else {"protocol": protocol.value}


def _connection_metrics(reading: Reading) -> Iterator[Metric]:
    yield _active_connections(reading)
    pauses = Metric(
        "aquatic_accept_pauses_total", "counter", "Moments without a descriptor or memory to accept with."
    )
    failed = Metric("aquatic_accept_errors_total", "counter", "Connections that ended before their accept.")
    for metric, name in ((pauses, "accept_pauses"), (failed, "accept_errors")):
        for index, worker in enumerate(reading.connections):
            metric.add(sum(worker[family][name] for family in IP_VERSIONS), worker_index=str(index))
        yield metric
    for name, counter, text in (
        ("connections_accepted", "accepted", "Connections accepted."),
        ("tls_handshakes", "tls_handshakes", "TLS handshakes completed."),
        ("tls_resumptions", "tls_resumptions", "TLS handshakes that went on with an earlier session."),
        ("connection_received_bytes", "bytes_received", "Bytes received on connections, with TLS."),
        ("connection_sent_bytes", "bytes_sent", "Bytes sent on connections, with TLS."),
        ("relayed_messages", "messages_queued", "Messages from one connection to another."),
    ):
        metric = Metric(f"aquatic_{name}_total", "counter", text)
        for labels, _family, counters in _by_worker(reading.connections):
            metric.add(counters[counter], **labels)
        yield metric
    for name, causes, text in (
        ("connections_closed", CLOSE_CAUSES, "Connections closed, by cause."),
        ("connections_refused", REFUSAL_CAUSES, "Connections refused, by cause."),
        ("dropped_messages", MESSAGE_DROP_CAUSES, "Messages from one connection to another lost, by cause."),
    ):
        metric = Metric(f"aquatic_{name}_total", "counter", text)
        for labels, _family, counters in _by_worker(reading.connections):
            for cause, counter in causes.items():
                metric.add(counters[counter], cause=cause, **labels)
        yield metric


def _active_connections(reading: Reading) -> Metric:
    """The Rust trackers tell families apart over WebSocket, and not over HTTP."""
    active = Metric("aquatic_active_connections", "gauge", "Connections that are open.")
    if Protocol.WS in reading.protocols:
        for labels, _family, counters in _by_worker(reading.connections):
            active.add(counters["active"], **labels)
        return active
    for index, worker in enumerate(reading.connections):
        active.add(sum(worker[family]["active"] for family in IP_VERSIONS), worker_index=str(index))
    return active


def _swarms(reading: Reading) -> Iterator[tuple[dict[str, int], dict[str, str]]]:
    """The counts of each kind of swarm that is served, with the labels that tell it apart."""
    # As the Rust trackers' swarm workers had it over HTTP and WebSocket, each with a share.
    has_workers = reading.protocols in ((Protocol.HTTP,), (Protocol.WS,))
    worker = {"worker_index": "0"} if has_workers else {}
    if reading.protocols != (Protocol.WS,):
        yield reading.swarm, worker
    if reading.ws_swarm:
        yield reading.ws_swarm, {**worker, **_protocol_label(reading, Protocol.WS)}


def _swarm_metrics(reading: Reading) -> Iterator[Metric]:
    swarm = reading.swarm
    for what, text in (
        ("torrents", "Torrents with at least one peer of that family."),
        ("peers", "Peers."),
        ("seeders", "Peers that have everything."),
    ):
        metric = Metric(f"aquatic_{what}", "gauge", text)
        for counts, labels in _swarms(reading):
            for family in IP_VERSIONS:
                metric.add(counts[f"{what}_ipv{family}"], ip_version=str(family), **labels)
        yield metric
    memory = Metric("aquatic_swarm_memory_bytes", "gauge", "Memory for torrents and peers.")
    refused_peers = Metric(
        "aquatic_refused_peers_total",
        "counter",
        "Announces refused because there was no room for another peer.",
    )
    for counts, labels in _swarms(reading):
        of_all_workers = {name: value for name, value in labels.items() if name != "worker_index"}
        memory.add(counts["memory_bytes"], **of_all_workers)
        refused_peers.add(counts["refused_peers"], **of_all_workers)
    yield from (memory, refused_peers)
    for name, text in (
        ("evicted_torrents", "Torrents that made room for others at the bound."),
        ("refused_torrents", "Announces refused because there was no room for another torrent."),
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


def _by_type(reading: Reading, latency: Latency) -> Iterator[tuple[dict[str, str], Distribution]]:
    for protocol, distributions in latency.items():
        for kind, distribution in distributions.items():
            yield {"type": kind, **_protocol_label(reading, protocol)}, distribution


def _latency_metrics(reading: Reading) -> Iterator[Metric]:
    histogram = Metric(
        "aquatic_response_latency_seconds", "histogram", "Time from a request's arrival to its response."
    )
    for labels, distribution in _by_type(reading, reading.latency):
        for bound in LATENCY_BOUNDS_SECONDS:
            count = distribution.count_up_to(round(bound * NANOSECONDS))
            histogram.add(count, "_bucket", **labels, le=f"{bound:g}")
        histogram.add(distribution.count, "_bucket", **labels, le="+Inf")
        histogram.add(distribution.sum() / NANOSECONDS, "_sum", **labels)
        histogram.add(distribution.count, "_count", **labels)
    yield histogram


def _latency_percentiles(reading: Reading, interval: Latency) -> Iterator[Metric]:
    """A window without responses has no samples, rather than zeros."""
    percentiles = Metric(
        "aquatic_response_latency_percentile_seconds",
        "gauge",
        "Percentiles of the response latency, of the last statistics interval and since start.",
    )
    for window, latency in (("interval", interval), ("start", reading.latency)):
        for labels, distribution in _by_type(reading, latency):
            for percent in LATENCY_PERCENTILES:
                value = distribution.percentile(percent)
                if value is not None:
                    percentiles.add(value / NANOSECONDS, **labels, percentile=f"{percent:g}", window=window)
    yield percentiles
