"""A report as text. The first lines of each family are the Rust tracker's, which scripts may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aquatic.control.border import IpVersion
from aquatic.control.statistics.collector import (
    DROP_CAUSES,
    ERROR_CAUSES,
    LATENCY_PERCENTILES,
    RESPONSE_TYPES,
    Report,
    link_bytes_received,
    link_bytes_sent,
    requests_count,
    responses_count,
)
from aquatic.control.statistics.distribution import Distribution
from aquatic.control.statistics.figures import duration, integer, mebibytes, megabits

PEERS_PER_TORRENT_PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.9)


def format_report(report: Report, families: Iterable[IpVersion]) -> str:
    """Return the text of one interval, an empty line at its end."""
    lines = [
        "General:",
        f"  access list entries: {report.reading.access_list_entries}",
        f"  memory of the swarms: {mebibytes(report.reading.swarm['memory_bytes'])}",
        f"  torrents evicted: {integer(report.reading.swarm['evicted_torrents'])} since start",
    ]
    for family in families:
        lines.append(f"IPv{family}:")
        lines += _family(report, family)
    if report.latency:
        lines.append("Response latency:")
        lines += _latency("last interval", report.latency)
        lines += _latency("since start", report.reading.latency)
    return "\n".join([*lines, "", ""])


def _family(report: Report, family: IpVersion) -> Iterator[str]:
    counted = report.counted[family]
    received = megabits(report.per_second(link_bytes_received(counted, family)))
    sent = megabits(report.per_second(link_bytes_sent(counted, family)))
    yield f"  bandwidth: {received:>7} Mbit/s in, {sent:>7} Mbit/s out"
    yield _line("  requests/second:", report.per_second(requests_count(counted)))
    yield "  responses/second"
    yield _line("    total:", report.per_second(responses_count(counted)))
    for kind in RESPONSE_TYPES:
        yield _line(f"    {kind}:", report.per_second(counted[f"responses_{kind}"]))
    yield _line("  torrents:", report.reading.swarm[f"torrents_ipv{family}"])
    yield _line("  peers:", report.reading.swarm[f"peers_ipv{family}"])
    yield _line("  seeders:", report.reading.swarm[f"seeders_ipv{family}"])
    yield "  not served in this interval"
    for cause in ERROR_CAUSES:
        yield _line(f"    {cause.replace('_', ' ')}:", counted[f"errors_{cause}"])
    yield "  dropped in this interval"
    for cause, name in DROP_CAUSES.items():
        yield _line(f"    {cause.replace('_', ' ')}:", counted[name])
    if report.peers_per_torrent is not None:
        yield from _peers_per_torrent(report.peers_per_torrent[family])


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
