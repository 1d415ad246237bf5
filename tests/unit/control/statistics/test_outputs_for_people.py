"""The text on standard output and the page."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from aquatic.control.model import Protocol
from aquatic.control.statistics import collector
from aquatic.control.statistics.figures import duration, integer, mebibytes, megabits
from aquatic.control.statistics.html_page import render_page
from aquatic.control.statistics.standard_output import ServedFamilies, format_report
from tests.support.busy_tracker import (
    busy_tracker,
    busy_ws_swarm,
    collector_of,
    expected_stream_counter,
    serve_some_http,
)
from tests.support.fake_tracker import FakeStream, FakeTracker

EVERYTHING: dict[str, Any] = {"peers_per_torrent": True, "peer_clients": True, "response_latency": True}


class Table(HTMLParser):
    """The text of all cells, row by row, and every tag that was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def page_of(tracker: FakeTracker) -> str:
    return render_page(collector_of(tracker, **EVERYTHING).report(), {Protocol.UDP: [4, 6]}, 7, 1_700_000_000)


def test_the_page_has_the_figures() -> None:
    rows = Table(page_of(busy_tracker())).rows
    assert ["torrents", "10,001", "10,002"] in rows
    assert ["peers", "10,003", "10,004"] in rows
    assert ["memory", "0.0 MiB"] in rows
    assert ["p80", "2", "0"] in rows
    assert ["announce", "0", "none", "none", "none", "none", "none"] in rows
    assert ["Other", "4"] in rows


def test_the_page_reloads_itself_and_says_when_it_was_made() -> None:
    page = page_of(busy_tracker())
    assert '<meta http-equiv="refresh" content="7">' in page
    assert "2023-11-14 22:13:20 UTC" in page


def test_only_served_families_are_shown() -> None:
    report = collector_of(busy_tracker()).report()
    served: ServedFamilies = {Protocol.UDP: [4]}
    page, text = render_page(report, served, 5, 0.0), format_report(report, served)
    assert "IPv4" in page
    assert "IPv6" not in page
    assert "IPv4:" in text
    assert "IPv6:" not in text


def test_strangers_cannot_put_tags_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "aquatic.control.statistics.collector._client_name"
    monkeypatch.setattr(name, lambda _prefix: '<script>alert("&amp;")</script>')
    parsed = Table(page_of(busy_tracker()))
    assert "script" not in parsed.tags
    assert ['<script>alert("&amp;")</script>', "10"] in parsed.rows


def test_the_text_begins_as_the_rust_trackers() -> None:
    tracker = busy_tracker()
    tracker.latency = {(0, "announce"): [0, 1, 2]}
    text = format_report(collector_of(tracker, **EVERYTHING).report(), {Protocol.UDP: [4, 6]})
    lines = text.splitlines()
    assert lines[0] == "General:"
    assert lines[1] == "  access list entries: 0"
    start = lines.index("IPv4:")
    assert lines[start + 1] == "  bandwidth:    0.00 Mbit/s in,    0.00 Mbit/s out"
    assert lines[start + 2] == "  requests/second:          0"
    assert lines[start + 3] == "  responses/second"
    assert lines[start + 4] == "    total:                  0"
    assert lines[start + 5] == "    connect:                0"
    assert "  torrents:            10,001" in lines
    assert "  peers:               10,003" in lines
    assert "    p99.9                   4" in lines
    assert "    announce:  none" in lines, "of the last interval"
    assert "    announce:  p50 2 ns, p90 2 ns, p99 2 ns, p99.9 2 ns, max 2 ns (3 responses)" in lines
    assert text.endswith("\n\n")


