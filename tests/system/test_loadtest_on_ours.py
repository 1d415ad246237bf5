"""Our generator on our tracker: each finds nothing wrong with the other."""

from socket import AF_INET, AddressFamily

from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS
from aquatic.loadtest.target import Target
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from benchmarks.probe import scrape
from tests.system.harness import Tracker

SOURCES = {4: 4, 6: 1}


def target_of(tracker: Tracker, family: AddressFamily) -> Target:
    return Target.parse(tracker.announce_url(family).removeprefix("udp://").removesuffix("/announce"))


def test_a_filled_tracker_has_every_peer_and_no_download(tracker: Tracker, family: AddressFamily) -> None:
    target = target_of(tracker, family)
    sizes = shapes.zipf(20, 3000)
    population = Population(sizes, SOURCES[target.address.version], 0.25, 1)
    # An answer that a busy machine delays must not be taken for a lost one.
    with UdpLoadTest(target, population, UdpLoad(event=EVENTS["started"], timeout_seconds=10)) as test:
        test.greet()
        assert test.fill(60).wrong == 0
    entries = scrape(target, [population.info_hash(torrent) for torrent in range(20)])
    assert [entry.seeders + entry.leechers for entry in entries] == list(sizes)
    assert {entry.completed for entry in entries} == {0}
    seeders = sum(population.describe(peer)[-1] for peer in range(population.peers))
    assert sum(entry.seeders for entry in entries) == seeders


def test_every_answer_under_load_is_right(tracker: Tracker, family: AddressFamily) -> None:
    target = target_of(tracker, family)
    population = Population(shapes.scattered(500, 5000), SOURCES[target.address.version], 0.5, 1)
    with UdpLoadTest(target, population, UdpLoad(timeout_seconds=10)) as test:
        test.greet()
        report = test.run("closed", 1)
    assert report.wrong == report.counters["lost"] == 0
    assert min(report.counters[f"right_{kind}"] for kind in ("connect", "announce", "scrape")) > 0
    assert report.counters["peers_received"] > 0


def test_load_at_a_set_rate_is_answered(tracker: Tracker) -> None:
    population = Population(shapes.scattered(500, 5000), 4, 0.5, 1)
    load = UdpLoad(timeout_seconds=10, idle_sleep_us=500, requests_under_way_max=65536)
    with UdpLoadTest(target_of(tracker, AF_INET), population, load) as test:
        test.greet()
        report = test.run("open", 1, requests_per_second=2000)
    assert report.wrong == 0
    assert 0 < report.requests <= 2001
