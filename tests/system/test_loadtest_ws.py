"""The WebTorrent load generator against a tracker that keeps the rules, and against ones that break them."""

import json
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Timer
from time import sleep
from typing import Any

import pytest

from aquatic.cli import main
from aquatic.loadtest import shapes
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Report, SilentTrackerError
from aquatic.loadtest.target import Target
from aquatic.loadtest.ws import WsLoad, WsLoadTest
from aquatic.loadtest.ws_board import Board
from tests.support.certificates import make_certificate
from tests.support.loads import stopped_once
from tests.support.processes import wait_until
from tests.system.stand_in_ws_tracker import (
    Connection,
    Meddle,
    Sent,
    StandInWsTracker,
    honest,
    stand_in_ws_tracker,
)

# Four connections, each in all of three torrents.
POPULATION = Population(shapes.uniform(3, 12), 4, 0.25, 1)
# However long this machine stands still, nothing is lost by that.
PATIENT = WsLoad(
    weight_announce=3,
    weight_scrape=1,
    scrape_torrents=2,
    offers=2,
    session_bytes_min=600,
    session_bytes_max=900,
    timeout_seconds=20.0,
)
# Where something gets lost.
HASTY = replace(PATIENT, timeout_seconds=0.3)
Seen = Callable[[dict[str, int]], object]


def loaded(test: WsLoadTest, requests: int = 60) -> Report:
    """What comes of so many requests, until nothing is waited for any more."""
    before = test.sample()
    test.start("closed", 60, requests_max=requests)
    assert test.join()
    test.start("drain", 60)
    assert test.join()
    return Report.between(before, test.sample(), test.load.workers)


def loaded_until(test: WsLoadTest, is_seen: Seen) -> Report:
    """What has come of requests by the time that this is true of the counters; the test ends with it."""
    before = test.sample()

    def report() -> Report:
        return Report.between(before, test.sample(), test.load.workers)

    test.start("closed", 3600)
    wait_until(lambda: is_seen(report().counters), lambda: f"not in {found(report())}")
    test.stop()
    test.join()
    return report()


def closed_loop(tracker: StandInWsTracker, load: WsLoad = PATIENT) -> Report:
    with WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test:
        test.greet()
        test.fill(60)
        return loaded(test)


