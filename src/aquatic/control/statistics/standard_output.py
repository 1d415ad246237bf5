"""A report as text. The first lines of each family are the Rust tracker's, which scripts may read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from aquatic.control.border import IP_VERSIONS, IpVersion
from aquatic.control.model import Protocol
from aquatic.control.statistics.collector import Report
from aquatic.control.statistics.counters import (
    CLOSE_CAUSES,
    HTTP_ERROR_CAUSES,
    HTTP_RESPONSES,
    LATENCY_PERCENTILES,
    OFFER_DROP_CAUSES,
    REFUSAL_CAUSES,
    UDP_DROP_CAUSES,
    UDP_ERROR_CAUSES,
    UDP_RESPONSE_TYPES,
    WS_ERROR_CAUSES,
    WS_RESPONSE_TYPES,
    connections_open,
    http_requests_count,
    http_responses_count,
    link_bytes_received,
    link_bytes_sent,
    udp_requests_count,
    udp_responses_count,
    ws_requests_count,
    ws_responses_count,
)
from aquatic.control.statistics.distribution import Distribution
from aquatic.control.statistics.figures import duration, integer, mebibytes, megabits

PEERS_PER_TORRENT_PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.9)


PROTOCOL_NAMES = {Protocol.UDP: "UDP", Protocol.HTTP: "HTTP", Protocol.WS: "WebSocket"}

# Which clients may come, for each protocol that is served.
ServedFamilies = Mapping[Protocol, Sequence[IpVersion]]


def swarm_families(served: ServedFamilies) -> list[IpVersion]:
    """Those that peers with addresses may have."""
    dialled = [served[protocol] for protocol in served if protocol is not Protocol.WS]
    return [family for family in IP_VERSIONS if any(family in families for families in dialled)]


def over(protocol: Protocol, served: ServedFamilies) -> str:
    """What is added to a title that several protocols have."""
    return f" over {PROTOCOL_NAMES[protocol]}" if len(served) > 1 else ""


def format_report(report: Report, served: ServedFamilies) -> str:
    """Return the text of one interval, an empty line at its end."""
    lines = [
        "General:",
        f"  access list entries: {report.reading.access_list_entries}",
        f"  memory of the swarms: {mebibytes(report.reading.memory_bytes)}",
        f"  torrents evicted: {integer(report.reading.swarm['evicted_torrents'])} since start",
    ]
    for family in swarm_families(served):
        lines.append(f"IPv{family}:")
        lines += _family(report, family, has_udp=family in served.get(Protocol.UDP, ()))
    for family in served.get(Protocol.HTTP, ()):
        lines.append(f"HTTP over IPv{family}:")
        lines += _http(report, family)
    for family in served.get(Protocol.WS, ()):
        lines.append(f"WebTorrent over IPv{family}:")
        lines += _ws(report, family)
    if report.reading.connections:
        lines.append("Connections:")
        lines += _connections(report)
    for protocol in report.latency:
        lines.append(f"Response latency{over(protocol, served)}:")
        lines += _latency("last interval", report.latency[protocol])
        lines += _latency("since start", report.reading.latency[protocol])
    return "\n".join([*lines, "", ""])


def _family(report: Report, family: IpVersion, *, has_udp: bool) -> Iterator[str]:
    counted = report.udp[family]
    if has_udp:
        received, sent = link_bytes_received(counted, family), link_bytes_sent(counted, family)
        yield _bandwidth(report, received, sent)
        by_type = {kind: counted[f"responses_{kind}"] for kind in UDP_RESPONSE_TYPES}
        yield from _rates(report, udp_requests_count(counted), udp_responses_count(counted), by_type)
    yield from _swarm(report.reading.swarm, family)
    if has_udp:
        yield from _causes("not served", {cause: counted[f"errors_{cause}"] for cause in UDP_ERROR_CAUSES})
        yield from _causes("dropped", {cause: counted[name] for cause, name in UDP_DROP_CAUSES.items()})
    if report.peers_per_torrent is not None:
        yield from _peers_per_torrent(report.peers_per_torrent[family])


def _http(report: Report, family: IpVersion) -> Iterator[str]:
    counted = report.http[family]
    by_type = {kind: counted[name] for kind, name in HTTP_RESPONSES.items()}
    by_type["other"] = counted["responses_other"]
    yield from _rates(report, http_requests_count(counted), http_responses_count(counted), by_type)
    yield from _causes("not served", {cause: counted[f"errors_{cause}"] for cause in HTTP_ERROR_CAUSES})


def _ws(report: Report, family: IpVersion) -> Iterator[str]:
    counted = report.ws[family]
    by_type = {kind: counted[f"responses_{kind}"] for kind in WS_RESPONSE_TYPES}
    yield from _rates(report, ws_requests_count(counted), ws_responses_count(counted), by_type)
    yield from _swarm(report.reading.ws_swarm, family)
    yield from _causes("not served", {cause: counted[name] for cause, name in WS_ERROR_CAUSES.items()})
    yield from _causes("offers dropped", {cause: counted[name] for cause, name in OFFER_DROP_CAUSES.items()})


def _swarm(counts: Mapping[str, int], family: IpVersion) -> Iterator[str]:
    for what in ("torrents", "peers", "seeders"):
        yield _line(f"  {what}:", counts[f"{what}_ipv{family}"])


def _connections(report: Report) -> Iterator[str]:
    counted = sum(report.connections.values(), Counter[str]())
    yield _bandwidth(report, counted["bytes_received"], counted["bytes_sent"])
    yield _line("  open:", connections_open(report.reading.connections))
    yield _line("  accepted/second:", report.per_second(counted["accepted"]))
    yield _line("  TLS handshakes/second:", report.per_second(counted["tls_handshakes"]))
    yield _line("  of them resumed:", report.per_second(counted["tls_resumptions"]))
    yield _line("  pauses of accepting:", counted["accept_pauses"])
    yield from _causes("refused", {cause: counted[name] for cause, name in REFUSAL_CAUSES.items()})
    yield from _causes("closed", {cause: counted[name] for cause, name in CLOSE_CAUSES.items()})


def _bandwidth(report: Report, received_bytes: int, sent_bytes: int) -> str:
    received, sent = (megabits(report.per_second(count)) for count in (received_bytes, sent_bytes))
    return f"  bandwidth: {received:>7} Mbit/s in, {sent:>7} Mbit/s out"


def _rates(report: Report, requests: int, responses: int, by_type: Mapping[str, int]) -> Iterator[str]:
    yield _line("  requests/second:", report.per_second(requests))
    yield "  responses/second"
    yield _line("    total:", report.per_second(responses))
    for kind, count in by_type.items():
        yield _line(f"    {kind}:", report.per_second(count))


def _causes(what: str, by_cause: Mapping[str, int]) -> Iterator[str]:
    yield f"  {what} in this interval"
    for cause, count in by_cause.items():
        yield _line(f"    {cause.replace('_', ' ')}:", count)


def _peers_per_torrent(peers: Distribution) -> Iterator[str]:
    yield "  peers per torrent"
    yield f"    min            {peers.minimum() or 0:>10}"
    for percent in PEERS_PER_TORRENT_PERCENTILES:
        yield f"    {f'p{percent:g}':<5}          {peers.percentile(percent) or 0:>10}"
    yield f"    max            {peers.maximum() or 0:>10}"


def _latency(window: str, latency: dict[str, Distribution]) -> Iterator[str]:
    yield f"  {window}"
    for kind, distribution in latency.items():
        if distribution.count == 0:
            yield f"    {kind + ':':<10} none"
            continue
        figures = (
            f"{'max' if percent == 100 else f'p{percent:g}'} {duration(distribution.percentile(percent))}"
            for percent in LATENCY_PERCENTILES
        )
        yield f"    {kind + ':':<10} {', '.join(figures)} ({distribution.count:,} responses)"


def _line(name: str, value: float) -> str:
    return f"{name:<18} {integer(value):>10}" if len(name) <= 18 else f"{name:<26} {integer(value):>10}"
