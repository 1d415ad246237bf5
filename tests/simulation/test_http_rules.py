"""What the HTTP tracker answers, rule by rule (by aquatic.testing.http)."""

from ipaddress import ip_address
from typing import Any

import pytest

from tests.support.addresses import global_address, info_hash_of
from tests.support.http_tracker import HASH, HttpTracker, announce_target, peers_in, query_of, request_for
from tests.support.reference_swarm import Family, family_of

ASKER = global_address(1)
ASKER_IPV6 = global_address(1, 6)


def tracker_with(peers: int, family: Family = 4, **rules: Any) -> HttpTracker:
    tracker = HttpTracker(**rules)
    for number in range(2, peers + 2):
        tracker.announce(global_address(number, family), left=number % 2, numwant=0)
    return tracker


def test_a_first_announce_byte_by_byte() -> None:
    tracker = HttpTracker(announce_interval_seconds=1800, announce_interval_seconds_min=900)
    served = tracker.serve(request_for(announce_target(6881, trackerid=b"a b")), ASKER)
    body = (
        b"d8:completei0e10:downloadedi0e11:downloadersi0e11:external ip4:%b10:incompletei0e8:intervali1800e"
        b"12:min intervali900e5:peers0:6:peers60:10:tracker id3:a be" % ASKER[0]
    )
    assert served.output == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    assert served.answered == (1, 0, 0)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("numwant", "peers"),
    [(None, 50), (-1, 50), (0, 0), (1, 1), (49, 49), (50, 50), (51, 50), (2**64, 50), ("x", 50), ("", 50)],
)
def test_numwant(family: Family, numwant: Any, peers: int) -> None:
    tracker = tracker_with(100, family)
    target = announce_target(1, numwant=numwant)
    answer = tracker.get(target, global_address(1, family)).dictionary
    assert len(peers_in(answer, global_address(1, family))) == peers


def test_families_are_swarms_of_their_own() -> None:
    tracker = tracker_with(5)
    answer = tracker.announce(ASKER_IPV6)
    assert (answer[b"complete"], answer[b"incomplete"], answer[b"peers6"]) == (0, 0, b"")
    answer = tracker.announce(global_address(2, 6))
    assert peers_in(answer, ASKER_IPV6) == [ASKER_IPV6]


@pytest.mark.parametrize("family", [4, 6])
def test_peers_as_dictionaries(family: Family) -> None:
    tracker = tracker_with(60, family)
    asker = global_address(1, family)
    answer = tracker.get(announce_target(1, compact=0, no_peer_id=1), asker).dictionary
    assert answer[b"peers6"] == b""
    assert len(answer[b"peers"]) == 50
    others = tracker.checked.reference.others(HASH, asker)
    for peer in answer[b"peers"]:
        assert peer.keys() == {b"ip", b"port"}
        assert (ip_address(peer[b"ip"].decode()).packed, peer[b"port"]) in others


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("compact", [0, 1])
def test_answers_are_as_long_as_there_is_room_for(family: Family, compact: int) -> None:
    tracker = HttpTracker(peers_max=5000, response_bytes_max=6000)
    for number in range(2000):
        # All digits and colons of an address are needed.
        ip = b"\xd8\xfe" + (0xC8C8 + number).to_bytes(2, "big")
        ip = ip if family == 4 else bytes.fromhex("2a00") + (number + 0x1234).to_bytes(2, "big") * 7
        tracker.checked.swarm.announce(HASH, ip, 60_000)
    served = tracker.serve(request_for(announce_target(1, compact=compact)), global_address(1, family), 6000)
    (answer,) = served.answers
    peers = answer.dictionary[b"peers6" if compact and family == 6 else b"peers"]
    count = len(peers) // ((6 if family == 4 else 18) if compact else 1)
    assert count == {(4, 1): 866, (6, 1): 288, (4, 0): 140, (6, 0): 85}[family, compact]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"info_hash": None}, "info_hash must be 20 bytes"),
        ({"info_hash": b"x" * 19}, "info_hash must be 20 bytes"),
        ({"info_hash": b"x" * 32}, "info_hash must be 20 bytes"),
        ({"peer_id": None}, "peer_id must be 20 bytes"),
        ({"peer_id": b"x" * 21}, "peer_id must be 20 bytes"),
        ({"port": None}, "port must be 1 to 65535"),
        ({"port": 0}, "port must be 1 to 65535"),
        ({"port": 65536}, "port must be 1 to 65535"),
        ({"port": -1}, "port must be 1 to 65535"),
        ({"port": 0, "event": "completed"}, "port must be 1 to 65535"),
        ({"port": 0, "event": "paused"}, "port must be 1 to 65535"),
    ],
)
def test_what_is_refused_with_a_reason(parameters: dict[str, Any], reason: str) -> None:
    tracker = HttpTracker()
    served = tracker.serve(request_for(announce_target(6881, **parameters)), ASKER)
    assert [answer.failure for answer in served.answers] == [reason]
    assert served.answered == (0, 0, 1)
    assert tracker.checked.swarm.counts()["torrents"] == 0


