"""A report as a page that needs nothing else and loads itself anew."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from aquatic.control.border import IpVersion
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
from aquatic.control.statistics.standard_output import (
    PEERS_PER_TORRENT_PERCENTILES,
    ServedFamilies,
    over,
    swarm_families,
)

CLIENTS_SHOWN_MAX = 100
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1rem; margin: 0 0 .4rem; }
p { margin: .2rem 0 1.2rem; opacity: .75; }
main { columns: 19rem; column-gap: 2.5rem; }
section { break-inside: avoid; margin-bottom: 1.6rem; }
section.wide { column-span: all; margin-top: 1.6rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .2rem .5rem .2rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
td + td { white-space: nowrap; }
""".strip()

Row = Sequence[str]
Rows = Callable[[Report, Sequence[IpVersion]], Iterable[Row]]


def render_page(report: Report, served: ServedFamilies, refresh_seconds: int, seconds_now: float) -> str:
    """Return the page, complete; `seconds_now` since 1970 is what it says it was made at."""
    families = swarm_families(served)
    sections = [
        *_of_protocols("Traffic", "per second", served, TRAFFIC, report),
        *_swarm_tables(report, served),
        *_of_protocols("Not served or lost", "in this interval", served, LOSSES, report),
    ]
    if report.reading.connections:
        sections.append(_table("Connections", ("", ""), _connections(report)))
    sections.append(_table("Store", ("", ""), _store(report)))
    sections += _latency_tables(report, served)
    if report.peers_per_torrent is not None:
        rows = _peers_per_torrent([report.peers_per_torrent[family] for family in families])
        sections.append(_table("Peers per torrent", ("", *_heads(families)), rows))
    if report.clients is not None:
        rows = [(name, integer(count)) for name, count in report.clients.names[:CLIENTS_SHOWN_MAX]]
        sections.append(_table("Peer clients", ("client", "peers"), rows))
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds_now))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{refresh_seconds}">
<title>aquatic statistics</title>
<style>
{STYLE}
</style>
</head>
<body>
<h1>BitTorrent tracker statistics</h1>
<p>{made}, of the {report.seconds:.1f} seconds before; renewed every {refresh_seconds} seconds</p>
<main>
{"".join(sections)}</main>
</body>
</html>
"""


def _table(title: str, heads: Row, rows: Iterable[Row], *, wide: bool = False) -> str:
    """Every cell is escaped here, whoever it came from."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    kind = ' class="wide"' if wide else ""
    return (
        f"<section{kind}>\n<h2>{escape(title)}</h2>\n<table>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</section>\n"
    )


def _heads(families: Sequence[IpVersion]) -> Row:
    return [f"IPv{family}" for family in families]


def _of_protocols(
    title: str, head: str, served: ServedFamilies, rows: Mapping[Protocol, Rows], report: Report
) -> Iterable[str]:
    for protocol, families in served.items():
        heads = (head, *_heads(families))
        yield _table(title + over(protocol, served), heads, rows[protocol](report, families))


def _rate_row(report: Report, name: str, counts: Iterable[int], figure: Callable[[float], str]) -> Row:
    return (name, *(figure(report.per_second(count)) for count in counts))