def http_outputs(served: ServedFamilies, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Text and page of a tracker that has served HTTP for two seconds."""
    moments = iter([10.0, 12.0])
    monkeypatch.setattr(collector, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    tracker = busy_tracker()
    stream = FakeStream(tracker)
    stream.latency = {(0, "other"): [0, 1, 2]}
    has_udp = Protocol.UDP in served
    collecting = collector_of(tracker, stream=stream, has_udp=has_udp, **EVERYTHING)
    serve_some_http(stream)
    report = collecting.report()
    return format_report(report, served), render_page(report, served, 5, 0.0)


def test_http_alone_is_shown_without_a_word_of_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    text, page = http_outputs({Protocol.HTTP: [4]}, monkeypatch)
    lines = text.splitlines()
    start = lines.index("IPv4:")
    assert lines[start + 1 : start + 4] == [
        "  torrents:            10,001",
        "  peers:               10,003",
        "  seeders:             10,005",
    ]
    start = lines.index("HTTP over IPv4:")
    # Of both workers, over two seconds.
    announces = (expected_stream_counter("responses_announce", 0, 4) * 2 + 1_000) // 2
    assert f"{'    announce:':<18} {announces:>10,}" in lines[start:]
    assert lines.index("Connections:") > start
    idle = sum(
        expected_stream_counter("closed_idle_time", worker, family) for worker in (0, 1) for family in (4, 6)
    )
    assert f"{'    idle time:':<18} {idle:>10,}" in lines
    assert lines.index("Response latency:") > start
    assert "    other:     p50 2 ns, p90 2 ns, p99 2 ns, p99.9 2 ns, max 2 ns (3 responses)" in lines
    rows = Table(page).rows
    assert ["announce responses", f"{announces:,}"] in rows
    assert any(row[0] == "closed: idle time" for row in rows)
    for udp_only in ("connect", "kernel", "send buffer", "connection id", "IPv6"):
        assert udp_only not in text
        assert udp_only not in page.replace("connections", "").replace("Connections", "")


def test_udp_alone_is_shown_without_a_word_of_http() -> None:
    report = collector_of(busy_tracker(), **EVERYTHING).report()
    served: ServedFamilies = {Protocol.UDP: [4, 6]}
    for output in (format_report(report, served), render_page(report, served, 5, 0.0)):
        for http_only in ("HTTP", "Connections", "TLS", " over UDP"):
            assert http_only not in output


def test_each_protocol_has_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    text, page = http_outputs({Protocol.UDP: [4], Protocol.HTTP: [4, 6]}, monkeypatch)
    lines = text.splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "General:",
        *("IPv4:", "IPv6:", "HTTP over IPv4:", "HTTP over IPv6:"),
        "Connections:",
        *("Response latency over UDP:", "Response latency over HTTP:"),
    ]
    of_ipv6 = lines[lines.index("IPv6:") : lines.index("HTTP over IPv4:")]
    assert not any("requests/second" in line for line in of_ipv6), "UDP is not served there"
    for title in ("Traffic over UDP", "Traffic over HTTP", "Response latency over HTTP, last interval"):
        assert f"<h2>{title}</h2>" in page


def ws_outputs(served: ServedFamilies) -> tuple[list[str], str]:
    """Lines of the text, and the page, of a tracker that has served WebSocket."""
    tracker = busy_tracker()
    stream = FakeStream(tracker)
    stream.ws_latency = {(0, "other"): [0, 1, 2]}
    collecting = collector_of(
        tracker,
        stream=stream,
        has_udp=Protocol.UDP in served,
        has_http=Protocol.HTTP in served,
        ws_swarm=busy_ws_swarm(),
        **EVERYTHING,
    )
    serve_some_http(stream)
    report = collecting.report()
    return format_report(report, served).splitlines(), render_page(report, served, 5, 0.0)


def test_websocket_alone_is_shown_without_a_word_of_others() -> None:
    lines, page = ws_outputs({Protocol.WS: [4]})
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["General:", "WebTorrent over IPv4:", "Connections:", "Response latency:"]
    start = lines.index("WebTorrent over IPv4:")
    assert [line.split()[0] for line in lines[start + 4 : start + 9]] == [
        *("announce:", "scrape:", "error:", "offer:", "answer:")
    ]
    assert "  peers:               20,003" in lines
    unexpected = sum(expected_stream_counter("ws_answers_unexpected", worker, 4) for worker in (0, 1))
    assert f"{'    answer unexpected:':<26} {unexpected:>10,}" in lines
    rows = Table(page).rows
    assert ["torrents", "20,001"] in rows
    assert ["answer unexpected", f"{unexpected:,}"] in rows
    assert any(row[0] == "offers: no receiver" for row in rows)
    for others_only in ("UDP", "HTTP", "10,001"):
        assert others_only not in page
        assert others_only not in "".join(lines)


def test_websocket_has_its_part_beside_the_others() -> None:
    lines, page = ws_outputs({Protocol.UDP: [4], Protocol.HTTP: [4], Protocol.WS: [4, 6]})
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "General:",
        *("IPv4:", "HTTP over IPv4:", "WebTorrent over IPv4:", "WebTorrent over IPv6:"),
        "Connections:",
        *(f"Response latency over {name}:" for name in ("UDP", "HTTP", "WebSocket")),
    ]
    rows = Table(page).rows
    assert ["torrents", "10,001"] in rows
    assert ["torrents", "20,001", "20,002"] in rows
    for title in ("Swarms of WebTorrent", "Traffic over WebSocket", "Not served or lost over WebSocket"):
        assert f"<h2>{title}</h2>" in page


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (None, "none"),
        (0, "0 ns"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (123_456, "123 µs"),
        (999_999, "1 ms"),
        (1_234_567, "1.23 ms"),
        (1_200_000_000, "1.2 s"),
        (5_000_000_000_000, "5,000 s"),
    ],
)
def test_durations(nanoseconds: int | None, text: str) -> None:
    assert duration(nanoseconds) == text


def test_figures() -> None:
    assert integer(1_234_567.9) == "1,234,567"
    assert megabits(1_000_000) == "8.00"
    assert mebibytes(3 << 19) == "1.5 MiB"