@pytest.mark.parametrize("port", [None, 0, 65536, "x"])
def test_who_stops_needs_no_port(port: Any) -> None:
    tracker = tracker_with(3)
    answer = tracker.get(announce_target(1, port=port, event="stopped"), ASKER).dictionary
    assert (answer[b"complete"], answer[b"incomplete"], answer[b"peers"]) == (2, 1, b"")


def test_stopped_removes_the_peer_and_is_given_none() -> None:
    tracker = tracker_with(3)
    tracker.announce(ASKER)
    for _ in range(2):
        answer = tracker.announce(ASKER, event="stopped", numwant=50)
        assert (answer[b"complete"], answer[b"incomplete"]) == (2, 1)


@pytest.mark.parametrize("event", [None, "", "started", "unknown", "Stopped"])
def test_other_events_are_ordinary_announces(event: Any) -> None:
    tracker = tracker_with(3)
    assert len(tracker.announce(ASKER, event=event)[b"peers"]) == 3 * 6
    assert tracker.announce(global_address(99))[b"incomplete"] == 2


def test_a_partial_seed_is_incomplete_no_downloader_and_is_given_downloaders_only() -> None:
    for peers in (2, 60):
        tracker = tracker_with(peers)
        answer = tracker.announce(ASKER, event="paused", numwant=50)
        assert len(answer[b"peers"]) == peers // 2 * 6
        answer = tracker.announce(global_address(99))
        assert (answer[b"incomplete"], answer[b"downloaders"]) == (peers // 2 + 1, peers // 2)
        # It may go on downloading.
        tracker.announce(ASKER)
        answer = tracker.announce(global_address(99))
        assert (answer[b"incomplete"], answer[b"downloaders"]) == (peers // 2 + 1, peers // 2 + 1)
        tracker.announce(ASKER, event="paused")
        (counts,) = tracker.scrape([HASH], ASKER).values()
        assert (counts[b"incomplete"], counts[b"downloaders"]) == (peers // 2 + 2, peers // 2 + 1)
        # With nothing left it is a seeder, whatever it says.
        tracker.announce(ASKER, event="paused", left=0)
        assert tracker.announce(global_address(99))[b"complete"] == peers // 2 + 1


@pytest.mark.parametrize("left", [None, "", -1, 1, 2**64, 10**40, "x"])
def test_whatever_is_left_unless_nothing_is_a_leecher(left: Any) -> None:
    tracker = HttpTracker()
    tracker.get(announce_target(1, left=left), ASKER)
    assert tracker.checked.swarm.scrape(HASH, 4) == (0, 0, 1, 0)
    tracker.get(announce_target(1, left=0), ASKER)
    assert tracker.checked.swarm.scrape(HASH, 4) == (1, 0, 0, 0)


def test_a_completed_download_counts_once_a_peer() -> None:
    tracker = HttpTracker()
    for _ in range(3):
        tracker.announce(ASKER, left=0, event="completed")
    tracker.announce(global_address(2), left=0, event="completed")
    assert tracker.scrape([HASH], ASKER)[HASH][b"downloaded"] == 2
    assert tracker.scrape([HASH], ASKER_IPV6)[HASH][b"downloaded"] == 0


def test_the_source_counts_and_not_the_addresses_in_the_request() -> None:
    tracker = HttpTracker()
    tracker.announce(ASKER, ip="192.0.2.7", ipv4="192.0.2.8", ipv6="2001:db8::1")
    assert peers_in(tracker.announce(global_address(2)), ASKER) == [ASKER]


@pytest.mark.parametrize(("length", "is_echoed"), [(0, False), (1, True), (64, True), (65, False)])
def test_a_tracker_id_comes_back(length: int, is_echoed: bool) -> None:
    answer = HttpTracker().announce(ASKER, trackerid=b"\xfft" * (length // 2) + b"t" * (length % 2))
    assert (len(answer.get(b"tracker id", b"")) == length) == (is_echoed or length == 0)
    assert (b"tracker id" in answer) == is_echoed


def test_intervals() -> None:
    tracker = HttpTracker(announce_interval_seconds=100)
    assert tracker.announce(ASKER)[b"interval"] == 100
    assert tracker.announce(ASKER)[b"min interval"] == 100
    tracker = HttpTracker(announce_interval_seconds=100, announce_jitter_seconds_max=9)
    intervals = {tracker.announce(ASKER, numwant=0)[b"interval"] for _ in range(300)}
    assert intervals == set(range(100, 110))
    tracker = HttpTracker(
        announce_interval_seconds=100, large_swarm_peers=2, large_swarm_interval_seconds=300
    )
    seen = [tracker.announce(global_address(number))[b"interval"] for number in range(4)]
    assert seen == [100, 100, 300, 300]


def test_without_memory_everybody_is_answered() -> None:
    for after in range(12):
        tracker = HttpTracker()
        tracker.checked.swarm.fail_allocation(after)
        for number in range(60):
            address = global_address(number, 6 if number % 3 else 4)
            answer = tracker.get(announce_target(1, event="completed"), address).dictionary
            assert answer[b"interval"] == 120
        tracker.checked.swarm.fail_allocation(-1)
        before = tracker.checked.swarm.counts()["peers"]
        tracker.get(announce_target(1), global_address(99))
        assert tracker.checked.swarm.counts()["peers"] == before + 1


@pytest.mark.parametrize("family", [4, 6])
def test_scrapes_are_sorted_and_answered_once(family: Family) -> None:
    tracker = tracker_with(7, family)
    asker = global_address(1, family)
    hashes = [info_hash_of(number) for number in (9, 1, 4, 1, 200, 3, 9)]
    files = tracker.scrape(hashes, asker)
    # The decoder refuses dictionaries out of order.
    assert list(files) == sorted(set(hashes))
    assert files[HASH][b"incomplete"] + files[HASH][b"complete"] == 7


def test_scrapes_have_a_cap() -> None:
    tracker = HttpTracker(scrape_torrents_max=3)
    hashes = [info_hash_of(number) for number in (5, 3, 4, 1, 2)]
    assert list(tracker.scrape(hashes, ASKER)) == sorted(hashes[:3])
    # Those that an answer has no room for are left out too.
    tracker = HttpTracker(scrape_torrents_max=1000, response_bytes_max=4096, request_bytes_max=1 << 16)
    hashes = [info_hash_of(number) for number in range(200)]
    assert list(tracker.scrape(hashes, ASKER)) == sorted(hashes[:25])


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "full scrapes are not supported"),
        ("?x=1", "full scrapes are not supported"),
        ("?info_hash=short", "info_hash must be 20 bytes"),
        ("?" + query_of({"info_hash": HASH}) + "&info_hash=", "info_hash must be 20 bytes"),
    ],
)
def test_scrapes_that_are_refused(query: str, reason: str) -> None:
    tracker = HttpTracker()
    assert tracker.get("/scrape" + query, ASKER).failure == reason
    assert tracker.service.counters(4)["errors_refused"] == 1


def test_the_access_list() -> None:
    tracker = tracker_with(3, not_allowed_retry_minutes=60)
    tracker.service.set_access_list("deny", HASH)
    assert tracker.get(announce_target(1), ASKER).dictionary == {
        b"failure reason": b"Info hash not allowed",
        b"retry in": 60,
    }
    other = info_hash_of(2)
    tracker.announce(ASKER, info_hash=other)
    query = "&".join(query_of({"info_hash": info_hash}) for info_hash in (HASH, other))
    files = tracker.get("/scrape?" + query, ASKER).dictionary[b"files"]
    assert (files[HASH][b"complete"], files[HASH][b"incomplete"], files[other][b"incomplete"]) == (0, 0, 1)
    tracker.service.set_access_list("allow", HASH)
    tracker.announce(ASKER)
    assert tracker.get(announce_target(1, info_hash=other), ASKER).failure == "Info hash not allowed"
    assert tracker.service.counters(4)["errors_not_allowed"] == 2


def test_a_prefix_of_the_path_is_passed_over() -> None:
    tracker = HttpTracker()
    assert b"interval" in tracker.get("/KEY" + announce_target(1), ASKER).dictionary
    query = query_of({"info_hash": HASH})
    assert HASH in tracker.get("/KEY/scrape?" + query, ASKER).dictionary[b"files"]


# Behind a proxy


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("evil, 192.0.2.1", "192.0.2.1"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_proxy_s_header_names_the_client(header: str, client: str) -> None:
    tracker = HttpTracker(address_header=b"X-Forwarded-For")
    lines = ("X-Forwarded-For: 198.51.100.1", f"x-forwarded-for: {header}")
    for source in (ASKER, ASKER_IPV6):
        served = tracker.serve_from_proxy(request_for(announce_target(77), *lines), source)
        assert served.answers[0].dictionary[b"external ip"] == ip_address(client).packed
    family = family_of(ip_address(client).packed)
    assert tracker.checked.swarm.peers(HASH, family) is not None
    assert tracker.service.counters(family)["responses_announce"] == 2
    # Who is no proxy may say what he likes, and a proxy is believed only in its header.
    served = tracker.serve(request_for(announce_target(78), *lines), ASKER)
    assert served.answers[0].dictionary[b"external ip"] == ASKER[0]
    plain = HttpTracker().serve_from_proxy(request_for(announce_target(78), *lines), ASKER)
    assert plain.answers[0].dictionary[b"external ip"] == ASKER[0]


@pytest.mark.parametrize(
    "lines", [(), ("X-Forwarded-For: unknown",), ("X-Forwarded-For:",), ("X-Real-IP: 192.0.2.1",)]
)
@pytest.mark.parametrize("path", ["/announce", "/scrape"])
def test_without_an_address_from_the_proxy_the_request_fails(lines: tuple[str, ...], path: str) -> None:
    tracker = HttpTracker(address_header=b"X-Forwarded-For")
    target = announce_target(1).replace("/announce", path)
    served = tracker.serve_from_proxy(request_for(target, *lines) * 2, ASKER)
    assert [answer.failure for answer in served.answers] == [
        "the proxy in front of this tracker did not tell your address"
    ] * 2
    assert not served.closes
    assert tracker.service.counters(4)["errors_no_client_address"] == 2
    assert tracker.checked.swarm.counts()["torrents"] == 0
    (answer,) = tracker.serve_from_proxy(request_for("/"), ASKER).answers
    assert answer.status == 200


# HTTP


def test_pages() -> None:
    tracker = HttpTracker()
    answer = tracker.get("/", ASKER)
    assert answer.status == 200
    assert answer.headers[b"content-type"] == b"text/html; charset=utf-8"
    assert b"BitTorrent tracker" in answer.body
    answer = tracker.get("/health", ASKER)
    assert (answer.status, answer.body) == (200, b"OK\n")
    for target in ("/favicon.ico", "/announce/", "/announce.php"):
        assert tracker.get(target, ASKER).status == 404
    assert HttpTracker(answers_health=False).get("/health", ASKER).status == 404


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "get"])
def test_other_methods(method: str) -> None:
    tracker = HttpTracker()
    data = request_for(announce_target(1), "Content-Length: 3", method=method) + b"abc"
    served = tracker.serve(data + request_for("/"), ASKER)
    # Without a body: it is what HEAD asks for.
    assert served.output.startswith(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n")
    refused, page = served.answers
    assert (refused.status, refused.body, page.status) == (405, b"", 200)
    assert tracker.checked.swarm.counts()["torrents"] == 0


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200, 431),
    ],
)
def test_what_cannot_be_read_is_told_so_and_closed(data: bytes, status: int) -> None:
    tracker = HttpTracker()
    before = request_for("/health")
    after = request_for("/")
    served = tracker.serve(before + data + after, ASKER)
    assert [answer.status for answer in served.answers] == [200, status]
    assert served.answers[1].closes
    # What is left unread tells the connection server to linger: a reset could overtake the answer.
    assert (served.closes, served.used) == (True, len(before))
    assert served.answered == (0, 0, 2)