def spoiled(meddle: Meddle, load: WsLoad = PATIENT, until: Seen | None = None) -> Report:
    """What is found when the tracker meddles once all peers have announced."""
    meddles = [False]

    def later(tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        return meddle(tracker, sent) if meddles[0] else [sent]

    with (
        stand_in_ws_tracker(later) as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        test.fill(60)
        meddles[0] = True
        report = loaded_until(test, until) if until else loaded(test)
    assert not tracker.faults
    return report


def some(kind: str, change: Callable[[StandInWsTracker, Sent], Iterable[Sent]], every: int = 3) -> Meddle:
    """Change every third message of a kind, so that those between are found to be right."""
    numbers = count()

    def meddle(tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        return change(tracker, sent) if sent.kind == kind and next(numbers) % every == 0 else [sent]

    return meddle


def found(report: Report) -> dict[str, int]:
    """What was not as it should be."""
    parts = ("wrong", "late", "lost", "errors", "connections_failed", "connections_cut", "acknowledgements")
    return {name: number for name, number in report.counters.items() if number and name.startswith(parts)}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_message_of_an_honest_tracker_is_right(workers: int) -> None:
    load = replace(PATIENT, workers=workers)
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        test.fill(60)
        report = test.run("closed", 60, requests_max=100)
        in_the_end = test.sample().counters
    assert not tracker.faults
    assert found(report) == {}
    kinds = Counter(kind_of(request) for request in tracker.requests)
    assert kinds["announce"] == report.counters["sent_announce"] + POPULATION.peers
    assert kinds["scrape"] == report.counters["sent_scrape"] > 0
    assert kinds["answer"] >= report.counters["sent_answer"] > 0
    assert report.counters["sent_offer"] == 2 * report.counters["sent_announce"]
    assert in_the_end["sent_offer"] == in_the_end["right_offer"] >= report.counters["right_offer"]
    assert in_the_end["sent_answer"] == in_the_end["right_answer"] == in_the_end["sent_offer"]
    assert report.latency is not None
    for kind in ("offer", "answer"):
        latency = report.relay_latency[kind]
        assert latency is not None
        assert latency.answers == report.counters[f"right_{kind}"]


def kind_of(request: dict[str, Any]) -> str:
    return "answer" if "answer" in request else str(request["action"])


def test_a_worker_whose_offers_are_settled_still_takes_those_of_others() -> None:
    """Offers of the second worker's connections to the first one's come when all others have long been answered."""
    load = replace(PATIENT, workers=2, weight_scrape=0, offers=3, timeout_seconds=12)
    board = Board(POPULATION)
    first, second = ([board.peer_id(index).decode("latin-1") for index in half] for half in ((0, 1), (2, 3)))

    def hold_back(tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        if sent.kind != "offer" or sent.to.peer_id not in first or sent.asker.peer_id not in second:
            return [sent]
        Timer(2, tracker.deliver, (sent,)).start()
        return []

    with (
        stand_in_ws_tracker(hold_back) as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        test.fill(60)
        test.run("closed", 60, requests_max=2)
        counters = test.sample().counters
    assert counters["sent_offer"] == counters["right_offer"] == counters["right_answer"] == 6


def test_requests_are_what_browsers_send() -> None:
    with stand_in_ws_tracker() as tracker:
        closed_loop(tracker, replace(PATIENT, event=EVENTS["completed"]))
    board = Board(POPULATION)
    peer_ids = {board.peer_id(number).decode("latin-1") for number in range(POPULATION.sources)}
    info_hashes = {POPULATION.info_hash(number).decode("latin-1") for number in range(POPULATION.torrents)}
    seeders = {(info_hash, seeds) for _, info_hash, _, _, seeds in map(POPULATION.describe, range(12))}
    announces = [request for request in tracker.requests if kind_of(request) == "announce"]
    assert {request["info_hash"] for request in announces} == info_hashes
    assert {request["peer_id"] for request in announces} == peer_ids
    assert {(one["info_hash"].encode("latin-1"), one["left"] == 0) for one in announces} == seeders
    assert {request.get("event") for request in announces} == {"started", "completed"}
    offers = [offer for request in announces for offer in request["offers"]]
    assert all(request["numwant"] == len(request["offers"]) for request in announces)
    assert len({offer["offer_id"] for offer in offers}) == len({offer["offer"]["sdp"] for offer in offers})
    sizes = {len(json.dumps(offer["offer"], separators=(",", ":"))) for offer in offers}
    assert len(sizes) > 1
    assert all(500 < size <= 900 for size in sizes)
    scrapes = [request for request in tracker.requests if request["action"] == "scrape"]
    assert all(len(one["info_hash"]) == 2 and set(one["info_hash"]) <= info_hashes for one in scrapes)
    answers = [request for request in tracker.requests if kind_of(request) == "answer"]
    assert {answer["answer"]["type"] for answer in answers} == {"answer"}
    assert all(answer["to_peer_id"] in peer_ids - {answer["peer_id"]} for answer in answers)


def test_binary_strings_are_escaped_where_they_must_be() -> None:
    """Every byte comes up in some info hash, and must come through a strict JSON parser."""
    population = Population(shapes.uniform(500, 500), 4, 0.5, 1)
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), population, PATIENT) as test,
    ):
        test.greet()
        test.fill(60)
    hashes = {request["info_hash"].encode("latin-1") for request in tracker.requests}
    assert hashes == {population.info_hash(torrent) for torrent in range(500)}
    assert set(b"".join(hashes)) == set(range(256))


def rewritten(_tracker: StandInWsTracker, sent: Sent) -> Iterator[Sent]:
    """The same in other words."""
    message = dict(reversed(sent.message.items()))
    for key in ("offer", "answer"):
        if key in message:
            message[key] = dict(reversed(message[key].items()))
    yield sent.saying(json.dumps(message | {"more": [{"x": -1.5e3}, None, True, "\\u0041"]}, indent=1))


def test_a_tracker_may_write_messages_as_it_likes() -> None:
    report = spoiled(rewritten)
    assert found(report) == {}
    assert report.counters["right_answer"] > 0


def in_parts(_tracker: StandInWsTracker, sent: Sent) -> Iterator[Sent]:
    """Fragments with a ping between them."""
    text = json.dumps(sent.message).encode()
    yield sent.saying(frame(0x01, text[:10]) + frame(0x89, b"are you there?"))
    yield sent.saying(frame(0x00, text[10:20]))
    yield sent.saying(frame(0x80, text[20:]))


def frame(first: int, payload: bytes, masked: int = 0) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes([first, masked | length]) + payload
    return bytes([first, masked | 126]) + length.to_bytes(2, "big") + payload


def test_messages_may_come_in_fragments_with_pings_between() -> None:
    assert found(spoiled(in_parts)) == {}


def test_messages_go_out_in_fragments_where_frames_are_to_be_small() -> None:
    # As many offers as there are others: what nobody gets would be waited for at the end.
    load = replace(PATIENT, offers=3, session_bytes_min=5000, session_bytes_max=6000, frame_bytes_max=4096)
    with stand_in_ws_tracker() as tracker:
        report = closed_loop(tracker, load)
    assert not tracker.faults
    assert found(report) == {}


def test_one_connection_may_have_several_requests_under_way() -> None:
    with stand_in_ws_tracker() as tracker:
        report = closed_loop(tracker, replace(PATIENT, requests_under_way_max=8))
    assert found(report) == {}


def test_over_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.private_key)
    with stand_in_ws_tracker(context=context) as tracker:
        report = closed_loop(tracker, replace(PATIENT, tls=True))
    assert not tracker.faults
    assert found(report) == {}
    assert report.counters["right_answer"] > 0


def test_a_set_rate_is_kept_and_latency_counts_from_when_a_request_was_due() -> None:
    """The first response takes a while, and with it all that are due meanwhile."""
    stalls = iter([0.3])

    def stall(_tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        sleep(next(stalls, 0.0))
        return [sent]

    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, replace(PATIENT, idle_sleep_us=0)) as test,
    ):
        test.greet()
        test.fill(60)
        tracker.meddle = stall
        before = test.sample()
        test.start("open", 60, 100, requests_max=50)
        assert test.join()
        report = Report.between(before, test.sample(), 1)
    assert found(report) == {}
    assert report.counters["sent_announce"] + report.counters["sent_scrape"] == 50
    assert report.seconds > 49 / 100
    assert report.latency is not None
    assert report.latency.max_us > 250_000
    # Thirty of the fifty were due within the stall. With one request of each of four connections under way, only four
    # would have waited by the time of sending.
    assert report.latency.p50_us > 10_000