def _udp_traffic(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    def row(
        name: str, count: Callable[[Counter[str], IpVersion], int], figure: Callable[[float], str]
    ) -> Row:
        return _rate_row(report, name, (count(report.udp[family], family) for family in families), figure)

    yield row("requests", lambda counted, _: udp_requests_count(counted), integer)
    yield row("responses", lambda counted, _: udp_responses_count(counted), integer)
    for kind in UDP_RESPONSE_TYPES:
        name = f"responses_{kind}"
        yield row(f"{kind} responses", lambda counted, _, name=name: counted[name], integer)  # type: ignore[misc]
    yield row("Mbit in", link_bytes_received, megabits)
    yield row("Mbit out", link_bytes_sent, megabits)


def _http_traffic(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    counted = [report.http[family] for family in families]
    yield _rate_row(report, "requests", map(http_requests_count, counted), integer)
    yield _rate_row(report, "responses", map(http_responses_count, counted), integer)
    for kind, name in {**HTTP_RESPONSES, "other": "responses_other"}.items():
        yield _rate_row(report, f"{kind} responses", (each[name] for each in counted), integer)


def _ws_traffic(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    counted = [report.ws[family] for family in families]
    yield _rate_row(report, "requests", map(ws_requests_count, counted), integer)
    yield _rate_row(report, "messages", map(ws_responses_count, counted), integer)
    for kind in WS_RESPONSE_TYPES:
        yield _rate_row(report, f"{kind} messages", (each[f"responses_{kind}"] for each in counted), integer)


def _swarm_tables(report: Report, served: ServedFamilies) -> Iterable[str]:
    reading = report.reading
    for title, counts, families in (
        ("Swarms", reading.swarm, swarm_families(served)),
        ("Swarms of WebTorrent", reading.ws_swarm, served.get(Protocol.WS, ())),
    ):
        if families:
            rows = (
                (what, *(integer(counts[f"{what}_ipv{family}"]) for family in families))
                for what in ("torrents", "peers", "seeders")
            )
            yield _table(title, ("now", *_heads(families)), rows)


def _udp_losses(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    names = {cause.replace("_", " "): f"errors_{cause}" for cause in UDP_ERROR_CAUSES}
    names |= {f"dropped: {cause.replace('_', ' ')}": counter for cause, counter in UDP_DROP_CAUSES.items()}
    for name, counter in names.items():
        yield (name, *(integer(report.udp[family][counter]) for family in families))


def _http_losses(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    for cause in HTTP_ERROR_CAUSES:
        counts = (integer(report.http[family][f"errors_{cause}"]) for family in families)
        yield (cause.replace("_", " "), *counts)


def _ws_losses(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    names = {cause.replace("_", " "): counter for cause, counter in WS_ERROR_CAUSES.items()}
    names |= {f"offers: {cause.replace('_', ' ')}": counter for cause, counter in OFFER_DROP_CAUSES.items()}
    for name, counter in names.items():
        yield (name, *(integer(report.ws[family][counter]) for family in families))


TRAFFIC: dict[Protocol, Rows] = {
    Protocol.UDP: _udp_traffic,
    Protocol.HTTP: _http_traffic,
    Protocol.WS: _ws_traffic,
}
LOSSES: dict[Protocol, Rows] = {
    Protocol.UDP: _udp_losses,
    Protocol.HTTP: _http_losses,
    Protocol.WS: _ws_losses,
}


def _connections(report: Report) -> Iterable[Row]:
    counted = sum(report.connections.values(), Counter[str]())
    yield "open", integer(connections_open(report.reading.connections))
    for name, counter in (
        ("accepted", "accepted"),
        ("TLS handshakes", "tls_handshakes"),
        ("TLS sessions resumed", "tls_resumptions"),
    ):
        yield _rate_row(report, f"{name} per second", [counted[counter]], integer)
    yield _rate_row(report, "Mbit in per second", [counted["bytes_received"]], megabits)
    yield _rate_row(report, "Mbit out per second", [counted["bytes_sent"]], megabits)
    yield "pauses of accepting in this interval", integer(counted["accept_pauses"])
    for what, causes in (("refused", REFUSAL_CAUSES), ("closed", CLOSE_CAUSES)):
        for cause, counter in causes.items():
            yield f"{what}: {cause.replace('_', ' ')}", integer(counted[counter])


def _store(report: Report) -> Iterable[Row]:
    swarm = report.reading.swarm
    yield "memory", mebibytes(report.reading.memory_bytes)
    yield "torrents of both families", integer(swarm["torrents"])
    yield "torrents evicted since start", integer(swarm["evicted_torrents"])
    yield "torrents refused since start", integer(swarm["refused_torrents"])
    yield "peers refused since start", integer(swarm["refused_peers"])
    yield "access list entries", integer(report.reading.access_list_entries)


def _latency_tables(report: Report, served: ServedFamilies) -> Iterable[str]:
    heads = ("type", "responses", *(_percentile_name(percent) for percent in LATENCY_PERCENTILES))
    for protocol in report.latency:
        title = f"Response latency{over(protocol, served)}"
        for window, latency in (("last interval", report.latency), ("since start", report.reading.latency)):
            yield _table(f"{title}, {window}", heads, _latency(latency[protocol]), wide=True)


def _latency(latency: dict[str, Distribution]) -> Iterable[Row]:
    for kind, distribution in latency.items():
        percentiles = (duration(distribution.percentile(percent)) for percent in LATENCY_PERCENTILES)
        yield (kind, integer(distribution.count), *percentiles)


def _peers_per_torrent(by_family: Sequence[Distribution]) -> Iterable[Row]:
    yield ("min", *(integer(peers.minimum() or 0) for peers in by_family))
    for percent in PEERS_PER_TORRENT_PERCENTILES:
        yield (f"p{percent:g}", *(integer(peers.percentile(percent) or 0) for peers in by_family))
    yield ("max", *(integer(peers.maximum() or 0) for peers in by_family))


def _percentile_name(percent: float) -> str:
    return "max" if percent == 100 else f"p{percent:g}"