@pytest.mark.parametrize(
    ("keeps_alive", "version", "connection", "stays"),
    [
        (True, "1.1", "", True),
        (True, "1.1", "keep-alive", True),
        (True, "1.1", "close", False),
        (True, "1.1", "keep-alive, close", False),
        (True, "1.0", "", False),
        (True, "1.0", "Keep-Alive", True),
        (True, "1.0", "close", False),
        (False, "1.1", "", False),
        (False, "1.1", "keep-alive", False),
        (False, "1.0", "keep-alive", False),
    ],
)
def test_keep_alive(keeps_alive: bool, version: str, connection: str, stays: bool) -> None:
    tracker = HttpTracker(keeps_alive=keeps_alive)
    lines = (f"Connection: {connection}",) if connection else ()
    data = request_for(announce_target(1), *lines, version=version)
    served = tracker.serve(data + data, ASKER)
    assert len(served.answers) == (2 if stays else 1)
    assert served.closes is not stays
    assert served.used == (2 if stays else 1) * len(data)
    said = served.answers[0].headers.get(b"connection")
    assert said == ((b"keep-alive" if version == "1.0" else None) if stays else b"close")


def test_a_conversation_is_the_same_however_it_is_cut() -> None:
    requests = (
        request_for(announce_target(5, left=0))
        + b"\r\n"
        + request_for("/health", version="1.0", method="HEAD")[:-2]
        + b"Connection: keep-alive\r\n\r\n"
        + request_for("/scrape?" + query_of({"info_hash": HASH}), "Content-Length: 5")
        + b"hello"
        + request_for(announce_target(6, compact=0), "Connection: close")
        + b"GET /never"
    )
    whole = HttpTracker().serve(requests, ASKER)
    assert [answer.status for answer in whole.answers] == [200, 405, 200, 200]
    assert whole.closes
    for piece in (*range(1, 40), 200):
        tracker = HttpTracker()
        waiting, output, closes = b"", b"", False
        for start in range(0, len(requests), piece):
            waiting += requests[start : start + piece]
            served = tracker.serve(waiting, ASKER)
            waiting, output = waiting[served.used :], output + served.output
            if served.closes:
                closes = True
                break
        assert (output, closes) == (whole.output, True)


