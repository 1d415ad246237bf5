"""HTTP on the connection server, configured as `aquatic serve` is, on connections in memory (aquatic.testing.http)."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from aquatic.control.answer_sizes import http_peers_fitting, http_torrents_fitting
from aquatic.control.model import HttpAnswers
from tests.support.addresses import global_address
from tests.support.http_answers import read_answers
from tests.support.http_tracker import HASH, announce_target, query_of, request_for
from tests.support.simulated_http_tracker import CLIENT, LISTENER, Tracker

PROXY = b"\xc0\0\2\1"
SCRAPE = "/scrape?" + query_of({"info_hash": HASH})


def test_every_setting_of_answers_shows() -> None:
    answers = HttpAnswers(
        announce_interval_seconds=1000,
        announce_interval_seconds_min=500,
        large_swarm_peers_min=3,
        large_swarm_announce_interval_seconds=5000,
        response_peers_max=2,
        scrape_torrents_max=1,
        not_allowed_retry_minutes=7,
    )
    tracker = Tracker(answers=answers)
    seen = [tracker.announce(number) for number in range(1, 6)]
    assert [answer[b"interval"] for answer in seen] == [1000, 1000, 1000, 5000, 5000]
    assert {answer[b"min interval"] for answer in seen} == {500}
    assert [len(answer[b"peers"]) // 6 for answer in seen] == [0, 1, 2, 2, 2]
    target = SCRAPE + "&" + query_of({"info_hash": bytes(20)})
    assert tracker.get(target).dictionary[b"files"].keys() == {HASH}
    tracker.swarm.set_access_list("deny", HASH)
    assert tracker.announce()[b"retry in"] == 7
    jittered = Tracker(answers=replace(answers, announce_interval_jitter_seconds=100))
    assert len({jittered.announce(numwant=0)[b"interval"] for _ in range(20)}) > 3


@pytest.mark.parametrize("output_bytes_max", [4_096, 16_384, 65_536])
def test_what_is_said_to_fit_an_answer_is_what_is_answered(output_bytes_max: int) -> None:
    answers = HttpAnswers(response_peers_max=5000, scrape_torrents_max=5000)
    tracker = Tracker(answers=answers, output_bytes_max=output_bytes_max, header_bytes_max=65_536)
    for number in range(500):
        tracker.get(announce_target(1, numwant=0), b"\x2a\0" + number.to_bytes(2, "big") * 7)
    longest = tracker.get(announce_target(1, compact=0), global_address(1, 6)[0]).dictionary
    assert len(longest[b"peers"]) == min(http_peers_fitting(output_bytes_max), 500)
    hashes = [number.to_bytes(20, "big") for number in range(600)]
    target = "/scrape?" + "&".join(query_of({"info_hash": info_hash}) for info_hash in hashes)
    assert len(tracker.get(target).dictionary[b"files"]) == http_torrents_fitting(output_bytes_max)


def test_every_setting_of_a_listener_shows() -> None:
    assert Tracker().get("/health").status == 404
    assert Tracker(replace(LISTENER, health_page=True)).get("/health").status == 200
    assert not Tracker().get("/").closes
    assert Tracker(replace(LISTENER, keep_alive=False)).get("/").closes
    behind = Tracker(
        replace(
            LISTENER,
            proxy_header=True,
            proxy_header_name="X-Real-IP",
            trusted_proxies=(ip_network("192.0.2.0/24"),),
        )
    )
    told = behind.get(announce_target(1), PROXY, "x-real-ip: 198.51.100.1").dictionary
    assert told[b"external ip"] == b"\xc6\x33\x64\x01"
    assert behind.get(announce_target(1), PROXY).failure.startswith("the proxy")
    own = behind.get(announce_target(1), CLIENT, "x-real-ip: 198.51.100.1").dictionary
    assert own[b"external ip"] == CLIENT


def test_the_proxy_protocol_names_the_client() -> None:
    tracker = Tracker(replace(LISTENER, proxy_protocol=True, trusted_proxies=(ip_network("192.0.2.0/24"),)))
    number = tracker.simulation.connect(PROXY)
    header = b"PROXY TCP4 198.51.100.1 192.0.2.9 1000 80\r\n"
    first, second = tracker.exchange(number, header + request_for(announce_target(1)) * 2)
    assert first.dictionary[b"external ip"] == b"\xc6\x33\x64\x01" == second.dictionary[b"external ip"]


def test_requests_longer_than_configured_are_refused() -> None:
    tracker = Tracker(header_bytes_max=2048)
    number = tracker.simulation.connect(CLIENT)
    (answer,) = tracker.exchange(number, request_for("/" + "x" * 3000))
    assert (answer.status, tracker.simulation.has_ended(number)) == (431, True)


@pytest.mark.parametrize("piece", [1, 7, 50])
def test_a_conversation_in_pieces_to_a_slow_reader(piece: int) -> None:
    requests = request_for(announce_target(5, left=0)) * 3 + request_for(SCRAPE, "Connection: close")
    whole = Tracker()
    number = whole.simulation.connect(CLIENT)
    expected = whole.exchange(number, requests)
    assert [answer.status for answer in expected] == [200] * 4
    tracker = Tracker()
    number = tracker.simulation.connect(CLIENT)
    output = b""
    for start in range(0, len(requests), piece):
        assert tracker.simulation.deliver(number, requests[start : start + piece])
        tracker.simulation.limit_sends(number, piece)
        tracker.simulation.turn()
        output += tracker.simulation.take(number)
    tracker.simulation.limit_sends(number, -1)
    for _ in range(6):
        tracker.simulation.turn()
    output += tracker.simulation.take(number)
    assert read_answers(output) == expected
    assert tracker.simulation.has_ended(number)


def test_counters_of_both_layers() -> None:
    tracker = Tracker()
    tracker.announce()
    tracker.get("/nothing")
    workers = tracker.simulation.workers
    counted = {name: count for name, count in workers.http_counters(0, 4).items() if count}
    assert counted == {
        "requests_announce": 1,
        "requests_other": 1,
        "responses_announce": 1,
        "responses_other": 1,
        "errors_not_found": 1,
    }
    assert workers.connection_counters(0, 4)["accepted"] == 2
    assert workers.connection_counters(0, 4)["bytes_sent"] > 0
