"""The load generator against a tracker that keeps the rules, and against one that breaks them."""

from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Report, SilentTrackerError
from aquatic.loadtest.target import Target
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from aquatic.protocol.udp import AnnounceRequest, ConnectRequest, ErrorResponse, Event, Request, ScrapeRequest
from tests.support.processes import wait_until
from tests.system.stand_in_tracker import Meddle, StandInTracker, stand_in_tracker

POPULATION = Population(shapes.zipf(20, 200), 4, 0.25, 1)
UNEVEN_LOAD = UdpLoad(weight_connect=1, weight_announce=2, weight_scrape=1, requests_under_way_max=16)


def closed_loop(tracker: StandInTracker, load: UdpLoad = UNEVEN_LOAD, seconds: float = 0.5) -> Report:
    with UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test:
        test.greet()
        return test.run("closed", seconds)


def test_every_answer_of_an_honest_tracker_is_right() -> None:
    with stand_in_tracker() as tracker:
        report = closed_loop(tracker)
    kinds = Counter(type(request) for request in tracker.requests)
    assert kinds[ConnectRequest] == report.counters["sent_connect"] + POPULATION.sources
    assert kinds[AnnounceRequest] == report.counters["sent_announce"] > kinds[ScrapeRequest] > 0
    assert kinds[ScrapeRequest] == report.counters["sent_scrape"]
    assert report.wrong == report.counters["lost"] == report.counters["late"] == 0
    # Those under way at the end are answered after it.
    assert 0 <= report.requests - report.responses <= 16
    assert report.latency is not None
    assert report.latency.answers == report.responses


def test_workers_share_the_peers() -> None:
    load = UdpLoad(workers=3, weight_connect=0, weight_scrape=0, requests_under_way_max=12)
    with stand_in_tracker() as tracker, UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test:
        test.greet()
        report = test.fill(30)
    announces = [request for request in tracker.requests if isinstance(request, AnnounceRequest)]
    assert report.counters["right_announce"] == len(announces) == POPULATION.peers
    assert swarms_of(tracker) == swarms_of_population()


def swarms_of(tracker: StandInTracker) -> set[tuple[bytes, str, int, bool]]:
    return {
        (info_hash, str(peer.address), peer.port, seeder)
        for info_hash, swarm in tracker.swarms.items()
        for peer, seeder in swarm.items()
    }


def swarms_of_population() -> set[tuple[bytes, str, int, bool]]:
    peers = [POPULATION.describe(peer) for peer in range(POPULATION.peers)]
    return {
        (info_hash, f"127.0.1.{1 + source}", port, seeder) for _, info_hash, source, port, seeder in peers
    }


