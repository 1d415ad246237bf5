"""What a report says of the time between two readings."""

import pytest

from aquatic.control.statistics import collector as collector_module
from aquatic.control.statistics.collector import CLIENTS_MAX
from tests.support.busy_tracker import busy_tracker, collector_of, expected_counter, serve_some
from tests.support.fake_tracker import FakeTracker


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
    assert report.counted[6]["responses_announce"] == served
    assert report.per_second(served) == served / 4
    assert report.reading.total(6)["responses_announce"] == 2 * served
    clock.seconds += 5
    assert collector.report().counted[6]["responses_announce"] == 0


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
    assert report.latency["announce"].count == 6
    assert report.latency["announce"].maximum() == 5
    assert report.latency["announce"].minimum() == 2
    assert report.reading.latency["announce"].count == 10
    assert report.latency["scrape"].percentile(50) is None
    later = collector.report()
    assert later.latency["announce"].percentile(99) is None
    assert later.reading.latency["announce"].count == 10


def test_what_is_not_asked_for_is_not_read() -> None:
    class Strict(FakeTracker):
        def latency_buckets(self, _index: int, _request_type: str) -> list[int]:
            raise AssertionError

        def peers_per_torrent_buckets(self, _family: int) -> list[int]:
            raise AssertionError

        def peer_prefixes(self) -> list[tuple[bytes, int]]:
            raise AssertionError

    report = collector_of(Strict()).report()
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