def test_trackers_that_respond_to_answers_are_told_from_others() -> None:
    def acknowledge(tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        info_hash = sent.message.get("info_hash", "")
        announced = {"action": "announce", "info_hash": info_hash, "interval": 120} | tracker.counts(
            info_hash
        )
        yield sent
        if sent.kind == "answer":
            yield Sent("announced", sent.asker, announced, sent.asker, sent.request)

    report = spoiled(acknowledge, replace(PATIENT, answers_acknowledged=True))
    assert found(report).keys() == {"acknowledgements"}
    assert report.counters["acknowledgements"] <= report.counters["sent_answer"]
    assert "wrong_unasked" in found(spoiled(acknowledge))


def other(sent: Sent, tracker: StandInWsTracker) -> Sent:
    """To somebody else of the swarm than it is for."""
    swarm = tracker.swarms[sent.message["info_hash"]]
    return replace(sent, to=next(peer for peer in swarm if peer not in {sent.to, sent.asker}))


def other_peer_id(tracker: StandInWsTracker, sent: Sent) -> str:
    peers = tracker.swarms[sent.message["info_hash"]]
    return next(peer.peer_id for peer in peers if peer not in {sent.to, sent.asker})


def other_torrent(tracker: StandInWsTracker, sent: Sent) -> str:
    return next(info_hash for info_hash in tracker.swarms if info_hash != sent.message.get("info_hash"))


def other_session(sent: Sent, key: str) -> dict[str, str]:
    session = sent.message[key]
    return {"type": session["type"], "sdp": session["sdp"].replace("network-cost", "network-c0st")}


def without(sent: Sent, key: str) -> Sent:
    return sent.saying({name: value for name, value in sent.message.items() if name != key})


# By the counter that tells of it: what is done to some messages of a kind.
FAULTS: dict[str, list[tuple[str, Callable[[StandInWsTracker, Sent], Iterable[Sent]]]]] = {
    "errors": [("announced", lambda _, sent: [sent.changed(**{"failure reason": "no"})])],
    "wrong_content": [
        ("announced", lambda _, sent: [sent.changed(complete=5)]),
        ("announced", lambda _, sent: [sent.changed(incomplete=1 << 50)]),
        ("scraped", lambda tracker, sent: [sent.changed(files={"?" * 20: tracker.counts("")})]),
        (
            "scraped",
            lambda _, sent: [sent.changed(files={key: {"complete": 1} for key in sent.message["files"]})],
        ),
        ("scraped", lambda _, sent: [sent.changed(files={"short": {}})]),
    ],
    "wrong_json": [
        ("announced", lambda _, sent: [sent, sent.saying('{"action":"announce"')]),
        ("announced", lambda _, sent: [sent, sent.saying('{"action":"announce",}')]),
        ("announced", lambda _, sent: [sent, sent.saying("[]")]),
        ("announced", lambda _, sent: [sent, sent.changed(complete="1")]),
        ("announced", lambda _, sent: [sent, sent.changed(incomplete=-1)]),
        ("announced", lambda _, sent: [sent, sent.saying(json.dumps(sent.message) + "x")]),
        ("announced", lambda _, sent: [sent, sent.saying('{"a":"\t"}')]),
        ("announced", lambda _, sent: [sent, sent.saying('{"a":' + "[" * 1000 + "]" * 1000 + "}")]),
    ],
    "wrong_message": [
        ("announced", lambda _, sent: [sent, without(sent, "complete")]),
        ("announced", lambda _, sent: [sent, without(sent, "info_hash")]),
        ("announced", lambda _, sent: [sent, sent.changed(action="connect")]),
        ("announced", lambda _, sent: [sent, sent.changed(info_hash="short")]),
        ("scraped", lambda _, sent: [sent, without(sent, "files")]),
        ("offer", lambda _, sent: [sent, without(sent, "peer_id")]),
        ("offer", lambda _, sent: [sent, without(sent, "offer_id")]),
        ("offer", lambda _, sent: [sent, sent.changed(answer={})]),
        ("offer", lambda _, sent: [sent, sent.changed(offer_id="\u0100" * 20)]),
    ],
    "wrong_unasked": [
        ("announced", lambda _, sent: [sent, sent]),
        ("scraped", lambda _, sent: [sent, sent]),
        ("announced", lambda _, sent: [sent, sent.changed(info_hash="?" * 20)]),
    ],
    "wrong_offer": [
        ("offer", lambda _, sent: [sent.changed(offer_id="?" * 20)]),
        ("offer", lambda tracker, sent: [sent.changed(peer_id=other_peer_id(tracker, sent))]),
        ("offer", lambda _, sent: [sent.changed(peer_id="?" * 20)]),
        ("offer", lambda tracker, sent: [sent.changed(info_hash=other_torrent(tracker, sent))]),
        ("offer", lambda _, sent: [replace(sent, to=sent.asker)]),
    ],
    "wrong_answer": [
        ("answer", lambda _, sent: [sent, sent.changed(offer_id="?" * 20)]),
        ("answer", lambda tracker, sent: [sent.changed(peer_id=other_peer_id(tracker, sent)), sent]),
        ("answer", lambda tracker, sent: [other(sent, tracker), sent]),
        ("answer", lambda tracker, sent: [sent.changed(info_hash=other_torrent(tracker, sent)), sent]),
    ],
    "wrong_repeated": [
        ("offer", lambda _, sent: [sent, sent]),
        ("offer", lambda tracker, sent: [sent, other(sent, tracker)]),
        ("answer", lambda _, sent: [sent, sent]),
    ],
    "wrong_session": [
        ("offer", lambda _, sent: [sent.changed(offer=other_session(sent, "offer"))]),
        ("offer", lambda _, sent: [sent.changed(offer=sent.message["offer"] | {"more": 1})]),
        ("offer", lambda _, sent: [sent.changed(offer=None)]),
        ("answer", lambda _, sent: [sent.changed(answer=other_session(sent, "answer"))]),
    ],
}
CASES = [(counter, *case) for counter, cases in FAULTS.items() for case in cases]


@pytest.mark.parametrize(
    ("counter", "kind", "change"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_what_is_wrong_is_found(
    counter: str, kind: str, change: Callable[[StandInWsTracker, Sent], Iterable[Sent]]
) -> None:
    load = replace(PATIENT, session_bytes_min=800)
    report = spoiled(some(kind, change), load, until=lambda counters: counters[counter] >= 3)
    # A second response to a scrape is held against what the next one asked for.
    wrong = {name for name in found(report) if name.startswith(("wrong_", "errors"))}
    assert wrong <= {counter} | ({"wrong_content"} if kind == "scraped" else set())
    assert report.wrong > 0


@pytest.mark.parametrize(
    ("kind", "counter"), [("announced", "lost"), ("scraped", "lost"), ("answer", "lost_answers")]
)
def test_what_does_not_come_is_lost(kind: str, counter: str) -> None:
    meddle = some(kind, lambda _tracker, _sent: [])
    report = spoiled(meddle, HASTY, until=lambda counters: counters[counter])
    assert report.wrong == 0


def test_offers_that_are_not_forwarded_are_counted() -> None:
    report = spoiled(some("offer", lambda _tracker, _sent: [], every=1), HASTY)
    assert report.wrong == 0
    assert report.counters["offers_unforwarded"] == report.counters["sent_offer"] > 0


def test_offers_that_nobody_could_take_are_known_when_it_is_stopped() -> None:
    load = replace(HASTY, weight_scrape=0)
    with (
        stand_in_ws_tracker(some("offer", lambda _tracker, _sent: [], every=1)) as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        with stopped_once(test, lambda counters: counters["sent_offer"]):
            report = test.run("closed", 3600)
    assert report.counters["offers_unforwarded"] == report.counters["sent_offer"] > 0


def test_offers_that_are_not_answered_are_counted() -> None:
    report = spoiled(lambda _tracker, sent: [sent], replace(HASTY, answer_probability=0.0))
    assert report.counters["sent_answer"] == report.counters["right_answer"] == 0
    assert report.counters["offers_unanswered"] > 0
    closed = report.counters["offers_unanswered"] + report.counters["offers_unforwarded"]
    assert closed == report.counters["sent_offer"]


@pytest.mark.parametrize(
    ("kind", "counters"),
    [
        ("announced", {"lost", "late"}),
        ("scraped", {"lost", "late"}),
        ("offer", {"late_offers"}),
        ("answer", {"lost_answers", "late_answers"}),
    ],
)
def test_what_comes_too_late_is_told_from_what_is_wrong(kind: str, counters: set[str]) -> None:
    """It comes when twice the time has passed, or three times where answers are waited for twice as long."""

    def later(tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        Timer(0.225, tracker.deliver, (sent,)).start()
        return []

    load = replace(HASTY, timeout_seconds=0.1)
    report = spoiled(some(kind, later), load, until=lambda counted: all(map(counted.get, counters)))
    assert report.wrong == 0


def test_a_late_response_to_a_scrape_is_not_held_against_the_next_one() -> None:
    held: dict[Connection, Sent] = {}

    def one_behind(_tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        if sent.kind == "scraped":
            before, held[sent.to] = held.get(sent.to), sent
            return [before] if before else []
        return [sent]

    load = replace(HASTY, weight_announce=0, timeout_seconds=0.1)
    report = spoiled(one_behind, load, until=lambda counters: counters["late"] >= 10)
    assert report.wrong == 0


@pytest.mark.parametrize(
    "content",
    [
        frame(0x81, b"{}", masked=0x80),
        frame(0xC1, b"{}"),
        frame(0x83, b"{}"),
        frame(0x80, b"{}"),
        frame(0x09, b""),
        frame(0x89, bytes(126)),
        frame(0x81, b"\xff"),
        b"\x81\x7f" + (1 << 40).to_bytes(8, "big"),
    ],
)
def test_frames_against_the_rules_cut_the_connection(content: bytes) -> None:
    meddle = some("announced", lambda _tracker, sent: [sent, sent.saying(content)])
    report = spoiled(meddle, until=lambda counters: counters["connections_cut"] >= 3)
    assert report.counters["wrong_frame"] == report.counters["connections_cut"]


def test_connections_that_are_closed_are_opened_again() -> None:
    def close(_tracker: StandInWsTracker, sent: Sent) -> Iterable[Sent]:
        return [sent, sent.saying(frame(0x88, b"\x03\xe8"))]

    report = spoiled(some("announced", close, every=9), until=lambda counters: counters["connections_opened"])
    assert report.counters["connections_cut"] > 0
    assert report.wrong == 0


def test_a_tracker_that_speaks_no_websocket_is_an_error() -> None:
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, replace(PATIENT, tls=True)) as test,
        pytest.raises(SilentTrackerError, match="did not answer"),
    ):
        test.greet(0.3)


@pytest.mark.parametrize(
    "load",
    [
        lambda test: test.greet(3600),
        lambda test: test.fill(3600),
        lambda test: test.run("closed", 3600),
        lambda test: test.run("hold", 3600),
    ],
    ids=["greet", "fill", "closed", "hold"],
)
def test_a_tracker_that_is_not_there_is_an_error(load: Callable[[WsLoadTest], object]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        target = Target.parse(f"127.0.0.1:{reserved.getsockname()[1]}")
        with (
            WsLoadTest(target, POPULATION, PATIENT) as test,
            pytest.raises(ConnectionRefusedError, match=f"connection refused at {target}"),
        ):
            load(test)


def test_slow_readers_hold_up_nobody_else() -> None:
    # As many offers as there are others: whoever announces, the slow reader gets one.
    load = replace(PATIENT, offers=3, slow_reader_share=0.25, slow_bytes_per_second=60_000)
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        test.fill(60)
        before = test.sample()
        # So many bytes wait for it without holding up the tracker.
        test.start("closed", 60, requests_max=30)
        assert test.join()
        # It has not read everything by then, and may have read nothing.
        test.start("hold", 60)
        wait_until(lambda: 0 < test.sample().counters["slow_offers"] < test.sample().counters["right_offer"])
        test.stop()
        test.join()
        report = Report.between(before, test.sample(), load.workers)
    assert found(report) == {}
    latency = report.relay_latency["offer"]
    assert latency is not None
    assert latency.answers == report.counters["right_offer"] - report.counters["slow_offers"]


def test_offers_to_slow_readers_are_not_answered() -> None:
    load = replace(HASTY, offers=3, slow_reader_share=0.25, slow_bytes_per_second=10_000_000)
    report = spoiled(honest, load, until=lambda counters: counters["offers_unanswered"])
    assert report.wrong == 0


def test_connections_are_held_open_and_pings_answered() -> None:
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, PATIENT) as test,
    ):
        test.greet()
        with tracker.lock:
            for connection in tracker.connections:
                connection.socket.sendall(frame(0x89, b"?"))
        test.start("hold", 60)
        wait_until(lambda: [connection.pongs for connection in tracker.connections] == [1] * 4)
        test.stop()
        assert not test.join()
        counters = test.sample().counters
    assert counters["connections_opened"] == POPULATION.sources
    assert counters["sent_announce"] == counters["connections_cut"] == 0
    assert not tracker.faults


def test_connections_are_opened_one_after_the_other() -> None:
    # The second would be opened in a hundred seconds.
    load = replace(PATIENT, connections_per_second=0.01)
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        with pytest.raises(SilentTrackerError):
            test.greet(0.5)
        wait_until(lambda: tracker.connections)
        assert len(tracker.connections) == 1


def test_it_ends_after_a_number_of_requests() -> None:
    with (
        stand_in_ws_tracker() as tracker,
        WsLoadTest(Target.parse(tracker.address), POPULATION, PATIENT) as test,
    ):
        test.greet()
        test.fill(60)
        report = test.run("closed", 60, requests_max=50)
    assert report.counters["sent_announce"] + report.counters["sent_scrape"] == 50
    assert found(report) == {}


def test_the_command_reports_relayed_messages_and_fails_when_answers_are_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(tracker: StandInWsTracker, more: str) -> int:
        file = tmp_path / "load.toml"
        file.write_text(
            f'server_address = "{tracker.address}"\nenable_tls = false\nnum_connections_per_worker = 4\n'
            f"requests_max = 50\nfill_first = true\n{more}\n[torrents]\noffers_per_request = 2\n"
            # All four are in both, so that every offer finds somebody: nothing is left to be waited for at the end.
            "number_of_torrents = 2\ntorrents_per_connection = 2\n"
        )
        return main(["load-test", "ws", "-c", str(file), "--json", str(tmp_path / "result.json")])

    with stand_in_ws_tracker() as tracker:
        assert command(tracker, "timeout_ms = 30000") == 0
    assert "latency of a relayed answer, us: p50 " in capsys.readouterr().out
    assert (
        json.loads((tmp_path / "result.json").read_text())["report"]["relay_latency"]["offer"]["answers"] > 0
    )
    with stand_in_ws_tracker(some("answer", lambda _tracker, _sent: [])) as tracker:
        assert command(tracker, "timeout_ms = 300") == 2
    with stand_in_ws_tracker() as tracker:
        assert command(tracker, "idle = true\nduration = 1") == 0
    assert all("offers" not in request or not request["offers"] for request in tracker.requests)


@pytest.mark.parametrize(
    "changes",
    [
        {"offers": 65},
        {"answer_probability": 1.1},
        {"slow_reader_share": -0.1},
        {"requests_under_way_max": 0},
        {"frame_bytes_max": 100},
        {"event": EVENTS["stopped"]},
        {"path": "announce"},
        {"path": "/\r\nHost: x"},
    ],
)
def test_load_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(PATIENT, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"workers": 5},
        {"session_bytes_min": 1000},
        {"session_bytes_min": 100, "session_bytes_max": 100},
        {"session_bytes_min": 8000, "session_bytes_max": 8000, "offers": 64},
        {"session_bytes_max": 20000},
        {"scrape_torrents": 74, "path": "/" + "x" * 2000},
    ],
)
def test_load_that_a_worker_cannot_carry_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        WsLoadTest(Target.parse("127.0.0.1:1"), POPULATION, replace(PATIENT, **changes))


def test_a_torrent_has_at_most_one_peer_of_a_connection() -> None:
    with pytest.raises(ValueError, match="connections"):
        WsLoadTest(Target.parse("127.0.0.1:1"), Population(shapes.uniform(1, 5), 4, 0.5, 1), PATIENT)
