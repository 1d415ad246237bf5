"""A report as a page that needs nothing else and loads itself anew."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

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
from aquatic.control.statistics.standard_output import PEERS_PER_TORRENT_PERCENTILES

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


def render_page(
    report: Report, families: Sequence[IpVersion], refresh_seconds: int, seconds_now: float
) -> str:
    """Return the page, complete; `seconds_now` since 1970 is what it says it was made at."""
    sections = [
        _table("Traffic", ("per second", *_heads(families)), _traffic(report, families)),
        _table("Swarms", ("now", *_heads(families)), _swarms(report, families)),
        _table("Not served or lost", ("in this interval", *_heads(families)), _losses(report, families)),
        _table("Store", ("", ""), _store(report)),
    ]
    if report.latency:
        heads = ("type", "responses", *(_percentile_name(percent) for percent in LATENCY_PERCENTILES))
        for window, latency in (("last interval", report.latency), ("since start", report.reading.latency)):
            sections.append(_table(f"Response latency, {window}", heads, _latency(latency), wide=True))
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


def _traffic(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    def row(
        name: str, count: Callable[[Counter[str], IpVersion], int], figure: Callable[[float], str]
    ) -> Row:
        counts = (count(report.counted[family], family) for family in families)
        return (name, *(figure(report.per_second(each)) for each in counts))

    yield row("requests", lambda counted, _: requests_count(counted), integer)
    yield row("responses", lambda counted, _: responses_count(counted), integer)
    for kind in RESPONSE_TYPES:
        name = f"responses_{kind}"
        yield row(f"{kind} responses", lambda counted, _, name=name: counted[name], integer)  # type: ignore[misc]
    yield row("Mbit in", link_bytes_received, megabits)
    yield row("Mbit out", link_bytes_sent, megabits)


def _swarms(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    for what in ("torrents", "peers", "seeders"):
        yield (what, *(integer(report.reading.swarm[f"{what}_ipv{family}"]) for family in families))


def _losses(report: Report, families: Sequence[IpVersion]) -> Iterable[Row]:
    names = {cause.replace("_", " "): f"errors_{cause}" for cause in ERROR_CAUSES}
    names |= {f"dropped: {cause.replace('_', ' ')}": counter for cause, counter in DROP_CAUSES.items()}
    for name, counter in names.items():
        yield (name, *(integer(report.counted[family][counter]) for family in families))


def _store(report: Report) -> Iterable[Row]:
    swarm = report.reading.swarm
    yield "memory", mebibytes(swarm["memory_bytes"])
    yield "torrents of both families", integer(swarm["torrents"])
    yield "torrents evicted since start", integer(swarm["evicted_torrents"])
    yield "torrents refused since start", integer(swarm["refused_torrents"])
    yield "peers refused since start", integer(swarm["refused_peers"])
    yield "access list entries", integer(report.reading.access_list_entries)


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
