"""The exposition: names as the Rust tracker's, values, and a format that Prometheus' own parser reads."""

import re
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aquatic.control.model import Statistics
from aquatic.control.statistics import process
from aquatic.control.statistics.exposition import Metric, expose
from aquatic.control.statistics.process import ProcessFigures
from aquatic.control.statistics.prometheus import LATENCY_BOUNDS_SECONDS, PrometheusText
from aquatic.dataplane.stream.border import (
    CONNECTION_COUNTER_NAMES,
    HTTP_COUNTER_NAMES,
    WS_COUNTER_NAMES,
)
from tests.support.busy_tracker import (
    COUNTERS,
    busy_stream,
    busy_tracker,
    busy_ws_swarm,
    collector_of,
    expected_counter,
    expected_stream_counter,
)
from tests.support.fake_tracker import FakeStream, FakeTracker, bucket_bound

DATA = Path(__file__).parents[2] / "data"
OPERATIONS = Path(__file__).parents[4] / "docs" / "operations.md"
SAMPLE = re.compile(r'(\w+)(?:\{(\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


EVERYTHING = {
    "peers_per_torrent": True,
    "peer_clients": True,
    "prometheus_peer_id_prefixes": True,
    "response_latency": True,
}


def rendered(
    tracker: FakeTracker, stream: FakeStream | None = None, *, has_udp: bool = True, **options: Any
) -> str:
    served = {name: options.pop(name) for name in ("ws_swarm", "has_http") if name in options}
    collector = collector_of(tracker, stream=stream, has_udp=has_udp, prometheus=True, **served, **options)
    collector.report()
    return PrometheusText(collector, Statistics(**options), ProcessFigures()).render().decode()


def everything(tracker: FakeTracker, stream: FakeStream | None = None, **served: Any) -> str:
    return rendered(tracker, stream, **served, **EVERYTHING)


def http_alone() -> str:
    tracker = busy_tracker()
    return everything(tracker, busy_stream(tracker), has_udp=False)


def both_protocols() -> str:
    tracker = busy_tracker()
    stream = busy_stream(tracker)
    tracker.latency = {(0, "announce"): [0, 1]}
    stream.latency = {(0, "announce"): [0, 0, 0, 2]}
    return everything(tracker, stream)


def ws_alone() -> str:
    tracker = busy_tracker()
    return everything(tracker, busy_stream(tracker), has_udp=False, has_http=False, ws_swarm=busy_ws_swarm())


def all_protocols() -> str:
    tracker = busy_tracker()
    stream = busy_stream(tracker)
    stream.ws_latency = {(0, "announce"): [0, 0, 0, 2]}
    return everything(tracker, stream, ws_swarm=busy_ws_swarm())


def samples(text: str) -> dict[str, float]:
    """Values by name and labels as they are written."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def signatures(text: str) -> set[str]:
    """Lines like those of the recorded table; labels whose values strangers choose are without them."""
    types = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))
    found = set()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            labels = [
                name if name in ("client", "prefix_hex") else f"{name}={value}"
                for name, value in LABEL.findall(match[2] or "")
            ]
            found.add(" ".join([match[1], types.get(match[1], ""), *labels]))
    return found


@pytest.mark.parametrize(
    ("recording", "count", "render"),
    [
        ("rust_udp_metrics.txt", 46, lambda: everything(busy_tracker())),
        ("rust_http_metrics.txt", 15, http_alone),
        ("rust_ws_metrics.txt", 22, ws_alone),
    ],
)
def test_every_metric_of_the_rust_tracker_is_there_byte_by_byte(
    recording: str, count: int, render: Callable[[], str]
) -> None:
    lines = (DATA / recording).read_text().splitlines()
    recorded = {line for line in lines if not line.startswith("#")}
    assert len(recorded) == count
    served = signatures(render())
    assert recorded <= served
    # Nothing else under those names.
    names = {line.split()[0] for line in recorded}
    assert {line for line in served if line.split()[0] in names and "worker_index=1" not in line} == recorded


def test_one_protocol_alone_is_not_named() -> None:
    for text in (everything(busy_tracker()), http_alone()):
        assert "protocol=" not in text
    # WebSocket begins with HTTP, whose errors are counted wherever it is served.
    with_protocol = {name for name in samples(ws_alone()) if "protocol=" in name}
    assert all(
        name.startswith("aquatic_errors_total") and 'protocol="http"' in name for name in with_protocol
    )


def test_what_both_protocols_have_is_told_apart() -> None:
    text = both_protocols()
    labels = 'ip_version="4",worker_index="1"'
    found = samples(text)
    udp = [expected_counter(f"responses_{kind}", 1, 4) for kind in ("connect", "announce", "scrape", "error")]
    http = [expected_stream_counter(f"responses_{kind}", 1, 4) for kind in ("announce", "scrape", "failure")]
    for protocol, values in (("udp", udp), ("http", http)):
        of_protocol = [
            value
            for name, value in found.items()
            if name.startswith("aquatic_responses_total") and f'{labels},protocol="{protocol}"' in name
        ]
        assert of_protocol == values
    for protocol, seconds in (("udp", 1e-9), ("http", 3e-9)):
        labels = f'type="announce",protocol="{protocol}",percentile="50",window="start"'
        assert found[f"aquatic_response_latency_percentile_seconds{{{labels}}}"] == seconds
    with_protocol = {name.partition("{")[0] for name in found if "protocol=" in name}
    assert with_protocol == {
        *("aquatic_requests_total", "aquatic_responses_total", "aquatic_errors_total"),
        *(f"aquatic_response_latency_seconds_{part}" for part in ("bucket", "sum", "count")),
        "aquatic_response_latency_percentile_seconds",
    }
    assert len(found) == sum(1 for line in text.splitlines() if line and not line.startswith("#"))
    assert found['aquatic_peers{ip_version="4"}'] == 10_003


def test_websocket_is_told_apart_from_the_others() -> None:
    found = samples(all_protocols())
    labels = 'ip_version="4",worker_index="1"'

    def expected(name: str) -> int:
        return expected_stream_counter(name, 1, 4)

    for kind in ("announce", "scrape", "error", "offer", "answer"):
        name = f'aquatic_responses_total{{type="{kind}",{labels},protocol="ws"}}'
        assert found[name] == expected(f"ws_responses_{kind}")
    assert found[f"aquatic_active_connections{{{labels}}}"] == expected("active")
    assert found['aquatic_peers{ip_version="4"}'] == 10_003
    assert found['aquatic_peers{ip_version="4",protocol="ws"}'] == 20_003
    assert found['aquatic_swarm_memory_bytes{protocol="ws"}'] == 20_007
    assert found['aquatic_refused_peers_total{protocol="ws"}'] == 20_008
    assert found['aquatic_response_latency_seconds_count{type="announce",protocol="ws"}'] == 2
    # Clients of all swarms together.
    assert found['aquatic_peer_id_prefixes{prefix_hex="2d7142343235302d"}'] == 7 + 1
    assert found['aquatic_peer_id_prefixes{prefix_hex="2d5757303230382d"}'] == 5


def test_every_counter_of_websocket_is_served() -> None:
    """Each once: their values differ."""
    values = Counter(samples(all_protocols()).values())
    for name in WS_COUNTER_NAMES:
        for family in (4, 6):
            assert values[expected_stream_counter(f"ws_{name}", 1, family)] == 1, name


def test_every_counter_of_connections_and_http_is_served() -> None:
    """Each once: their values differ. Rounds of waiting are for developers."""
    values = Counter(samples(http_alone()).values())
    for name in (*HTTP_COUNTER_NAMES, *CONNECTION_COUNTER_NAMES):
        by_family = [expected_stream_counter(name, 1, family) for family in (4, 6)]
        if name in ("active", "accept_pauses", "accept_errors"):
            by_family = [sum(by_family)]
        assert [values[value] for value in by_family] == [0 if name == "waits" else 1] * len(by_family), name


def test_process_figures_are_those_of_the_kernel() -> None:
    found = samples(rendered(busy_tracker()))
    assert found["process_resident_memory_bytes"] > 1 << 20
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    assert found["process_resident_memory_bytes"] > pages * resource.getpagesize() / 2
    figures = ProcessFigures()
    before = figures.open_descriptors()
    assert before is not None
    with OPERATIONS.open():
        assert figures.open_descriptors() == before + 1


def test_process_figures_that_cannot_be_read_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROC", "/nowhere")
    text = rendered(busy_tracker())
    assert "process_resident_memory_bytes" not in text
    assert "process_open_fds" not in text
    assert "process_cpu_seconds_total" in text


def test_values_of_the_counters() -> None:
    found = samples(rendered(busy_tracker()))
    for worker in (0, 1):
        for family in (4, 6):
            labels = f'ip_version="{family}",worker_index="{worker}"'

            def expected(name: str, worker: int = worker, family: int = family) -> int:
                return expected_counter(name, worker, family)

            responses = sum(expected(name) for name in COUNTERS if name.startswith("responses_"))
            requests = sum(expected(name) for name in COUNTERS if name.startswith("requests_"))
            requests += expected("errors_connection_id_bad") + expected("errors_connection_id_expired")
            # As the Rust tracker counts: its EXTRA_PACKET_SIZE of each family.
            overhead = {4: 54, 6: 74}[family]
            received = expected("bytes_received") + overhead * (requests + expected("errors_malformed"))
            sent = expected("bytes_sent") + overhead * responses
            assert found[f"aquatic_requests_total{{{labels}}}"] == requests
            assert found[f"aquatic_rx_bytes{{{labels}}}"] == received
            assert found[f"aquatic_tx_bytes{{{labels}}}"] == sent
            for kind in ("connect", "announce", "scrape", "error"):
                of_type = found[f'aquatic_responses_total{{type="{kind}",{labels}}}']
                assert of_type == expected(f"responses_{kind}")
            refused = found[f'aquatic_errors_total{{cause="connection_id_expired",{labels}}}']
            assert refused == expected("errors_connection_id_expired")
            lost = found[f'aquatic_dropped_total{{cause="kernel",{labels}}}']
            assert lost == expected("dropped_by_kernel")


def test_values_of_the_gauges() -> None:
    found = samples(everything(busy_tracker()))
    assert found['aquatic_torrents{ip_version="4"}'] == 10_001
    assert found['aquatic_peers{ip_version="6"}'] == 10_004
    assert found['aquatic_peers_per_torrent{type="min",ip_version="4"}'] == 1
    assert found['aquatic_peers_per_torrent{type="p50",ip_version="4"}'] == 1
    assert found['aquatic_peers_per_torrent{type="p80",ip_version="4"}'] == 2
    assert found['aquatic_peers_per_torrent{type="max",ip_version="4"}'] == 4
    assert found['aquatic_peers_per_torrent{type="max",ip_version="6"}'] == 0
    assert found['aquatic_peer_id_prefixes{prefix_hex="2d7142343235302d"}'] == 7
    assert found['aquatic_peer_clients{client="Other"}'] == 4


def test_what_is_off_is_not_there() -> None:
    text = rendered(busy_tracker())
    for name in ("peers_per_torrent", "peer_clients", "peer_id_prefixes", "response_latency"):
        assert name not in text


def test_prefixes_need_their_own_key() -> None:
    text = rendered(busy_tracker(), peer_clients=True)
    assert "aquatic_peer_clients{" in text
    assert "aquatic_peer_id_prefixes" not in text


def test_the_latency_histogram_is_a_classic_one() -> None:
    tracker = busy_tracker()
    microsecond_buckets = [0] * 400
    for nanoseconds, count in ((9_000, 5), (40_000, 3), (3_000_000, 2)):
        microsecond_buckets[next(i for i in range(400) if nanoseconds <= bucket_bound(i))] += count
    tracker.latency = {(1, "announce"): microsecond_buckets}
    text = everything(tracker)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    family = families["aquatic_response_latency_seconds"]
    assert family.type == "histogram"
    by_bound = {
        sample.labels["le"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_bucket") and sample.labels["type"] == "announce"
    }
    assert len(by_bound) == len(LATENCY_BOUNDS_SECONDS) + 1
    cumulative = list(by_bound.values())
    assert cumulative == sorted(cumulative)
    assert [by_bound[bound] for bound in ("1e-05", "2.5e-05", "5e-05", "0.0025", "0.005", "+Inf")] == [
        5,
        5,
        8,
        8,
        10,
        10,
    ]
    found = samples(text)
    assert found['aquatic_response_latency_seconds_count{type="announce"}'] == 10
    total = found['aquatic_response_latency_seconds_sum{type="announce"}']
    assert abs(total - (5 * 9e-6 + 3 * 40e-6 + 2 * 3e-3)) < total / 16


def test_percentiles_without_samples_are_left_out() -> None:
    tracker = FakeTracker()
    tracker.latency = {(0, "scrape"): [0, 0, 1]}
    text = rendered(tracker, response_latency=True)
    name = "aquatic_response_latency_percentile_seconds"
    found = {key for key in samples(text) if key.startswith(name)}
    assert f'{name}{{type="scrape",percentile="99.9",window="start"}}' in found
    assert not any('type="announce"' in key or 'window="interval"' in key for key in found)


@pytest.mark.parametrize(
    "render",
    [lambda: everything(busy_tracker()), http_alone, both_protocols, ws_alone, all_protocols],
)
def test_prometheus_reads_the_whole(render: Callable[[], str]) -> None:
    text = render()
    assert text.endswith("\n")
    families = list(text_string_to_metric_families(text))
    assert sum(len(family.samples) for family in families) == len(samples(text))
    assert all(family.documentation for family in families)


def test_strange_label_values_come_back_as_they_were() -> None:
    strange = 'a "quoted" \\ back\\nslash\nand a line }\u00b5'
    metric = Metric("strange", "gauge", "Help with \\ and\na line.")
    metric.add(1, client=strange)
    (family,) = text_string_to_metric_families(expose([metric]).decode())
    assert family.samples[0].labels == {"client": strange}
    assert family.documentation == "Help with \\ and\na line."


def test_every_metric_is_documented_with_its_type() -> None:
    rows = [
        line.split(" | ")
        for line in OPERATIONS.read_text().splitlines()
        if re.match(r"\| (aquatic|process)_", line)
    ]
    documented: dict[str, str] = {}
    for names, kinds, *_ in rows:
        listed = [name.removesuffix(" R") for name in names.removeprefix("| ").split(", ")]
        by_name = kinds.split(", ")
        documented |= dict(
            zip(listed, by_name if len(by_name) == len(listed) else by_name * len(listed), strict=True)
        )
    tracker = busy_tracker()
    tracker.latency = {(0, "announce"): [1]}
    texts = (everything(tracker), all_protocols())
    served = dict(
        line.split()[2:] for text in texts for line in text.splitlines() if line.startswith("# TYPE")
    )
    assert documented == served
