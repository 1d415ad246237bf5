"""BEP 15's rules and traps, each by a packet to the real worker loop (aquatic.testing.udp)."""

from dataclasses import replace
from socket import AF_INET, AF_INET6
from typing import Any

import pytest

from aquatic.protocol.udp import (
    AnnounceRequest,
    AnnounceResponse,
    ConnectRequest,
    ErrorResponse,
    Event,
    ScrapeRequest,
    ScrapeResponse,
    parse_response,
    url_data_options,
)
from tests.support.addresses import global_address, info_hash_of
from tests.support.reference_swarm import Address, Family
from tests.support.simulated_tracker import Setup, SimulatedTracker

HASH = info_hash_of(1)
ASKER = global_address(1)


def tracker_with(peers: int, setup: Setup | None = None) -> SimulatedTracker:
    tracker = SimulatedTracker(setup or Setup(batch_datagrams=64))
    tracker.set_time(1000)
    for number in range(2, peers + 2):
        announce(tracker, global_address(number), left=number % 2)
    return tracker


def announce(
    tracker: SimulatedTracker, source: Address, port: int | None = None, **fields: Any
) -> AnnounceResponse:
    response = answer_to_announce(tracker, source, port, **fields)
    assert isinstance(response, AnnounceResponse)
    return response


def answer_to_announce(
    tracker: SimulatedTracker, source: Address, port: int | None = None, **fields: Any
) -> AnnounceResponse | ErrorResponse:
    request = AnnounceRequest(
        tracker.connect(source), 77, HASH, bytes(20), source[1] if port is None else port, left=1
    )
    answer = tracker.exchange(replace(request, **fields), source)
    assert answer is not None
    response = parse_response(answer, AF_INET if len(source[0]) == 4 else AF_INET6)
    assert isinstance(response, AnnounceResponse | ErrorResponse)
    return response


@pytest.mark.parametrize(
    ("num_want", "peers"),
    [(-(2**31), 50), (-1, 50), (0, 0), (1, 1), (2, 2), (49, 49), (50, 50), (51, 50), (2**31 - 1, 50)],
)
def test_num_want_is_signed_and_capped(num_want: int, peers: int) -> None:
    tracker = tracker_with(100)
    for _ in range(5):
        assert len(announce(tracker, ASKER, num_want=num_want).peers) == peers
    assert len(announce(tracker, ASKER, num_want=num_want, left=0).peers) == min(peers, 50)


@pytest.mark.parametrize("family", [4, 6])
def test_answers_never_pass_1400_bytes_whatever_is_configured(family: Family) -> None:
    tracker = SimulatedTracker(Setup(response_peers_max=1000, scrape_torrents_max=1000))
    for number in range(300):
        announce(tracker, global_address(number, family))
    response = announce(tracker, global_address(400, family), num_want=1000)
    assert len(response.peers) == (230 if family == 4 else 76)
    scrape = ScrapeRequest(tracker.connect(ASKER), 1, tuple(info_hash_of(number) for number in range(116)))
    answer = tracker.exchange(scrape, ASKER)
    assert answer is not None
    assert len(answer) == 1400
    # What lies beyond the longest request is cut off by the receive buffer.
    answer = tracker.exchange(replace(scrape, info_hashes=scrape.info_hashes * 2), ASKER)
    assert answer is not None
    assert len(answer) == 1400


def test_a_scrape_beyond_the_cap_is_answered_up_to_it_and_in_order() -> None:
    tracker = tracker_with(10, Setup(scrape_torrents_max=3))
    hashes = (info_hash_of(9), HASH, info_hash_of(8), HASH)
    answer = tracker.exchange(ScrapeRequest(tracker.connect(ASKER), 1, hashes), ASKER)
    assert answer is not None
    response = parse_response(answer, AF_INET)
    assert isinstance(response, ScrapeResponse)
    assert [(entry.seeders, entry.leechers) for entry in response.entries] == [(0, 0), (5, 5), (0, 0)]


def test_a_partial_seed_counts_as_a_leecher_and_is_given_those_who_want_something() -> None:
    tracker = tracker_with(60)
    assert len(announce(tracker, ASKER, event_number=Event.PAUSED).peers) == 30
    answer = announce(tracker, global_address(99))
    assert (answer.seeders, answer.leechers) == (30, 31)
    assert len(announce(tracker, global_address(98), event_number=Event.PAUSED).peers) == 31


@pytest.mark.parametrize("event", [5, 255, 2**31, 2**32 - 1])
def test_unknown_events_are_ordinary_announces(event: int) -> None:
    tracker = tracker_with(3)
    assert len(announce(tracker, ASKER, event_number=event).peers) == 3
    assert announce(tracker, global_address(99)).leechers == 2


