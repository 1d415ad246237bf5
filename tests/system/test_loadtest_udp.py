"""The load generator against a tracker that keeps the rules, and against one that breaks them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Report, SilentTrackerError
from aquatic.loadtest.target import Target
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from aquatic.protocol.udp import AnnounceRequest, ConnectRequest, ErrorResponse, Event, Request, ScrapeRequest
from tests.support.loads import stopped_once
from tests.support.processes import wait_until
from tests.system.stand_in_tracker import Meddle, StandInTracker, stand_in_tracker

POPULATION = Population(shapes.zipf(20, 200), 4, 0.25, 1)
# However long this machine stands still, nothing is lost by that.
PATIENT = UdpLoad(timeout_seconds=60)
UNEVEN_LOAD = replace(
    PATIENT, weight_connect=1, weight_announce=2, weight_scrape=1, requests_under_way_max=16
)


def closed_loop(tracker: StandInTracker, requests: int, population: Population = POPULATION) -> Report:
    """An uneven load, until so many requests have been answered."""
    with UdpLoadTest(Target.parse(tracker.address), population, UNEVEN_LOAD) as test:
        test.greet()
        return test.run("closed", 60, requests_max=requests)


def test_every_answer_of_an_honest_tracker_is_right() -> None:
    with stand_in_tracker() as tracker:
        report = closed_loop(tracker, 1000)
    kinds = Counter(type(request) for request in tracker.requests)
    assert kinds[ConnectRequest] == report.counters["sent_connect"] + POPULATION.sources
    assert kinds[AnnounceRequest] == report.counters["sent_announce"] > kinds[ScrapeRequest] > 0
    assert kinds[ScrapeRequest] == report.counters["sent_scrape"]
    assert report.wrong == report.counters["lost"] == report.counters["late"] == 0
    assert report.requests == report.responses == 1000
    assert report.latency is not None
    assert report.latency.answers == report.responses


def test_workers_share_the_peers() -> None:
    load = replace(PATIENT, workers=3, weight_connect=0, weight_scrape=0, requests_under_way_max=12)
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
        return [] if next(numbers) % 20 == 0 else [answer]

    # Few at once: the tracker must get ahead, however slow it is, of those that are sent again.
    load = UdpLoad(event=EVENTS["started"], requests_under_way_max=8, timeout_seconds=0.05)
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


@pytest.mark.parametrize(("probability", "under_way"), [(0, POPULATION.sources), (1, 16), (0.2, 16)])
def test_answers_let_additional_requests_go_out(probability: float, under_way: int) -> None:
    numbers = count()
    held: list[bytes] = []

    def fall_silent(_request: Request, answer: bytes) -> list[bytes]:
        if next(numbers) < 1000:
            return [answer]
        held.append(answer)
        return []

    load = replace(PATIENT, additional_request_probability=probability, requests_under_way_max=16)
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
        report = test.run("open", 60, requests_per_second=400, requests_max=200)
        wait_until(lambda: len(held) == 200)
    assert report.counters["sent_announce"] == report.counters["lost"] == 200
    # The first is due at once.
    assert report.seconds > 199 / 400
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
        report = closed_loop(tracker, 200)
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
        before = test.sample()
        test.start("closed", 60)
        wait_until(lambda: test.sample().counters["late"] > 0)
        test.stop()
        test.join()
        report = Report.between(before, test.sample(), load.workers)
    assert report.counters["lost"] > 0
    assert report.wrong == 0


def test_what_is_overdue_at_the_end_is_lost() -> None:
    load = UdpLoad(weight_connect=0, weight_scrape=0, requests_under_way_max=4, timeout_seconds=0.05)
    with (
        stand_in_tracker(meddle=spoiled(lambda _: [])) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        before = test.sample()
        test.start("closed", 60)
        wait_until(lambda: test.sample().counters["sent_announce"])
        test.stop()
        test.join()

        def all_are_lost() -> bool:
            test.drain()
            counters = Report.between(before, test.sample(), load.workers).counters
            return counters["lost"] == counters["sent_announce"]

        wait_until(all_are_lost)


def test_what_is_under_way_when_it_is_stopped_is_waited_for() -> None:
    load = UdpLoad(weight_connect=0, weight_scrape=0, requests_under_way_max=4, timeout_seconds=0.5)
    with (
        stand_in_tracker(meddle=spoiled(lambda _: [])) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        with stopped_once(test, lambda counters: counters["sent_announce"]):
            report = test.run("closed", 3600)
    assert report.counters["lost"] == report.counters["sent_announce"] > 0


def test_a_lost_connection_id_is_asked_for_again() -> None:
    numbers = count()

    def deaf_at_first(_request: Request, answer: bytes) -> list[bytes]:
        return [answer] if next(numbers) >= 4 else []

    with (
        stand_in_tracker(meddle=deaf_at_first) as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, UdpLoad(timeout_seconds=0.05)) as test,
    ):
        test.greet()
        counters = test.sample().counters
    assert counters["lost"] >= 4
    assert counters["right_connect"] == POPULATION.sources


def test_old_connection_ids_are_replaced_whatever_the_weights() -> None:
    load = replace(
        PATIENT, weight_connect=0, weight_scrape=0, connection_age_seconds=0.05, requests_under_way_max=4
    )
    with (
        stand_in_tracker() as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        before = test.sample()
        test.start("closed", 60)
        wait_until(lambda: test.sample().counters["right_connect"] >= 3 * POPULATION.sources)
        test.stop()
        test.join()
        report = Report.between(before, test.sample(), load.workers)
    assert report.counters["sent_connect"] <= POPULATION.sources * (1 + report.seconds / 0.05)


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
    with stand_in_tracker("::1") as tracker:
        report = closed_loop(tracker, 300, Population(shapes.uniform(10, 100), 1, 0.5, 1))
    assert report.wrong == 0
    assert report.counters["peers_received"] > 0


def test_only_the_last_seconds_are_reported_if_so_many_are_asked_for() -> None:
    sent: list[int] = []

    def end_when_some_are_to_be_left_out(second: Report) -> None:
        sent.append(second.requests)
        if any(sent[:-1]):
            test.stop()

    with (
        stand_in_tracker() as tracker,
        UdpLoadTest(Target.parse(tracker.address), POPULATION, UNEVEN_LOAD) as test,
    ):
        test.greet()
        before = test.sample()
        report = test.run("closed", 60, progress=end_when_some_are_to_be_left_out, summarise_last_seconds=1)
        whole = Report.between(before, test.sample(), UNEVEN_LOAD.workers)
    assert report.requests == whole.requests - sum(sent[:-1]) < whole.requests