def test_answers_wait_for_room() -> None:
    requests = request_for(announce_target(5)) * 3 + request_for("/scrape?" + query_of({"info_hash": HASH}))
    whole = HttpTracker(peers_max=10).serve(requests, ASKER)
    assert len(whole.answers) == 4
    for capacity, calls_expected in ((1000, 4), (1200, 2), (3000, 1)):
        tracker = HttpTracker(peers_max=10)
        waiting, output, calls = requests, b"", 0
        while waiting:
            served = tracker.serve(waiting, ASKER, capacity)
            assert len(served.output) <= capacity
            waiting, output, calls = waiting[served.used :], output + served.output, calls + 1
            assert served.needs_room == bool(waiting)
        assert output == whole.output
        assert calls == calls_expected
        assert sum(tracker.service.counters(4).values()) == 8
    # With none at all nothing happens.
    tracker = HttpTracker()
    served = tracker.serve(requests, ASKER, 100)
    assert (served.used, served.output, served.needs_room) == (0, b"", True)
    assert sum(tracker.service.counters(4).values()) == 0


def test_counters() -> None:
    tracker = tracker_with(1)
    tracker.serve(b"nonsense\r\n", ASKER_IPV6)
    tracker.serve(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101, ASKER_IPV6)
    tracker.get("/", ASKER)
    tracker.get("/x", ASKER)
    tracker.serve(request_for("/", method="PUT"), ASKER)
    tracker.get(announce_target(0), ASKER)
    tracker.scrape([HASH], ASKER)
    counted = {name: count for name, count in tracker.service.counters(4).items() if count}
    assert counted == {
        "requests_announce": 2,
        "requests_scrape": 1,
        "requests_other": 3,
        "responses_announce": 1,
        "responses_scrape": 1,
        "responses_failure": 1,
        "responses_other": 3,
        "errors_not_found": 1,
        "errors_method": 1,
        "errors_refused": 1,
    }
    counted = {name: count for name, count in tracker.service.counters(6).items() if count}
    assert counted == {"responses_other": 2, "errors_not_http": 1, "errors_too_large": 1}