def test_filling_repeats_what_was_lost_and_completes_no_download() -> None:
    numbers = count()

    def lossy(_request: Request, answer: bytes) -> list[bytes]:
        return [] if next(numbers) % 5 == 0 else [answer]

    load = UdpLoad(event=EVENTS["started"], timeout_seconds=0.05)
    with (
        stand_in_tracker(meddle=lossy) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        report = test.fill(60)
    assert report.counters["lost"] > 0
    assert report.counters["right_announce"] == POPULATION.peers
    assert swarms_of(tracker) == swarms_of_population()
    events = {request.event for request in tracker.requests if isinstance(request, AnnounceRequest)}
    assert events == {Event.STARTED}


@pytest.mark.parametrize(("probability", "under_way"), [(0, POPULATION.sources), (1, 64), (0.2, 64)])
def test_answers_let_additional_requests_go_out(probability: float, under_way: int) -> None:
    numbers = count()
    held: list[bytes] = []

    def fall_silent(_request: Request, answer: bytes) -> list[bytes]:
        if next(numbers) < 1000:
            return [answer]
        held.append(answer)
        return []

    load = UdpLoad(additional_request_probability=probability, requests_under_way_max=64, timeout_seconds=60)
    with (
        stand_in_tracker(meddle=fall_silent) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        before = test.sample()
        test.start("closed", 60)
        wait_until(lambda: len(held) >= under_way)
        test.stop()
        test.join()
        report = Report.between(before, test.sample(), load.workers)
    assert report.requests - report.responses == under_way


def test_requests_at_a_set_rate_do_not_wait_for_answers() -> None:
    held: list[bytes] = []

    def hold_announces(request: Request, answer: bytes) -> list[bytes]:
        if isinstance(request, ConnectRequest):
            return [answer]
        held.append(answer)
        return []

    load = UdpLoad(weight_connect=0, weight_scrape=0, requests_under_way_max=4096, timeout_seconds=0.2)
    with (
        stand_in_tracker(meddle=hold_announces) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        report = test.run("open", 0.5, requests_per_second=400)
    assert report.counters["sent_announce"] == report.counters["lost"]
    assert 100 < len(held) <= 201
    assert report.latency is None


def spoiled(change: Callable[[bytes], list[bytes]]) -> Meddle:
    """Connection ids stay as they are, so that load goes on."""

    def meddle(request: Request, answer: bytes) -> list[bytes]:
        return [answer] if isinstance(request, ConnectRequest) else change(answer)

    return meddle


@pytest.mark.parametrize(
    ("counter", "change"),
    [
        ("errors", lambda answer: [ErrorResponse(int.from_bytes(answer[4:8]), b"no").to_bytes()]),
        ("wrong_action", lambda answer: [bytes(4) + answer[4:]]),
        ("wrong_length", lambda answer: [answer + b"\0"]),
        ("wrong_length", lambda answer: [answer[:8]]),
        ("wrong_content", lambda answer: [answer[:8] + b"\x7f" * (len(answer) - 8)]),
        ("wrong_transaction", lambda answer: [answer, answer]),
        ("wrong_transaction", lambda answer: [b"\0\0\0", answer]),
        ("wrong_transaction", lambda answer: [answer[:4] + b"\xff" * 4 + answer[8:], answer]),
    ],
)
def test_wrong_answers_are_counted_by_what_is_wrong(
    counter: str, change: Callable[[bytes], list[bytes]]
) -> None:
    with stand_in_tracker(meddle=spoiled(change)) as tracker:
        report = closed_loop(tracker, seconds=0.2)
    assert report.counters[counter] == report.wrong > 0


def test_late_answers_are_neither_right_nor_wrong() -> None:
    held: list[bytes] = []

    def answer_five_requests_later(request: Request, answer: bytes) -> list[bytes]:
        if isinstance(request, ConnectRequest):
            return [answer]
        held.append(answer)
        return [held.pop(0)] if len(held) > 5 else []

    load = UdpLoad(weight_connect=0, requests_under_way_max=4, timeout_seconds=0.05)
    one_source = Population(shapes.uniform(10, 100), 1, 0.5, 1)
    with (
        stand_in_tracker(meddle=answer_five_requests_later) as tracker,
        UdpLoadTest(Target.parse(tracker.address), one_source, load) as test,
    ):
        test.greet()
        report = test.run("closed", 0.5)
    assert report.counters["lost"] > 0
    assert report.counters["late"] > 0
    assert report.wrong == 0


def test_a_lost_connection_id_is_asked_for_again() -> None:
    numbers = count()

    def deaf_at_first(_request: Request, answer: bytes) -> list[bytes]:
        return [answer] if next(numbers) >= 4 else []

    load = UdpLoad(timeout_seconds=0.05)
    with stand_in_tracker(meddle=deaf_at_first) as tracker:
        assert closed_loop(tracker, load, 0.1).responses > 0


def test_old_connection_ids_are_replaced_whatever_the_weights() -> None:
    load = UdpLoad(weight_connect=0, weight_scrape=0, connection_age_seconds=0.1, requests_under_way_max=4)
    with stand_in_tracker() as tracker:
        report = closed_loop(tracker, load)
    assert 0 < report.counters["sent_connect"] <= 5 * POPULATION.sources


def test_a_silent_tracker_is_an_error() -> None:
    with (
        stand_in_tracker(meddle=lambda _request, _answer: []) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, UdpLoad()) as test,
        pytest.raises(SilentTrackerError, match="did not answer"),
    ):
        test.greet(0.2)


@pytest.mark.parametrize(
    "terms",
    [
        {"weight_connect": -1},
        {"weight_connect": 0, "weight_announce": 0, "weight_scrape": 0},
        {"scrape_torrents": 0},
        {"scrape_torrents": 75},
        {"workers": 0},
        {"requests_under_way_max": 0},
        {"requests_under_way_max": (1 << 20) + 1},
    ],
)
def test_load_that_cannot_be_is_refused(terms: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"weights|torrents|at least"):
        UdpLoad(**terms)  # type: ignore[arg-type]


def test_ipv6_peers_are_checked_too() -> None:
    population = Population(shapes.uniform(10, 100), 1, 0.5, 1)
    with (
        stand_in_tracker("::1") as tracker,
        UdpLoadTest(Target.parse(tracker.address), population, UNEVEN_LOAD) as test,
    ):
        test.greet()
        report = test.run("closed", 0.3)
    assert report.wrong == 0
    assert report.counters["peers_received"] > 0
