"""Our generator on our tracker: each finds nothing wrong with the other."""

from dataclasses import replace
from socket import AF_INET, AddressFamily

import pytest

from aquatic.bench.probe import scrape
from aquatic.loadtest import shapes
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS
from aquatic.loadtest.target import Target
from aquatic.loadtest.udp import UdpLoad, UdpLoadTest
from tests.system.harness import Server, Tracker

SOURCES = {4: 4, 6: 1}
# An answer that a busy machine delays must not be taken for a lost one.
PATIENT = UdpLoad(timeout_seconds=60)


def target_of(tracker: Tracker, family: AddressFamily) -> Target:
    return Target.parse(tracker.announce_url(family).removeprefix("udp://").removesuffix("/announce"))


def test_a_filled_tracker_has_every_peer_and_no_download(tracker: Tracker, family: AddressFamily) -> None:
    target = target_of(tracker, family)
    sizes = shapes.zipf(20, 3000)
    population = Population(sizes, SOURCES[target.address.version], 0.25, 1)
    with UdpLoadTest(target, population, replace(PATIENT, event=EVENTS["started"])) as test:
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
    with UdpLoadTest(target, population, PATIENT) as test:
        test.greet()
        report = test.run("closed", 60, requests_max=50_000)
    assert report.wrong == report.counters["lost"] == 0
    assert min(report.counters[f"right_{kind}"] for kind in ("connect", "announce", "scrape")) > 0
    assert report.counters["peers_received"] > 0


def test_load_at_a_set_rate_is_answered(tracker: Tracker) -> None:
    population = Population(shapes.scattered(500, 5000), 4, 0.5, 1)
    load = replace(PATIENT, idle_sleep_us=500)
    with UdpLoadTest(target_of(tracker, AF_INET), population, load) as test:
        test.greet()
        report = test.run("open", 60, requests_per_second=2000, requests_max=1000)
    assert report.requests == report.responses == 1000
    # The first is due at once.
    assert report.seconds > 999 / 2000


def http_target(server: Server, scheme: str, family: AddressFamily) -> Target:
    host, port = server.addresses[scheme, family]
    return Target.parse(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_answer_over_http_is_right(server: Server, scheme: str, family: AddressFamily) -> None:
    target = http_target(server, scheme, family)
    population = Population(shapes.scattered(100, 1000), SOURCES[target.address.version], 0.5, len(scheme))
    load = HttpLoad(connections=8, timeout_seconds=60, tls=scheme == "https")
    with HttpLoadTest(target, population, load) as test:
        test.greet(60)
        filled = test.fill(60)
        report = test.run("closed", 60, requests_max=2000)
    assert filled.counters["right_announce"] == population.peers
    assert filled.wrong == report.wrong == report.counters["lost"] == 0
    assert report.counters["right_scrape"] > 0
    assert report.counters["peers_received"] > 0


@pytest.mark.parametrize("resumption", [True, False])
def test_tls_sessions_are_resumed_if_asked(server: Server, resumption: bool) -> None:
    load = HttpLoad(connections=4, timeout_seconds=60, tls=True, keep_alive=False, resumption=resumption)
    population = Population(shapes.uniform(10, 100), 4, 0.5, 1)
    with HttpLoadTest(http_target(server, "https", AF_INET), population, load) as test:
        test.greet(60)
        # Slow enough for the limit on new connections of an address.
        report = test.run("open", 60, requests_per_second=40, requests_max=24)
        counters = test.sample().counters
    assert report.requests == report.responses == 24
    assert counters["handshakes"] == 24
    assert counters["handshakes_resumed"] == (counters["handshakes"] - 4 if resumption else 0)