def test_port_zero_is_refused_unless_stopped() -> None:
    tracker = tracker_with(3)
    for event in (0, 1, 2, 4):
        response = answer_to_announce(tracker, ASKER, 0, event_number=event)
        assert response == ErrorResponse(77, b"Port can't be 0")
    response = announce(tracker, ASKER, 0, event_number=Event.STOPPED)
    assert (response.seeders, response.leechers, response.peers) == (2, 1, ())
    assert tracker.exported() == {(HASH, 4): (2, 1)}


def test_stopped_removes_the_peer_and_is_given_none() -> None:
    tracker = tracker_with(3)
    announce(tracker, ASKER)
    for _ in range(2):
        response = announce(tracker, ASKER, event_number=Event.STOPPED, num_want=50)
        assert (response.seeders, response.leechers, response.peers) == (2, 1, ())
    # Only the port that was announced is a peer's; its source port is another matter.
    announce(tracker, ASKER, 5000)
    announce(tracker, ASKER, 5001, event_number=Event.STOPPED)
    assert announce(tracker, global_address(99)).leechers == 2


@pytest.mark.parametrize("left", [-(2**63), -1, 1, 2**63 - 1])
def test_whatever_is_left_unless_nothing_is_a_leecher(left: int) -> None:
    tracker = tracker_with(0)
    announce(tracker, ASKER, left=left, event_number=Event.COMPLETED)
    assert tracker.exported() == {(HASH, 4): (0, 1)}
    announce(tracker, ASKER, left=0, event_number=Event.STARTED)
    assert tracker.exported() == {(HASH, 4): (1, 0)}


def test_the_source_counts_and_not_the_address_in_the_packet() -> None:
    tracker = tracker_with(0)
    announce(tracker, ASKER, ip_address=int.from_bytes(b"\x01\x02\x03\x04"))
    peers = announce(tracker, global_address(2)).peers
    assert [(peer.address.packed, peer.port) for peer in peers] == [ASKER]


@pytest.mark.parametrize(
    "options", [b"", b"\0", url_data_options(b"/announce?passkey=1"), b"\2\xff", bytes(800)]
)
def test_anything_after_an_announce_is_accepted(options: bytes) -> None:
    tracker = tracker_with(3)
    request = AnnounceRequest(tracker.connect(ASKER), 1, HASH, bytes(20), 5, options=options)
    assert tracker.exchange(request, ASKER) is not None


def test_families_are_swarms_of_their_own() -> None:
    tracker = tracker_with(5)
    response = announce(tracker, global_address(1, 6))
    assert (response.seeders, response.leechers, response.peers) == (0, 0, ())
    assert tracker.exported() == {(HASH, 4): (3, 2), (HASH, 6): (0, 1)}


def test_a_connect_is_answered_with_as_many_bytes_and_nothing_else_without_an_id() -> None:
    tracker = tracker_with(3)
    for tail in (b"", bytes(100)):
        answer = tracker.exchange(ConnectRequest(5).to_bytes() + tail, ASKER)
        assert answer is not None
        assert len(answer) == 16
    for length in range(200):
        for action in (1, 2, 3):
            packet = (bytes(11) + bytes((action,)) + bytes(200))[:length]
            assert tracker.exchange(packet, ASKER) is None
    tracker.check_counters()


def test_ids_expire_and_clocks_may_be_a_minute_apart() -> None:
    tracker = SimulatedTracker(Setup(workers=2))
    tracker.set_time(1000)
    connection_id = tracker.connect(ASKER, worker=0)
    request = AnnounceRequest(connection_id, 1, HASH, bytes(20), 5)
    for seconds, is_answered in ((939, False), (940, True), (1000, True), (1120.9, True), (1121, False)):
        tracker.set_time(seconds)
        assert (tracker.exchange(request, ASKER, worker=1) is not None) == is_answered
        other_port = ASKER[0], 9
        assert (tracker.exchange(request, other_port, worker=1) is not None) == is_answered
        assert tracker.exchange(request, global_address(5), worker=1) is None
    tracker.check_counters()


def test_a_completed_download_counts_once_a_peer() -> None:
    tracker = tracker_with(0)
    for _ in range(3):
        announce(tracker, ASKER, left=0, event_number=Event.COMPLETED)
    announce(tracker, ASKER, left=1)
    announce(tracker, ASKER, left=0, event_number=Event.COMPLETED)
    answer = tracker.exchange(ScrapeRequest(tracker.connect(ASKER), 1, (HASH,)), ASKER)
    assert answer is not None
    response = parse_response(answer, AF_INET)
    assert isinstance(response, ScrapeResponse)
    assert response.entries[0].completed == 1
