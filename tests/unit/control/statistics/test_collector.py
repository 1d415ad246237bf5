"""What a report says of the time between two readings."""

import pytest

from aquatic.control.model import Protocol
from aquatic.control.statistics import collector as collector_module
from aquatic.control.statistics.collector import CLIENTS_MAX
from aquatic.control.statistics.counters import total
from tests.support.busy_tracker import (
    busy_stream,
    busy_tracker,
    collector_of,
    expected_counter,
    expected_stream_counter,
    serve_some,
    serve_some_http,
)
from tests.support.fake_tracker import FakeStream, FakeTracker


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(collector_module, "time", clock)
    return clock


def test_rates_are_of_the_interval_and_of_all_workers(clock: Clock) -> None:
    tracker = busy_tracker()
    collector = collector_of(tracker)
    serve_some(tracker)
    clock.seconds += 4
    report = collector.report()
    served = expected_counter("responses_announce", 0, 6) + expected_counter("responses_announce", 1, 6)
    assert report.udp[6]["responses_announce"] == served
    assert report.per_second(served) == served / 4
    assert total(report.reading.udp)[6]["responses_announce"] == 2 * served
    clock.seconds += 5
    assert collector.report().udp[6]["responses_announce"] == 0


@pytest.mark.usefixtures("clock")
def test_http_and_its_connections_are_counted_apart_from_udp() -> None:
    tracker = busy_tracker()
    stream = busy_stream(tracker)
    collector = collector_of(tracker, stream=stream)
    serve_some_http(stream)
    report = collector.report()
    assert report.reading.protocols == (Protocol.UDP, Protocol.HTTP)
    for counted, name in ((report.http, "responses_failure"), (report.connections, "closed_tls")):
        served = [expected_stream_counter(name, worker, 6) for worker in (0, 1)]
        assert counted[6][name] == sum(served)
    assert not any(report.udp[6].values())
    assert report.reading.http[1][4]["requests_scrape"] == 2 * expected_stream_counter(
        "requests_scrape", 1, 4
    )


def test_only_what_is_served_is_read() -> None:
    tracker = busy_tracker()
    udp = collector_of(tracker, response_latency=True).report()
    assert (udp.reading.protocols, list(udp.latency)) == ((Protocol.UDP,), [Protocol.UDP])
    assert udp.reading.connections == []
    http = collector_of(tracker, stream=FakeStream(tracker), has_udp=False, response_latency=True).report()
    assert (http.reading.protocols, list(http.latency)) == ((Protocol.HTTP,), [Protocol.HTTP])
    assert http.reading.udp == []


@pytest.mark.usefixtures("clock")
def test_a_clock_that_stands_still_is_survived() -> None:
    tracker = busy_tracker()
    collector = collector_of(tracker)
    assert collector.report().per_second(0) == 0


def test_latency_of_the_interval_ages_out_and_that_since_start_stays() -> None:
    tracker = FakeTracker()
    tracker.latency = {(0, "announce"): [0, 3], (1, "announce"): [0, 0, 0, 1]}
    collector = collector_of(tracker, response_latency=True)
    tracker.latency = {(0, "announce"): [0, 3, 2], (1, "announce"): [0, 0, 0, 1, 0, 4]}
    report = collector.report()
    assert report.latency[Protocol.UDP]["announce"].count == 6
    assert report.latency[Protocol.UDP]["announce"].maximum() == 5
    assert report.latency[Protocol.UDP]["announce"].minimum() == 2
    assert report.reading.latency[Protocol.UDP]["announce"].count == 10
    assert report.latency[Protocol.UDP]["scrape"].percentile(50) is None
    later = collector.report()
    assert later.latency[Protocol.UDP]["announce"].percentile(99) is None
    assert later.reading.latency[Protocol.UDP]["announce"].count == 10


def test_latency_over_http_is_by_kind_of_answer_and_of_all_workers() -> None:
    tracker = FakeTracker()
    stream = FakeStream(tracker)
    stream.latency = {(0, "other"): [0, 3], (1, "other"): [0, 0, 0, 1]}
    collector = collector_of(tracker, stream=stream, response_latency=True)
    stream.latency = {(0, "other"): [0, 3, 2], (1, "other"): [0, 0, 0, 1, 0, 4]}
    report = collector.report()
    assert list(report.latency[Protocol.HTTP]) == ["announce", "scrape", "other"]
    assert report.latency[Protocol.HTTP]["other"].count == 6
    assert report.reading.latency[Protocol.HTTP]["other"].count == 10
    assert report.latency[Protocol.HTTP]["announce"].percentile(50) is None


def test_what_is_not_asked_for_is_not_read() -> None:
    class Strict(FakeTracker):
        def latency_buckets(self, _index: int, _request_type: str) -> list[int]:
            raise AssertionError

        def peers_per_torrent_buckets(self, _family: int) -> list[int]:
            raise AssertionError

        def peer_prefixes(self) -> list[tuple[bytes, int]]:
            raise AssertionError

    class StrictStream(FakeStream):
        def latency_buckets(self, _index: int, _answer_kind: str) -> list[int]:
            raise AssertionError

    tracker = Strict()
    report = collector_of(tracker, stream=StrictStream(tracker)).report()
    assert report.latency == {}
    assert report.peers_per_torrent is None
    assert report.clients is None


def test_clients_are_added_up_by_name() -> None:
    tracker = FakeTracker()
    tracker.prefixes = [(b"-qB4250-", 3), (b"M7-2-1--", 2), (b"-qB425Z-", 1), (b"", 9), (b"-qB4250-", 1)]
    clients = collector_of(tracker, peer_clients=True).report().clients
    assert clients is not None
    assert clients.names[0] == ("Other", 9)
    assert clients.names[1][0].startswith("qBittorrent")
    assert sum(count for _, count in clients.names) == 16
    assert clients.prefixes[:2] == [("other", 9), (b"-qB4250-".hex(), 4)]


def test_names_that_strangers_make_up_are_bounded() -> None:
    tracker = FakeTracker()
    made_up = [(index.to_bytes(8, "big"), 1) for index in range(1 << 40, (1 << 40) + 5_000)]
    tracker.prefixes = [*made_up, (b"-qB4250-", 7), (b"", 3)]
    clients = collector_of(tracker, peer_clients=True).report().clients
    assert clients is not None
    assert len(clients.prefixes) <= CLIENTS_MAX + 1
    assert clients.prefixes[1] == (b"-qB4250-".hex(), 7)
    assert clients.prefixes[0] == ("other", 3 + 5_000 - (CLIENTS_MAX - 2))
    assert sum(count for _, count in clients.names) == 5_010
