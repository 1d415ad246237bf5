"""The load generator for HTTP against a tracker that keeps the rules, and against one that breaks them."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from aquatic.loadtest import shapes
from aquatic.loadtest.http import HttpLoad, HttpLoadTest
from aquatic.loadtest.population import Population
from aquatic.loadtest.run import EVENTS, Report, SilentTrackerError
from aquatic.loadtest.target import Target
from aquatic.protocol import bencode
from aquatic.protocol.http import AnnounceRequest, Event, Request, ScrapeRequest
from tests.support.loads import stopped_once
from tests.support.processes import wait_until
from tests.system.stand_in_http_tracker import (
    Meddle,
    StandInHttpTracker,
    head,
    stand_in_http_tracker,
    with_length,
)

POPULATION = Population(shapes.zipf(20, 200), 4, 0.25, 1)
# However long this machine stands still, nothing is lost by that.
PATIENT = HttpLoad(connections=8, timeout_seconds=60)
UNEVEN_LOAD = replace(PATIENT, weight_announce=3, weight_scrape=1, scrape_torrents=3)
PER_REQUEST = replace(UNEVEN_LOAD, keep_alive=False)


def closed_loop(
    tracker: StandInHttpTracker,
    load: HttpLoad = UNEVEN_LOAD,
    requests: int = 200,
    population: Population = POPULATION,
) -> Report:
    """Until so many requests have been answered."""
    with HttpLoadTest(Target.parse(tracker.address), population, load) as test:
        test.greet()
        return test.run("closed", 60, requests_max=requests)


@pytest.mark.parametrize("load", [UNEVEN_LOAD, PER_REQUEST], ids=["keep-alive", "connection per request"])
def test_every_answer_of_an_honest_tracker_is_right(load: HttpLoad) -> None:
    with stand_in_http_tracker() as tracker:
        report = closed_loop(tracker, load)
    kinds = Counter(type(request) for request in tracker.requests)
    assert kinds[AnnounceRequest] == report.counters["sent_announce"] > kinds[ScrapeRequest] > 0
    assert kinds[ScrapeRequest] == report.counters["sent_scrape"]
    assert report.wrong == report.counters["lost"] == report.counters["late"] == 0
    assert report.counters["socket_errors"] == 0
    assert report.counters["peers_received"] > 0
    assert report.requests == report.responses == 200
    assert report.latency is not None
    assert report.latency.answers == report.responses
    asked = tracker.heads[0]
    assert (b"Connection: close" in asked) is not load.keep_alive
    assert f"Host: {tracker.address}".encode() in asked
    if load.keep_alive:
        assert tracker.connections == 8
    else:
        assert tracker.connections >= len(tracker.requests)


def test_requests_say_what_the_load_does() -> None:
    load = replace(
        PATIENT, event=EVENTS["started"], peers_wanted=7, url_suffix="/my/announce", weight_scrape=0
    )
    with stand_in_http_tracker() as tracker:
        closed_loop(tracker, load)
    assert all(asked.startswith(b"GET /announce/my/announce?info_hash=") for asked in tracker.heads)
    announces = [request for request in tracker.requests if isinstance(request, AnnounceRequest)]
    assert {(each.event, each.num_want, each.compact) for each in announces} == {(Event.STARTED, 7, True)}
    members = {POPULATION.info_hash(torrent) for torrent in range(POPULATION.torrents)}
    assert {each.info_hash for each in announces} <= members


def test_a_body_may_end_like_a_line_as_the_rust_tracker_has_it() -> None:
    with stand_in_http_tracker(meddle=lambda _, body: [with_length(body + b"\r\n")]) as tracker:
        report = closed_loop(tracker)
    assert report.responses == 200
    assert report.wrong == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_filling_announces_every_peer_though_answers_get_lost(workers: int) -> None:
    numbers = count()

    def lossy(_request: Request, body: bytes) -> list[bytes | None]:
        return [None] if next(numbers) % 5 == 0 else [with_length(body)]

    load = replace(PATIENT, workers=workers, connections=12)
    with (
        stand_in_http_tracker(meddle=lossy) as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        report = test.fill(60)
    assert report.counters["lost"] == report.counters["connections_cut"] > 0
    assert report.counters["right_announce"] == POPULATION.peers
    peers = [POPULATION.describe(peer) for peer in range(POPULATION.peers)]
    told = {
        (info_hash, *peer, seeder)
        for info_hash, swarm in tracker.swarms.items()
        for peer, seeder in swarm.items()
    }
    assert told == {
        (info_hash, f"127.0.1.{1 + source}", port, seeder) for _, info_hash, source, port, seeder in peers
    }


def test_filling_gives_up_a_tracker_that_is_wrong_every_time() -> None:
    counted = bencode.encode({b"complete": 5, b"incomplete": 1000, b"interval": 900, b"peers": b""})
    with (
        stand_in_http_tracker(meddle=lambda _, __: [with_length(counted)]) as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, UNEVEN_LOAD) as test,
    ):
        test.greet()
        with pytest.raises(
            SilentTrackerError, match=r"^0 of 200 peers .* 0 requests lost, \d{4,} wrong answers"
        ):
            test.fill(3600)


def test_requests_at_a_set_rate_wait_for_a_connection_but_are_late_then() -> None:
    load = replace(PATIENT, weight_scrape=0, idle_sleep_us=500)
    hasty = replace(load, timeout_seconds=2)
    with (
        stand_in_http_tracker() as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        test.greet()
        report = test.run("open", 60, requests_per_second=200, requests_max=50)
    assert report.due == report.requests == report.responses == 50
    assert report.not_sent == 0
    # The first is due at once.
    assert report.seconds > 49 / 200

    def hold(_request: Request, _body: bytes) -> list[bytes | None]:
        return []

    with (
        stand_in_http_tracker(meddle=hold) as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, hasty) as test,
    ):
        test.greet()
        with stopped_once(test, lambda counters: counters["due"] >= 100):
            report = test.run("open", 3600, 1000)
    # Nothing is sent in the place of what was lost.
    assert report.counters["sent_announce"] == report.counters["lost"] == 8
    assert report.due >= 100
    assert report.not_sent == report.due - 8


def announces_changed(change: Callable[[dict[bytes, Any]], dict[bytes, Any]]) -> Meddle:
    """With another dictionary in answers to announces."""

    def meddle(request: Request, body: bytes) -> list[bytes | None]:
        if isinstance(request, ScrapeRequest):
            return [with_length(body)]
        decoded = bencode.decode(body)
        assert isinstance(decoded, dict)
        return [with_length(bencode.encode(change(decoded)))]

    return meddle


def scrapes_changed(change: Callable[[dict[bytes, Any]], object]) -> Meddle:
    def meddle(request: Request, body: bytes) -> list[bytes | None]:
        if isinstance(request, AnnounceRequest):
            return [with_length(body)]
        files: Any = bencode.decode(body)
        return [with_length(bencode.encode({b"files": change(files[b"files"])}))]  # type: ignore[dict-item]

    return meddle


def without(key: bytes) -> Meddle:
    return announces_changed(lambda answer: {name: answer[name] for name in answer if name != key})


def extended(**more: object) -> Meddle:
    return announces_changed(lambda answer: answer | {name.encode(): value for name, value in more.items()})


FOREIGN_PEER = b"\x0a\0\0\1\x1a\xe1"


@pytest.mark.parametrize(
    ("counter", "meddle"),
    [
        ("errors", lambda _, __: [with_length(b"d14:failure reason2:noe")]),
        ("wrong_status", lambda _, body: [with_length(body, status=b"404 Not Found")]),
        ("wrong_status", lambda _, body: [with_length(body, status=b"302 Found")]),
        ("wrong_shape", lambda _, __: [with_length(b"<html></html>")]),
        ("wrong_shape", lambda _, __: [b"SSH-2.0-tracker\r\n", None]),
        ("wrong_shape", lambda _, body: [head(body, b"Content-Length: x"), None]),
        ("wrong_shape", lambda _, body: [head(body, b"Content-Length: 999999999"), None]),
        ("wrong_shape", lambda _, body: [head(b"zz\r\n" + body, b"Transfer-Encoding: chunked"), None]),
        ("wrong_shape", lambda _, body: [with_length(body[:-1])]),
        ("wrong_shape", lambda _, body: [with_length(body + b"e")]),
        ("wrong_shape", without(b"interval")),
        ("wrong_shape", without(b"peers")),
        ("wrong_shape", extended(interval=b"900")),
        ("wrong_shape", extended(interval=0)),
        ("wrong_shape", extended(peers=b"\x7f\0\0\1\x1a")),
        ("wrong_shape", scrapes_changed(list)),
        ("wrong_length", lambda _, body: [with_length(body) + b"more"]),
        ("wrong_length", lambda _, body: [head(body, b"Content-Length: %d" % (len(body) + 1)), None]),
        ("wrong_length", lambda _, __: [b"HTTP/1.1 200 OK\r\n", None]),
        ("wrong_content", extended(complete=1 << 40)),
        ("wrong_content", extended(complete=-1)),
        ("wrong_content", extended(peers=FOREIGN_PEER)),
        ("wrong_content", extended(peers=[{b"ip": b"10.0.0.1", b"port": 6881}])),
        ("wrong_content", extended(peers=[{b"ip": b"tracker.example", b"port": 6881}])),
        ("wrong_content", extended(peers=[{b"port": 6881}])),
        ("wrong_content", extended(peers=b"\x7f\0\1\1\x1a\xe1" * 31)),
        ("wrong_content", extended(peers6=bytes(17) + b"\1\x1a\xe1"[:1])),
        ("wrong_content", scrapes_changed(lambda files: files | {bytes(20): {b"complete": 0}})),
        ("wrong_content", scrapes_changed(lambda files: {key: {b"incomplete": 1000} for key in files})),
    ],
)
def test_wrong_answers_are_counted_by_what_is_wrong(counter: str, meddle: Meddle) -> None:
    with stand_in_http_tracker(meddle=meddle) as tracker:
        report = closed_loop(tracker)
    assert report.counters[counter] == report.wrong > 0


def test_what_nobody_asked_for_is_wrong() -> None:
    def counted(name: str) -> int:
        return test.sample().counters[name]

    def twice(_request: Request, body: bytes) -> Iterator[bytes]:
        yield with_length(body)
        wait_until(lambda: counted("right_announce"))
        yield with_length(body)

    with (
        stand_in_http_tracker(meddle=twice) as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, replace(PATIENT, weight_scrape=0)) as test,
    ):
        test.greet()
        # The second is not due before it is all over.
        test.start("open", 60, requests_per_second=0.001)
        wait_until(lambda: counted("wrong_length"))
        test.stop()
        test.join()
        assert counted("sent_announce") == counted("right_announce") == counted("wrong_length") == 1


def in_parts(answer: bytes) -> list[bytes | None]:
    return [answer[:10], answer[10:60], answer[60:]]


def chunked(body: bytes) -> bytes:
    chunks = [body[:7], body[7:]]
    return b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def as_list(answer: dict[bytes, Any]) -> dict[bytes, Any]:
    packed = answer[b"peers"]
    peers = [packed[at : at + 6] for at in range(0, len(packed), 6)]
    listed = [
        {b"ip": socket.inet_ntoa(peer[:4]).encode(), b"peer id": bytes(20), b"port": int.from_bytes(peer[4:])}
        for peer in peers
    ]
    return answer | {b"peers": listed}


@pytest.mark.parametrize(
    "meddle",
    [
        lambda _, body: in_parts(with_length(body)),
        lambda _, body: [head(chunked(body), b"transfer-encoding: chunked")],
        lambda _, body: in_parts(head(chunked(body), b"Transfer-Encoding: chunked")),
        lambda _, body: [head(body), None],
        lambda _, body: [head(body, version=b"1.0"), None],
        lambda _, body: [with_length(body, version=b"1.0"), None],
        lambda _, body: [head(body, b"Connection: close", b"CONTENT-LENGTH:%d" % len(body)), None],
        announces_changed(as_list),
        extended(extra={b"a": [1, {b"b": b"c"}]}, peers6=b""),
        scrapes_changed(lambda _: {}),
    ],
)
def test_other_trackers_answers_are_right_too(meddle: Meddle) -> None:
    with stand_in_http_tracker(meddle=meddle) as tracker:
        report = closed_loop(tracker, requests=80)
    assert report.responses == 80
    assert report.wrong == report.counters["lost"] == report.counters["socket_errors"] == 0


def test_late_answers_are_neither_right_nor_wrong() -> None:
    ended = threading.Event()

    def counted(name: str) -> int:
        return test.sample().counters[name]

    def when_one_is_lost(_request: Request, body: bytes) -> Iterator[bytes]:
        """Again and again: an answer that comes later still finds its connection closed."""
        before = counted("lost")
        wait_until(lambda: ended.is_set() or counted("lost") > before)
        yield with_length(body)

    load = HttpLoad(connections=4, timeout_seconds=0.3)
    one_source = Population(shapes.uniform(10, 100), 1, 0.5, 1)
    with (
        stand_in_http_tracker(meddle=when_one_is_lost) as tracker,
        HttpLoadTest(Target.parse(tracker.address), one_source, load) as test,
    ):
        test.greet()
        test.start("closed", 60)
        wait_until(lambda: counted("late"))
        test.stop()
        test.join()
        ended.set()
        counters = test.sample().counters
    assert sum(value for name, value in counters.items() if name.startswith("wrong")) == 0


def test_connections_are_opened_at_the_rate_asked_for() -> None:
    load = replace(PATIENT, connections=30, connections_per_second=50)
    with (
        stand_in_http_tracker() as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
    ):
        before = test.sample()
        test.greet(60)
        after = test.sample()
    assert after.at_seconds - before.at_seconds > 29 / 50
    assert after.counters["connections_opened"] == 30


def test_a_tracker_that_is_not_there_is_an_error() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        target = Target.parse(f"127.0.0.1:{reserved.getsockname()[1]}")
        with (
            HttpLoadTest(target, POPULATION, UNEVEN_LOAD) as test,
            pytest.raises(ConnectionRefusedError, match=f"connection refused at {target}"),
        ):
            test.greet(3600)


def test_a_tracker_that_does_not_speak_tls_is_an_error() -> None:
    load = HttpLoad(connections=4, tls=True)
    with (
        stand_in_http_tracker(meddle=lambda _, __: []) as tracker,
        HttpLoadTest(Target.parse(tracker.address), POPULATION, load) as test,
        pytest.raises(SilentTrackerError),
    ):
        test.greet(0.3)


def test_ipv6_peers_are_checked_too() -> None:
    population = Population(shapes.uniform(10, 100), 1, 0.5, 1)
    with stand_in_http_tracker("::1") as tracker:
        report = closed_loop(tracker, population=population)
    assert report.wrong == 0
    assert report.counters["peers_received"] > 0


@pytest.mark.parametrize(
    "terms",
    [
        {"connections": 0},
        {"connections": 1, "workers": 2},
        {"url_suffix": "/with space"},
        {"url_suffix": "/" * 1001},
        {"scrape_torrents": 75},
    ],
)
def test_load_that_cannot_be_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least|torrents"):
        HttpLoad(**terms)


def test_each_worker_needs_a_connection_for_each_source() -> None:
    with pytest.raises(ValueError, match="each source"):
        HttpLoadTest(Target.parse("127.0.0.1:1"), POPULATION, HttpLoad(workers=2, connections=7))
